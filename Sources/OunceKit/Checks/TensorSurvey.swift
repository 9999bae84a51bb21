internal import Crypto
public import OunceCore
public import OunceEncoding

/// What was seen of a tensor in one pass over its bytes.
public struct TensorSurvey: Sendable {
  public let info: TensorInfo
  public internal(set) var blocks = BlockSurvey()
  /// Whether every block has the same bytes as the first.
  public internal(set) var isRepeating = true
  /// The elements of the first block.
  public internal(set) var firstElements: [Float] = []
  /// See `TensorHash`; nil: it was not asked for.
  public internal(set) var hash: TensorHash?

  /// The one value of all elements; nil when there are several.
  public var constant: Float? {
    guard isRepeating, let first = firstElements.first, firstElements.allSatisfy({ $0 == first }) else { return nil }
    return first
  }

  public var blockCount: Int { info.elementCount / info.encoding.elementsPerBlock }

  /// Where element, or block, `index` of a tally stands.
  public func place(_ index: Int) -> String {
    guard info.encoding.kind != .quantized else { return "block \(index)" }
    let (row, column) = info.place(index)
    return "row \(row), column \(column)"
  }
}

extension Tensor {
  /// Reads the tensor once.
  ///
  /// - Parameter hashes: whether its hash is made on the way.
  func survey(
    hashes: Bool, isCancelled: () -> Bool, onRead: (Int) -> Void
  ) throws(OunceError) -> TensorSurvey {
    var survey = TensorSurvey(info: info)
    let encoding = info.encoding
    let (width, size) = (encoding.elementsPerBlock, encoding.bytesPerBlock)
    let cut = Cut(source: self, targets: [], elementCount: Self.surveyedByteCount / size * width)
    var hash = SHA256()
    var content: [UInt8] = []
    var first: [UInt8] = []
    for chunk in 0..<cut.chunkCount {
      if isCancelled() { throw .cancelled }
      let elements = cut.elements(chunk)
      let byteCount = elements.count / width * size
      if content.count != byteCount { content = [UInt8](repeating: 0, count: byteCount) }
      cut.prefetch(after: chunk)
      let rows = elements.lowerBound / cut.unit..<elements.upperBound / cut.unit
      do throws(OunceError) {
        try content.withMutableRawSpan { (bytes) throws(OunceError) in
          try cut.data.read(rows: rows, into: &bytes)
        }
      } catch { throw error.located(subject: "tensor \(info.name)") }
      if hashes { hash.update(data: content) }
      content.withRawSpan { bytes in
        let found = Encodings.kernels.survey(bytes, encoding)
        let start = elements.lowerBound / width
        survey.blocks.nonFinite.add(found.nonFinite, from: start)
        survey.blocks.zeroScales.add(found.zeroScales, from: start)
        survey.blocks.denormalScales.add(found.denormalScales, from: start)
        survey.blocks.forbidden.add(found.forbidden, from: start)
        if chunk == 0 {
          first = bytes.array(0..<size)
          survey.firstElements = Self.decode(bytes.extracting(0..<size), encoding)
        }
        if survey.isRepeating { survey.isRepeating = bytes.repeats(first) }
      }
      onRead(byteCount)
    }
    if hashes { survey.hash = TensorHash(info, hash) }
    return survey
  }

  /// Bytes that are looked at together: they stay in the second-level cache between reading and looking.
  private static let surveyedByteCount = 256 << 10

  private static func decode(_ block: RawSpan, _ encoding: any Encoding) -> [Float] {
    var floats = [Float](repeating: 0, count: encoding.elementsPerBlock)
    var span = floats.mutableSpan
    encoding.decode(block, into: &span)
    return floats
  }
}
