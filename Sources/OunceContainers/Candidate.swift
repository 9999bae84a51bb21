public import OunceCore

/// What can be known of a file before it is read: its first bytes and, when it is a zip archive, its members.
public struct Candidate: Sendable {
  public let file: InputFile
  /// The first bytes, up to 4096 of them.
  public let head: [UInt8]
  /// The directory of a zip archive; nil when it is none, or a damaged one.
  let archive: ZipArchive?
  /// What is wrong with an archive that begins like one.
  let archiveError: OunceError?

  public var byteCount: Int { file.byteCount }

  /// - Throws: `OunceError` when the file cannot be read.
  public init(_ file: InputFile) throws(OunceError) {
    self.file = file
    head = try file.head()
    (archive, archiveError) = Self.archive(file, head)
  }

  /// Archives begin with the header of a member; a program that can be run may have one behind it.
  private static func archive(_ file: InputFile, _ head: [UInt8]) -> (ZipArchive?, OunceError?) {
    let isArchive = head.starts(with: [0x50, 0x4B, 0x03, 0x04]) || head.starts(with: [0x50, 0x4B, 0x05, 0x06])
    let programs: [[UInt8]] = [Array("MZ".utf8), [0x7F] + Array("ELF".utf8), Array("#!".utf8)]
    guard isArchive || (programs.contains { head.starts(with: $0) } && ZipEnd.isPresent(in: file)) else {
      return (nil, nil)
    }
    do { return (try ZipArchive(file), nil) } catch { return (nil, error) }
  }

  /// The bytes of `head` from `offset` on begin with these.
  func has(_ bytes: some Collection<UInt8>, at offset: Int = 0) -> Bool {
    head.count >= offset + bytes.count && head[offset...].starts(with: bytes)
  }

  func has(_ text: String, at offset: Int = 0) -> Bool { has(Array(text.utf8), at: offset) }
}

/// A folder whose files make one model.
public struct Folder: Sendable {
  public let path: String
  /// What is in it, hidden names too, sorted by their bytes.
  public let names: [String]
  private let pool: DescriptorPool

  /// - Throws: `OunceError` when it cannot be listed, or holds more than `Limits.folderEntries` names.
  public init(_ path: String, _ pool: DescriptorPool) throws(OunceError) {
    self.path = path
    self.pool = pool
    names = try Paths.names(in: path)
    guard names.count <= Limits.folderEntries else {
      throw OunceError(
        .malformed, "holds \(names.count) names, more than the limit of \(Limits.folderEntries)", file: path)
    }
  }

  /// Whether `name`, which may reach into subfolders, is a file.
  public func hasFile(_ name: String) -> Bool { Paths.isFile(Paths.join(path, name)) }
  public func hasFolder(_ name: String) -> Bool { Paths.isFolder(Paths.join(path, name)) }

  /// A file of this folder. Of many, each is opened by its first read.
  public func file(_ name: String) throws(OunceError) -> InputFile {
    try InputFile(path: Paths.join(path, name), pool: pool, isDeferred: true)
  }

  public func folder(_ name: String) throws(OunceError) -> Folder { try Folder(Paths.join(path, name), pool) }
}
