internal import OunceCore

/// Matrices of zeros only.
public struct ZeroTensor: ContentRule {
  public let id = "OUN203"
  public let name = "zero-tensor"
  public let severity = Severity.warning
  public let level = CheckLevel.full
  public let proves = "No matrix is zero from end to end, as reserved but unfilled space is."
  public let example = "model.gguf: tensor blk.3.ffn_up.weight: all 4194304 elements are zero"
  public let fix = "fetch the file again; some models do have such tensors"

  public init() {}

  public func message(_ survey: TensorSurvey) -> String? {
    let info = survey.info
    guard info.shape.count > 1, info.elementCount > 1, info.encoding.kind != .integer else { return nil }
    let hasNoScale = survey.blockCount > 0 && survey.blocks.zeroScales.count == survey.blockCount
    guard survey.constant == 0 || (hasNoScale && info.encoding.scales.map(\.count) == [1]) else { return nil }
    return "all \(info.elementCount) elements are zero"
  }
}
