internal import OunceCore

/// A tree of version 1, which leads to the symbols of a group or to the chunks of a dataset.
///
/// | bytes | what |
/// |---|---|
/// | 4, 1, 1, 2 | `TREE`, type, level (0: the lowest), number of children |
/// | 2 addresses | the neighbours |
/// | … | a key and a child in turns, and a key at the end |
struct HDF5OldTree {
  private let source: HDF5Source
  /// 0: symbols, 1: chunks.
  private let type: Int
  private let keyByteCount: Int
  private var places: Set<Int> = []

  init(_ source: HDF5Source, type: Int, keyByteCount: Int) {
    self.source = source
    self.type = type
    self.keyByteCount = keyByteCount
  }

  /// Gives the key before each child of the lowest level, and where the child is.
  mutating func walk(
    at place: Int, _ body: (_ key: inout HDF5Block, _ child: Int) throws(OunceError) -> Void
  ) throws(OunceError) {
    // Nodes to read, with the level that they must have.
    var nodes: [(place: Int, level: Int?)] = [(place, nil)]
    while let node = nodes.popLast() {
      guard places.insert(node.place).inserted else {
        throw source.malformed("a tree has the same node twice", at: node.place)
      }
      var head = try source.block("a tree", at: node.place, 8 + 2 * source.offsetByteCount)
      try head.signature("TREE")
      let (type, level, count) = (try head.number(1), try head.number(1), try head.number(2))
      guard type == self.type, node.level == nil || node.level == level, level <= Limits.hdf5TreeLevels else {
        throw head.malformed(
          "expected a node of type \(self.type), level \(node.level ?? 0), found type \(type), level \(level)",
          at: node.place)
      }
      let entryByteCount = keyByteCount + source.offsetByteCount
      var entries = try source.block(
        "a tree", at: node.place + 8 + 2 * source.offsetByteCount, count * entryByteCount)
      var children: [(place: Int, level: Int?)] = []
      for _ in 0..<count {
        var key = try entries.slice(keyByteCount)
        let child = try entries.address(of: "a child")
        if level == 0 { try body(&key, child) } else { children.append((child, level - 1)) }
      }
      nodes += children.reversed()
    }
  }
}

/// A tree of version 2: records of one size.
///
/// | structure | fields |
/// |---|---|
/// | `BTHD` | version, type, node size (4), record size (2), depth (2), percents, root, its records (2), all records, checksum |
/// | `BTIN` | version, type, records, for each child: address, its records, all records below it; checksum |
/// | `BTLF` | version, type, records, checksum |
struct HDF5NewTree {
  let recordByteCount: Int
  private let source: HDF5Source
  private let type: Int
  private let depth: Int
  private let root: (place: Int, recordCount: Int)?
  /// For each level from the lowest: the most records of a node, and the widths of the two counts of a child on it.
  private var levels: [(recordLimit: Int, countByteCount: Int, totalByteCount: Int)] = []

  init(_ source: HDF5Source, at place: Int, type expected: Int) throws(OunceError) {
    self.source = source
    let byteCount = 22 + source.offsetByteCount + source.lengthByteCount
    var block = try source.checkedBlock("a tree", at: place, byteCount)
    try block.signature("BTHD")
    _ = try block.version(0...0)
    type = try block.number(1)
    guard type == expected else {
      throw block.malformed("it is of type \(type), where \(expected) is expected", at: place)
    }
    let nodeByteCount = try block.number(4)
    recordByteCount = try block.number(2)
    depth = try block.number(2)
    try block.skip(2)
    let rootPlace = try block.address()
    let rootCount = try block.number(2)
    root = rootPlace.map { ($0, rootCount) }
    guard recordByteCount > 0, depth <= Limits.hdf5TreeLevels, nodeByteCount <= 1 << 24,
      nodeByteCount >= 10 + recordByteCount
    else {
      throw block.malformed(
        "nodes of \(nodeByteCount) bytes, records of \(recordByteCount), \(depth) levels: that is no tree", at: place)
    }
    var countByteCount = 0
    var below = 0
    for level in 0...depth {
      // A child is named by its address, the number of its records and, unless it is a leaf, of all below.
      let child = level == 0 ? 0 : source.offsetByteCount + countByteCount + levels[level - 1].totalByteCount
      let limit = (nodeByteCount - 10 - child) / (recordByteCount + child)
      guard limit > 0 else { throw block.malformed("nodes of \(nodeByteCount) bytes hold no record", at: place) }
      if level == 0 { countByteCount = Self.width(limit) }
      below = Self.total(limit, below)
      levels.append((limit, countByteCount, level == 0 ? 0 : Self.width(below)))
    }
  }

  /// The most records of a node of `limit` records and of all below it, whose children have up to `below` each.
  private static func total(_ limit: Int, _ below: Int) -> Int {
    let (product, overflow) = (limit + 1).multipliedReportingOverflow(by: below)
    let (sum, wraps) = product.addingReportingOverflow(limit)
    return overflow || wraps ? .max : sum
  }

  /// The bytes that hold numbers up to `limit`.
  private static func width(_ limit: Int) -> Int { (63 - limit.leadingZeroBitCount) / 8 + 1 }

  /// Gives every record.
  func walk(_ body: (_ record: inout HDF5Block) throws(OunceError) -> Void) throws(OunceError) {
    guard let root else { return }
    var places: Set<Int> = []
    var nodes = [(place: root.place, recordCount: root.recordCount, level: depth)]
    while let node = nodes.popLast() {
      guard places.insert(node.place).inserted else {
        throw source.malformed("a tree has the same node twice", at: node.place)
      }
      let (limit, countByteCount, _) = levels[node.level]
      guard node.recordCount <= limit else {
        throw source.malformed("a node of \(node.recordCount) records, where \(limit) fit", at: node.place)
      }
      let totalByteCount = node.level == 0 ? 0 : levels[node.level - 1].totalByteCount
      let childByteCount = node.level == 0 ? 0 : source.offsetByteCount + countByteCount + totalByteCount
      let childCount = node.level == 0 ? 0 : node.recordCount + 1
      var block = try source.checkedBlock(
        "a node of a tree", at: node.place, 6 + node.recordCount * recordByteCount + childCount * childByteCount + 4)
      try block.signature(node.level == 0 ? "BTLF" : "BTIN")
      _ = try block.version(0...0)
      guard try block.number(1) == type else { throw block.malformed("it is of another type than its tree") }
      for _ in 0..<node.recordCount {
        var record = try block.slice(recordByteCount)
        try body(&record)
      }
      for _ in 0..<childCount {
        let place = try block.address(of: "a child")
        let recordCount = try block.number(countByteCount)
        try block.skip(totalByteCount)
        nodes.append((place, recordCount, node.level - 1))
      }
    }
  }
}
