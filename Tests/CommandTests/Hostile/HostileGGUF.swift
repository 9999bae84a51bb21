/// GGUF, alone: counts, keys, values, tensors, places.
enum HostileGGUF {
  static let suite: HostileSuite = {
    var suite = HostileSuite("gguf", file: "model.gguf")
    heads(&suite)
    keys(&suite)
    arrays(&suite)
    tensors(&suite)
    places(&suite)
    versions(&suite)
    values(&suite)
    return suite
  }()

  /// A sound file with a tensor of this name.
  static func named(_ name: String) -> [UInt8] { made { $0.tensors[0].name = utf8(name) } }

  private static func made(_ change: (inout GGUFWriter) -> Void) -> [UInt8] {
    var writer = GGUFWriter()
    change(&writer)
    return writer.bytes
  }

  private static func heads(_ suite: inout HostileSuite) {
    suite.accept("a sound file", because: "it is what the writers make", GGUFWriter().bytes)
    for version in [0, 4, 255, 0x7FFF] {
      suite.refuse("version \(version)", "OUN104", "is GGUF version \(version)", made { $0.version = version })
    }
    suite.refuse("a version of nothing but ones", "OUN104", "is GGUF version", made { $0.version = -1 })
    suite.refuse("a magic in small letters", "OUN103", "begins with the bytes 67", made { $0.magic = utf8("gguf") })
    suite.refuse("a magic the wrong way around", "OUN103", "begins with the bytes 46", made { $0.magic = utf8("FUGG") })
    suite.refuse("only the magic", "OUN102", "expected 4 more bytes", utf8("GGUF"))
    suite.refuse("only magic and version", "OUN102", "expected 8 more bytes", utf8("GGUF") + u32(3))
    for (what, count) in [("2^64-1", -1), ("2^63", Int.min), ("2^60", 1 << 60), ("a million and one", 1_000_001)] {
      suite.refuse("\(what) tensors", "OUN102", "tensors are more than the limit", made { $0.tensorCount = count })
      suite.refuse("\(what) pairs", "OUN102", "pairs are more than the limit", made { $0.pairCount = count })
    }
    suite.refuse("more tensors than fit into the file", "OUN102", "need at least", made { $0.tensorCount = 1_000_000 })
    suite.refuse("more pairs than fit into the file", "OUN102", "need at least", made { $0.pairCount = 65_536 })
    suite.refuse("a tensor too many", "OUN102", "", made { $0.tensorCount = 2 })
    suite.refuse("no tensor and no vocabulary", "OUN111", "no tensor", made { $0.tensors = [] })
  }

