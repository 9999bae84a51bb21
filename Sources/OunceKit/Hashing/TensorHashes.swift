internal import Crypto
public import OunceCore
internal import OunceEncoding
internal import Synchronization

/// What identifies a tensor by its content.
public struct TensorHash: Sendable, Equatable {
  public let name: String
  /// The name of its encoding.
  public let dtype: String
  public let shape: [Int]
  /// Of its elements in row-major order, little endian, in the stored encoding (of blocks: their bytes), as hexadecimal
  /// digits.
  public let sha256: String
}

extension Model {
  /// The hash of each tensor, in the order of the model.
  ///
  /// - Parameters:
  ///   - jobs: threads; nil: one for each processor.
  ///   - onProgress: called on the calling thread, about ten times a second.
  /// - Throws: `OunceError` when a file cannot be read, or `isCancelled` says so.
  public func tensorHashes(
    jobs: Int? = nil, isCancelled: @Sendable () -> Bool = { false }, onProgress: (Progress) -> Void = { _ in }
  ) throws(OunceError) -> [TensorHash] {
    let hashes = Mutex([TensorHash?](repeating: nil, count: tensors.count))
    try tensors.onThreads(jobs, isCancelled: isCancelled, onProgress: onProgress) {
      (next, onRead) throws(OunceError) in
      while let index = next() {
        let hash = try tensors[index].contentHash(isCancelled: isCancelled, onRead: onRead)
        hashes.withLock { $0[index] = hash }
      }
    }
    for file in files { try file.checkUnchanged() }
    return hashes.withLock { $0.compactMap(\.self) }
  }
}

extension [TensorHash] {
  /// One hash of all: that of the lines `name`, dtype, shape and hash of each tensor, sorted by name, so that neither
  /// the container nor the order of tensors in it count.
  public var modelHash: String {
    var hash = SHA256()
    for tensor in sorted(by: { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }) {
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      let line: String = "\(JSONWriter.quoted(tensor.name)) \(tensor.dtype) [\(shape)] \(tensor.sha256)\n"
      hash.update(data: [UInt8](line.utf8))
    }
    return ContentHash.hexadecimal(hash.finalize())
  }
}

extension TensorHash {
  init(_ info: TensorInfo, _ hash: SHA256) {
    self.init(
      name: info.name, dtype: info.encoding.name, shape: info.shape,
      sha256: ContentHash.hexadecimal(hash.finalize()))
  }
}

extension Tensor {
  /// - Parameter onRead: told how many bytes were read since the last time.
  fileprivate func contentHash(isCancelled: () -> Bool, onRead: (Int) -> Void) throws(OunceError) -> TensorHash {
    var hash = SHA256()
    let cut = Cut(source: self, targets: [], elementCount: Self.chunkByteCount / max(1, info.encoding.bytesPerBlock))
    var bytes: [UInt8] = []
    for chunk in 0..<cut.chunkCount {
      if isCancelled() { throw .cancelled }
      let elements = cut.elements(chunk)
      let byteCount = cut.byteCount(of: chunk, info.encoding)
      if bytes.count != byteCount { bytes = [UInt8](repeating: 0, count: byteCount) }
      let rows = elements.lowerBound / cut.unit..<elements.upperBound / cut.unit
      cut.prefetch(after: chunk)
      do {
        try bytes.withMutableRawSpan { (span) throws(OunceError) in try cut.data.read(rows: rows, into: &span) }
      } catch { throw error.located(subject: "tensor \(info.name)") }
      hash.update(data: bytes)
      onRead(byteCount)
    }
    return TensorHash(info, hash)
  }

  /// Bytes that stay in the second-level cache between reading and hashing.
  private static let chunkByteCount = 256 << 10
}
