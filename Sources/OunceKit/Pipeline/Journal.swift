internal import OunceCore
internal import Synchronization

/// What a run notes beside its partial files, so that another can go on where it was cut off.
///
/// The file is `.<name>.ounce-journal`, `<name>` that of the first output:
///
/// | bytes | content |
/// |---|---|
/// | one line | JSON: what the bytes depend on (`PlanIdentity`), and which file on disk each partial file is |
/// | 16 each, any number | a chunk that is written: its number and the XXH64 of its bytes, 64 bits each, little endian |
///
/// A record is written after its chunk. Whether a chunk really is there, which after a loss of power it need not be, its
/// hash tells. A journal that cannot be written is given up: it must never be the reason why a run fails.
final class Journal: Sendable {
  static let recordByteCount = 16
  /// More than the header of most journals: a hundred sources and a hundred files.
  static let usualHeaderByteCount = 1 << 20

  /// Where the journal of a plan is; nil: the plan has no files.
  static func path(of plan: Plan) -> String? {
    guard let first = plan.files.first else { return nil }
    return Paths.join(Paths.folder(of: first.path), ".\(Paths.name(of: first.path)).ounce-journal")
  }

  private struct File: ~Copyable {
    var open: GrowingFile?
    var isGivenUp: Bool
  }

  private let path: String?
  private let header: @Sendable () -> [UInt8]
  private let pending = Mutex<[UInt8]>([])
  private let file: Mutex<File>

  /// - Parameters:
  ///   - keptByteCount: so much of a journal that is there stays, and this one goes on after it. 0: it begins anew.
  ///   - isGivenUp: nothing is noted; there is no room.
  ///   - header: asked for when the first records are written; a short run makes no journal.
  init(path: String?, keeping keptByteCount: Int, isGivenUp: Bool, header: @escaping @Sendable () -> [UInt8]) {
    self.path = path
    self.header = header
    let open = keptByteCount > 0 ? path.flatMap { GrowingFile(path: $0, keeping: keptByteCount) } : nil
    if keptByteCount == 0, let path { Paths.removeFile(path) }
    file = Mutex(File(open: open, isGivenUp: isGivenUp || path == nil))
  }

  /// Notes a chunk whose bytes were written.
  func add(chunk: Int, hash: UInt64) {
    var record = ByteWriter()
    record.integer(UInt64(chunk))
    record.integer(hash)
    let bytes = record.bytes
    pending.withLock { $0 += bytes }
  }

  /// Writes what was noted since the last time.
  func flush() {
    let records = takePending()
    guard !records.isEmpty else { return }
    file.withLock { file in
      if !file.isGivenUp { append(records, &file) }
    }
  }

  /// Writes the rest: what follows, making the files durable, may take its time.
  ///
  /// - Parameter begins: whether a journal is needed even where a short run made none yet, because several files get
  ///   their names one after the other. They are written by now, so that it takes the room from none.
  func finish(begins: Bool) {
    let records = takePending()
    file.withLock { file in
      if begins { file.isGivenUp = false }
      if file.open != nil || begins, !file.isGivenUp { append(records, &file) }
    }
  }

  private func takePending() -> [UInt8] {
    pending.withLock { records in
      defer { records = [] }
      return records
    }
  }

  private func append(_ records: [UInt8], _ file: inout File) {
    guard let path else { return }
    var isWritten = true
    if file.open == nil {
      file.open = GrowingFile(path: path)
      isWritten = file.open?.append(header()) ?? false
    }
    if isWritten { isWritten = file.open?.append(records) ?? false }
    if !isWritten {
      file.isGivenUp = true
      file.open = nil
      Paths.removeFile(path)
    }
  }

  /// Ends the notes: they are needed no more.
  func remove() {
    guard let path else { return }
    file.withLock { file in
      file.isGivenUp = true
      file.open = nil
    }
    Paths.removeFile(path)
  }
}
