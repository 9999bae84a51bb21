public import OunceCore
public import OrderedCollections

extension ModelTraits {
  /// Reads the traits from GGUF metadata. A model without hyperparameters has none, and the recipes do without.
  public init(metadata: Metadata, hasImportance: Bool) {
    guard let architecture = metadata["general.architecture"]?.string else {
      self.hasImportance = hasImportance
      return
    }
    func number(_ key: String) -> Int? { metadata["\(architecture).\(key)"]?.firstInteger }
    self.architecture = architecture
    self.hasImportance = hasImportance
    layerCount = number("block_count") ?? 0
    expertCount = number("expert_count") ?? 0
    let heads = number("attention.head_count") ?? 0
    let keyHeads = number("attention.head_count_kv") ?? heads
    queriesPerKey = keyHeads == 0 ? 0 : heads / keyHeads
    // The shapes that llama.cpp calls 70B.
    is70B =
      switch architecture {
      case "llama": layerCount == 80 && heads != keyHeads
      case "qwen2", "deci", "olmo": layerCount == 80
      case "jais2": layerCount == 68
      default: false
      }
  }
}

extension MetadataValue {
  /// A whole number, or the first of an array of them: hyperparameters that differ by layer are arrays.
  var firstInteger: Int? {
    switch self {
    case .array(.int32(let values)): values.first.map { Int($0) }
    case .array(.uint32(let values)): values.first.map { Int($0) }
    case .array(.int64(let values)): values.first.map { Int($0) }
    case .array(.uint64(let values)): values.first.flatMap { Int(exactly: $0) }
    default: integer
    }
  }
}
