internal import OunceContainers
public import OunceCore

/// Members of an archive that are not the bytes that were packed.
public struct ArchiveChecksum: FileRule {
  public let id = "OUN206"
  public let name = "archive-checksum"
  public let severity = Severity.error
  public let level = CheckLevel.full
  public let proves = "Every member of a zip archive has the checksum that the archive records."
  public let example = "model.pt: byte 64: member model/data/0: its checksum is 1a2b3c4d, but the archive says 5e6f7081"
  public let fix = "the file is damaged; fetch it again"

  public init() {}

  public func check(_ file: InputFile, isCancelled: () -> Bool) throws(OunceError) -> [Finding] {
    try ArchiveChecksums.mismatches(in: file, isCancelled: isCancelled).map { mismatch in
      finding(
        "its checksum is \(String(mismatch.found, radix: 16)), but the archive says "
          + String(mismatch.expected, radix: 16), file: file.path, offset: mismatch.offset,
        subject: "member \(mismatch.member)")
    }
  }
}
