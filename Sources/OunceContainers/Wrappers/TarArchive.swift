internal import OunceCore

/// The members of a tar archive: of POSIX, of GNU tar, or from before both.
///
/// Specification: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/pax.html
///
/// An archive is a row of blocks of 512 bytes: a header, then the bytes of the member, filled up with zeros. Two blocks
/// of zeros end it.
///
/// | bytes of a header | what |
/// |---|---|
/// | 0–99 | name |
/// | 124–135 | size: octal digits, or after a byte 0x80 a big-endian number |
/// | 148–155 | sum of the bytes of the header, these eight taken as spaces |
/// | 156 | type: `0`, `7` or zero for a file, `x` for records about the next member, `L` for its long name |
/// | 257–262 | `ustar`, but not in the oldest |
/// | 345–499 | what stands before the name, after `ustar` and a zero byte |
struct TarArchive: Sendable {
  struct Member: Sendable {
    let name: String
    let range: Range<Int>
  }

  let file: InputFile
  /// The regular files in the order of the archive.
  let members: [Member]

  private static let blockByteCount = 512

  static func recognizes(_ candidate: Candidate) -> Bool {
    if candidate.has("ustar", at: 257) { return true }
    guard candidate.head.count >= blockByteCount else { return false }
    return TarHeader(Array(candidate.head[..<blockByteCount])).hasRightSum
  }

  /// - Throws: `OunceError` when a header is damaged or the archive ends without its mark.
  init(_ file: InputFile) throws(OunceError) {
    self.file = file
    var members: [Member] = []
    var names = Set<ExactString>()
    var offset = 0
    var next = TarRecords()
    while let header = try Self.header(file, at: offset) {
      let start = offset + Self.blockByteCount
      let isRecord = header.isRecord
      guard let size = (isRecord ? nil : next.size) ?? header.size else {
        throw OunceError(.malformed, "the size in this header is no number", file: file.path, offset: offset + 124)
      }
      guard size <= file.byteCount - start else {
        throw OunceError(
          .malformed, "expected a member of \(size) bytes, but the file ends after \(max(0, file.byteCount - start))",
          file: file.path, offset: offset, remedy: "the download was cut short; fetch it again")
      }
      if isRecord {
        guard size <= Limits.tarRecordByteCount else {
          throw OunceError(
            .malformed, "records of \(size) bytes are beyond the limit of \(Limits.tarRecordByteCount)",
            file: file.path, offset: offset)
        }
        try next.take(header.type, try file.bytes(start..<start + size), file, at: start)
      } else {
        let name = next.name ?? header.name
        if header.isFile, !name.hasSuffix("/") {
          guard names.insert(ExactString(name)).inserted else {
            throw OunceError(
              .malformed, "the archive has two members \(name)", file: file.path, offset: offset,
              remedy: "unpack it first, then name what was in it")
          }
          guard members.count < Limits.zipMembers else {
            throw OunceError(
              .malformed, "more than the limit of \(Limits.zipMembers) members", file: file.path, offset: offset)
          }
          members.append(Member(name: name, range: start..<start + size))
        }
        next = TarRecords()
      }
      offset = start + (size + Self.blockByteCount - 1) / Self.blockByteCount * Self.blockByteCount
    }
    self.members = members
  }

  /// The header at `offset`; nil at the end of the archive.
  private static func header(_ file: InputFile, at offset: Int) throws(OunceError) -> TarHeader? {
    guard offset <= file.byteCount - blockByteCount else {
      throw OunceError(
        .malformed, "expected \(blockByteCount) bytes of a header or of the end, but the archive ends",
        file: file.path, offset: min(offset, file.byteCount), remedy: "the download was cut short; fetch it again")
    }
    let header = TarHeader(try file.bytes(offset..<offset + blockByteCount))
    if header.isEmpty { return nil }
    guard header.hasRightSum else {
      throw OunceError(
        .malformed, "the checksum of this header of a tar archive is wrong", file: file.path, offset: offset)
    }
    guard !header.isSparse else {
      throw OunceError(
        .unsupported, "the member \(header.name) is stored with holes", file: file.path, offset: offset,
        remedy: "unpack the archive first")
    }
    return header
  }

