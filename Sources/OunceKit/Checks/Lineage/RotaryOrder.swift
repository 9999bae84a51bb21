internal import OunceCore

/// Queries and keys whose rows were permuted for rotary embedding though they should not have been, or were not.
public struct RotaryOrder: LineagePattern {
  public let id = "OUN406"
  public let name = "rotary-order"
  public let severity = Severity.error
  public let level = CheckLevel.full
  public let proves = "Rows of queries and keys are in the order in which their program turns them by position."
  public let example =
    "model.gguf: tensors blk.*.attn_q.weight: their rows are as the checkpoint has them, not permuted for rotary "
    + "embedding"
  public let fix = "convert the checkpoint again, with a converter that knows the family"

  public init() {}

  func explanation(of suspect: Suspect, _ context: LineageContext) throws(OunceError) -> Explanation? {
    guard let part = AttentionPart(suspect.name), part != .value, let rows = suspect.found.info.shape.first,
      let heads = context.headCount(part, suspect.name), heads > 0, rows % (2 * heads) == 0
    else { return nil }
    let width = rows / heads
    let turned = context.number("rope.dimension_count").flatMap { (2..<width).contains($0) ? $0 : nil }
    let expects = context.applies({ $0 is Interleaved }, to: suspect.name)
    // What was left out is likelier than what was done twice, where both come to the same.
    var best: (error: Double, isInverse: Bool)?
    for isInverse in expects == true ? [true, false] : [false, true] {
      for size in [width] + (turned.map { [$0] } ?? []) where size % 2 == 0 {
        let view = try suspect.expected.permutingHeads(of: width, turning: size, isInverse: isInverse)
        let error = try suspect.error(view)
        if suspect.isExplained(by: error), error < best?.error ?? .infinity { best = (error, isInverse) }
      }
    }
    guard let best else { return nil }
    return Explanation(
      self, text(expects, isInverse: best.isInverse, isGGUF: context.sides.hasGGUFNames, context.family),
      error: best.error, suspect)
  }

  private func text(_ expects: Bool?, isInverse: Bool, isGGUF: Bool, _ family: String) -> String {
    switch (expects, isGGUF, isInverse) {
    case (true?, true, true): "rows are as the checkpoint has them: they were not permuted for rotary embedding"
    case (true?, true, false): "rows were permuted for rotary embedding twice"
    case (true?, false, false): "rows are in the order of GGUF: permuted for rotary embedding, as checkpoints are not"
    case (true?, false, true): "rows were permuted as if they were in the order of GGUF, which they were not"
    case (false?, _, false): "rows were permuted for rotary embedding, which \(family) does without"
    default: "rows are in another order for rotary embedding than those of the source"
    }
  }
}

extension Tensor {
  /// Rows of heads with the halves of each interleaved, as GGUF has some families; or the way back.
  ///
  /// - Parameters:
  ///   - width: rows of a head.
  ///   - size: how many of them positions turn.
  func permutingHeads(of width: Int, turning size: Int, isInverse: Bool) throws(OunceError) -> Tensor {
    let half = size / 2
    return try gathering(info.shape.first ?? 0) { row in
      let (head, place) = row.quotientAndRemainder(dividingBy: width)
      guard place < size else { return row }
      return head * width + (isInverse ? place % half * 2 + place / half : place % 2 * half + place / 2)
    }
  }
}
