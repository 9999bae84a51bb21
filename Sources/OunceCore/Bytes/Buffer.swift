#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Memory that the pipeline owns: the only source of `MutableRawSpan` and the only place that slices one.
///
/// Aligned to 64 bytes, so that a vector load of any width never crosses a cache line needlessly.
@safe public struct Buffer: ~Copyable {
  private let storage: UnsafeMutableRawBufferPointer

  public var byteCount: Int { unsafe storage.count }

  /// Zeroed memory of `byteCount` bytes.
  public init(byteCount: Int) {
    unsafe storage = UnsafeMutableRawBufferPointer.allocate(byteCount: max(byteCount, 1), alignment: 64)
    unsafe storage.initializeMemory(as: UInt8.self, repeating: 0)
  }

  deinit { unsafe storage.deallocate() }

  /// The bytes of `range`, read only.
  public borrowing func withBytes<Result: ~Copyable, Failure: Error>(
    _ range: Range<Int>, _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(unsafe RawSpan(_unsafeBytes: UnsafeRawBufferPointer(rebasing: storage[range])))
  }

  /// The bytes of `range`.
  public mutating func withMutableBytes<Result: ~Copyable, Failure: Error>(
    _ range: Range<Int>, _ body: (inout MutableRawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var span = unsafe MutableRawSpan(_unsafeBytes: UnsafeMutableRawBufferPointer(rebasing: storage[range]))
    return try body(&span)
  }

  /// The first `count` floats.
  public borrowing func withFloats<Result: ~Copyable, Failure: Error>(
    _ count: Int, _ body: (Span<Float>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let floats = unsafe UnsafeRawBufferPointer(rebasing: storage[..<(count * 4)]).assumingMemoryBound(to: Float.self)
    return try body(unsafe Span(_unsafeElements: floats))
  }

  /// The first `count` floats.
  public mutating func withMutableFloats<Result: ~Copyable, Failure: Error>(
    _ count: Int, _ body: (inout MutableSpan<Float>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    let bytes = unsafe UnsafeMutableRawBufferPointer(rebasing: storage[..<(count * 4)])
    var span = unsafe MutableSpan(_unsafeElements: bytes.assumingMemoryBound(to: Float.self))
    return try body(&span)
  }
}

extension MutableRawSpan {
  /// Lends the bytes of `range` to `body`. The caller guarantees that they are inside.
  public mutating func withSlice<Result: ~Copyable, Failure: Error>(
    _ range: Range<Int>, _ body: (inout MutableRawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var slice = _mutatingExtracting(range)
    return try body(&slice)
  }

  /// Copies all of `source` to byte `offset` of this span.
  public mutating func copy(_ source: RawSpan, to offset: Int = 0) {
    unsafe withUnsafeMutableBytes { target in
      unsafe source.withUnsafeBytes { bytes in
        unsafe UnsafeMutableRawBufferPointer(rebasing: target[offset..<offset + bytes.count]).copyMemory(from: bytes)
      }
    }
  }
}

extension MutableSpan where Element == Float {
  /// Lends the floats of `range` to `body`. The caller guarantees that they are inside.
  public mutating func withSlice<Result: ~Copyable, Failure: Error>(
    _ range: Range<Int>, _ body: (inout MutableSpan<Float>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var slice = _mutatingExtracting(range)
    return try body(&slice)
  }
}

extension Array where Element == UInt8 {
  /// The array's bytes, read only.
  public func withRawSpan<Result: ~Copyable, Failure: Error>(
    _ body: (RawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    try body(unsafe span.bytes)
  }

  /// The array's bytes, writable in place.
  public mutating func withMutableRawSpan<Result: ~Copyable, Failure: Error>(
    _ body: (inout MutableRawSpan) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    var elements = mutableSpan
    var bytes = unsafe elements.mutableBytes
    return try body(&bytes)
  }
}

extension RawSpan {
  /// The bytes of `range` as an array.
  public func array(_ range: Range<Int>) -> [UInt8] {
    unsafe withUnsafeBytes { unsafe Array($0[range]) }
  }

  /// Whether these bytes are `pattern` over and over.
  public func repeats(_ pattern: [UInt8]) -> Bool {
    guard byteCount >= pattern.count else { return byteCount == 0 }
    return unsafe withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress, unsafe bytes.prefix(pattern.count).elementsEqual(pattern) else {
        return false
      }
      // Bytes that equal those one pattern further on repeat.
      let count = bytes.count - pattern.count
      return count == 0 || (unsafe memcmp(start, start + pattern.count, count) == 0)
    }
  }
}
