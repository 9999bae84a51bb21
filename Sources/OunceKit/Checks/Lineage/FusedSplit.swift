internal import OunceCore

/// Queries, keys and values that one fused matrix held, cut from it at the wrong rows.
public struct FusedSplit: LineagePattern {
  public let id = "OUN410"
  public let name = "fused-split"
  public let severity = Severity.error
  public let level = CheckLevel.full
  public let proves = "Queries, keys and values have their own rows, and no others."
  public let example =
    "model.gguf: tensors blk.*.attn_q.weight: queries, keys and values lie head by head in the checkpoint, but were "
    + "cut as if all queries came first"
  public let fix = "convert the checkpoint again, with a converter that knows how the family fuses them"

  public init() {}

  func explanation(of suspect: Suspect, _ context: LineageContext) throws(OunceError) -> Explanation? {
    guard let layout = try FusedLayout(suspect, context) else { return nil }
    var best: (error: Double, text: String)?
    for arrangement in layout.arrangements {
      if context.isCancelled() { throw .cancelled }
      guard let view = try layout.view(arrangement, suspect) else { continue }
      let error = try suspect.error(view)
      if suspect.isExplained(by: error), error < best?.error ?? .infinity { best = (error, arrangement.text) }
    }
    return best.map { Explanation(self, $0.text, error: $0.error, suspect) }
  }
}

/// All rows of queries, keys and values of a block, and the ways in which they can be taken for others.
private struct FusedLayout {
  /// Where each row comes from, in the order that a converter took for the right one, and what it took it for.
  struct Arrangement {
    let text: String
    let source: @Sendable (Int) -> Int
    /// Where the rows of each part begin, in the order of the cases.
    let starts: [Int]
    var changesSizes = false
  }

  /// Queries, then keys, then values, as the checkpoint has them.
  private let all: Tensor
  private let counts: [Int]
  private let width: Int
  private let groups: Int
  /// nil: the tensor is fused in GGUF, too.
  private let part: AttentionPart?
  /// Whether GGUF has rows of queries and keys in another order.
  private let isInterleaved: Bool
  private let headCounts: [Int]

  init?(_ suspect: Suspect, _ context: LineageContext) throws(OunceError) {
    let name = suspect.name
    part = AttentionPart(name)
    guard let queries = context.headCount(.query, name), let keys = context.headCount(.key, name), keys <= queries,
      queries % keys == 0
    else { return nil }
    headCounts = [queries, keys, keys]
    if part == nil {
      guard name.contains("attn_qkv.") || name.contains("query_key_value."), !suspect.expectedRows.isEmpty,
        let rows = suspect.expected.info.shape.first, rows % (queries + 2 * keys) == 0
      else { return nil }
      all = suspect.expected
      width = rows / (queries + 2 * keys)
      isInterleaved = false
    } else {
      let interleaves = context.sides.hasGGUFNames && context.applies({ $0 is Interleaved }, to: name) == true
      isInterleaved = interleaves || Self.isInterleaved(name, context)
      var parts: [Tensor] = []
      for (part, heads) in zip(AttentionPart.allCases, [queries, keys, keys]) {
        guard let other = part.name(beside: name), let tensor = try context.source(other),
          let rows = tensor.info.shape.first, rows > 0, rows % heads == 0
        else { return nil }
        let isTurned = isInterleaved && part != .value && rows / heads % 2 == 0
        parts.append(
          isTurned ? try tensor.permutingHeads(of: rows / heads, turning: rows / heads, isInverse: true) : tensor)
      }
      let (first, last) = (parts[0].info.shape, parts[2].info.shape)
      guard parts.allSatisfy({ $0.info.shape.dropFirst() == first.dropFirst() }), first[0] / queries == last[0] / keys,
        parts[1].info.shape[0] == last[0]
      else { return nil }
      width = first[0] / queries
      all = try Tensor.concatenated(parts, name: name)
    }
    groups = keys
    counts = [queries * width, keys * width, keys * width]
  }

  /// Values have no order of their own, so their siblings tell.
  private static func isInterleaved(_ name: String, _ context: LineageContext) -> Bool {
    guard context.sides.hasGGUFNames, let query = AttentionPart.query.name(beside: name) else { return false }
    return context.applies({ $0 is Interleaved }, to: query) == true
  }

  /// The rows that the tensor would have.
  func view(_ arrangement: Arrangement, _ suspect: Suspect) throws(OunceError) -> Tensor? {
    guard let count = suspect.found.info.shape.first else { return nil }
    let index = part.flatMap { AttentionPart.allCases.firstIndex(of: $0) } ?? 0
    let start = arrangement.starts[index]
    // Only cutting in equal parts makes other sizes.
    guard arrangement.changesSizes || count == (part == nil ? counts.reduce(0, +) : counts[index]),
      start + count <= counts.reduce(0, +)
    else { return nil }
    let source = arrangement.source
    let view = try all.gathering(count) { source($0 + start) }
    guard isInterleaved, part != .value, count % headCounts[index] == 0 else { return view }
    let width = count / headCounts[index]
    return width % 2 == 0 ? try view.permutingHeads(of: width, turning: width, isInverse: false) : view
  }

  var arrangements: [Arrangement] {
    let (width, groups, queries) = (width, groups, counts[0] / width / groups)
    let (first, second) = (counts[0], counts[1])
    let starts = [0, first, first + second]
    var all = [
      // Row of the fused matrix, head by head: where it is when all queries come first.
      Arrangement(
        text: "queries, keys and values lie head by head in the checkpoint, but were cut as if all queries came first",
        source: { row in
          let (group, rest) = row.quotientAndRemainder(dividingBy: (queries + 2) * width)
          let (place, element) = rest.quotientAndRemainder(dividingBy: width)
          if place < queries { return (group * queries + place) * width + element }
          return first + (place == queries ? 0 : second) + group * width + element
        }, starts: starts),
      Arrangement(
        text: "queries, keys and values lie one after the other in the checkpoint, but were cut head by head",
        source: { row in
          let (head, element) = row.quotientAndRemainder(dividingBy: width)
          let (group, place): (Int, Int)
          if head < groups * queries {
            (group, place) = head.quotientAndRemainder(dividingBy: queries)
          } else {
            (group, place) = ((head - groups * queries) % groups, queries + (head - groups * queries) / groups)
          }
          return (group * (queries + 2) + place) * width + element
        }, starts: starts),
    ]
    let letters = ["queries", "keys", "values"]
    for order in [[0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
      var moved = [0, 0, 0]
      var next = 0
      for part in order {
        moved[part] = next
        next += counts[part]
      }
      let words = order.map { letters[$0] }.joined(separator: ", ")
      all.append(Arrangement(text: "were cut as if their order were \(words)", source: { $0 }, starts: moved))
      let (ends, counts) = (moved, counts)
      all.append(
        Arrangement(
          text: "lie in the order \(words) in the checkpoint, but were cut as queries, keys, values",
          source: { row in
            let part = order.last { row >= ends[$0] } ?? 0
            return starts[part] + row - ends[part] < starts[part] + counts[part] ? starts[part] + row - ends[part] : 0
          }, starts: starts))
    }
    let third = counts.reduce(0, +) / 3
    if third != first {
      all.append(
        Arrangement(
          text: "were cut into three equal parts, though there are fewer keys than queries", source: { $0 },
          starts: [0, third, 2 * third], changesSizes: true))
    }
    return all
  }
}
