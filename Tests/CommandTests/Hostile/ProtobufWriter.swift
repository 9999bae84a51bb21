/// Fields of protocol buffers, as bytes.
enum ProtobufWriter {
  static func varint(_ value: Int) -> [UInt8] {
    var rest = UInt64(bitPattern: Int64(value))
    var bytes: [UInt8] = []
    repeat {
      bytes.append(UInt8(rest & 0x7F) | (rest > 0x7F ? 0x80 : 0))
      rest >>= 7
    } while rest > 0
    return bytes
  }

  static func int(_ field: Int, _ value: Int) -> [UInt8] { varint(field << 3) + varint(value) }
  static func fixed32(_ field: Int, _ value: Int) -> [UInt8] { varint(field << 3 | 5) + u32(value) }
  static func message(_ field: Int, _ parts: [UInt8]...) -> [UInt8] {
    let content = joined(parts)
    return all(varint(field << 3 | 2), varint(content.count), content)
  }
  static func text(_ field: Int, _ text: String) -> [UInt8] { message(field, utf8(text)) }
  /// A field that claims a length of its own.
  static func claimed(_ field: Int, _ byteCount: Int, _ content: [UInt8] = []) -> [UInt8] {
    all(varint(field << 3 | 2), varint(byteCount), content)
  }
}
