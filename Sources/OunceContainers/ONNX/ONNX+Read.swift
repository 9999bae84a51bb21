internal import OrderedCollections
internal import OunceCore
internal import OunceEncoding

/// Walks a model from the outside in: metadata, the main graph, training, functions.
///
/// Each message is walked once for its tensors and once for its nodes; nothing of it is held. What is deeper than
/// `Limits.protobufNesting` graphs is refused.
struct ONNXReader {
  let file: InputFile
  let root: ProtobufReader
  var externals: ONNXExternals
  private var metadata: Metadata = [:]
  private var tensors: [Tensor] = []
  private var remarks: [Remark] = []
  private var names = DerivedNames()

  static let remedy = "the file is damaged or was cut short; fetch it again"

  init(_ file: InputFile) {
    self.file = file
    root = ProtobufReader(file, remedy: Self.remedy)
    externals = ONNXExternals(file)
  }

  mutating func model() throws(OunceError) -> Model {
    var reader = root
    var graph: Range<Int>?
    var training: [Range<Int>] = []
    var functions: [Range<Int>] = []
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .integer(let version)): metadata["onnx.ir_version"] = .int64(Int64(truncatingIfNeeded: version))
      case (2, .bytes(let range)): try keep(range, as: "onnx.producer_name")
      case (3, .bytes(let range)): try keep(range, as: "onnx.producer_version")
      case (4, .bytes(let range)): try keep(range, as: "onnx.domain")
      case (5, .integer(let version)): metadata["onnx.model_version"] = .int64(Int64(truncatingIfNeeded: version))
      case (6, .bytes(let range)): try keep(range, as: "onnx.doc_string")
      case (7, .bytes(let range)):
        guard graph == nil else { throw reader.malformed("the model has two graphs", at: range.lowerBound) }
        graph = range
      case (8, .bytes(let range)): try operatorSet(range)
      case (14, .bytes(let range)): try property(range)
      case (20, .bytes(let range)):
        training.append(range)
      case (25, .bytes(let range)): functions.append(range)
      default: break
      }
      guard metadata.count <= Limits.metadataKeys, functions.count + training.count <= Limits.tensors else {
        throw reader.malformed("more than the limit of \(Limits.metadataKeys) properties", at: reader.offset)
      }
    }
    guard let graph else { throw reader.malformed("the model has no graph", at: reader.offset) }
    try self.graph(graph, prefix: "", depth: 0)
    for (index, range) in training.enumerated() { try self.training(range, index) }
    for range in functions { try function(range) }
    return Model(
      path: file.path, container: "ONNX", metadata: metadata, tensors: tensors, files: [file] + externals.files,
      remarks: remarks)
  }

  // MARK: - Metadata

  /// Keeps a text; one that is empty says nothing, and one of megabytes is an attachment.
  private mutating func keep(_ range: Range<Int>, as key: String) throws(OunceError) {
    guard !range.isEmpty else { return }
    guard range.count <= Limits.protobufTextByteCount else {
      remarks.append(Remark(.note, subject: key, "is left out: a text of \(range.count) bytes"))
      return
    }
    var reader = root
    metadata[key] = .string(try reader.text(range, atMost: Limits.protobufTextByteCount))
  }

  private mutating func operatorSet(_ range: Range<Int>) throws(OunceError) {
    var reader = root.nested(range)
    var domain = ""
    var version: Int64 = 0
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .bytes(let range)): domain = try reader.text(range)
      case (2, .integer(let number)): version = Int64(truncatingIfNeeded: number)
      default: break
      }
    }
    metadata["onnx.opset.\(domain.isEmpty ? "ai.onnx" : domain)"] = .int64(version)
  }

  private mutating func property(_ range: Range<Int>) throws(OunceError) {
    var reader = root.nested(range)
    var key = ""
    var text: Range<Int>?
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .bytes(let range)): key = try reader.text(range)
      case (2, .bytes(let range)): text = range
      default: break
      }
    }
    if let text { try keep(text, as: "onnx.metadata.\(key)") }
  }

  // MARK: - Graphs

  private mutating func training(_ range: Range<Int>, _ index: Int) throws(OunceError) {
    var reader = root.nested(range)
    while let (field, value) = try reader.next() {
      guard case .bytes(let range) = value, field == 1 || field == 2 else { continue }
      let part = field == 1 ? "initialization" : "algorithm"
      try graph(range, prefix: try prefix("training_info[\(index)]/\(part)", at: range), depth: 1)
    }
  }

  private mutating func function(_ range: Range<Int>) throws(OunceError) {
    var reader = root.nested(range)
    var (name, domain, overload) = ("", "", "")
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .bytes(let range)): name = try reader.text(range)
      case (10, .bytes(let range)): domain = try reader.text(range)
      case (13, .bytes(let range)): overload = try reader.text(range)
      default: break
      }
    }
    var whole = domain.isEmpty ? name : "\(domain).\(name)"
    if !overload.isEmpty { whole += ":\(overload)" }
    try nodes(range, field: 7, prefix: try prefix("function:\(whole)", at: range), depth: 1)
  }

  private mutating func graph(_ range: Range<Int>, prefix: String, depth: Int) throws(OunceError) {
    guard depth <= Limits.protobufNesting else {
      throw root.malformed("graphs are nested deeper than \(Limits.protobufNesting)", at: range.lowerBound)
    }
    var reader = root.nested(range)
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (2, .bytes(let range)) where depth == 0: try keep(range, as: "onnx.graph")
      case (5, .bytes(let range)):
        let proto = try ONNXTensorProto(reader.nested(range), range)
        let name = prefix + proto.name
        guard try names.claim(name, at: range.lowerBound, root) else {
          throw reader.malformed("two tensors are called \(name)", at: range.lowerBound)
        }
        try append(proto, name)
      case (15, .bytes(let range)): try sparse(range, prefix)
      default: break
      }
    }
    try nodes(range, field: 1, prefix: prefix, depth: depth)
  }

  /// The tensors of all nodes that stand in `field` of a message.
  private mutating func nodes(
    _ range: Range<Int>, field: Int, prefix: String, depth: Int
  ) throws(OunceError) {
    var reader = root.nested(range)
    while let (number, value) = try reader.next() {
      guard number == field, case .bytes(let range) = value else { continue }
      let node = try ONNXNode(reader.nested(range))
      for range in node.attributes {
        try attribute(reader.nested(range), range, of: node, prefix: prefix, depth: depth)
      }
    }
  }

  private mutating func attribute(
    _ message: ProtobufReader, _ range: Range<Int>, of node: ONNXNode, prefix: String, depth: Int
  ) throws(OunceError) {
    var reader = message
    var name = ""
    var parts: [(field: Int, range: Range<Int>)] = []
    while let (field, value) = try reader.next() {
      guard case .bytes(let range) = value else { continue }
      switch field {
      case 1: name = try reader.text(range)
      case 5, 6, 10, 11, 22, 23: parts.append((field, range))
      default: break
      }
      guard parts.count <= Limits.tensors else {
        throw reader.malformed("more than the limit of \(Limits.tensors) tensors", at: range.lowerBound)
      }
    }
    if node.isConstant { return try constant(name, message, range, parts, of: node, prefix: prefix) }
    let place = "\(prefix)\(node.label)/\(name)"
    var counts: [Int: Int] = [:]
    for (field, range) in parts {
      let isList = field == 10 || field == 11 || field == 23
      let part = isList ? "\(place)[\(counts[field, default: 0])]" : place
      counts[field, default: 0] += 1
      switch field {
      case 5, 10:
        try append(
          try ONNXTensorProto(message.nested(range), range), try names.distinct(part, at: range.lowerBound, root))
      case 6, 11: try graph(range, prefix: try self.prefix(part, at: range), depth: depth + 1)
      default: try remark(part, at: range, "is a sparse tensor")
      }
    }
  }

  /// The value of a `Constant`: https://onnx.ai/onnx/operators/onnx__Constant.html
  private mutating func constant(
    _ attribute: String, _ message: ProtobufReader, _ range: Range<Int>, _ parts: [(field: Int, range: Range<Int>)],
    of node: ONNXNode, prefix: String
  ) throws(OunceError) {
    let name = "\(prefix)Constant:\(node.output.isEmpty ? node.label : node.output)"
    switch attribute {
    case "value":
      for part in parts where part.field == 5 {
        try append(
          try ONNXTensorProto(message.nested(part.range), part.range),
          try names.distinct(name, at: range.lowerBound, root))
      }
    case "value_float": try numbers(message, range, field: 2, .fixed32, "F32", isList: false, name)
    case "value_floats": try numbers(message, range, field: 7, .fixed32, "F32", isList: true, name)
    case "value_int": try numbers(message, range, field: 3, .varint, "I64", isList: false, name)
    case "value_ints": try numbers(message, range, field: 8, .varint, "I64", isList: true, name)
    case "value_string", "value_strings": try remark(name, at: range, "is a tensor of strings")
    case "sparse_value": try remark(name, at: range, "is a sparse tensor")
    default: break
    }
  }

  /// A constant whose numbers stand in an attribute itself.
  private mutating func numbers(
    _ message: ProtobufReader, _ range: Range<Int>, field: Int, _ wire: ProtobufNumbers.Wire, _ encoding: String,
    isList: Bool, _ name: String
  ) throws(OunceError) {
    let name = try names.distinct(name, at: range.lowerBound, root)
    let numbers = try ProtobufNumbers(message, field: field, wire: wire)
    guard isList || numbers.count < 2 else {
      throw root.malformed("a single number is given \(numbers.count) times", at: range.lowerBound)
    }
    let encoding = try Encodings.require(encoding)
    let info = try TensorInfo(name: name, shape: isList ? [numbers.count] : [], encoding: encoding)
    // A number that is not there is the default of its field, 0.
    let data: any TensorData =
      numbers.count == 0
      ? Memory(bytes: [UInt8](repeating: 0, count: info.byteCount), rowByteCount: info.rowByteCount)
      : numbers.rows(wordByteCount: encoding.bytesPerBlock, rowByteCount: info.rowByteCount)
    try append(Tensor(info: info, data: data), at: range)
  }

  // MARK: - Results

  private mutating func append(_ proto: ONNXTensorProto, _ name: String) throws(OunceError) {
    switch try proto.tensor(name, &externals) {
    case .tensor(let tensor): try append(tensor, at: proto.range)
    case .unsupported(let why): remarks.append(Remark(.unsupported, subject: name, why))
    }
  }

  private mutating func append(_ tensor: Tensor, at range: Range<Int>) throws(OunceError) {
    guard tensors.count < Limits.tensors else {
      throw root.malformed("more than the limit of \(Limits.tensors) tensors", at: range.lowerBound)
    }
    tensors.append(tensor)
  }

  private mutating func sparse(_ range: Range<Int>, _ prefix: String) throws(OunceError) {
    var reader = root.nested(range)
    var name = ""
    while let (field, value) = try reader.next() {
      guard field == 1, case .bytes(let range) = value else { continue }
      name = try ONNXTensorProto(reader.nested(range), range).name
    }
    try remark(prefix + name, at: range, "is a sparse tensor")
  }

  private mutating func remark(_ name: String, at range: Range<Int>, _ text: String) throws(OunceError) {
    remarks.append(
      Remark(.unsupported, subject: try names.distinct(name, at: range.lowerBound, root), text))
    guard remarks.count <= Limits.tensors else {
      throw root.malformed("more than the limit of \(Limits.tensors) tensors", at: range.lowerBound)
    }
  }

  /// What stands before the names in a graph that is called `place`.
  private mutating func prefix(_ place: String, at range: Range<Int>) throws(OunceError) -> String {
    try names.distinct(place, at: range.lowerBound, root) + "::"
  }
}

