/// A GGUF whose every field can be wrong.
struct GGUFWriter {
  struct Tensor {
    var name = utf8("a")
    var nameByteCount: Int?
    var dimensionCount: Int?
    /// The fastest first.
    var sizes = [2]
    var type = 0
    var offset = 0
  }

  var magic = utf8("GGUF")
  var version = 3
  var isBigEndian = false
  var tensorCount: Int?
  var pairCount: Int?
  /// Keys and values, type included, as bytes.
  var pairs: [[UInt8]] = []
  var tensors = [Tensor()]
  var alignment = 32
  var data = floats(2)
  var behind: [UInt8] = []

  var bytes: [UInt8] {
    var bytes = magic + word(version)
    bytes += long(tensorCount ?? tensors.count) + long(pairCount ?? pairs.count)
    for pair in pairs { bytes += pair }
    for tensor in tensors {
      bytes += long(tensor.nameByteCount ?? tensor.name.count) + tensor.name
      bytes += word(tensor.dimensionCount ?? tensor.sizes.count)
      for size in tensor.sizes { bytes += long(size) }
      bytes += word(tensor.type) + (isBigEndian ? big(tensor.offset, 8) : u64(tensor.offset))
    }
    return bytes.padded(to: alignment) + data + behind
  }

  /// A count or a length, as wide as the version has them.
  func long(_ value: Int) -> [UInt8] {
    let byteCount = version == 1 ? 4 : 8
    return isBigEndian ? big(value, byteCount) : little(value, byteCount)
  }

  private func word(_ value: Int) -> [UInt8] { isBigEndian ? big(value, 4) : u32(value) }

  static func text(_ text: String) -> [UInt8] { u64(text.utf8.count) + utf8(text) }
  static func pair(_ key: String, type: Int, _ value: [UInt8]) -> [UInt8] { all(text(key), u32(type), value) }
  static func number(_ key: String, _ value: Int) -> [UInt8] { pair(key, type: 4, u32(value)) }
  static func string(_ key: String, _ value: String) -> [UInt8] { pair(key, type: 8, text(value)) }
  static func array(_ key: String, type: Int, count: Int, _ content: [UInt8]) -> [UInt8] {
    pair(key, type: 9, all(u32(type), u64(count), content))
  }
  static func strings(_ key: String, _ values: [String]) -> [UInt8] {
    array(key, type: 8, count: values.count, values.flatMap(text))
  }
}
