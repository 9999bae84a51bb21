internal import CLanes

/// Decodes super-blocks of scales and minima. `fifth`: the byte offset of the fifth bits; nil: codes have four.
@inline(__always)
func decodeAffine(
  _ blocks: RawSpan, into elements: inout MutableSpan<Float>, bytes: Int, fifth: Int?, nibbles: Int
) {
  unsafe withUnsafeTemporaryAllocation(byteCount: 128, alignment: 64) { memory in
    guard let base = memory.baseAddress else { return }
    // Eight steps, then eight offsets: what a code is multiplied by and what is subtracted.
    let steps = unsafe base.bindMemory(to: Float.self, capacity: 16)
    unsafe steps.initialize(repeating: 0, count: 16)
    unsafe forEachBlock(of: blocks, into: &elements, bytes: bytes, width: 256) { source, target in
      let scales = unsafe lanes_halves(source.half(at: 0), source.half(at: 2)) * loadSixBitScales(source + 4)
      unsafe lanes_store(steps, scales)
      for i in stride(from: 0, to: 32, by: 16) {
        var top = unsafe lanes_load_bytes(source + (fifth ?? nibbles) + i)
        for g in 0..<4 {
          let pairs = unsafe lanes_load_bytes(source + nibbles + 32 * g + i)
          var low = lanes_low_nibbles(pairs)
          var high = lanes_high_nibbles(pairs)
          if fifth != nil {
            low = lanes_with_first_bit(low, top)
            high = lanes_with_second_bit(high, top)
            top = lanes_without_two_bits(top)
          }
          let out = unsafe target + 64 * g + i
          let lower = lanes_from_integers(lanes_widened(low))
          let upper = lanes_from_integers(lanes_widened(high))
          unsafe lanes_store(out, Lanes.all(steps[2 * g]) * lower - Lanes.all(steps[8 + 2 * g]))
          unsafe lanes_store(out + 32, Lanes.all(steps[2 * g + 1]) * upper - Lanes.all(steps[9 + 2 * g]))
        }
      }
    }
  }
}
