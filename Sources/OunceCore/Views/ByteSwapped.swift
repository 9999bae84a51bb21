public import OunceEncoding

/// Rows of a big-endian file, turned into the little-endian words that encodings read.
public struct ByteSwapped: TensorData {
  private let base: any TensorData
  private let encoding: any Encoding

  public init(_ base: any TensorData, encoding: any Encoding) {
    self.base = base
    self.encoding = encoding
  }

  public func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    try base.read(rows: rows, into: &bytes)
    bytes.swapWords(of: encoding)
  }
}

extension MutableRawSpan {
  /// Turns the words of whole blocks from little to big endian, or back.
  public mutating func swapWords(of encoding: any Encoding) {
    let words = encoding.words
    guard !words.isEmpty else { return }
    unsafe withUnsafeMutableBytes { buffer in
      for block in stride(from: 0, to: buffer.count, by: encoding.bytesPerBlock) {
        for word in words {
          for index in 0..<word.count {
            let start = block + word.offset + index * word.width
            unsafe buffer[start..<start + word.width].reverse()
          }
        }
      }
    }
  }
}
