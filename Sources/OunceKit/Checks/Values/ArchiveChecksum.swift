internal import OunceContainers
public import OunceCore

/// Members of an archive, or tensors of a TensorFlow checkpoint, that are not the bytes that were written.
public struct ArchiveChecksum: FileRule {
  public let id = "OUN206"
  public let name = "archive-checksum"
  public let severity = Severity.error
  public let level = CheckLevel.full
  public let proves =
    "Every member of a zip archive, and every tensor of a TensorFlow checkpoint, has the checksum recorded of it."
  public let example = "model.pt: byte 64: member model/data/0: its checksum is 1a2b3c4d, but the archive says 5e6f7081"
  public let fix = "the file is damaged; fetch it again"

  public init() {}

  public func check(_ file: InputFile, isCancelled: () -> Bool) throws(OunceError) -> [Finding] {
    let members = try ArchiveChecksums.mismatches(in: file, isCancelled: isCancelled).map { mismatch in
      finding(
        text(mismatch.found, mismatch.expected, "archive"), file: file.path, offset: mismatch.offset,
        subject: "member \(mismatch.member)")
    }
    let tensors = try TensorChecksums.mismatches(in: file, isCancelled: isCancelled).map { mismatch in
      finding(
        text(mismatch.found, mismatch.expected, "index"), file: mismatch.file, offset: mismatch.offset,
        subject: "tensor \(mismatch.tensor)")
    }
    return members + tensors
  }

  private func text(_ found: UInt32, _ expected: UInt32, _ witness: String) -> String {
    "its checksum is \(String(found, radix: 16)), but the \(witness) says \(String(expected, radix: 16))"
  }
}
