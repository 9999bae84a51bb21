internal import OunceCore

/// The files beside a model that hold bytes of its tensors: "external data".
///
/// Specification: https://onnx.ai/onnx/repo-docs/ExternalData.html
struct ONNXExternals {
  private(set) var files: [InputFile] = []
  private var indices: [ExactString: Int] = [:]
  private let model: InputFile

  init(_ model: InputFile) { self.model = model }

  /// Where the bytes of a tensor are.
  ///
  /// - Parameters:
  ///   - entries: `location`, a path inside of the model's folder; `offset`, 0 unless given; `length`, all of the tensor
  ///     unless given.
  ///   - byteCount: the bytes of the tensor.
  /// - Returns: the file, its index among the files of the model, and where the tensor begins in it.
  /// - Throws: `OunceError` when the location leads out of the folder, or the file is not there or too short.
  mutating func place(
    _ entries: [String: String], _ byteCount: Int
  ) throws(OunceError) -> (file: InputFile, index: Int, offset: Int) {
    guard let location = entries["location"] else { throw refuse("is in another file that is not named") }
    let offset = try number(entries["offset"]) ?? 0
    let length = try number(entries["length"]) ?? byteCount
    guard length == byteCount else {
      throw refuse("expected \(byteCount) bytes in \(location), found a length of \(length)")
    }
    let index = try index(of: location)
    let file = files[index]
    guard offset <= file.byteCount, byteCount <= file.byteCount - offset else {
      throw refuse(
        "expected \(byteCount) bytes at byte \(offset) of \(location), but it has \(file.byteCount)",
        remedy: "\(location) was cut short or belongs to another model; fetch it again")
    }
    return (file, index + 1, offset)
  }

  private mutating func index(of location: String) throws(OunceError) -> Int {
    if let index = indices[ExactString(location)] { return index }
    guard Self.isInside(location) else {
      throw refuse(
        "is in the file \"\(location)\", which is not inside of the model's folder",
        remedy: "nothing outside of it is read; move the file there and save the model again")
    }
    guard files.count < Limits.shards else { throw refuse("more than the limit of \(Limits.shards) files") }
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
    guard !location.utf8.contains(0) else { return false }
    let parts = location.split(separator: "/", omittingEmptySubsequences: false)
    return !parts.contains { $0.isEmpty || $0 == ".." } && parts.contains { $0 != "." }
  }

  private func number(_ text: String?) throws(OunceError) -> Int? {
    guard let text else { return nil }
    guard let number = Int(text), number >= 0 else { throw refuse("\"\(text)\" is no number of bytes") }
    return number
  }

  private func refuse(_ problem: String, remedy: String? = nil) -> OunceError {
    OunceError(.malformed, problem, file: model.path, remedy: remedy)
  }
}
