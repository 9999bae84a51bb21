/// Where every byte of one output file goes, before any element exists.
public struct FileLayout: Sendable {
  /// The bytes before the first tensor, padding included.
  public let header: [UInt8]
  /// `offsets[i]` is the file offset of tensor `i` of those that were laid out.
  public let offsets: [Int]
  /// The whole file, padding after the last tensor included. Bytes that no tensor covers are zero.
  public let byteCount: Int
  /// Whether the words of tensors are written with their most significant byte first: encoded rows then pass through
  /// `ByteSwapped` on their way into the file.
  public let isBigEndian: Bool

  public init(header: [UInt8], offsets: [Int], byteCount: Int, isBigEndian: Bool = false) {
    self.header = header
    self.offsets = offsets
    self.byteCount = byteCount
    self.isBigEndian = isBigEndian
  }
}
