private let search = GridSearch(
  neighbours: GridNeighbours(grid: gridIQ3XXS, digitCount: 4, digitBits: 3, top: 7, distances: 2),
  count: 32, steps: 15, step: 0.2, refit: .offGrid, storesSevenSigns: true, smallest: 1e-8, spread: 2, factor: 1.0125)

extension IQ3_XXS: GridEncoding {
  func encodeBlock(
    _ x: UnsafePointer<Float>, importance: UnsafePointer<Float>?, meanSquare: Float,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    unsafe target.update(repeating: 0, count: 98)
    let scale = unsafe search.encode(x, importance) { b, part in
      var word: UInt32 = 0
      for k in 0..<8 { unsafe target[2 + 8 * b + k] = UInt8(part.points[k]) }
      for k in 0..<4 { unsafe word |= UInt32(part.signs[k]) << UInt32(7 * k) }
      unsafe target.store(word, at: 66 + 4 * b)
    } storeScale: { b, code in
      unsafe target[69 + 4 * b] |= code << 4
    }
    if let scale { unsafe target.storeHalf(scale, at: 0) } else { unsafe target.update(repeating: 0, count: 98) }
  }
}
