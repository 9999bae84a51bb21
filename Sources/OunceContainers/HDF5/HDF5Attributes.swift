internal import OunceCore
internal import OunceEncoding

/// The attributes of an object that are numbers or text.
///
/// | version | fields |
/// |---|---|
/// | 1 | version, a zero, byte counts of name, type and sizes (2 each); each of them padded to 8; the value |
/// | 2 | version, flags (1: shared type, 2: shared sizes), the same without padding |
/// | 3 | the same with the character set of the name behind the byte counts |
struct HDF5AttributeReader {
  private let source: HDF5Source
  private var heap: HDF5GlobalHeap

  init(_ source: HDF5Source) {
    self.source = source
    heap = HDF5GlobalHeap(source)
  }

  /// Names and values, sorted by name as HDF5 lists them.
  mutating func attributes(_ messages: [HDF5Message]) throws(OunceError) -> [(name: String, value: MetadataValue)] {
    var attributes: [(name: String, value: MetadataValue)] = []
    for message in messages {
      var body = message.body
      switch message.kind {
      case .attribute where !message.isShared:
        if let attribute = try attribute(&body) { attributes.append(attribute) }
      case .attributeInfo: try dense(&body, &attributes)
      default: break
      }
    }
    return attributes.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
  }

  /// | bytes | what |
  /// |---|---|
  /// | 1, 1 | version, flags |
  /// | 0 or 2 | the highest number of an attribute |
  /// | 2 addresses | the heap of attributes, the tree of their names |
  private mutating func dense(
    _ body: inout HDF5Block, _ attributes: inout [(name: String, value: MetadataValue)]
  ) throws(OunceError) {
    _ = try body.version(0...0)
    if try body.number(1) & 1 != 0 { try body.skip(2) }
    guard let heapPlace = try body.address() else { return }
    let treePlace = try body.address(of: "the names of the attributes")
    var objects = try HDF5FractalHeap(source, at: heapPlace)
    let tree = try HDF5NewTree(source, at: treePlace, type: 8)
    var found: [HDF5Block] = []
    try tree.walk { (record) throws(OunceError) in
      let id = try record.slice(8)
      // What is kept elsewhere, or shared, is left aside.
      if try record.number(1) & 2 == 0, let object = try objects.managedObject(id) { found.append(object) }
    }
    for var object in found {
      if let attribute = try attribute(&object) { attributes.append(attribute) }
    }
  }

  /// nil when the value is of another kind, or too large to be of use.
  private mutating func attribute(
    _ body: inout HDF5Block
  ) throws(OunceError) -> (name: String, value: MetadataValue)? {
    let version = try body.version(1...3)
    let flags = try body.number(1)
    let byteCounts = [try body.number(2), try body.number(2), try body.number(2)]
    if version == 3 { try body.skip(1) }
    var parts: [HDF5Block] = []
    for byteCount in byteCounts {
      parts.append(try body.slice(byteCount))
      if version == 1 { try body.skip((8 - byteCount % 8) % 8) }
    }
    guard version == 1 || flags & 3 == 0 else { return nil }
    let nameBytes = parts[0].text
    let type = try HDF5Datatype(&parts[1])
    let space = try HDF5Dataspace(&parts[2])
    guard !space.isNull, space.shape.count < 2 else { return nil }
    let count = space.shape.first ?? 1
    // Every element takes bytes of the message.
    guard type.byteCount > 0, count <= body.remainingByteCount / type.byteCount else {
      throw body.malformed("the attribute has less than \(count) elements of \(type.byteCount) bytes")
    }
    guard let value = try value(&body, type, count, isSingle: space.shape.isEmpty) else { return nil }
    return (String(decoding: nameBytes, as: UTF8.self), value)
  }

  private mutating func value(
    _ body: inout HDF5Block, _ type: HDF5Datatype, _ count: Int, isSingle: Bool
  ) throws(OunceError) -> MetadataValue? {
    switch type.kind {
    case .text, .textElsewhere:
      var texts = PackedStrings()
      for _ in 0..<count {
        var element = try body.slice(type.byteCount)
        if case .text = type.kind {
          texts.append(bytes: element.text)
        } else {
          texts.append(bytes: try heap.text(&element))
        }
        guard texts.bytes.count <= Limits.metadataStringByteCount else { return nil }
      }
      return isSingle ? .string(texts[0]) : .array(.strings(texts))
    case .number(let name, let isBigEndian):
      var words: [UInt64] = []
      for _ in 0..<count {
        var element = try body.slice(type.byteCount)
        let word = try element.word(type.byteCount)
        words.append(isBigEndian ? word.byteSwapped >> UInt64(64 - 8 * min(type.byteCount, 8)) : word)
      }
      guard let array = Self.array(name, words) else { return nil }
      return isSingle ? array.first : .array(array)
    default: return nil
    }
  }

  /// Numbers of the encoding `name` from their bits.
  private static func array(_ name: String, _ words: [UInt64]) -> MetadataArray? {
    switch name {
    case "I8": .int8(words.map { Int8(truncatingIfNeeded: $0) })
    case "U8": .uint8(words.map { UInt8(truncatingIfNeeded: $0) })
    case "I16": .int16(words.map { Int16(truncatingIfNeeded: $0) })
    case "U16": .uint16(words.map { UInt16(truncatingIfNeeded: $0) })
    case "I32": .int32(words.map { Int32(truncatingIfNeeded: $0) })
    case "U32": .uint32(words.map { UInt32(truncatingIfNeeded: $0) })
    case "I64": .int64(words.map { Int64(truncatingIfNeeded: $0) })
    case "U64": .uint64(words)
    case "F32": .float32(words.map { Float(bitPattern: UInt32(truncatingIfNeeded: $0)) })
    case "F64": .float64(words.map { Double(bitPattern: $0) })
    case "BOOL": .bool(words.map { $0 != 0 })
    default: nil
    }
  }
}

extension MetadataArray {
  /// The first element of numbers.
  fileprivate var first: MetadataValue? {
    switch self {
    case .uint8(let values): values.first.map { .uint8($0) }
    case .int8(let values): values.first.map { .int8($0) }
    case .uint16(let values): values.first.map { .uint16($0) }
    case .int16(let values): values.first.map { .int16($0) }
    case .uint32(let values): values.first.map { .uint32($0) }
    case .int32(let values): values.first.map { .int32($0) }
    case .float32(let values): values.first.map { .float32($0) }
    case .bool(let values): values.first.map { .bool($0) }
    case .uint64(let values): values.first.map { .uint64($0) }
    case .int64(let values): values.first.map { .int64($0) }
    case .float64(let values): values.first.map { .float64($0) }
    case .strings, .arrays: nil
    }
  }
}
