/// TensorFlow: tables of keys and values, graphs, and TFLite's tables.
enum HostileTensorFlow {
  private typealias P = ProtobufWriter

  /// The checksum of Castagnoli, masked, bit by bit.
  static func crc32c(_ bytes: [UInt8]) -> Int {
    var state: UInt32 = 0xFFFF_FFFF
    for byte in bytes {
      state ^= UInt32(byte)
      for _ in 0..<8 { state = state >> 1 ^ (state & 1 == 1 ? 0x82F6_3B78 : 0) }
    }
    let sum = ~state
    return Int((sum >> 15 | sum << 17) &+ 0xA282_EAD8)
  }

  /// A table of one block.
  struct Table {
    var entries: [(key: [UInt8], value: [UInt8])] = []
    var packing = 0
    var checksum: Int?
    var restarts = 1
    var block: [UInt8]?
    var blockPlace: [UInt8]?
    var indexPlace: [UInt8]?
    var magic: [UInt8] = [0x57, 0xFB, 0x80, 0x8B, 0x24, 0x75, 0x47, 0xDB]

    static func content(_ entries: [(key: [UInt8], value: [UInt8])], restarts: Int = 1) -> [UInt8] {
      let bodies = entries.map { all(P.varint(0), P.varint($0.key.count), P.varint($0.value.count), $0.key, $0.value) }
      return all(joined(bodies), u32(0), u32(restarts))
    }

    private func framed(_ content: [UInt8], checksum: Int?) -> [UInt8] {
      let packed = content + u8(packing)
      return packed + u32(checksum ?? crc32c(packed))
    }

    var bytes: [UInt8] {
      let content = block ?? Self.content(entries, restarts: restarts)
      let block = framed(content, checksum: checksum)
      let place = blockPlace ?? all(P.varint(0), P.varint(content.count))
      let last = entries.last?.key ?? []
      let index = Self.content([(last, place)])
      var plain = self
      plain.packing = 0
      let indexBlock = plain.framed(index, checksum: nil)
      let start = block.count
      let footer = all(
        P.varint(start), P.varint(index.count), indexPlace ?? all(P.varint(start), P.varint(index.count)))
      return all(block, indexBlock, footer, zeros(max(0, 40 - footer.count)), magic)
    }
  }

  struct Entry {
    var type = 1
    var shape = [2]
    var shard = 0
    var offset = 0
    var byteCount = 8
    var checksum: Int? = crc32c(floats(2))
    var slices: [UInt8] = []

    var bytes: [UInt8] {
      all(
        P.int(1, type), P.message(2, shape.flatMap { P.message(2, P.int(1, $0)) }), P.int(3, shard), P.int(4, offset),
        P.int(5, byteCount), checksum.map { P.fixed32(6, $0) } ?? [], slices)
    }
  }

  private static let header = all(P.int(1, 1), P.message(3, P.int(1, 1)))
  private static let index = "m.index"
  private static let shard = "m.data-00000-of-00001"

  private static func table(_ change: (inout Entry) -> Void = { _ in }) -> Table {
    var entry = Entry()
    change(&entry)
    return Table(entries: [([], header), (utf8("a"), entry.bytes)])
  }

  private static func changed(_ change: (inout Table) -> Void) -> [UInt8] {
    var table = table()
    change(&table)
    return table.bytes
  }

  static let suite: HostileSuite = {
    var suite = HostileSuite("tensorflow", file: "m.index")
    tables(&suite)
    entries(&suite)
    graphs(&suite)
    return suite
  }()

