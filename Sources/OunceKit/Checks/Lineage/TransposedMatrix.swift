internal import OunceCore

/// Rows and columns exchanged.
public struct TransposedMatrix: LineagePattern {
  public let id = "OUN409"
  public let name = "transposed"
  public let severity = Severity.error
  public let level = CheckLevel.full
  public let proves = "Rows are rows and columns are columns."
  public let example = "model.gguf: tensors blk.*.attn_output.weight: rows and columns are exchanged"
  public let fix = "convert the checkpoint again; some libraries store linear layers with inputs first"

  public init() {}

  func explanation(of suspect: Suspect, _ context: LineageContext) throws(OunceError) -> Explanation? {
    let (shape, source) = (suspect.found.info.shape, suspect.expected.info.shape)
    guard shape.count >= 2, source.count >= 2, source[source.count - 1] > 1, source[source.count - 2] > 1,
      suspect.found.info.elementCount == suspect.expected.info.elementCount
    else { return nil }
    let turned = try suspect.expected.exchangingLastDimensions()
    if turned.info.shape == shape {
      let error = try suspect.error(turned)
      if suspect.isExplained(by: error) {
        return Explanation(self, "rows and columns are exchanged", error: error, suspect)
      }
    } else if shape == source {
      let error = try suspect.error(try turned.reshaped(shape))
      if suspect.isExplained(by: error) {
        return Explanation(
          self, "the transposed matrix lies in a shape that is not transposed", error: error, suspect)
      }
    }
    guard shape != source else { return nil }
    let error = try suspect.error(try suspect.expected.reshaped(shape))
    guard suspect.isExplained(by: error) else { return nil }
    return Explanation(
      self, "the shape is \(shape), but elements are in the order of \(source)", error: error, suspect)
  }
}
