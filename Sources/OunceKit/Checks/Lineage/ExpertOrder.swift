internal import OunceCore

/// Experts in each other's places.
public struct ExpertOrder: LineagePattern {
  public let id = "OUN408"
  public let name = "expert-order"
  public let severity = Severity.error
  public let level = CheckLevel.full
  public let proves = "Each expert has the number that the router knows it by."
  public let example = "model.gguf: tensor blk.0.ffn_up_exps.weight: expert 1 is the source's expert 10, 10 is 2"
  public let fix = "convert the checkpoint again: experts go in the order of their numbers, 2 before 10"

  public init() {}

  func explanation(of suspect: Suspect, _ context: LineageContext) throws(OunceError) -> Explanation? {
    let shape = suspect.found.info.shape
    guard shape.count == 3, suspect.expected.info.shape == shape, (2...Limits.comparedExperts).contains(shape[0]),
      shape[1] > 0, shape[2] >= 8, shape[2] <= Limits.comparedColumns
    else { return nil }
    let source = try heads(of: suspect.expected)
    let found = try heads(of: suspect.found)
    let limit = suspect.range.row
    let moved = found.indices.filter { Suspect.relativeError(source[$0], found[$0]) > limit }
    guard !moved.isEmpty else { return nil }
    var places: [(expert: Int, source: Int)] = []
    var worst = 0.0
    for expert in moved {
      if context.isCancelled() { throw .cancelled }
      // Those that are elsewhere, too, are the likeliest.
      let candidates = moved + source.indices
      var best: (error: Double, source: Int)?
      for candidate in candidates where candidate != expert {
        // The beginning tells most experts from the one that is sought.
        guard Suspect.relativeError(source[candidate].prefix(32), found[expert]) < 1 else { continue }
        let error = Suspect.relativeError(source[candidate], found[expert])
        if error < best?.error ?? .infinity { best = (error, candidate) }
      }
      guard let best, best.error <= limit else { return nil }
      worst = max(worst, best.error)
      places.append((expert, best.source))
    }
    let shown = places.prefix(Limits.listedNames).map { "\($0.expert) is \($0.source)" }.joined(separator: ", ")
    let more = places.count > Limits.listedNames ? " and \(places.count - Limits.listedNames) more" : ""
    let whole = places.count == shape[0] ? "all" : "\(places.count) of \(shape[0])"
    return Explanation(
      self, "\(whole) experts are in places of others: \(shown)\(more)", error: worst, suspect)
  }

  /// A few elements of each expert: the begin of rows from its middle.
  private func heads(of tensor: Tensor) throws(OunceError) -> [[Float]] {
    let shape = tensor.info.shape
    let rows = min(4, shape[1])
    let start = (shape[1] - rows) / 2
    var heads: [[Float]] = []
    for expert in 0..<shape[0] {
      let first = expert * shape[1] + start
      let values = try tensor.floats(first..<first + rows)
      heads.append((0..<rows).flatMap { values[$0 * shape[2]..<$0 * shape[2] + min(shape[2], 256)] })
    }
    return heads
  }
}

extension Limits {
  /// Experts whose order is looked for: twice as many as published models have.
  static let comparedExperts = 1024
  /// Columns of matrices whose rows are looked for one by one.
  static let comparedColumns = 1 << 20
}
