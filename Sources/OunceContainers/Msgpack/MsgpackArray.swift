internal import OunceCore
internal import OunceEncoding

/// The bytes of an array's extension: a list of its shape, the name of its dtype, its elements.
struct MsgpackArray {
  let shape: [Int]
  let dtype: String
  /// Where its elements are.
  let range: Range<Int>

  /// nil: there is no encoding of this dtype.
  var encoding: (any Encoding)? { Self.encodings[dtype].flatMap { Encodings.named($0) } }

  private static let encodings = [
    "float64": "F64", "float32": "F32", "float16": "F16", "bfloat16": "BF16", "float8_e4m3fn": "F8_E4M3",
    "float8_e5m2": "F8_E5M2", "float8_e4m3fnuz": "F8_E4M3FNUZ", "float8_e5m2fnuz": "F8_E5M2FNUZ",
    "float8_e8m0fnu": "F8_E8M0", "int8": "I8", "int16": "I16", "int32": "I32", "int64": "I64", "uint8": "U8",
    "uint16": "U16", "uint32": "U32", "uint64": "U64", "bool": "BOOL", "complex64": "C64", "complex128": "C128",
  ]

  init(_ reader: MsgpackReader, _ bytes: Range<Int>) throws(OunceError) {
    var nested = reader.nested(bytes)
    guard case .list(3) = try nested.next(), case .list(let rank) = try nested.next() else {
      throw reader.malformed("an array is no list of shape, dtype and elements", at: bytes.lowerBound)
    }
    guard rank <= Limits.dimensions else {
      throw reader.malformed("\(rank) dimensions are more than the limit of \(Limits.dimensions)", at: bytes.lowerBound)
    }
    var shape: [Int] = []
    for _ in 0..<rank {
      let start = nested.offset
      guard case .integer(let size) = try nested.next(), let size = Int(exactly: size), size >= 0 else {
        throw reader.malformed("a size of an array is no number", at: start)
      }
      shape.append(size)
    }
    let start = nested.offset
    switch try nested.next() {
    case .text(let name), .bytes(let name): dtype = try reader.text(name) ?? "?"
    default: throw reader.malformed("the dtype of an array is no text", at: start)
    }
    guard case .bytes(let elements) = try nested.next(), nested.isAtEnd else {
      throw reader.malformed("an array does not end in its elements", at: bytes.lowerBound)
    }
    self.shape = shape
    range = elements
  }

  func check(_ byteCount: Int, _ reader: MsgpackReader) throws(OunceError) {
    guard range.count == byteCount else {
      throw reader.malformed(
        "the shape \(shape) of \(dtype) takes \(byteCount) bytes, but \(range.count) are given", at: range.lowerBound)
    }
  }
}

/// An array that was cut into flat pieces.
struct MsgpackChunks {
  static let mark = "__msgpack_chunked_array__"

  private(set) var shape: [Int] = []
  private var pieces: [Range<Int>] = []
  private(set) var dtype = "nothing"
  private(set) var encoding: (any Encoding)?
  private(set) var byteCount = 0

  /// Reads what follows the key `mark` in a dictionary of `count` pairs.
  init(_ reader: inout MsgpackReader, _ count: Int) throws(OunceError) {
    let start = reader.offset
    guard count == 3, case .boolean(true) = try reader.next() else {
      throw reader.malformed("an array in chunks has a shape and chunks", at: start)
    }
    for expected in ["shape", "chunks"] {
      let place = reader.offset
      guard case .text(let key) = try reader.next(), try reader.text(key) == expected else {
        throw reader.malformed("expected the \(expected) of an array in chunks", at: place)
      }
      if expected == "shape" { try readShape(&reader) } else { try readChunks(&reader) }
    }
  }

  private mutating func readShape(_ reader: inout MsgpackReader) throws(OunceError) {
    try Self.list(&reader, atMost: Limits.dimensions) { (reader, start) throws(OunceError) in
      guard case .integer(let size) = try reader.next(), let size = Int(exactly: size), size >= 0 else {
        throw reader.malformed("a size of an array is no number", at: start)
      }
      shape.append(size)
    }
  }

  private mutating func readChunks(_ reader: inout MsgpackReader) throws(OunceError) {
    try Self.list(&reader, atMost: Limits.tensors) { (reader, start) throws(OunceError) in
      guard case .extended(1, let range) = try reader.next() else {
        throw reader.malformed("a chunk is no array", at: start)
      }
      let array = try MsgpackArray(reader, range)
      guard pieces.isEmpty || array.dtype == dtype else {
        throw reader.malformed("a chunk of \(array.dtype) follows one of \(dtype)", at: start)
      }
      dtype = array.dtype
      encoding = array.encoding
      if let encoding {
        try array.check(try TensorInfo(name: "", shape: array.shape, encoding: encoding).byteCount, reader)
      }
      pieces.append(array.range)
      byteCount += array.range.count
    }
  }

  /// A list, or the dictionary that Flax makes of one: the keys are "0", "1", ….
  private static func list(
    _ reader: inout MsgpackReader, atMost limit: Int,
    _ body: (inout MsgpackReader, Int) throws(OunceError) -> Void
  ) throws(OunceError) {
    let start = reader.offset
    let count: Int
    let hasKeys: Bool
    switch try reader.next() {
    case .list(let number): (count, hasKeys) = (number, false)
    case .dictionary(let number): (count, hasKeys) = (number, true)
    default: throw reader.malformed("expected a list", at: start)
    }
    guard count <= limit else {
      throw reader.malformed("a list of \(count) is beyond the limit of \(limit)", at: start)
    }
    for index in 0..<count {
      let place = reader.offset
      if hasKeys {
        guard case .text(let key) = try reader.next(), try reader.text(key) == "\(index)" else {
          throw reader.malformed("expected the key \(index)", at: place)
        }
      }
      try body(&reader, reader.offset)
    }
  }

  /// The pieces in a row. The caller has checked that together they have the bytes of `info`.
  func data(_ info: TensorInfo, _ file: InputFile) -> any TensorData {
    let size = info.encoding.bytesPerBlock
    let elements = RowJoin(
      pieces.map { (FileRegion(file: file, offset: $0.lowerBound, rowByteCount: size), $0.count / size) },
      rowByteCount: size)
    return Reshaped(elements, baseRowByteCount: size, rowByteCount: info.rowByteCount)
  }
}
