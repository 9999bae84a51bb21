private let gridSearch = GridSearch(
  neighbours: GridNeighbours(grid: gridIQ2XXS, digitCount: 8, digitBits: 2, top: 2, distances: 2),
  count: 32, steps: 6, step: 0.1, refit: .always, storesSevenSigns: true, startsFromCodes: true,
  smallest: negligible, spread: 1, factor: 1)

extension IQ2_XXS: GridEncoding {
  var search: GridSearch { gridSearch }
  var clearsZeroBlocks: Bool { true }

  func store(
    _ part: GridSubBlock, _ b: Int, storedCount: Int, _ search: GridSearch, into target: UnsafeMutablePointer<UInt8>
  ) {
    var word: UInt32 = 0
    for k in 0..<4 {
      unsafe target[2 + 8 * b + k] = UInt8(search.number(part, k))
      unsafe word |= UInt32(part.signs[k]) << UInt32(7 * k)
    }
    unsafe target.store(word, at: 6 + 8 * b)
  }

  func storeScale(_ code: UInt8, _ b: Int, into target: UnsafeMutablePointer<UInt8>) {
    unsafe target[9 + 8 * b] |= code << 4
  }
}
