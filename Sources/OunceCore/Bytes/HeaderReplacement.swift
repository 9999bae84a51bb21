internal import SystemPackage

/// The first bytes of a file, replaced where they are.
///
/// The old bytes are kept in `<name>.ounce-undo` until the new ones are durable. An undo file that is found tells of a
/// replacement that was interrupted.
public struct HeaderReplacement: Sendable {
  private let path: String
  private var undoPath: String { path + ".ounce-undo" }

  public init(path: String) { self.path = path }

  /// Whether a replacement was interrupted.
  public var isInterrupted: Bool { Paths.isFile(undoPath) }

  /// Replaces the first `bytes.count` bytes.
  ///
  /// - Throws: `OunceError` when the file cannot be written; the old bytes are there then, or in the undo file.
  public func replace(with bytes: [UInt8]) throws(OunceError) {
    let old = try InputFile(path: path).bytes(0..<bytes.count)
    let undo = try OutputFile(path: undoPath)
    try old.withRawSpan { (span) throws(OunceError) in try undo.write(span, at: 0) }
    try undo.commit()
    try write(bytes)
    try? System.remove(undoPath)
  }

  /// Takes back a replacement that was interrupted.
  public func restore() throws(OunceError) {
    let file = try InputFile(path: undoPath)
    try write(try file.bytes(0..<file.byteCount))
    try? System.remove(undoPath)
  }

  private func write(_ bytes: [UInt8]) throws(OunceError) {
    do throws(Errno) {
      let descriptor = try System.open(path, .readWrite)
      defer { try? descriptor.close() }
      try bytes.withRawSpan { (span) throws(Errno) in try System.write(descriptor, span, at: 0) }
      try System.synchronize(descriptor)
    } catch {
      throw OunceError(
        .output, "cannot be changed: \(error)", file: path,
        remedy: isInterrupted ? "run the edit again: it begins by taking back what was begun" : nil)
    }
  }
}
