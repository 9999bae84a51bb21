internal import OunceCore

/// A byte-pair vocabulary as tiktoken writes it: byte strings by rank, which is both their id and when they are merged.
struct RankedBytes: Sendable {
  /// By rank.
  let tokens: [[UInt8]]
  private let ranks: [[UInt8]: Int]

  init(_ tokens: [[UInt8]]) {
    self.tokens = tokens
    ranks = Dictionary(tokens.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// A tiktoken file: a line holds the bytes in base 64 and the rank.
  init(_ file: InputFile) throws(OunceError) {
    var tokens: [[UInt8]] = []
    for line in try file.wholeContent(atMost: Limits.jsonByteCount).split(separator: UInt8(ascii: "\n")) {
      let parts = line.split(whereSeparator: { $0 == 32 || $0 == 13 })
      guard parts.count == 2, let bytes = Base64.decode(String(decoding: parts[0], as: UTF8.self)), !bytes.isEmpty,
        Int(String(decoding: parts[1], as: UTF8.self)) == tokens.count, tokens.count < Limits.vocabulary
      else {
        throw OunceError(
          .malformed, "line \(tokens.count + 1) is not the token of rank \(tokens.count) in base 64", file: file.path,
          remedy: "it is no tiktoken file; fetch it again")
      }
      tokens.append(bytes)
    }
    self.init(tokens)
  }

  /// A token as byte-level vocabularies spell it.
  func text(_ rank: Int) -> String { ByteAlphabet.text(tokens[rank]) }

  /// The merge that makes each token, in the order of ranks: what merging the token's bytes leaves just before it.
  var merges: PackedStrings {
    var merges = PackedStrings()
    for (rank, token) in tokens.enumerated() where token.count > 1 {
      let parts = parts(of: token, below: rank)
      if parts.count == 2 { merges.append("\(ByteAlphabet.text(parts[0])) \(ByteAlphabet.text(parts[1]))") }
    }
    return merges
  }

  /// Every pair of tokens that together are another, in the order of ranks.
  var allPairs: PackedStrings {
    var merges = PackedStrings()
    for token in tokens where token.count > 1 {
      var pairs: [(left: Int, right: Int)] = []
      for cut in 1..<token.count {
        if let left = ranks[Array(token[..<cut])], let right = ranks[Array(token[cut...])] {
          pairs.append((left, right))
        }
      }
      for pair in pairs.sorted(by: { ($0.left, $0.right) < ($1.left, $1.right) }) {
        merges.append("\(text(pair.left)) \(text(pair.right))")
      }
    }
    return merges
  }

  /// The bytes of `token` after all merges of ranks below `limit`.
  private func parts(of token: [UInt8], below limit: Int) -> [[UInt8]] {
    var parts = token.map { [$0] }
    while parts.count > 1 {
      var best: (index: Int, rank: Int)?
      for index in 0..<parts.count - 1 {
        if let rank = ranks[parts[index] + parts[index + 1]], rank < best?.rank ?? limit { best = (index, rank) }
      }
      guard let best else { break }
      parts[best.index] += parts[best.index + 1]
      parts.remove(at: best.index + 1)
    }
    return parts
  }
}