  private static func tables(_ suite: inout HostileSuite) {
    func refuse(_ what: String, _ words: String, rule: String = "OUN102", _ bytes: [UInt8]) {
      suite.refuse(what, rule, words, folder: [index: bytes, shard: floats(2)], checked: index)
    }
    suite.accept(
      "a sound checkpoint", because: "it is what TensorFlow writes", folder: [index: table().bytes, shard: floats(2)],
      checked: index)
    refuse("a block whose checksum is wrong", "the checksum of a block", changed { $0.checksum = 1 })
    refuse("a block packed in a way that there is not", "packed in a way numbered 7", changed { $0.packing = 7 })
    refuse(
      "a block packed by Snappy, which is none", "Snappy",
      changed { ($0.packing, $0.block) = (1, [0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 1]) })
    refuse(
      "a block of Snappy that repeats what was never there", "Snappy",
      changed { ($0.packing, $0.block) = (1, [8, 0x05, 0xFF]) })
    refuse(
      "a block of Snappy of 4 GiB", "Snappy",
      changed { ($0.packing, $0.block) = (1, [0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 0, 0]) })
    refuse("more restarts than the block has bytes", "end of a block is damaged", changed { $0.restarts = 1 << 20 })
    refuse("2^32-1 restarts", "end of a block is damaged", changed { $0.restarts = -1 })
    refuse("a block at 2^63", "place of a block", changed { $0.blockPlace = all(P.varint(.min), P.varint(8)) })
    refuse("a block of 2^64-1 bytes", "place of a block", changed { $0.blockPlace = all(P.varint(0), P.varint(-1)) })
    refuse("a block beyond the file", "place of a block", changed { $0.blockPlace = all(P.varint(5000), P.varint(8)) })
    refuse("an index at 2^63", "places of the index", changed { $0.indexPlace = all(P.varint(.min), P.varint(8)) })
    refuse("an index that is the block", "", changed { $0.indexPlace = all(P.varint(0), P.varint(30)) })
    refuse("the magic of another table", "", changed { $0.magic = zeros(8) })
    refuse(
      "an entry beyond its block", "beyond its block",
      changed { $0.block = all([0, 50, 50], utf8("abc"), u32(0), u32(1)) })
    refuse(
      "an entry that shares more than there is", "beyond its block",
      changed { $0.block = all([9, 1, 1], utf8("ab"), u32(0), u32(1)) })
    refuse(
      "a key of 2^63 bytes", "beyond its block", changed { $0.block = all([0], P.varint(.max), [1], u32(0), u32(1)) })
    refuse(
      "keys that are not in order", "not in order",
      Table(entries: [([], header), (utf8("b"), Entry().bytes), (utf8("a"), Entry().bytes)]).bytes)
    refuse(
      "a key twice", "not in order",
      Table(entries: [([], header), (utf8("a"), Entry().bytes), (utf8("a"), Entry().bytes)]).bytes)
    refuse("no header", "header", Table(entries: [(utf8("a"), Entry().bytes)]).bytes)
    refuse("only a header", "no tensor", rule: "OUN111", Table(entries: [([], header)]).bytes)
    refuse(
      "2^63 shards", "more than the limit", Table(entries: [([], P.int(1, .max)), (utf8("a"), Entry().bytes)]).bytes)
    refuse(
      "a reader of the future", "demands a reader of version 9", rule: "OUN104",
      Table(entries: [([], all(P.int(1, 1), P.message(3, P.int(2, 9)))), (utf8("a"), Entry().bytes)]).bytes)
    refuse("a header that is no message", "", Table(entries: [([], [0xFF]), (utf8("a"), Entry().bytes)]).bytes)
    refuse(
      "a name that is no UTF-8", "not UTF-8", Table(entries: [([], header), ([0xC3, 0x28], Entry().bytes)]).bytes)
    refuse(
      "a name of 5000 bytes", "beyond the limit",
      Table(entries: [([], header), (utf8(String(repeating: "n", count: 5000)), Entry().bytes)]).bytes)
    refuse("a table that is cut", "", Array(table().bytes.dropLast(20)))
    refuse("an empty table", "", Array(repeating: 0, count: 40) + [0x57, 0xFB, 0x80, 0x8B, 0x24, 0x75, 0x47, 0xDB])
  }

