/// Every bound on a number that comes from a file, with its reason. A file beyond one is refused, not truncated.
public enum Limits {
  /// The safetensors reference implementation refuses larger headers.
  public static let safetensorsHeaderByteCount = 100_000_000
  /// The largest published models have about 100,000 tensors; ten times that is still 100 MB of header.
  public static let tensors = 1_000_000
  /// Metadata keys of one file; published files have fewer than 100.
  public static let metadataKeys = 65_536
  /// Bytes of one metadata key: the GGUF specification's own limit.
  public static let metadataKeyByteCount = 65_535
  /// Elements of one metadata array: vocabularies of two million tokens fit eight times.
  public static let metadataArrayCount = 16_777_216
  /// Bytes of one metadata string: chat templates and embedded documents stay far below.
  public static let metadataStringByteCount = 64 << 20
  /// Arrays in arrays of GGUF metadata; nothing published goes beyond two.
  public static let metadataNesting = 4
  /// The alignment of GGUF data: ggml takes any power of two; one of a gigabyte already serves nobody.
  public static let alignment: UInt32 = 1 << 30
  /// The dimensions of a ggml tensor (`GGML_MAX_DIMS`).
  public static let ggmlDimensions = 4
  /// Bytes of a name that llama.cpp loads: `GGML_MAX_NAME` less the closing zero.
  public static let ggmlNameByteCount = 63
  /// ggml knows four dimensions, NumPy 64; no weight file has more than eight.
  public static let dimensions = 8
  /// Bytes of a tensor's name: ggml allows 63, safetensors any; the longest known are below 300.
  public static let tensorNameByteCount = 4096
  /// Bytes of a JSON document: a tokenizer.json with a million entries is about 100 MB.
  public static let jsonByteCount = 512 << 20
  /// Objects and arrays inside each other in JSON; deeper input would exhaust the stack.
  public static let jsonNesting = 128
  /// Files of one sharded model; the largest published have fewer than 400.
  public static let shards = 10_000
  /// Files of a folder that are looked at beside the weights; model folders have fewer than 100.
  public static let companions = 10_000
  /// Names in a folder that is one model: a file for each chunk of each tensor of a large checkpoint.
  public static let folderEntries = 1_000_000
  /// Bytes of a file beside the weights that is copied with them: the largest tokenizers are below 40 MB.
  public static let companionByteCount = 256 << 20
  /// Names that an error lists before it only counts.
  public static let listedNames = 5
  /// Bytes of a SentencePiece model: the largest published is 8 MB.
  public static let tokenizerModelByteCount = 128 << 20
  /// Bytes of a file of rules for tensors: a line for each tensor of the largest models is below 200 kB.
  public static let ruleFileByteCount = 16 << 20
  /// Importance weights of one tensor: 512 experts of 32,768 columns, four times.
  public static let importanceCount = 64 << 20
  /// Members of a zip archive: one for each tensor of the largest models, and some.
  public static let zipMembers = 2_000_000
  /// How many times as large as the archive its content may be: weights shrink to a third, mostly zeros to a hundredth.
  public static let unpackedRatio = 256
  /// Bytes that any archive may unpack to, however small it is.
  public static let unpackedByteCount = 256 << 20
  /// Messages inside each other in protocol buffers: a graph in a graph of a function, with room.
  public static let protobufNesting = 32
  /// Objects of one pickle, and strings: a checkpoint takes seven for each of its tensors.
  public static let pickleObjects = 2_000_000
  /// Values on the stack of a pickle: the items of its longest tuple.
  public static let pickleStack = 2_000_000
  /// Values that a pickle keeps for later: one for each object and string.
  public static let pickleMemo = 4_000_000
  /// Items and entries of all containers of a pickle: vocabularies and the states of samplers fit.
  public static let pickleItems = 8_000_000
  /// Bytes of a text of a pickle that is held in memory: names are far shorter.
  public static let pickleTextByteCount = 65_536
  /// Bytes of an array that protocol 2 spells as a text: they have to be turned in memory.
  public static let pickleArrayByteCount = 64 << 20
  /// Containers inside each other that are searched for tensors; modules of modules stay below 20.
  public static let pickleNesting = 100
  /// How often the objects of a pickle are reached in search of tensors, and how much oftener for each that there is:
  /// shared ones are reached once more in each place, and nested sharing would multiply.
  public static let pickleVisits = 10_000
  public static let pickleVisitsOfEach = 8
  /// Members of a tar archive of PyTorch before 0.2, which has four.
  public static let tarMembers = 16
  /// Globals of a pickle that are told by name before they are only counted.
  public static let listedGlobals = 50
}
