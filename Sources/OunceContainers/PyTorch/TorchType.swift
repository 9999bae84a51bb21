internal import OunceCore
internal import OunceEncoding

/// An element type of PyTorch.
struct TorchType: Sendable {
  /// As PyTorch calls it: `float32`.
  let name: String
  /// The class of a storage of these elements; nil for types that came when storages had lost their types.
  let storage: String?
  let byteCount: Int
  /// The encoding here; nil: the elements cannot be read.
  let encoding: String?

  static let all: [TorchType] = [
    TorchType(name: "float32", storage: "FloatStorage", byteCount: 4, encoding: "F32"),
    TorchType(name: "float64", storage: "DoubleStorage", byteCount: 8, encoding: "F64"),
    TorchType(name: "float16", storage: "HalfStorage", byteCount: 2, encoding: "F16"),
    TorchType(name: "bfloat16", storage: "BFloat16Storage", byteCount: 2, encoding: "BF16"),
    TorchType(name: "uint8", storage: "ByteStorage", byteCount: 1, encoding: "U8"),
    TorchType(name: "int8", storage: "CharStorage", byteCount: 1, encoding: "I8"),
    TorchType(name: "int16", storage: "ShortStorage", byteCount: 2, encoding: "I16"),
    TorchType(name: "int32", storage: "IntStorage", byteCount: 4, encoding: "I32"),
    TorchType(name: "int64", storage: "LongStorage", byteCount: 8, encoding: "I64"),
    TorchType(name: "bool", storage: "BoolStorage", byteCount: 1, encoding: "BOOL"),
    TorchType(name: "complex64", storage: "ComplexFloatStorage", byteCount: 8, encoding: "C64"),
    TorchType(name: "complex128", storage: "ComplexDoubleStorage", byteCount: 16, encoding: "C128"),
    TorchType(name: "uint16", storage: nil, byteCount: 2, encoding: "U16"),
    TorchType(name: "uint32", storage: nil, byteCount: 4, encoding: "U32"),
    TorchType(name: "uint64", storage: nil, byteCount: 8, encoding: "U64"),
    TorchType(name: "float8_e4m3fn", storage: nil, byteCount: 1, encoding: "F8_E4M3"),
    TorchType(name: "float8_e5m2", storage: nil, byteCount: 1, encoding: "F8_E5M2"),
    TorchType(name: "float8_e4m3fnuz", storage: nil, byteCount: 1, encoding: "F8_E4M3FNUZ"),
    TorchType(name: "float8_e5m2fnuz", storage: nil, byteCount: 1, encoding: "F8_E5M2FNUZ"),
    TorchType(name: "float8_e8m0fnu", storage: nil, byteCount: 1, encoding: "F8_E8M0"),
    TorchType(name: "qint8", storage: "QInt8Storage", byteCount: 1, encoding: nil),
    TorchType(name: "quint8", storage: "QUInt8Storage", byteCount: 1, encoding: nil),
    TorchType(name: "qint32", storage: "QInt32Storage", byteCount: 4, encoding: nil),
    TorchType(name: "quint4x2", storage: "QUInt4x2Storage", byteCount: 1, encoding: nil),
    TorchType(name: "quint2x4", storage: "QUInt2x4Storage", byteCount: 1, encoding: nil),
    TorchType(name: "complex32", storage: "ComplexHalfStorage", byteCount: 4, encoding: nil),
    TorchType(name: "float4_e2m1fn_x2", storage: nil, byteCount: 1, encoding: nil),
    TorchType(name: "bits8", storage: nil, byteCount: 1, encoding: nil),
    TorchType(name: "bits16", storage: nil, byteCount: 2, encoding: nil),
  ]

  /// Bytes without a type: what the storages of newer types are.
  static let untyped = TorchType(name: "uint8", storage: "UntypedStorage", byteCount: 1, encoding: "U8")

  private static let byPath: [String: TorchType] = {
    var types: [String: TorchType] = [:]
    for type in all { types["torch.\(type.name)"] = type }
    for (alias, name) in [("float", "float32"), ("double", "float64"), ("half", "float16"), ("long", "int64")] {
      types["torch.\(alias)"] = types["torch.\(name)"]
    }
    return types
  }()

  /// An element type by the path of its global: `torch.float32`.
  static func element(_ path: String) -> TorchType? { byPath[path] }

  /// The element type of a class of storages: `torch.FloatStorage`, `torch.cuda.FloatStorage`.
  static func storage(_ path: String) -> TorchType? {
    guard path.hasPrefix("torch."), let name = path.split(separator: ".").last else { return nil }
    return byStorage[String(name)]
  }

  private static let byStorage: [String: TorchType] = {
    var types: [String: TorchType] = [:]
    for type in all { if let storage = type.storage { types[storage] = type } }
    for name in ["UntypedStorage", "_UntypedStorage"] { types[name] = untyped }
    return types
  }()

  static func named(_ path: String) -> TorchType? { element(path) ?? storage(path) }
}
