/// CTranslate2's models, and msgpack: counts before everything, and no checksum.
enum HostileCTranslate2 {
  private static func text(_ text: String) -> [UInt8] { all(u16(text.utf8.count + 1), utf8(text), [0]) }

  private struct Writer {
    var version = 6
    var spec = text("TransformerSpec")
    var count = 1
    var name = text("a/weight")
    var rank = 1
    var sizes = [2]
    var type = 0
    var byteCount = 8
    var data = floats(2)
    var more: [UInt8] = []
    var aliasCount = 0
    var aliases: [UInt8] = []

    var variable: [UInt8] { all(name, u8(rank), sizes.flatMap(u32), u8(type), u32(byteCount), data) }
    var bytes: [UInt8] { all(u32(version), spec, u32(1), u32(count), variable, more, u32(aliasCount), aliases) }
  }

  private static func made(_ change: (inout Writer) -> Void) -> [UInt8] {
    var writer = Writer()
    change(&writer)
    return writer.bytes
  }

  static let suite: HostileSuite = {
    var suite = HostileSuite("ctranslate2", file: "model.bin")
    suite.accept("a sound file", because: "it is what the converters make", Writer().bytes)
    func refuse(_ what: String, _ words: String, rule: String = "OUN102", _ change: (inout Writer) -> Void) {
      suite.refuse(what, rule, words, made(change))
    }
    refuse("version 7", "binary version 7", rule: "OUN104") { $0.version = 7 }
    refuse("version 64", "binary version 64", rule: "OUN104") { $0.version = 64 }
    refuse("two variables, of which one is there", "") { $0.count = 2 }
    refuse("2^32-1 variables", "more than the limit") { $0.count = -1 }
    refuse("a million variables", "need at least") { $0.count = 1_000_000 }
    refuse("nine dimensions", "", rule: "OUN104") { ($0.rank, $0.sizes) = (9, [1, 1, 1, 1, 1, 1, 1, 1, 2]) }
    refuse("two dimensions, of which one is there", "") { $0.rank = 2 }
    refuse("a size of 2^32-1", "takes") { $0.sizes = [-1] }
    refuse("sizes whose product overflows", "overflows") { ($0.rank, $0.sizes) = (3, [-1, -1, -1]) }
    refuse("a type that there is not", "unknown type 6") { $0.type = 6 }
    refuse("a type of 255", "unknown type 255") { $0.type = 255 }
    refuse("another number of bytes", "but 4 are given") { $0.byteCount = 4 }
    refuse("2^32-1 bytes", "are given") { $0.byteCount = -1 }
    refuse("data that is cut", "bytes") { ($0.data, $0.aliases) = (floats(1), []) }
    refuse("the variable twice", "appears twice") { ($0.count, $0.more) = (2, $0.variable) }
    refuse("an alias of nothing", "is not there") { ($0.aliasCount, $0.aliases) = (1, text("b") + text("nothing")) }
    refuse("an alias of itself", "is not there") { ($0.aliasCount, $0.aliases) = (1, text("b") + text("b")) }
    refuse("an alias of the name of a variable", "appears twice") {
      ($0.aliasCount, $0.aliases) = (1, text("a/weight") + text("a/weight"))
    }
    refuse("2^32-1 aliases", "more than the limit") { $0.aliasCount = -1 }
    refuse("bytes behind the last alias", "follow the last variable") { $0.aliases = [1] }
    refuse("a second name with a zero in it", "is no text") {
      ($0.count, $0.more) = (2, all(u16(4), utf8("b\0c"), [0], u8(1), u32(2), u8(0), u32(8), floats(2)))
    }
    refuse("a second name without its zero", "end in a zero") {
      ($0.count, $0.more) = (2, all(u16(2), utf8("bc"), u8(1), u32(2), u8(0), u32(8), floats(2)))
    }
    refuse("a second name of no bytes", "has 0 bytes") { ($0.count, $0.more) = (2, all(u16(0), zeros(20))) }
    refuse("a second name that is no UTF-8", "is no text") {
      ($0.count, $0.more) = (2, all(u16(3), [0xC3, 0x28, 0], zeros(20)))
    }
    refuse("a second name of 65,535 bytes", "has 65535 bytes") {
      ($0.count, $0.more) = (2, all(u16(-1), zeros(70_000)))
    }
    refuse("NaN among the values", "NaN", rule: "OUN201") { $0.data = floats(1) + u32(-1) }
    suite.accept(
      "an alias", because: "it has the bytes of its variable",
      made { ($0.aliasCount, $0.aliases) = (1, text("b") + text("a/weight")) })
    suite.accept(
      "a thousand aliases of one variable", because: "they take no bytes",
      made { ($0.aliasCount, $0.aliases) = (1000, (0..<1000).flatMap { text("b\($0)") + text("a/weight") }) })
    suite.warn("a name that leads out of the folder", "OUN112", "leads out", made { $0.name = text("../../x") })
    return suite
  }()
}

