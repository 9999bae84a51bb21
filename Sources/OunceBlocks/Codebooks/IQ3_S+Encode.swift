private let gridSearch = GridSearch(
  neighbours: GridNeighbours(grid: gridIQ3S, digitCount: 4, digitBits: 3, top: 7, distances: 3),
  count: 32, steps: 9, step: 0.2, refit: .allWhenOffGrid, smallest: .leastNonzeroMagnitude, spread: 2, factor: 1.033)

extension IQ3_S: GridEncoding {
  var search: GridSearch { gridSearch }
  var clearsZeroBlocks: Bool { false }

  func store(
    _ part: GridSubBlock, _ b: Int, storedCount: Int, _ search: GridSearch, into target: UnsafeMutablePointer<UInt8>
  ) {
    let place = repeatsShift ? storedCount : b
    for k in 0..<8 {
      let number = unsafe search.number(part, k)
      unsafe target[2 + 8 * place + k] = UInt8(number & 255)
      unsafe target[66 + b] |= UInt8(number >> 8) << UInt8(k)
    }
    for k in 0..<4 { unsafe target[74 + 4 * place + k] = UInt8(part.signs[k]) }
  }

  func storeScale(_ code: UInt8, _ b: Int, into target: UnsafeMutablePointer<UInt8>) {
    unsafe target[106 + b / 2] |= code << UInt8(4 * (b % 2))
  }
}
