internal import OunceCore

/// Places members as PyTorch's own archive writer does it, which `ZipLayout` (Python's way) does not: sizes and
/// checksums follow each member, dates and versions are zero, and the 64-bit end of the directory is always there.
///
/// Source: https://github.com/pytorch/pytorch/blob/main/caffe2/serialize/inline_container.cc, and miniz under it.
struct TorchArchiveLayout {
  private struct Member {
    let name: [UInt8]
    let offset: Int
    let byteCount: Int
    let checksum: UInt32
    /// The tensor that is the content; nil: the bytes are known.
    let tensor: Int?
    /// Where the checksum behind the content is.
    let checksumOffset: Int
  }

  /// What the names of all members begin with.
  private let folder: String
  private var members: [Member] = []
  private var inserts: [FileLayout.Insert] = []
  private var dataOffsets: [Int: Int] = [:]
  private var end = 0

  /// Each content begins at a multiple of so many bytes.
  private static let alignment = 64
  private static let full = Int(UInt32.max)

  init(folder: String) { self.folder = folder }

  mutating func add(_ name: String, _ content: [UInt8]) {
    let checksum = content.withRawSpan { CRC32.checksum(of: $0) }
    place(name, content, tensor: nil, byteCount: content.count, checksum)
  }

  mutating func add(_ name: String, tensor: Int, byteCount: Int) {
    place(name, [], tensor: tensor, byteCount: byteCount, 0)
  }

  private mutating func place(
    _ name: String, _ content: [UInt8], tensor: Int?, byteCount: Int, _ checksum: UInt32
  ) {
    let name = Array("\(folder)/\(name)".utf8)
    let offset = end
    var writer = ByteWriter()
    writer.integer(UInt32(0x0403_4B50))
    writer.integer(UInt16(0))
    writer.integer(Self.flags(byteCount))
    writer.append([UInt8](repeating: 0, count: 18))
    writer.integer(UInt16(name.count))
    var extra = ByteWriter()
    Self.appendWide(to: &extra, offset: offset, byteCount: byteCount)
    let isWide = extra.byteCount > 0
    let start = offset + writer.byteCount + 2 + name.count + extra.byteCount + 4
    let padding = (Self.alignment - start % Self.alignment) % Self.alignment
    extra.append(Array("FB".utf8))
    extra.integer(UInt16(padding))
    extra.append([UInt8](repeating: UInt8(ascii: "Z"), count: padding))
    writer.integer(UInt16(extra.byteCount))
    writer.append(name)
    writer.append(extra.bytes)
    writer.append(content)
    inserts.append(.init(offset: offset, bytes: writer.bytes))
    end += writer.byteCount
    if let tensor {
      dataOffsets[tensor] = end
      end += byteCount
    }
    members.append(
      Member(
        name: name, offset: offset, byteCount: byteCount, checksum: checksum, tensor: tensor, checksumOffset: end + 4))
    if byteCount > 0 { appendDescriptor(checksum, byteCount, isWide: isWide) }
  }

  /// What follows the content of a member that has any.
  private mutating func appendDescriptor(_ checksum: UInt32, _ byteCount: Int, isWide: Bool) {
    var writer = ByteWriter()
    writer.integer(UInt32(0x0807_4B50))
    writer.integer(checksum)
    for _ in 0..<2 { if isWide { writer.integer(UInt64(byteCount)) } else { writer.integer(UInt32(byteCount)) } }
    inserts.append(.init(offset: end, bytes: writer.bytes))
    end += writer.byteCount
  }

  /// Bit 11: names are UTF-8; bit 3: sizes follow the content.
  private static func flags(_ byteCount: Int) -> UInt16 { byteCount > 0 ? 0x0808 : 0x0800 }

  /// The numbers that 32 bits do not hold; nothing where they hold all.
  private static func appendWide(to extra: inout ByteWriter, offset: Int, byteCount: Int) {
    var numbers: [Int] = []
    if byteCount >= full { numbers += [byteCount, byteCount] }
    if offset >= full { numbers.append(offset) }
    guard !numbers.isEmpty else { return }
    extra.integer(UInt16(1))
    extra.integer(UInt16(8 * numbers.count))
    for number in numbers { extra.integer(UInt64(number)) }
  }

  /// The whole file. Each tensor from 0 to `tensorCount` has been added.
  func layout(tensorCount: Int) -> FileLayout {
    var writer = ByteWriter()
    var checksums: [FileLayout.Checksum] = []
    for member in members {
      if let tensor = member.tensor, member.byteCount > 0 {
        checksums.append(
          .init(tensor: tensor, before: 0, offsets: [member.checksumOffset, end + writer.byteCount + 16]))
      }
      append(member, to: &writer)
    }
    appendEnd(to: &writer)
    return FileLayout(
      header: [], offsets: (0..<tensorCount).map { dataOffsets[$0] ?? 0 }, byteCount: end + writer.byteCount,
      inserts: inserts + [.init(offset: end, bytes: writer.bytes)], checksums: checksums)
  }

  private func append(_ member: Member, to writer: inout ByteWriter) {
    var extra = ByteWriter()
    Self.appendWide(to: &extra, offset: member.offset, byteCount: member.byteCount)
    writer.integer(UInt32(0x0201_4B50))
    writer.integer(UInt32(0))
    writer.integer(Self.flags(member.byteCount))
    writer.append([UInt8](repeating: 0, count: 6))
    writer.integer(member.checksum)
    writer.integer(UInt32(clamping: member.byteCount))
    writer.integer(UInt32(clamping: member.byteCount))
    writer.integer(UInt16(member.name.count))
    writer.integer(UInt16(extra.byteCount))
    writer.append([UInt8](repeating: 0, count: 10))
    writer.integer(UInt32(clamping: member.offset))
    writer.append(member.name)
    writer.append(extra.bytes)
  }

  private func appendEnd(to writer: inout ByteWriter) {
    let directoryByteCount = writer.byteCount
    let wideEnd = end + directoryByteCount
    writer.integer(UInt32(0x0606_4B50))
    writer.integer(UInt64(44))
    writer.integer(UInt16(0x031E))
    writer.integer(UInt16(45))
    writer.integer(UInt64(0))
    writer.integer(UInt64(members.count))
    writer.integer(UInt64(members.count))
    writer.integer(UInt64(directoryByteCount))
    writer.integer(UInt64(end))
    writer.integer(UInt32(0x0706_4B50))
    writer.integer(UInt32(0))
    writer.integer(UInt64(wideEnd))
    writer.integer(UInt32(1))
    writer.integer(UInt32(0x0605_4B50))
    writer.integer(UInt32(0))
    writer.integer(UInt16(clamping: members.count))
    writer.integer(UInt16(clamping: members.count))
    writer.integer(UInt32(clamping: directoryByteCount))
    writer.integer(UInt32(clamping: end))
    writer.integer(UInt16(0))
  }
}
