private let gridSearch = GridSearch(
  neighbours: GridNeighbours(grid: gridIQ2XS, digitCount: 8, digitBits: 2, top: 2, distances: 2),
  count: 16, steps: 9, step: 0.1, refit: .offGrid, storesSevenSigns: true, smallest: negligible, spread: 1, factor: 1)

extension IQ2_XS: GridEncoding {
  var search: GridSearch { gridSearch }
  var clearsZeroBlocks: Bool { true }

  func store(
    _ part: GridSubBlock, _ b: Int, storedCount: Int, _ search: GridSearch, into target: UnsafeMutablePointer<UInt8>
  ) {
    for k in 0..<2 {
      unsafe target.store(UInt16(search.number(part, k) | part.signs[k] << 9), at: 2 + 4 * b + 2 * k)
    }
  }

  func storeScale(_ code: UInt8, _ b: Int, into target: UnsafeMutablePointer<UInt8>) {
    unsafe target[66 + b / 2] |= code << UInt8(4 * (b % 2))
  }
}
