internal import CLanes

/// The index of the first NaN or infinity, sixty-four elements at a time.
func firstNonFiniteElement(_ elements: UnsafeBufferPointer<Float>) -> Int? {
  guard let first = elements.baseAddress else { return nil }
  let whole = elements.count / 64 * 64
  for index in stride(from: 0, to: whole, by: 64) {
    if unsafe lanes_any_of_64_non_finite(first + index) {
      return (index..<index + 64).first { unsafe !first[$0].isFinite }
    }
  }
  return (whole..<elements.count).first { unsafe !first[$0].isFinite }
}
