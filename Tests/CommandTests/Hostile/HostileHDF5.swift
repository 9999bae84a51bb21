/// HDF5 and Keras: structures that name each other by their places.
enum HostileHDF5 {
  private typealias W = HDF5Writer

  private static func made(_ change: (inout HDF5Writer) -> Void) -> [UInt8] {
    var writer = HDF5Writer()
    change(&writer)
    return writer.bytes
  }

  static let suite: HostileSuite = {
    var suite = HostileSuite("hdf5", file: "model.h5")
    superblocks(&suite)
    groups(&suite)
    datasets(&suite)
    chunks(&suite)
    keras(&suite)
    return suite
  }()

  private static func refusal(
    _ suite: inout HostileSuite, _ what: String, _ words: String, rule: String = "OUN102",
    _ change: (inout HDF5Writer) -> Void
  ) { suite.refuse(what, rule, words, made(change)) }

  private static func superblocks(_ suite: inout HostileSuite) {
    suite.accept("a sound file", because: "it is what the library writes", HDF5Writer().bytes)
    for version in [4, 255] {
      refusal(&suite, "version \(version)", "has version \(version)", rule: "OUN104") { $0.version = version }
    }
    refusal(&suite, "version 3 with the content of version 0", "", { $0.version = 3 })
    for width in [0, 1, 3, 16, 255] {
      refusal(&suite, "addresses of \(width) bytes", "are known") { $0.widths = [width, 8] }
      refusal(&suite, "sizes of \(width) bytes", "are known") { $0.widths = [8, width] }
    }
    refusal(&suite, "an end beyond the file", "should end at") { $0.end = 1 << 20 }
    refusal(&suite, "an end at 2^63-1", "should end at") { $0.end = .max }
    refusal(&suite, "an end at 2^63", "beyond 63 bits") { $0.end = .min }
    refusal(&suite, "an end before the root group", "behind the end") { $0.end = 50 }
    refusal(&suite, "an end at the beginning", "behind the end") { $0.end = 0 }
    refusal(&suite, "a base of 2^63", "beyond 63 bits") { $0.base = .min }
    refusal(&suite, "a root beyond the file", "behind the end") { $0.root = 1 << 20 }
    refusal(&suite, "a root nowhere", "behind the end") { $0.root = -1 }
    refusal(&suite, "the superblock as the root", "", rule: "OUN104") { $0.root = 0 }
    suite.refuse("only the signature", "OUN102", "", all([0x89], utf8("HDF\r\n"), [0x1A, 0x0A]))
    suite.refuse("a file that is cut", "OUN102", "should end at", Array(HDF5Writer().bytes.dropLast()))
    suite.accept("a block of the user before it", because: "the format allows it", zeros(512) + HDF5Writer().bytes)
    suite.accept(
      "bytes behind the end", because: "the library passes over them",
      made {
        $0.end = nil; $0.tail = { _ in zeros(64) }
      })
  }

