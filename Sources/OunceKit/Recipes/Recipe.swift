/// Which encoding each tensor of a model gets: the mixes that people call `Q4_K_M`.
///
/// The rules are those of llama-quantize; the first one that applies decides, and without one the tensor gets the base
/// encoding.
public struct Recipe: Sendable {
  public let name: String
  /// Other names for the same recipe.
  public let aliases: [String]
  /// The number that GGUF files carry as `general.file_type`; nil: that of the source.
  public let fileType: UInt32?
  /// The encoding of tensors that no rule names; nil: every tensor keeps its own.
  public let encoding: String?
  public let rules: [Rule]
  /// Encodings that are refused for a tensor without importance weights.
  public let encodingsThatNeedImportance: Set<String>

  init(
    _ name: String, aliases: [String] = [], fileType: UInt32?, encoding: String?, rules: [Rule] = [],
    encodingsThatNeedImportance: Set<String> = []
  ) {
    self.name = name
    self.aliases = aliases
    self.fileType = fileType
    self.encoding = encoding
    self.rules = rules
    self.encodingsThatNeedImportance = encodingsThatNeedImportance
  }

  /// Every encoding that this recipe can choose when all blocks fit.
  public var encodings: [String] { (encoding.map { [$0] } ?? []) + rules.map(\.encoding) }
}

/// One line of a recipe: tensors of these roles, when the condition holds, get this encoding.
public struct Rule: Sendable {
  public let roles: Set<TensorRole>
  public let condition: Condition
  public let encoding: String

  init(_ roles: Set<TensorRole>, _ encoding: String, when condition: Condition = .always) {
    self.roles = roles
    self.condition = condition
    self.encoding = encoding
  }

  init(_ role: TensorRole, _ encoding: String, when condition: Condition = .always) {
    self.init([role], encoding, when: condition)
  }

  func applies(to place: TensorPlace, of traits: ModelTraits) -> Bool {
    roles.contains(place.role) && condition.holds(place, traits)
  }
}

/// What a rule can ask.
public indirect enum Condition: Sendable {
  case always
  case not(Condition)
  case all([Condition])
  case any([Condition])
  /// The tensor stands in the first `count` of its kind.
  case first(Int)
  /// The tensor stands in the first 1/n of the layers.
  case firstPart(Int)
  /// No more tensors of its kind came before than 1/n of the layers are: shared experts count, too.
  case firstShare(Int)
  /// The first and the last eighth, and every third of the layers between.
  case moreBits
  /// Neither the first nor the last eighth of the layers.
  case middleLayers
  /// At least four query heads share a key head.
  case groupedQueries
  case expertCount(Int)
  case expertCountAtLeast(Int)
  case hasImportance
  case architecture(String)
  /// The models of 70 billion weights with grouped queries, whose `attn_v` is small.
  case is70B
  /// The tensor's rows are no whole blocks of the recipe's base encoding.
  case isMisfit
  /// Several matrices in one tensor.
  case isStacked

  func holds(_ place: TensorPlace, _ traits: ModelTraits) -> Bool {
    switch self {
    case .always: true
    case .not(let condition): !condition.holds(place, traits)
    case .all(let conditions): conditions.allSatisfy { $0.holds(place, traits) }
    case .any(let conditions): conditions.contains { $0.holds(place, traits) }
    case .first(let count): place.index < count
    case .firstPart(let part): place.index < place.count / part
    case .firstShare(let part): place.earlierCount < place.count / part
    case .moreBits:
      place.index < place.count / 8 || place.index >= 7 * place.count / 8
        || (place.index - place.count / 8) % 3 == 2
    case .middleLayers: place.index >= place.count / 8 && place.index < 7 * place.count / 8
    case .groupedQueries: traits.queriesPerKey >= 4
    case .expertCount(let count): traits.expertCount == count
    case .expertCountAtLeast(let count): traits.expertCount >= count
    case .hasImportance: traits.hasImportance
    case .architecture(let name): traits.architecture == name
    case .is70B: traits.is70B
    case .isMisfit: place.isMisfit
    case .isStacked: place.isStacked
    }
  }
}

/// Where a tensor stands among those that a rule counts.
public struct TensorPlace: Sendable {
  public let role: TensorRole
  /// How many of its kind came before; the number of its layer in a mixture of experts.
  public let index: Int
  public let count: Int
  /// How many of its kind came before.
  public let earlierCount: Int
  public let isMisfit: Bool
  public let isStacked: Bool
}

/// What rules ask about a model.
public struct ModelTraits: Sendable, Equatable {
  public var architecture: String?
  public var layerCount = 0
  public var queriesPerKey = 1
  public var expertCount = 0
  public var hasImportance = false
  public var is70B = false
}
