/// PyTorch: pickles, and the archives around them.
enum HostilePyTorch {
  private typealias P = PickleWriter

  /// An archive of this pickle and one storage.
  static func archive(
    _ pickle: [UInt8], storage: [UInt8] = floats(2), more: [ZipWriter.Member] = []
  ) -> [UInt8] {
    ZipWriter([.init("m/data.pkl", pickle), .init("m/data/0", storage), .init("m/version", utf8("3\n"))] + more).bytes
  }

  static let suite: HostileSuite = {
    var suite = HostileSuite("pytorch", file: "model.pt")
    globals(&suite)
    machine(&suite)
    tensors(&suite)
    archives(&suite)
    legacy(&suite)
    folders(&suite)
    return suite
  }()

  private static func globals(_ suite: inout HostileSuite) {
    let tensor = P.Tensor().bytes
    func with(_ value: [UInt8]) -> [UInt8] {
      archive(P.program(P.dictionary([(P.text("a"), tensor), (P.text("b"), value)])))
    }
    suite.accept("a state dictionary", because: "it is what torch.save makes", archive(P.state()))
    for path in [
      "os.system", "posix.system", "nt.system", "subprocess.Popen", "builtins.eval", "builtins.exec",
      "builtins.getattr", "builtins.__import__", "__builtin__.apply", "sys.modules", "importlib.import_module",
      "runpy.run_path", "socket.socket", "shutil.rmtree", "pty.spawn", "webbrowser.open", "ctypes.CDLL",
      "torch.hub.load", "torch.load", "numpy.load", "operator.attrgetter", "functools.partial", "pickle.loads",
      "types.FunctionType", "types.CodeType", "pip.main", "timeit.timeit", "code.interact", "asyncio.run",
      "multiprocessing.Process", "torch.storage._load_from_bytes",
    ] {
      suite.refuse(
        "a call of \(path)", "OUN106", path.split(separator: ".").last.map(String.init) ?? "",
        with(P.call(path, P.text("id"))))
    }
    suite.refuse(
      "a way to os.system through an innocent module", "OUN106", "os.system",
      with(all(P.text("torch.serialization"), P.text("os.system"), [0x93], P.tuple(P.text("id")), utf8("R"))))
    suite.refuse(
      "a way through a class to what is behind it", "OUN106", "__globals__",
      with(all(P.text("collections"), P.text("OrderedDict.__init__.__globals__"), [0x93])))
    suite.refuse(
      "a global that is computed", "OUN102", "computes the name",
      with(all(P.text("os"), P.call("builtins.str", P.text("system")), [0x93])))
    suite.refuse(
      "an instance of a class by the old instruction", "OUN106", "os.system",
      with(all(utf8("("), P.text("id"), utf8("ios\nsystem\n"))))
    suite.refuse(
      "an object of the old instruction", "OUN106", "os.system",
      with(all(utf8("("), P.global("os.system"), P.text("id"), utf8("o"))))
    suite.refuse(
      "a state for a class", "OUN106", "is changed",
      with(all(P.global("torch.nn.Parameter"), P.dictionary([(P.text("x"), P.int(1))]), utf8("b"))))
    suite.refuse("a class by a number", "OUN104", "by a number", with([0x82, 1]))
    suite.refuse(
      "a danger that is never used", "OUN106", "os.system",
      archive(P.program(P.global("os.system"), utf8("0"), P.dictionary([(P.text("a"), tensor)]))))
    suite.refuse(
      "a danger behind the storages' names", "OUN106", "os.system",
      archive(P.state { $0.storage = P.call("os.system", P.text("id")) }))
    suite.accept(
      "a class of another program", because: "it is left aside, and the tensors are read",
      with(P.call("my.training.Config", P.int(1))))
    suite.refuse(
      "nothing but a danger", "OUN106", "os.system", P.program(P.call("os.system", P.text("id"))), as: "model.pkl")
    suite.refuse(
      "a danger whose name moves the cursor", "OUN106", "could run it",
      with(P.call("os.\u{1B}[2J\u{202E}system", P.text("id"))))
    suite.refuse(
      "a hundred dangers", "OUN106", "more globals that could act",
      with(P.tuple((0..<100).map { P.global("os.f\($0)") }.reduce([], +))))
    suite.refuse(
      "a danger in the constants of TorchScript", "OUN106", "os.system",
      archive(P.state(), more: [.init("m/constants.pkl", P.program(P.call("os.system", P.text("id"))))]))
  }

