internal import BasicContainers
public import OunceCore
internal import OunceEncoding
internal import Synchronization

/// How far a job is.
public struct Progress: Sendable {
  /// Bytes of sources that were read, of so many.
  public let doneByteCount: Int
  public let totalByteCount: Int
  /// The tensor that was begun last.
  public let tensor: String
}

/// How a plan is carried out; none of it changes a byte of the output.
public struct ExecutionOptions: Sendable {
  /// Threads; nil: one for each processor.
  public var jobs: Int?
  /// Bytes of buffers that all threads together may hold.
  public var maxMemory = 192 << 20
  /// Whether files that exist are replaced.
  public var overwrites = false
  /// Asked between chunks; true ends the job with an error of kind `.cancelled`.
  public var isCancelled: @Sendable () -> Bool = { false }

  public init() {}
}

extension Plan {
  /// Reads, computes and writes. The files appear whole under their names, or not at all.
  ///
  /// - Parameters:
  ///   - onProgress: called on the calling thread, about ten times a second.
  /// - Throws: `OunceError`: the first of any chunk. Nothing is left behind.
  public func execute(
    _ options: ExecutionOptions = .init(), onProgress: (Progress) -> Void = { _ in }
  ) throws(OunceError) {
    try checkOutputs(overwrites: options.overwrites)
    let plan = cut(toFit: options.maxMemory)
    let jobs = try plan.jobCount(options)
    if let newFolder { try Paths.makeFolder(newFolder) }
    var outputs = UniqueArray<OutputFile>()
    for file in files {
      let output = try OutputFile(path: file.path)
      try output.resize(to: file.byteCount)
      try file.header.withRawSpan { (header) throws(OunceError) in try output.write(header, at: 0) }
      for insert in file.inserts {
        try insert.bytes.withRawSpan { (bytes) throws(OunceError) in try output.write(bytes, at: insert.offset) }
      }
      outputs.append(output)
    }
    try plan.run(jobs, outputs, options.isCancelled, onProgress)
    for input in inputs { try input.checkUnchanged() }
    for index in outputs.indices { try outputs[index].synchronize() }
    if options.isCancelled() { throw .cancelled }
    // First to last: the file that a reader opens to find the others is the last of a set.
    while !outputs.isEmpty { try outputs.remove(at: 0).commit() }
  }

  private func run(
    _ jobs: Int, _ outputs: borrowing UniqueArray<OutputFile>, _ isCancelled: @Sendable () -> Bool,
    _ onProgress: (Progress) -> Void
  ) throws(OunceError) {
    let next = Atomic(0)
    let done = Atomic(0)
    let failure = Mutex<OunceError?>(nil)
    let hasFailed = Atomic(false)
    let checksums = Checksums()
    let total = sourceByteCount
    let chunkCount = firstChunks.last ?? 0
    Threads.run(min(jobs, max(1, chunkCount))) {
      let begun = min(next.load(ordering: .relaxed), max(0, chunkCount - 1))
      onProgress(
        Progress(
          doneByteCount: done.load(ordering: .relaxed), totalByteCount: total,
          tensor: steps.isEmpty ? "" : steps[step(of: begun)].source.info.name))
    } body: { _ in
      var worker = ChunkWorker(plan: self)
      while !hasFailed.load(ordering: .relaxed) {
        let chunk = next.add(1, ordering: .relaxed).oldValue
        guard chunk < chunkCount else { break }
        do throws(OunceError) {
          if isCancelled() { throw .cancelled }
          let index = step(of: chunk)
          let (step, place) = (steps[index], chunk - firstChunks[index])
          let byteCount = try worker.process(step, chunk: place) { (target, bytes, offset) throws(OunceError) in
            checksums.add(bytes, of: target, step, index: index, chunk: place)
            try outputs[step.targets[target].file].write(bytes, at: offset)
          }
          done.add(byteCount, ordering: .relaxed)
        } catch {
          failure.withLock { $0 = $0 ?? error }
          hasFailed.store(true, ordering: .relaxed)
        }
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
    try checksums.write(self) { (file, bytes, offset) throws(OunceError) in
      try bytes.withRawSpan { (bytes) throws(OunceError) in try outputs[file].write(bytes, at: offset) }
    }
  }

  /// The step that chunk `index` belongs to.
  private func step(of index: Int) -> Int {
    var low = 0
    var high = steps.count - 1
    while low < high {
      let middle = (low + high + 1) / 2
      if firstChunks[middle] <= index { low = middle } else { high = middle - 1 }
    }
    return low
  }

  private func jobCount(_ options: ExecutionOptions) throws(OunceError) -> Int {
    let wanted = options.jobs ?? Threads.processorCount
    let affordable = options.maxMemory / max(1, threadByteCount)
    guard affordable >= 1 else {
      throw OunceError(
        .request, "one chunk needs \(threadByteCount) bytes of memory, more than the \(options.maxMemory) allowed",
        remedy: "raise --max-memory")
    }
    return max(1, min(wanted, affordable))
  }
}

extension OunceError {
  /// The caller asked to stop.
  public static let cancelled = OunceError(.cancelled, "stopped; nothing was left behind")
}
