internal import OunceCore

/// The directory of a zip archive, also of one with more than 4 GiB, and of one behind other content.
///
/// Specification: https://pkware.cachefly.net/webdocs/casestudies/APPNOTE.TXT
///
/// | at | what |
/// |---|---|
/// | the end | "PK\5\6": number of members, size and place of the directory, a comment |
/// | 20 bytes before it | "PK\6\7": place of the 64-bit record "PK\6\6", where numbers do not fit into 32 bits |
/// | the directory | one "PK\1\2" record for each member: method, sizes, checksum, name, place |
/// | each place | "PK\3\4", a name and extra fields of their own length, then the bytes of the member |
struct ZipArchive: Sendable {
  struct Member: Sendable {
    let name: String
    /// 0: stored, 8: deflated.
    let method: UInt16
    let checksum: UInt32
    let compressedByteCount: Int
    let byteCount: Int
    /// Where its own header is in the file.
    let headerOffset: Int
    fileprivate let isEncrypted: Bool
    /// The bytes of a name that is no UTF-8; empty of others.
    fileprivate let otherName: [UInt8]

    fileprivate func isCalled(_ bytes: some Collection<UInt8>) -> Bool {
      otherName.isEmpty ? bytes.elementsEqual(name.utf8) : bytes.elementsEqual(otherName)
    }

    fileprivate var nameByteCount: Int { otherName.isEmpty ? name.utf8.count : otherName.count }

    var isStored: Bool { method == 0 }
  }

  let file: InputFile
  /// In the order of the directory, without folders.
  let members: [Member]
  private let indices: [ExactString: Int]
  /// Where the directory begins: no member reaches beyond.
  fileprivate let directoryOffset: Int

  /// - Throws: `OunceError` when the file ends without a directory, or the directory breaks a rule.
  init(_ file: InputFile) throws(OunceError) {
    self.file = file
    let end = try ZipEnd(file)
    directoryOffset = end.directory.lowerBound
    var reader = ByteReader(file, at: end.directory.lowerBound)
    var members: [Member] = []
    var indices: [ExactString: Int] = [:]
    members.reserveCapacity(end.memberCount)
    for _ in 0..<end.memberCount {
      let start = reader.offset
      let member = try reader.zipMember(base: end.base)
      guard reader.offset <= end.directory.upperBound else {
        throw reader.malformed("the entry of \(member.name) reaches beyond the directory of the archive", at: start)
      }
      guard !member.name.hasSuffix("/") else { continue }
      guard indices.updateValue(members.count, forKey: ExactString(member.name)) == nil else {
        throw reader.malformed("the archive has two members \(member.name)", at: start)
      }
      members.append(member)
    }
    self.members = members
    self.indices = indices
    // Other readers go by the size of the directory, not by the number of members: they would see more.
    let rest = end.directory.upperBound - reader.offset
    if rest > 0, try reader.integer(UInt32.self) != Self.signatureOfDirectory {
      throw reader.malformed(
        "\(rest) bytes of the directory of the archive are behind the last of \(end.memberCount) members",
        at: reader.offset - 4)
    }
    try checkPlaces()
  }

  func member(_ name: String) -> Member? { indices[ExactString(name)].map { members[$0] } }

  /// Members do not share bytes: a small archive cannot unpack to an immense one by naming the same bytes often.
  private func checkPlaces() throws(OunceError) {
    var end = 0
    var previous: Member?
    for member in members.sorted(by: { $0.headerOffset < $1.headerOffset }) {
      guard member.headerOffset >= end, member.headerOffset <= directoryOffset else {
        throw OunceError(
          .malformed, "the members \(previous?.name ?? "") and \(member.name) overlap", file: file.path,
          offset: member.headerOffset)
      }
      guard member.compressedByteCount <= directoryOffset - member.headerOffset else {
        throw OunceError(
          .malformed, "the member \(member.name) of \(member.compressedByteCount) bytes reaches into the directory",
          file: file.path, offset: member.headerOffset)
      }
      end = member.headerOffset + 30 + member.compressedByteCount
      previous = member
    }
    let total = members.reduce(0) { $0 + ($1.isStored ? 0 : $1.byteCount) }
    try Unpacking.check(total, from: file)
  }

  private static let headerByteCount = 30
  /// What may stand behind the last entry of a directory: a signature, which nobody writes any more.
  private static let signatureOfDirectory: UInt32 = 0x0505_4B50

