internal import OunceCore

/// Bytes of tensors in files beside a model: "external data".
///
/// Specification: https://onnx.ai/onnx/repo-docs/ExternalData.html
struct ONNXExternals {
  private var siblings: SiblingFiles
  private let model: InputFile

  init(_ model: InputFile) {
    self.model = model
    siblings = SiblingFiles(model)
  }

  var files: [InputFile] { siblings.files }

  /// Where the bytes of a tensor are.
  ///
  /// - Parameters:
  ///   - entries: `location`, a path inside of the model's folder; `offset`, 0 unless given; `length`, the whole tensor
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
    let index = try siblings.index(of: location)
    let file = siblings.files[index]
    guard offset <= file.byteCount, byteCount <= file.byteCount - offset else {
      throw refuse(
        "expected \(byteCount) bytes at byte \(offset) of \(location), but it has \(file.byteCount)",
        remedy: "\(location) was cut short or belongs to another model; fetch it again")
    }
    return (file, index + 1, offset)
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
