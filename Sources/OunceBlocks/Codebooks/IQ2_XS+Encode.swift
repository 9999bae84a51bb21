private let search = GridSearch(
  neighbours: GridNeighbours(grid: gridIQ2XS, digitCount: 8, digitBits: 2, top: 2, distances: 2),
  count: 16, steps: 9, step: 0.1, refit: .offGrid, storesSevenSigns: true, smallest: negligible, spread: 1, factor: 1)

extension IQ2_XS: GridEncoding {
  func encodeBlock(
    _ x: UnsafePointer<Float>, importance: UnsafePointer<Float>?, meanSquare: Float,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    unsafe target.update(repeating: 0, count: 74)
    let scale = unsafe search.encode(x, importance) { b, part in
      for k in 0..<2 {
        unsafe target.store(UInt16(part.points[k] | part.signs[k] << 9), at: 2 + 4 * b + 2 * k)
      }
    } storeScale: { b, code in
      unsafe target[66 + b / 2] |= code << UInt8(4 * (b % 2))
    }
    if let scale { unsafe target.storeHalf(scale, at: 0) } else { unsafe target.update(repeating: 0, count: 74) }
  }
}
