internal import OunceCore
internal import OunceEncoding

extension Limits {
  /// Elements of a tensor that holds settings: activation parameters and scales have a handful.
  static let settingElements = 65_536
}

extension Tensor {
  /// Every element, of a tensor that holds a setting rather than weights.
  ///
  /// - Throws: `OunceError` when there are more than `Limits.settingElements`, or the file cannot be read.
  func values() throws(OunceError) -> [Float] {
    guard info.elementCount <= Limits.settingElements else {
      throw OunceError(
        .malformed,
        "has the shape \(info.shape), but a setting of at most \(Limits.settingElements) elements is expected",
        subject: "tensor \(info.name)")
    }
    guard info.elementCount > 0 else { return [] }
    var encoded = Buffer(byteCount: info.byteCount)
    try encoded.withMutableBytes(0..<info.byteCount) { (bytes) throws(OunceError) in
      try data.read(rows: 0..<info.rowCount, into: &bytes)
    }
    var floats = Buffer(byteCount: info.elementCount * 4)
    floats.withMutableFloats(info.elementCount) { elements in
      encoded.withBytes(0..<info.byteCount) { info.encoding.decode($0, into: &elements) }
    }
    return floats.withFloats(info.elementCount) { elements in elements.indices.map { elements[$0] } }
  }

  /// Every element of a setting of whole numbers with 64 bits.
  ///
  /// - Throws: `OunceError` when it has another type, too many elements, or the file cannot be read.
  func integers() throws(OunceError) -> [Int64] {
    guard info.encoding.name == "I64", info.elementCount <= Limits.settingElements else {
      throw OunceError(
        .malformed, "is \(info.encoding.name) of the shape \(info.shape), expected whole numbers of 64 bits",
        subject: "tensor \(info.name)")
    }
    var bytes = [UInt8](repeating: 0, count: info.byteCount)
    try bytes.withMutableRawSpan { (span) throws(OunceError) in try data.read(rows: 0..<info.rowCount, into: &span) }
    return (0..<info.elementCount).map { index in
      bytes[index * 8..<index * 8 + 8].reversed().reduce(0) { $0 << 8 | Int64($1) }
    }
  }
}
