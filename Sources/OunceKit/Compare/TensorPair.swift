internal import OunceCore
internal import OunceEncoding

/// Two tensors of one name.
struct TensorPair: Sendable {
  let a: Tensor
  let b: Tensor
  /// How both are read; nil: they cannot be compared.
  let cut: PairedCut?
  /// Why not.
  let reason: String?

  /// - Throws: `OunceError` where a file says wrongly how integers stand for real numbers.
  init(_ a: Tensor, _ b: Tensor) throws(OunceError) {
    self.a = a
    self.b = b
    let shapes = [a, b].map { $0.info.shape.filter { $0 != 1 } }
    let kinds = [a, b].map(\.info.encoding.kind)
    if shapes[0] != shapes[1] {
      (cut, reason) = (nil, "the shapes differ")
    } else if kinds.contains(.complex), a.info.encoding.name != b.info.encoding.name {
      (cut, reason) = (nil, "complex numbers are only compared with their like")
    } else {
      // Integers that stand for real numbers are compared as those.
      (cut, reason) = (PairedCut(try a.dequantized().withRealParts, try b.dequantized().withRealParts), nil)
    }
  }

  /// Bytes that comparing reads.
  var byteCount: Int { cut == nil ? 0 : a.info.byteCount + b.info.byteCount }
  var chunkCount: Int { cut?.chunkCount ?? 0 }
}

/// How two tensors with the same elements are cut into chunks: of whole rows, unless a row is longer than a chunk.
struct PairedCut: Sendable {
  /// One of both, as rows of `unit` elements.
  struct Side: Sendable {
    let name: String
    let encoding: any Encoding
    let data: any TensorData
    let unit: Int

    init(_ tensor: Tensor) {
      let info = tensor.info
      (name, encoding) = (info.name, info.encoding)
      let block = encoding.elementsPerBlock
      if let region = tensor.data as? FileRegion, info.elementCount % block == 0 {
        // Blocks never cross rows, so a run of whole ones may begin and end anywhere.
        unit = block
        data = region.reshaped(rowByteCount: encoding.bytesPerBlock)
      } else {
        unit = max(1, info.columnCount)
        data = tensor.data
      }
    }

    func byteCount(_ elementCount: Int) -> Int { elementCount / encoding.elementsPerBlock * encoding.bytesPerBlock }
  }

  let a: Side
  let b: Side
  let elementCount: Int
  /// Elements of one row.
  let columnCount: Int
  let elementsPerChunk: Int
  let chunkCount: Int
  /// Whether both hold whole numbers, which are compared exactly.
  let isExact: Bool

  init(_ a: Tensor, _ b: Tensor) {
    (self.a, self.b) = (Side(a), Side(b))
    elementCount = a.info.elementCount
    columnCount = max(1, a.info.columnCount)
    isExact = a.info.encoding.kind == .integer && b.info.encoding.kind == .integer
    // Both divide the number of elements, so their least common multiple does not exceed it.
    let unit = Self.multiple(self.a.unit, self.b.unit)
    let rows = Self.multiple(unit, columnCount)
    let step = rows <= Cut.usualElementCount ? rows : unit
    elementsPerChunk = max(1, min(max(step, Cut.usualElementCount / step * step), elementCount))
    chunkCount = (elementCount + elementsPerChunk - 1) / elementsPerChunk
  }

  /// The elements of chunk `index`.
  func elements(_ index: Int) -> Range<Int> {
    index * elementsPerChunk..<min((index + 1) * elementsPerChunk, elementCount)
  }

  private static func multiple(_ a: Int, _ b: Int) -> Int {
    var (x, y) = (a, b)
    while y != 0 { (x, y) = (y, x % y) }
    return a / max(1, x) * b
  }
}

extension Tensor {
  /// Complex numbers as pairs of real ones; all else as it is.
  var withRealParts: Tensor {
    guard info.encoding.kind == .complex,
      let real = Encodings.named(info.encoding.bytesPerBlock == 8 ? "F32" : "F64"),
      let pairs = try? TensorInfo(
        name: info.name, shape: Array(info.shape.dropLast()) + [(info.shape.last ?? 1) * 2], encoding: real)
    else { return self }
    return Tensor(info: pairs, data: data)
  }
}
