public import OunceCore

/// The checksums that a zip archive records of its members.
public enum ArchiveChecksums {
  public struct Mismatch: Sendable, Equatable {
    public let member: String
    /// Where the member is in the file.
    public let offset: Int
    public let expected: UInt32
    public let found: UInt32
  }

  /// Members whose bytes have another checksum than their archive says. Reads, and unpacks, all of them; nothing is
  /// read of a file that is no archive.
  ///
  /// - Throws: `OunceError` when a member cannot be unpacked.
  public static func mismatches(
    in file: InputFile, isCancelled: () -> Bool = { false }
  ) throws(OunceError) -> [Mismatch] {
    guard let archive = try Candidate(file).archive else { return [] }
    var mismatches: [Mismatch] = []
    for member in archive.members {
      let content = try archive.open(member)
      let checksum = try content.checksum(of: 0..<content.byteCount, isCancelled: isCancelled) {
        CRC32.checksum(of: $0, after: $1)
      }
      guard checksum != member.checksum else { continue }
      mismatches.append(
        Mismatch(member: member.name, offset: member.headerOffset, expected: member.checksum, found: checksum))
    }
    return mismatches
  }
}
