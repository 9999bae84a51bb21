internal import OunceCore

/// Tensors that are missing, or that the source does not lead to.
public struct LineageTensors: LineageRule {
  public let id = "OUN403"
  public let name = "lineage-tensors"
  public let severity = Severity.error
  public let level = CheckLevel.quick
  public let proves = "The model has every tensor that its source leads to, and no other."
  public let example = "model.gguf: tensor blk.0.attn_q.bias: is missing, but the source has it"
  public let fix = "convert the checkpoint again, from all of its files"

  public init() {}

  /// What is said of names; the same of many blocks is said once.
  func findings(missing: [TensorInfo], extra: [TensorInfo], file: String) -> [Finding] {
    let gone = LineageGroups(missing.map(\.name)).map { group in
      finding("is missing, but the source has it\(group.ending)", file: file, subject: group.subject)
    }
    let unknown = LineageGroups(extra.map(\.name)).map { group in
      finding("is not what the source leads to\(group.ending)", file: file, subject: group.subject)
    }
    return (gone + unknown).capped
  }
}
