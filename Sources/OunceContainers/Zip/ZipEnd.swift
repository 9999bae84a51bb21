internal import OunceCore

/// What stands at the end of a zip archive: where its directory is.
struct ZipEnd {
  let memberCount: Int
  let directory: Range<Int>
  /// Where the archive begins in the file: places count from here.
  let base: Int

  /// The end record, at least; a comment of 64 KiB may follow it.
  private static let byteCount = 22
  private static let signature: [UInt8] = [0x50, 0x4B, 0x05, 0x06]

  /// Whether the file ends like a zip archive.
  static func isPresent(in file: InputFile) -> Bool { (try? find(file)) != nil }

  init(_ file: InputFile) throws(OunceError) {
    guard let end = try Self.find(file) else {
      throw OunceError(
        .malformed, "begins like a zip archive, but has no directory at its end", file: file.path,
        offset: file.byteCount, remedy: "the download was cut short; fetch it again")
    }
    var reader = ByteReader(file, at: end + 4)
    let (disk, directoryDisk) = (try reader.integer(UInt16.self), try reader.integer(UInt16.self))
    try reader.skip(2)
    var count = UInt64(try reader.integer(UInt16.self))
    var size = UInt64(try reader.integer(UInt32.self))
    var place = UInt64(try reader.integer(UInt32.self))
    guard disk == directoryDisk, disk == 0 || disk == UInt16.max else {
      throw OunceError(
        .unsupported, "is one of several parts of a zip archive", file: file.path, offset: end,
        remedy: "join the parts first")
    }
    var directoryEnd = end
    if let wide = try Self.wideRecord(file, before: end) {
      var reader = ByteReader(file, at: wide + 32)
      (count, size, place) = (try reader.integer(), try reader.integer(), try reader.integer())
      directoryEnd = wide
    }
    guard size <= UInt64(directoryEnd), place <= UInt64(directoryEnd) - size else {
      throw OunceError(
        .malformed, "the directory of \(size) bytes at byte \(place) is not before the end of the archive",
        file: file.path, offset: end)
    }
    // An entry has at least 46 bytes.
    guard count <= UInt64(Limits.zipMembers), count <= size / 46 else {
      throw OunceError(
        .malformed, "\(count) members do not fit into a directory of \(size) bytes (limit \(Limits.zipMembers))",
        file: file.path, offset: end)
    }
    memberCount = Int(count)
    directory = directoryEnd - Int(size)..<directoryEnd
    base = directory.lowerBound - Int(place)
  }

  /// Where the end record is; nil when there is none.
  private static func find(_ file: InputFile) throws(OunceError) -> Int? {
    let start = max(0, file.byteCount - byteCount - 65_535)
    let tail = try file.bytes(start..<file.byteCount)
    guard tail.count >= byteCount else { return nil }
    for index in (0...tail.count - byteCount).reversed() where tail[index...].starts(with: signature) {
      let comment = Int(tail[index + 20]) | Int(tail[index + 21]) << 8
      if index + byteCount + comment == tail.count { return start + index }
    }
    return nil
  }

  /// Where the record of 64-bit numbers is; nil when there is none.
  private static func wideRecord(_ file: InputFile, before end: Int) throws(OunceError) -> Int? {
    guard end >= 20 + 56 else { return nil }
    var reader = ByteReader(file, at: end - 20)
    guard try reader.integer(UInt32.self) == 0x0706_4B50 else { return nil }
    try reader.skip(4)
    let stated = try reader.integer(UInt64.self)
    // The stated place counts from the beginning of the archive, which may lie behind other content: even behind
    // another archive, whose record would then be taken. Nearly always the record is right before.
    for place in [end - 20 - 56, Int(exactly: stated)] {
      guard let place, place >= 0, place <= end - 20 - 56 else { continue }
      var record = ByteReader(file, at: place)
      if try record.integer(UInt32.self) == 0x0606_4B50 { return place }
    }
    throw OunceError(
      .malformed, "the zip archive names a 64-bit record at byte \(stated), where there is none", file: file.path,
      offset: end - 20)
  }
}
