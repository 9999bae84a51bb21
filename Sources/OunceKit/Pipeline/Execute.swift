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
  /// Whether what is done stays, for `resumes`, when the job is stopped or fails.
  public var isResumable = false
  /// Whether the job goes on where an earlier one was cut off: by a signal, an error, a loss of power. What that one
  /// wrote is compared with the hashes that it noted. Such a job is resumable itself.
  public var resumes = false
  /// What the caller asked for, in words that are equal only for the same: part of what a resumed job must share.
  public var request = ""
  /// Asked between chunks; true ends the job with an error of kind `.cancelled`.
  public var isCancelled: @Sendable () -> Bool = { false }

  public init() {}
}

extension Plan {
  /// Reads, computes and writes. The files appear whole under their names, or not at all.
  ///
  /// - Parameters:
  ///   - onProgress: called on the calling thread, about ten times a second.
  /// - Throws: `OunceError`: the first of any chunk. Nothing is left behind, unless the job is resumable.
  public func execute(
    _ options: ExecutionOptions = .init(), onProgress: (Progress) -> Void = { _ in }
  ) throws(OunceError) {
    let plan = cut(toFit: options.maxMemory)
    let leftover = Leftover(plan)
    try plan.checkOutputs(overwrites: options.overwrites, resumes: options.resumes, leftover)
    let jobs = try plan.jobCount(options)
    let resumes = options.resumes ? try leftover.isOf(plan, options) : false
    let madeFolder = newFolder.flatMap { Paths.exists($0) ? nil : $0 }
    if let madeFolder { try Paths.makeFolder(madeFolder) }
    let isKept = options.isResumable || options.resumes
    do throws(OunceError) {
      try plan.execute(jobs, leftover, resumes: resumes, isKept: isKept, options, onProgress)
    } catch {
      if !isKept, let madeFolder { Paths.removeEmptyFolder(madeFolder) }
      throw error
    }
  }

  private func execute(
    _ jobs: Int, _ leftover: Leftover, resumes: Bool, isKept: Bool, _ options: ExecutionOptions,
    _ onProgress: (Progress) -> Void
  ) throws(OunceError) {
    var outputs = try openOutputs(leftover, resumes: resumes)
    var places: [OutputFile.Identity?] = []
    for index in outputs.indices { places.append(outputs[index].identity) }
    let journal = Journal(
      path: Journal.path(of: self), keeping: resumes ? leftover.journalByteCount : 0, isGivenUp: !hasRoomForJournal
    ) { [places] in Leftover.header(PlanIdentity(self, request: options.request), places) }
    do throws(OunceError) {
      try writeHeaders(outputs)
      try run(jobs, outputs, journal, resumes ? leftover.hashes : [], options.isCancelled, onProgress)
      for input in inputs { try input.checkUnchanged() }
      journal.finish(begins: files.count > 1)
      for index in outputs.indices { try outputs[index].synchronize() }
      if options.isCancelled() { throw .cancelled }
      try writeBeginnings(outputs)
      if isKept { for index in outputs.indices { outputs[index].keep() } }
      // First to last: the file that a reader opens to find the others is the last of a set.
      while !outputs.isEmpty { try outputs.remove(at: 0).commit() }
      journal.remove()
    } catch {
      guard isKept else {
        journal.remove()
        throw error
      }
      journal.flush()
      for index in outputs.indices { outputs[index].keep() }
      throw error.ofKeptWork
    }
  }

  private func openOutputs(_ leftover: Leftover, resumes: Bool) throws(OunceError) -> UniqueArray<OutputFile> {
    var outputs = UniqueArray<OutputFile>()
    for (index, file) in files.enumerated() {
      if resumes, leftover.finishedFiles.contains(index) {
        outputs.append(try OutputFile(finished: file.path))
      } else {
        let output = try OutputFile(path: file.path, resumes: resumes)
        // Should the next one fail to open, what this one holds is not lost.
        if resumes { output.keep() }
        outputs.append(output)
      }
    }
    return outputs
  }

