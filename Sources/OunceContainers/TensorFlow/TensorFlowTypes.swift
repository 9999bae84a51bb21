internal import OunceCore
internal import OunceEncoding

/// A `DataType` of TensorFlow.
///
/// Source: `tensorflow/core/framework/types.proto` and `tensor.proto`. Integers below a byte have a byte each, of which
/// the low bits count; quantized types (`qint8`) are their integers, since their scale is known to operations only.
/// References to variables (100 and more) never stand in files of weights.
struct TensorFlowType: Sendable {
  /// As Python prints it.
  let name: String
  /// nil: tensors of it cannot be read.
  let encodingName: String?
  /// The field of a `TensorProto` that holds single values of it.
  let values: Values
  /// How many bits of each byte count, where these are not all.
  let bits: Int?

  enum Values: Sendable {
    /// So many words of `width` bytes for each element.
    case words(field: Int, width: Int, perElement: Int)
    /// Whole numbers or, for half precision, their bit patterns.
    case integers(field: Int)
    /// A byte for each element.
    case bytes(field: Int)
    case none

    var field: Int? {
      switch self {
      case .words(let field, _, _), .integers(let field), .bytes(let field): field
      case .none: nil
      }
    }
  }

  /// - Throws: `OunceError` of kind `.malformed` when there is no such type.
  static func number(_ number: UInt64, file: String, offset: Int) throws(OunceError) -> TensorFlowType {
    guard let type = all[number] else {
      throw OunceError(
        .malformed, "there is no type of elements with the number \(number)", file: file, offset: offset,
        remedy: "the file is damaged, or of a newer TensorFlow")
    }
    return type
  }

  /// nil when this build has none, or there is none.
  var encoding: (any Encoding)? { encodingName.flatMap(Encodings.named) }

  /// What a remark says about a tensor that has no encoding.
  var remark: String { name == "string" ? "is a tensor of strings" : "is a tensor of \(name)" }

  /// The elements as their encoding has them.
  func elements(_ stored: any TensorData) -> any TensorData {
    bits.map { LowBits(stored, count: $0, isSigned: encodingName == "I8") } ?? stored
  }

  private static let all: [UInt64: TensorFlowType] = [
    1: .init("float32", "F32", .words(field: 5, width: 4, perElement: 1)),
    2: .init("float64", "F64", .words(field: 6, width: 8, perElement: 1)),
    3: .init("int32", "I32", .integers(field: 7)),
    4: .init("uint8", "U8", .integers(field: 7)),
    5: .init("int16", "I16", .integers(field: 7)),
    6: .init("int8", "I8", .integers(field: 7)),
    7: .init("string", nil, .none),
    8: .init("complex64", "C64", .words(field: 9, width: 4, perElement: 2)),
    9: .init("int64", "I64", .integers(field: 10)),
    10: .init("bool", "BOOL", .integers(field: 11)),
    11: .init("qint8", "I8", .integers(field: 7)),
    12: .init("quint8", "U8", .integers(field: 7)),
    13: .init("qint32", "I32", .integers(field: 7)),
    14: .init("bfloat16", "BF16", .integers(field: 13)),
    15: .init("qint16", "I16", .integers(field: 7)),
    16: .init("quint16", "U16", .integers(field: 7)),
    17: .init("uint16", "U16", .integers(field: 7)),
    18: .init("complex128", "C128", .words(field: 12, width: 8, perElement: 2)),
    19: .init("float16", "F16", .integers(field: 13)),
    20: .init("resources", nil, .none),
    21: .init("variants", nil, .none),
    22: .init("uint32", "U32", .integers(field: 16)),
    23: .init("uint64", "U64", .integers(field: 17)),
    24: .init("float8_e5m2", "F8_E5M2", .bytes(field: 18)),
    25: .init("float8_e4m3fn", "F8_E4M3", .bytes(field: 18)),
    26: .init("float8_e4m3fnuz", "F8_E4M3FNUZ", .bytes(field: 18)),
    27: .init("float8_e4m3b11fnuz", nil, .none),
    28: .init("float8_e5m2fnuz", "F8_E5M2FNUZ", .bytes(field: 18)),
    29: .init("int4", "I8", .integers(field: 7), bits: 4),
    30: .init("uint4", "U8", .integers(field: 7), bits: 4),
    31: .init("int2", "I8", .integers(field: 7), bits: 2),
    32: .init("uint2", "U8", .integers(field: 7), bits: 2),
    33: .init("float4_e2m1fn", nil, .none),
  ]

  private init(_ name: String, _ encodingName: String?, _ values: Values, bits: Int? = nil) {
    (self.name, self.encodingName, self.values, self.bits) = (name, encodingName, values, bits)
  }
}

/// Whole numbers in the low bits of bytes, as bytes: what stands above is left by whatever computed them.
private struct LowBits: TensorData {
  private let base: any TensorData
  private let shift: UInt8
  private let isSigned: Bool

  init(_ base: any TensorData, count: Int, isSigned: Bool) {
    (self.base, shift, self.isSigned) = (base, UInt8(8 - count), isSigned)
  }

  func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    var stored = [UInt8](repeating: 0, count: bytes.byteCount)
    try stored.withMutableRawSpan { (span) throws(OunceError) in try base.read(rows: rows, into: &span) }
    for index in stored.indices {
      let high = stored[index] << shift
      stored[index] = isSigned ? UInt8(bitPattern: Int8(bitPattern: high) >> Int8(shift)) : high >> shift
    }
    stored.withRawSpan { bytes.copy($0) }
  }
}

extension ProtobufReader {
  /// The sizes of a `TensorShapeProto`; nil when not even their number is known, or a size is not.
  mutating func tensorFlowShape(_ range: Range<Int>) throws(OunceError) -> [Int]? {
    var shape: [Int] = []
    var isKnown = true
    var message = nested(range)
    while let (field, value) = try message.next() {
      switch (field, value) {
      case (2, .bytes(let dimension)):
        var size: UInt64 = 0
        var inner = message.nested(dimension)
        while let (field, value) = try inner.next() {
          if field == 1, case .integer(let number) = value { size = number }
        }
        // A size that is not known is −1.
        let number = Int(Int64(bitPattern: size))
        if number < 0 { isKnown = false }
        shape.append(number)
        guard shape.count <= Limits.dimensions else {
          throw malformed(
            "more dimensions than the limit of \(Limits.dimensions)", at: range.lowerBound)
        }
      case (3, .integer(let isUnknown)): if isUnknown != 0 { isKnown = false }
      default: break
      }
    }
    return isKnown ? shape : nil
  }
}
