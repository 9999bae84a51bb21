/// The element types of Core ML programs, in the program and in weight files.
struct CoreMLType: Equatable {
  /// In the program: `DataType` of MIL.proto.
  let number: Int
  /// In weight files.
  let blobNumber: Int?
  let name: String
  /// What the tensor becomes.
  let encoding: String
  let bitCount: Int
  var isSigned = false

  var isPacked: Bool { bitCount < 8 }

  static let string = 2

  static let all: [CoreMLType] = [
    CoreMLType(number: 1, blobNumber: nil, name: "BOOL", encoding: "BOOL", bitCount: 8),
    CoreMLType(number: 10, blobNumber: 1, name: "FLOAT16", encoding: "F16", bitCount: 16),
    CoreMLType(number: 11, blobNumber: 2, name: "FLOAT32", encoding: "F32", bitCount: 32),
    CoreMLType(number: 12, blobNumber: nil, name: "FLOAT64", encoding: "F64", bitCount: 64),
    CoreMLType(number: 13, blobNumber: 5, name: "BFLOAT16", encoding: "BF16", bitCount: 16),
    CoreMLType(number: 21, blobNumber: 4, name: "INT8", encoding: "I8", bitCount: 8, isSigned: true),
    CoreMLType(number: 22, blobNumber: 6, name: "INT16", encoding: "I16", bitCount: 16, isSigned: true),
    CoreMLType(number: 23, blobNumber: 14, name: "INT32", encoding: "I32", bitCount: 32, isSigned: true),
    CoreMLType(number: 24, blobNumber: nil, name: "INT64", encoding: "I64", bitCount: 64, isSigned: true),
    CoreMLType(number: 25, blobNumber: 8, name: "INT4", encoding: "I8", bitCount: 4, isSigned: true),
    CoreMLType(number: 31, blobNumber: 3, name: "UINT8", encoding: "U8", bitCount: 8),
    CoreMLType(number: 32, blobNumber: 7, name: "UINT16", encoding: "U16", bitCount: 16),
    CoreMLType(number: 33, blobNumber: 15, name: "UINT32", encoding: "U32", bitCount: 32),
    CoreMLType(number: 34, blobNumber: nil, name: "UINT64", encoding: "U64", bitCount: 64),
    CoreMLType(number: 35, blobNumber: 11, name: "UINT4", encoding: "U8", bitCount: 4),
    CoreMLType(number: 36, blobNumber: 10, name: "UINT2", encoding: "U8", bitCount: 2),
    CoreMLType(number: 37, blobNumber: 9, name: "UINT1", encoding: "U8", bitCount: 1),
    CoreMLType(number: 38, blobNumber: 13, name: "UINT6", encoding: "U8", bitCount: 6),
    CoreMLType(number: 39, blobNumber: 12, name: "UINT3", encoding: "U8", bitCount: 3),
    CoreMLType(number: 40, blobNumber: 16, name: "FLOAT8E4M3FN", encoding: "F8_E4M3", bitCount: 8),
    CoreMLType(number: 41, blobNumber: 17, name: "FLOAT8E5M2", encoding: "F8_E5M2", bitCount: 8),
  ]

  static func numbered(_ number: Int) -> CoreMLType? { all.first { $0.number == number } }
}