  /// Writes what is known before any element is read, without the first bytes: nothing takes a file for a model whose
  /// tensors may not be there.
  private func writeHeaders(_ outputs: borrowing UniqueArray<OutputFile>) throws(OunceError) {
    for (index, file) in files.enumerated() where !outputs[index].isFinished {
      try outputs[index].resize(to: file.byteCount)
      var header = file.header
      for place in header.indices.prefix(Self.beginningByteCount) { header[place] = 0 }
      try header.withRawSpan { (header) throws(OunceError) in try outputs[index].write(header, at: 0) }
      for insert in file.inserts {
        try insert.bytes.withRawSpan { (bytes) throws(OunceError) in
          try outputs[index].write(bytes, at: insert.offset)
        }
      }
    }
  }

  /// Writes the first bytes, when all others are durable.
  private func writeBeginnings(_ outputs: borrowing UniqueArray<OutputFile>) throws(OunceError) {
    for (index, file) in files.enumerated() where !outputs[index].isFinished {
      let beginning = Array(file.header.prefix(Self.beginningByteCount))
      try beginning.withRawSpan { (bytes) throws(OunceError) in try outputs[index].write(bytes, at: 0) }
    }
  }

  /// As much as any container needs to be recognized.
  private static let beginningByteCount = 8

  private func run(
    _ jobs: Int, _ outputs: borrowing UniqueArray<OutputFile>, _ journal: Journal, _ hashes: [UInt64],
    _ isCancelled: @Sendable () -> Bool, _ onProgress: (Progress) -> Void
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
      let doneByteCount = done.load(ordering: .relaxed)
      onProgress(
        Progress(
          doneByteCount: doneByteCount, totalByteCount: total,
          tensor: steps.isEmpty ? "" : steps[step(of: begun)].source.info.name))
      if doneByteCount < total { journal.flush() }
    } body: { _ in
      var worker = ChunkWorker(plan: self)
      while !hasFailed.load(ordering: .relaxed) {
        let chunk = next.add(1, ordering: .relaxed).oldValue
        guard chunk < chunkCount else { break }
        do throws(OunceError) {
          if isCancelled() { throw .cancelled }
          let index = step(of: chunk)
          let (step, place) = (steps[index], chunk - firstChunks[index])
          if chunk < hashes.count, hashes[chunk] != 0 {
            let found = try worker.writtenHash(step, chunk: place) { (target, offset, bytes) throws(OunceError) in
              try outputs[step.targets[target].file].read(at: offset, into: &bytes)
            } use: { target, bytes in
              checksums.add(bytes, of: target, step, index: index, chunk: place)
            }
            if found == hashes[chunk] {
              done.add(step.cut.byteCount(of: place, step.source.info.encoding), ordering: .relaxed)
              continue
            }
          }
          var hash: UInt64 = 0
          let byteCount = try worker.process(step, chunk: place) { (target, bytes, offset) throws(OunceError) in
            checksums.add(bytes, of: target, step, index: index, chunk: place)
            try outputs[step.targets[target].file].write(bytes, at: offset)
            hash = XXH64.hash(bytes, seed: hash)
          }
          journal.add(chunk: chunk, hash: hash)
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
    var jobs = max(1, min(wanted, affordable))
    // Memory that the system refuses ends a program; what it will refuse is seen before.
    if let room = Threads.addressSpaceLeft {
      let needed = threadByteCount + Threads.stackByteCount
      jobs = min(jobs, max(0, room - Self.memoryBesideThreads) / needed)
      guard jobs >= 1 else {
        throw OunceError(
          .request,
          "a limit of this process leaves \(room) bytes of address space; "
            + "\(needed + Self.memoryBesideThreads) are needed",
          remedy: "raise it with ulimit -v")
      }
    }
    return jobs
  }

  /// What a job allocates beside the buffers of its threads, with room: progress, records, the pages of the allocator.
  private static let memoryBesideThreads = 24 << 20
}

extension OunceError {
  /// The caller asked to stop.
  public static let cancelled = OunceError(.cancelled, "stopped; nothing was left behind")

  /// The same, of a job whose work is kept for another.
  fileprivate var ofKeptWork: OunceError {
    var error = self
    if kind == .cancelled { error.problem = "stopped; what was done is kept" }
    error.remedy = (remedy.map { "\($0); then " } ?? "") + "run the same command with --resume to go on"
    return error
  }
}
