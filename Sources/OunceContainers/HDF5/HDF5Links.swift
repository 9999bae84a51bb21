internal import OunceCore

/// What a group calls another object.
struct HDF5Link {
  enum Target {
    /// The object at this byte of the file.
    case object(Int)
    /// A path in the same file.
    case path(String)
    /// Something in another file.
    case elsewhere(String)
  }

  let name: String
  let target: Target
}

/// Finds the links of a group.
struct HDF5LinkReader {
  private let source: HDF5Source
  private var links: [HDF5Link] = []

  init(_ source: HDF5Source) { self.source = source }

  /// The links that a group's messages lead to, sorted by name as HDF5 lists them.
  ///
  /// - Throws: `OunceError` when two have one name.
  mutating func links(_ messages: [HDF5Message], at place: Int) throws(OunceError) -> [HDF5Link] {
    for message in messages {
      var body = message.body
      switch message.kind {
      case .symbolTable: try symbolTable(&body)
      case .linkInfo: try dense(&body)
      case .link: try append(try Self.link(&body), at: message.body.offset)
      default: break
      }
    }
    links.sort { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    for (link, next) in zip(links, links.dropFirst()) where ExactString(link.name) == ExactString(next.name) {
      throw source.malformed("a group has two links of the name \"\(link.name)\"", at: place)
    }
    return links
  }

  private mutating func append(_ link: HDF5Link, at place: Int) throws(OunceError) {
    guard links.count < Limits.hdf5Links else {
      throw source.malformed("a group has more than the limit of \(Limits.hdf5Links) links", at: place)
    }
    guard !link.name.isEmpty, link.name != ".", !link.name.utf8.contains(where: { $0 == 0x2F || $0 == 0 }) else {
      throw source.malformed("a link cannot have the name \"\(link.name)\"", at: place)
    }
    links.append(link)
  }

  // MARK: - New groups

  /// | bytes | what |
  /// |---|---|
  /// | 1, 1 | version, flags |
  /// | 0 or 8 | the highest number of a link |
  /// | 2 addresses | the heap of links, the tree of their names |
  private mutating func dense(_ body: inout HDF5Block) throws(OunceError) {
    _ = try body.version(0...0)
    if try body.number(1) & 1 != 0 { try body.skip(8) }
    guard let heapPlace = try body.address() else { return }
    let treePlace = try body.address(of: "the names of the links")
    var heap = try HDF5FractalHeap(source, at: heapPlace)
    let tree = try HDF5NewTree(source, at: treePlace, type: 5)
    var links: [(HDF5Link, Int)] = []
    try tree.walk { (record) throws(OunceError) in
      let place = record.offset
      try record.skip(4)
      var object = try heap.object(record)
      links.append((try Self.link(&object), place))
    }
    for (link, place) in links { try append(link, at: place) }
  }

  /// | bytes | what |
  /// |---|---|
  /// | 1, 1 | version, flags |
  /// | 0 or 1, 0 or 8, 0 or 1 | type (0 hard, 1 soft, 64 elsewhere), number, character set |
  /// | 1, 2, 4 or 8 | bytes of the name, which follows |
  /// | … | an address; or a count (2) and so many bytes |
  private static func link(_ body: inout HDF5Block) throws(OunceError) -> HDF5Link {
    let start = body.offset
    _ = try body.version(1...1)
    let flags = try body.number(1)
    let type = flags & 8 != 0 ? try body.number(1) : 0
    if flags & 4 != 0 { try body.skip(8) }
    if flags & 16 != 0 { try body.skip(1) }
    let nameByteCount = try body.number(1 << (flags & 3))
    guard nameByteCount <= Limits.tensorNameByteCount else {
      throw body.malformed("a name of \(nameByteCount) bytes is beyond the limit", at: start)
    }
    let name = String(decoding: try body.array(nameByteCount), as: UTF8.self)
    switch type {
    case 0: return HDF5Link(name: name, target: .object(try body.address(of: "the object \(name)")))
    case 1:
      let byteCount = try body.number(2)
      return HDF5Link(name: name, target: .path(String(decoding: try body.array(byteCount), as: UTF8.self)))
    case 64:
      let byteCount = try body.number(2)
      var value = try body.slice(byteCount)
      if value.remainingByteCount > 0 { try value.skip(1) }
      let file = value.zeroTerminated() ?? []
      return HDF5Link(name: name, target: .elsewhere(String(decoding: file, as: UTF8.self)))
    default: return HDF5Link(name: name, target: .elsewhere("link of type \(type)"))
    }
  }

  // MARK: - Old groups

  /// Two addresses: a tree of symbols, and the heap of their names.
  private mutating func symbolTable(_ body: inout HDF5Block) throws(OunceError) {
    let treePlace = try body.address(of: "a tree of symbols")
    let names = try HDF5LocalHeap(source, at: try body.address(of: "a heap of names"))
    var tree = HDF5OldTree(source, type: 0, keyByteCount: source.lengthByteCount)
    var nodes: [Int] = []
    try tree.walk(at: treePlace) { (_, child) throws(OunceError) in nodes.append(child) }
    var places: Set<Int> = []
    for node in nodes {
      guard places.insert(node).inserted else { throw source.malformed("a group has symbols twice", at: node) }
      try symbols(at: node, names)
    }
  }

  /// | bytes | what |
  /// |---|---|
  /// | 4, 1, 1, 2 | `SNOD`, version, a zero, number of symbols |
  /// | for each | place of its name in the heap, address, what is cached (4), zeros (4), the cache (16) |
  private mutating func symbols(at place: Int, _ names: HDF5LocalHeap) throws(OunceError) {
    var head = try source.block("a node of symbols", at: place, 8)
    try head.signature("SNOD")
    _ = try head.version(1...1)
    try head.skip(1)
    let count = try head.number(2)
    let symbolByteCount = source.lengthByteCount + source.offsetByteCount + 24
    var symbols = try source.block("a node of symbols", at: place + 8, count * symbolByteCount)
    for _ in 0..<count {
      let start = symbols.offset
      let name = try names.text(try symbols.number(source.lengthByteCount), at: start)
      let address = try symbols.address()
      let cached = try symbols.number(4)
      try symbols.skip(4)
      let cache = try symbols.number(4)
      try symbols.skip(12)
      if cached == 2 {
        try append(HDF5Link(name: name, target: .path(try names.text(cache, at: start))), at: start)
      } else {
        guard let address else { throw symbols.malformed("the symbol \(name) has no address", at: start) }
        try append(HDF5Link(name: name, target: .object(address)), at: start)
      }
    }
  }
}

/// Names of an old group, each ended by a zero.
///
/// | bytes | what |
/// |---|---|
/// | 4, 1, 3 | `HEAP`, version, zeros |
/// | 2 sizes, 1 address | byte count of the names, of what is free, where the names are |
struct HDF5LocalHeap {
  private let source: HDF5Source
  private let names: Range<Int>

  init(_ source: HDF5Source, at place: Int) throws(OunceError) {
    self.source = source
    var block = try source.block(
      "a heap of names", at: place, 8 + 2 * source.lengthByteCount + source.offsetByteCount)
    try block.signature("HEAP")
    _ = try block.version(0...0)
    try block.skip(3)
    let byteCount = try block.length()
    try block.skip(source.lengthByteCount)
    let start = try block.address(of: "the names")
    guard byteCount <= source.end - start else {
      throw block.malformed("\(byteCount) bytes of names reach beyond the end of the data", at: place)
    }
    names = start..<start + byteCount
  }

  /// The text at byte `offset` of the names.
  func text(_ offset: Int, at place: Int) throws(OunceError) -> String {
    for limit in [64, Limits.tensorNameByteCount + 1] {
      guard offset < names.count else { break }
      let start = names.lowerBound + offset
      var block = try source.block("a name", at: start, min(limit, names.upperBound - start))
      if let text = block.zeroTerminated() { return String(decoding: text, as: UTF8.self) }
    }
    throw source.malformed(
      "a name at \(offset) is outside of the \(names.count) bytes of names, or too long", at: place)
  }
}
