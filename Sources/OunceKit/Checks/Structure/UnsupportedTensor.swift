public import OunceCore

/// Tensors that this build cannot read: strings, sparse layouts.
public struct UnsupportedTensor: ModelRule {
  public let id = "OUN107"
  public let name = "unchecked-tensor"
  public let severity = Severity.warning
  public let level = CheckLevel.quick
  public let proves = "Every tensor of the file can be read."
  public let example = "model.onnx: labels: is a tensor of strings"
  public let fix = "nothing, when the tensor is no weight; it was not checked"

  public init() {}

  public func check(_ model: Model) -> [Finding] {
    model.remarks.filter { $0.kind == .unsupported }.map { finding($0.text, file: model.path, subject: $0.subject) }
  }
}
