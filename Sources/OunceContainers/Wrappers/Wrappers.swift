internal import OunceCore

/// What stands around a weight file without being one: compressed files, and archives of files.
///
/// A wrapper is no container: the model is that of the file inside. What is compressed is unpacked once, into a file
/// without a name that lies where `SpillSpace` says; a file that does not say how long its content is (gzip, Zstandard)
/// is unpacked whole when it is opened. What one file on disk may become is bounded, however often it is wrapped.
enum Wrappers {
  enum Kind {
    case gzip
    case zstandard
    case zip(ZipArchive)
    case tar

    /// Endings of names that say this kind, and what they stand for.
    fileprivate var endings: [(ending: String, meaning: String)] {
      switch self {
      case .gzip: [(".gz", ""), (".tgz", ".tar"), (".gzip", "")]
      case .zstandard: [(".zst", ""), (".zstd", ""), (".tzst", ".tar")]
      case .zip, .tar: []
      }
    }
  }

  /// What wraps a file, by its content; nil: nothing that is known here.
  static func kind(_ candidate: Candidate) -> Kind? {
    if candidate.has([0x1F, 0x8B, 8]) { return .gzip }
    // A frame, or a frame that is passed over: files of parallel compressors begin with one.
    let isSkippable = candidate.has([0x2A, 0x4D, 0x18], at: 1) && candidate.head[0] & 0xF0 == 0x50
    if candidate.has([0x28, 0xB5, 0x2F, 0xFD]) || isSkippable { return .zstandard }
    if let archive = candidate.archive { return .zip(archive) }
    return TarArchive.recognizes(candidate) ? .tar : nil
  }

  /// The model inside of a wrapper; nil when the file is none.
  ///
  /// - Parameter depth: how many wrappers are around this file.
  /// - Throws: `OunceError` for too many wrappers, content beyond the limits, and archives without one clear model.
  static func model(in candidate: Candidate, depth: Int) throws(OunceError) -> Model? {
    guard let kind = kind(candidate) else { return nil }
    let file = candidate.file
    guard depth < Limits.wrapperNesting else {
      throw OunceError(
        .unsupported, "is wrapped more than \(Limits.wrapperNesting) times", file: file.path,
        remedy: "unpack it first, then name what was in it")
    }
    switch kind {
    case .gzip:
      let stream = InflateStream(file, 0..<file.byteCount, .gzip)
      return try Containers.read(try unpack(stream, file, kind), depth: depth + 1)
    case .zstandard:
      let stream = ZstandardStream(file, 0..<file.byteCount)
      return try Containers.read(try unpack(stream, file, kind), depth: depth + 1)
    case .zip(let archive): return try WrappedFolder(.zip(archive), depth: depth).model()
    case .tar: return try WrappedFolder(.tar(try TarArchive(file)), depth: depth).model()
    }
  }

  private static func unpack(
    _ stream: sending any ByteStream, _ file: InputFile, _ kind: Kind
  ) throws(OunceError) -> InputFile {
    let outer = file.container
    let limit = Unpacking.limit(for: outer.byteCount)
    let path = "\(file.path)/\(innerName(Paths.name(of: file.path), kind))"
    guard let content = try InputFile(path: path, unpackingAll: stream, atMost: limit, from: file) else {
      throw OunceError(
        .malformed, "unpacks to more than \(limit) bytes, the limit for a file of \(outer.byteCount): a bomb",
        file: file.path, remedy: "when you trust the file, unpack it yourself first")
    }
    guard content.byteCount > 0 else {
      throw OunceError(
        .malformed, "unpacks to nothing", file: file.path, offset: 0,
        remedy: "the download did not begin or failed; fetch it again")
    }
    return content
  }

  /// `model.gguf` for `model.gguf.gz`; another name stays as it is.
  private static func innerName(_ name: String, _ kind: Kind) -> String {
    for (ending, meaning) in kind.endings where name.hasSuffix(ending) && name.utf8.count > ending.utf8.count {
      return name.dropLast(ending.count) + meaning
    }
    return name
  }
}
