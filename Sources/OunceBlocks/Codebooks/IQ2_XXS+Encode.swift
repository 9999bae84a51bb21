private let search = GridSearch(
  neighbours: GridNeighbours(grid: gridIQ2XXS, digitCount: 8, digitBits: 2, top: 2, distances: 2),
  count: 32, steps: 6, step: 0.1, refit: .always, storesSevenSigns: true, startsFromCodes: true,
  smallest: negligible, spread: 1, factor: 1)

extension IQ2_XXS: GridEncoding {
  func encodeBlock(
    _ x: UnsafePointer<Float>, importance: UnsafePointer<Float>?, meanSquare: Float,
    into target: UnsafeMutablePointer<UInt8>
  ) {
    unsafe target.update(repeating: 0, count: 66)
    let scale = unsafe search.encode(x, importance) { b, part in
      var word: UInt32 = 0
      for k in 0..<4 {
        unsafe target[2 + 8 * b + k] = UInt8(part.points[k])
        unsafe word |= UInt32(part.signs[k]) << UInt32(7 * k)
      }
      unsafe target.store(word, at: 6 + 8 * b)
    } storeScale: { b, code in
      unsafe target[9 + 8 * b] |= code << 4
    }
    if let scale { unsafe target.storeHalf(scale, at: 0) } else { unsafe target.update(repeating: 0, count: 66) }
  }
}
