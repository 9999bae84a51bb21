import OunceKit

/// Opens what the user named.
enum Models {
  /// - Parameters:
  ///   - output: where something is written: what has to be unpacked goes to the same disk.
  ///   - dequantizes: whether integers that stand for real numbers become floats.
  static func open(
    _ path: String, output: String? = nil, dequantizes: Bool = false
  ) throws(OunceError) -> Model {
    let folder = output.map { Paths.isFolder($0) ? $0 : Paths.folder(of: $0) }
    let model = try Open.model(at: path, spillFolder: folder.flatMap { Paths.isFolder($0) ? $0 : nil })
    return dequantizes ? try model.dequantized() : model
  }
}