  private static func groups(_ suite: inout HostileSuite) {
    refusal(&suite, "two links of one name", "two links of the name") { $0.links = [("a", nil), ("a", nil)] }
    suite.accept(
      "links whose names differ in their Unicode form", because: "names are bytes, and these differ",
      made { $0.links = [("caf\u{E9}", nil), ("cafe\u{301}", nil)] })
    refusal(&suite, "a link without a name", "cannot have the name") { $0.links = [("", nil)] }
    refusal(&suite, "a link with a slash in its name", "cannot have the name") { $0.links = [("a/b", nil)] }
    refusal(&suite, "a link with a zero in its name", "cannot have the name") { $0.links = [("a\0b", nil)] }
    refusal(&suite, "a link of the name of its group", "cannot have the name") { $0.links = [(".", nil)] }
    suite.warn("a link that leads out of the folder", "OUN112", "leads out", made { $0.links = [("..", nil)] })
    refusal(&suite, "a link of a name of 5000 bytes", "beyond the limit") {
      $0.links = [(String(repeating: "n", count: 5000), nil)]
    }
    refusal(&suite, "a link beyond the file", "names the address") { $0.links = [("a", 1 << 20)] }
    refusal(&suite, "a link to 2^63", "names the address") { $0.links = [("a", .min)] }
    refusal(&suite, "a link to nowhere", "no address of") { $0.links = [("a", -1)] }
    refusal(&suite, "a link to the superblock", "has version", rule: "OUN104") { $0.links = [("a", 0)] }
    suite.accept(
      "a link back to the root", because: "cycles are left aside",
      made { $0.links = [("a", nil), ("loop", W.rootPlace)] })
    refusal(&suite, "nothing but a link back to the root", "no tensor", rule: "OUN111") {
      $0.links = [("loop", W.rootPlace)]
    }
    refusal(&suite, "no link", "no tensor", rule: "OUN111") {
      $0.rootMessages = [(10, [0, 0])]; $0.links = []
    }
    suite.accept(
      "a link by a path out of the file", because: "it is left aside",
      made { $0.rootMessages = [W.softLink("s", "../../../etc")] })
    suite.accept(
      "a link to another file", because: "it is left aside, and the file never opened",
      made { $0.rootMessages = [W.externalLink("x", "/etc/passwd")] })
    refusal(&suite, "a link of version 9", "has version 9", rule: "OUN104") {
      $0.rootMessages = [(6, all([9, 0, 1], utf8("b"), u64(96)))]
    }
    refusal(&suite, "a link that is cut", "ends after") { $0.rootMessages = [(6, [1, 1])] }
    // Each of 30 groups links twice to the next: 2^30 paths.
    refusal(&suite, "groups that hold each other twice, thirty times", "more than the limit") { writer in
      let groupByteCount = W.header([W.link("a", 0), W.link("b", 0)]).count
      writer.links = [("a", 0), ("b", 0)]
      let start = HDF5Writer.startOfTail(writer)
      writer.links = [("a", start), ("b", start)]
      writer.tail = { place in
        (0..<30).reduce([]) { bytes, level in
          let next = level == 29 ? W.rootPlace + groupByteCount : place + (level + 1) * groupByteCount
          return bytes + W.header([W.link("a", next), W.link("b", next)])
        }
      }
    }
    refusal(&suite, "a hundred groups inside each other", "nested deeper") { writer in
      let start = HDF5Writer.startOfTail(writer)
      let byteCount = W.header([W.link("a", 0)]).count
      writer.links = [("a", start)]
      writer.tail = { place in
        (0..<100).reduce([]) { $0 + W.header([W.link("a", place + ($1 + 1) * byteCount)]) } + W.header([(10, [0, 0])])
      }
    }
    refusal(&suite, "a header of version 7", "has version 7", rule: "OUN104") { $0.headerVersion = 7 }
    refusal(&suite, "a header of 2^32-1 bytes", "reaches beyond") { $0.messageByteCount = -1 }
    refusal(&suite, "a header that goes on in itself", "continues in itself") { writer in
      let start = HDF5Writer.startOfTail(writer)
      writer.messages = [(16, all(u64(start), u64(24)))]
      let again = HDF5Writer.startOfTail(writer)
      writer.messages = [(16, all(u64(again), u64(24)))]
      writer.tail = { place in all(u16(16), u16(16), zeros(4), u64(place), u64(24)) }
    }
    refusal(&suite, "a header that goes on beyond the file", "names the address") {
      $0.messages = [(16, all(u64(1 << 40), u64(24)))]
    }
    refusal(&suite, "a header that goes on for 2^63-1 bytes", "reaches beyond") {
      $0.messages = [(16, all(u64(96), u64(.max)))]
    }
    refusal(&suite, "an old group whose tree is none", "begins with HEAP") {
      $0.rootMessages = [(17, all(u64(96), u64(96)))]
    }
    refusal(&suite, "an old group whose names are nowhere", "no address") {
      $0.rootMessages = [(17, all(u64(96), u64(-1)))]
    }
  }

