internal import OunceCore
internal import OunceEncoding

/// The buffers of one thread, and what it does with a chunk.
struct ChunkWorker: ~Copyable {
  private let plan: Plan
  private var source: Buffer
  private var floats: Buffer
  private var target: Buffer

  init(plan: Plan) {
    self.plan = plan
    func largest(_ size: (Plan.Step) -> Int) -> Int { plan.steps.map(size).max() ?? 0 }
    source = Buffer(byteCount: largest { Self.byteCount($0.cut.elementsPerChunk, $0.source.info.encoding) })
    let readsElements = plan.steps.filter { $0.needsElements || !plan.allowsNonFinite }
    floats = Buffer(byteCount: 4 * (readsElements.map(\.cut.elementsPerChunk).max() ?? 0))
    target = Buffer(
      byteCount: largest { step in
        step.targets.map { target in
          max(
            Self.byteCount(step.cut.elementsPerChunk, target.info.encoding),
            target.before.map { Self.byteCount(step.cut.elementsPerChunk, $0) } ?? 0)
        }.max() ?? 0
      })
  }

  /// Carries out one chunk and returns how many bytes of the source it read.
  mutating func process(
    _ step: Plan.Step, chunk: Int, write: (_ target: Int, RawSpan, _ offset: Int) throws(OunceError) -> Void
  ) throws(OunceError) -> Int {
    let elements = step.cut.elements(chunk)
    let info = step.source.info
    let encoding = info.encoding
    let byteCount = Self.byteCount(elements.count, encoding)
    let rows = elements.lowerBound / step.cut.unit..<elements.upperBound / step.cut.unit
    step.cut.prefetch(after: chunk)
    do {
      try source.withMutableBytes(0..<byteCount) { (bytes) throws(OunceError) in
        try step.cut.data.read(rows: rows, into: &bytes)
      }
    } catch { throw error.located(subject: "tensor \(info.name)") }
    var largest: Float = 0
    if step.needsElements || (!plan.allowsNonFinite && hasNonFinite(byteCount, encoding)) {
      decodeSource(step, elements)
      largest = try checkFinite(step, elements)
    }
    for (index, target) in step.targets.enumerated() {
      let start = target.offset + Self.byteCount(elements.lowerBound, target.info.encoding)
      let isCopied = target.info.encoding.name == encoding.name
      let isSwapped = plan.files[target.file].isBigEndian
      if isCopied, !isSwapped {
        try source.withBytes(0..<byteCount) { (bytes) throws(OunceError) in try write(index, bytes, start) }
        continue
      }
      let made = 0..<Self.byteCount(elements.count, target.info.encoding)
      if isCopied {
        source.withBytes(made) { bytes in self.target.withMutableBytes(made) { $0.copy(bytes) } }
      } else {
        try encode(step, target, elements, largest)
      }
      if isSwapped { self.target.withMutableBytes(made) { $0.swapWords(of: target.info.encoding) } }
      try self.target.withBytes(made) { (bytes) throws(OunceError) in try write(index, bytes, start) }
    }
    return byteCount
  }

  /// The hash of what the targets hold where a chunk goes; nil: less than that. `read` fills bytes of one target.
  mutating func writtenHash(
    _ step: Plan.Step, chunk: Int,
    read: (_ target: Int, _ offset: Int, inout MutableRawSpan) throws(OunceError) -> Bool,
    use: (_ target: Int, RawSpan) -> Void
  ) throws(OunceError) -> UInt64? {
    let elements = step.cut.elements(chunk)
    var hash: UInt64 = 0
    for (index, target) in step.targets.enumerated() {
      let start = target.offset + Self.byteCount(elements.lowerBound, target.info.encoding)
      let range = 0..<Self.byteCount(elements.count, target.info.encoding)
      let isWhole = try self.target.withMutableBytes(range) { (bytes) throws(OunceError) in
        try read(index, start, &bytes)
      }
      guard isWhole else { return nil }
      hash = self.target.withBytes(range) { bytes in
        use(index, bytes)
        return XXH64.hash(bytes, seed: hash)
      }
    }
    return hash
  }

  /// Whether what is only copied has an element that is no number: seen from its bits.
  private func hasNonFinite(_ byteCount: Int, _ encoding: any Encoding) -> Bool {
    guard encoding.kind == .float else { return false }
    return source.withBytes(0..<byteCount) { Encodings.kernels.survey($0, encoding).nonFinite.count > 0 }
  }

