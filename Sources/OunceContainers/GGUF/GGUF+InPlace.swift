public import OrderedCollections
public import OunceCore
internal import OunceEncoding

extension GGUFContainer: InPlaceContainer {
  /// A key whose only use is its length: with this name, its smallest entry fits into one unit of alignment.
  static let paddingKey = "ounce.pad"

  public func reserving(_ byteCount: Int, in metadata: inout Metadata) -> any WritableContainer {
    metadata = padded(metadata, byteCount)
    return self
  }

  private func padded(_ metadata: Metadata, _ byteCount: Int) -> Metadata {
    var metadata = metadata
    metadata.setLast(.string(String(repeating: " ", count: byteCount)), forKey: Self.paddingKey)
    return metadata
  }

  public func header(_ metadata: Metadata, _ tensors: [Tensor]) throws(OunceError) -> [UInt8]? {
    guard let dataStart = Self.dataStart(tensors) else { return nil }
    let alignment = try Self.alignment(metadata)
    guard dataStart % alignment == 0 else { return nil }
    var metadata = metadata
    metadata.removeValue(forKey: Self.paddingKey)
    var bytes = try unpaddedHeader(metadata, tensors, dataStart)
    if bytes.count + alignment <= dataStart {
      let withKey = try unpaddedHeader(padded(metadata, 0), tensors, dataStart).count
      guard withKey <= dataStart else { return nil }
      bytes = try unpaddedHeader(padded(metadata, dataStart - withKey), tensors, dataStart)
    }
    guard bytes.count <= dataStart else { return nil }
    return bytes + [UInt8](repeating: 0, count: dataStart - bytes.count)
  }

  private func unpaddedHeader(
    _ metadata: Metadata, _ tensors: [Tensor], _ dataStart: Int
  ) throws(OunceError) -> [UInt8] {
    var writer = start(metadata, tensorCount: tensors.count)
    for tensor in tensors {
      guard let region = tensor.data as? FileRegion else { continue }
      try append(tensor.info, at: region.offset - dataStart, to: &writer)
    }
    return writer.bytes.bytes
  }
}