  private static func datasets(_ suite: inout HostileSuite) {
    refusal(&suite, "a size of 2^63", "beyond 63 bits") { $0.sizes = [.min] }
    refusal(&suite, "a size of 2^62", "overflows") { $0.sizes = [1 << 62] }
    refusal(&suite, "sizes whose product overflows", "overflows") { ($0.rank, $0.sizes) = (2, [1 << 32, 1 << 32]) }
    refusal(&suite, "33 dimensions", "more than the 32") { ($0.rank, $0.sizes) = (33, [Int](repeating: 1, count: 33)) }
    refusal(&suite, "nine dimensions", "9 dimensions", rule: "OUN104") {
      ($0.rank, $0.sizes) = (9, [1, 1, 1, 1, 1, 1, 1, 1, 2])
    }
    refusal(&suite, "more dimensions than sizes", "ends after") { $0.rank = 8 }
    refusal(&suite, "a space of version 9", "has version 9", rule: "OUN104") { $0.spaceVersion = 9 }
    refusal(&suite, "a size beyond its limit", "beyond its limit") { ($0.spaceFlags, $0.sizes) = (1, [2, 1]) }
    refusal(&suite, "a shape of another dataset", "stored in 8") { $0.sizes = [3] }
    refusal(&suite, "data beyond the file", "names the address") {
      $0.layout = { _ in all([3, 1], u64(1 << 20), u64(8)) }
    }
    refusal(&suite, "data that reaches beyond the file", "begins at byte") {
      $0.layout = { all([3, 1], u64($0 + 4), u64(8)) }
    }
    refusal(&suite, "data of 2^63-1 bytes", "stored in") { $0.layout = { all([3, 1], u64($0), u64(.max)) } }
    refusal(&suite, "data that is larger than its message", "ends after") {
      $0.layout = { _ in all([3, 0], u16(60_000)) }
    }
    refusal(&suite, "a storage of version 9", "has version 9", rule: "OUN104") {
      $0.layout = { _ in [9, 1] + zeros(16) }
    }
    refusal(&suite, "a storage of a class that there is not", "no storage of class 7") {
      $0.layout = { _ in [3, 7] + zeros(16) }
    }
    refusal(&suite, "a virtual dataset", "put together", rule: "OUN104") { $0.layout = { _ in [4, 3] + zeros(16) } }
    refusal(&suite, "a type of version 9", "has version 9") { $0.type[0] = 0x91 }
    refusal(&suite, "a type of a class that there is not", "no type of class 15") { $0.type[0] = 0x1F }
    refusal(&suite, "a float of a layout of its own", "layout of their own", rule: "OUN104") { $0.type[12] = 22 }
    refusal(&suite, "strings", "strings", rule: "OUN104") { $0.type[0] = 0x13 }
    refusal(&suite, "a type that is cut", "ends after") { $0.type = [0x11, 0x20, 0x1F, 0] }
    refusal(&suite, "complex numbers of complex numbers of …", "nested deeper") {
      $0.type = (0..<10).flatMap { _ in all([0x1B, 0, 0, 0], u32(8)) }
    }
    refusal(&suite, "a fill value of another size", "a fill value of 3 bytes") {
      $0.messages = [(5, all([3, 0x20], u32(3), [1, 2, 3]))]
    }
    refusal(&suite, "a fill value of 2^31 bytes", "ends after") { $0.messages = [(5, all([3, 0x20], u32(1 << 31)))] }
    refusal(&suite, "data in another file", "other files", rule: "OUN104") { $0.messages = [(7, zeros(24))] }
    refusal(&suite, "NaN among the values", "NaN", rule: "OUN201") { $0.data = floats(1) + u32(-1) }
    refusal(&suite, "nothing was written of 2^40 elements", "a bomb") {
      $0.sizes = [1 << 40]
      $0.layout = { _ in all([3, 1], u64(-1), u64(0)) }
    }
    refusal(&suite, "ten thousand links to one dataset of 64 kB", "a bomb") { writer in
      writer.links = (0..<10_000).map { ("l\($0)", nil) }
      writer.sizes = [1 << 14]
      writer.data = floats(1 << 14)
    }
  }

