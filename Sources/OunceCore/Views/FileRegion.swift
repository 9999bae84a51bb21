/// Rows that lie one after the other in a file.
public struct FileRegion: TensorData {
  public let file: InputFile
  /// Where the first row begins.
  public let offset: Int
  public let rowByteCount: Int

  public init(file: InputFile, offset: Int, rowByteCount: Int) {
    self.file = file
    self.offset = offset
    self.rowByteCount = rowByteCount
  }

  public func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    try file.read(at: offset + rows.lowerBound * rowByteCount, into: &bytes)
  }

  /// The same bytes in rows of another size.
  public func reshaped(rowByteCount: Int) -> FileRegion {
    FileRegion(file: file, offset: offset, rowByteCount: rowByteCount)
  }

  /// Tells the system that these rows are read soon.
  public func prefetch(rows: Range<Int>) {
    file.prefetch(offset + rows.lowerBound * rowByteCount..<offset + rows.upperBound * rowByteCount)
  }
}
