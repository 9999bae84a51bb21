internal import CLanes

// Little-endian words inside a block, at any alignment.

extension UnsafePointer<UInt8> {
  @inline(__always)
  func short(at offset: Int) -> UInt16 {
    unsafe UInt16(littleEndian: UnsafeRawPointer(self).loadUnaligned(fromByteOffset: offset, as: UInt16.self))
  }

  @inline(__always)
  func word(at offset: Int) -> UInt32 {
    unsafe UInt32(littleEndian: UnsafeRawPointer(self).loadUnaligned(fromByteOffset: offset, as: UInt32.self))
  }

  @inline(__always)
  func half(at offset: Int) -> Float { unsafe halfValue(short(at: offset)) }
}

extension UnsafeMutablePointer<UInt8> {
  @inline(__always)
  func store(_ value: UInt16, at offset: Int) {
    unsafe UnsafeMutableRawPointer(self).storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt16.self)
  }

  @inline(__always)
  func store(_ value: UInt32, at offset: Int) {
    unsafe UnsafeMutableRawPointer(self).storeBytes(of: value.littleEndian, toByteOffset: offset, as: UInt32.self)
  }

  @inline(__always)
  func storeHalf(_ value: Float, at offset: Int) { unsafe store(halfBits(value), at: offset) }
}

/// Calls `decode` with the bytes of each block and the place of its elements.
@inline(__always)
func forEachBlock(
  of blocks: RawSpan, into elements: inout MutableSpan<Float>, bytes: Int, width: Int,
  _ decode: (UnsafePointer<UInt8>, UnsafeMutablePointer<Float>) -> Void
) {
  unsafe blocks.withUnsafeBytes { source in
    unsafe elements.withUnsafeMutableBufferPointer { target in
      guard let first = source.baseAddress, let out = target.baseAddress else { return }
      precondition(source.count / bytes * width <= target.count)
      let block = unsafe first.assumingMemoryBound(to: UInt8.self)
      for index in 0..<(source.count / bytes) {
        unsafe decode(block + index * bytes, out + index * width)
      }
    }
  }
}

/// Memory for the codes of one block.
@inline(__always)
func withCodes(_ count: Int, _ body: (UnsafeMutablePointer<UInt8>) -> Void) {
  unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: count) { codes in
    guard let first = codes.baseAddress else { return }
    unsafe first.initialize(repeating: 0, count: count)
    unsafe body(first)
  }
}
