internal import OunceCore

/// Where new groups keep links, and objects their many attributes: bytes addressed in one space, laid out as a table of
/// blocks which double from row to row.
///
/// | structure | fields |
/// |---|---|
/// | `FRHP` | width of an ID (2), of filters (2), flags, the largest object (4), twelve sizes and addresses, the table, checksum |
/// | the table | width (2), sizes of the first and the largest direct block, bits of the space (2), rows, address and rows of the root |
/// | `FHDB` | version, address of the heap, place in the space, checksum if flag 2, objects |
/// | `FHIB` | version, address of the heap, place in the space, addresses of blocks by row, checksum |
struct HDF5FractalHeap {
  private let source: HDF5Source
  private let place: Int
  private let tableWidth: Int
  private let firstByteCount: Int
  private let largestDirectByteCount: Int
  /// The bytes of a place in the space.
  private let offsetByteCount: Int
  /// The bytes of the length of an object.
  private let lengthByteCount: Int
  private let rootPlace: Int?
  /// 0: the root is a direct block.
  private let rootRowCount: Int
  private var direct: [Int: HDF5Block] = [:]
  private var indirect: [Int: [Int?]] = [:]

  init(_ source: HDF5Source, at place: Int) throws(OunceError) {
    self.source = source
    self.place = place
    let (offset, length) = (source.offsetByteCount, source.lengthByteCount)
    let byteCount = 4 + 1 + 2 + 2 + 1 + 4 + 12 * length + 3 * offset + 2 + 2 + 2 + 2 + 4
    // Filters of the heap stand before the checksum.
    var start = try source.block("a fractal heap", at: place, 9)
    try start.signature("FRHP")
    try start.skip(3)
    guard try start.number(2) == 0 else {
      throw OunceError(
        .unsupported, "a fractal heap is compressed, which this build does not read", file: source.file.path,
        offset: place, remedy: "write the file again without (h5repack)")
    }
    var block = try source.checkedBlock("a fractal heap", at: place, byteCount)
    try block.signature("FRHP")
    _ = try block.version(0...0)
    try block.skip(5)
    let largest = try block.number(4)
    try block.skip(10 * length + 2 * offset)
    tableWidth = try block.number(2)
    firstByteCount = try block.length()
    largestDirectByteCount = try block.length()
    let bitCount = try block.number(2)
    try block.skip(2)
    rootPlace = try block.address()
    rootRowCount = try block.number(2)
    func isPower(_ value: Int) -> Bool { value > 0 && value & (value - 1) == 0 }
    guard isPower(tableWidth), isPower(firstByteCount), isPower(largestDirectByteCount), (1...62).contains(bitCount),
      firstByteCount <= largestDirectByteCount, largestDirectByteCount <= 1 << 32, rootRowCount <= 64,
      tableWidth <= 1 << 16, largest > 0
    else { throw block.malformed("the sizes of its table contradict each other", at: place) }
    offsetByteCount = (bitCount + 7) / 8
    // Enough for a place in the largest block, and for the largest object.
    lengthByteCount = min((Self.log2(largestDirectByteCount) + 7) / 8, Self.log2(largest) / 8 + 1)
  }

  /// The logarithm, rounded down.
  private static func log2(_ value: Int) -> Int { 63 - value.leadingZeroBitCount }

  /// The object of an ID: a part of a block, or the ID itself.
  mutating func object(_ id: HDF5Block) throws(OunceError) -> HDF5Block {
    var id = id
    let start = id.offset
    let flags = try id.number(1)
    switch flags >> 4 & 3 {
    case 0:
      let (offset, byteCount) = (try id.number(offsetByteCount), try id.number(lengthByteCount))
      return try managed(offset, byteCount, at: start)
    case 2: return try id.slice(min(flags & 15 + 1, id.remainingByteCount))
    default:
      throw OunceError(
        .unsupported, "an object of a fractal heap is kept outside of it, which this build does not read",
        file: source.file.path, offset: start, remedy: "write the file again (h5repack)")
    }
  }

