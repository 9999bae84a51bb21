private let gridSearch = GridSearch(
  neighbours: GridNeighbours(grid: gridIQ3XXS, digitCount: 4, digitBits: 3, top: 7, distances: 2),
  count: 32, steps: 15, step: 0.2, refit: .offGrid, storesSevenSigns: true, smallest: 1e-8, spread: 2, factor: 1.0125)

extension IQ3_XXS: GridEncoding {
  var search: GridSearch { gridSearch }
  var clearsZeroBlocks: Bool { true }

  func store(
    _ part: GridSubBlock, _ b: Int, storedCount: Int, _ search: GridSearch, into target: UnsafeMutablePointer<UInt8>
  ) {
    var word: UInt32 = 0
    for k in 0..<8 { unsafe target[2 + 8 * b + k] = UInt8(search.number(part, k)) }
    for k in 0..<4 { unsafe word |= UInt32(part.signs[k]) << UInt32(7 * k) }
    unsafe target.store(word, at: 66 + 4 * b)
  }

  func storeScale(_ code: UInt8, _ b: Int, into target: UnsafeMutablePointer<UInt8>) {
    unsafe target[69 + 4 * b] |= code << 4
  }
}
