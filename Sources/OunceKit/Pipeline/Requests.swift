public import OunceContainers
internal import OunceCore

/// What `quantize` is asked for.
public struct QuantizeRequest: Sendable {
  /// The recipes: one file each, all from one reading of the source.
  public var recipes: [Recipe]
  /// A file, or a folder for files under their usual names; nil: the working folder.
  public var output: String?
  public var translation = TranslationOptions()
  public var overrides = RecipeOverrides()
  /// Weights of the columns, where llama-imatrix recorded them.
  public var importance: ColumnWeights?
  /// Whether tensors that are quantized already may be quantized again.
  public var allowsRequantizing = false
  public var allowsNonFinite = false
  /// How the output is cut into files.
  public var split = ShardLimits()
  /// Cuts the output into files as the source is.
  public var keepsSplit = false
  /// Layers to leave out; the others are numbered anew.
  public var prunedLayers: [Int] = []
  /// Metadata to set.
  public var metadataOverrides: [MetadataOverride] = []
  /// Writes what llama-quantize writes where ounce does better on purpose (docs/conformance.md).
  public var matchesReference = false

  public init(recipes: [Recipe], output: String? = nil) {
    self.recipes = recipes
    self.output = output
  }
}

/// What `convert` is asked for.
public struct ConvertRequest: Sendable {
  /// The container that is written.
  public enum Format: Sendable {
    /// GGUF under the names of llama.cpp.
    case gguf
    /// A folder for transformers: the way back from GGUF.
    case huggingFace
    /// A folder for mlx-lm, floats as they are.
    case mlx
    /// A file under the names of the source.
    case container(any WritableContainer)

    /// What can be asked for, as users write it.
    public static var names: [String] {
      ["gguf", "hf", "mlx"] + Containers.writable.flatMap(\.fileExtensions).filter { $0 != "gguf" }
    }

    /// The format of this name, which for a container is one of its file extensions.
    public init?(_ name: String) {
      switch name.lowercased() {
      case "gguf": self = .gguf
      case "hf": self = .huggingFace
      case "mlx": self = .mlx
      default:
        guard let container = Containers.writable(ending: name.lowercased()) else { return nil }
        self = .container(container)
      }
    }
  }

  public var format = Format.gguf
  /// The encoding of floats: "F32", "F16", "BF16", …; nil: as in the source.
  public var dtype: String?
  /// Whether words of a GGUF file have their most significant byte first.
  public var isBigEndian = false
  /// A file, or a folder for a file under its usual name; nil: the working folder.
  public var output: String?
  public var translation = TranslationOptions()
  public var allowsNonFinite = false
  /// How the output is cut into files.
  public var split = ShardLimits()

  public init() {}
}
