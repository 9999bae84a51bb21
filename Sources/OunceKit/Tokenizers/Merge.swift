internal import OunceCore

/// The merges of byte-pair vocabularies, as lines of two parts.
enum Merge {
  /// The merges of tokenizer.json, which older versions write as lines and newer ones as pairs; nil: none.
  static func list(_ tokenizer: JSON) throws(OunceError) -> PackedStrings? {
    guard let entries = tokenizer["model"]?["merges"]?.array, !entries.isEmpty else { return nil }
    var merges = PackedStrings()
    merges.reserveCapacity(entries.count, byteCount: entries.count * 12)
    for entry in entries {
      if let line = entry.string {
        merges.append(line)
        continue
      }
      guard let pair = entry.array, pair.count == 2, let left = pair[0].string, let right = pair[1].string else {
        throw OunceError(.malformed, "a merge is neither a line nor a pair of texts", file: "tokenizer.json")
      }
      merges.append(bytes: escaped(left) + [UInt8(ascii: " ")] + escaped(right))
    }
    return merges
  }

  /// A space inside a part would read as the end of it: it becomes the character U+0120.
  private static func escaped(_ part: String) -> [UInt8] {
    let bytes = Array(part.utf8)
    guard bytes.contains(UInt8(ascii: " ")) else { return bytes }
    return bytes.flatMap { $0 == UInt8(ascii: " ") ? [0xC4, 0xA0] : [$0] }
  }

  /// The merges of merges.txt; nil when there is no such file.
  static func file(_ model: Model) throws(OunceError) -> PackedStrings? {
    guard let file = model.companions["merges.txt"] else { return nil }
    let text = String(decoding: try file.wholeContent(atMost: Limits.jsonByteCount), as: UTF8.self)
    var merges = PackedStrings()
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      if index == 0, line.hasPrefix("#") { continue }
      let parts = line.split(whereSeparator: \.isWhitespace)
      guard parts.count == 2 else { continue }
      merges.append(parts.joined(separator: " "))
    }
    return merges
  }
}
