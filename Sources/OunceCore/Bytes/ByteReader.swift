/// Reads a header from front to back. Every read is checked against the file's size, and every count against a limit,
/// before memory is asked for.
///
/// The file is fetched in windows, so that a reader costs a few system calls, not one per field.
public struct ByteReader {
  public let file: InputFile
  /// The byte that is read next.
  public private(set) var offset: Int
  /// Whether integers are read with their most significant byte first.
  public var isBigEndian: Bool

  private var window: [UInt8] = []
  private var windowStart = 0
  private var windowByteCount = Self.firstWindowByteCount
  private static let firstWindowByteCount = 64 << 10

  /// Where windows end, unless more is asked for.
  private let limit: Int

  /// - Parameter limit: what is beyond is not fetched ahead; nil: all of the file may be.
  public init(_ file: InputFile, at offset: Int = 0, isBigEndian: Bool = false, limit: Int? = nil) {
    self.file = file
    self.offset = offset
    self.isBigEndian = isBigEndian
    self.limit = limit ?? file.byteCount
  }

  /// Whether these bytes were fetched already.
  public func holds(_ range: Range<Int>) -> Bool {
    windowStart <= range.lowerBound && range.upperBound <= windowStart + window.count
  }

  public var remainingByteCount: Int { file.byteCount - offset }

  /// The next integer of this width.
  @inlinable public mutating func integer<Value: FixedWidthInteger>(
    _ type: Value.Type = Value.self
  ) throws(OunceError) -> Value {
    Value(truncatingIfNeeded: try word(Value.bitWidth / 8))
  }

  /// The next `count` integers of this width. The caller has checked the count.
  @inlinable public mutating func integers<Value: FixedWidthInteger>(
    _ count: Int, _ type: Value.Type = Value.self
  ) throws(OunceError) -> [Value] {
    try checkRemaining(count * Value.bitWidth / 8)
    var values: [Value] = []
    values.reserveCapacity(count)
    for _ in 0..<count { values.append(try integer()) }
    return values
  }

  /// Integers of any width begin here, so that generic code stays small.
  @usableFromInline mutating func word(_ byteCount: Int) throws(OunceError) -> UInt64 {
    let start = try require(byteCount)
    var value: UInt64 = 0
    for index in 0..<byteCount {
      let shift = UInt64(isBigEndian ? byteCount - 1 - index : index) * 8
      value |= UInt64(window[start + index]) << shift
    }
    return value
  }

  /// The next count: 64 bits without sign, at most `limit`. With `elementByteCount`, the file must also be long enough
  /// to hold so many elements of at least this size.
  public mutating func count(
    atMost limit: Int, of things: String, elementByteCount: Int = 0
  ) throws(OunceError) -> Int {
    let start = offset
    return try check(try integer(UInt64.self), atMost: limit, of: things, elementByteCount: elementByteCount, at: start)
  }

  /// Checks a count that was read at byte `start`.
  public func check(
    _ value: UInt64, atMost limit: Int, of things: String, elementByteCount: Int = 0, at start: Int
  ) throws(OunceError) -> Int {
    guard value <= UInt64(limit) else {
      throw OunceError(
        .malformed, "\(value) \(things) are more than the limit of \(limit)", file: file.path, offset: start,
        remedy: "the file is damaged or is no such file")
    }
    let count = Int(value)
    guard count * elementByteCount <= remainingByteCount else {
      throw OunceError(
        .malformed,
        "\(count) \(things) need at least \(count * elementByteCount) bytes, but only "
          + "\(remainingByteCount) follow", file: file.path, offset: start,
        remedy: "the download was cut short; fetch it again")
    }
    return count
  }

  /// The next `count` bytes.
  public mutating func bytes(_ count: Int) throws(OunceError) -> [UInt8] {
    if count > windowByteCount {
      try checkRemaining(count)
      let bytes = try file.bytes(offset..<offset + count)
      offset += count
      return bytes
    }
    let start = try require(count)
    return Array(window[start..<start + count])
  }

  /// Appends the next `count` bytes to `target`.
  public mutating func append(_ count: Int, to target: inout [UInt8]) throws(OunceError) {
    guard count <= windowByteCount else {
      target.append(contentsOf: try bytes(count))
      return
    }
    let start = try require(count)
    target.append(contentsOf: window[start..<start + count])
  }

  /// The next `byteCount` bytes as UTF-8; nil when they are something else.
  public mutating func string(_ byteCount: Int) throws(OunceError) -> String? {
    guard byteCount <= windowByteCount else { return String(validating: try bytes(byteCount), as: UTF8.self) }
    let start = try require(byteCount)
    return String(validating: window[start..<start + byteCount], as: UTF8.self)
  }

  /// The next `count` strings, each behind its length of `lengthByteCount` bytes. The caller has checked the count.
  public mutating func strings(
    _ count: Int, lengthByteCount: Int, eachAtMost limit: Int
  ) throws(OunceError) -> PackedStrings {
    var bytes: [UInt8] = []
    var ends: [Int] = []
    ends.reserveCapacity(count)
    for _ in 0..<count {
      let start = offset
      let length = try word(lengthByteCount)
      try append(try check(length, atMost: limit, of: "bytes in a string", elementByteCount: 1, at: start), to: &bytes)
      ends.append(bytes.count)
    }
    return PackedStrings(bytes: bytes, ends: ends)
  }

  /// Goes to another byte. The caller has checked that it is inside of the file.
  public mutating func seek(to offset: Int) {
    // What was jumped over is content: behind it stands a header of unknown length again.
    if offset > windowStart + window.count { windowByteCount = Self.firstWindowByteCount }
    self.offset = offset
  }

  public mutating func skip(_ byteCount: Int) throws(OunceError) {
    try checkRemaining(byteCount)
    offset += byteCount
  }

  /// An error at byte `offset` (by default the next one).
  public func malformed(_ problem: String, at offset: Int? = nil, remedy: String? = nil) -> OunceError {
    OunceError(.malformed, problem, file: file.path, offset: offset ?? self.offset, remedy: remedy)
  }

  @usableFromInline func checkRemaining(_ byteCount: Int) throws(OunceError) {
    guard byteCount <= remainingByteCount else {
      throw OunceError(
        .malformed, "expected \(byteCount) more bytes, but the file ends after \(remainingByteCount)",
        file: file.path, offset: offset, remedy: "the download was cut short; fetch it again")
    }
  }

  /// Makes sure that the next `byteCount` bytes are in the window, moves past them and returns where they begin in it.
  private mutating func require(_ byteCount: Int) throws(OunceError) -> Int {
    if offset < windowStart || offset + byteCount > windowStart + window.count {
      try checkRemaining(byteCount)
      window = []
      let end = max(offset + byteCount, min(offset + windowByteCount, limit))
      window = try file.bytes(offset..<end)
      windowStart = offset
      // A header that goes on is read in larger steps.
      windowByteCount = min(windowByteCount * 2, 4 << 20)
    }
    defer { offset += byteCount }
    return offset - windowStart
  }
}