enum HostileMsgpack {
  private static func text(_ text: String) -> [UInt8] { all([0xDA], big(text.utf8.count, 2), utf8(text)) }
  private static func map(_ entries: (String, [UInt8])...) -> [UInt8] {
    all([0x80 | UInt8(entries.count)], entries.flatMap { text($0) + $1 })
  }
  private static func extended(_ content: [UInt8], kind: Int = 1, count: Int? = nil) -> [UInt8] {
    all([0xC9], big(count ?? content.count, 4), u8(kind), content)
  }
  private static func array(
    shape: [UInt8] = [0x91, 2], dtype: [UInt8] = text("float32"), data: [UInt8] = all([0xC4, 8], floats(2)),
    list: UInt8 = 0x93
  ) -> [UInt8] {
    extended(all([list], shape, dtype, data))
  }

  static let suite: HostileSuite = {
    var suite = HostileSuite("msgpack", file: "flax_model.msgpack")
    arrays(&suite)
    trees(&suite)
    return suite
  }()

  private static func arrays(_ suite: inout HostileSuite) {
    suite.accept("a sound file", because: "it is what Flax writes", map(("params", map(("a", array())))))
    func refuse(_ what: String, _ words: String, rule: String = "OUN102", _ array: [UInt8]) {
      suite.refuse(what, rule, words, map(("a", array)))
    }
    refuse("a shape of another array", "takes 12 bytes", array(shape: [0x91, 3]))
    refuse("a negative size", "no number", array(shape: [0x91, 0xFF]))
    refuse("a size of 2^64-1", "63 bits", array(shape: all([0x91, 0xCF], u64(-1))))
    refuse(
      "sizes whose product overflows", "overflows",
      array(shape: all([0x92, 0xCF], big(1 << 40, 8), [0xCF], big(1 << 40, 8))))
    refuse("nine dimensions", "more than the limit", array(shape: [0x99, 1, 1, 1, 1, 1, 1, 1, 1, 2]))
    refuse("2^32-1 dimensions", "more than the limit", array(shape: [0xDD, 0xFF, 0xFF, 0xFF, 0xFF]))
    refuse("a size that is text", "no number", array(shape: all([0x91], text("2"))))
    refuse("a shape that is a number", "no list", array(shape: [2]))
    refuse("an array of two parts", "no list", array(list: 0x92))
    refuse("a dtype that is a number", "no text", array(dtype: [7]))
    refuse("elements that are text", "does not end", array(data: text("12345678")))
    refuse("elements of 2^32-1 bytes", "they end after", array(data: [0xC6, 0xFF, 0xFF, 0xFF, 0xFF]))
    refuse("an extension of 2^32-1 bytes", "", rule: "OUN103", extended([], count: -1))
    refuse("an extension that is empty", "they end after", extended([]))
    refuse(
      "bytes behind the elements", "does not end",
      extended(all([0x93, 0x91, 2], text("float32"), [0xC4, 8], floats(2), [0])))
    refuse("a dtype of the future", "1 that cannot", rule: "OUN111", array(dtype: text("float7")))
    refuse("objects", "1 that cannot", rule: "OUN111", array(dtype: text("object")))
    refuse("NaN among the values", "NaN", rule: "OUN201", array(data: all([0xC4, 8], floats(1), u32(-1))))
    suite.accept(
      "a number of NumPy", because: "it is an array without dimensions",
      map(("a", extended(all([0x93, 0x90], text("float32"), [0xC4, 4], floats(1)), kind: 3))))
    func chunked(_ shape: [UInt8], _ chunks: [UInt8]) -> [UInt8] {
      map(("__msgpack_chunked_array__", [0xC3]), ("shape", shape), ("chunks", chunks))
    }
    let shape = map(("0", [4]))
    suite.accept(
      "an array in pieces", because: "Flax cuts large ones",
      map(("z", array()), ("a", chunked(shape, map(("0", array()), ("1", array()))))))
    for (what, value) in [
      ("pieces of another number", chunked(shape, map(("0", array())))),
      ("pieces that are a number", chunked(shape, [1])),
      ("a shape of pieces that is negative", chunked(map(("0", [0xFF])), map(("0", array())))),
      ("pieces of two dtypes", chunked(shape, map(("0", array()), ("1", array(dtype: text("int32")))))),
      ("pieces without a shape", map(("__msgpack_chunked_array__", [0xC3]), ("chunks", map(("0", array()))))),
    ] {
      suite.refuse(what, "OUN102", "", map(("z", array()), ("a", value)))
    }
  }

