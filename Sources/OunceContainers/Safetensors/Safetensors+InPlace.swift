public import OrderedCollections
public import OunceCore

extension SafetensorsContainer: InPlaceContainer {
  /// Headers may end in spaces, so that there is no need of a key.
  public func reserving(_ byteCount: Int, in metadata: inout Metadata) -> any WritableContainer {
    var options = options
    options.reservedByteCount = byteCount
    return SafetensorsContainer(options: options)
  }

  public func header(_ metadata: Metadata, _ tensors: [Tensor]) throws(OunceError) -> [UInt8]? {
    guard let dataStart = Self.dataStart(tensors) else { return nil }
    var json = Array("{".utf8)
    try append(metadata, to: &json)
    for tensor in tensors {
      guard let region = tensor.data as? FileRegion else { return nil }
      append(tensor.info, at: region.offset - dataStart, to: &json)
    }
    json.append(UInt8(ascii: "}"))
    guard json.count <= dataStart - 8 else { return nil }
    json += [UInt8](repeating: UInt8(ascii: " "), count: dataStart - 8 - json.count)
    var writer = ByteWriter()
    writer.integer(UInt64(json.count))
    writer.append(json)
    return writer.bytes
  }
}
