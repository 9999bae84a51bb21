private let search = GridSearch(
  neighbours: GridNeighbours(grid: gridIQ2S, digitCount: 8, digitBits: 2, top: 2, distances: 1),
  count: 16, steps: 9, step: 0.1, refit: .offGrid, smallest: 1e-8, spread: 2, plainSpread: 0.25, factor: 0.9875)

extension IQ2_S: GridEncoding {
  func encodeBlock(
    _ x: UnsafePointer<Float>, importance: UnsafePointer<Float>?, meanSquare: Float,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    unsafe target.update(repeating: 0, count: 82)
    let scale = unsafe search.encode(x, importance) { b, part in
      for k in 0..<2 {
        unsafe target[2 + 2 * b + k] = UInt8(part.points[k] & 255)
        unsafe target[34 + 2 * b + k] = UInt8(part.signs[k])
        unsafe target[66 + b / 2] |= UInt8(part.points[k] >> 8) << UInt8(2 * k + 4 * (b % 2))
      }
    } storeScale: { b, code in
      unsafe target[74 + b / 2] |= code << UInt8(4 * (b % 2))
    }
    if let scale { unsafe target.storeHalf(scale, at: 0) }
  }
}
