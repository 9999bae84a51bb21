internal import OunceCore
internal import OunceEncoding

/// Rows of a weight as floats that several planes give together.
protocol WeightRows: Sendable {
  /// Fills `elements` with whole `rows`. The caller guarantees that the rows exist.
  ///
  /// - Throws: `OunceError` when a plane cannot be read, or points outside of another.
  func decode(rows: Range<Int>, into elements: inout MutableSpan<Float>) throws(OunceError)

  /// The same rows as llama.cpp's converter decodes them, where it does not follow the scheme's own library.
  var asConverted: any WeightRows { get }
}

extension WeightRows {
  var asConverted: any WeightRows { self }
}

/// Decoded rows as elements of a float encoding, a bounded number at once.
struct DecodedRows: TensorData {
  let rows: any WeightRows
  let columnCount: Int
  let target: any WritableEncoding

  /// Elements that are floats at once: a megabyte of them, or one row.
  private static let batchCount = 256 << 10

  func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    guard columnCount > 0, !rows.isEmpty else { return }
    let step = max(1, Self.batchCount / columnCount)
    let rowByteCount = columnCount * target.bytesPerBlock
    var floats = Buffer(byteCount: min(step, rows.count) * columnCount * 4)
    for start in stride(from: rows.lowerBound, to: rows.upperBound, by: step) {
      let batch = start..<min(start + step, rows.upperBound)
      let count = batch.count * columnCount
      try floats.withMutableFloats(count) { (elements) throws(OunceError) in
        try self.rows.decode(rows: batch, into: &elements)
      }
      let place = (start - rows.lowerBound) * rowByteCount
      bytes.withSlice(place..<place + batch.count * rowByteCount) { slice in
        floats.withFloats(count) { target.encode($0, columns: columnCount, importance: nil, into: &slice) }
      }
    }
  }
}

extension Tensor {
  /// The same rows as the reference converter sees them: before they are rounded to the float type of their library.
  var inSinglePrecision: Tensor {
    get throws(OunceError) {
      guard let decoded = data as? DecodedRows, let target = Encodings.writable("F32") else { return self }
      let data = DecodedRows(rows: decoded.rows.asConverted, columnCount: decoded.columnCount, target: target)
      var tensor = try Tensor(name: info.name, shape: info.shape, encoding: target, data: data)
      tensor.fileIndex = fileIndex
      tensor.stored = stored
      return tensor
    }
  }
}

/// One tensor of a quantized weight as a run of elements, whatever its shape.
struct Plane: Sendable {
  let info: TensorInfo
  private let data: any TensorData
  private let elementByteCount: Int

  /// Elements, or bytes and words of a plane that is read as such.
  let count: Int
  var shape: [Int] { info.shape }

  /// - Parameters:
  ///   - tensor: of an encoding of single elements.
  ///   - unit: the bytes of one element, where the plane holds something else than its type says.
  init(_ tensor: Tensor, unit: Int? = nil) {
    info = tensor.info
    elementByteCount = unit ?? tensor.info.encoding.bytesPerBlock
    count = tensor.info.byteCount / elementByteCount
    if let region = tensor.data as? FileRegion {
      data = region.reshaped(rowByteCount: elementByteCount)
    } else {
      data = Reshaped(tensor.data, baseRowByteCount: tensor.info.rowByteCount, rowByteCount: elementByteCount)
    }
  }

  /// The bytes of some elements.
  func bytes(_ range: Range<Int>) throws(OunceError) -> [UInt8] {
    guard !range.isEmpty else { return [] }
    var bytes = [UInt8](repeating: 0, count: range.count * elementByteCount)
    try bytes.withMutableRawSpan { (span) throws(OunceError) in try data.read(rows: range, into: &span) }
    return bytes
  }

  /// Some elements as floats.
  func floats(_ range: Range<Int>) throws(OunceError) -> [Float] {
    info.encoding.floats(try bytes(range))
  }

  /// Some elements of 32 bits.
  func words(_ range: Range<Int>) throws(OunceError) -> [UInt32] { try bytes(range).words }

  /// Lines of this plane that are read as if they were columns: element `[row, column]` of a matrix of `columnCount`
  /// columns stands at `[column, row]`.
  func turned(rowCount: Int, columnCount: Int) -> TurnedPlane {
    let rowByteCount = columnCount * elementByteCount
    let base: any TensorData =
      (data as? FileRegion).map { $0.reshaped(rowByteCount: rowByteCount) }
      ?? Reshaped(data, baseRowByteCount: elementByteCount, rowByteCount: rowByteCount)
    return TurnedPlane(
      data: Transposed(
        base, rowCount: rowCount, columnCount: columnCount, elementByteCount: elementByteCount),
      rowByteCount: rowCount * elementByteCount, encoding: info.encoding)
  }
}

/// A plane with rows and columns exchanged.
struct TurnedPlane: Sendable {
  fileprivate let data: Transposed
  fileprivate let rowByteCount: Int
  fileprivate let encoding: any Encoding

  func bytes(rows: Range<Int>) throws(OunceError) -> [UInt8] {
    guard rowByteCount > 0, !rows.isEmpty else { return [] }
    var bytes = [UInt8](repeating: 0, count: rows.count * rowByteCount)
    try bytes.withMutableRawSpan { (span) throws(OunceError) in try data.read(rows: rows, into: &span) }
    return bytes
  }

  func floats(rows: Range<Int>) throws(OunceError) -> [Float] { encoding.floats(try bytes(rows: rows)) }
  func words(rows: Range<Int>) throws(OunceError) -> [UInt32] { try bytes(rows: rows).words }
}

extension Encoding {
  /// Single elements as floats.
  fileprivate func floats(_ bytes: [UInt8]) -> [Float] {
    let count = bytes.count / bytesPerBlock
    guard count > 0 else { return [] }
    var floats = [Float](repeating: 0, count: count)
    var elements = floats.mutableSpan
    bytes.withRawSpan { decode($0, into: &elements) }
    return floats
  }
}

extension [UInt8] {
  /// Little-endian words of 32 bits.
  fileprivate var words: [UInt32] {
    var words = [UInt32](repeating: 0, count: count / 4)
    for index in words.indices {
      let place = index * 4
      words[index] =
        UInt32(self[place]) | UInt32(self[place + 1]) << 8 | UInt32(self[place + 2]) << 16
        | UInt32(self[place + 3]) << 24
    }
    return words
  }
}

extension WritableEncoding {
  /// Floats as they come back from this encoding.
  func rounded(_ elements: inout MutableSpan<Float>) {
    guard name != "F32", !elements.isEmpty else { return }
    var encoded = Buffer(byteCount: elements.count * bytesPerBlock)
    let count = elements.count
    encoded.withMutableBytes(0..<encoded.byteCount) { bytes in
      encode(elements.span, columns: count, importance: nil, into: &bytes)
    }
    encoded.withBytes(0..<encoded.byteCount) { decode($0, into: &elements) }
  }
}
