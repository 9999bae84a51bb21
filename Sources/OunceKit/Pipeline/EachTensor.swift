internal import OunceCore
internal import Synchronization

extension [Tensor] {
  /// Hands each tensor to one of several threads, the largest first, so that none waits at the end for another.
  ///
  /// - Parameters:
  ///   - jobs: threads; nil: one for each processor.
  ///   - onProgress: called on the calling thread, about ten times a second.
  ///   - thread: what each thread does: it asks for indices until there are no more, and tells how many bytes it read.
  /// - Throws: `OunceError`: the first of any thread; of kind `.cancelled` when `isCancelled` says so.
  func onThreads(
    _ jobs: Int?, isCancelled: @Sendable () -> Bool, onProgress: (Progress) -> Void,
    _ thread: @Sendable (_ next: () -> Int?, _ onRead: (Int) -> Void) throws(OunceError) -> Void
  ) throws(OunceError) {
    let order = indices.sorted { (-self[$0].info.byteCount, $0) < (-self[$1].info.byteCount, $1) }
    let total = reduce(0) { $0 + $1.info.byteCount }
    let taken = Atomic(0)
    let done = Atomic(0)
    let failure = Mutex<OunceError?>(nil)
    let hasFailed = Atomic(false)
    Threads.run(Swift.max(1, Swift.min(jobs ?? Threads.processorCount, count))) {
      let begun = Swift.min(taken.load(ordering: .relaxed), Swift.max(0, count - 1))
      onProgress(
        Progress(
          doneByteCount: done.load(ordering: .relaxed), totalByteCount: total,
          tensor: isEmpty ? "" : self[order[begun]].info.name))
    } body: { _ in
      func next() -> Int? {
        guard !hasFailed.load(ordering: .relaxed) else { return nil }
        let place = taken.add(1, ordering: .relaxed).oldValue
        return place < order.count ? order[place] : nil
      }
      do throws(OunceError) { try thread(next) { done.add($0, ordering: .relaxed) } } catch {
        failure.withLock { $0 = $0 ?? error }
        hasFailed.store(true, ordering: .relaxed)
      }
    }
    if let error = failure.withLock({ $0 }) { throw error }
    if isCancelled() { throw .cancelled }
  }
}
