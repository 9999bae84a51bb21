internal import OrderedCollections

/// Tensor names of which the same is to be said, gathered over blocks.
struct LineageGroups: Sequence {
  struct Group: Sendable {
    /// A name, or one with a star for the block.
    let role: String
    let names: [String]

    /// `tensor a.weight`, or `tensors blk.*.attn_q.weight`.
    var subject: String { names.count == 1 ? "tensor \(names[0])" : "tensors \(role)" }
    /// ` (of 4 blocks)`; nothing of one.
    var ending: String {
      let blocks = names.compactMap { LineageName($0).block }
      guard names.count > 1 else { return "" }
      guard Set(blocks).count == names.count else { return " (\(names.count) tensors)" }
      let sorted = blocks.sorted()
      guard let first = sorted.first, let last = sorted.last else { return "" }
      return last - first + 1 == sorted.count
        ? " (blocks \(first) to \(last))" : " (\(sorted.count) blocks, from \(first) to \(last))"
    }
  }

  private let groups: [Group]

  init(_ names: [String]) { self.init(names.map { (LineageName($0).role, $0) }) }

  /// - Parameter names: each with what it is gathered under.
  init(_ names: [(role: String, name: String)]) {
    var groups: OrderedDictionary<String, [String]> = [:]
    for (role, name) in names { groups[role, default: []].append(name) }
    self.groups = groups.map { Group(role: $0.key, names: $0.value) }
  }

  func makeIterator() -> IndexingIterator<[Group]> { groups.makeIterator() }
}
