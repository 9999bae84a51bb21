internal import OunceCore

/// Codes whose planes are folded: element `e` of the flat weight is part `e / step` of element `e mod step`.
struct FlatCodes: Sendable {
  private let plane: Plane
  /// Elements of the plane.
  let step: Int
  private let shifts: [UInt32]
  private let mask: UInt32
  private let unit: Int

  /// - Parameters:
  ///   - unit: bytes of one element of the plane: 1 or 4.
  ///   - shifts: where each part stands.
  init(_ tensor: Tensor, unit: Int, bits: Int, shifts: [UInt32]) {
    plane = Plane(tensor, unit: unit)
    step = plane.count
    self.shifts = shifts
    self.unit = unit
    mask = (1 << UInt32(bits)) - 1
  }

  /// How many codes there are.
  var count: Int { step * shifts.count }

  /// Sets `elements` to the codes of `range`, which the caller guarantees to exist.
  func decode(_ range: Range<Int>, into elements: inout MutableSpan<Float>) throws(OunceError) {
    var element = range.lowerBound
    while element < range.upperBound {
      let (part, start) = element.quotientAndRemainder(dividingBy: step)
      let end = min(step, start + range.upperBound - element)
      let shift = shifts[part]
      let target = element - range.lowerBound - start
      if unit == 1 {
        let bytes = try plane.bytes(start..<end)
        for place in start..<end { elements[target + place] = Float(UInt32(bytes[place - start]) >> shift & mask) }
      } else {
        let words = try plane.words(start..<end)
        for place in start..<end { elements[target + place] = Float(words[place - start] >> shift & mask) }
      }
      element += end - start
    }
  }
}

/// Scales or zero points, one for each group of a flat weight.
struct FlatGroups: Sendable {
  enum Order {
    /// So many elements in a row share one.
    case runs(Int)
    /// Elements at this distance share one.
    case combs(Int)
  }

  let plane: Plane
  let order: Order

  /// The values of some elements' groups, and what gives the index of an element's group among them.
  func values(of range: Range<Int>) throws(OunceError) -> (values: [Float], first: Int) {
    switch order {
    case .runs(let size):
      let groups = range.lowerBound / size..<(range.upperBound + size - 1) / size
      return (try plane.floats(groups), groups.lowerBound)
    case .combs(let count):
      let (first, last) = (range.lowerBound % count, (range.upperBound - 1) % count)
      // A range that comes round needs all.
      let groups = range.count >= count || first > last ? 0..<count : first..<last + 1
      return (try plane.floats(groups), groups.lowerBound)
    }
  }

  @inline(__always)
  func index(_ element: Int) -> Int {
    switch order {
    case .runs(let size): element / size
    case .combs(let count): element % count
    }
  }
}
