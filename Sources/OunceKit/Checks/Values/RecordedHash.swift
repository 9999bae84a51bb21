public import OunceCore

/// A file that is not what its download recorded.
///
/// Two places carry the SHA-256 of a file from the Hugging Face Hub without any network: the cache, where a file is a
/// link to `blobs/<SHA-256>`, and a download folder, where `.cache/huggingface/download/<name>.metadata` has it as the
/// second of its lines.
public struct RecordedHash: FileRule {
  public let id = "OUN207"
  public let name = "recorded-hash"
  public let severity = Severity.error
  public let level = CheckLevel.full
  public let proves = "The file has the SHA-256 that the Hugging Face cache, or its download folder, recorded."
  public let example = "model.safetensors: its SHA-256 is 0f3a…, but the download recorded 91bc…"
  public let fix = "the file is damaged or was changed; fetch it again"

  public init() {}

  public func check(_ file: InputFile, isCancelled: () -> Bool) throws(OunceError) -> [Finding] {
    guard let expected = Self.recorded(file.path) else { return [] }
    let found = try ContentHash.sha256(of: file)
    guard found != expected else { return [] }
    return [finding("its SHA-256 is \(found), but the download recorded \(expected)", file: file.path)]
  }

  /// The hash that lies beside the file; nil when there is none.
  static func recorded(_ path: String) -> String? {
    if let real = Paths.resolved(path), Paths.name(of: Paths.folder(of: real)) == "blobs",
      let hash = hash(Paths.name(of: real))
    {
      return hash
    }
    let folder = Paths.join(Paths.folder(of: path), ".cache/huggingface/download")
    guard let file = try? InputFile(path: Paths.join(folder, Paths.name(of: path) + ".metadata")),
      let bytes = try? file.wholeContent(atMost: 1 << 16)
    else { return nil }
    let lines = String(decoding: bytes, as: UTF8.self).split(separator: "\n", omittingEmptySubsequences: false)
    return lines.count > 1 ? hash(String(lines[1])) : nil
  }

  /// Small files are recorded by the hash that Git gives them, which is shorter.
  private static func hash(_ text: String) -> String? {
    text.utf8.count == 64 && text.allSatisfy(\.isHexDigit) ? text.lowercased() : nil
  }
}