  private static func keys(_ suite: inout HostileSuite) {
    func pairs(_ what: String, _ words: String, _ pairs: [UInt8]...) {
      suite.refuse(what, "OUN102", words, made { $0.pairs = pairs })
    }
    typealias W = GGUFWriter
    pairs("an empty key", "is empty", W.number("", 1))
    pairs("a key of 2^64-1 bytes", "more than the limit", all(u64(-1), utf8("a")))
    pairs(
      "a key longer than the format allows", "more than the limit", W.number(String(repeating: "k", count: 65_536), 1))
    pairs("a key that is no UTF-8", "not UTF-8", all(u64(2), [0xC3, 0x28], u32(4), u32(1)))
    pairs("a key twice", "appears twice", W.number("a", 1), W.number("a", 2))
    pairs("a type of value that there is not", "a value type from 0 to 12", W.pair("a", type: 13, u64(0)))
    pairs("a type of value of 2^32-1", "a value type from 0 to 12", W.pair("a", type: -1, u64(0)))
    pairs("a truth of two", "0 or 1", W.pair("a", type: 7, [2]))
    pairs("a string of 2^64-1 bytes", "more than the limit", W.pair("a", type: 8, u64(-1)))
    pairs("a string of 2^63 bytes", "more than the limit", W.pair("a", type: 8, u64(.min)))
    pairs("a string beyond the file", "need at least", W.pair("a", type: 8, u64(1 << 20)))
    pairs("an alignment of zero", "power of two", W.number("general.alignment", 0))
    pairs("an alignment of three", "power of two", W.number("general.alignment", 3))
    pairs("an alignment of 2^31", "power of two", W.number("general.alignment", 1 << 31))
    pairs("an alignment that is text", "uint32", W.string("general.alignment", "32"))
    pairs("an alignment of 64 bits", "uint32", W.pair("general.alignment", type: 10, u64(32)))
    pairs(
      "an alignment that moves the data out of the file", "bytes are missing", W.number("general.alignment", 1 << 30))
    suite.accept(
      "a string with a zero", because: "lengths are told, so that zeros are content",
      made { $0.pairs = [W.string("general.name", "a\0b")] })
    suite.accept(
      "a value that is no UTF-8", because: "tokens are bytes",
      made { $0.pairs = [W.pair("general.name", type: 8, all(u64(2), [0xC3, 0x28]))] })
    suite.accept(
      "a name that moves the cursor", because: "shown as escapes",
      made { $0.pairs = [W.string("general.name", "\u{1B}[2J\u{202E}")] })
    suite.refuse(
      "keys that differ in their Unicode form", "OUN102", "only in its Unicode form",
      made { $0.pairs = [W.number("caf\u{E9}", 1), W.number("cafe\u{301}", 2)] })
    suite.accept(
      "a NaN among settings", because: "whether it makes sense is asked by level deep",
      made { $0.pairs = [W.pair("a.b", type: 6, u32(0x7FC0_0000))] })
  }

  private static func arrays(_ suite: inout HostileSuite) {
    func array(_ what: String, _ words: String, type: Int, count: Int, _ content: [UInt8] = []) {
      suite.refuse(
        what, "OUN102", words, made { $0.pairs = [GGUFWriter.array("a", type: type, count: count, content)] })
    }
    array("an array of 2^64-1 numbers", "more than the limit", type: 4, count: -1)
    array("an array of 2^61 numbers", "more than the limit", type: 10, count: 1 << 61)
    array("an array beyond the file", "need at least", type: 10, count: 1 << 20)
    array("an array of 2^62 texts", "more than the limit", type: 8, count: 1 << 62)
    array(
      "an array of texts, of which one is too long", "bytes in a string", type: 8, count: 2,
      u64(1) + utf8("a") + u64(-1))
    array("an array of a type that there is not", "a value type from 0 to 12", type: 77, count: 1)
    array("an array of truths with a two", "0 or 1", type: 7, count: 2, [1, 2])
    let nested = (0..<5).map { _ in all(u32(9), u64(1)) }.reduce([], +)
    array("arrays inside each other", "nested deeper", type: 9, count: 1, nested)
    let deep = (0..<100_000).map { _ in all(u32(9), u64(1)) }
    array("a hundred thousand arrays inside each other", "nested deeper", type: 9, count: 1, joined(deep))
    array("a million empty arrays of which the last is cut", "", type: 9, count: 100_000, zeros(12 * 99_999))
    suite.accept(
      "a hundred thousand empty arrays", because: "they take no more memory than bytes of the file, nearly",
      made {
        $0.pairs = [GGUFWriter.array("a", type: 9, count: 100_000, zeros(12 * 100_000))]
      })
  }

