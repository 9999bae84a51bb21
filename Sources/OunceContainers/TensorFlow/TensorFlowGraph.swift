public import OunceCore

/// TensorFlow's graphs: a frozen `GraphDef` (`.pb`), the `MetaGraphDef` beside a checkpoint (`.meta`) and
/// `saved_model.pb`. Tensors are what constants hold, those of functions included.
///
/// Source: `tensorflow/core/framework/{graph,node_def,attr_value,tensor,function}.proto`,
/// `tensorflow/core/protobuf/{meta_graph,saved_model}.proto`
///
/// | message | fields |
/// |---|---|
/// | `SavedModel` | 1 schema version, 2 `MetaGraphDef`s |
/// | `MetaGraphDef` | 1 `MetaInfoDef`, 2 `GraphDef`, … |
/// | `MetaInfoDef` | 2 operations used, 4 tags, 5 version of TensorFlow, … |
/// | `GraphDef` | 1 nodes, 2 library, 4 versions {1 producer, …} |
/// | `FunctionDefLibrary` | 1 functions, 2 gradients |
/// | `FunctionDef` | 1 signature {1 name, …}, 3 nodes, … |
/// | `NodeDef` | 1 name, 2 operation, 3 inputs, 4 device, 5 attributes {1 key, 2 value {…, 8 tensor}} |
///
/// A constant is called as its node is; in a function, `FUNCTION::NODE`: no name of TensorFlow has a colon.
public struct TensorFlowGraphContainer: Container {
  static let title = "TensorFlow graph"

  public let name = title
  public let fileExtensions = ["pb", "meta"]
  public var tellsItsEnd: Bool { false }
  public var sharesBytes: Bool { true }

  public init() {}

  public func recognizes(_ candidate: Candidate) -> Bool { GraphKind(candidate.head) != nil }

  public func read(_ file: InputFile) throws(OunceError) -> Model {
    // A SavedModel with variables has its weights in them.
    if GraphKind(try file.head()) == .savedModel, let variables = try? file.sibling(SavedModelContainer.index) {
      return try SavedModelContainer.model(file, variables)
    }
    return try Self.constants(file)
  }

  static func constants(_ file: InputFile) throws(OunceError) -> Model {
    guard let kind = GraphKind(try file.head()) else {
      throw OunceError(
        .malformed, "does not begin like a graph of TensorFlow", file: file.path, offset: 0)
    }
    var reader = GraphReader(file)
    return try reader.model(kind)
  }
}

/// A SavedModel: a folder with a graph, and variables in the form of a checkpoint. Where there are no variables, the
/// weights are the constants of the graph.
public struct SavedModelContainer: FolderContainer {
  static let title = "SavedModel"
  static let graph = "saved_model.pb"
  static let index = "variables/variables.index"

  public let name = title

  public init() {}

  public func recognizes(_ folder: Folder) -> Bool { folder.hasFile(Self.graph) || folder.hasFile(Self.index) }

  public func read(_ folder: Folder) throws(OunceError) -> Model {
    guard folder.hasFile(Self.index) else {
      var model = try TensorFlowGraphContainer.constants(try folder.file(Self.graph))
      model.container = Self.title
      return model
    }
    let graph = folder.hasFile(Self.graph) ? try folder.file(Self.graph) : nil
    return try Self.model(graph, try folder.file(Self.index))
  }

  static func model(_ graph: InputFile?, _ variables: InputFile) throws(OunceError) -> Model {
    var model = try TensorFlowCheckpointContainer().read(variables)
    model.container = title
    if let graph { model.files.append(graph) }
    return model
  }
}

/// Which message of TensorFlow a file begins with. All wire formats look alike, so what tells it are the first fields
/// of the first messages inside: writers put fields in the order of their numbers.
enum GraphKind: Equatable {
  case graph, metaGraph, savedModel

  /// nil when it is none of them.
  init?(_ head: [UInt8]) {
    guard let first = Self.first(head[...]) else { return nil }
    // The library alone, before any node, when the graph has none.
    if first.number == 2, Self.isLibrary(first.content) {
      self = .graph
      return
    }
    if first.number == 1, let node = first.content {
      if Self.isNode(node) {
        self = .graph
      } else if Self.isMetaInformation(node) {
        self = .metaGraph
      } else {
        return nil
      }
      return
    }
    // The version of the schema has been 1 for as long as there were SavedModels.
    guard first.number == 1, first.integer == 1, let second = Fields(head[...]).read(atMost: 2)?.last,
      second.number == 2, let information = Self.first(second.content), information.number == 1,
      let content = information.content, Self.isMetaInformation(content)
    else { return nil }
    self = .savedModel
  }

  private static func isNode(_ content: ArraySlice<UInt8>) -> Bool {
    guard let fields = Fields(content).read(atMost: 2), fields.count == 2, fields[0].number == 1,
      fields[1].number == 2
    else { return false }
    return isName(fields[0].content) && isName(fields[1].content)
  }

  private static func isLibrary(_ content: ArraySlice<UInt8>?) -> Bool {
    guard let function = first(content), function.number == 1,
      let signature = first(function.content), signature.number == 1, let name = first(signature.content)
    else { return false }
    return name.number == 1 && isName(name.content)
  }

  private static func first(_ content: ArraySlice<UInt8>?) -> Fields.Field? {
    content.flatMap { Fields($0).read(atMost: 1)?.first }
  }

  /// The operations used, each with a name first; or tags, or a version, as texts.
  private static func isMetaInformation(_ content: ArraySlice<UInt8>) -> Bool {
    guard let fields = Fields(content).read(atMost: 3) else { return false }
    for field in fields {
      guard let content = field.content else { return false }
      switch field.number {
      case 1, 3: continue
      case 4, 5, 6: return isName(content)
      case 2:
        guard let name = first(first(content)?.content) else { return false }
        return name.number == 1 && isName(name.content)
      default: return false
      }
    }
    return false
  }

  /// Letters, digits and the signs that names of nodes, operations and functions have.
  private static func isName(_ content: ArraySlice<UInt8>?) -> Bool {
    guard let content, !content.isEmpty else { return false }
    return content.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "/"),
        UInt8(ascii: "\\"), UInt8(ascii: "-"), UInt8(ascii: ">"):
        true
      default: false
      }
    }
  }

  /// The first fields of a message of which the front is in memory.
  private struct Fields {
    struct Field {
      let number: UInt64
      var integer: UInt64?
      /// As much of it as is in memory.
      var content: ArraySlice<UInt8>?
    }

    private let content: ArraySlice<UInt8>

    init(_ content: ArraySlice<UInt8>) { self.content = content }

    /// nil when they break the wire format.
    func read(atMost count: Int) -> [Field]? {
      var cursor = BlockCursor(content)
      var fields: [Field] = []
      while fields.count < count, !cursor.isAtEnd {
        guard let tag = cursor.variableInteger() else { return nil }
        switch tag & 7 {
        case 0:
          guard let value = cursor.variableInteger() else { return nil }
          fields.append(Field(number: tag >> 3, integer: value))
        case 2:
          guard let length = cursor.variableInteger() else { return nil }
          let rest = content.endIndex - cursor.position
          let here = cursor.bytes(Int(min(length, UInt64(rest))))
          fields.append(Field(number: tag >> 3, content: here))
        default: return nil
        }
      }
      return fields
    }
  }
}
