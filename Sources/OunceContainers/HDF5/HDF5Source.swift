internal import OunceCore

/// The bytes of an HDF5 file, fetched structure by structure: they lie anywhere in the file.
///
/// What is fetched is counted, so that structures which name each other over and over end in an error instead of keeping
/// a reader busy: a sound file has each of its bytes read about once.
final class HDF5Source {
  let file: InputFile
  /// The byte of the file from which addresses count.
  let base: Int
  /// The first byte behind all data.
  let end: Int
  /// The bytes of an address.
  let offsetByteCount: Int
  /// The bytes of a size.
  let lengthByteCount: Int
  private var fetchedByteCount = 0

  init(_ file: InputFile, base: Int, end: Int, offsetByteCount: Int = 8, lengthByteCount: Int = 8) {
    self.file = file
    self.base = base
    self.end = end
    self.offsetByteCount = offsetByteCount
    self.lengthByteCount = lengthByteCount
  }

  /// The structure `what` of `byteCount` bytes at byte `place` of the file.
  func block(_ what: String, at place: Int, _ byteCount: Int) throws(OunceError) -> HDF5Block {
    guard place >= 0, byteCount >= 0, place <= end, byteCount <= end - place else {
      throw malformed("\(what) of \(byteCount) bytes reaches beyond the end of the data at byte \(end)", at: place)
    }
    guard byteCount <= Limits.hdf5StructureByteCount else {
      throw malformed(
        "\(what) of \(byteCount) bytes is beyond the limit of \(Limits.hdf5StructureByteCount)", at: place)
    }
    fetchedByteCount += byteCount
    guard fetchedByteCount / Limits.hdf5Rereading <= file.byteCount + Limits.hdf5SmallFileByteCount else {
      throw malformed("\(what) is one structure too many: they share their bytes with each other", at: place)
    }
    return HDF5Block(source: self, what: what, bytes: try file.bytes(place..<place + byteCount), start: place)
  }

  /// The same, with a checksum in its last four bytes, which is checked and left out.
  func checkedBlock(_ what: String, at place: Int, _ byteCount: Int) throws(OunceError) -> HDF5Block {
    guard byteCount >= 4 else { throw malformed("\(what) has only \(byteCount) bytes", at: place) }
    var whole = try block(what, at: place, byteCount)
    let content = try whole.slice(byteCount - 4)
    let (stored, found) = (try whole.word(4), content.checksum)
    guard stored == UInt64(found) else {
      throw malformed(
        "\(what) has the checksum \(hexadecimal(UInt64(found))), but \(hexadecimal(stored)) is stored", at: place)
    }
    return content
  }

  /// The first bytes of a structure whose size is not known yet.
  func beginning(_ what: String, at place: Int, atMost byteCount: Int) throws(OunceError) -> HDF5Block {
    try block(what, at: place, max(0, min(byteCount, end - place)))
  }

  func malformed(_ problem: String, at place: Int) -> OunceError {
    OunceError(.malformed, problem, file: file.path, offset: place)
  }

  private func hexadecimal(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }
}

/// A structure of a file, or a part of one, read from front to back.
struct HDF5Block {
  let source: HDF5Source
  /// What it is, for errors: "an object header".
  let what: String
  private let bytes: [UInt8]
  /// Where `bytes` begin in the file.
  private let start: Int
  private var position = 0
  /// Where the part ends in `bytes`.
  private let limit: Int

  init(source: HDF5Source, what: String, bytes: [UInt8], start: Int) {
    self.source = source
    self.what = what
    self.bytes = bytes
    self.start = start
    limit = bytes.count
  }

  private init(_ whole: HDF5Block, upTo limit: Int) {
    source = whole.source
    what = whole.what
    bytes = whole.bytes
    start = whole.start
    position = whole.position
    self.limit = limit
  }

  /// The byte of the file that is read next.
  var offset: Int { start + position }
  var remainingByteCount: Int { limit - position }
  var checksum: UInt32 { HDF5Checksum.lookup3(bytes[position..<limit]) }

  /// The next `byteCount` bytes, 8 at most, as a number: the least significant first.
  mutating func word(_ byteCount: Int) throws(OunceError) -> UInt64 {
    try require(byteCount)
    var value: UInt64 = 0
    for index in 0..<min(byteCount, 8) { value |= UInt64(bytes[position + index]) << UInt64(8 * index) }
    position += byteCount
    return value
  }