  /// Where the bytes of a member are in the file.
  func range(of member: Member) throws(OunceError) -> Range<Int> {
    func malformed(_ problem: String) -> OunceError {
      OunceError(.malformed, problem, file: file.path, offset: member.headerOffset)
    }
    // Read alone, not in a window: an archive of a hundred thousand members has as many of these.
    let headerEnd = member.headerOffset + Self.headerByteCount
    let bytes = try file.bytes(member.headerOffset..<min(headerEnd + member.nameByteCount, directoryOffset))
    guard bytes.count >= Self.headerByteCount else {
      throw malformed("expected the header of the member \(member.name)")
    }
    let (header, name) = (bytes[..<Self.headerByteCount], bytes[Self.headerByteCount...])
    guard header.starts(with: [0x50, 0x4B, 3, 4]) else {
      throw malformed("expected the header of the member \(member.name)")
    }
    let nameByteCount = Int(header[26]) | Int(header[27]) << 8
    let extraByteCount = Int(header[28]) | Int(header[29]) << 8
    let start = member.headerOffset + Self.headerByteCount + nameByteCount + extraByteCount
    guard start + member.compressedByteCount <= directoryOffset else {
      throw malformed(
        "the member \(member.name) of \(member.compressedByteCount) bytes reaches into the directory")
    }
    // Other readers go by this name: the archive would be another one to them.
    guard nameByteCount == member.nameByteCount, member.isCalled(name) else {
      throw malformed("the member \(member.name) has another name in its own header")
    }
    return start..<start + member.compressedByteCount
  }

  /// A member as a file of its own, under the path of the archive and its name. What is deflated is unpacked when it is
  /// read.
  func open(_ member: Member) throws(OunceError) -> InputFile {
    func refuse(_ problem: String) -> OunceError {
      OunceError(
        .unsupported, "the member \(member.name) \(problem)", file: file.path, offset: member.headerOffset,
        remedy: "unpack the archive first")
    }
    guard !member.isEncrypted else { throw refuse("is encrypted") }
    let path = "\(file.path)/\(member.name)"
    let range = try range(of: member)
    switch member.method {
    case 0: return InputFile(path: path, part: range, of: file)
    case 8:
      return InputFile(
        path: path, unpacking: InflateStream(file, range, .raw), byteCount: member.byteCount, from: file)
    case 93:
      return InputFile(
        path: path, unpacking: ZstandardStream(file, range), byteCount: member.byteCount, from: file)
    default: throw refuse("is compressed with method \(member.method)")
    }
  }
}

extension ByteReader {
  /// The next entry of a directory.
  fileprivate mutating func zipMember(base: Int) throws(OunceError) -> ZipArchive.Member {
    let start = offset
    guard try integer(UInt32.self) == 0x0201_4B50 else {
      throw malformed("expected an entry of the directory of a zip archive", at: start)
    }
    try skip(4)
    let flags = try integer(UInt16.self)
    let method = try integer(UInt16.self)
    try skip(4)
    let checksum = try integer(UInt32.self)
    var sizes = ZipSizes(
      compressed: UInt64(try integer(UInt32.self)), whole: UInt64(try integer(UInt32.self)), place: 0)
    let nameByteCount = Int(try integer(UInt16.self))
    let extraByteCount = Int(try integer(UInt16.self))
    let commentByteCount = Int(try integer(UInt16.self))
    try skip(8)
    sizes.place = UInt64(try integer(UInt32.self))
    let nameBytes = try bytes(nameByteCount)
    let text = String(validating: nameBytes, as: UTF8.self)
    let name = text ?? String(decoding: nameBytes, as: UTF8.self)
    sizes.widen(try bytes(extraByteCount))
    try skip(commentByteCount)
    guard let compressed = Int(exactly: sizes.compressed), let whole = Int(exactly: sizes.whole),
      let place = Int(exactly: sizes.place), compressed < 1 << 60, whole < 1 << 60, place < 1 << 60
    else { throw malformed("the sizes of the member \(name) overflow", at: start) }
    guard method != 0 || compressed == whole else {
      throw malformed(
        "the member \(name) is stored, but has \(compressed) bytes in the archive and \(whole) outside", at: start)
    }
    return ZipArchive.Member(
      name: name, method: method, checksum: checksum, compressedByteCount: compressed, byteCount: whole,
      headerOffset: base + place, isEncrypted: flags & 1 != 0, otherName: text == nil ? nameBytes : [])
  }
}

/// Sizes of 32 bits, and what the extra field of zip64 says instead where they are full.
private struct ZipSizes {
  var compressed: UInt64
  var whole: UInt64
  var place: UInt64

  private static let full = UInt64(UInt32.max)

  mutating func widen(_ extra: [UInt8]) {
    func number(_ offset: Int, _ count: Int) -> UInt64? {
      guard offset + count <= extra.count else { return nil }
      return (0..<count).reduce(0) { $0 | UInt64(extra[offset + $1]) << UInt64(8 * $1) }
    }
    var offset = 0
    while let id = number(offset, 2), let size = number(offset + 2, 2) {
      if id == 1 {
        var field = offset + 4
        for path in [\ZipSizes.whole, \.compressed, \.place] where self[keyPath: path] == Self.full {
          guard let value = number(field, 8) else { return }
          self[keyPath: path] = value
          field += 8
        }
        return
      }
      offset += 4 + Int(size)
    }
  }
}
