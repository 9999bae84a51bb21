internal import OunceContainers
internal import OunceCore
internal import Synchronization

/// The checksums of tensors that a file records, put together from those of their chunks, whichever comes first.
final class Checksums: Sendable {
  /// The checksum and the length of each chunk of one target.
  private typealias Chunks = [(value: UInt32, byteCount: Int)]

  private struct Key: Hashable {
    let step: Int
    let target: Int
  }

  private let chunks = Mutex<[Key: Chunks]>([:])

  /// Notes what was written of a target that has a checksum.
  func add(_ bytes: RawSpan, of target: Int, _ step: Plan.Step, index: Int, chunk: Int) {
    guard step.targets[target].checksum != nil else { return }
    let value = CRC32.checksum(of: bytes)
    let byteCount = bytes.byteCount
    chunks.withLock { chunks in
      chunks[
        Key(step: index, target: target), default: Array(repeating: (0, 0), count: step.cut.chunkCount)
      ][chunk] = (value, byteCount)
    }
  }

  /// Calls `write` with each place and the checksum that goes there.
  func write(
    _ plan: Plan, _ write: (_ file: Int, _ bytes: [UInt8], _ offset: Int) throws(OunceError) -> Void
  ) throws(OunceError) {
    let chunks = chunks.withLock { $0 }
    for (index, step) in plan.steps.enumerated() {
      for (number, target) in step.targets.enumerated() {
        guard let checksum = target.checksum else { continue }
        let value = (chunks[Key(step: index, target: number)] ?? []).reduce(checksum.before) {
          CRC32.combine($0, $1.value, byteCount: $1.byteCount)
        }
        var bytes = ByteWriter()
        bytes.integer(value)
        for offset in checksum.offsets { try write(target.file, bytes.bytes, offset) }
      }
    }
  }
}
