internal import OunceCore

/// Text and lists of any length, which attributes name by a place and a number.
///
/// | bytes | what |
/// |---|---|
/// | 4, 1, 3, a size | `GCOL`, version, zeros, byte count of all |
/// | for each object | number (2; 0: the rest is free), references (2), zeros (4), byte count, bytes padded to 8 |
struct HDF5GlobalHeap {
  private let source: HDF5Source
  /// The objects of each collection that was read.
  private var collections: [Int: [Int: HDF5Block]] = [:]

  init(_ source: HDF5Source) { self.source = source }

  /// Text: its byte count (4), the address of a collection, a number (4).
  mutating func text(_ reference: inout HDF5Block) throws(OunceError) -> [UInt8] {
    let start = reference.offset
    let byteCount = try reference.number(4)
    let place = try reference.address()
    let number = try reference.number(4)
    guard let place, byteCount > 0 else { return [] }
    guard var object = try objects(at: place)[number], byteCount <= object.remainingByteCount else {
      throw reference.malformed("text of \(byteCount) bytes is not in the global heap", at: start)
    }
    return try object.slice(byteCount).text
  }

  private mutating func objects(at place: Int) throws(OunceError) -> [Int: HDF5Block] {
    if let objects = collections[place] { return objects }
    let headByteCount = 8 + source.lengthByteCount
    var head = try source.block("a global heap", at: place, headByteCount)
    try head.signature("GCOL")
    _ = try head.version(1...1)
    try head.skip(3)
    let byteCount = try head.length()
    guard byteCount >= headByteCount else { throw head.malformed("it has only \(byteCount) bytes", at: place) }
    var block = try source.block("a global heap", at: place, byteCount)
    try block.skip(headByteCount)
    var objects: [Int: HDF5Block] = [:]
    while block.remainingByteCount >= headByteCount {
      let number = try block.number(2)
      try block.skip(6)
      let byteCount = try block.length()
      if number == 0 { break }
      objects[number] = try block.slice(byteCount)
      try block.skip(min((8 - byteCount % 8) % 8, block.remainingByteCount))
    }
    collections[place] = objects
    return objects
  }
}
