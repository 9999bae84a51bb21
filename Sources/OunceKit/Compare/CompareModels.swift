public import OunceCore
internal import OunceEncoding
internal import Synchronization

public enum Compare {
  /// Compares two models tensor by tensor: in one reading of both, by chunks, on several threads.
  ///
  /// Tensors are paired by name. Where few names are the same, a checkpoint is translated to those of GGUF first, with
  /// its rows in the order that GGUF has. Blocks are decoded; whole numbers are compared exactly, all others as single
  /// precision, to which F64 is rounded.
  ///
  /// - Parameter onProgress: called on the calling thread, about ten times a second.
  /// - Throws: `OunceError` when a file cannot be read, a checkpoint cannot be translated, no names are the same, or
  ///   `isCancelled` says so.
  public static func run(
    _ a: Model, _ b: Model, _ options: CompareOptions = .init(), onProgress: (Progress) -> Void = { _ in }
  ) throws(OunceError) -> Comparison {
    let models = try PairedModels(a, b, options)
    var comparison = models.comparison
    let pass = ComparePass(pairs: models.pairs, options: options)
    comparison.tensors = zip(models.pairs, try pass.errors(onProgress)).map { pair, errors in
      TensorComparison(
        a: TensorDescription(pair.a), b: TensorDescription(pair.b), figures: pair.cut == nil ? nil : errors.figures,
        reason: pair.reason, worstRows: errors.rows.worst)
    }
    comparison.histograms = try histograms(comparison.tensors, models.pairs, options, onProgress)
    for file in a.files + b.files { try file.checkUnchanged() }
    return comparison
  }

  /// Reads the worst tensors once more, now that their extremes are known.
  private static func histograms(
    _ tensors: [TensorComparison], _ pairs: [TensorPair], _ options: CompareOptions, _ onProgress: (Progress) -> Void
  ) throws(OunceError) -> [ErrorHistogram] {
    let worst = tensors.indices.filter { index in
      guard let figures = tensors[index].figures, pairs[index].cut?.isExact == false else { return false }
      return !figures.isIdentical && figures.elementCount > 1 && figures.smallest <= figures.largest
    }.sorted { left, right in
      let (x, y) = (tensors[left].figures?.nmse ?? 0, tensors[right].figures?.nmse ?? 0)
      return x == y ? left < right : x > y
    }.prefix(options.histogramCount)
    let empty = worst.compactMap { index in
      tensors[index].figures.map { ErrorHistogram(name: tensors[index].name, $0) }
    }
    guard !empty.isEmpty else { return [] }
    return try ComparePass(pairs: worst.map { pairs[$0] }, options: options).histograms(empty, onProgress)
  }
}

/// One reading of several pairs.
struct ComparePass {
  private let pairs: [TensorPair]
  private let options: CompareOptions
  /// `firstChunks[i]` is the number of chunks before pair `i`; the last entry is the number of all.
  private let firstChunks: [Int]

  init(pairs: [TensorPair], options: CompareOptions) {
    (self.pairs, self.options) = (pairs, options)
    firstChunks = pairs.reduce(into: [0]) { $0.append(($0.last ?? 0) + $1.chunkCount) }
  }

  /// The errors of each pair.
  func errors(_ onProgress: (Progress) -> Void) throws(OunceError) -> [ChunkErrors] {
    let sums = Mutex(OrderedSums(count: pairs.count))
    try forEachChunk(onProgress) { reader, pair, cut, place, chunk in
      let errors = reader.errors(cut, chunk: place)
      sums.withLock { $0.add(errors, of: pair, chunk: chunk) }
    }
    return sums.withLock { $0.totals }
  }

  /// The histograms of each pair. They are counts, so their order does not matter.
  func histograms(
    _ empty: [ErrorHistogram], _ onProgress: (Progress) -> Void
  ) throws(OunceError) -> [ErrorHistogram] {
    let histograms = Mutex(empty)
    try forEachChunk(onProgress) { reader, pair, cut, place, _ in
      var own = empty[pair]
      reader.withElements(cut.elements(place).count) { own.count($0, $1) }
      histograms.withLock { [own] in $0[pair].add(own) }
    }
    return histograms.withLock { $0 }
  }

  /// Reads every chunk of every pair once, on any thread, and calls `body`.
  private func forEachChunk(
    _ onProgress: (Progress) -> Void,
    _ body: @Sendable (borrowing PairReader, _ pair: Int, PairedCut, _ place: Int, _ chunk: Int) -> Void
  ) throws(OunceError) {
    let next = Atomic(0)
    let done = Atomic(0)
    let failure = Mutex<OunceError?>(nil)
    let hasFailed = Atomic(false)
    let total = pairs.reduce(0) { $0 + $1.byteCount }
    let chunkCount = firstChunks.last ?? 0
    Threads.run(max(1, min(options.jobs ?? Threads.processorCount, chunkCount))) {
      let begun = min(next.load(ordering: .relaxed), max(0, chunkCount - 1))
      onProgress(
        Progress(
          doneByteCount: done.load(ordering: .relaxed), totalByteCount: total,
          tensor: pairs.isEmpty ? "" : pairs[pair(of: begun)].a.info.name))
    } body: { _ in
      var reader = PairReader()
      while !hasFailed.load(ordering: .relaxed) {
        let chunk = next.add(1, ordering: .relaxed).oldValue
        guard chunk < chunkCount else { break }
        do throws(OunceError) {
          if options.isCancelled() { throw .cancelled }
          let pair = pair(of: chunk)
          guard let cut = pairs[pair].cut else { continue }
          let place = chunk - firstChunks[pair]
          let byteCount = try reader.read(cut, chunk: place)
          body(reader, pair, cut, place, chunk)
          done.add(byteCount, ordering: .relaxed)
        } catch {
          failure.withLock { $0 = $0 ?? error }
          hasFailed.store(true, ordering: .relaxed)
        }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
  }

  /// The pair that chunk `index` belongs to.
  private func pair(of index: Int) -> Int {
    var low = 0
    var high = pairs.count - 1
    while low < high {
      let middle = (low + high + 1) / 2
      if firstChunks[middle] <= index { low = middle } else { high = middle - 1 }
    }
    return low
  }
}

/// Adds up chunks in their order, whatever the order in which they are done: sums of floats depend on it.
private struct OrderedSums {
  private(set) var totals: [ChunkErrors]
  private var next = 0
  /// Chunks that wait for one before them: about as many as there are threads.
  private var waiting: [Int: (pair: Int, errors: ChunkErrors)] = [:]

  init(count: Int) { totals = [ChunkErrors](repeating: ChunkErrors(), count: count) }

  mutating func add(_ errors: ChunkErrors, of pair: Int, chunk: Int) {
    waiting[chunk] = (pair, errors)
    while let ready = waiting.removeValue(forKey: next) {
      totals[ready.pair].append(ready.errors)
      next += 1
    }
  }
}