  private static func tensors(_ suite: inout HostileSuite) {
    func tensor(_ what: String, _ rule: String, _ words: String, _ change: (inout GGUFWriter.Tensor) -> Void) {
      suite.refuse(what, rule, words, made { change(&$0.tensors[0]) })
    }
    tensor("a name of 2^64-1 bytes", "OUN102", "more than the limit") { $0.nameByteCount = -1 }
    tensor("a name of a megabyte", "OUN102", "more than the limit") {
      $0.name = [UInt8](repeating: 0x61, count: 1 << 20)
    }
    tensor("a name that is no UTF-8", "OUN102", "not UTF-8") { $0.name = [0xFF, 0xFE] }
    tensor("a name with half a surrogate pair", "OUN102", "not UTF-8") { $0.name = [0xED, 0xA0, 0x80] }
    tensor("five dimensions", "OUN102", "more than the 4") { $0.sizes = [2, 1, 1, 1, 1] }
    tensor("2^32-1 dimensions", "OUN102", "more than the 4") { $0.dimensionCount = -1 }
    tensor("a size of 2^63", "OUN102", "overflows 63 bits") { $0.sizes = [.min] }
    tensor("a size of 2^64-1", "OUN102", "overflows 63 bits") { $0.sizes = [-1] }
    tensor("sizes whose product overflows", "OUN102", "overflows") { $0.sizes = [1 << 32, 1 << 32] }
    tensor("sizes whose product becomes zero", "OUN102", "overflows") { $0.sizes = [1 << 32, 1 << 32, 2] }
    tensor("an empty size beyond all memory", "OUN102", "overflows") { $0.sizes = [0, .max] }
    tensor("a type of the future", "OUN104", "unknown ggml type 4242") { $0.type = 4242 }
    tensor("a type of 2^32-1", "OUN104", "unknown ggml type") { $0.type = -1 }
    for (type, name) in [(4, "Q4_2"), (5, "Q4_3"), (31, "Q4_0_4_4"), (36, "IQ4_NL_4_4")] {
      tensor("the type \(name), which was removed", "OUN104", "removed from GGUF") { $0.type = type }
    }
    tensor("rows that are no whole blocks", "OUN102", "no whole blocks of 32") { ($0.type, $0.sizes) = (8, [33]) }
    tensor("rows that are no whole super-blocks", "OUN102", "no whole blocks of 256") {
      ($0.type, $0.sizes) = (12, [32])
    }
    tensor("no dimension for a type of blocks", "OUN102", "no whole blocks") { ($0.type, $0.sizes) = (8, []) }
    suite.refuse(
      "two tensors of one name", "OUN102", "appears twice",
      made {
        $0.tensors += [GGUFWriter.Tensor(offset: 32)]
        $0.data = floats(10)
      })
    suite.accept(
      "names that differ in their Unicode form", because: "names are bytes, and these differ",
      made {
        $0.tensors = [.init(name: utf8("caf\u{E9}")), .init(name: utf8("cafe\u{301}"), offset: 32)]
        $0.data = floats(10)
      })
    suite.warn(
      "a name that leads out of the folder", "OUN112", "leads out of the folder",
      made { $0.tensors[0].name = utf8("../../x") })
    suite.warn(
      "a name that turns text around", "OUN112", "how text is shown",
      made { $0.tensors[0].name = utf8("a\u{202E}b") })
    for (what, name) in [
      ("an absolute name", "/etc/passwd"), ("an empty name", ""),
      ("a name of 100 bytes", String(repeating: "n", count: 100)),
    ] {
      suite.accept(
        what, because: "a name of a tensor is never taken for a path", made { $0.tensors[0].name = utf8(name) })
    }
    suite.warn("a name with a zero", "OUN112", "zero byte", made { $0.tensors[0].name = utf8("a\0b") })
    suite.accept(
      "a single number", because: "no dimension is one element",
      made { ($0.tensors[0].sizes, $0.data) = ([], floats(1)) })
    suite.accept(
      "a tensor without elements", because: "it takes no bytes",
      made { ($0.tensors[0].sizes, $0.data) = ([0, 5], []) })
  }

