internal import OrderedCollections
internal import OunceCore

/// One setting: what it is called in `config.json` and in GGUF. `{arch}` stands for the architecture's name.
struct MetadataRule: Sendable {
  /// The names in `config.json`, the usual one first; empty when the value follows from others.
  let names: [String]
  /// The GGUF key where the value is the same on both sides, so that the way back is reading it; nil: it is computed.
  let key: String?
  private let write: @Sendable (Checkpoint, inout MetadataWriter) throws(OunceError) -> Void

  init(
    names: [String] = [], key: String? = nil,
    _ write: @escaping @Sendable (Checkpoint, inout MetadataWriter) throws(OunceError) -> Void
  ) {
    self.names = names
    self.key = key
    self.write = write
  }

  func apply(_ checkpoint: Checkpoint, to writer: inout MetadataWriter) throws(OunceError) {
    try write(checkpoint, &writer)
  }

  /// A count under the first of `names` that the configuration has.
  static func integer(_ key: String, _ names: String...) -> MetadataRule {
    MetadataRule(names: names, key: key) { (checkpoint, writer) throws(OunceError) in
      guard let value = checkpoint.configuration.first(names) else { return }
      try writer.set(key, count: value, of: names[0])
    }
  }

  static func float(_ key: String, _ names: String...) -> MetadataRule {
    MetadataRule(names: names, key: key) { (checkpoint, writer) throws(OunceError) in
      guard let value = checkpoint.configuration.first(names)?.double else { return }
      writer.set(key, .float32(Float(value)))
    }
  }

  /// A number that says nothing when it is 0.
  static func nonZero(_ key: String, _ names: String...) -> MetadataRule {
    MetadataRule(names: names, key: key) { (checkpoint, writer) throws(OunceError) in
      guard let value = checkpoint.configuration.first(names)?.double, value != 0 else { return }
      writer.set(key, .float32(Float(value)))
    }
  }

  /// A count that says nothing when it is 0.
  static func positive(_ key: String, _ names: String...) -> MetadataRule {
    MetadataRule(names: names, key: key) { (checkpoint, writer) throws(OunceError) in
      guard let value = checkpoint.configuration.first(names), value.integer != 0 else { return }
      try writer.set(key, count: value, of: names[0])
    }
  }

  /// Which layers see a window only: what the file lists, or spells as "LLLG", or all but every so many; `period` where
  /// it says nothing. Nothing without a window.
  ///
  /// - Parameter isFixed: whether only a list of layers counts.
  static func slidingPattern(every period: Int, isFixed: Bool = false) -> MetadataRule {
    value("{arch}.attention.sliding_window_pattern") { (checkpoint) throws(OunceError) in
      guard checkpoint.configuration["sliding_window"] != nil else { return nil }
      if let types = checkpoint.configuration.array("layer_types") {
        return .array(.bool(types.map { $0.string == "sliding_attention" }))
      }
      let layers = 0..<(try checkpoint.blockCount - checkpoint.extraBlockCount)
      if isFixed { return .array(.bool(layers.map { ($0 + 1) % period != 0 })) }
      if let letters = checkpoint.configuration.string("sliding_window_pattern").map(Array.init), !letters.isEmpty {
        return .array(.bool(layers.map { letters[$0 % letters.count] == "L" }))
      }
      let period = max(1, checkpoint.configuration.integer("sliding_window_pattern") ?? period)
      return .array(.bool(layers.map { ($0 + 1) % period != 0 }))
    }
  }

  static func bool(_ key: String, _ names: String...) -> MetadataRule {
    MetadataRule(names: names, key: key) { (checkpoint, writer) throws(OunceError) in
      guard let value = checkpoint.configuration.first(names)?.bool else { return }
      writer.set(key, .bool(value))
    }
  }

  /// The same for every checkpoint of the family.
  static func constant(_ key: String, _ value: MetadataValue) -> MetadataRule {
    MetadataRule { (_, writer) throws(OunceError) in writer.set(key, value) }
  }

  /// A value that follows from the configuration.
  static func value(
    _ key: String, _ value: @escaping @Sendable (Checkpoint) throws(OunceError) -> MetadataValue?
  ) -> MetadataRule {
    MetadataRule { (checkpoint, writer) throws(OunceError) in
      if let value = try value(checkpoint) { writer.set(key, value) }
    }
  }

  /// A count that follows from the configuration.
  static func count(_ key: String, _ value: @escaping @Sendable (Checkpoint) throws(OunceError) -> Int?) -> MetadataRule
  {
    MetadataRule { (checkpoint, writer) throws(OunceError) in
      if let value = try value(checkpoint) { try writer.set(key, count: .integer(value), of: key) }
    }
  }

  /// Where the file type stands, which the caller knows.
  static let fileType = MetadataRule { (_, writer) throws(OunceError) in writer.markFileType() }
}

/// Metadata that grows in the order of the rules. A key that is set again keeps its place.
struct MetadataWriter: Sendable {
  private(set) var metadata = Metadata()
  /// How many keys precede `general.file_type`.
  private(set) var fileTypeIndex: Int?
  private let architectureName: String

  init(architectureName: String) { self.architectureName = architectureName }

  mutating func set(_ key: String, _ value: MetadataValue) {
    metadata[key.replacing("{arch}", with: architectureName)] = value
  }

  mutating func set(_ key: String, count: JSON, of name: String) throws(OunceError) {
    if let values = count.array {
      let integers = try values.map { (value) throws(OunceError) in Int32(try Self.unsigned(value, name)) }
      set(key, .array(.int32(integers)))
    } else {
      set(key, .uint32(UInt32(try Self.unsigned(count, name))))
    }
  }

  mutating func markFileType() { fileTypeIndex = metadata.count }

  private static func unsigned(_ value: JSON, _ name: String) throws(OunceError) -> Int {
    // Python writes a few of these as floats.
    guard let number = value.integer, (0...Int(Int32.max)).contains(number) else {
      throw OunceError(.malformed, "\"\(name)\" is no count below 2³¹", file: "config.json")
    }
    return number
  }
}
