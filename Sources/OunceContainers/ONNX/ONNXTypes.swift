/// The element types of ONNX.
///
/// Values of types narrower than 32 bits stand in `int32_data` when they do not stand in `raw_data`: halves and small
/// floats as their bits, numbers below a byte as bytes of two or four.
struct ONNXType {
  let number: Int
  let name: String
  /// What the tensor becomes.
  let encoding: String
  /// The field of TensorProto for values one by one: 4 float, 5 int32, 7 int64, 10 double, 11 uint64.
  let field: Int
  /// The bytes of one number of that field that are part of the tensor.
  let wordByteCount: Int
  /// The bits of one element in the file, where that differs from the encoding.
  var packedBitCount: Int?
  var isSigned = false

  static let string = 8

  static let all: [ONNXType] = [
    ONNXType(number: 1, name: "FLOAT", encoding: "F32", field: 4, wordByteCount: 4),
    ONNXType(number: 2, name: "UINT8", encoding: "U8", field: 5, wordByteCount: 1),
    ONNXType(number: 3, name: "INT8", encoding: "I8", field: 5, wordByteCount: 1),
    ONNXType(number: 4, name: "UINT16", encoding: "U16", field: 5, wordByteCount: 2),
    ONNXType(number: 5, name: "INT16", encoding: "I16", field: 5, wordByteCount: 2),
    ONNXType(number: 6, name: "INT32", encoding: "I32", field: 5, wordByteCount: 4),
    ONNXType(number: 7, name: "INT64", encoding: "I64", field: 7, wordByteCount: 8),
    ONNXType(number: 9, name: "BOOL", encoding: "BOOL", field: 5, wordByteCount: 1),
    ONNXType(number: 10, name: "FLOAT16", encoding: "F16", field: 5, wordByteCount: 2),
    ONNXType(number: 11, name: "DOUBLE", encoding: "F64", field: 10, wordByteCount: 8),
    ONNXType(number: 12, name: "UINT32", encoding: "U32", field: 11, wordByteCount: 4),
    ONNXType(number: 13, name: "UINT64", encoding: "U64", field: 11, wordByteCount: 8),
    ONNXType(number: 14, name: "COMPLEX64", encoding: "C64", field: 4, wordByteCount: 4),
    ONNXType(number: 15, name: "COMPLEX128", encoding: "C128", field: 10, wordByteCount: 8),
    ONNXType(number: 16, name: "BFLOAT16", encoding: "BF16", field: 5, wordByteCount: 2),
    ONNXType(number: 17, name: "FLOAT8E4M3FN", encoding: "F8_E4M3", field: 5, wordByteCount: 1),
    ONNXType(number: 18, name: "FLOAT8E4M3FNUZ", encoding: "F8_E4M3FNUZ", field: 5, wordByteCount: 1),
    ONNXType(number: 19, name: "FLOAT8E5M2", encoding: "F8_E5M2", field: 5, wordByteCount: 1),
    ONNXType(number: 20, name: "FLOAT8E5M2FNUZ", encoding: "F8_E5M2FNUZ", field: 5, wordByteCount: 1),
    ONNXType(number: 21, name: "UINT4", encoding: "U8", field: 5, wordByteCount: 1, packedBitCount: 4),
    ONNXType(number: 22, name: "INT4", encoding: "I8", field: 5, wordByteCount: 1, packedBitCount: 4, isSigned: true),
    ONNXType(number: 23, name: "FLOAT4E2M1", encoding: "F4", field: 5, wordByteCount: 1),
    ONNXType(number: 24, name: "FLOAT8E8M0", encoding: "F8_E8M0", field: 5, wordByteCount: 1),
    ONNXType(number: 25, name: "UINT2", encoding: "U8", field: 5, wordByteCount: 1, packedBitCount: 2),
    ONNXType(number: 26, name: "INT2", encoding: "I8", field: 5, wordByteCount: 1, packedBitCount: 2, isSigned: true),
  ]
}
