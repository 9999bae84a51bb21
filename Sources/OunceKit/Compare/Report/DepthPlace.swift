/// Where in a model a tensor stands, by its name: `blk.12.attn_q.weight` is `attn_q.weight` of block 12.
struct DepthPlace: Hashable {
  /// What it does, the same in each block; further numbers, such as those of experts, become `*`.
  let role: String
  /// The number of its block; nil: it is outside of blocks.
  let depth: Int?

  init(_ name: String) {
    let parts = name.split(separator: ".", omittingEmptySubsequences: false)
    guard let place = parts.firstIndex(where: { Self.number($0) != nil }), parts.count > 1 else {
      (role, depth) = (name, nil)
      return
    }
    let head = parts[..<place].joined(separator: ".")
    let rest = parts[(place + 1)...].map { Self.number($0) == nil ? String($0) : "*" }.joined(separator: ".")
    depth = Self.number(parts[place])
    // The usual names of the stack of blocks say nothing.
    role = Self.stacks.contains(head) ? rest : "\(head).*.\(rest)"
  }

  private static func number(_ text: Substring) -> Int? {
    text.utf8.count <= 6 && text.utf8.allSatisfy { (48...57).contains($0) } ? Int(text) : nil
  }

  private static let stacks: Set<String> = [
    "blk", "model.layers", "layers", "transformer.h", "h", "model.decoder.layers", "encoder.layer",
    "gpt_neox.layers", "backbone.layers",
  ]
}
