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
  /// Bytes of a block of a table of TensorFlow: it begins a new one after 256 KiB; one entry lists at most all slices.
  public static let tableBlockByteCount = 64 << 20
  /// Bytes of a key of such a table: a tensor's name, at worst with a byte more for each, and the bounds of a slice.
  public static let tableKeyByteCount = 16 << 10
  /// Bytes of all names where a file can tell a long one in few bytes: 128 for each tensor of the largest models.
  public static let allNamesByteCount = 128 << 20
  /// Bytes of names and parameters that several tables of a small FlatBuffer may share, however small it is.
  public static let sharedTextByteCount = 16 << 20
  /// Bytes of the file `checkpoint` of TensorFlow: it names the last few checkpoints of its folder.
  public static let checkpointStateByteCount = 1 << 20
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
  /// Bytes of one structure of an HDF5 file: an attribute has 64 KiB, a node of an index a few.
  public static let hdf5StructureByteCount = 64 << 20
  /// How many times the bytes of an HDF5 file its structures may be read, and bytes that are granted to the smallest.
  public static let hdf5Rereading = 4
  public static let hdf5SmallFileByteCount = 16 << 20
  /// Messages of one object header: version 1 counts them in 16 bits.
  public static let hdf5Messages = 65_536
  /// Levels of a tree of HDF5: of 64 children each, nine reach all that 64 bits can count.
  public static let hdf5TreeLevels = 16
  /// Links of an HDF5 file, counted by path: as many as there may be tensors.
  public static let hdf5Links = 1_000_000
  /// Of those, paths that the smallest file may have: groups that are reached in several ways multiply.
  public static let hdf5SmallFilePaths = 16_384
  /// Bytes of all paths of an HDF5 file: those of the largest have a few megabytes.
  public static let hdf5NameByteCount = 64 << 20
  /// Groups inside of groups of an HDF5 file: modules in modules, with room.
  public static let hdf5Nesting = 64
  /// Bytes of a chunk that is unpacked in memory: h5py makes chunks of 1 MiB at most unless it is told to.
  public static let hdf5ChunkByteCount = 64 << 20
  /// Bytes of unpacked chunks that are kept, in each of two generations.
  public static let hdf5CachedByteCount = 16 << 20
  /// Fields that are looked at to tell which protocol buffer a file is: a function each, at worst.
  public static let protobufProbedFields = 4096
  /// Repeated parts of one layer of a neural network: activations, directions; published layers have fewer than 10.
  public static let protobufRepeats = 4096
  /// Bytes of one text in a protocol buffer that becomes metadata: descriptions, class lists, configurations.
  public static let protobufTextByteCount = 1 << 20
  /// Bytes of all tensor names of a file that are put together from the places of tensors: a million of 64 bytes.
  public static let derivedNameByteCount = 64 << 20
  /// Parts of a header of ggml that are there several times: the layers of a small encoder.
  public static let ggmlRepeats = 1024
  /// Bytes of one token in a file of ggml: vocabularies of bytes and of words stay below 1000.
  public static let ggmlTokenByteCount = 65_536
  /// Bytes of the arguments in a llamafile: a command line.
  public static let llamafileArgumentsByteCount = 1 << 20
  /// Dictionaries inside each other in msgpack: modules in modules, which stay below 20.
  public static let msgpackNesting = 64
  /// Bytes of the names of all leaves in msgpack, each with its whole path: a million of 128.
  public static let leafNamesByteCount = 128 << 20
  /// Folders inside each other in a model that is a folder: groups in groups, which stay below 20.
  public static let folderNesting = 32
  /// Bytes of a node of a database of TensorStore: Orbax asks for 100 MB at most.
  public static let ocdbtNodeByteCount = 128 << 20
  /// Bytes of all its nodes: a million keys are about 100 MB.
  public static let ocdbtByteCount = 1 << 30
  /// Codecs of one array in Zarr, one after the other; usually two.
  public static let zarrCodecs = 16
  /// Bytes of the header of a NumPy array: version 1 holds no more, and NumPy itself reads 10,000 unless told to.
  public static let npyHeaderByteCount = 65_535
  /// Tuples and lists inside each other in such a header: a record in a record, with room.
  public static let npyNesting = 16
  /// Wrappers around a weight file: a compressed archive in an archive is all that people make.
  public static let wrapperNesting = 3
  /// Files of an archive that is searched for weights; folders of models have fewer than 100.
  public static let wrapperMembers = 10_000
  /// Bytes of the records about one member of a tar archive: a path has at most 4096.
  public static let tarRecordByteCount = 1 << 20
  /// Bytes of the header of a journal, which names every source and every output: ten thousand of each.
  public static let journalHeaderByteCount = 16 << 20
}