  /// The same, where more than 63 bits make no sense.
  mutating func number(_ byteCount: Int) throws(OunceError) -> Int {
    let place = offset
    let value = try word(byteCount)
    guard let number = Int(exactly: value) else {
      throw source.malformed("\(what) has a number \(value) beyond 63 bits", at: place)
    }
    return number
  }

  /// A size.
  mutating func length() throws(OunceError) -> Int { try number(source.lengthByteCount) }

  /// A size that may be without limit: nil.
  mutating func lengthOrUnlimited() throws(OunceError) -> Int? {
    let place = offset
    let value = try word(source.lengthByteCount)
    if value == Self.ones(source.lengthByteCount) { return nil }
    guard let number = Int(exactly: value) else {
      throw source.malformed("\(what) has a size \(value) beyond 63 bits", at: place)
    }
    return number
  }

  /// Where something begins in the file; nil when it is nowhere.
  mutating func address() throws(OunceError) -> Int? {
    let place = offset
    let value = try word(source.offsetByteCount)
    if value == Self.ones(source.offsetByteCount) { return nil }
    guard let address = Int(exactly: value), address < source.end - source.base else {
      throw source.malformed(
        "\(what) names the address \(value), but the data ends at \(source.end - source.base)", at: place)
    }
    return source.base + address
  }

  /// The address of something that has to be there.
  mutating func address(of thing: String) throws(OunceError) -> Int {
    let place = offset
    guard let address = try address() else { throw source.malformed("\(what) has no address of \(thing)", at: place) }
    return address
  }

  mutating func array(_ byteCount: Int) throws(OunceError) -> [UInt8] {
    try require(byteCount)
    defer { position += byteCount }
    return Array(bytes[position..<position + byteCount])
  }

  /// The next `byteCount` bytes as a part of their own.
  mutating func slice(_ byteCount: Int) throws(OunceError) -> HDF5Block {
    try require(byteCount)
    defer { position += byteCount }
    return HDF5Block(self, upTo: position + byteCount)
  }

  mutating func skip(_ byteCount: Int) throws(OunceError) {
    try require(byteCount)
    position += byteCount
  }

  /// The bytes before the next zero, which is passed over; nil when there is none.
  mutating func zeroTerminated() -> [UInt8]? {
    guard let end = bytes[position..<limit].firstIndex(of: 0) else { return nil }
    defer { position = end + 1 }
    return Array(bytes[position..<end])
  }

  /// What is left, up to the first zero.
  var text: [UInt8] { Array(bytes[position..<limit].prefix { $0 != 0 }) }

  /// Text, and zeros behind it up to a multiple of `alignment` bytes.
  mutating func paddedText(_ alignment: Int) throws(OunceError) -> [UInt8] {
    let start = position
    guard let text = zeroTerminated() else { throw malformed("a name has no end") }
    try skip((alignment - (position - start) % alignment) % alignment)
    return text
  }

  mutating func signature(_ text: String) throws(OunceError) {
    let place = offset
    let found = try array(4)
    guard found == Array(text.utf8) else {
      throw source.malformed("expected \(what), which begins with \(text)", at: place)
    }
  }

  mutating func version(_ known: ClosedRange<Int>) throws(OunceError) -> Int {
    let place = offset
    let version = try number(1)
    guard known.contains(version) else {
      let range = known.count == 1 ? "\(known.lowerBound) is" : "\(known.lowerBound) to \(known.upperBound) are"
      throw OunceError(
        .unsupported, "\(what) has version \(version), where \(range) known", file: source.file.path, offset: place,
        remedy: "the file is damaged, or newer than this build")
    }
    return version
  }

  func malformed(_ problem: String, at place: Int? = nil) -> OunceError {
    source.malformed("\(what): \(problem)", at: place ?? offset)
  }

  private func require(_ byteCount: Int) throws(OunceError) {
    guard byteCount >= 0, byteCount <= remainingByteCount else {
      throw source.malformed(
        "\(what) ends after \(remainingByteCount) bytes, where \(byteCount) more are expected", at: offset)
    }
  }

  private static func ones(_ byteCount: Int) -> UInt64 { byteCount >= 8 ? .max : (1 << UInt64(8 * byteCount)) - 1 }
}
