import OunceKit

/// Opens what the user named.
enum Models {
  /// - Parameters:
  ///   - output: where something is written: what has to be unpacked goes to the same disk.
  ///   - dequantizes: whether integers that stand for real numbers become floats.
  static func open(
    _ path: String, output: String? = nil, dequantizes: Bool = false
  ) throws(OunceError) -> Model {
    try refuseStandardInput(path)
    let folder = output.map { Paths.isFolder($0) ? $0 : Paths.folder(of: $0) }
    let model = try Open.model(at: path, spillFolder: folder.flatMap { Paths.isFolder($0) ? $0 : nil })
    return dequantizes ? try model.dequantized() : model
  }

  /// A dash means standard input everywhere else.
  static func refuseStandardInput(_ path: String) throws(OunceError) {
    guard path == "-", !Paths.exists(path) else { return }
    throw OunceError(
      .request, "standard input cannot be read: weights are not read from front to back",
      remedy: "save it to a file first, and name that")
  }
}