  private mutating func encode(
    _ step: Plan.Step, _ target: Plan.Target, _ elements: Range<Int>, _ largest: Float
  ) throws(OunceError) {
    guard let encoding = target.info.encoding as? any WritableEncoding else {
      throw OunceError(
        .unsupported, "\(target.info.encoding.name) can be read, but not written", subject: "tensor \(target.info.name)"
      )
    }
    let byteCount = Self.byteCount(elements.count, encoding)
    let isRounded = roundToIntermediate(step, target, elements)
    floats.withFloats(elements.count) { floats in
      self.target.withMutableBytes(0..<byteCount) { bytes in
        if let importance = target.importance {
          let columns = step.source.info.columnCount
          let matrixSize = columns * (step.source.info.shape.dropLast().last ?? 1)
          // A stack of stacks may have weights for one of them.
          let matrix = elements.lowerBound / matrixSize % (importance.count / columns)
          let weights = matrix * columns..<(matrix + 1) * columns
          encoding.encode(
            floats, columns: columns, importance: importance.span.extracting(weights), into: &bytes)
        } else {
          encoding.encode(floats, columns: step.cut.columns(of: elements), importance: nil, into: &bytes)
        }
      }
    }
    // Scales are half floats: where weights are large, look whether they still fit.
    if largest >= Self.largestHalf, !plan.allowsNonFinite {
      self.target.withBytes(0..<byteCount) { bytes in
        floats.withMutableFloats(elements.count) { encoding.decode(bytes, into: &$0) }
      }
      let overflow = floats.withFloats(elements.count) { Encodings.kernels.firstNonFinite($0) }
      if let overflow {
        let place = step.source.info.place(elements.lowerBound + overflow)
        throw OunceError(
          .request, "row \(place.row), column \(place.column): a weight is too large for \(encoding.name)",
          file: plan.inputPath, subject: "tensor \(step.source.info.name)",
          remedy: "convert to BF16 or F32, or keep this tensor with --tensor-type")
      }
    }
    if isRounded || largest >= Self.largestHalf { decodeSource(step, elements) }
  }

  /// Fills `floats` from the source.
  private mutating func decodeSource(_ step: Plan.Step, _ elements: Range<Int>) {
    let encoding = step.source.info.encoding
    source.withBytes(0..<Self.byteCount(elements.count, encoding)) { bytes in
      floats.withMutableFloats(elements.count) { encoding.decode(bytes, into: &$0) }
    }
  }

  /// Rounds `floats` as a file between the two steps of the reference would; whether there was such a step.
  private mutating func roundToIntermediate(_ step: Plan.Step, _ target: Plan.Target, _ elements: Range<Int>) -> Bool {
    guard let before = target.before as? any WritableEncoding, before.name != step.source.info.encoding.name,
      before.name != target.info.encoding.name, before.name != "F32"
    else { return false }
    let byteCount = Self.byteCount(elements.count, before)
    floats.withFloats(elements.count) { floats in
      self.target.withMutableBytes(0..<byteCount) { bytes in
        before.encode(floats, columns: elements.count, importance: nil, into: &bytes)
      }
    }
    self.target.withBytes(0..<byteCount) { bytes in
      floats.withMutableFloats(elements.count) { before.decode(bytes, into: &$0) }
    }
    return true
  }

  /// Looks for NaN and infinity, and returns the largest magnitude.
  private func checkFinite(_ step: Plan.Step, _ elements: Range<Int>) throws(OunceError) -> Float {
    let largest = floats.withFloats(elements.count) { Encodings.kernels.largestMagnitude($0) }
    guard !largest.isFinite, !plan.allowsNonFinite else { return largest }
    guard let index = floats.withFloats(elements.count, { Encodings.kernels.firstNonFinite($0) }) else {
      return largest
    }
    let value = floats.withFloats(elements.count) { $0[index] }
    let place = step.source.info.place(elements.lowerBound + index)
    throw OunceError(
      .malformed, "row \(place.row), column \(place.column) is \(value.isNaN ? "NaN" : "infinite")",
      file: plan.inputPath, subject: "tensor \(step.source.info.name)",
      remedy: "such a model computes nothing but NaN: fetch it again, or ask its makers; --allow-nonfinite passes it on"
    )
  }

  private static let largestHalf: Float = 65504

  private static func byteCount(_ elementCount: Int, _ encoding: any Encoding) -> Int {
    elementCount / encoding.elementsPerBlock * encoding.bytesPerBlock
  }
}

extension TensorInfo {
  /// Where element `index` stands.
  func place(_ index: Int) -> (row: Int, column: Int) {
    columnCount == 0 ? (0, 0) : (index / columnCount, index % columnCount)
  }
}

extension Cut {
  /// The columns that an encoder is told for a run of elements: whole rows where rows matter, else one long row.
  func columns(of elements: Range<Int>) -> Int { elements.count }
}

extension Plan {
  /// The file that errors name when a tensor does not say.
  var inputPath: String? { inputs.count == 1 ? inputs[0].path : nil }
}
