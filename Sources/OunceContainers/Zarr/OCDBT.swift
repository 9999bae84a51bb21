internal import OunceCore

/// A database of TensorStore in a folder, which is how Orbax writes the arrays of a checkpoint: a tree of sorted keys
/// with their values, or the places of these in files beside.
///
/// | part | what |
/// |---|---|
/// | `manifest.ocdbt` | settings, then the places of the roots of the latest versions |
/// | `d/…` (a digest) | nodes of the tree, and values |
///
/// Both the manifest and each node are
///
/// | bytes | what |
/// |---|---|
/// | 4 | `0cdb3a2a` (manifest) or `0cdb20de` (node), big endian |
/// | 8 | bytes of all of it |
/// | … | version: 0 (varint), compression: 0 none, 1 zstd (varint) |
/// | … | the body, compressed |
/// | 4 | CRC-32C of all before |
///
/// Numbers are varints of seven bits a byte unless it is said otherwise; of entries, all first fields stand together,
/// then all second ones. Only the latest version is read.
///
/// Specification: https://google.github.io/tensorstore/kvstore/ocdbt/index.html
struct OCDBT {
  private let folder: Folder
  private var files: [ExactString: InputFile] = [:]
  private var found: [(key: String, file: InputFile)] = []
  private var keyByteCount = 0
  /// Nodes that were read. It is a tree: one that is reached twice would be read without end in the hands of others.
  private var visited: Set<NodePlace> = []
  private var readByteCount = 0

  init(_ folder: Folder) { self.folder = folder }

  private enum Magic: UInt32 {
    case manifest = 0x0CDB_3A2A
    case node = 0x0CDB_20DE
  }

  private struct NodePlace: Hashable {
    let path: ExactString
    let offset: UInt64
  }

  /// Where a node is, and how far the keys below it are known.
  private struct Place {
    let file: OCDBTFile
    let offset: UInt64
    let byteCount: UInt64
    let height: Int
    var prefix: [UInt8] = []
  }

  /// All keys of the latest version with their values, sorted.
  mutating func entries() throws(OunceError) -> [(key: String, file: InputFile)] {
    let file = try folder.file("manifest.ocdbt")
    var body = try body(of: file, 0..<file.byteCount, .manifest).reader
    if let root = try Self.root(&body) { try visit(root) }
    return found
  }

  /// The place of the newest tree; nil when it is empty.
  private static func root(_ body: inout ByteReader) throws(OunceError) -> Place? {
    try body.skip(16)
    let kindStart = body.offset
    guard try body.variable() == 0 else {
      throw OunceError(
        .unsupported, "is a database with numbered manifests", file: body.file.path, offset: kindStart,
        remedy: "save the checkpoint again with PyTreeCheckpointer(use_ocdbt=False)")
    }
    for _ in 0..<2 { _ = try body.variable() }
    try body.skip(1)
    switch try body.variable() {
    case 0: break
    case 1: try body.skip(4)
    default: throw body.malformed("a compression that is neither none nor zstd")
    }
    let table = try body.files(transitive: "")
    let count = try body.count("versions")
    guard count > 0 else { return nil }
    _ = try body.variables(count)
    let heights = try body.bytes(count)
    let id = try body.variables(count)[count - 1]
    let offset = try body.variables(count)[count - 1]
    let byteCount = try body.variables(count)[count - 1]
    let keyCount = try body.variables(count)[count - 1]
    guard keyCount > 0 else { return nil }
    return Place(file: try body.file(table, id), offset: offset, byteCount: byteCount, height: Int(heights[count - 1]))
  }

  /// Heights fall from node to node, so that this ends.
  private mutating func visit(_ place: Place) throws(OunceError) {
    for child in try children(of: place) { try visit(child) }
  }

