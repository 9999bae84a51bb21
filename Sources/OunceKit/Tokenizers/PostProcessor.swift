internal import OrderedCollections
internal import OunceCore

/// What the `post_processor` of tokenizer.json says about tokens that are added around a text.
struct PostProcessor {
  private let hasSettings: Bool
  private var first: String?
  private var last: String?
  private var end: String?
  private var separator: String?

  init(hasSettings: Bool) { self.hasSettings = hasSettings }

  /// Python's truth of a token entry: an empty text counts as none.
  private static func text(_ entry: JSON?) -> String? {
    guard let text = entry?.string ?? entry?["content"]?.string, !text.isEmpty else { return nil }
    return text
  }

  mutating func read(
    _ tokenizer: JSON, _ settings: inout JSONObject, _ adds: inout OrderedDictionary<String, Bool>,
    _ kinds: inout [String]
  ) {
    var begin = Self.text(settings["bos_token"])
    var classifier = Self.text(settings["cls_token"])
    end = Self.text(settings["eos_token"])
    separator = Self.text(settings["sep_token"])
    if hasSettings, begin == nil, let classifier {
      settings["bos_token"] = .string(classifier)
      begin = classifier
    }
    if hasSettings, end == nil, let separator {
      settings["eos_token"] = .string(separator)
      end = separator
    }
    guard let processor = tokenizer["post_processor"] else { return }
    for part in processor["processors"]?.array ?? [processor] {
      switch part["type"]?.string {
      case "ByteLevel":
        if adds["bos"] == nil { adds["bos"] = false }
        if adds["eos"] == nil { adds["eos"] = false }
      case "RobertaProcessing":
        adds["bos"] = true
        adds["eos"] = true
        adds["sep"] = true
        if hasSettings, classifier == nil {
          classifier = part["cls"]?.array?.first?.string ?? begin
          settings["cls_token"] = classifier.map { .string($0) }
        }
        if hasSettings, separator == nil {
          separator = part["sep"]?.array?.first?.string ?? end
          settings["sep_token"] = separator.map { .string($0) }
        }
      case "TemplateProcessing":
        readSingle(part, &begin, &classifier, &settings, &adds, &kinds)
        readPair(part, &settings, &adds)
      default: break
      }
    }
  }

  /// The template of one text: `[BOS] A [EOS]`.
  private mutating func readSingle(
    _ part: JSON, _ begin: inout String?, _ classifier: inout String?,
    _ settings: inout JSONObject, _ adds: inout OrderedDictionary<String, Bool>,
    _ kinds: inout [String]
  ) {
    first = nil
    last = nil
    guard let single = part["single"]?.array, single.count > 1 else { return }
    if let token = single.first?["SpecialToken"]?["id"]?.string {
      first = token
      if !hasSettings {
        begin = token
      } else if token != begin, token != classifier {
        if begin == nil {
          begin = token
          settings["bos_token"] = .string(token)
        }
        if classifier == nil {
          classifier = token
          settings["cls_token"] = .string(token)
        }
      }
      adds["bos"] = token == begin || token == classifier
    }
    if let token = single.last?["SpecialToken"]?["id"]?.string {
      last = token
      if hasSettings, token != end {
        // The template ends with another token than the tokenizer's end: that one ends a turn.
        if let kind = ["eot", "eom"].first(where: { !kinds.contains($0) }) {
          kinds.append(kind)
          settings["\(kind)_token"] = end.map { .string($0) } ?? .null
        }
        settings["eos_token"] = .string(token)
      }
      end = token
      adds["eos"] = true
    }
  }

  /// The template of two texts: `[BOS] A [SEP] [EOS] B [EOS]`.
  private func readPair(
    _ part: JSON, _ settings: inout JSONObject, _ adds: inout OrderedDictionary<String, Bool>
  ) {
    guard var pair = part["pair"]?.array, !pair.isEmpty else { return }
    func special(_ entry: JSON?) -> String? { entry?["SpecialToken"]?["id"]?.string }
    if let first, special(pair.first) == first { pair.removeFirst() }
    if let last, special(pair.last) == last, !pair.isEmpty { pair.removeLast() }
    guard pair.count > 2, pair.first?["Sequence"]?["id"]?.string == "A", pair.last?["Sequence"]?["id"]?.string == "B"
    else { return }
    let middle = pair.dropFirst().dropLast()
    func separates(_ token: String) -> Bool { token == separator || token == end }
    var addsSeparator = false
    if let token = special(middle.first), separates(token), last == nil { addsSeparator = true }
    if middle.count == 2, let token = special(middle.last), separates(token) { addsSeparator = true }
    adds["sep"] = addsSeparator
    if addsSeparator, separator == nil, hasSettings { settings["sep_token"] = end.map { .string($0) } ?? .null }
  }
}