  private static func machine(_ suite: inout HostileSuite) {
    func run(_ what: String, _ words: String, _ instructions: [UInt8]...) {
      suite.refuse(what, "OUN102", words, archive(all(P.begin, joined(instructions))))
    }
    run("a pickle that never ends", "bytes", P.none)
    run("an empty pickle that ends", "empty stack", P.stop)
    run("a value from an empty stack", "empty stack", utf8("0."))
    run("a tuple without a mark", "never set", utf8("t."))
    run("an instruction that there is not", "no instruction", [0xFF])
    run("a protocol of the future", "protocol 6", [0x80, 6])
    run("a value that was never kept", "never kept", utf8("h"), [7])
    run("a value kept as number 2^32-1", "keeps a value", P.none, utf8("r"), u32(-1))
    run("a value kept as a negative number", "keeps a value", P.none, utf8("p-1\n"))
    run("a value kept by a name", "no number", P.none, utf8("pabc\n"))
    run("keys without values", "pairs are expected", utf8("}("), P.text("a"), utf8("u."))
    run("entries of a list", "no dictionary", utf8("]("), P.text("a"), P.none, utf8("u."))
    run("items of a dictionary", "no list", utf8("}("), P.text("a"), utf8("e."))
    run("items of a number", "no object", P.int(1), utf8("("), P.text("a"), utf8("e."))
    run("a text of 2^32-1 bytes", "need at least", utf8("X"), u32(-1))
    run("a text of 2^64-1 bytes", "more than the limit", [0x8D], u64(-1))
    run("bytes of 2^63", "more than the limit", [0x8E], u64(.min))
    run("an array of bytes of 2^60", "need at least", [0x96], u64(1 << 60))
    run("a number of 2^32-1 bytes", "need at least", [0x8B], u32(-1))
    run("a frame of 2^64-1 bytes", "more than the limit", [0x95], u64(-1))
    run("a frame longer than the file", "need at least", [0x95], u64(1 << 40))
    run("a line without an end", "bytes", utf8("I12"))
    run("a line of 100,000 letters", "line of more than", utf8("V") + [UInt8](repeating: 0x61, count: 100_000))
    run("an integer in letters", "no integer", utf8("Iabc\n."))
    run("a float in letters", "no float", utf8("Fabc\n."))
    run("a global whose name is no UTF-8", "not UTF-8", utf8("c"), [0xFF, 0x0A, 0x61, 0x0A])
    run("an object of no class", "no class", utf8("(o."))
    suite.refuse("buffers that are elsewhere", "OUN104", "buffers elsewhere", archive(all(P.begin, [0x97], P.stop)))
    // Instructions of one byte that each keep something.
    run("a hundred thousand marks", "", [UInt8](repeating: 0x28, count: 100_000))
    run("two million lists", "than the limit of 2000000", [UInt8](repeating: 0x5D, count: 2_000_010))
    let nested = [UInt8](repeating: 0x5D, count: 100_000) + [UInt8](repeating: 0x61, count: 99_999)
    suite.refuse(
      "a hundred thousand lists inside each other", "OUN111", "no tensor", archive(all(P.begin, nested, P.stop)))
    suite.refuse(
      "a list that holds itself", "OUN111", "no tensor",
      archive(all(P.begin, utf8("]q"), [0], utf8("h"), [0], utf8("a."))))
    // Each list holds the one before it twice: 2^30 ways to the first.
    var doubled = utf8("]q") + [0]
    for level in 1..<30 { doubled += all(utf8("](h"), u8(level - 1), utf8("h"), u8(level - 1), utf8("eq"), u8(level)) }
    suite.refuse(
      "lists that hold each other twice, thirty times", "OUN111", "no tensor", archive(all(P.begin, doubled, P.stop)))
    var shared = P.Tensor().bytes + utf8("q") + [0]
    for level in 1..<30 { shared += all(utf8("](h"), u8(level - 1), utf8("h"), u8(level - 1), utf8("eq"), u8(level)) }
    suite.refuse(
      "lists that hold each other twice, with a tensor inside", "OUN102", "", archive(all(P.begin, shared, P.stop)))
  }