  /// Reads a node: the entries of a leaf, or the places of what is below.
  private mutating func children(of place: Place) throws(OunceError) -> [Place] {
    let file = try open(place.file.path)
    guard visited.insert(NodePlace(path: ExactString(place.file.path), offset: place.offset)).inserted else {
      throw OunceError(
        .malformed, "the node at byte \(place.offset) is in the tree of keys twice", file: file.path,
        offset: Int(exactly: place.offset))
    }
    let range = try Self.range(place.offset, place.byteCount, file)
    let (bodyFile, reader) = try body(of: file, range, .node)
    var body = reader
    let height = Int(try body.integer(UInt8.self))
    guard height == place.height, height <= Limits.folderNesting else {
      throw body.malformed("a node of height \(height) where \(place.height) was expected", at: 0)
    }
    let table = try body.files(transitive: place.file.base)
    let count = try body.count("entries")
    guard count > 0 else { return [] }
    if height > 0 { return try children(&body, count, place, table) }
    try leaf(&body, count, place, table, bodyFile)
    return []
  }

  private mutating func children(
    _ body: inout ByteReader, _ count: Int, _ place: Place, _ table: [OCDBTFile]
  ) throws(OunceError) -> [Place] {
    let prefixes = try body.variables(count - 1)
    let suffixes = try body.variables(count)
    let common = try body.variables(count)
    let keys = try keys(&body, prefixes, suffixes, [])
    let ids = try body.variables(count)
    let offsets = try body.variables(count)
    let byteCounts = try body.variables(count)
    var children: [Place] = []
    for index in 0..<count {
      guard common[index] <= UInt64(keys[index].count) else {
        throw body.malformed("a common prefix of \(common[index]) bytes is longer than its key")
      }
      children.append(
        Place(
          file: try body.file(table, ids[index]), offset: offsets[index], byteCount: byteCounts[index],
          height: place.height - 1, prefix: place.prefix + keys[index].prefix(Int(common[index]))))
    }
    return children
  }

  private mutating func leaf(
    _ body: inout ByteReader, _ count: Int, _ place: Place, _ table: [OCDBTFile], _ bodyFile: InputFile
  ) throws(OunceError) {
    let prefixes = try body.variables(count - 1)
    let suffixes = try body.variables(count)
    let keys = try keys(&body, prefixes, suffixes, place.prefix)
    let byteCounts = try body.variables(count)
    let kinds = try body.variables(count)
    let outside = kinds.count { $0 == 1 }
    guard kinds.allSatisfy({ $0 < 2 }) else { throw body.malformed("a value is neither in the node nor in a file") }
    var ids = try body.variables(outside)[...]
    var offsets = try body.variables(outside)[...]
    for index in 0..<count {
      guard let key = String(validating: keys[index], as: UTF8.self) else {
        throw body.malformed("a key is not UTF-8")
      }
      guard found.count < Limits.folderEntries else {
        throw body.malformed("more than \(Limits.folderEntries) keys")
      }
      let path = "\(folder.path)/\(key)"
      if kinds[index] == 1, let id = ids.popFirst(), let offset = offsets.popFirst() {
        let file = try open(try body.file(table, id).path)
        found.append(
          (key, InputFile(path: path, part: try Self.range(offset, byteCounts[index], file), of: file)))
      } else {
        let range = try Self.range(UInt64(body.offset), byteCounts[index], bodyFile)
        try body.skip(range.count)
        found.append((key, InputFile(path: path, part: range, of: bodyFile)))
      }
    }
  }

