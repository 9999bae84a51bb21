private let search = GridSearch(
  neighbours: GridNeighbours(grid: gridIQ3S, digitCount: 4, digitBits: 3, top: 7, distances: 3),
  count: 32, steps: 9, step: 0.2, refit: .allWhenOffGrid, smallest: .leastNonzeroMagnitude, spread: 2, factor: 1.033)

extension IQ3_S: GridEncoding {
  func encodeBlock(
    _ x: UnsafePointer<Float>, importance: UnsafePointer<Float>?, meanSquare: Float,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    unsafe target.update(repeating: 0, count: 110)
    var stored = 0
    let scale = unsafe search.encode(x, importance) { b, part in
      let place = repeatsShift ? stored : b
      stored += 1
      for k in 0..<8 {
        unsafe target[2 + 8 * place + k] = UInt8(part.points[k] & 255)
        unsafe target[66 + b] |= UInt8(part.points[k] >> 8) << UInt8(k)
      }
      for k in 0..<4 { unsafe target[74 + 4 * place + k] = UInt8(part.signs[k]) }
    } storeScale: { b, code in
      unsafe target[106 + b / 2] |= code << UInt8(4 * (b % 2))
    }
    if let scale { unsafe target.storeHalf(scale, at: 0) }
  }
}
