internal import Synchronization
internal import SystemPackage

/// Bytes that can only be made from front to back: what a decompressor gives.
public protocol ByteStream: AnyObject {
  /// Fills the front of `bytes` and says how many that were; 0 at the end.
  func next(into bytes: inout MutableRawSpan) throws(OunceError) -> Int
}

/// Room on disk for what has to be unpacked before it can be read by position.
///
/// One file serves all members of all archives of a model. It has no name: whatever ends the program, nothing is left.
public final class SpillSpace: Sendable {
  private struct State {
    var open: DescriptorPool.Open?
    var end = 0
  }

  private let folder: String
  private let state = Mutex(State())

  /// - Parameter folder: where the file is; nil: what TMPDIR names, else `/tmp`.
  public init(folder: String? = nil) { self.folder = folder ?? System.temporaryFolder }

  /// A file of its own in the same folder: for what does not say how long it is.
  func another() -> SpillSpace { SpillSpace(folder: folder) }

  /// Reserves `byteCount` bytes and says where they begin.
  ///
  /// - Throws: `OunceError` of kind `.output` when the disk has no room for them.
  func reserve(_ byteCount: Int) throws(OunceError) -> Int {
    try state.withLock { (state) throws(OunceError) in
      if let free = try? System.freeByteCount(at: folder), byteCount > free {
        throw OunceError(
          .output, "needs \(byteCount) bytes to unpack a source, but only \(free) are free", file: folder,
          remedy: "make room, or name another folder with TMPDIR")
      }
      defer { state.end += byteCount }
      return state.end
    }
  }

  func descriptor() throws(OunceError) -> DescriptorPool.Open {
    try state.withLock { (state) throws(OunceError) in
      if let open = state.open { return open }
      do throws(Errno) {
        let open = DescriptorPool.Open(try System.openUnnamed(in: folder))
        state.open = open
        return open
      } catch {
        throw OunceError(
          .output, "cannot hold a temporary file: \(error)", file: folder, remedy: "name another folder with TMPDIR")
      }
    }
  }
}

/// The content of a stream, unpacked as far as it was asked for.
final class SpilledContent: Sendable {
  private struct State {
    /// nil when all is unpacked: decompressors hold windows of many megabytes.
    var stream: (any ByteStream)?
    var filled = 0
    var place: Int?
  }

  let byteCount: Int
  private let space: SpillSpace
  private let state: Mutex<State>

  init(_ stream: sending any ByteStream, byteCount: Int, in space: SpillSpace) {
    self.byteCount = byteCount
    self.space = space
    state = Mutex(State(stream: stream))
  }

  /// Unpacks all of a stream that does not say how long it is, into a file of its own. Gives nil when it has more than
  /// `limit` bytes.
  init?(whole stream: sending any ByteStream, atMost limit: Int, beside space: SpillSpace) throws(OunceError) {
    let own = space.another()
    let wanted = min(limit, 1 << 62) + 1
    var state = State(stream: stream, place: 0)
    try Self.fill(&state, to: wanted, of: wanted, at: 0, try own.descriptor())
    guard state.filled < wanted else { return nil }
    byteCount = state.filled
    self.space = own
    self.state = Mutex(State(stream: nil, filled: state.filled, place: 0))
  }

  private static let stepByteCount = 256 << 10

  /// Fills the front of `bytes` from byte `offset` on and says how many bytes there were.
  func read(at offset: Int, into bytes: inout MutableRawSpan) throws(OunceError) -> Int {
    let wanted = min(offset + bytes.byteCount, byteCount)
    guard offset < wanted else { return 0 }
    let open = try space.descriptor()
    let (place, filled) = try state.withLock { (state) throws(OunceError) -> (Int, Int) in
      let place: Int
      if let known = state.place { place = known } else { place = try space.reserve(byteCount) }
      state.place = place
      if state.filled < wanted { try Self.fill(&state, to: wanted, of: byteCount, at: place, open) }
      return (place, state.filled)
    }
    let count = max(0, min(wanted, filled) - offset)
    do throws(Errno) {
      return try bytes.withSlice(0..<count) { (slice) throws(Errno) in
        try System.read(open.descriptor, at: place + offset, into: &slice)
      }
    } catch { throw OunceError(.io, "reading what was unpacked failed: \(error)") }
  }

  private static func fill(
    _ state: inout State, to wanted: Int, of byteCount: Int, at place: Int, _ open: DescriptorPool.Open
  ) throws(OunceError) {
    var buffer = Buffer(byteCount: stepByteCount)
    while state.filled < wanted {
      let step = min(stepByteCount, byteCount - state.filled)
      guard let stream = state.stream else { return }
      let count = try buffer.withMutableBytes(0..<step) { (bytes) throws(OunceError) in
        try stream.next(into: &bytes)
      }
      guard count > 0 else { return }
      do throws(Errno) {
        try buffer.withBytes(0..<count) { (bytes) throws(Errno) in
          try System.write(open.descriptor, bytes, at: place + state.filled)
        }
      } catch {
        throw OunceError(
          .output, "unpacking a source failed: \(error)", remedy: "make room, or name another folder with TMPDIR")
      }
      state.filled += count
    }
  }
}
