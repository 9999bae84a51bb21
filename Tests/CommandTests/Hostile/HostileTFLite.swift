/// TFLite: a FlatBuffer, tables that lead to tables.
enum HostileTFLite {
  /// Puts tables, vectors and texts one after the other; places are filled in as things get one.
  struct Writer {
    var bytes = zeros(4) + utf8("TFL3")

    /// A table whose fields are numbers of their own width or references (4 bytes, filled in later); gives its place.
    mutating func table(_ fields: [(number: Int, bytes: [UInt8])]) -> (place: Int, fields: [Int: Int]) {
      let count = (fields.map(\.number).max() ?? -1) + 1
      var offsets = [Int](repeating: 0, count: count)
      var content: [UInt8] = []
      for field in fields {
        offsets[field.number] = 4 + content.count
        content += field.bytes
      }
      let vtable = bytes.count
      bytes += all(u16(4 + 2 * count), u16(4 + content.count), offsets.flatMap { u16($0) })
      let place = bytes.count
      bytes += u32(place - vtable) + content
      return (place, Dictionary(uniqueKeysWithValues: fields.map { ($0.number, place + offsets[$0.number]) }))
    }

    mutating func vector(_ count: Int, _ content: [UInt8]) -> Int {
      let place = bytes.count
      bytes += u32(count) + content
      return place
    }

    mutating func refer(from place: Int, to target: Int) {
      bytes.replaceSubrange(place..<place + 4, with: u32(target - place))
    }
  }

  struct Model {
    var version = 3
    var type = 0
    var shape = [2]
    var shapeCount: Int?
    var buffer = 1
    var data = floats(2)
    var dataCount: Int?
    var name = "a"
    var bufferCount: Int?
    var tensorCount: Int?
    var scales: [Float] = []
    var zeroPoints: [Int] = []
    var offset: (Int, Int)?
    var isExternal = false
    var tensors = 1
    /// Changes the finished bytes; gets where the tensor's table is.
    var change: (inout [UInt8], Int) -> Void = { _, _ in }

    var bytes: [UInt8] {
      var w = Writer()
      let none = zeros(4)
      let root = w.table([(0, u32(version)), (2, none), (4, none)])
      w.refer(from: 0, to: root.place)
      let subgraphs = w.vector(1, none)
      w.refer(from: root.fields[2] ?? 0, to: subgraphs)
      let subgraph = w.table([(0, none)])
      w.refer(from: subgraphs + 4, to: subgraph.place)
      let list = w.vector(tensorCount ?? tensors, zeros(4 * tensors))
      w.refer(from: subgraph.fields[0] ?? 0, to: list)
      var fields: [(number: Int, bytes: [UInt8])] = [(0, none), (1, u8(type)), (2, u32(buffer)), (3, none)]
      if !scales.isEmpty { fields.append((4, none)) }
      if isExternal { fields.append((10, u32(1))) }
      let tensor = w.table(fields)
      for index in 0..<tensors { w.refer(from: list + 4 + 4 * index, to: tensor.place) }
      w.refer(from: tensor.fields[0] ?? 0, to: w.vector(shapeCount ?? shape.count, shape.flatMap { u32($0) }))
      w.refer(from: tensor.fields[3] ?? 0, to: w.vector(name.utf8.count, utf8(name) + [0]))
      if !scales.isEmpty {
        let quantization = w.table([(2, none), (3, none)])
        w.refer(from: tensor.fields[4] ?? 0, to: quantization.place)
        w.refer(
          from: quantization.fields[2] ?? 0, to: w.vector(scales.count, scales.flatMap { u32(Int($0.bitPattern)) }))
        w.refer(from: quantization.fields[3] ?? 0, to: w.vector(zeroPoints.count, zeroPoints.flatMap { u64($0) }))
      }
      let buffers = w.vector(bufferCount ?? 2, zeros(8))
      w.refer(from: root.fields[4] ?? 0, to: buffers)
      w.refer(from: buffers + 4, to: w.table([]).place)
      var parts: [(number: Int, bytes: [UInt8])] = [(0, none)]
      if let offset { parts = [(1, u64(offset.0)), (2, u64(offset.1))] }
      let stored = w.table(parts)
      w.refer(from: buffers + 8, to: stored.place)
      if offset == nil { w.refer(from: stored.fields[0] ?? 0, to: w.vector(dataCount ?? data.count, data)) }
      change(&w.bytes, tensor.place)
      return w.bytes
    }
  }

  private static func made(_ change: (inout Model) -> Void) -> [UInt8] {
    var model = Model()
    change(&model)
    return model.bytes
  }

