internal import OunceCore

/// Which part of a variable an entry of a checkpoint holds.
struct TensorSlice: CustomStringConvertible {
  /// For each dimension where it starts and how long it is; no length: all of the dimension.
  private(set) var extents: [(start: Int, length: Int?)] = []

  /// A `TensorSliceProto`.
  init(_ range: Range<Int>, _ message: inout ProtobufReader) throws(OunceError) {
    var slice = message.nested(range)
    while let (field, value) = try slice.next() {
      guard field == 1, case .bytes(let extent) = value else { continue }
      guard extents.count < Limits.dimensions else {
        throw message.malformed("more dimensions than the limit of \(Limits.dimensions)", at: range.lowerBound)
      }
      extents.append(try Self.extent(extent, slice))
    }
  }

  private static func extent(
    _ range: Range<Int>, _ slice: ProtobufReader
  ) throws(OunceError) -> (start: Int, length: Int?) {
    var result: (start: Int, length: Int?) = (0, nil)
    var extent = slice.nested(range)
    while let (field, value) = try extent.next() {
      guard case .integer(let word) = value, field == 1 || field == 2 else { continue }
      guard let number = Int(exactly: word) else {
        throw slice.malformed("a slice begins or ends beyond all sizes", at: range.lowerBound)
      }
      if field == 1 { result.start = number } else { result.length = number }
    }
    return result
  }

  /// As TensorFlow writes it: `0,2:-`.
  var description: String {
    extents.map { extent in extent.length.map { "\(extent.start),\($0)" } ?? "-" }.joined(separator: ":")
  }

  /// The key of its entry, in `OrderedCode`: bytes whose order is that of what they spell.
  ///
  /// Source: `tensorflow/core/lib/strings/ordered_code.cc`, `tensorflow/core/util/saved_tensor_slice_util.cc`
  func key(of name: String) -> [UInt8] {
    var key: [UInt8] = [0]
    for byte in name.utf8 {
      key.append(byte)
      if byte == 0 { key.append(0xFF) } else if byte == 0xFF { key.append(0) }
    }
    key += [0, 1]
    // A number without sign: how many bytes, then these, the highest first.
    key += extents.isEmpty ? [0] : [1, UInt8(truncatingIfNeeded: extents.count)]
    for extent in extents {
      key += Self.ordered(extent.start)
      key += Self.ordered(extent.length ?? -1)
    }
    return key
  }

  /// A number with sign: as many ones in front as it has bytes, then a zero, all turned around below zero.
  private static func ordered(_ value: Int) -> [UInt8] {
    let magnitude = UInt64(bitPattern: Int64(value < 0 ? ~value : value))
    let byteCount = (64 - magnitude.leadingZeroBitCount) / 7 + 1
    let sign: UInt8 = value < 0 ? 0xFF : 0
    var bytes = [sign, sign]
    for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: value >> shift)) }
    var ordered = Array(bytes.suffix(byteCount))
    ordered[0] ^= byteCount > 8 ? 0xFF : ~(0xFF >> UInt8(byteCount))
    if byteCount > 8 { ordered[1] ^= byteCount == 9 ? 0x80 : 0xC0 }
    return ordered
  }
}

/// How slices make one variable: along one dimension, without gaps.
struct Partition {
  /// The dimension along which they follow each other; nil: there are several.
  let axis: Int?
  /// Of each slice, along that dimension.
  let ranges: [Range<Int>]

  /// - Throws: `OunceError` when slices do not fit into the shape, overlap, or leave a gap.
  init(of shape: [Int], _ slices: [TensorSlice], file: String, offset: Int) throws(OunceError) {
    var axes: Set<Int> = []
    var boxes: [[Range<Int>]] = []
    for slice in slices {
      guard slice.extents.count == shape.count else {
        throw OunceError(
          .malformed, "the slice \(slice) has not the \(shape.count) dimensions of the tensor", file: file,
          offset: offset)
      }
      var box: [Range<Int>] = []
      for (dimension, (extent, size)) in zip(slice.extents, shape).enumerated() {
        let length = extent.length ?? size
        guard extent.start <= size, length <= size - extent.start else {
          throw OunceError(
            .malformed, "the slice \(slice) reaches beyond the shape \(shape)", file: file, offset: offset)
        }
        if length != size { axes.insert(dimension) }
        box.append(extent.start..<extent.start + length)
      }
      boxes.append(box)
    }
    axis = axes.count > 1 ? nil : axes.first ?? 0
    guard let axis, axis < shape.count else {
      ranges = axis == nil ? [] : slices.map { _ in 0..<1 }
      if axis != nil, slices.count > 1 { throw Self.overlap(file, offset) }
      return
    }
    ranges = boxes.map { $0[axis] }
    var end = 0
    for range in ranges.sorted(by: { ($0.lowerBound, $0.upperBound) < ($1.lowerBound, $1.upperBound) }) {
      guard range.lowerBound == end else { throw Self.overlap(file, offset) }
      end = range.upperBound
    }
    guard end == shape[axis] else { throw Self.overlap(file, offset) }
  }

  private static func overlap(_ file: String, _ offset: Int) -> OunceError {
    OunceError(.malformed, "its slices overlap or leave a gap", file: file, offset: offset)
  }
}
