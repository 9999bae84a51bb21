internal import OunceCore

/// A rule of `ounce check --against`: what a model has of the one that it is said to be made of.
protocol LineageRule: CheckRule {}

/// A known mistake of conversions, which a rule recognizes by the numbers.
protocol LineagePattern: LineageRule {
  /// Whether much of the source has to be read to try it; the others are tried first.
  var isSearch: Bool { get }
  /// What would explain a tensor that is out of range; nil: this is not it.
  func explanation(of suspect: Suspect, _ context: LineageContext) throws(OunceError) -> Explanation?
}

extension LineagePattern {
  var isSearch: Bool { false }
}

/// What became of a tensor.
struct Explanation: Sendable {
  let rule: any LineageRule
  /// The end of a sentence about the tensor, the same for all that the same happened to.
  let text: String
  /// The relative error that is left when it is taken into account; nil: it was not measured.
  let error: Double?
  /// What tensors of the same fate are called together: their name with a star for the block.
  var group: String
  var fix: String?
  var severity: Severity?

  init(_ rule: any LineageRule, _ text: String, error: Double?, _ suspect: Suspect, group: String? = nil) {
    self.rule = rule
    self.text = text
    self.error = error
    self.group = group ?? LineageName(suspect.name).role
  }
}

/// A tensor's name, of GGUF or of transformers, taken apart: the first number is the block.
struct LineageName: Sendable, Equatable {
  let block: Int?
  /// The name with a star for the block.
  let role: String

  init(_ name: String) {
    var pieces = name.split(separator: ".", omittingEmptySubsequences: false).map(String.init)
    let place = pieces.firstIndex { !$0.isEmpty && $0.utf8.count < 8 && $0.utf8.allSatisfy { (48...57).contains($0) } }
    block = place.flatMap { Int(pieces[$0]) }
    if let place { pieces[place] = "*" }
    role = pieces.joined(separator: ".")
  }
}

/// A part of attention, as names tell it.
enum AttentionPart: CaseIterable, Sendable {
  case query, key, value

  init?(_ name: String) {
    guard let part = Self.allCases.first(where: { part in part.words.contains { name.contains($0) } }) else {
      return nil
    }
    self = part
  }

  /// What names have of it, in GGUF and in transformers.
  private var words: [String] {
    switch self {
    case .query: [".attn_q.", ".q_proj."]
    case .key: [".attn_k.", ".k_proj."]
    case .value: [".attn_v.", ".v_proj."]
    }
  }

  /// The name of another part beside `name`.
  func name(beside name: String) -> String? {
    guard let part = AttentionPart(name) else { return nil }
    let index = part.words.firstIndex { name.contains($0) } ?? 0
    return name.replacing(part.words[index], with: words[index])
  }
}

/// What patterns may ask about both models.
struct LineageContext: Sendable {
  let sides: LineageSides
  let isCancelled: @Sendable () -> Bool
  /// The source's tensors by name, and names by shape.
  private let tensors: [ExactString: Tensor]
  private let names: [[Int]: [(name: String, parts: LineageName)]]

  init(_ sides: LineageSides, isCancelled: @escaping @Sendable () -> Bool) {
    self.sides = sides
    self.isCancelled = isCancelled
    tensors = Dictionary(
      sides.source.tensors.map { (ExactString($0.info.name), $0) }, uniquingKeysWith: { first, _ in first })
    names = Dictionary(grouping: sides.source.tensors.map(\.info)) { $0.shape }.mapValues { infos in
      infos.map { ($0.name, LineageName($0.name)) }
    }
  }

  /// A tensor of the source, in single precision.
  func source(_ name: String) throws(OunceError) -> Tensor? {
    guard let tensor = tensors[ExactString(name)] else { return nil }
    return try tensor.dequantized().inSinglePrecision()
  }

  /// The names of the source's tensors of a shape: the same part of other blocks, then other parts of the block, then
  /// all else; of each so many at most.
  func names(of shape: [Int], like name: LineageName, atMost limit: Int) -> [String] {
    let all = names[shape] ?? []
    let same = all.lazy.filter { $0.parts.role == name.role }.prefix(limit)
    let near = all.lazy.filter { $0.parts.block == name.block && $0.parts.role != name.role }.prefix(limit)
    let others = all.lazy.filter { $0.parts.block != name.block && $0.parts.role != name.role }.prefix(limit)
    return Array((Array(same) + Array(near) + Array(others)).prefix(limit)).map(\.name)
  }

  /// The name of the family, for messages.
  var family: String { sides.architecture?.name ?? "this model" }

  /// The heads that the rows of queries or of keys belong to.
  func headCount(_ part: AttentionPart, _ name: String) -> Int? {
    let block = LineageName(name).block
    let queries = number("attention.head_count", block)
    let count = part == .query ? queries : number("attention.head_count_kv", block) ?? queries
    return count.flatMap { (1...Limits.modelSize).contains($0) ? $0 : nil }
  }

  /// A whole number of the family's settings, which may differ by block.
  func number(_ key: String, _ block: Int? = nil) -> Int? {
    guard let metadata = sides.sourceMetadata ?? sides.checkedMetadata,
      let family = metadata["general.architecture"]?.string, let value = metadata["\(family).\(key)"]
    else { return nil }
    guard let list = value.array else { return value.integer }
    guard list.count <= Limits.blocks, let numbers = list.integers, let block, numbers.indices.contains(block) else {
      return nil
    }
    return numbers[block]
  }

  /// Whether the family's rules apply such a transform to a tensor on the way to GGUF; nil: the family is not known.
  func applies(_ isSuch: (any TensorTransform) -> Bool, to name: String) -> Bool? {
    guard let architecture = sides.architecture else { return nil }
    let pattern = LineageName(name).role.replacing("*", with: "{i}")
    let ending = pattern.split(separator: ".").last.map(String.init) ?? ""
    let any = pattern.dropLast(ending.count) + "*"
    return architecture.tensors.contains { rule in
      let target = sides.hasGGUFNames ? rule.target : rule.source
      return (target == pattern || target == String(any)) && rule.transforms.contains(where: isSuch)
    }
  }
}
