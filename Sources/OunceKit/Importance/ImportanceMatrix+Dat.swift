internal import OrderedCollections
internal import OunceCore

// The older format, which llama-imatrix still writes with `--output-format dat`. Little endian, 32 bits a number:
//
// | what | how often |
// |---|---|
// | number of entries | once |
// | length of the name, name, number of chunks, number of values, values (F32) | for each entry |
// | number of all chunks; length of the name of the text, name | once, or not at all |
//
// A value is the mean of the squares times the entry's number of chunks. Experts that no token reached have the value 1
// a chunk. (https://github.com/ggml-org/llama.cpp/blob/master/tools/imatrix/imatrix.cpp)

extension ImportanceMatrix {
  static func readDat(_ file: InputFile) throws(OunceError) -> Content {
    var reader = ByteReader(file)
    do { return try readDat(&reader) } catch {
      // Any file can be taken for this format, which has no signature; where the first bytes make no sense, it is
      // none.
      guard error.kind == .malformed, reader.offset < plausibleByteCount else { throw error }
      throw OunceError(
        .request, "is no importance matrix: \(error.message)", file: file.path,
        remedy: "--imatrix takes what llama-imatrix writes, as .gguf or .dat")
    }
  }

  /// An error in so many first bytes means a file of another kind: number of entries, and the first name.
  private static let plausibleByteCount = 16

  private static func readDat(_ reader: inout ByteReader) throws(OunceError) -> Content {
    var content = Content()
    let entryCount = try number(&reader, 1...Limits.tensors, "entries", elementByteCount: 16)
    for _ in 0..<entryCount {
      let start = reader.offset
      let nameByteCount = try number(&reader, 1...Limits.tensorNameByteCount, "bytes in a name", elementByteCount: 1)
      guard let name = try reader.string(nameByteCount), !name.unicodeScalars.contains(where: { $0.value < 32 }) else {
        throw reader.malformed("expected the name of a tensor", at: start + 4)
      }
      let chunkCount = Int(Int32(bitPattern: try reader.integer()))
      let valueCount = try number(&reader, 1...Limits.importanceCount, "values", elementByteCount: 4)
      let values = try reader.integers(valueCount, UInt32.self).map { Float(bitPattern: $0) }
      guard content.entries.updateValue(Entry(sums: values, counts: [chunkCount]), forKey: name) == nil else {
        throw OunceError(.malformed, "is there twice", file: reader.file.path, offset: start, subject: "tensor \(name)")
      }
    }
    guard reader.remainingByteCount > 0 else { return content }
    content.chunkCount = Int(Int32(bitPattern: try reader.integer()))
    guard reader.remainingByteCount > 0 else { return content }
    let byteCount = try number(
      &reader, 0...Limits.metadataStringByteCount, "bytes in the name of the text", elementByteCount: 1)
    if byteCount > 0 { content.datasets = [String(decoding: try reader.bytes(byteCount), as: UTF8.self)] }
    guard reader.remainingByteCount == 0 else {
      throw reader.malformed("\(reader.remainingByteCount) bytes follow the end of the matrix")
    }
    return content
  }

  /// The next number, which counts things of a size.
  private static func number(
    _ reader: inout ByteReader, _ range: ClosedRange<Int>, _ things: String, elementByteCount: Int
  ) throws(OunceError) -> Int {
    let start = reader.offset
    let value: UInt32 = try reader.integer()
    guard value >= range.lowerBound else { throw reader.malformed("expected \(things), found none", at: start) }
    return try reader.check(
      UInt64(value), atMost: range.upperBound, of: things, elementByteCount: elementByteCount, at: start)
  }

  /// The bytes of the older format, as llama-imatrix computes them, and the entries that it has no place for: those
  /// without any token.
  func dat() throws(OunceError) -> (bytes: [UInt8], skipped: [String]) {
    let size = chunkSize ?? Self.usualChunkSize
    let stored = entries.filter { $0.value.counts.contains { $0 != 0 } }
    var writer = ByteWriter()
    writer.integer(UInt32(clamping: stored.count))
    for (name, entry) in stored {
      writer.integer(UInt32(clamping: name.utf8.count))
      writer.append(name.utf8)
      let chunks = Int32(clamping: ((entry.counts.max() ?? 0) + size - 1) / size)
      writer.integer(chunks)
      writer.integer(UInt32(clamping: entry.sums.count))
      for (expert, count) in entry.counts.enumerated() {
        for sum in entry.sums[expert * entry.columnCount..<(expert + 1) * entry.columnCount] {
          let mean = count == 0 ? 1 : sum / Float(count)
          writer.integer((mean * Float(chunks)).bitPattern)
        }
      }
    }
    writer.integer(Int32(clamping: chunkCount))
    let dataset = Array((datasets.last ?? "").utf8)
    writer.integer(UInt32(clamping: dataset.count))
    writer.append(dataset)
    return (writer.bytes, entries.keys.filter { stored[$0] == nil })
  }
}
