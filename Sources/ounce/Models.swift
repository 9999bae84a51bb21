import OunceKit

/// Opens what the user named.
enum Models {
  static func open(_ path: String) throws(OunceError) -> Model { try Open.model(at: path) }
}