  /// Keys of which each begins like the one before.
  private mutating func keys(
    _ body: inout ByteReader, _ prefixes: [UInt64], _ suffixes: [UInt64], _ start: [UInt8]
  ) throws(OunceError) -> [[UInt8]] {
    var keys: [[UInt8]] = []
    var previous: [UInt8] = []
    for (index, suffix) in suffixes.enumerated() {
      let shared = index == 0 ? 0 : prefixes[index - 1]
      guard shared <= UInt64(previous.count), suffix <= UInt64(Limits.tensorNameByteCount) else {
        throw body.malformed("a key of \(suffix) bytes behind \(shared) of the one before")
      }
      previous = Array(previous.prefix(Int(shared))) + (try body.bytes(Int(suffix)))
      keyByteCount += start.count + previous.count
      // Keys share their beginnings, so that few bytes of a node could name very many.
      let limit = min(Limits.leafNamesByteCount, max(Limits.sharedTextByteCount, 8 * readByteCount))
      guard previous.count <= Limits.tensorNameByteCount, keyByteCount <= limit else {
        throw body.malformed("keys beyond the limit of \(limit) bytes for all")
      }
      keys.append(start + previous)
    }
    return keys
  }

  private mutating func open(_ path: String) throws(OunceError) -> InputFile {
    if let file = files[ExactString(path)] { return file }
    let parts = path.split(separator: "/", omittingEmptySubsequences: false)
    guard !path.utf8.contains(0), parts.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else {
      throw OunceError(
        .malformed, "the file \"\(path)\" is not inside of the folder", file: folder.path,
        remedy: "a database may only name files of its own folder")
    }
    let file = try folder.file(path)
    files[ExactString(path)] = file
    return file
  }

  private static func range(_ offset: UInt64, _ byteCount: UInt64, _ file: InputFile) throws(OunceError) -> Range<Int> {
    guard byteCount <= UInt64(file.byteCount), offset <= UInt64(file.byteCount) - byteCount else {
      throw OunceError(
        .malformed, "\(byteCount) bytes at \(offset) are not inside of the file", file: file.path, offset: 0,
        remedy: "the download was cut short; fetch it again")
    }
    return Int(offset)..<Int(offset + byteCount)
  }

  /// The body of a manifest or a node: as a file, which unpacks it again when a value in it is read, and to be read
  /// now.
  private mutating func body(
    of file: InputFile, _ range: Range<Int>, _ magic: Magic
  ) throws(OunceError) -> (file: InputFile, reader: ByteReader) {
    let part = InputFile(path: file.path, part: range, of: file)
    let stored = try part.wholeContent(atMost: Limits.ocdbtNodeByteCount)
    try count(stored.count, file)
    var head = ByteReader(part, isBigEndian: true)
    guard try head.integer(UInt32.self) == magic.rawValue else {
      throw OunceError(.malformed, "expected the \(magic) of a database", file: file.path, offset: range.lowerBound)
    }
    head.isBigEndian = false
    guard try head.integer(UInt64.self) == UInt64(range.count), range.count >= 18 else {
      throw OunceError(
        .malformed, "the \(magic) is not as long as it says", file: file.path, offset: range.lowerBound + 4)
    }
    let version = try head.variable()
    let compression = try head.variable()
    guard version == 0, compression < 2 else {
      throw OunceError(
        .unsupported, "is a database of version \(version) with the compression \(compression)", file: file.path,
        offset: range.lowerBound + 12, remedy: "look for a newer ounce")
    }
    let sum = stored.suffix(4).reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    guard sum == CRC32C.checksum(of: stored.dropLast(4)) else {
      throw OunceError(.malformed, "the checksum of a \(magic) is wrong", file: file.path, offset: range.lowerBound)
    }
    let content = head.offset..<range.count - 4
    guard compression == 1 else {
      let body = InputFile(path: file.path, part: content, of: part)
      return (body, ByteReader(body))
    }
    let bytes = try unpacked(part, content)
    let body = InputFile(
      path: file.path, unpacking: ZstandardStream(part, content), byteCount: bytes.count, from: file)
    return (body, ByteReader(InputFile(path: file.path, bytes: bytes)))
  }

