internal import OunceCore

/// One way to cut texts before byte pairs are merged, as tokenizer.json describes it.
struct Pretokenizer: Sendable {
  /// The value of `tokenizer.ggml.pre`.
  let name: String
  /// Its steps, in the form of `Pretokenizers.steps`.
  let steps: [String]
  /// A token that tells it from others of the same steps; nil: it is what those steps usually mean.
  let marker: String?
  /// Whether texts that are tokens are taken whole, where this tells it from others of the same steps.
  let ignoresMerges: Bool?

  init(_ name: String, _ steps: [String], marker: String? = nil, ignoresMerges: Bool? = nil) {
    self.name = name
    self.steps = steps
    self.marker = marker
    self.ignoresMerges = ignoresMerges
  }
}

/// BPE pre-tokenizers, recognized by what tokenizer.json says about them: its regular expressions and flags. A token
/// more or less in the vocabulary changes nothing.
enum Pretokenizers {
  /// The name for a tokenizer: the one that the user wants, or the one that its steps tell.
  ///
  /// - Parameter preferred: the names that the family's models go by, where several have the same steps.
  /// - Throws: `OunceError` of kind `.unsupported` that names the nearest ones.
  static func name(
    _ wanted: String?, for tokenizer: HuggingFaceTokenizer, preferred: [String] = []
  ) throws(OunceError) -> String {
    if let wanted { return try known(wanted) }
    let steps = steps(of: tokenizer.json)
    let candidates = all.filter { $0.steps == steps }
    if let name = preferred.first(where: { name in candidates.contains { $0.name == name } }) { return name }
    if let marked = candidates.first(where: { $0.marker.map { tokenizer.id(of: $0) != nil } ?? false }) {
      return marked.name
    }
    let usual = candidates.filter { $0.marker == nil }
    let ignoresMerges = tokenizer.json["model"]?["ignore_merges"]?.bool ?? false
    if let match = usual.first(where: { $0.ignoresMerges == ignoresMerges }) ?? usual.first { return match.name }
    throw unknown(steps)
  }

  /// - Throws: `OunceError` of kind `.request` for a name that no program knows.
  private static func known(_ name: String) throws(OunceError) -> String {
    if names.contains(name) { return name }
    let near = NearNames.find(name, among: names)
    throw OunceError(
      .request, "\"\(name)\" is no pre-tokenizer",
      remedy: (near.isEmpty ? "known are: " : "near names: ") + (near.isEmpty ? names : near).joined(separator: ", "))
  }

  /// Every name that llama.cpp knows.
  static var names: [String] {
    var seen = Set<String>()
    return (all.map(\.name) + otherNames).filter { seen.insert($0).inserted }
  }

  private static func unknown(_ steps: [String]) -> OunceError {
    let ranked = all.map { (name: $0.name, likeness: likeness($0.steps, steps)) }
    var near: [String] = []
    for entry in ranked.sorted(by: { $0.likeness > $1.likeness }) where entry.likeness > 0.3 {
      if !near.contains(entry.name), near.count < 3 { near.append(entry.name) }
    }
    let found = steps.isEmpty ? "nothing" : steps.joined(separator: ", then ")
    return OunceError(
      .unsupported, "the pre-tokenizer is not known: \(found)", file: "tokenizer.json",
      remedy: (near.isEmpty ? "" : "the nearest are: \(near.joined(separator: ", ")); ")
        + "if one of them splits texts alike, name it with --pretokenizer NAME")
  }

  /// The share of three-byte sequences that two descriptions have in common.
  private static func likeness(_ a: [String], _ b: [String]) -> Double {
    func triples(_ steps: [String]) -> Set<[UInt8]> {
      let bytes = Array(steps.joined(separator: "\n").utf8.prefix(4096))
      return Set(bytes.indices.dropLast(2).map { Array(bytes[$0..<$0 + 3]) })
    }
    let (left, right) = (triples(a), triples(b))
    let all = left.union(right).count
    return all == 0 ? 0 : Double(left.intersection(right).count) / Double(all)
  }
}

extension Pretokenizers {
  /// What tokenizer.json does to a text before merging, one line a step, without flags that change offsets only.
  static func steps(of tokenizer: JSON) -> [String] {
    normalizers(tokenizer["normalizer"]) + splitters(tokenizer["pre_tokenizer"])
  }

  private static func normalizers(_ json: JSON?) -> [String] {
    guard let json, let type = json["type"]?.string else { return [] }
    switch type {
    case "Sequence": return (json["normalizers"]?.array ?? []).flatMap { normalizers($0) }
    case "Replace": return ["Replace \(pattern(json["pattern"])) by \(json["content"]?.string ?? "")"]
    case "Prepend": return ["Prepend \(json["prepend"]?.string ?? "")"]
    default: return [type]
    }
  }

  private static func splitters(_ json: JSON?) -> [String] {
    guard let json, let type = json["type"]?.string else { return [] }
    func flag(_ name: String, _ standard: Bool) -> Bool { json[name]?.bool ?? standard }
    switch type {
    case "Sequence": return (json["pretokenizers"]?.array ?? []).flatMap { splitters($0) }
    case "Split":
      let inverted = flag("invert", false) ? " inverted" : ""
      return ["Split \(json["behavior"]?.string ?? "")\(inverted) \(pattern(json["pattern"]))"]
    case "ByteLevel":
      let space = flag("add_prefix_space", true) ? " prefixed" : ""
      return ["ByteLevel\(space)\(flag("use_regex", true) ? " GPT-2" : "")"]
    case "Digits": return [flag("individual_digits", false) ? "Digits one by one" : "Digits"]
    case "Punctuation": return ["Punctuation \(json["behavior"]?.string ?? "Isolated")"]
    default: return [type]
    }
  }

  private static func pattern(_ json: JSON?) -> String {
    json?["Regex"]?.string ?? json?["String"]?.string.map { "\"\($0)\"" } ?? ""
  }
}
