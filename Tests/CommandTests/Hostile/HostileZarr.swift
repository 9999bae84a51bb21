/// Zarr: folders of descriptions and chunks, and TensorStore's database in their place.
enum HostileZarr {
  private typealias P = ProtobufWriter

  private static func second(
    shape: String = "[2]", chunks: String = "[2]", dtype: String = #""<f4""#, compressor: String = "null",
    more: String = "", format: String = "2"
  ) -> [UInt8] {
    utf8(
      #"{"zarr_format":\#(format),"shape":\#(shape),"chunks":\#(chunks),"dtype":\#(dtype),"compressor":\#(compressor),"#
        + #""fill_value":0,"filters":null,"order":"C"\#(more)}"#)
  }

  private static let bytes = #"{"name":"bytes","configuration":{"endian":"little"}}"#

  private static func third(
    shape: String = "[2]", chunk: String = "[2]", type: String = #""float32""#, codecs: String = "[\(bytes)]",
    grid: String = "regular", fill: String = "0"
  ) -> [UInt8] {
    utf8(
      #"{"zarr_format":3,"node_type":"array","shape":\#(shape),"data_type":\#(type),"chunk_grid":{"name":"\#(grid)","#
        + #""configuration":{"chunk_shape":\#(chunk)}},"chunk_key_encoding":{"name":"default"},"codecs":\#(codecs),"#
        + #""fill_value":\#(fill)}"#)
  }

  static let suite: HostileSuite = {
    var suite = HostileSuite("zarr", file: "")
    seconds(&suite)
    thirds(&suite)
    databases(&suite)
    return suite
  }()

  private static func seconds(_ suite: inout HostileSuite) {
    func refuse(_ what: String, _ words: String, rule: String = "OUN102", _ array: [UInt8], chunk: [UInt8] = floats(2))
    {
      suite.refuse(
        what, rule, words, folder: ["a/.zarray": array, ".zgroup": utf8(#"{"zarr_format":2}"#), "a/0": chunk])
    }
    suite.accept(
      "a sound array of version 2", because: "it is what zarr writes",
      folder: ["a/.zarray": second(), ".zgroup": utf8(#"{"zarr_format":2}"#), "a/0": floats(2)])
    refuse("a description that is no JSON", "", utf8("{{{"))
    refuse("a description of version 9", "expected \"zarr_format\"", second(format: "9"))
    refuse("a shape that is text", "no list of sizes", second(shape: "\"2\""))
    refuse("a negative size", "no list of sizes", second(shape: "[-2]"))
    refuse("a size of 2^63-1", "no list of sizes", second(shape: "[9223372036854775807]"))
    refuse(
      "sizes whose product overflows", "overflows", second(shape: "[1099511627776,1099511627776]", chunks: "[1,1]"))
    refuse("nine dimensions", "no list of sizes", second(shape: "[1,1,1,1,1,1,1,1,2]", chunks: "[1,1,1,1,1,1,1,1,2]"))
    refuse("chunks of nothing", "do not suit the shape", second(chunks: "[0]"))
    refuse("chunks of another rank", "do not suit the shape", second(chunks: "[2,2]"))
    refuse("chunks of 2^58", "expected a chunk of", second(chunks: "[288230376151711744]"))
    refuse("a chunk that is cut", "expected a chunk of 8 bytes", second(), chunk: floats(1))
    refuse("a chunk that is too long", "expected a chunk of 8 bytes", second(), chunk: floats(3))
    refuse("objects", "is an array of", rule: "OUN104", second(dtype: #""|O""#))
    refuse("records", "records", rule: "OUN104", second(dtype: #"[["a","<f4"]]"#))
    refuse("blosc", "blosc", rule: "OUN104", second(compressor: #"{"id":"blosc"}"#))
    refuse("a separator that is a word", "separator", second(more: #","dimension_separator":"ab""#))
    refuse("gzip that is none", "damaged", second(compressor: #"{"id":"gzip"}"#))
    refuse(
      "an array of 2^40 elements of which nothing is written", "fill value", rule: "OUN104",
      second(shape: "[1099511627776]", chunks: "[1]"), chunk: floats(1))
    refuse(
      "a compressed chunk of 2^40 bytes", "a bomb",
      second(shape: "[274877906944]", chunks: "[274877906944]", compressor: #"{"id":"zlib"}"#))
    refuse("NaN among the values", "NaN", rule: "OUN201", second(), chunk: floats(1) + u32(-1))
    suite.refuse(
      "a group without arrays", "OUN102", "holds no array", folder: [".zgroup": utf8(#"{"zarr_format":2}"#), "x": [1]])
    suite.accept(
      "a chunk that is missing", because: "it is full of zeros",
      folder: ["a/.zarray": second(shape: "[4]"), ".zgroup": utf8(#"{"zarr_format":2}"#), "a/0": floats(2)])
    var deep: [(String, [UInt8])] = [(".zgroup", utf8(#"{"zarr_format":2}"#))]
    deep.append(((0..<40).map { _ in "x" }.joined(separator: "/") + "/.zarray", second()))
    suite.add(
      "forty folders inside each other", deep.map { .init(name: $0.0, bytes: $0.1) }, "",
      .refused(rule: "OUN102", words: "inside each other"))
    suite.refuse(
      "two arrays of one name", "OUN102", "two arrays have the name a.b",
      folder: [
        ".zgroup": utf8(#"{"zarr_format":2}"#), "a.b/.zarray": second(), "a.b/0": floats(2), "a/b/.zarray": second(),
        "a/b/0": floats(2),
      ])
  }

  private static func thirds(_ suite: inout HostileSuite) {
    func refuse(_ what: String, _ words: String, rule: String = "OUN102", _ array: [UInt8], chunk: [UInt8] = floats(2))
    {
      suite.refuse(what, rule, words, folder: ["zarr.json": array, "c/0": chunk])
    }
    suite.accept(
      "a sound array of version 3", because: "it is what zarr writes", folder: ["zarr.json": third(), "c/0": floats(2)])
    refuse("no codecs", "has no codecs", third(codecs: "[]"))
    refuse("codecs that are text", "has no codecs", third(codecs: "\"bytes\""))
    refuse(
      "a hundred codecs", "has no codecs",
      third(codecs: "[" + (0..<100).map { _ in bytes }.joined(separator: ",") + "]"))
    refuse(
      "no codec that makes bytes", "passes through the codec", rule: "OUN104", third(codecs: #"[{"name":"zstd"}]"#))
    refuse(
      "a codec that nobody knows", "is compressed with evil", rule: "OUN104",
      third(codecs: #"[\#(bytes),{"name":"evil"}]"#))
    refuse(
      "compressed twice", "compressed twice", rule: "OUN104",
      third(codecs: #"[\#(bytes),{"name":"zstd"},{"name":"gzip"}]"#))
    refuse(
      "an order of dimensions that is none", "is none of 1 dimensions",
      third(codecs: #"[{"name":"transpose","configuration":{"order":[5]}},\#(bytes)]"#))
    refuse(
      "an order of dimensions that is negative", "no list of sizes",
      third(codecs: #"[{"name":"transpose","configuration":{"order":[-1]}},\#(bytes)]"#))
    refuse("chunks of different sizes", "different sizes", rule: "OUN104", third(grid: "rectangular"))
    refuse("a type of the future", "is an array of", rule: "OUN104", third(type: #""float7""#))
    refuse("a type that is an object", "an extension", rule: "OUN104", third(type: #"{"name":"x"}"#))
    refuse("a chunk that is no zstd", "damaged", third(codecs: #"[\#(bytes),{"name":"zstd"}]"#))
    refuse(
      "a chunk too short for its checksum", "expected a checksum", third(codecs: #"[\#(bytes),{"name":"crc32c"}]"#),
      chunk: [1])
    func sharded(_ chunk: String) -> [UInt8] {
      third(
        codecs:
          #"[{"name":"sharding_indexed","configuration":{"chunk_shape":\#(chunk),"codecs":[\#(bytes)],"#
          + #""index_codecs":[\#(bytes)]}}]"#
      )
    }
    refuse("a shard without its index", "expected an index", sharded("[1]"), chunk: [1, 2, 3])
    refuse(
      "a shard whose chunk is outside of it", "not inside of the shard", sharded("[2]"),
      chunk: all(floats(2), u64(1 << 40), u64(8)))
    refuse(
      "a shard whose chunk is of 2^64-1 bytes", "not inside of the shard", sharded("[2]"),
      chunk: all(floats(2), u64(0), u64(-1)))
    refuse("a shard of parts that do not divide it", "no whole chunks", sharded("[3]"))
    refuse("a shard of parts of nothing", "do not suit", sharded("[0]"))
    refuse(
      "shards in shards", "shards in shards", rule: "OUN104",
      third(
        codecs:
          #"[{"name":"sharding_indexed","configuration":{"chunk_shape":[1],"index_codecs":[\#(bytes)],"#
          + #""codecs":[{"name":"sharding_indexed","configuration":{}}]}}]"#
      ))
    suite.accept(
      "a shard", because: "it holds chunks",
      folder: ["zarr.json": sharded("[2]"), "c/0": all(floats(2), u64(0), u64(8))])
  }

  // MARK: A database

  private static func crc(_ bytes: [UInt8]) -> Int {
    // The masked form turned back.
    let masked = UInt32(HostileTensorFlow.crc32c(bytes)) &- 0xA282_EAD8
    return Int(masked << 15 | masked >> 17)
  }

  private static func framed(
    _ magic: Int, _ body: [UInt8], version: Int = 0, compression: Int = 0, length: Int? = nil, checksum: Int? = nil
  ) -> [UInt8] {
    let head = all(big(magic, 4), u64(length ?? 12 + 2 + body.count + 4), [UInt8(version), UInt8(compression)], body)
    return head + u32(checksum ?? crc(head))
  }

  /// A table of one file: `d/x`.
  private static func table(_ path: String) -> [UInt8] { all([1], P.varint(path.utf8.count), [0], utf8(path)) }

  private static func manifest(
    path: String = "d/x", height: Int = 0, offset: Int = 0, byteCount: Int, kind: Int = 0, keys: Int = 1,
    count: Int = 1, id: Int = 0
  ) -> [UInt8] {
    let versions = all(
      P.varint(count), [1], [UInt8(height)], P.varint(id), P.varint(offset), P.varint(byteCount), P.varint(keys), [0],
      [0], zeros(8))
    return all(zeros(16), P.varint(kind), P.varint(100), P.varint(100), [4], [0], table(path), versions)
  }

  /// A leaf of keys with their values in it.
  private static func leaf(_ entries: [(String, [UInt8])], kinds: [UInt8]? = nil, shared: Int = 0) -> [UInt8] {
    let suffixes = entries.map { P.varint($0.0.utf8.count) }
    return all(
      [0], [0], P.varint(entries.count), joined((1..<entries.count).map { _ in P.varint(shared) }), joined(suffixes),
      joined(entries.map { utf8($0.0) }), joined(entries.map { P.varint($0.1.count) }),
      kinds ?? [UInt8](repeating: 0, count: entries.count), joined(entries.map(\.1)))
  }

  private static let array = third()

  private static func databases(_ suite: inout HostileSuite) {
    let node = framed(0x0CDB_20DE, leaf([("a/c/0", floats(2)), ("a/zarr.json", array)]))
    func database(_ manifest: [UInt8], node: [UInt8] = node) -> KeyValuePairs<String, [UInt8]> {
      ["manifest.ocdbt": manifest, "d/x": node]
    }
    func wrapped(_ body: [UInt8]) -> [UInt8] { framed(0x0CDB_3A2A, body) }
    let good = wrapped(manifest(byteCount: node.count))
    suite.accept("a sound database", because: "it is what Orbax writes", folder: database(good))
    func refuse(_ what: String, _ words: String, rule: String = "OUN102", _ manifest: [UInt8], node: [UInt8] = node) {
      suite.refuse(what, rule, words, folder: database(manifest, node: node))
    }
    refuse("a database of another magic", "expected the manifest", framed(0x0CDB_FFFF, manifest(byteCount: node.count)))
    refuse(
      "a database that is not as long as it says", "not as long as it says",
      framed(0x0CDB_3A2A, manifest(byteCount: node.count), length: 5))
    refuse(
      "a database of the future", "of version 9", rule: "OUN104",
      framed(0x0CDB_3A2A, manifest(byteCount: node.count), version: 9))
    refuse(
      "a database whose checksum is wrong", "checksum of a manifest",
      framed(0x0CDB_3A2A, manifest(byteCount: node.count), checksum: 5))
    refuse("a database that is cut", "not as long as it says", Array(good.dropLast()))
    refuse("an empty database", "", [])
    refuse(
      "numbered manifests", "numbered manifests", rule: "OUN104", wrapped(manifest(byteCount: node.count, kind: 1)))
    refuse("2^60 versions", "more than the limit", wrapped(manifest(byteCount: node.count, count: 1 << 60)))
    refuse("a file that there is not in the table", "file 7 of 1", wrapped(manifest(byteCount: node.count, id: 7)))
    refuse(
      "a file above the folder", "not inside of the folder", wrapped(manifest(path: "../x", byteCount: node.count)))
    refuse(
      "a file of an absolute path", "not inside of the folder", wrapped(manifest(path: "/etc/passwd", byteCount: 5)))
    refuse(
      "a node beyond its file", "not inside of the file", wrapped(manifest(offset: 1 << 40, byteCount: node.count)))
    refuse("a node of 2^63 bytes", "not inside of the file", wrapped(manifest(byteCount: .max)))
    refuse("a node of another height", "a node of height 0", wrapped(manifest(height: 3, byteCount: node.count)))
    refuse("a tree without keys", "holds no array", wrapped(manifest(byteCount: node.count, keys: 0)))
    func changed(_ what: String, _ words: String, _ body: [UInt8]) {
      let node = framed(0x0CDB_20DE, body)
      refuse(what, words, wrapped(manifest(byteCount: node.count)), node: node)
    }
    changed(
      "a value of a kind that there is not", "neither in the node nor",
      leaf([("a/c/0", floats(2)), ("a/zarr.json", array)], kinds: [0, 9]))
    changed(
      "a key that shares more than there is", "of the one before",
      leaf([("a/c/0", floats(2)), ("a/zarr.json", array)], shared: 100))
    changed("a key twice", "appears twice", leaf([("a/zarr.json", array), ("a/zarr.json", array)]))
    changed("a key with an empty part", "is no path", leaf([("a//zarr.json", array)]))
    changed("a key that is no UTF-8", "", all([0], [0], [1], [2], [0xC3, 0x28], [0], [0]))
    changed("2^60 keys", "more than the limit", all([0], [0], P.varint(1 << 60)))
    // A node that is its own child, twice, as high as a node may be: 2^32 ways down, were they followed.
    let height = 1
    let inner = all(
      [UInt8(height)], table("d/x"), [2], [1], [1, 1], [0, 0], utf8("ab"), [0, 0], P.varint(0), P.varint(0),
      P.varint(200), P.varint(200))
    let looped = framed(0x0CDB_20DE, inner)
    refuse("a node that is its own child", "", wrapped(manifest(height: height, byteCount: looped.count)), node: looped)
    func parent(_ height: Int, of offset: Int, _ byteCount: Int) -> [UInt8] {
      framed(
        0x0CDB_20DE,
        all(
          [UInt8(height)], table("d/x"), [2], [0], [1, 1], [0, 0], utf8("ab"), [0, 0], P.varint(offset),
          P.varint(offset),
          P.varint(byteCount), P.varint(byteCount)))
    }
    var file = node
    var (place, size) = (0, node.count)
    for height in 1...30 {
      let node = parent(height, of: place, size)
      (place, size) = (file.count, node.count)
      file += node
    }
    refuse(
      "thirty nodes that each hold the next one twice", "in the tree of keys twice",
      wrapped(manifest(height: 30, offset: place, byteCount: size)), node: file)
  }
}