  private static func chunks(_ suite: inout HostileSuite) {
    func chunked(
      _ what: String, _ words: String, rule: String = "OUN102", filters: [UInt8]? = nil, sizes: [Int] = [2, 4],
      shape: [Int] = [2], _ tree: @escaping (Int) -> [UInt8]
    ) {
      refusal(&suite, what, words, rule: rule) { writer in
        writer.sizes = shape
        writer.data = []
        writer.layout = { place in all([3, 2, UInt8(sizes.count)], u64(place), sizes.flatMap { u32($0) }) }
        if let filters { writer.messages = [(11, filters)] }
        writer.tail = tree
      }
    }
    func good(_ place: Int) -> [UInt8] { W.tree(at: place) }
    suite.accept(
      "a chunk", because: "it is read",
      made { writer in
        writer.data = []
        writer.layout = { place in all([3, 2, 2], u64(place), u32(2), u32(4)) }
        writer.tail = good
      })
    chunked("a chunk of no elements", "are empty", sizes: [0, 4], good)
    chunked("chunks of another rank", "do not fit", sizes: [2, 2, 4], good)
    chunked("chunks of another element", "do not fit", sizes: [2, 8], good)
    chunked("chunks of 2^32-1 in both directions", "", sizes: [0xFFFF_FFFF, 4], good)
    chunked("a tree that is none", "begins with TREE") { _ in zeros(100) }
    chunked("a tree of another type", "expected a node of type 1") { W.tree(at: $0, type: 0) }
    chunked("a tree of 255 levels", "expected a node") { W.tree(at: $0, level: 255) }
    chunked("a tree that is its own child", "same node twice") { W.tree(at: $0, level: 1, child: $0) }
    chunked("a tree of 65,535 children", "reaches beyond") { W.tree(at: $0, count: 0xFFFF) }
    chunked("a chunk beyond the file", "names the address") { W.tree(at: $0, child: 1 << 30) }
    chunked("a chunk at 2^63", "names the address") { W.tree(at: $0, child: .min) }
    chunked("a chunk of 2^32-1 bytes", "") { W.tree(at: $0, byteCount: -1) }
    chunked("a chunk that begins between two", "") { W.tree(at: $0, offset: 1) }
    chunked("a chunk at 2^64-1", "") { W.tree(at: $0, offset: -1) }
    let deflate = all([1, 1], zeros(6), u16(1), u16(0), u16(0), u16(1), u32(6), u32(0))
    func zlib(_ content: [UInt8]) -> [UInt8] { all([0x78, 0x01], ZipWriter.deflated(content), big(adler(content), 4)) }
    let packed = zlib(floats(2))
    chunked("a deflated chunk that is none", "damaged", filters: deflate) {
      W.tree(at: $0, byteCount: 6, content: [9, 9, 9, 9, 9, 9])
    }
    chunked("a deflated chunk of more bytes", "more", filters: deflate) {
      W.tree(at: $0, byteCount: zlib(floats(3)).count, content: zlib(floats(3)))
    }
    chunked("a deflated chunk of fewer bytes", "unpacks to 4", filters: deflate) {
      W.tree(at: $0, byteCount: zlib(floats(1)).count, content: zlib(floats(1)))
    }
    chunked("a deflated chunk whose checksum is wrong", "damaged", filters: deflate) {
      W.tree(
        at: $0, byteCount: packed.count, content: packed.with([packed[packed.count - 1] ^ 0xFF], at: packed.count - 1))
    }
    chunked("a deflated chunk that is cut", "too early", filters: deflate) {
      W.tree(at: $0, byteCount: 10, content: packed)
    }
    chunked(
      "a chunk of a megabyte in ten bytes", "cannot become", filters: deflate, sizes: [1 << 18, 4], shape: [1 << 18]
    ) { W.tree(at: $0, byteCount: packed.count, content: packed) }
    chunked("33 filters", "more than the 32", filters: [1, 33] + zeros(30), good)
    chunked(
      "a filter that nobody knows", "compressed with", rule: "OUN104",
      filters: all([1, 1], zeros(6), u16(999), u16(0), u16(0), u16(0)), good)
    chunked(
      "blosc", "blosc", rule: "OUN104", filters: all([1, 1], zeros(6), u16(32_001), u16(0), u16(0), u16(0)), good)
    chunked(
      "a filter shuffle without a size", "does not know the size",
      filters: all([1, 1], zeros(6), u16(2), u16(0), u16(0), u16(0)), good)
    chunked("filters that are cut", "ends after", filters: [1, 5] + zeros(6), good)
    chunked(
      "deflated twice", "deflated twice", filters: all([2, 2], u16(1), u16(0), u16(0), u16(1), u16(0), u16(0)), good)
    let fletcher = all([1, 1], zeros(6), u16(3), u16(0), u16(0), u16(0))
    chunked("a chunk whose checksum is wrong", "has the checksum", filters: fletcher) {
      W.tree(at: $0, byteCount: 12, content: floats(2) + u32(5))
    }
    chunked("a chunk too short for a checksum", "", filters: fletcher) {
      W.tree(at: $0, byteCount: 2, content: [1, 2])
    }
    chunked(
      "compressed chunks of a gigabyte", "more than the limit", rule: "OUN104", filters: deflate, sizes: [1 << 28, 4],
      shape: [1 << 28], good)
  }

