internal import OunceCore

/// Tensors of other sizes than the source gives them.
public struct LineageShapes: LineageRule {
  public let id = "OUN404"
  public let name = "lineage-shapes"
  public let severity = Severity.error
  public let level = CheckLevel.quick
  public let proves = "Every tensor has the shape that its source gives it."
  public let example = "model.gguf: tensor token_embd.weight: is [32000, 4096], but the source gives [32064, 4096]"
  public let fix = "convert the checkpoint again; if sizes are right, name the source that it was made of"

  public init() {}

  func text(_ pair: TensorPair) -> String {
    "is \(FigureText.shape(pair.b.info.shape)), but the source gives \(FigureText.shape(pair.a.info.shape))"
  }
}