  func open(_ member: Member) -> InputFile {
    InputFile(path: "\(file.path)/\(member.name)", part: member.range, of: file)
  }
}

/// One block that stands before a member. It has 512 bytes.
private struct TarHeader {
  private let bytes: [UInt8]

  init(_ bytes: [UInt8]) { self.bytes = bytes }

  var isEmpty: Bool { bytes.allSatisfy { $0 == 0 } }
  var type: UInt8 { bytes[156] }
  var isFile: Bool { [0, UInt8(ascii: "0"), UInt8(ascii: "7")].contains(type) }
  var isSparse: Bool { type == UInt8(ascii: "S") }
  /// Whether the content says something about the next member.
  var isRecord: Bool { [UInt8(ascii: "x"), UInt8(ascii: "L")].contains(type) }
  var size: Int? { number(124..<136) }

  var name: String {
    let name = text(0..<100)
    let prefix = bytes[257..<263].elementsEqual(Array("ustar\0".utf8)) ? text(345..<500) : ""
    return prefix.isEmpty ? name : "\(prefix)/\(name)"
  }

  var hasRightSum: Bool {
    guard let stated = number(148..<156) else { return false }
    let spaces = 8 * 0x20
    let sum = bytes.indices.reduce(spaces) { (148..<156).contains($1) ? $0 : $0 + Int(bytes[$1]) }
    return sum == stated
  }

  private func text(_ range: Range<Int>) -> String {
    String(decoding: bytes[range].prefix { $0 != 0 }, as: UTF8.self)
  }

  private func number(_ range: Range<Int>) -> Int? {
    let field = bytes[range]
    if field.first == 0x80 {
      let digits = field.dropFirst().drop { $0 == 0 }
      guard digits.count < 8 else { return nil }
      return digits.reduce(0) { $0 << 8 | Int($1) }
    }
    let digits = field.drop { $0 == 0x20 }.prefix { $0 != 0x20 && $0 != 0 }
    // Twelve octal digits have 36 bits.
    guard !digits.isEmpty, digits.allSatisfy({ (0x30...0x37).contains($0) }) else { return nil }
    return digits.reduce(0) { $0 << 3 | Int($1 - 0x30) }
  }
}

/// What records say about the next member.
private struct TarRecords {
  var name: String?
  var size: Int?

  /// Takes the content of a record: `24 path=some/long/name⏎`, or a name that a zero byte ends.
  mutating func take(_ type: UInt8, _ content: [UInt8], _ file: InputFile, at start: Int) throws(OunceError) {
    if type == UInt8(ascii: "L") {
      name = String(decoding: content.prefix { $0 != 0 }, as: UTF8.self)
      return
    }
    var index = 0
    while index < content.count {
      func wrong() -> OunceError {
        OunceError(.malformed, "expected a record such as \"12 path=abc\"", file: file.path, offset: start + index)
      }
      guard let space = content[index...].firstIndex(of: 0x20), space - index < 8,
        let length = Int(String(decoding: content[index..<space], as: UTF8.self)), length > space - index,
        length <= content.count - index, content[index + length - 1] == 0x0A,
        let equals = content[space..<index + length].firstIndex(of: UInt8(ascii: "="))
      else { throw wrong() }
      let key = String(decoding: content[space + 1..<equals], as: UTF8.self)
      let value = String(decoding: content[equals + 1..<index + length - 1], as: UTF8.self)
      switch key {
      case "path": name = value
      case "size":
        guard let number = Int(value), number >= 0 else { throw wrong() }
        size = number
      default:
        guard !key.hasPrefix("GNU.sparse") else {
          throw OunceError(
            .unsupported, "a member is stored with holes", file: file.path, offset: start + index,
            remedy: "unpack the archive first")
        }
      }
      index += length
    }
  }
}