  private static func adler(_ bytes: [UInt8]) -> Int {
    var (a, b) = (1, 0)
    for byte in bytes {
      a = (a + Int(byte)) % 65_521
      b = (b + a) % 65_521
    }
    return b << 16 | a
  }

  private static func keras(_ suite: inout HostileSuite) {
    let name = "model.keras"
    let weights = HDF5Writer().bytes
    func keras(_ config: String, metadata: String = #"{"keras_version":"3.0"}"#, weights: [UInt8] = weights) -> [UInt8]
    {
      ZipWriter([
        .init("metadata.json", utf8(metadata)), .init("config.json", utf8(config)), .init("model.weights.h5", weights),
      ]).bytes
    }
    suite.accept("a sound archive of Keras", because: "it is what Keras writes", keras("{}"), as: name)
    suite.refuse(
      "a layer of compiled Python", "OUN106", "compiled Python",
      keras(
        #"{"layers":[{"class_name":"Lambda","config":{"name":"x","function":{"class_name":"__lambda__"}}}]}"#
      ), as: name)
    suite.refuse(
      "a layer of compiled Python, as Keras 2 had it", "OUN106", "compiled Python",
      keras(#"{"class_name":"Lambda","config":{"name":"x","function_type":"lambda"}}"#), as: name)
    suite.refuse(
      "a layer whose name moves the cursor", "OUN106", "compiled Python",
      keras(#"{"class_name":"Lambda","config":{"name":"\u001b[2J\u202e","function_type":"lambda"}}"#), as: name)
    suite.accept("a configuration that is no JSON", because: "tensors do not need it", keras("{{{"), as: name)
    suite.refuse("metadata that is no JSON", "OUN102", "", keras("{}", metadata: "{{{"), as: name)
    suite.refuse("weights that are none", "OUN102", "superblock", keras("{}", weights: utf8("hello")), as: name)
    suite.refuse(
      "weights that are cut", "OUN102", "should end at", keras("{}", weights: Array(weights.dropLast())), as: name)
    suite.refuse(
      "weights with NaN", "OUN201", "NaN", keras("{}", weights: made { $0.data = floats(1) + u32(-1) }), as: name)
  }
}

extension HDF5Writer {
  /// Where what is put behind the rest begins.
  fileprivate static func startOfTail(_ writer: HDF5Writer) -> Int {
    var writer = writer
    writer.tail = { _ in [] }
    return writer.bytes.count
  }
}
