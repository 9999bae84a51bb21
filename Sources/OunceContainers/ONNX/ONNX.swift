public import OunceCore

/// ONNX: one protocol buffer, `ModelProto`.
///
/// Specification: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
///
/// | message | field: what |
/// |---|---|
/// | ModelProto | 1: version · 7: GraphProto · 8: operator sets · 14: metadata · 20: training · 25: functions |
/// | GraphProto | 1: NodeProto … · 5: TensorProto … (initializers) · 15: SparseTensorProto … |
/// | NodeProto | 2: outputs · 3: name · 4: operator · 5: AttributeProto … · 7: domain |
/// | AttributeProto | 1: name · 2, 3, 7, 8: numbers · 5, 10: TensorProto · 6, 11: GraphProto |
/// | TensorProto | 1: shape · 2: type · 8: name · 9: bytes, or 4, 5, 7, 10, 11: numbers, or 13, 14: another file |
///
/// What tensors are called:
///
/// | tensor | name |
/// |---|---|
/// | an initializer of the main graph | its own |
/// | the value of a `Constant` | `Constant:` and the name of what the node gives |
/// | an attribute of another node | `NODE/ATTRIBUTE` |
/// | in the graph of an attribute (`If`, `Loop`, `Scan`) | `NODE/ATTRIBUTE::` before all this, once for each level |
/// | in a function | `function:DOMAIN.NAME::` before it |
/// | in the graphs of training | `training_info[0]/initialization::` or `…/algorithm::` before it |
///
/// NODE is the name of a node, or of its first output when it has none. Elements of a list have their number behind
/// the attribute: `NODE/ATTRIBUTE[1]`. Nothing guarantees that nodes have different names: the second tensor or graph
/// that would be called the same has `#2` behind it. Integers of two and four bits become I8 and U8.
public struct ONNXContainer: Container {
  public let name = "ONNX"
  public let fileExtensions = ["onnx"]
  public var tellsItsEnd: Bool { false }
  public var sharesBytes: Bool { true }

  public init() {}

  /// A version, and a graph whose first fields are those of a graph. Other messages begin with text (GraphDef, Caffe),
  /// or have no field 7 (SavedModel, Core ML).
  public func recognizes(_ candidate: Candidate) -> Bool {
    var reader = ProtobufReader(candidate.file, mayBeCut: true)
    var hasVersion = false
    var hasGraph = false
    for _ in 0..<Limits.protobufProbedFields {
      guard let next = try? reader.next() else { break }
      switch next {
      case (1, .integer(1...1000)): hasVersion = true
      case (5, .integer), (2, .bytes), (3, .bytes), (4, .bytes), (6, .bytes), (8, .bytes), (14, .bytes), (20, .bytes),
        (25, .bytes), (26, .bytes):
        break
      case (7, .bytes(let range)):
        guard Self.isGraph(reader.nested(range)) else { return false }
        hasGraph = true
      default: return false
      }
      if hasVersion && hasGraph { return true }
    }
    return false
  }

  private static func isGraph(_ message: ProtobufReader) -> Bool {
    var message = message
    for _ in 0..<16 {
      guard let next = try? message.next() else { return true }
      guard case .bytes = next.value, [1, 2, 5, 10, 11, 12, 13, 14, 15, 16].contains(next.field) else { return false }
    }
    return true
  }

  public func read(_ file: InputFile) throws(OunceError) -> Model {
    var reader = ONNXReader(file)
    return try reader.model()
  }
}