  private static func tensors(_ suite: inout HostileSuite) {
    func tensor(_ what: String, _ words: String, rule: String = "OUN102", _ change: (inout P.Tensor) -> Void) {
      suite.refuse(what, rule, words, archive(P.state(change)))
    }
    tensor("a storage that is not there", "is not in the file") { $0.key = P.text("7") }
    tensor("a storage that leads out of the archive", "is not in the file") { $0.key = P.text("../../etc/passwd") }
    tensor("a storage with more elements than bytes", "should have 3 elements") { $0.count = P.int(3) }
    tensor("a storage of 2^62 elements", "should have") { $0.count = P.int(1 << 62) }
    tensor("a storage of a negative number of elements", "should have") { $0.count = P.int(-1) }
    tensor("an offset beyond the storage", "reaches beyond") { $0.offset = P.int(1) }
    tensor("a negative offset", "reaches beyond") { $0.offset = P.int(-1) }
    tensor("an offset of 2^63-1", "reaches beyond") { $0.offset = P.int(.max) }
    tensor("a shape beyond the storage", "reaches beyond") { $0.shape = P.tuple(P.int(3)) }
    tensor("a negative size", "negative size") { $0.shape = P.tuple(P.int(-2)) }
    tensor("sizes whose product overflows", "overflows") {
      $0.shape = P.tuple(P.int(1 << 32), P.int(1 << 32))
      $0.strides = P.tuple(P.int(0), P.int(0))
    }
    tensor("a stride of 2^62", "reaches beyond") { $0.strides = P.tuple(P.int(1 << 62)) }
    tensor("a negative stride", "reaches beyond") { $0.strides = P.tuple(P.int(-1)) }
    tensor("more strides than sizes", "not equally many") { $0.strides = P.tuple(P.int(1), P.int(1)) }
    tensor("a shape that is a text", "no integers") { $0.shape = P.text("2") }
    tensor("a storage that is a number", "no storage") { $0.kind = P.int(1) }
    tensor("elements of one storage, seen a quadrillion times", "far more than the file") {
      $0.shape = P.tuple(P.int(1 << 25), P.int(1 << 25))
      $0.strides = P.tuple(P.int(0), P.int(0))
    }
    suite.accept(
      "an element that is seen four times", because: "a stride of zero repeats it",
      archive(
        P.state {
          $0.shape = P.tuple(P.int(2), P.int(2))
          $0.strides = P.tuple(P.int(1), P.int(0))
        }))
    for (what, words, function) in [
      ("a tensor that PyTorch quantized", "quantized by PyTorch", "torch._utils._rebuild_qtensor"),
      ("a sparse tensor", "sparse", "torch._utils._rebuild_sparse_tensor"),
      ("a tensor without data", "no data", "torch._utils._rebuild_meta_tensor_no_storage"),
    ] {
      tensor(what, "1 that cannot", rule: "OUN111") { $0.function = function }
      suite.warn(
        "\(what) beside another", "OUN107", words,
        archive(
          P.program(
            P.dictionary([
              (P.text("a"), P.Tensor().bytes),
              (
                P.text("b"),
                {
                  var t = P.Tensor(); t.function = function; return t.bytes
                }()
              ),
            ]))))
    }
    tensor("a storage of an unknown type", "1 that cannot", rule: "OUN111") {
      $0.storage = P.global("torch.FooStorage")
    }
    suite.refuse(
      "two tensors of one name", "OUN102", "two tensors have this name",
      archive(
        P.program(
          P.dictionary([
            (P.text("a.b"), P.Tensor().bytes), (P.text("a"), P.dictionary([(P.text("b"), P.Tensor().bytes)])),
          ]))))
    suite.accept(
      "a key twice", because: "the last value counts, as in Python",
      archive(P.program(P.dictionary([(P.text("a"), P.Tensor().bytes), (P.text("a"), P.Tensor().bytes)]))))
    suite.refuse(
      "a name of 5000 bytes", "OUN102", "more than the limit",
      archive(P.program(P.dictionary([(P.text(String(repeating: "n", count: 5000)), P.Tensor().bytes)]))))
    suite.warn(
      "a name that leads out of the folder", "OUN112", "leads out",
      archive(P.program(P.dictionary([(P.text("../../x"), P.Tensor().bytes)]))))
    suite.refuse("NaN among the values", "OUN201", "NaN", archive(P.state(), storage: floats(1) + u32(-1)))
  }