  private static func trees(_ suite: inout HostileSuite) {
    suite.refuse("a name twice", "OUN102", "appears twice", map(("a", array()), ("a", array())))
    suite.refuse(
      "a name twice, by another way", "OUN102", "appears twice", map(("a.b", array()), ("a", map(("b", array())))))
    suite.accept(
      "names that differ in their Unicode form", because: "names are bytes, and these differ",
      map(("caf\u{E9}", array()), ("cafe\u{301}", array())))
    suite.warn("a name that leads out of the folder", "OUN112", "leads out", map(("../x", array())))
    suite.refuse(
      "a key that is a list", "OUN102", "neither text nor number", all([0x82], text("a"), array(), [0x90], array()))
    suite.refuse(
      "a key that is no UTF-8", "OUN102", "no text", all([0x82], text("a"), array(), [0xA2, 0xC3, 0x28], array()))
    suite.refuse("2^32-1 pairs", "OUN102", "", all([0xDF, 0xFF, 0xFF, 0xFF, 0xFF], text("a"), array()))
    suite.refuse("a list of 2^32-1", "OUN102", "", map(("a", array()), ("b", [0xDD, 0xFF, 0xFF, 0xFF, 0xFF])))
    suite.refuse(
      "a list of 2^32-1 behind a list", "OUN102", "",
      map(("a", array()), ("b", all([0x91], [0xDD, 0xFF, 0xFF, 0xFF, 0xFF]))))
    suite.refuse(
      "a hundred thousand lists inside each other", "OUN102", "inside each other",
      map(("a", array()), ("b", [UInt8](repeating: 0x91, count: 100_000))))
    suite.refuse(
      "a hundred thousand dictionaries inside each other", "OUN102", "",
      map(("a", array()), ("b", joined((0..<100_000).map { _ in all([0x81], [0xA1, 0x62]) }))))
    suite.refuse("a byte that begins no value", "OUN102", "0xc1", map(("a", array()), ("b", [0xC1])))
    suite.refuse("bytes behind the dictionary", "OUN102", "", map(("a", array())) + [1, 2, 3])
    suite.refuse("a file that is cut", "OUN103", "named like a msgpack", Array(map(("a", array())).dropLast()))
    suite.refuse(
      "a key of 65,535 bytes", "OUN102", "", map(("a", array()), (String(repeating: "n", count: 65_535), array())))
    suite.warn(
      "a complex number beside an array", "OUN107", "complex", map(("a", array()), ("b", extended(zeros(8), kind: 2))))
  }
}
