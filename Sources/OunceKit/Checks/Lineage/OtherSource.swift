/// A model that was made of something else altogether.
public struct OtherSource: LineageRule {
  public let id = "OUN402"
  public let name = "other-source"
  public let severity = Severity.error
  public let level = CheckLevel.quick
  public let proves = "The model was made of the source of --against, not of another model of its size."
  public let example =
    "model.gguf: was not made of ./model: 37 of 39 tensors have other values (cosine 0.001 in the middle)"
  public let fix = "name the model that it was made of, or convert the right one"

  public init() {}

  /// What is said where most tensors are others.
  ///
  /// - Parameter cosine: of the tensor in the middle.
  static func text(_ source: String, count: Int, of all: Int, cosine: Double) -> String {
    let figures =
      "\(count) of \(all) tensors have other values (cosine \(FigureText.significant(cosine)) in the middle)"
    guard cosine > 0.8 else { return "was not made of \(source): \(figures)" }
    return "was not made of this version of \(source): \(figures); the same model in another state of training"
  }
}
