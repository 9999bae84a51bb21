/// Where every byte of one output file goes, before any element exists.
public struct FileLayout: Sendable {
  /// Bytes between or behind tensors.
  public struct Insert: Sendable {
    public let offset: Int
    public let bytes: [UInt8]
  }

  /// A CRC-32 over some fixed bytes and a tensor behind them, which is known when the tensor is.
  public struct Checksum: Sendable {
    /// The index of the tensor among those that were laid out.
    public let tensor: Int
    /// The checksum of the bytes before the tensor.
    public let before: UInt32
    /// Where the four bytes of the checksum go.
    public let offsets: [Int]
  }

  /// The bytes before the first tensor, padding included.
  public let header: [UInt8]
  /// `offsets[i]` is the file offset of tensor `i` of those that were laid out.
  public let offsets: [Int]
  /// The whole file, padding after the last tensor included. Bytes that nothing covers are zero.
  public let byteCount: Int
  /// Whether the words of tensors are written with their most significant byte first: encoded rows then pass through
  /// `ByteSwapped` on their way into the file.
  public let isBigEndian: Bool
  /// What else is fixed, in the order of the file.
  public let inserts: [Insert]
  public let checksums: [Checksum]

  public init(
    header: [UInt8], offsets: [Int], byteCount: Int, isBigEndian: Bool = false, inserts: [Insert] = [],
    checksums: [Checksum] = []
  ) {
    self.header = header
    self.offsets = offsets
    self.byteCount = byteCount
    self.isBigEndian = isBigEndian
    self.inserts = inserts
    self.checksums = checksums
  }
}
