internal import OunceCore

/// A GGUF model as the way back asks about it.
struct ExportSource: Sendable {
  let model: Model
  /// The value of `general.architecture`.
  let architectureName: String
  private let tensors: [String: Tensor]

  /// - Throws: `OunceError` of kind `.unsupported` when the file names no architecture.
  init(_ model: Model) throws(OunceError) {
    guard model.container == "GGUF", let name = model.metadata["general.architecture"]?.string else {
      throw OunceError(
        .unsupported, "is no GGUF file that names its architecture", file: model.path,
        remedy: "only GGUF files become folders for transformers")
    }
    self.model = model
    architectureName = name
    tensors = Dictionary(model.tensors.map { ($0.info.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// The value under `key`, in which `{arch}` stands for the architecture's name.
  subscript(_ key: String) -> MetadataValue? {
    model.metadata[key.replacing("{arch}", with: architectureName)]
  }

  func tensor(_ name: String) -> Tensor? { tensors[name] }
  func has(_ name: String) -> Bool { tensors[name] != nil }

  func integer(_ key: String) -> Int? { self[key]?.integer }
  func number(_ key: String) -> Double? { self[key]?.json?.double }
  func string(_ key: String) -> String? { self[key]?.string }
  func bool(_ key: String) -> Bool? { self[key]?.bool }

  /// A count that the way back cannot do without.
  func require(_ key: String) throws(OunceError) -> Int {
    if let value = integer(key), (0...Limits.modelSize).contains(value) { return value }
    throw OunceError(
      .malformed, "expected a whole number from 0 to \(Limits.modelSize)", file: model.path,
      subject: "key \(key.replacing("{arch}", with: architectureName))")
  }

  /// The kind of vocabulary: "gpt2", "llama", "t5", "bert", …
  var vocabularyKind: String { string("tokenizer.ggml.model") ?? "none" }

  /// All elements of a small vector, such as rope factors; nil: there is none.
  func floats(_ name: String) throws(OunceError) -> [Float]? {
    guard let tensor = tensors[name], tensor.info.encoding.name == "F32", tensor.info.shape.count == 1,
      tensor.info.elementCount <= Limits.modelSize
    else { return nil }
    return try tensor.floats()
  }
}

extension MetadataValue {
  /// The value as JSON; single precision becomes the shortest decimal that reads back as the same number. Nil: it is
  /// nothing that config.json holds.
  var json: JSON? {
    switch self {
    case .string(let text): .string(text)
    case .bool(let value): .bool(value)
    case .float32(let value): Self.json(value)
    case .float64(let value): .double(value)
    case .array(.bool(let values)): .array(values.map { .bool($0) })
    case .array(.float32(let values)): .array(values.map(Self.json))
    case .array(.int32(let values)): .array(values.map { .integer(Int($0)) })
    case .array(.uint32(let values)): .array(values.map { .integer(Int($0)) })
    default: integer.map { .integer($0) }
    }
  }

  private static func json(_ value: Float) -> JSON { .double(Double("\(value)") ?? Double(value)) }
}