/// What is needed of a node.
struct ONNXNode {
  private(set) var name = ""
  /// The name of what it gives first.
  private(set) var output = ""
  private(set) var attributes: [Range<Int>] = []
  private var type = ""
  private var domain = ""

  /// What people find the node by.
  var label: String { name.isEmpty ? output.isEmpty ? type : output : name }
  var isConstant: Bool { type == "Constant" && (domain.isEmpty || domain == "ai.onnx") }

  init(_ message: ProtobufReader) throws(OunceError) {
    var message = message
    var texts: [Int: Range<Int>] = [:]
    while let (field, value) = try message.next() {
      guard case .bytes(let range) = value else { continue }
      switch field {
      case 2 where texts[2] == nil, 3, 4, 7: texts[field] = range
      case 5: attributes.append(range)
      default: break
      }
      guard attributes.count <= Limits.metadataKeys else {
        throw message.malformed("more than the limit of \(Limits.metadataKeys) attributes", at: range.lowerBound)
      }
    }
    // Most nodes have nothing that could hold a tensor.
    guard !attributes.isEmpty else { return }
    if let range = texts[2] { output = try message.text(range) }
    if let range = texts[3] { name = try message.text(range) }
    if let range = texts[4] { type = try message.text(range) }
    if let range = texts[7] { domain = try message.text(range) }
  }
}
