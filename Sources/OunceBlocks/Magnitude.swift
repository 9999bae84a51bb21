internal import CLanes

extension BlockKernels {
  /// Magnitudes order like their bits without the sign, and those of NaN come last of all.
  public func largestMagnitude(_ elements: Span<Float>) -> Float {
    let whole = elements.count & ~31
    var largest: UInt32 = 0
    unsafe elements.withUnsafeBytes { source in
      var (first, second) = (lanes_all_integers(0), lanes_all_integers(0))
      for index in stride(from: 0, to: whole * 4, by: 128) {
        let a = unsafe source.loadUnaligned(fromByteOffset: index, as: IntLanes.self)
        let b = unsafe source.loadUnaligned(fromByteOffset: index + 64, as: IntLanes.self)
        first = lanes_greatest(first, lanes_bits(a, 0x7FFF_FFFF))
        second = lanes_greatest(second, lanes_bits(b, 0x7FFF_FFFF))
      }
      largest = UInt32(bitPattern: lanes_greatest(first, second).max())
    }
    for index in whole..<elements.count { largest = max(largest, elements[index].bitPattern & 0x7FFF_FFFF) }
    return Float(bitPattern: largest)
  }
}
