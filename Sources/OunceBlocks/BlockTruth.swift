package import OunceEncoding

/// An encoding of blocks whose scalar form, one block at a time in the reference's order of operations, is the truth
/// the lane kernels are tested against. It also encodes the rare blocks the lanes give up on.
protocol BlockTruth: WritableEncoding {
  /// Encodes one block.
  ///
  /// - Parameters:
  ///   - x: `elementsPerBlock` finite floats.
  ///   - importance: the weights of the block's columns; nil: all count alike.
  ///   - meanSquare: of the whole row; used only with importance.
  ///   - target: room for `bytesPerBlock`.
  func encodeBlock(
    _ x: UnsafePointer<Float>, importance: UnsafePointer<Float>?, meanSquare: Float,
    into target: UnsafeMutablePointer<UInt8>)
}

extension BlockKernels {
  /// Encodes with the scalar truth; false: the encoding has none.
  package func encodeScalar(
    _ encoding: any Encoding, _ elements: Span<Float>, columns: Int, importance: Span<Float>?,
    into blocks: inout MutableRawSpan
  ) -> Bool {
    guard let truth = encoding as? any BlockTruth else { return false }
    unsafe elements.withUnsafeBufferPointer { source in
      unsafe blocks.withUnsafeMutableBytes { target in
        guard let x = source.baseAddress, let out = target.baseAddress else { return }
        if let importance {
          unsafe importance.withUnsafeBufferPointer {
            unsafe encodeRows(truth, x, source.count, columns, $0.baseAddress, out)
          }
        } else {
          unsafe encodeRows(truth, x, source.count, columns, nil, out)
        }
      }
    }
    return true
  }
}

private func encodeRows(
  _ truth: some BlockTruth, _ x: UnsafePointer<Float>, _ count: Int, _ columns: Int,
  _ importance: UnsafePointer<Float>?, _ target: UnsafeMutableRawPointer
) {
  let width = truth.elementsPerBlock
  let bytes = truth.bytesPerBlock
  let out = unsafe target.assumingMemoryBound(to: UInt8.self)
  var block = 0
  for row in stride(from: 0, to: count, by: columns) {
    var squares: Float = 0
    for column in 0..<columns { unsafe squares += x[row + column] * x[row + column] }
    for column in stride(from: 0, to: columns, by: width) {
      let weights = unsafe importance.map { unsafe $0 + column }
      unsafe truth.encodeBlock(
        x + row + column, importance: weights, meanSquare: squares / Float(columns), into: out + block * bytes)
      block += 1
    }
  }
}
