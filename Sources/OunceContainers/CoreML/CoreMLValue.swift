internal import OunceCore
internal import OunceEncoding

/// One `Value` of a program: its type and where its elements are.
struct CoreMLValue {
  /// Where the message is in the file.
  let range: Range<Int>
  private(set) var shape: [Int] = []
  /// nil: no tensor, or of an element type that is not known.
  private(set) var type: CoreMLType?
  private(set) var typeNumber = 0
  /// A name below the model's folder, and where the description of the bytes is in that file.
  private(set) var blob: (name: Range<Int>, offset: UInt64)?
  /// What holds the elements in the program itself: the field of TensorValue, and its message.
  private(set) var immediate: (field: Int, range: Range<Int>)?

  var isString: Bool { typeNumber == CoreMLType.string }

  init(_ message: ProtobufReader, _ range: Range<Int>) throws(OunceError) {
    self.range = range
    var reader = message
    while let (field, value) = try reader.next() {
      guard case .bytes(let range) = value else { continue }
      switch field {
      case 2: try describe(message.nested(range))
      case 3:
        // ImmediateValue: tensor; then the kind of its numbers.
        guard let tensor = try Self.part(1, of: message.nested(range)) else { continue }
        var tensorReader = message.nested(tensor)
        while let (field, value) = try tensorReader.next() {
          if case .bytes(let range) = value { immediate = (field, range) }
        }
      case 5:
        var blobReader = message.nested(range)
        var (name, offset) = (0..<0, UInt64(0))
        while let (field, value) = try blobReader.next() {
          switch (field, value) {
          case (1, .bytes(let range)): name = range
          case (2, .integer(let number)): offset = number
          default: break
          }
        }
        blob = (name, offset)
      default: break
      }
    }
  }

  /// Reads a `ValueType`.
  private mutating func describe(_ message: ProtobufReader) throws(OunceError) {
    guard let tensor = try Self.part(1, of: message) else { return }
    (typeNumber, shape) = try Self.tensorType(message.nested(tensor))
    type = CoreMLType.numbered(typeNumber)
  }

  /// The element type and the sizes of a `TensorType`; a size that is not known is -1.
  static func tensorType(_ message: ProtobufReader) throws(OunceError) -> (type: Int, shape: [Int]) {
    var reader = message
    var type = 0
    var shape: [Int] = []
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .integer(let number)): type = Int(clamping: number)
      case (3, .bytes(let range)):
        var size = -1
        if let constant = try part(1, of: message.nested(range)) {
          size = 0
          var reader = message.nested(constant)
          while let (field, value) = try reader.next() {
            if field == 1, case .integer(let number) = value { size = Int(clamping: number) }
          }
        }
        shape.append(size)
      default: break
      }
      guard shape.count <= Self.dimensionLimit else {
        throw reader.malformed("a value has more than \(Self.dimensionLimit) dimensions", at: reader.offset)
      }
    }
    return (type, shape)
  }

  private static let dimensionLimit = 64

  /// The last message in a field.
  static func part(_ field: Int, of message: ProtobufReader) throws(OunceError) -> Range<Int>? {
    var reader = message
    var found: Range<Int>?
    while let (number, value) = try reader.next() {
      if number == field, case .bytes(let range) = value { found = range }
    }
    return found
  }
}

/// Bytes of a value, wherever they are.
struct CoreMLBytes {
  /// Rows as long as whoever asked wanted them.
  let data: any TensorData
  let fileIndex: Int
}

extension CoreMLReader {
  /// The elements of a value as a tensor: of types below a byte, one byte each.
  ///
  /// - Returns: nil when this build does not know the element type.
  mutating func tensor(_ value: CoreMLValue, _ name: String) throws(OunceError) -> Tensor? {
    guard let type = value.type, let encoding = Encodings.named(type.encoding) else { return nil }
    let info = try TensorInfo(name: name, shape: value.shape, encoding: encoding)
    let bytes = try elements(value, type, count: info.elementCount, perRow: info.columnCount)
    var tensor = Tensor(info: info, data: bytes.data)
    tensor.fileIndex = bytes.fileIndex
    return tensor
  }

