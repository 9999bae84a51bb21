internal import SystemPackage

/// A small file that only grows: notes that a run leaves for the next one. Whoever loses it loses time, no bytes, so its
/// errors are answers, not reasons to stop.
public struct GrowingFile: ~Copyable, Sendable {
  public let path: String
  private let descriptor: FileDescriptor
  private var byteCount: Int

  /// Creates the file or, where `byteCount` is more than 0, goes on after so many bytes of it. nil: it cannot be made.
  public init?(path: String, keeping byteCount: Int = 0) {
    guard let descriptor = try? System.open(path, .readWrite, options: [.create, .noFollow]) else { return nil }
    guard (try? System.truncate(descriptor, to: byteCount)) != nil else {
      try? descriptor.close()
      return nil
    }
    self.path = path
    self.descriptor = descriptor
    self.byteCount = byteCount
  }

  deinit { try? descriptor.close() }

  /// Adds `bytes` at the end; whether that worked.
  public mutating func append(_ bytes: [UInt8]) -> Bool {
    let written: Void? = bytes.withRawSpan { span in try? System.write(descriptor, span, at: byteCount) }
    byteCount += bytes.count
    return written != nil
  }
}
