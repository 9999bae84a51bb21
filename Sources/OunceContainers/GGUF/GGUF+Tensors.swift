internal import OunceCore
internal import OunceEncoding

extension GGUFReader {
  /// A tensor's description, and where its parts stand in the header.
  private struct Entry {
    var info: TensorInfo
    /// From the beginning of the data, as the file says.
    var dataOffset: Int
    /// Where `dataOffset` stands.
    var headerOffset: Int
  }

  /// Reads the descriptions of all tensors and checks that their data is there.
  mutating func tensors(_ count: Int, alignment: Int) throws(OunceError) -> [Tensor] {
    var entries: [Entry] = []
    entries.reserveCapacity(count)
    var names = Set<ExactString>(minimumCapacity: count)
    for _ in 0..<count {
      let start = bytes.offset
      let entry = try entry()
      guard names.insert(ExactString(entry.info.name)).inserted else {
        throw bytes.malformed("the tensor name \"\(entry.info.name)\" appears twice", at: start)
      }
      entries.append(entry)
    }
    let dataStart = bytes.offset.padded(to: alignment)
    try checkPlaces(entries, dataStart: dataStart, alignment: alignment)
    let file = bytes.file
    let isBigEndian = bytes.isBigEndian
    return entries.map { entry in
      let region = FileRegion(
        file: file, offset: dataStart + entry.dataOffset, rowByteCount: entry.info.rowByteCount)
      let isSwapped = isBigEndian && !entry.info.encoding.words.isEmpty
      return Tensor(
        info: entry.info, data: isSwapped ? ByteSwapped(region, encoding: entry.info.encoding) : region)
    }
  }

  private mutating func entry() throws(OunceError) -> Entry {
    let start = bytes.offset
    let name = try string(atMost: Limits.tensorNameByteCount, "a tensor name")
    do throws(OunceError) {
      let dimensionStart = bytes.offset
      let dimensionCount = try bytes.integer(UInt32.self)
      guard dimensionCount <= Limits.ggmlDimensions else {
        throw bytes.malformed(
          "\(dimensionCount) dimensions are more than the \(Limits.ggmlDimensions) of ggml", at: dimensionStart)
      }
      var shape: [Int] = []
      for _ in 0..<dimensionCount {
        let sizeStart = bytes.offset
        let size = lengthByteCount == 4 ? UInt64(try bytes.integer(UInt32.self)) : try bytes.integer(UInt64.self)
        guard let size = Int(exactly: size) else {
          throw bytes.malformed("a dimension of \(size) elements overflows 63 bits", at: sizeStart)
        }
        shape.insert(size, at: 0)
      }
      let typeStart = bytes.offset
      let type = try bytes.integer(UInt32.self)
      let info: TensorInfo
      do throws(OunceError) {
        info = try TensorInfo(name: name, shape: shape, encoding: try GGMLTypes.encoding(type))
      } catch {
        throw located(error, at: typeStart)
      }
      let headerOffset = bytes.offset
      let dataOffset = try bytes.integer(UInt64.self)
      // With sizes of at most 2^62 bytes, sums stay below 2^63.
      guard dataOffset < 1 << 61 else {
        throw bytes.malformed("the data offset \(dataOffset) is beyond any file", at: headerOffset)
      }
      return Entry(info: info, dataOffset: Int(dataOffset), headerOffset: headerOffset)
    } catch {
      var error = error
      error.offset = error.offset ?? start
      throw error.located(subject: "tensor \(name)")
    }
  }

  private func located(_ error: OunceError, at offset: Int) -> OunceError {
    var error = error.located(file: bytes.file.path)
    error.offset = error.offset ?? offset
    return error
  }

  /// Every tensor begins at a multiple of the alignment, none overlaps another, and all are inside the file. Gaps are
  /// allowed: they hide nothing that a reader would use.
  private func checkPlaces(_ entries: [Entry], dataStart: Int, alignment: Int) throws(OunceError) {
    var order = Array(entries.indices)
    if !zip(entries, entries.dropFirst()).allSatisfy({ $0.dataOffset <= $1.dataOffset }) {
      order.sort { (entries[$0].dataOffset, $0) < (entries[$1].dataOffset, $1) }
    }
    var end = 0
    var previous = ""
    var firstCut: Entry?
    for index in order {
      let entry = entries[index]
      func reject(_ problem: String) -> OunceError {
        bytes.malformed(problem, at: entry.headerOffset).located(subject: "tensor \(entry.info.name)")
      }
      guard entry.dataOffset & (alignment - 1) == 0 else {
        throw reject("the data offset \(entry.dataOffset) is no multiple of the alignment \(alignment)")
      }
      if entry.info.byteCount == 0 { continue }
      guard entry.dataOffset >= end else {
        throw reject(
          "the data begins at offset \(entry.dataOffset), inside of tensor \(previous), which ends at \(end)")
      }
      end = entry.dataOffset + entry.info.byteCount
      previous = entry.info.name
      if firstCut == nil, dataStart + end > bytes.file.byteCount { firstCut = entry }
    }
    guard let firstCut else { return }
    throw OunceError(
      .malformed,
      "the data of \(firstCut.info.byteCount) bytes begins at \(dataStart + firstCut.dataOffset), but the file has "
        + "\(bytes.file.byteCount) bytes: \(dataStart + end - bytes.file.byteCount) bytes are missing",
      file: bytes.file.path, offset: firstCut.headerOffset, subject: "tensor \(firstCut.info.name)",
      remedy: "the download was cut short; fetch it again")
  }
}
