internal import OunceCore

/// Matrices of one value other than zero.
public struct ConstantTensor: ContentRule {
  public let id = "OUN204"
  public let name = "constant-tensor"
  public let severity = Severity.note
  public let level = CheckLevel.full
  public let proves = "No matrix has one value from end to end."
  public let example = "model.gguf: tensor blk.3.ffn_up.weight: all 4194304 elements are 0.5"
  public let fix = "look whether the model was initialized but never trained"

  public init() {}

  public func message(_ survey: TensorSurvey) -> String? {
    let info = survey.info
    guard info.shape.count(where: { $0 > 1 }) > 1, info.elementCount > 64, info.encoding.kind != .integer,
      let value = survey.constant, value != 0
    else { return nil }
    return "all \(info.elementCount) elements are \(value)"
  }
}
