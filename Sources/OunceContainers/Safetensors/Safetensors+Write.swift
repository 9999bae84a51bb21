public import OunceCore
public import OrderedCollections
internal import OunceEncoding

extension SafetensorsContainer: WritableContainer {
  public var variants: [any WritableContainer] {
    [SafetensorsContainer(), SafetensorsContainer(options: Options(addsFormat: false))]
  }

  /// Places tensors as the reference implementation does: by dtype, then by name; the header is filled with spaces up
  /// to a multiple of 8 bytes. `offsets` are in the given order of `tensors`.
  ///
  /// - Throws: `OunceError` when safetensors has no such dtype, or a metadata value is not a string.
  public func layout(_ metadata: Metadata, _ tensors: [TensorInfo]) throws(OunceError) -> FileLayout {
    let order = try Self.order(tensors)
    var header = Array("{".utf8)
    try append(metadata, to: &header)
    var offsets = [Int](repeating: 0, count: tensors.count)
    var end = 0
    var previous: ExactString?
    for index in order {
      let tensor = tensors[index]
      let name = ExactString(tensor.name)
      guard previous != name else {
        throw OunceError(.request, "two tensors have this name", subject: "tensor \(tensor.name)")
      }
      previous = name
      append(tensor, at: end, to: &header)
      offsets[index] = end
      end += tensor.byteCount
    }
    header.append(UInt8(ascii: "}"))
    header += [UInt8](repeating: UInt8(ascii: " "), count: options.reservedByteCount)
    while header.count % 8 != 0 { header.append(UInt8(ascii: " ")) }
    guard header.count <= Limits.safetensorsHeaderByteCount else {
      throw OunceError(
        .unsupported,
        "a header of \(header.count) bytes is beyond safetensors' limit of "
          + "\(Limits.safetensorsHeaderByteCount)", remedy: "split the model")
    }
    var writer = ByteWriter()
    writer.reserveCapacity(8 + header.count)
    writer.integer(UInt64(header.count))
    writer.append(header)
    let dataStart = writer.byteCount
    return FileLayout(header: writer.bytes, offsets: offsets.map { dataStart + $0 }, byteCount: dataStart + end)
  }

  /// The entry of one tensor.
  func append(_ tensor: TensorInfo, at offset: Int, to header: inout [UInt8]) {
    if header.count > 1 { header.append(UInt8(ascii: ",")) }
    Self.quote(tensor.name, into: &header)
    let shape = tensor.shape.map(String.init).joined(separator: ",")
    let dtype = tensor.encoding.safetensorsType ?? tensor.encoding.name
    let range = "[\(offset),\(offset + tensor.byteCount)]"
    header.append(contentsOf: ":{\"dtype\":\"\(dtype)\",\"shape\":[\(shape)],\"data_offsets\":\(range)}".utf8)
  }

  /// The indices of `tensors` in the order of the file.
  static func order(_ tensors: [TensorInfo]) throws(OunceError) -> [Int] {
    let ranks = Dictionary(uniqueKeysWithValues: zip(writingOrder, writingOrder.indices))
    var keys: [(rank: Int, index: Int)] = []
    keys.reserveCapacity(tensors.count)
    for (index, tensor) in tensors.enumerated() {
      guard let dtype = tensor.encoding.safetensorsType, let rank = ranks[dtype] else {
        throw OunceError(
          .unsupported, "safetensors has no dtype for \(tensor.encoding.name)", subject: "tensor \(tensor.name)",
          remedy: "convert with --dtype f16 or another plain type")
      }
      guard tensor.name != metadataKey else {
        throw OunceError(.unsupported, "safetensors keeps this name for metadata", subject: "tensor \(tensor.name)")
      }
      keys.append((rank, index))
    }
    keys.sort { left, right in
      if left.rank != right.rank { return left.rank < right.rank }
      let (first, second) = (tensors[left.index].name.utf8, tensors[right.index].name.utf8)
      return first.lexicographicallyPrecedes(second)
    }
    return keys.map(\.index)
  }

  func append(_ metadata: Metadata, to header: inout [UInt8]) throws(OunceError) {
    var metadata = metadata
    if options.addsFormat, metadata["format"] == nil { metadata["format"] = .string("pt") }
    if metadata.isEmpty { return }
    header.append(contentsOf: "\"\(Self.metadataKey)\":{".utf8)
    for (index, (key, value)) in metadata.enumerated() {
      guard let text = value.string else {
        throw OunceError(
          .unsupported, "safetensors holds metadata of type string only", subject: "key \(key)",
          remedy: "leave it out or turn it into a string")
      }
      if index > 0 { header.append(UInt8(ascii: ",")) }
      Self.quote(key, into: &header)
      header.append(UInt8(ascii: ":"))
      Self.quote(text, into: &header)
    }
    header.append(UInt8(ascii: "}"))
  }

  /// Appends a JSON string with the escapes that the reference implementation (serde_json) chooses.
  static func quote(_ text: String, into bytes: inout [UInt8]) {
    bytes.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""): bytes.append(contentsOf: "\\\"".utf8)
      case UInt8(ascii: "\\"): bytes.append(contentsOf: "\\\\".utf8)
      case 0x08: bytes.append(contentsOf: "\\b".utf8)
      case 0x09: bytes.append(contentsOf: "\\t".utf8)
      case 0x0A: bytes.append(contentsOf: "\\n".utf8)
      case 0x0C: bytes.append(contentsOf: "\\f".utf8)
      case 0x0D: bytes.append(contentsOf: "\\r".utf8)
      case 0..<0x20:
        bytes.append(contentsOf: (byte < 0x10 ? "\\u000" : "\\u00").utf8)
        bytes.append(contentsOf: String(byte, radix: 16).utf8)
      default: bytes.append(byte)
      }
    }
    bytes.append(UInt8(ascii: "\""))
  }
}
