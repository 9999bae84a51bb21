internal import OunceCore
internal import OunceEncoding

/// Values whose bytes are in the order of another machine.
public struct ByteOrder: LineagePattern {
  public let id = "OUN413"
  public let name = "byte-order"
  public let severity = Severity.error
  public let level = CheckLevel.full
  public let proves = "Numbers have their bytes in the order that the file says."
  public let example = "model.gguf: tensor blk.0.attn_q.weight: the bytes of its numbers are in reverse order"
  public let fix = "convert the checkpoint again, on a machine or with a program that knows the file's byte order"

  public init() {}

  func explanation(of suspect: Suspect, _ context: LineageContext) throws(OunceError) -> Explanation? {
    let tensor = suspect.pair.b
    guard !suspect.expectedRows.isEmpty, tensor.stored == nil,
      tensor.info.encoding.words.contains(where: { $0.width > 1 })
    else { return nil }
    let swapped = Tensor(info: tensor.info, data: ByteSwapped(tensor.data, encoding: tensor.info.encoding))
    let rows = try suspect.sample.read(try swapped.dequantized().inSinglePrecision())
    let error = Suspect.relativeError(suspect.expectedRows, rows)
    guard suspect.isExplained(by: error) else { return nil }
    return Explanation(self, "the bytes of its numbers are in reverse order", error: error, suspect)
  }
}
