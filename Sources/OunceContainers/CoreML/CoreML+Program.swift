internal import OunceCore
internal import OunceEncoding

/// Programs: functions of blocks of operations, some of which hold values.
extension CoreMLReader {
  mutating func program(_ range: Range<Int>, prefix: String) throws(OunceError) {
    var reader = root.nested(range)
    while let (field, value) = try reader.next() {
      guard field == 2, case .bytes(let range) = value else { continue }
      let (name, function) = try entry(range)
      guard let function else { continue }
      let inner = name == "main" ? prefix : try distinct(prefix + name, at: range) + "::"
      var reader = root.nested(function)
      while let (field, value) = try reader.next() {
        guard field == 3, case .bytes(let range) = value else { continue }
        // One block for each set of operations; they hold the same values, and there is one in practice.
        if let block = try entry(range).value { try self.block(block, prefix: inner, depth: 0) }
      }
    }
  }

  private mutating func block(_ range: Range<Int>, prefix: String, depth: Int) throws(OunceError) {
    guard depth <= Limits.protobufNesting else {
      throw root.malformed("blocks are nested deeper than \(Limits.protobufNesting)", at: range.lowerBound)
    }
    var reader = root.nested(range)
    while let (field, value) = try reader.next() {
      guard field == 3, case .bytes(let range) = value else { continue }
      try operation(reader.nested(range), range, prefix: prefix, depth: depth)
    }
  }

  private mutating func operation(
    _ message: ProtobufReader, _ range: Range<Int>, prefix: String, depth: Int
  ) throws(OunceError) {
    let operation = try CoreMLOperation(message, range)
    let name = prefix + operation.name
    do throws(OunceError) {
      if operation.type == "const" {
        guard let value = operation.values["val"] else { return }
        try append(value, name)
      } else if operation.type.hasPrefix("constexpr_") {
        let name = try distinct(name, at: range)
        switch try decompressed(operation, name) {
        case .tensor(let tensor): try append(tensor, at: range)
        case .unsupported(let why): try note(Remark(.unsupported, subject: name, why), at: range)
        }
      } else {
        for key in operation.keys {
          guard let value = operation.values[key], value.blob != nil else { continue }
          try append(value, "\(name).\(key)")
        }
      }
    } catch { throw located(error, name, range) }
    for block in operation.blocks { try self.block(block, prefix: prefix, depth: depth + 1) }
  }

  private mutating func append(_ value: CoreMLValue, _ name: String) throws(OunceError) {
    // Strings are settings; what is no tensor is a list or a dictionary of settings.
    guard !value.isString, value.typeNumber != 0 else { return }
    let name = try distinct(name, at: value.range)
    guard let tensor = try tensor(value, name) else {
      let text = "has the element type \(value.typeNumber), which this build does not know"
      return try note(Remark(.unsupported, subject: name, text), at: value.range)
    }
    try append(tensor, at: value.range)
  }
}

/// One `Operation`: what it is called, and the values that stand in it.
struct CoreMLOperation {
  let range: Range<Int>
  private(set) var type = ""
  /// The name of its first result.
  private(set) var name = ""
  private(set) var resultType = 0
  private(set) var resultShape: [Int] = []
  private(set) var values: [String: CoreMLValue] = [:]
  /// The names of `values`, in the order of the file.
  private(set) var keys: [String] = []
  /// Inputs that are results of other operations.
  private(set) var references: Set<String> = []
  private(set) var blocks: [Range<Int>] = []

  init(_ message: ProtobufReader, _ range: Range<Int>) throws(OunceError) {
    self.range = range
    var reader = message
    var inputs: [Range<Int>] = []
    var attributes: [Range<Int>] = []
    var hasResult = false
    while let (field, value) = try reader.next() {
      guard case .bytes(let range) = value else { continue }
      switch field {
      case 1: type = try reader.text(range)
      case 2: inputs.append(range)
      case 3 where !hasResult:
        try result(reader.nested(range))
        hasResult = true
      case 4: blocks.append(range)
      case 5: attributes.append(range)
      default: break
      }
      guard inputs.count + attributes.count + blocks.count <= Limits.metadataKeys else {
        throw reader.malformed("more than the limit of \(Limits.metadataKeys) inputs", at: range.lowerBound)
      }
    }
    for range in inputs { try input(reader, range) }
    for range in attributes {
      let (key, place) = try Self.entry(reader.nested(range))
      if let place { try keep(try CoreMLValue(reader.nested(place), place), key, reader) }
    }
  }

  /// Reads a `NamedValueType`.
  private mutating func result(_ message: ProtobufReader) throws(OunceError) {
    var reader = message
    while let (field, value) = try reader.next() {
      guard case .bytes(let range) = value else { continue }
      if field == 1 { name = try reader.text(range) }
      if field == 2, let tensor = try CoreMLValue.part(1, of: message.nested(range)) {
        (resultType, resultShape) = try CoreMLValue.tensorType(message.nested(tensor))
      }
    }
  }

  /// Reads an input: a list of bindings, each the name of a result or a value. Only a single value is of use here.
  private mutating func input(_ message: ProtobufReader, _ range: Range<Int>) throws(OunceError) {
    let (key, place) = try Self.entry(message.nested(range))
    guard let place, let binding = try CoreMLValue.part(1, of: message.nested(place)) else { return }
    if let value = try CoreMLValue.part(2, of: message.nested(binding)) {
      try keep(try CoreMLValue(message.nested(value), value), key, message)
    } else {
      references.insert(key)
    }
  }

  private mutating func keep(_ value: CoreMLValue, _ key: String, _ message: ProtobufReader) throws(OunceError) {
    guard values.updateValue(value, forKey: key) == nil else {
      throw message.malformed("two values are called \(key)", at: value.range.lowerBound)
    }
    keys.append(key)
  }

  private static func entry(_ message: ProtobufReader) throws(OunceError) -> (key: String, value: Range<Int>?) {
    var reader = message
    var key = ""
    var place: Range<Int>?
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .bytes(let range)): key = try reader.text(range)
      case (2, .bytes(let range)): place = range
      default: break
      }
    }
    return (key, place)
  }
}
