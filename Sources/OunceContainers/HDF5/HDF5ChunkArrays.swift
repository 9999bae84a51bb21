internal import OunceCore

/// An index of a fixed number of chunks.
///
/// | structure | fields |
/// |---|---|
/// | `FAHD` | version, filtered or not, bytes of an entry, bits of a page, number of entries, address of the block, checksum |
/// | `FADB` | version, filtered or not, address of the array, entries, checksum |
/// | `FADB` in pages | …, a bit for each page that was written, checksum; pages of entries, each with a checksum |
struct HDF5FixedArray {
  private let source: HDF5Source
  private let place: Int
  private let entryByteCount: Int
  private let pageCount: Int
  private let count: Int
  private let blockPlace: Int?
  /// The most entries of a page.
  private let pageEntryCount: Int

  init(_ source: HDF5Source, at place: Int) throws(OunceError) {
    self.source = source
    self.place = place
    var block = try source.checkedBlock(
      "a fixed array", at: place, 12 + source.lengthByteCount + source.offsetByteCount)
    try block.signature("FAHD")
    _ = try block.version(0...0)
    try block.skip(1)
    entryByteCount = try block.number(1)
    let bits = try block.number(1)
    count = try block.length()
    blockPlace = try block.address()
    guard entryByteCount > 0, (1...32).contains(bits) else {
      throw block.malformed("entries of \(entryByteCount) bytes in pages of 2^\(bits) make no sense", at: place)
    }
    guard count <= source.end / entryByteCount else {
      throw block.malformed("\(count) entries of \(entryByteCount) bytes do not fit into the file", at: place)
    }
    pageEntryCount = 1 << bits
    pageCount = count <= pageEntryCount ? 0 : (count + pageEntryCount - 1) / pageEntryCount
  }

  func walk(
    _ body: (_ index: Int, _ element: inout HDF5Block) throws(OunceError) -> Void
  ) throws(OunceError) {
    guard let blockPlace else { return }
    let headByteCount = 6 + source.offsetByteCount
    let bitmapByteCount = (pageCount + 7) / 8
    let inside = pageCount == 0 ? count * entryByteCount : bitmapByteCount
    var block = try source.checkedBlock("a block of a fixed array", at: blockPlace, headByteCount + inside + 4)
    try block.signature("FADB")
    _ = try block.version(0...0)
    try block.skip(1)
    guard try block.address() == place else { throw block.malformed("it belongs to another array", at: blockPlace) }
    if pageCount == 0 { return try Self.entries(&block, entryByteCount, from: 0, count: count, body) }
    let bitmap = try block.array(bitmapByteCount)
    var pagePlace = blockPlace + headByteCount + bitmapByteCount + 4
    for page in 0..<pageCount {
      let first = page * pageEntryCount
      let entryCount = min(pageEntryCount, count - first)
      if bitmap[page / 8] & 0x80 >> UInt8(page % 8) != 0 {
        var entries = try source.checkedBlock(
          "a page of a fixed array", at: pagePlace, entryCount * entryByteCount + 4)
        try Self.entries(&entries, entryByteCount, from: first, count: entryCount, body)
      }
      pagePlace += entryCount * entryByteCount + 4
    }
  }

  static func entries(
    _ block: inout HDF5Block, _ entryByteCount: Int, from first: Int, count: Int,
    _ body: (_ index: Int, _ element: inout HDF5Block) throws(OunceError) -> Void
  ) throws(OunceError) {
    for index in 0..<count {
      var element = try block.slice(entryByteCount)
      try body(first + index, &element)
    }
  }
}

/// An index of chunks that grow in one dimension: blocks of entries that double in size, and blocks of their addresses.
///
/// | structure | fields |
/// |---|---|
/// | `EAHD` | version, filtered or not, bytes of an entry, five settings, six counts, address of the index block, checksum |
/// | `EAIB` | version, filtered or not, address of the array, first entries, addresses of data blocks, of super blocks, checksum |
/// | `EASB` | version, filtered or not, address of the array, index of its first entry, bits of pages, addresses of data blocks, checksum |
/// | `EADB` | version, filtered or not, address of the array, index of its first entry, entries, checksum; or pages behind the checksum |
///
/// Super block `s` has 2^⌊s/2⌋ data blocks of 2^⌈s/2⌉ times the smallest count of entries.
struct HDF5ExtensibleArray {
  private let source: HDF5Source
  private let place: Int
  private let entryByteCount: Int
  /// Settings of the file, in its order.
  private let bitCount: Int
  private let indexEntryCount: Int
  private let smallestEntryCount: Int
  private let smallestBlockCount: Int
  private let pageEntryCount: Int
  /// One more than the highest index that was set.
  private let count: Int
  private let indexPlace: Int?

  init(_ source: HDF5Source, at place: Int) throws(OunceError) {
    self.source = source
    self.place = place
    var block = try source.checkedBlock(
      "an extensible array", at: place, 16 + 6 * source.lengthByteCount + source.offsetByteCount)
    try block.signature("EAHD")
    _ = try block.version(0...0)
    try block.skip(1)
    entryByteCount = try block.number(1)
    bitCount = try block.number(1)
    indexEntryCount = try block.number(1)
    smallestEntryCount = try block.number(1)
    smallestBlockCount = try block.number(1)
    let pageBits = try block.number(1)
    try block.skip(4 * source.lengthByteCount)
    count = try block.length()
    try block.skip(source.lengthByteCount)
    indexPlace = try block.address()
    func isPower(_ value: Int) -> Bool { value > 0 && value & (value - 1) == 0 }
    guard entryByteCount > 0, (1...62).contains(bitCount), (1...32).contains(pageBits), isPower(smallestEntryCount),
      isPower(smallestBlockCount), smallestBlockCount >= 2, smallestEntryCount.trailingZeroBitCount < bitCount
    else { throw block.malformed("its settings contradict each other", at: place) }
    pageEntryCount = 1 << pageBits
  }

