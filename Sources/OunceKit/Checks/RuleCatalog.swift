/// Every rule of `ounce check`, in the order of their numbers. One line per rule.
public enum Rules {
  public static let all: [any CheckRule] = [
    CannotBeRead(),
    MalformedHeader(),
    NotWeights(),
    UnsupportedFormat(),
    IncompleteSet(),
    ActingPickle(),
    UnsupportedTensor(),
    WrongExtension(),
    TrailingBytes(),
    UnfinishedFile(),
    NothingToCheck(),
    MisleadingName(),
    NonFiniteValues(),
    ForbiddenCodes(),
    ZeroTensor(),
    ConstantTensor(),
    DenormalScales(),
    ArchiveChecksum(),
    RecordedHash(),
    ManifestMismatch(),
    TokenizerSizes(),
    SpecialTokenRange(),
    UnknownMerges(),
    DuplicateTokens(),
    ChatTemplateLanguage(),
    GeneralKeys(),
    Hyperparameters(),
    RequiredTensors(),
    TensorShapes(),
    ConfigurationSizes(),
    Untranslatable(),
    NoLineage(),
    OtherSource(),
    LineageTensors(),
    LineageShapes(),
    OutOfRange(),
    RotaryOrder(),
    NormOffset(),
    ExpertOrder(),
    TransposedMatrix(),
    FusedSplit(),
    MisplacedTensor(),
    RowOrder(),
    ByteOrder(),
    ChangedSign(),
    LostScale(),
    TiedOutput(),
    CoarserSource(),
    LineageTokenizer(),
    LineageTemplate(),
    LineageSettings(),
  ]

  static let opening = all.compactMap { $0 as? any OpeningRule }
  static let model = all.compactMap { $0 as? any ModelRule }
  static let file = all.compactMap { $0 as? any FileRule }
  static let tensor = all.compactMap { $0 as? any ContentRule }
  static let lineage = all.compactMap { $0 as? any LineagePattern }
  static let meaning = all.compactMap { $0 as? any MeaningRule }
}