  private static func entries(_ suite: inout HostileSuite) {
    func refuse(_ what: String, _ words: String, rule: String = "OUN102", _ change: (inout Entry) -> Void) {
      suite.refuse(what, rule, words, folder: [index: table(change).bytes, shard: floats(2)], checked: index)
    }
    refuse("a type that there is not", "no type of elements") { $0.type = 77 }
    refuse("a reference to a variable", "no type of elements") { $0.type = 101 }
    refuse("strings", "that cannot", rule: "OUN111") { $0.type = 7 }
    refuse("a shape of another tensor", "takes 12 bytes") { $0.shape = [3] }
    refuse("a shape that is not known", "not known") { $0.shape = [-1] }
    refuse("sizes whose product overflows", "overflows") { $0.shape = [1 << 32, 1 << 32] }
    refuse("nine dimensions", "more dimensions than the limit") { $0.shape = [1, 1, 1, 1, 1, 1, 1, 1, 2] }
    refuse("a shard that there is not", "is in shard 1 of 1") { $0.shard = 1 }
    refuse("a shard of 2^64-1", "is in shard") { $0.shard = -1 }
    refuse("a place beyond the shard", "expected 8 bytes at 4") { $0.offset = 4 }
    refuse("a place of 2^63", "expected 8 bytes at") { $0.offset = .min }
    refuse("another number of bytes", "but the entry says 4") { $0.byteCount = 4 }
    refuse("2^64-1 bytes", "but the entry says") { $0.byteCount = -1 }
    refuse("a tensor whose checksum is wrong", "but the index says 1", rule: "OUN206") { $0.checksum = 1 }
    refuse("slices that the table does not have", "more slices than the table") {
      $0.slices = P.message(7, P.message(1, P.int(2, 1)))
    }
    suite.accept(
      "no checksum", because: "none was written", folder: [index: table { $0.checksum = nil }.bytes, shard: floats(2)],
      checked: index)
    suite.refuse("no shard", "OUN101", "not beside it", folder: [index: table().bytes], checked: index)
    suite.refuse(
      "a shard that is empty", "OUN102", "has 0 bytes", folder: [index: table().bytes, shard: []], checked: index)
    suite.refuse(
      "two tensors in one place", "OUN102", "inside of a",
      folder: [
        index: Table(entries: [([], header), (utf8("a"), Entry().bytes), (utf8("b"), Entry().bytes)]).bytes,
        shard: floats(2),
      ], checked: index)
    suite.refuse(
      "NaN among the values", "OUN201", "NaN",
      folder: [index: table { $0.checksum = nil }.bytes, shard: floats(1) + u32(-1)], checked: index)
    suite.warn(
      "a name that leads out of the folder", "OUN112", "leads out",
      folder: [index: Table(entries: [([], header), (utf8("../x"), Entry().bytes)]).bytes, shard: floats(2)],
      checked: index)
    suite.refuse(
      "a file that tells a checkpoint in the folder above", "OUN101", "not in the folder",
      folder: [
        "checkpoint": utf8("model_checkpoint_path: \"../../x\"\n"), "a.index": table().bytes, "b.index": table().bytes,
        "a.data-00000-of-00001": floats(2),
      ], checked: "checkpoint")
    suite.accept(
      "a file that tells a checkpoint by an absolute path", because: "folders move, so only its last name counts",
      folder: ["checkpoint": utf8("model_checkpoint_path: \"/etc/m\"\n"), index: table().bytes, shard: floats(2)],
      checked: "checkpoint")
  }

  // MARK: Graphs

  private static func tensor(type: Int = 1, shape: [Int] = [2], values: [UInt8] = P.message(4, floats(2))) -> [UInt8] {
    all(P.int(1, type), P.message(2, shape.flatMap { P.message(2, P.int(1, $0)) }), values)
  }

  private static func node(_ tensor: [UInt8], name: String = "a") -> [UInt8] {
    P.message(
      1, P.text(1, name), P.text(2, "Const"), P.message(5, P.text(1, "value"), P.message(2, P.message(8, tensor))))
  }

  private static func graphs(_ suite: inout HostileSuite) {
    let name = "graph.pb"
    func refuse(_ what: String, _ words: String, rule: String = "OUN102", _ bytes: [UInt8]) {
      suite.refuse(what, rule, words, bytes, as: name)
    }
    suite.accept("a sound graph", because: "it is what freezing makes", node(tensor()), as: name)
    suite.accept(
      "one value for many elements", because: "the last one stands for the rest",
      node(tensor(shape: [1000], values: P.message(5, floats(1)))), as: name)
    refuse("a graph with a type that there is not", "no type of elements", node(tensor(type: 77)))
    refuse("a graph with a shape of another tensor", "takes 12 bytes", node(tensor(shape: [3])))
    refuse("a graph with a shape that is not known", "not known", node(tensor(shape: [-1])))
    refuse("a graph with sizes whose product overflows", "overflows", node(tensor(shape: [1 << 32, 1 << 32])))
    refuse(
      "a graph with one value for 2^50 elements", "a bomb",
      node(tensor(shape: [1 << 50], values: P.message(5, floats(1)))))
    refuse(
      "a graph with a constant without a value", "without a value", P.message(1, P.text(1, "a"), P.text(2, "Const")))
    refuse("a graph with a name twice", "appears twice", node(tensor()) + node(tensor()))
    refuse(
      "a graph with a length beyond it", "the message ends after",
      P.message(1, P.text(1, "a"), P.text(2, "Const"), P.claimed(5, 1 << 40)))
    refuse(
      "a graph with a name of 5000 bytes", "beyond the limit",
      node(tensor()) + node(tensor(), name: String(repeating: "n", count: 5000)))
    refuse("a graph with strings", "that cannot", rule: "OUN111", node(tensor(type: 7, values: P.text(8, "x"))))
    refuse(
      "a graph without constants", "no tensor", rule: "OUN111", P.message(1, P.text(1, "a"), P.text(2, "Placeholder")))
    refuse(
      "a graph with NaN among the values", "NaN", rule: "OUN201",
      node(tensor(values: P.message(4, floats(1) + u32(-1)))))
    refuse("a graph with values that are cut", "", Array(node(tensor()).dropLast(3)))
    suite.warn(
      "a graph with a name that leads out of the folder", "OUN112", "leads out",
      node(tensor()) + node(tensor(), name: "../x"), as: name)
  }
}