  private static func places(_ suite: inout HostileSuite) {
    func place(_ what: String, _ words: String, _ offset: Int) {
      suite.refuse(what, "OUN102", words, made { $0.tensors[0].offset = offset })
    }
    place("an offset beside the alignment", "no multiple of the alignment", 4)
    place("an offset beyond the file", "bytes are missing", 1 << 20)
    place("an offset of 2^60", "bytes are missing", 1 << 60)
    place("an offset of 2^61", "beyond any file", 1 << 61)
    place("an offset of 2^63", "beyond any file", .min)
    place("an offset of 2^64-32", "beyond any file", -32)
    suite.refuse(
      "two tensors in one place", "OUN102", "inside of tensor",
      made { $0.tensors += [.init(name: utf8("b"))] })
    suite.refuse(
      "tensors that overlap by half", "OUN102", "inside of tensor",
      made {
        $0.tensors = [.init(sizes: [16]), .init(name: utf8("b"), sizes: [16], offset: 32)]
        $0.data = floats(24)
      })
    suite.refuse("data that is cut by a byte", "OUN102", "1 bytes are missing", Array(GGUFWriter().bytes.dropLast()))
    suite.refuse("no data at all", "OUN102", "bytes are missing", made { $0.data = [] })
    suite.refuse(
      "a tensor larger than the file", "OUN102", "bytes are missing", made { $0.tensors[0].sizes = [1 << 40] })
    suite.accept(
      "a hole between tensors", because: "a hole hides nothing that a reader would use",
      made {
        $0.tensors += [.init(name: utf8("b"), offset: 4096)]
        $0.data = floats(2) + zeros(4088) + floats(2)
      })
    suite.warn("bytes behind the last tensor", "OUN109", "follow the last tensor", made { $0.behind = zeros(100) })
    suite.warn(
      "a zip archive behind the last tensor", "OUN109", "follow the last tensor",
      made { $0.behind = ZipWriter([.init("evil.pkl", utf8("x"))]).bytes })
    suite.warn(
      "a second GGUF behind the last tensor", "OUN109", "follow the last tensor",
      made { $0.behind = GGUFWriter().bytes })
    suite.warn(
      "bytes behind the last tensor, which is the first", "OUN109", "follow the last tensor",
      made { $0.behind = zeros(1000) })
  }

  private static func versions(_ suite: inout HostileSuite) {
    suite.accept("a file of version 1", because: "it is read", made { $0.version = 1 })
    suite.accept("a file of version 2", because: "it is read", made { $0.version = 2 })
    suite.accept(
      "a big-endian file", because: "machines of IBM write it",
      made {
        $0.isBigEndian = true
        $0.data = [0x3F, 0x80, 0, 0, 0x40, 0, 0, 0]
      })
    suite.refuse("version 1 with counts of 64 bits", "OUN102", "", GGUFWriter().bytes.with(u32(1), at: 4))
    suite.refuse("version 3 with counts of 32 bits", "OUN102", "", made { $0.version = 1 }.with(u32(3), at: 4))
    suite.refuse(
      "little-endian words behind a big-endian version", "OUN102", "more than the limit",
      GGUFWriter().bytes.with(big(3, 4), at: 4))
    suite.refuse(
      "version 1 with 2^32-1 tensors", "OUN102", "more than the limit",
      made { ($0.version, $0.tensorCount) = (1, -1) })
    suite.refuse(
      "version 1 with a size of 2^32-1", "OUN102", "bytes are missing",
      made { ($0.version, $0.tensors[0].sizes) = (1, [-1]) })
  }

  private static func values(_ suite: inout HostileSuite) {
    suite.refuse("NaN among the values", "OUN201", "NaN", made { $0.data = floats(1) + u32(-1) })
    suite.refuse(
      "a block whose scale is infinite", "OUN201", "scale",
      made {
        ($0.tensors[0].type, $0.tensors[0].sizes, $0.data) = (8, [32], u16(0x7C00) + [UInt8](repeating: 1, count: 32))
      })
    suite.refuse(
      "a block of TQ2_0 with a code that it has not", "OUN202", "forbids",
      made {
        ($0.tensors[0].type, $0.tensors[0].sizes, $0.data) = (
          35, [256], [UInt8](repeating: 0xFF, count: 64) + u16(0x3C00)
        )
      })
    suite.warn("a matrix of zeros", "OUN203", "zero", made { ($0.tensors[0].sizes, $0.data) = ([4, 2], zeros(32)) })
  }
}
