internal import OunceContainers
public import OunceCore
internal import OunceEncoding
internal import Synchronization

/// How statistics are made.
public struct StatisticsOptions: Sendable {
  /// Only tensors whose names match.
  public var filter: Glob?
  /// Threads; nil: one for each processor.
  public var jobs: Int?
  public var isCancelled: @Sendable () -> Bool = { false }

  public init() {}
}

extension Model {
  /// The statistics of each tensor that matches, in the order of the model.
  ///
  /// A tensor is read twice, by chunks: for its mean and extremes, then for what lies between them. One thread does
  /// all of it, in order, so that sums are the same for any number of threads.
  ///
  /// - Parameter onProgress: called on the calling thread, about ten times a second.
  /// - Throws: `OunceError` when a file cannot be read, says wrongly how integers stand for real numbers, or changes,
  ///   or `isCancelled` says so.
  public func statistics(
    _ options: StatisticsOptions = .init(), onProgress: (Progress) -> Void = { _ in }
  ) throws(OunceError) -> [TensorStatistics] {
    let chosen = tensors.filter { options.filter?.matches($0.info.name) ?? true }
    let results = Mutex([Int: TensorStatistics]())
    do {
      try chosen.onThreads(options.jobs, isCancelled: options.isCancelled, onProgress: onProgress) {
        (next, onRead) throws(OunceError) in
        var reader = StatisticsReader()
        while let index = next() {
          let found = try reader.statistics(chosen[index], isCancelled: options.isCancelled, onRead: onRead)
          results.withLock { $0[index] = found }
        }
      }
    } catch {
      throw error.kind == .cancelled ? error : error.located(file: files.count == 1 ? files[0].path : path)
    }
    for file in files { try file.checkUnchanged() }
    return results.withLock { results in chosen.indices.compactMap { results[$0] } }
  }
}

/// The buffers of one thread that reads tensors whole.
private struct StatisticsReader: ~Copyable {
  private var bytes = Buffer(byteCount: 0)
  private var floats = Buffer(byteCount: 0)
  /// Whole numbers of the chunk that was read last.
  private var integers: [Double] = []

  init() {}

  mutating func statistics(
    _ tensor: Tensor, isCancelled: () -> Bool, onRead: (Int) -> Void
  ) throws(OunceError) -> TensorStatistics {
    let real = try tensor.dequantized().withRealParts
    let isExact = real.info.encoding.kind == .integer
    let cut = Cut(source: real, targets: [], elementCount: Cut.usualElementCount)
    var sums = ElementSums()
    for chunk in 0..<cut.chunkCount {
      if isCancelled() { throw .cancelled }
      // Each of the two readings is half of the work.
      let byteCount = try read(real, cut, chunk)
      onRead(byteCount - byteCount / 2)
      let count = cut.elements(chunk).count
      if isExact {
        for value in integers { sums.add(value) }
      } else {
        sums.add(floats.withFloats(count) { ElementSums($0) })
      }
    }
    var spread = ElementSpread(sums)
    for chunk in 0..<cut.chunkCount {
      if isCancelled() { throw .cancelled }
      let count = cut.elements(chunk).count
      // The only chunk is still there.
      onRead((cut.chunkCount > 1 ? try read(real, cut, chunk) : real.info.byteCount) / 2)
      if isExact { spread.add(integers) } else { floats.withFloats(count) { spread.add($0) } }
    }
    return TensorStatistics(tensor, elementCount: real.info.elementCount, sums, spread)
  }

  /// Reads and decodes a chunk.
  ///
  /// - Returns: the number of bytes read.
  private mutating func read(_ tensor: Tensor, _ cut: Cut, _ chunk: Int) throws(OunceError) -> Int {
    let encoding = tensor.info.encoding
    let elements = cut.elements(chunk)
    let byteCount = elements.count / encoding.elementsPerBlock * encoding.bytesPerBlock
    if bytes.byteCount < byteCount { bytes = Buffer(byteCount: byteCount) }
    cut.prefetch(after: chunk)
    do throws(OunceError) {
      try bytes.withMutableBytes(0..<byteCount) { (bytes) throws(OunceError) in
        try cut.data.read(rows: elements.lowerBound / cut.unit..<elements.upperBound / cut.unit, into: &bytes)
      }
    } catch { throw error.located(subject: "tensor \(tensor.info.name)") }
    if encoding.kind == .integer {
      let words = bytes.withBytes(0..<byteCount) { $0.array(0..<$0.byteCount) }
      let word = IntegerWord(encoding)
      integers = (0..<elements.count).map { Double(word.value(words, $0)) }
    } else {
      if floats.byteCount < 4 * elements.count { floats = Buffer(byteCount: 4 * elements.count) }
      bytes.withBytes(0..<byteCount) { blocks in
        floats.withMutableFloats(elements.count) { encoding.decode(blocks, into: &$0) }
      }
    }
    return byteCount
  }
}
