import OunceKit

/// Opens what the user named.
enum Models {
  /// - Parameter output: where something is written: what has to be unpacked goes to the same disk.
  static func open(_ path: String, output: String? = nil) throws(OunceError) -> Model {
    let folder = output.map { Paths.isFolder($0) ? $0 : Paths.folder(of: $0) }
    return try Open.model(at: path, spillFolder: folder.flatMap { Paths.isFolder($0) ? $0 : nil })
  }
}