  private static func archives(_ suite: inout HostileSuite) {
    suite.refuse(
      "a byte order that there is not", "OUN102", "byteorder says",
      archive(P.state(), more: [.init("m/byteorder", utf8("middle"))]))
    suite.refuse(
      "a byte order of a megabyte", "OUN102", "", archive(P.state(), more: [.init("m/byteorder", zeros(1 << 20))]))
    suite.refuse(
      "a storage whose checksum is wrong", "OUN206", "checksum",
      ZipWriter([.init("m/data.pkl", P.state()), ZipWriter.Member("m/data/0", floats(2)).with { $0.checksum = 5 }])
        .bytes)
    suite.refuse("no pickle", "OUN103", "without a weight file", ZipWriter([.init("m/data/0", floats(2))]).bytes)
    suite.refuse("an empty pickle", "OUN102", "bytes", archive([]))
    suite.refuse(
      "two archives one after the other", "OUN104", "several archives", archive(P.state()) + archive(P.state()))
    suite.refuse("an archive that is cut", "OUN102", "no directory at its end", Array(archive(P.state()).dropLast(30)))
    suite.refuse(
      "two constants of one name", "OUN102", "",
      archive(
        P.program(P.dictionary([(P.text("CONSTANTS.c0"), P.Tensor().bytes)])),
        more: [.init("m/constants.pkl", P.program(P.tuple(P.Tensor().bytes))), .init("m/constants/0", floats(2))]))
    suite.warn("a checkpoint that is named like NumPy's", "OUN108", "is PyTorch", archive(P.state()), as: "model.npz")
    suite.accept(
      "the storage deflated", because: "archives are repacked",
      ZipWriter([
        .init("m/data.pkl", P.state()),
        ZipWriter.Member("m/data/0", ZipWriter.deflated(floats(2))).with {
          ($0.method, $0.byteCount, $0.checksum) = (8, 8, ZipWriter.crc32(floats(2)))
        },
      ]).bytes)
    suite.accept(
      "bytes of the other machines", because: "they are turned as they are read",
      archive(P.state(), storage: [0x3F, 0x80, 0, 0, 0x40, 0, 0, 0], more: [.init("m/byteorder", utf8("big"))]))
  }

  private static let magic = P.program(all([0x8A, 10], [0x6C, 0xFC, 0x9C, 0x46, 0xF9, 0x20, 0x6A, 0xA8, 0x50, 0x19]))

  private static func old(
    version: Int = 1001, pickle: [UInt8] = P.state(), keys: [UInt8]? = nil, count: Int = 2, data: [UInt8] = floats(2)
  ) -> [UInt8] {
    all(
      magic, P.program(P.int(version)), P.program(utf8("}")), pickle,
      keys ?? P.program(all(utf8("]"), P.text("0"), utf8("a"))),
      u64(count), data)
  }

  private static func legacy(_ suite: inout HostileSuite) {
    let file = "model.pth"
    suite.accept("a file from before 1.6", because: "it is read", old(), as: file)
    func refuse(_ what: String, _ words: String, _ bytes: [UInt8]) {
      suite.refuse(what, "OUN102", words, bytes, as: file)
    }
    refuse("an old file of another version", "not 1001", old(version: 7))
    refuse(
      "an old file with a storage that nobody names", "not one that a tensor names",
      old(keys: P.program(all(utf8("]"), P.text("9"), utf8("a")))))
    refuse(
      "an old file with a storage twice", "twice",
      old(keys: P.program(all(utf8("]("), P.text("0"), P.text("0"), utf8("e")))) + u64(2) + floats(2))
    refuse("an old file whose keys are a number", "no list", old(keys: P.program(P.int(1))))
    refuse("an old file with another number of elements", "elements, where the pickle says", old(count: 1))
    refuse("an old file with 2^64-1 elements", "more than the limit", old(count: -1))
    refuse("an old file with 2^58 elements", "need at least", old(count: 1 << 58))
    refuse("an old file that is cut", "expected 8 more bytes", Array(old().dropLast()))
    refuse("only the magic number", "bytes", magic)
    suite.refuse(
      "a danger in the machine's description of an old file", "OUN106", "os.system",
      all(
        magic, P.program(P.int(1001)), P.program(P.call("os.system", P.text("id"))), P.state(),
        P.program(all(utf8("]"), P.text("0"), utf8("a"))), u64(2), floats(2)), as: file)
    suite.refuse(
      "a tar without its members", "OUN102", "lacks one of",
      HostileWrappers.tar("sys_info", P.program(P.none)) + zeros(1024), as: "model.tar")
    suite.refuse("a pickle without a tensor", "OUN104", "holds no tensor", P.program(P.int(1)), as: "model.pkl")
  }

