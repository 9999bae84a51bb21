internal import CLanes
internal import OunceEncoding

extension Q8_0 {
  /// The largest magnitude does not depend on the order, so here the lanes are the elements of one block.
  public func encode(
    _ elements: Span<Float>, columns: Int, importance: Span<Float>?, into blocks: inout MutableRawSpan
  ) {
    unsafe withRows(elements, columns: columns, importance: importance, into: &blocks) { rows in
      for block in unsafe 0..<rows.count {
        let x = unsafe rows.x + block * 32
        let target = unsafe rows.target + block * 34
        let low = unsafe lanes_load(x)
        let high = unsafe lanes_load(x + 16)
        let peak = lanes_largest_magnitude(low, high)
        let scale = peak / 127
        unsafe target.storeHalf(scale, at: 0)
        let inverse = 1 / scale
        guard inverse.isFinite else {
          // All zero, or so small that the products fit no integer: the reference's codes are then 0 too.
          unsafe (target + 2).update(repeating: 0, count: 32)
          continue
        }
        unsafe lanes_store_bytes(target + 2, lanes_narrowed(lanes_rounded_away(low * inverse)))
        unsafe lanes_store_bytes(target + 18, lanes_narrowed(lanes_rounded_away(high * inverse)))
      }
    }
  }
}