  static let suite: HostileSuite = {
    var suite = HostileSuite("tflite", file: "model.tflite")
    suite.accept("a sound file", because: "it is what the converters make", Model().bytes)
    func refuse(_ what: String, _ words: String, rule: String = "OUN102", _ change: (inout Model) -> Void) {
      suite.refuse(what, rule, words, made(change))
    }
    for version in [0, 2, 4, -1] {
      refuse("version \(version)", "of the schema", rule: "OUN104") { $0.version = version }
    }
    refuse("a type that there is not", "no type of elements") { $0.type = 99 }
    refuse("strings", "that cannot", rule: "OUN111") { $0.type = 5 }
    refuse("a shape of another tensor", "takes 12 bytes") { $0.shape = [3] }
    refuse("a negative size", "negative size") { $0.shape = [-2] }
    refuse("sizes whose product overflows", "overflows") { $0.shape = [0x7FFF_FFFF, 0x7FFF_FFFF, 0x7FFF_FFFF] }
    refuse("nine dimensions", "more than the limit") { $0.shape = [1, 1, 1, 1, 1, 1, 1, 1, 2] }
    refuse("2^32-1 dimensions", "follow") { $0.shapeCount = -1 }
    refuse("a buffer that there is not", "is in buffer 7 of 2") { $0.buffer = 7 }
    refuse("a buffer of 2^32-1", "is in buffer") { $0.buffer = -1 }
    refuse("2^32-1 buffers", "follow") { $0.bufferCount = -1 }
    refuse("2^32-1 tensors", "follow") { $0.tensorCount = -1 }
    refuse("a million tensors", "") { $0.tensorCount = 1_000_000 }
    refuse("2^32-1 bytes of a buffer", "follow") { $0.dataCount = -1 }
    refuse("data that is cut", "follow") {
      $0.data = floats(1); $0.dataCount = 8
    }
    refuse("a name of 5000 bytes", "beyond the limit") { $0.name = String(repeating: "n", count: 5000) }
    refuse("data at 2^63", "but the file has") { $0.offset = (.min, 8) }
    refuse("data of 2^64-1 bytes", "but the file has") { $0.offset = (16, -1) }
    refuse("data beyond the file", "but the file has") { $0.offset = (1 << 20, 8) }
    refuse("data in another file", "another file", rule: "OUN104") { $0.isExternal = true }
    refuse("three scales for two channels", "scales along dimension") {
      ($0.type, $0.data, $0.scales, $0.zeroPoints) = (9, [1, 2], [1, 1, 1], [0, 0, 0])
    }
    refuse("zero points that are not as many as scales", "zero points for") {
      ($0.type, $0.data, $0.scales, $0.zeroPoints) = (9, [1, 2], [1, 1], [0, 0, 0])
    }
    refuse("a scale that is no number", "is NaN", rule: "OUN201") {
      ($0.type, $0.data, $0.scales, $0.zeroPoints) = (9, [1, 2], [.nan], [0])
    }
    refuse("a scale that is infinite", "infinite", rule: "OUN201") {
      ($0.type, $0.data, $0.scales, $0.zeroPoints) = (9, [1, 2], [.infinity], [0])
    }
    refuse("NaN among the values", "NaN", rule: "OUN201") { $0.data = floats(1) + u32(-1) }
    refuse("a table described out of the file", "out of the file") {
      $0.change = { bytes, place in bytes = bytes.with(u32(1 << 20), at: place) }
    }
    refuse("a table described behind itself, out of the file", "out of the file") {
      $0.change = { bytes, place in bytes = bytes.with(u32(-(1 << 20)), at: place) }
    }
    refuse("a table described by itself", "") { $0.change = { bytes, place in bytes = bytes.with(u32(0), at: place) } }
    refuse("a root out of the file", "out of the file") {
      $0.change = { bytes, _ in bytes = bytes.with(u32(-1), at: 0) }
    }
    refuse("a root that is the beginning", "out of the file") {
      $0.change = { bytes, _ in bytes = bytes.with(u32(0), at: 0) }
    }
    refuse("a root in the magic", "") { $0.change = { bytes, _ in bytes = bytes.with(u32(4), at: 0) } }
    refuse("a name that leads to itself", "") {
      $0.change = { bytes, place in bytes = bytes.with(u32(0), at: place + 13) }
    }
    refuse("only the beginning", "") { $0.change = { bytes, _ in bytes = Array(bytes.prefix(12)) } }
    suite.accept(
      "one table for two tensors", because: "the second gets a number, and shares the bytes", made { $0.tensors = 2 })
    suite.accept(
      "a thousand references to one table", because: "they share the bytes of the weights", made { $0.tensors = 1000 })
    suite.warn("a name that leads out of the folder", "OUN112", "leads out", made { $0.name = "../../x" })
    suite.accept(
      "integers with a scale", because: "they stay what they are",
      made { ($0.type, $0.data, $0.scales, $0.zeroPoints) = (9, [1, 2], [0.5], [3]) })
    return suite
  }()
}
