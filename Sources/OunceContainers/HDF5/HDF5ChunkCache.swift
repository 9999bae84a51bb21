internal import OunceCore
internal import Synchronization

/// The chunks of a file that were unpacked last, so that rows which are read a few at a time unpack a chunk once.
///
/// There are two generations: when the young one is full it becomes the old one, which is dropped. Both together hold
/// twice `Limits.hdf5CachedByteCount`, or one chunk that is larger.
final class HDF5ChunkCache: Sendable {
  struct Key: Hashable, Sendable {
    /// Where the header of the dataset is.
    let dataset: Int
    let chunk: Int
  }

  private struct State {
    var young: [Key: [UInt8]] = [:]
    var old: [Key: [UInt8]] = [:]
    var youngByteCount = 0
  }

  private let state = Mutex(State())
  /// Held while a large chunk is unpacked: several threads that read its rows would each unpack it.
  private let turn = Mutex(())

  private static let largeByteCount = 4 << 20

  /// The chunk of `byteCount` bytes under `key`, which `make` unpacks when it is not here.
  func chunk(
    _ key: Key, byteCount: Int, _ make: () throws(OunceError) -> [UInt8]
  ) throws(OunceError) -> [UInt8] {
    if byteCount < Self.largeByteCount {
      if let known = find(key) { return known }
      let made = try make()
      insert(made, key)
      return made
    }
    return try turn.withLock { (_) throws(OunceError) in
      if let known = find(key) { return known }
      let made = try make()
      insert(made, key)
      return made
    }
  }

  private func find(_ key: Key) -> [UInt8]? {
    state.withLock { state in
      if let chunk = state.young[key] { return chunk }
      guard let chunk = state.old.removeValue(forKey: key) else { return nil }
      Self.add(chunk, key, &state)
      return chunk
    }
  }

  private func insert(_ chunk: [UInt8], _ key: Key) {
    state.withLock { Self.add(chunk, key, &$0) }
  }

  private static func add(_ chunk: [UInt8], _ key: Key, _ state: inout State) {
    // An entry takes some memory beside its bytes.
    let byteCount = chunk.count + 128
    if state.youngByteCount + byteCount > Limits.hdf5CachedByteCount {
      state.old = byteCount > Limits.hdf5CachedByteCount ? [:] : state.young
      state.young = [:]
      state.youngByteCount = 0
    }
    if state.young.updateValue(chunk, forKey: key) == nil { state.youngByteCount += byteCount }
  }
}
