internal import OunceCore

/// The files beside a model that hold bytes of its tensors. Nothing outside of the model's folder is opened.
struct SiblingFiles {
  private(set) var files: [InputFile] = []
  private var indices: [ExactString: Int] = [:]
  private let model: InputFile

  init(_ model: InputFile) { self.model = model }

  /// The number of a file in `files`.
  ///
  /// - Parameter location: its path from the model's folder.
  /// - Throws: `OunceError` when the path leads out of the folder, or the file is not there.
  mutating func index(of location: String) throws(OunceError) -> Int {
    if let index = indices[ExactString(location)] { return index }
    guard Self.isInside(location) else {
      throw OunceError(
        .malformed, "is in the file \"\(location)\", which is not inside of the model's folder", file: model.path,
        remedy: "nothing outside of it is read; move the file there and save the model again")
    }
    guard files.count < Limits.shards else {
      throw OunceError(.malformed, "more than the limit of \(Limits.shards) files", file: model.path)
    }
    let file: InputFile
    do throws(OunceError) { file = try model.sibling(location) } catch {
      throw OunceError(
        error.kind, "is in the file \(location), which \(error.problem)", file: model.path,
        remedy: "put \(location) beside the model")
    }
    indices[ExactString(location)] = files.count
    files.append(file)
    return files.count - 1
  }

  /// Whether a path has nothing but names in it.
  static func isInside(_ location: String) -> Bool {
    guard location.utf8.count <= Limits.pathByteCount, !location.utf8.contains(0) else { return false }
    let parts = location.split(separator: "/", omittingEmptySubsequences: false)
    return !parts.contains { $0.isEmpty || $0 == ".." } && parts.contains { $0 != "." }
  }
}
