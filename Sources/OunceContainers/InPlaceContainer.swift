public import OrderedCollections
public import OunceCore

/// A container whose header can be written anew in the place of the old one.
public protocol InPlaceContainer: WritableContainer {
  /// This container when it leaves `byteCount` bytes in new headers for later ones, which may need an entry in the
  /// metadata.
  func reserving(_ byteCount: Int, in metadata: inout Metadata) -> any WritableContainer

  /// A header for tensors that stay where they are in their file, exactly as long as the one that is there; nil when it
  /// does not fit.
  ///
  /// - Parameter tensors: all tensors of one file, as it was read.
  func header(_ metadata: Metadata, _ tensors: [Tensor]) throws(OunceError) -> [UInt8]?
}

extension InPlaceContainer {
  /// Where the first tensor of a file begins; nil when there is none, or one is not in the file as it is.
  static func dataStart(_ tensors: [Tensor]) -> Int? {
    var start: Int?
    for tensor in tensors {
      guard let region = tensor.data as? FileRegion else { return nil }
      start = min(start ?? region.offset, region.offset)
    }
    return start
  }
}
