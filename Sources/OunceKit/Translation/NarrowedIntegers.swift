internal import OunceCore

/// Whole numbers of 64 bits as such of 32, as tables of routing are stored.
struct NarrowedIntegers: TensorData {
  private let wide: Tensor

  /// - Throws: `OunceError` of kind `.unsupported` unless the tensor holds whole numbers of 32 or 64 bits.
  static func tensor(_ tensor: Tensor) throws(OunceError) -> Tensor {
    guard tensor.info.encoding.name != "I32" else { return tensor }
    guard tensor.info.encoding.name == "I64", let encoding = Encodings.named("I32") else {
      throw OunceError(
        .unsupported, "is \(tensor.info.encoding.name), expected whole numbers", subject: "tensor \(tensor.info.name)")
    }
    return try Tensor(
      name: tensor.info.name, shape: tensor.info.shape, encoding: encoding, data: NarrowedIntegers(wide: tensor))
  }

  func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    var source = [UInt8](repeating: 0, count: rows.count * wide.info.rowByteCount)
    try source.withMutableRawSpan { (span) throws(OunceError) in try wide.data.read(rows: rows, into: &span) }
    for index in 0..<source.count / 8 {
      var number: UInt64 = 0
      for place in (0..<8).reversed() { number = number << 8 | UInt64(source[index * 8 + place]) }
      guard let narrow = Int32(exactly: Int64(bitPattern: number)) else {
        throw OunceError(
          .malformed, "holds \(Int64(bitPattern: number)), which 32 bits do not hold",
          subject: "tensor \(wide.info.name)")
      }
      bytes.storeBytes(of: narrow.littleEndian, toByteOffset: index * 4, as: Int32.self)
    }
  }
}
