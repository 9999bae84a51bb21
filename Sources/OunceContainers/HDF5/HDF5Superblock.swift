internal import OunceCore

/// Where everything in an HDF5 file begins.
///
/// | bytes | versions 0 and 1 | versions 2 and 3 |
/// |---|---|---|
/// | 0 | `\211HDF\r\n\032\n` | the same |
/// | 8 | version | version |
/// | 9 | three more versions, a zero, the version of shared messages | widths of addresses and sizes, flags |
/// | 13 | widths of addresses and sizes, a zero | |
/// | 16 | two ranks of trees, flags (and in version 1 another rank, two zeros) | |
/// | then | addresses: base, free space, end of file, driver | addresses: base, extension, end of file, root group |
/// | then | the entry of the root group: its name, its address | checksum of the above |
struct HDF5Superblock {
  let source: HDF5Source
  /// Where the object header of the root group is.
  let rootPlace: Int

  static let signature: [UInt8] = [0x89] + Array("HDF\r\n".utf8) + [0x1A, 0x0A]

  /// Where the superblock is: at the beginning, or behind a user block of 512 bytes, or of twice as many, and so on.
  /// Larger user blocks than 1 MiB are not looked for: a file that is unpacked as far as it is read is not read whole.
  static func find(_ file: InputFile) -> Int? {
    var place = 0
    while place <= min(file.byteCount - signature.count, 1 << 20) {
      if let bytes = try? file.bytes(place..<place + signature.count), bytes == signature { return place }
      place = place == 0 ? 512 : place * 2
    }
    return nil
  }

  init(_ file: InputFile) throws(OunceError) {
    guard let place = Self.find(file) else {
      throw OunceError(.malformed, "has no superblock of HDF5", file: file.path, offset: 0)
    }
    let whole = HDF5Source(file, base: 0, end: file.byteCount)
    var block = try whole.block("the superblock", at: place, min(128, file.byteCount - place))
    try block.skip(Self.signature.count)
    let version = try block.version(0...3)
    if version < 2 { try block.skip(4) }
    let widths = (try Self.width(&block), try Self.width(&block))
    try block.skip(version == 0 ? 9 : version == 1 ? 13 : 1)
    let addresses = HDF5Source(
      file, base: 0, end: file.byteCount, offsetByteCount: widths.0, lengthByteCount: widths.1)
    let base = try block.number(widths.0)
    try block.skip(widths.0)
    let endOffset = block.offset
    let end = try block.number(widths.0)
    // What stands before the root group: a driver, or the name of the root group as well.
    if version < 2 { try block.skip(2 * widths.0) }
    let rootOffset = block.offset
    let root = try block.word(widths.0)
    if version >= 2 {
      _ = try addresses.checkedBlock("the superblock", at: place, block.offset + 4 - place)
    }
    // Addresses count from the superblock, also when a user block was put before it afterwards.
    let (shifted, overflow) = end.addingReportingOverflow(place - min(base, place))
    guard !overflow, shifted <= file.byteCount else {
      throw OunceError(
        .malformed, "the data should end at byte \(end), but the file has \(file.byteCount) bytes", file: file.path,
        offset: endOffset, remedy: "the download was cut short; fetch it again")
    }
    source = HDF5Source(
      file, base: place, end: shifted, offsetByteCount: widths.0, lengthByteCount: widths.1)
    guard let root = Int(exactly: root), root < shifted - place else {
      throw source.malformed("the root group is at \(root), behind the end of the data", at: rootOffset)
    }
    rootPlace = place + root
  }

  private static func width(_ block: inout HDF5Block) throws(OunceError) -> Int {
    let place = block.offset
    let width = try block.number(1)
    guard [2, 4, 8].contains(width) else {
      throw block.malformed("addresses and sizes of \(width) bytes, where 2, 4 and 8 are known", at: place)
    }
    return width
  }
}