  /// The elements of a value in rows of `perRow`.
  mutating func elements(
    _ value: CoreMLValue, _ type: CoreMLType, count: Int, perRow: Int
  ) throws(OunceError) -> CoreMLBytes {
    let byteCount =
      type.isPacked
      ? PackedBits.byteCount(of: count, bitCount: type.bitCount) : count * (type.bitCount / 8)
    guard count > 0 else { return CoreMLBytes(data: Memory(bytes: [], rowByteCount: 0), fileIndex: 0) }
    let rowByteCount = type.isPacked ? 1 : perRow * (type.bitCount / 8)
    let bytes: CoreMLBytes
    if let blob = value.blob {
      let place = try self.blob(blob, type, byteCount, at: value.range)
      bytes = CoreMLBytes(
        data: FileRegion(file: place.file, offset: place.offset, rowByteCount: rowByteCount), fileIndex: place.index)
    } else if let immediate = value.immediate {
      bytes = CoreMLBytes(
        data: try self.immediate(immediate, type, count, byteCount, rowByteCount), fileIndex: 0)
    } else {
      throw root.malformed("expected \(count) values, found none", at: value.range.lowerBound)
    }
    guard type.isPacked else { return bytes }
    return CoreMLBytes(
      data: PackedBits(bytes.data, bitCount: type.bitCount, isSigned: type.isSigned, columnCount: perRow),
      fileIndex: bytes.fileIndex)
  }

  /// Elements that stand in the program: `TensorValue`.
  private func immediate(
    _ place: (field: Int, range: Range<Int>), _ type: CoreMLType, _ count: Int, _ byteCount: Int, _ rowByteCount: Int
  ) throws(OunceError) -> any TensorData {
    let message = root.nested(place.range)
    if place.field == 7 {
      let bytes = try CoreMLValue.part(1, of: message) ?? place.range.lowerBound..<place.range.lowerBound
      guard bytes.count == byteCount else {
        throw root.malformed("expected \(byteCount) bytes of \(type.name), found \(bytes.count)", at: bytes.lowerBound)
      }
      return FileRegion(file: file, offset: bytes.lowerBound, rowByteCount: rowByteCount)
    }
    let kinds: [Int: (wire: ProtobufNumbers.Wire, bitCounts: ClosedRange<Int>)] = [
      1: (.fixed32, 32...32), 2: (.varint, 1...32), 3: (.varint, 1...8), 5: (.varint, 64...64), 6: (.fixed64, 64...64),
    ]
    guard let kind = kinds[place.field], kind.bitCounts.contains(type.bitCount), !type.isPacked else {
      throw root.malformed(
        "expected values of \(type.name), found them in field \(place.field)", at: place.range.lowerBound)
    }
    let numbers = try ProtobufNumbers(message, field: 1, wire: kind.wire)
    guard numbers.count == count else {
      throw root.malformed(
        "expected \(count) values of \(type.name), found \(numbers.count)", at: place.range.lowerBound)
    }
    return numbers.rows(
      wordByteCount: type.bitCount / 8, rowByteCount: rowByteCount, isTruth: type.encoding == "BOOL")
  }

  /// Where the bytes of a value are in a weight file.
  private mutating func blob(
    _ blob: (name: Range<Int>, offset: UInt64), _ type: CoreMLType, _ byteCount: Int, at range: Range<Int>
  ) throws(OunceError) -> (file: InputFile, index: Int, offset: Int) {
    var reader = root
    var name = try reader.text(blob.name)
    if name.hasPrefix("@model_path/") { name.removeFirst("@model_path/".count) }
    let index = try siblings.index(of: name)
    let file = siblings.files[index]
    func refuse(_ problem: String) -> OunceError {
      OunceError(
        .malformed, problem, file: self.file.path, offset: range.lowerBound,
        remedy: "\(name) was cut short or belongs to another model; fetch it again")
    }
    guard blob.offset <= UInt64(max(file.byteCount - 64, 0)), blob.offset >= 64, file.byteCount >= 128 else {
      throw refuse("expected a value at byte \(blob.offset) of \(name), but it has \(file.byteCount)")
    }
    if checkedSiblings.insert(index).inserted {
      var header = ByteReader(file, limit: 64)
      try header.skip(4)
      let version = try header.integer(UInt32.self)
      guard version == 2 else { throw refuse("expected version 2 of \(name), found \(version)") }
    }
    var bytes = ByteReader(file, at: Int(blob.offset), limit: Int(blob.offset) + 64)
    guard try bytes.integer(UInt32.self) == 0xDEAD_BEEF else {
      throw refuse("expected a value at byte \(blob.offset) of \(name), found something else")
    }
    let number = Int(try bytes.integer(UInt32.self))
    guard let found = CoreMLType.all.first(where: { $0.blobNumber == number }), found.bitCount == type.bitCount else {
      throw refuse("expected \(type.name) at byte \(blob.offset) of \(name), found the element type \(number)")
    }
    let length = try bytes.integer(UInt64.self)
    let offset = try bytes.integer(UInt64.self)
    guard length == UInt64(byteCount) else {
      throw refuse("expected \(byteCount) bytes of \(type.name) in \(name), found \(length)")
    }
    guard offset <= UInt64(file.byteCount), length <= UInt64(file.byteCount) - offset else {
      throw refuse("expected \(byteCount) bytes at byte \(offset) of \(name), but it has \(file.byteCount)")
    }
    return (file, index + 1, Int(offset))
  }
}
