internal import OrderedCollections
internal import OunceCore
internal import OunceEncoding

/// Reads the constants of a graph.
struct GraphReader {
  private let file: InputFile
  private var root: ProtobufReader
  private var metadata: Metadata = [:]
  private var tensors: [Tensor] = []
  private var remarks: [Remark] = []
  private var names: Set<ExactString> = []
  private var nameByteCount = 0
  private var values: TensorValues

  init(_ file: InputFile) {
    self.file = file
    root = ProtobufReader(file, remedy: "the file is damaged or cut short; fetch it again")
    values = TensorValues(file)
  }

  mutating func model(_ kind: GraphKind) throws(OunceError) -> Model {
    switch kind {
    case .graph: try graph(root)
    case .metaGraph: try metaGraph(root)
    case .savedModel: try savedModel()
    }
    return Model(
      path: file.path, container: TensorFlowGraphContainer.title, metadata: metadata, tensors: tensors, files: [file],
      remarks: remarks)
  }

  /// One graph of a SavedModel is for use, others are for training: of several, that with the tag "serve", else the
  /// first.
  private mutating func savedModel() throws(OunceError) {
    var graphs: [Range<Int>] = []
    var chosen: Range<Int>?
    while let (field, value) = try root.next() {
      guard field == 2, case .bytes(let range) = value else { continue }
      graphs.append(range)
      if chosen == nil, try isForUse(range) { chosen = range }
    }
    guard let range = chosen ?? graphs.first else { return }
    if graphs.count > 1 {
      remarks.append(Remark(.note, "has \(graphs.count) graphs; shown is the one that is served"))
    }
    try metaGraph(root.nested(range))
  }

  private mutating func isForUse(_ range: Range<Int>) throws(OunceError) -> Bool {
    var message = root.nested(range)
    while let (field, value) = try message.next() {
      guard field == 1, case .bytes(let information) = value else { continue }
      var inner = message.nested(information)
      while let (field, value) = try inner.next() {
        if field == 4, case .bytes(let tag) = value, try inner.text(tag) == "serve" { return true }
      }
    }
    return false
  }

  private mutating func metaGraph(_ message: ProtobufReader) throws(OunceError) {
    var message = message
    while let (field, value) = try message.next() {
      switch (field, value) {
      case (1, .bytes(let range)):
        var information = message.nested(range)
        while let (field, value) = try information.next() {
          guard field == 5, case .bytes(let text) = value else { continue }
          metadata["tensorflow_version"] = .string(try information.text(text))
        }
      case (2, .bytes(let range)): try graph(message.nested(range))
      default: break
      }
    }
  }

  private mutating func graph(_ message: ProtobufReader) throws(OunceError) {
    var message = message
    while let (field, value) = try message.next() {
      guard case .bytes(let range) = value else { continue }
      switch field {
      case 1: try node(message.nested(range), prefix: "")
      case 2: try library(message.nested(range))
      case 4:
        var versions = message.nested(range)
        while let (field, value) = try versions.next() {
          guard field == 1, case .integer(let producer) = value else { continue }
          metadata["producer"] = .uint64(producer)
        }
      default: break
      }
    }
  }

  private mutating func library(_ message: ProtobufReader) throws(OunceError) {
    var message = message
    while let (field, value) = try message.next() {
      guard field == 1, case .bytes(let range) = value else { continue }
      try function(message.nested(range))
    }
  }

  private mutating func function(_ message: ProtobufReader) throws(OunceError) {
    let start = message
    var message = message
    var name = ""
    while let (field, value) = try message.next() {
      guard field == 1, case .bytes(let range) = value else { continue }
      var signature = message.nested(range)
      while let (field, value) = try signature.next() {
        if field == 1, case .bytes(let text) = value { name = try signature.text(text) }
      }
    }
    message = start
    while let (field, value) = try message.next() {
      guard field == 3, case .bytes(let range) = value else { continue }
      try node(message.nested(range), prefix: "\(name)::")
    }
  }

  private mutating func node(_ message: ProtobufReader, prefix: String) throws(OunceError) {
    let start = message.offset
    var message = message
    var name = ""
    var isConstant: Bool?
    var attributes: [Range<Int>] = []
    while let (field, value) = try message.next() {
      guard case .bytes(let range) = value else { continue }
      switch field {
      case 1: name = try message.text(range)
      case 2:
        let operation = range.count <= 16 ? try message.text(range) : ""
        isConstant = operation == "Const" || operation == "HostConst"
      case 5 where isConstant != false: attributes.append(range)
      default: break
      }
      if isConstant == false { return }
    }
    guard isConstant == true else { return }
    let fullName = prefix + name
    do throws(OunceError) {
      for attribute in attributes {
        guard let tensor = try tensor(message.nested(attribute)) else { continue }
        return try constant(fullName, tensor, message, at: start)
      }
    } catch { throw error.located(file: file.path, subject: "tensor \(fullName)") }
    throw OunceError(
      .malformed, "is a constant without a value", file: file.path, offset: start, subject: "tensor \(fullName)")
  }

  /// The tensor of the attribute "value".
  private func tensor(_ attribute: ProtobufReader) throws(OunceError) -> Range<Int>? {
    var attribute = attribute
    var isValue = false
    var tensor: Range<Int>?
    while let (field, value) = try attribute.next() {
      switch (field, value) {
      case (1, .bytes(let key)): isValue = key.count == 5 ? try attribute.text(key) == "value" : false
      case (2, .bytes(let range)):
        var inner = attribute.nested(range)
        while let (field, value) = try inner.next() {
          if field == 8, case .bytes(let range) = value { tensor = range }
        }
      default: break
      }
    }
    return isValue ? tensor : nil
  }

  private mutating func constant(
    _ name: String, _ range: Range<Int>, _ message: ProtobufReader, at start: Int
  ) throws(OunceError) {
    guard tensors.count + remarks.count < Limits.tensors else {
      throw message.malformed("more than the limit of \(Limits.tensors) tensors", at: start)
    }
    nameByteCount += name.utf8.count
    guard nameByteCount <= Limits.allNamesByteCount else {
      throw message.malformed("the names have more than the limit of \(Limits.allNamesByteCount) bytes", at: start)
    }
    guard names.insert(ExactString(name)).inserted else {
      throw message.malformed("the name appears twice", at: start)
    }
    switch try values.tensor(name, message.nested(range), range) {
    case .tensor(let tensor): tensors.append(tensor)
    case .remark(let text): remarks.append(Remark(.unsupported, subject: name, text))
    }
  }
}