  private static func folders(_ suite: inout HostileSuite) {
    suite.refuse(
      "a distributed checkpoint whose metadata is a number", "OUN102", "does not say what",
      folder: [".metadata": P.program(P.int(1)), "__0_0.distcp": archive(P.state())])
    suite.refuse(
      "a distributed checkpoint whose metadata is empty", "OUN102", "bytes",
      folder: [".metadata": [], "__0_0.distcp": archive(P.state())])
    func metadata(file: String, offset: Int = 0, length: Int) -> [UInt8] {
      func object(_ path: String, _ state: [UInt8]) -> [UInt8] {
        all(P.global(path), utf8(")"), [0x81], state, utf8("b"))
      }
      let base = "torch.distributed.checkpoint.metadata."
      let size = P.call("torch.Size", P.tuple(P.int(2)))
      let zero = P.call("torch.Size", P.tuple(P.int(0)))
      let chunk = object(
        base + "ChunkStorageMetadata", P.dictionary([(P.text("offsets"), zero), (P.text("sizes"), size)]))
      let properties = object(base + "TensorProperties", P.tuple(P.global("torch.float32")))
      let tensor = object(
        base + "TensorStorageMetadata",
        P.dictionary([
          (P.text("properties"), properties), (P.text("size"), size),
          (P.text("chunks"), all(utf8("]"), chunk, utf8("a"))),
        ]))
      let key = object(base + "MetadataIndex", P.dictionary([(P.text("fqn"), P.text("a")), (P.text("offset"), zero)]))
      let place = object(
        "torch.distributed.checkpoint.filesystem._StorageInfo",
        P.dictionary([
          (P.text("relative_path"), P.text(file)), (P.text("offset"), P.int(offset)), (P.text("length"), P.int(length)),
        ]))
      return P.program(
        object(
          base + "Metadata",
          P.dictionary([
            (P.text("state_dict_metadata"), P.dictionary([(P.text("a"), tensor)])),
            (P.text("storage_data"), P.dictionary([(key, place)])),
          ])))
    }
    let piece = archive(P.program(P.Tensor().bytes))
    let name = "__0_0.distcp"
    suite.accept(
      "a distributed checkpoint", because: "it is what torch writes",
      folder: [".metadata": metadata(file: name, length: piece.count), name: piece])
    suite.refuse(
      "a piece in the folder above", "OUN102", "not inside of the folder",
      folder: [".metadata": metadata(file: "../\(name)", length: piece.count), name: piece])
    suite.refuse(
      "a piece of an absolute path", "OUN102", "not inside of the folder",
      folder: [".metadata": metadata(file: "/etc/passwd", length: 5), name: piece])
    suite.refuse(
      "a piece that is missing", "OUN101", "is missing",
      folder: [".metadata": metadata(file: "__1_0.distcp", length: 5), name: piece])
    suite.refuse(
      "a piece beyond its file", "OUN102", "a piece ends at",
      folder: [".metadata": metadata(file: name, length: piece.count + 1), name: piece])
    suite.refuse(
      "a piece at 2^63-1", "OUN102", "places",
      folder: [".metadata": metadata(file: name, offset: .max, length: piece.count), name: piece])
    suite.refuse(
      "a piece at a negative place", "OUN102", "places",
      folder: [".metadata": metadata(file: name, offset: -1, length: piece.count), name: piece])
    suite.refuse(
      "a piece that would act", "OUN106", "os.system",
      folder: [
        ".metadata": metadata(
          file: name, length: archive(P.program(P.tuple(P.Tensor().bytes, P.global("os.system")))).count),
        name: archive(P.program(P.tuple(P.Tensor().bytes, P.global("os.system")))),
      ])
  }
}