  typealias Body = (_ index: Int, _ element: inout HDF5Block) throws(OunceError) -> Void

  func walk(_ body: Body) throws(OunceError) {
    guard let indexPlace, count > 0 else { return }
    // Of the super blocks, the first are in the index itself.
    let superCount = 1 + bitCount - smallestEntryCount.trailingZeroBitCount
    let insideCount = min(superCount, 2 * smallestBlockCount.trailingZeroBitCount)
    let dataCount = 2 * (smallestBlockCount - 1)
    let byteCount =
      6 + source.offsetByteCount + indexEntryCount * entryByteCount
      + (dataCount + superCount - insideCount) * source.offsetByteCount + 4
    var block = try source.checkedBlock("the index of an extensible array", at: indexPlace, byteCount)
    try begin(&block, "EAIB", at: indexPlace)
    try HDF5FixedArray.entries(&block, entryByteCount, from: 0, count: indexEntryCount, body)
    var first = indexEntryCount
    for number in 0..<insideCount {
      for _ in 0..<1 << (number / 2) {
        let place = try block.address()
        let entryCount = try entryCount(ofSuper: number, at: indexPlace)
        if let place, first < count { try data(at: place, from: first, count: entryCount, written: nil, body) }
        first = try sum(first, entryCount, at: indexPlace)
      }
    }
    for number in insideCount..<superCount {
      let place = try block.address()
      guard first < count else { return }
      let entryCount = try entryCount(ofSuper: number, at: indexPlace)
      let blockCount = 1 << (number / 2)
      if let place { try superBlock(at: place, from: first, blockCount, entryCount, body) }
      let (all, overflow) = blockCount.multipliedReportingOverflow(by: entryCount)
      guard !overflow else { throw block.malformed("more entries than 63 bits count", at: indexPlace) }
      first = try sum(first, all, at: indexPlace)
    }
  }

  private func entryCount(ofSuper number: Int, at place: Int) throws(OunceError) -> Int {
    let (count, overflow) = smallestEntryCount.multipliedReportingOverflow(by: 1 << ((number + 1) / 2))
    guard !overflow else { throw source.malformed("more entries than 63 bits count", at: place) }
    return count
  }

  private func sum(_ first: Int, _ count: Int, at place: Int) throws(OunceError) -> Int {
    let (sum, overflow) = first.addingReportingOverflow(count)
    guard !overflow else { throw source.malformed("more entries than 63 bits count", at: place) }
    return sum
  }

  private func begin(_ block: inout HDF5Block, _ signature: String, at place: Int) throws(OunceError) {
    try block.signature(signature)
    _ = try block.version(0...0)
    try block.skip(1)
    guard try block.address() == self.place else { throw block.malformed("it belongs to another array", at: place) }
  }

  /// The bytes of the index of an entry.
  private var indexByteCount: Int { (bitCount + 7) / 8 }

  private func superBlock(
    at place: Int, from start: Int, _ blockCount: Int, _ entryCount: Int, _ body: Body
  ) throws(OunceError) {
    let pageCount = entryCount > pageEntryCount ? entryCount / pageEntryCount : 0
    let bitmapByteCount = (pageCount + 7) / 8
    let headByteCount = 6 + source.offsetByteCount + indexByteCount
    let (bytes, overflow) = (bitmapByteCount + source.offsetByteCount).multipliedReportingOverflow(by: blockCount)
    guard !overflow, bytes <= source.end else {
      throw source.malformed("a super block of \(blockCount) blocks does not fit into the file", at: place)
    }
    var block = try source.checkedBlock("a super block of an extensible array", at: place, headByteCount + bytes + 4)
    try begin(&block, "EASB", at: place)
    try block.skip(indexByteCount)
    let bitmaps = try block.array(bitmapByteCount * blockCount)
    var first = start
    for number in 0..<blockCount {
      let child = try block.address()
      guard first < count else { return }
      if let child {
        let bitmap = Array(bitmaps[number * bitmapByteCount..<(number + 1) * bitmapByteCount])
        try data(at: child, from: first, count: entryCount, written: pageCount > 0 ? bitmap : nil, body)
      }
      first = try sum(first, entryCount, at: place)
    }
  }

  /// - Parameter written: a bit for each page; nil when the block has none.
  private func data(
    at place: Int, from first: Int, count entryCount: Int, written: [UInt8]?, _ body: Body
  ) throws(OunceError) {
    let headByteCount = 6 + source.offsetByteCount + indexByteCount
    let (bytes, overflow) = entryCount.multipliedReportingOverflow(by: entryByteCount)
    guard !overflow, bytes <= source.end else {
      throw source.malformed("a block of \(entryCount) entries does not fit into the file", at: place)
    }
    var block = try source.checkedBlock(
      "a block of an extensible array", at: place, headByteCount + (written == nil ? bytes : 0) + 4)
    try begin(&block, "EADB", at: place)
    try block.skip(indexByteCount)
    guard let written else {
      return try HDF5FixedArray.entries(&block, entryByteCount, from: first, count: entryCount, body)
    }
    let pageByteCount = pageEntryCount * entryByteCount + 4
    for page in 0..<entryCount / pageEntryCount where written[page / 8] & 0x80 >> UInt8(page % 8) != 0 {
      var entries = try source.checkedBlock(
        "a page of an extensible array", at: place + headByteCount + 4 + page * pageByteCount, pageByteCount)
      try HDF5FixedArray.entries(
        &entries, entryByteCount, from: first + page * pageEntryCount, count: pageEntryCount, body)
    }
  }
}
