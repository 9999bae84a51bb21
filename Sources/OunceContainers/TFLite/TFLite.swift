public import OunceCore
internal import OunceEncoding

/// TensorFlow Lite (LiteRT): a FlatBuffer of the kind `TFL3`. Tensors are those with content, of all subgraphs.
///
/// Schema: `tensorflow/compiler/mlir/lite/schema/schema.fbs`
///
/// | table | fields, by their number |
/// |---|---|
/// | `Model` | 0 version (3), 2 subgraphs, 3 description, 4 buffers |
/// | `SubGraph` | 0 tensors, 4 name |
/// | `Tensor` | 0 shape, 1 type, 2 buffer, 3 name, 4 quantization, 6 sparsity, 10 external buffer |
/// | `QuantizationParameters` | 2 scales, 3 zero points, 4 kind of details, 6 dimension |
/// | `Buffer` | 0 data; or 1 offset and 2 byte count in the file, where it is beyond 2 GB |
///
/// Buffer 0 is empty: its tensors are made when the model runs.
///
/// Quantized tensors stay the integers that they are. Their scales and zero points are in the metadata, under
/// `quantization.NAME.scale`, `.zero_point` and, where there are several, `.axis`; and in `Tensor.scaling`, from which
/// `Model.dequantized` makes floats.
///
/// Names need not be unique here: the first tensor of a name keeps it, a later one gets `#SUBGRAPH.INDEX` behind it.
public struct TFLiteContainer: Container {
  static let title = "TFLite"
  static let version: UInt64 = 3

  public let name = title
  public let fileExtensions = ["tflite"]
  /// Subgraphs share the buffers of weights.
  public var sharesBytes: Bool { true }

  public init() {}

  public func recognizes(_ candidate: Candidate) -> Bool { candidate.has("TFL3", at: 4) }

  public func read(_ file: InputFile) throws(OunceError) -> Model {
    var reader = TFLiteReader(file)
    return try reader.model()
  }
}

/// A `TensorType`. Integers below a byte are packed, the first in the low bits; they become bytes.
struct TFLiteType: Sendable {
  let name: String
  /// nil: tensors of it cannot be read.
  let encodingName: String?
  /// Bits of one element, where they are fewer than eight.
  let bitCount: Int?

  /// nil: there is none of this number.
  static func number(_ number: UInt64) -> TFLiteType? { number < UInt64(all.count) ? all[Int(number)] : nil }

  var encoding: (any Encoding)? { encodingName.flatMap(Encodings.named) }
  var isSigned: Bool { encodingName == "I8" }

  private static let all: [TFLiteType] = [
    .init("FLOAT32", "F32"), .init("FLOAT16", "F16"), .init("INT32", "I32"), .init("UINT8", "U8"),
    .init("INT64", "I64"), .init("STRING", nil), .init("BOOL", "BOOL"), .init("INT16", "I16"),
    .init("COMPLEX64", "C64"), .init("INT8", "I8"), .init("FLOAT64", "F64"), .init("COMPLEX128", "C128"),
    .init("UINT64", "U64"), .init("RESOURCE", nil), .init("VARIANT", nil), .init("UINT32", "U32"),
    .init("UINT16", "U16"), .init("INT4", "I8", bitCount: 4), .init("BFLOAT16", "BF16"),
    .init("INT2", "I8", bitCount: 2), .init("UINT4", "U8", bitCount: 4),
  ]

  private init(_ name: String, _ encodingName: String?, bitCount: Int? = nil) {
    (self.name, self.encodingName, self.bitCount) = (name, encodingName, bitCount)
  }
}