  private mutating func unpacked(_ file: InputFile, _ range: Range<Int>) throws(OunceError) -> [UInt8] {
    let stream = ZstandardStream(file, range)
    var bytes: [UInt8] = []
    var piece = [UInt8](repeating: 0, count: 64 << 10)
    while true {
      let count = try piece.withMutableRawSpan { (span) throws(OunceError) in try stream.next(into: &span) }
      guard count > 0 else { return bytes }
      bytes += piece.prefix(count)
      try self.count(count, file)
      guard bytes.count <= Limits.ocdbtNodeByteCount else {
        throw OunceError(
          .malformed, "a node is beyond the limit of \(Limits.ocdbtNodeByteCount) bytes", file: file.path,
          offset: 0)
      }
    }
  }

  /// A few nodes that name each other often must not become an endless tree.
  private mutating func count(_ byteCount: Int, _ file: InputFile) throws(OunceError) {
    readByteCount += byteCount
    guard readByteCount <= Limits.ocdbtByteCount else {
      throw OunceError(
        .malformed, "the tree of keys is beyond the limit of \(Limits.ocdbtByteCount) bytes", file: file.path,
        offset: 0)
    }
  }
}

/// A file that a node names, relative to the folder of the database.
struct OCDBTFile {
  let path: String
  /// What stands before the names of files in nodes of this file.
  let base: String
}

extension ByteReader {
  /// The next number: seven bits a byte, the lowest first.
  fileprivate mutating func variable() throws(OunceError) -> UInt64 {
    let start = offset
    var value: UInt64 = 0
    for shift in stride(from: UInt64(0), to: 64, by: 7) {
      let byte = try integer(UInt8.self)
      value |= UInt64(byte & 0x7F) << shift
      if byte < 0x80 { return value }
    }
    throw malformed("a number has more than ten bytes", at: start)
  }

  /// The caller has checked the count.
  fileprivate mutating func variables(_ count: Int) throws(OunceError) -> [UInt64] {
    var values: [UInt64] = []
    values.reserveCapacity(count)
    for _ in 0..<count { values.append(try variable()) }
    return values
  }

  fileprivate mutating func count(_ things: String) throws(OunceError) -> Int {
    let start = offset
    return try check(
      try variable(), atMost: Limits.folderEntries, of: things, elementByteCount: 1, at: start)
  }

  /// The table of the files that a node names.
  fileprivate mutating func files(transitive: String) throws(OunceError) -> [OCDBTFile] {
    let count = try count("files")
    guard count > 0 else { return [] }
    let prefixes = try variables(count - 1)
    let suffixes = try variables(count)
    let bases = try variables(count)
    var files: [OCDBTFile] = []
    var previous: [UInt8] = []
    var nameByteCount = 0
    for index in 0..<count {
      let shared = index == 0 ? 0 : prefixes[index - 1]
      guard shared <= UInt64(previous.count), suffixes[index] <= UInt64(Limits.tensorNameByteCount) else {
        throw malformed("the name of a file has \(suffixes[index]) bytes behind \(shared) of the one before")
      }
      previous = Array(previous.prefix(Int(shared))) + (try bytes(Int(suffixes[index])))
      guard bases[index] <= UInt64(previous.count), previous.count <= Limits.tensorNameByteCount,
        transitive.utf8.count <= Limits.tensorNameByteCount,
        let path = String(validating: previous, as: UTF8.self),
        let base = String(validating: previous.prefix(Int(bases[index])), as: UTF8.self)
      else { throw malformed("the name of a file is no path") }
      nameByteCount += transitive.utf8.count + previous.count
      guard nameByteCount <= Limits.sharedTextByteCount else {
        throw malformed("the names of files are beyond the limit of \(Limits.sharedTextByteCount) bytes")
      }
      files.append(OCDBTFile(path: transitive + path, base: transitive + base))
    }
    return files
  }

  fileprivate func file(_ table: [OCDBTFile], _ id: UInt64) throws(OunceError) -> OCDBTFile {
    guard id < UInt64(table.count) else { throw malformed("file \(id) of \(table.count)") }
    return table[Int(id)]
  }
}
