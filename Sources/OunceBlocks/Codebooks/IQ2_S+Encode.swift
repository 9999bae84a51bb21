private let gridSearch = GridSearch(
  neighbours: GridNeighbours(grid: gridIQ2S, digitCount: 8, digitBits: 2, top: 2, distances: 1),
  count: 16, steps: 9, step: 0.1, refit: .offGrid, smallest: 1e-8, spread: 2, plainSpread: 0.25, factor: 0.9875)

extension IQ2_S: GridEncoding {
  var search: GridSearch { gridSearch }
  var clearsZeroBlocks: Bool { false }

  func store(
    _ part: GridSubBlock, _ b: Int, storedCount: Int, _ search: GridSearch, into target: UnsafeMutablePointer<UInt8>
  ) {
    for k in 0..<2 {
      let number = unsafe search.number(part, k)
      unsafe target[2 + 2 * b + k] = UInt8(number & 255)
      unsafe target[34 + 2 * b + k] = UInt8(part.signs[k])
      unsafe target[66 + b / 2] |= UInt8(number >> 8) << UInt8(2 * k + 4 * (b % 2))
    }
  }

  func storeScale(_ code: UInt8, _ b: Int, into target: UnsafeMutablePointer<UInt8>) {
    unsafe target[74 + b / 2] |= code << UInt8(4 * (b % 2))
  }
}
