internal import OunceCore

/// MXFP4 as transformers stores it, blocks and scales apart, as the blocks that ggml reads. Bits move, values stay.
///
/// A block of 32 is 16 bytes with elements 2j and 2j+1 in byte j, and a scale byte elsewhere; ggml puts the scale first
/// and elements j and j+16 into byte j.
struct MXFP4Source: TensorData {
  private let blocks: any TensorData
  private let scales: any TensorData
  private let blocksPerRow: Int

  /// `[experts, rows, blocks, 16]` as `[experts, rows, blocks · 16]`.
  static func flat(_ shape: [Int]) -> [Int] {
    shape.count == 4 ? [shape[0], shape[1], shape[2] * shape[3]] : shape
  }

  /// - Throws: `OunceError` when blocks and scales do not fit each other.
  static func tensor(_ blocks: Tensor, _ scales: Tensor, name: String) throws(OunceError) -> Tensor {
    let bytes = try blocks.reshaped(flat(blocks.info.shape))
    let shape = scales.info.shape
    guard shape.count == 3, let encoding = Encodings.named("MXFP4"),
      bytes.info.shape == [shape[0], shape[1], shape[2] * 16],
      bytes.info.encoding.bytesPerBlock == 1, scales.info.encoding.bytesPerBlock == 1
    else {
      throw OunceError(
        .malformed, "blocks of the shape \(blocks.info.shape) do not fit scales of the shape \(shape)",
        subject: "tensor \(blocks.info.name)")
    }
    let data = MXFP4Source(blocks: bytes.data, scales: scales.data, blocksPerRow: shape[2])
    return try Tensor(name: name, shape: [shape[0], shape[1], shape[2] * 32], encoding: encoding, data: data)
  }

  func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    let count = rows.count * blocksPerRow
    var packed = [UInt8](repeating: 0, count: count * 16)
    var factors = [UInt8](repeating: 0, count: count)
    try packed.withMutableRawSpan { (span) throws(OunceError) in try blocks.read(rows: rows, into: &span) }
    try factors.withMutableRawSpan { (span) throws(OunceError) in try scales.read(rows: rows, into: &span) }
    for block in 0..<count {
      bytes.storeBytes(of: factors[block], toByteOffset: block * 17, as: UInt8.self)
      for index in 0..<16 {
        let shift = UInt8(index & 1) * 4
        let low = packed[block * 16 + index / 2] >> shift & 15
        let high = packed[block * 16 + 8 + index / 2] >> shift & 15
        bytes.storeBytes(of: low | high << 4, toByteOffset: block * 17 + 1 + index, as: UInt8.self)
      }
    }
  }
}
