public import OunceEncoding

/// Floats that are computed of small whole numbers (codes) and of parameters that groups of them share.
///
/// Groups are boxes: each dimension of the tensor is cut into equal parts. Parameters are read when rows are, and only
/// those that the rows need.
public struct Dequantized: TensorData {
  /// How a code becomes a float.
  public enum Rule: Sendable {
    /// `scale · (code − zero)`, in floats; without zeros, `scale · code`.
    case scaled
    /// `scale · code + bias`, in doubles, rounded once at the end.
    case linear
    /// The entry of a table of so many floats.
    case table(Int)

    fileprivate var entryCount: Int { if case .table(let count) = self { count } else { 1 } }
  }

  /// Numbers for each group.
  public struct Parameters: Sendable {
    let data: any TensorData
    let encoding: any Encoding
    let groups: [Int]

    /// - Parameters:
    ///   - data: rows of all groups along the last dimension, each with as many entries as the rule has.
    ///   - groups: how many groups each dimension is cut into; as many dimensions as the tensor has.
    public init(_ data: any TensorData, _ encoding: any Encoding, groups: [Int]) {
      self.data = data
      self.encoding = encoding
      self.groups = groups
    }
  }

  private let codes: any TensorData
  private let isSigned: Bool
  private let shape: [Int]
  private let rule: Rule
  private let main: Parameters
  private let other: Parameters?
  private let target: any WritableEncoding

  /// - Parameters:
  ///   - codes: one byte each, in rows of the tensor.
  ///   - shape: of at least one dimension; each size is a multiple of the number of groups.
  ///   - main: scales, or tables with an entry for each code.
  ///   - other: zeros or biases.
  public init(
    codes: any TensorData, isSigned: Bool, shape: [Int], rule: Rule, _ main: Parameters, _ other: Parameters? = nil,
    to target: any WritableEncoding
  ) {
    self.codes = codes
    self.isSigned = isSigned
    self.shape = shape
    self.rule = rule
    self.main = main
    self.other = other
    self.target = target
  }

  public func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    let columnCount = shape.last ?? 1
    guard !rows.isEmpty, columnCount > 0 else { return }
    var packed = Buffer(byteCount: rows.count * columnCount)
    try packed.withMutableBytes(0..<packed.byteCount) { (span) throws(OunceError) in
      try codes.read(rows: rows, into: &span)
    }
    let numbers = packed.withBytes(0..<packed.byteCount) { span in
      span.byteOffsets.map { index in span.unsignedByte(at: index) }
    }
    let main = try Loaded(main, shape, rows, entryCount: rule.entryCount)
    let other: Loaded? = if let other { try Loaded(other, shape, rows, entryCount: 1) } else { nil }
    var floats = Buffer(byteCount: numbers.count * 4)
    floats.withMutableFloats(numbers.count) { elements in
      for row in 0..<rows.count {
        for column in 0..<columnCount {
          let index = row * columnCount + column
          elements[index] = value(numbers[index], main, other, row, column)
        }
      }
    }
    floats.withFloats(numbers.count) { target.encode($0, columns: columnCount, importance: nil, into: &bytes) }
  }

  private func value(_ code: UInt8, _ main: Loaded, _ other: Loaded?, _ row: Int, _ column: Int) -> Float {
    if case .table = rule { return main.value(row, column, entry: Int(code)) }
    let number = isSigned ? Int(Int8(bitPattern: code)) : Int(code)
    let scale = main.value(row, column)
    guard let other else { return scale * Float(number) }
    let shift = other.value(row, column)
    if case .linear = rule { return Float(Double(scale) * Double(number) + Double(shift)) }
    return scale * (Float(number) - shift)
  }

  /// The parameters of some rows.
  private struct Loaded {
    private let values: [Float]
    /// Where the parameters of a row begin.
    private let starts: [Int]
    private let groupColumnCount: Int
    private let entryCount: Int

    init(_ parameters: Parameters, _ shape: [Int], _ rows: Range<Int>, entryCount: Int) throws(OunceError) {
      self.entryCount = entryCount
      let columnCount = shape.last ?? 1
      let groupCount = parameters.groups.last ?? 1
      groupColumnCount = columnCount / max(groupCount, 1)
      let places = rows.map { Self.place(of: $0, shape, parameters.groups) }
      let first = places.min() ?? 0
      let end = (places.max() ?? 0) + 1
      let rowCount = groupCount * entryCount
      starts = places.map { ($0 - first) * rowCount }
      let encoding = parameters.encoding
      var encoded = Buffer(byteCount: (end - first) * rowCount * encoding.bytesPerBlock)
      try encoded.withMutableBytes(0..<encoded.byteCount) { (span) throws(OunceError) in
        try parameters.data.read(rows: first..<end, into: &span)
      }
      let count = (end - first) * rowCount
      var floats = Buffer(byteCount: count * 4)
      floats.withMutableFloats(count) { elements in
        encoded.withBytes(0..<encoded.byteCount) { encoding.decode($0, into: &elements) }
      }
      values = floats.withFloats(count) { span in span.indices.map { span[$0] } }
    }

    func value(_ row: Int, _ column: Int, entry: Int = 0) -> Float {
      values[starts[row] + column / groupColumnCount * entryCount + entry]
    }

    /// The row of parameters that serves a row of the tensor.
    private static func place(of row: Int, _ shape: [Int], _ groups: [Int]) -> Int {
      var rest = row
      var place = 0
      var stride = 1
      for dimension in shape.indices.dropLast().reversed() {
        let index = rest % shape[dimension]
        rest /= shape[dimension]
        place += index / (shape[dimension] / groups[dimension]) * stride
        stride *= groups[dimension]
      }
      return place
    }
  }
}

extension RawSpan {
  fileprivate func unsignedByte(at offset: Int) -> UInt8 { unsafe unsafeLoad(fromByteOffset: offset, as: UInt8.self) }
}