  /// The same; nil when the object is kept outside of the heap.
  mutating func managedObject(_ id: HDF5Block) throws(OunceError) -> HDF5Block? {
    var head = id
    return try head.number(1) >> 4 & 3 == 1 ? nil : try object(id)
  }

  /// The bytes of a block of row `row`.
  private func byteCount(ofRow row: Int) -> Int? {
    let shift = max(row - 1, 0)
    let (size, overflow) = firstByteCount.multipliedReportingOverflow(by: shift < 62 ? 1 << shift : .max)
    return overflow ? nil : size
  }

  private mutating func managed(_ offset: Int, _ byteCount: Int, at idPlace: Int) throws(OunceError) -> HDF5Block {
    func outside() -> OunceError {
      source.malformed("an object of \(byteCount) bytes at \(offset) is outside of its fractal heap", at: idPlace)
    }
    guard var place = rootPlace else { throw outside() }
    var (start, size, rowCount) = (0, firstByteCount, rootRowCount)
    // Each step goes to a smaller block.
    while rowCount > 0 {
      let children = try children(at: place, rowCount: rowCount)
      var (rowStart, row) = (start, 0)
      while row < rowCount, let block = self.byteCount(ofRow: row) {
        let (rowByteCount, overflow) = block.multipliedReportingOverflow(by: tableWidth)
        let (rowEnd, wraps) = rowStart.addingReportingOverflow(rowByteCount)
        guard !overflow, !wraps else { throw outside() }
        if offset < rowEnd { break }
        rowStart = rowEnd
        row += 1
      }
      guard row < rowCount, let block = self.byteCount(ofRow: row) else { throw outside() }
      let column = (offset - rowStart) / block
      guard let child = children[row * tableWidth + column] else { throw outside() }
      (place, start, size) = (child, rowStart + column * block, block)
      if block <= largestDirectByteCount { break }
      rowCount = rows(of: block)
      guard rowCount > 0, rowCount <= row else { throw outside() }
    }
    let (end, overflow) = (offset - start).addingReportingOverflow(byteCount)
    guard !overflow, end <= size else { throw outside() }
    var block = try direct(at: place, size)
    try block.skip(offset - start)
    return try block.slice(byteCount)
  }

  /// How many rows an indirect block has that stands for `byteCount` bytes.
  private func rows(of byteCount: Int) -> Int {
    Self.log2(byteCount) - Self.log2(firstByteCount) - Self.log2(tableWidth) + 1
  }

  private mutating func direct(at place: Int, _ byteCount: Int) throws(OunceError) -> HDF5Block {
    if let block = direct[place] { return block }
    let block = try source.block("a direct block of a fractal heap", at: place, byteCount)
    var head = block
    try head.signature("FHDB")
    _ = try head.version(0...0)
    guard try head.address() == self.place else { throw head.malformed("it belongs to another heap", at: place) }
    direct[place] = block
    return block
  }

  private mutating func children(at place: Int, rowCount: Int) throws(OunceError) -> [Int?] {
    if let children = indirect[place], children.count == rowCount * tableWidth { return children }
    let offset = source.offsetByteCount
    let headByteCount = 4 + 1 + offset + offsetByteCount
    var block = try source.checkedBlock(
      "an indirect block of a fractal heap", at: place, headByteCount + rowCount * tableWidth * offset + 4)
    try block.signature("FHIB")
    _ = try block.version(0...0)
    guard try block.address() == self.place else { throw block.malformed("it belongs to another heap", at: place) }
    try block.skip(offsetByteCount)
    var children: [Int?] = []
    children.reserveCapacity(rowCount * tableWidth)
    for _ in 0..<rowCount * tableWidth { children.append(try block.address()) }
    indirect[place] = children
    return children
  }
}
