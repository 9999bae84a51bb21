/// Calls `encode` with the elements of each block and the place of its bytes, for encodings whose blocks do not depend
/// on their row.
@inline(__always)
func forEachBlock(
  of elements: Span<Float>, into blocks: inout MutableRawSpan, width: Int, bytes: Int,
  _ encode: (UnsafePointer<Float>, UnsafeMutablePointer<UInt8>) -> Void
) {
  precondition(elements.count / width * bytes <= blocks.byteCount)
  unsafe elements.withUnsafeBufferPointer { source in
    unsafe blocks.withUnsafeMutableBytes { target in
      guard let x = source.baseAddress, let first = target.baseAddress else { return }
      let out = unsafe first.assumingMemoryBound(to: UInt8.self)
      for index in 0..<(source.count / width) {
        unsafe encode(x + index * width, out + index * bytes)
      }
    }
  }
}
