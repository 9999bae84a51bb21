/// Two files of which one cannot have been made of the other, or nothing tells how.
public struct NoLineage: LineageRule {
  public let id = "OUN401"
  public let name = "no-lineage"
  public let severity = Severity.error
  public let level = CheckLevel.quick
  public let proves = "The model and the source of --against can be put side by side."
  public let example = "imatrix.gguf: is an importance matrix, which holds no weights that could have a source"
  public let fix = "name the model, and the checkpoint folder or the GGUF file that it was made of"

  public init() {}
}
