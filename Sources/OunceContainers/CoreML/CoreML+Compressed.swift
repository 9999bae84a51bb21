internal import OunceCore
internal import OunceEncoding

/// Values that a program computes before it runs: `constexpr_…`.
///
/// | operation | value |
/// |---|---|
/// | `affine_dequantize` | `scale · (quantized_data − zero_point)`, for each index of `axis` or for all |
/// | `blockwise_shift_scale` | `scale · (data − offset)`, for each box of equal size |
/// | `lut_to_dense` | `lut[indices]`; of iOS 18: a table for each box of equal size |
/// | `cast` | the same numbers in another type: given as they are stored |
///
/// Source: https://apple.github.io/coremltools/source/coremltools.converters.mil.mil.ops.defs.html. Computed in floats
/// and rounded to the type of the result, which is what coremltools computes.
extension CoreMLReader {
  enum Decompressed {
    case tensor(Tensor)
    /// As the end of a sentence about the tensor.
    case unsupported(String)
  }

  mutating func decompressed(_ operation: CoreMLOperation, _ name: String) throws(OunceError) -> Decompressed {
    guard operation.references.isEmpty else { return .unsupported("is computed of other compressed values") }
    switch operation.type {
    case "constexpr_affine_dequantize":
      return try scaled(operation, name, codes: "quantized_data", zeros: "zero_point", isBoxes: false)
    case "constexpr_blockwise_shift_scale":
      return try scaled(operation, name, codes: "data", zeros: "offset", isBoxes: true)
    case "constexpr_lut_to_dense": return try looked(operation, name)
    case "constexpr_cast":
      let source = try self.value("source_val", of: operation)
      guard let tensor = try tensor(source, name) else { return .unsupported("is a cast of an unknown type") }
      return .tensor(tensor)
    default: return .unsupported("is compressed by \(operation.type)")
    }
  }

  // MARK: - Scales

  private mutating func scaled(
    _ operation: CoreMLOperation, _ name: String, codes codesName: String, zeros zerosName: String, isBoxes: Bool
  ) throws(OunceError) -> Decompressed {
    let codes = try value(codesName, of: operation)
    let scale = try value("scale", of: operation)
    let zero = operation.values[zerosName]
    guard let type = codes.type, ["I8", "U8"].contains(type.encoding) else {
      return .unsupported("is computed of codes that are no small integers")
    }
    guard let result = try result(operation, name, shape: codes.shape) else {
      return .unsupported("is computed, but to no floats")
    }
    // In halves, a zero that is a fraction would be subtracted with a rounding of its own.
    let isFraction = isBoxes && !["I8", "U8"].contains(zero?.type?.encoding ?? "I8")
    guard !isFraction || result.target.name == "F32" else { return .unsupported("has offsets that are fractions") }
    var axis: Int?
    if !isBoxes { axis = try self.axis(operation, rank: result.sizes.count) }
    let main = try parameters(scale, result.sizes, axis: axis, name: "scales", entryCount: 1)
    var other: Dequantized.Parameters?
    if let zero { other = try parameters(zero, result.sizes, axis: axis, name: "zeros", entryCount: 1) }
    let bytes = try elements(codes, type, count: result.info.elementCount, perRow: result.info.columnCount)
    let data = Dequantized(
      codes: bytes.data, isSigned: type.isSigned, shape: result.sizes, rule: .scaled, main, other, to: result.target)
    return .tensor(Tensor(info: result.info, data: data))
  }

  /// The dimension that has a scale for each index.
  private mutating func axis(_ operation: CoreMLOperation, rank: Int) throws(OunceError) -> Int {
    let value = try value("axis", of: operation)
    let axis = Int(Int32(truncatingIfNeeded: try integers(value, atMost: 1).first ?? 0))
    guard (-rank..<rank).contains(axis) else {
      throw root.malformed("the axis \(axis) is none of \(rank) dimensions", at: value.range.lowerBound)
    }
    return axis < 0 ? axis + rank : axis
  }

  /// Numbers for each group of a tensor.
  ///
  /// - Parameters:
  ///   - axis: the dimension that is cut when there are several values; nil: the values have all dimensions of the
  ///     tensor, each cut into as many parts as there are values.
  ///   - entryCount: numbers of each group, the last dimensions of the values.
  private mutating func parameters(
    _ value: CoreMLValue, _ sizes: [Int], axis: Int?, name: String, entryCount: Int
  ) throws(OunceError) -> Dequantized.Parameters {
    func refuse() -> OunceError {
      root.malformed("\(name) of the shape \(value.shape) do not fit the shape \(sizes)", at: value.range.lowerBound)
    }
    guard let type = value.type, let encoding = Encodings.named(type.encoding) else {
      throw root.malformed("\(name) are of an unknown type", at: value.range.lowerBound)
    }
    var groups = sizes.map { _ in 1 }
    if let axis {
      guard value.shape.count < 2 else { throw refuse() }
      groups[axis] = value.shape.first ?? 1
    } else {
      groups = Array(value.shape.prefix(sizes.count))
    }
    guard groups.count == sizes.count, zip(groups, sizes).allSatisfy({ $0 > 0 && $1 % $0 == 0 && $0 <= max($1, 1) })
    else { throw refuse() }
    if let axis, groups[axis] != 1, groups[axis] != sizes[axis] { throw refuse() }
    let info = try TensorInfo(name: name, shape: value.shape, encoding: encoding)
    let rowCount = (groups.last ?? 1) * entryCount
    guard info.elementCount == groups.reduce(1, *) * entryCount else { throw refuse() }
    let bytes = try elements(value, type, count: info.elementCount, perRow: rowCount)
    return Dequantized.Parameters(bytes.data, encoding, groups: groups)
  }

  // MARK: - Tables

  private mutating func looked(_ operation: CoreMLOperation, _ name: String) throws(OunceError) -> Decompressed {
    let codes = try value("indices", of: operation)
    let table = try value("lut", of: operation)
    guard let type = codes.type, type.encoding == "U8" else {
      return .unsupported("is computed of codes that are no small integers")
    }
    var shape = codes.shape
    var tableCount = table.shape.first ?? 0
    let isFlat = operation.values["shape"] != nil
    if let sizes = operation.values["shape"] {
      // iOS 16: one table, and codes packed into bytes whose number says nothing of their shape.
      shape = try integers(sizes, atMost: Limits.dimensions).map { Int(UInt32(truncatingIfNeeded: $0)) }
      guard table.shape.count == 1 else { return .unsupported("has a table of \(table.shape.count) dimensions") }
    } else {
      guard table.shape.count == shape.count + 2 else {
        throw root.malformed(
          "a table of the shape \(table.shape) does not fit the shape \(shape)", at: table.range.lowerBound)
      }
      guard table.shape.last == 1 else { return .unsupported("has tables of vectors") }
      tableCount = table.shape[shape.count]
    }
    let bitCount = tableCount.trailingZeroBitCount
    guard (1...8).contains(bitCount), tableCount == 1 << bitCount, isFlat || bitCount == type.bitCount else {
      throw root.malformed("a table of \(tableCount) does not fit codes of \(type.name)", at: table.range.lowerBound)
    }
    guard let result = try result(operation, name, shape: shape) else {
      return .unsupported("is computed, but to no floats")
    }
    var bytes: CoreMLBytes
    if isFlat {
      let byteCount = PackedBits.byteCount(of: result.info.elementCount, bitCount: bitCount)
      guard codes.shape == [byteCount] else {
        throw root.malformed(
          "expected \(byteCount) bytes of codes, found the shape \(codes.shape)", at: codes.range.lowerBound)
      }
      bytes = try elements(codes, type, count: byteCount, perRow: 1)
      bytes = CoreMLBytes(
        data: PackedBits(bytes.data, bitCount: bitCount, columnCount: result.info.columnCount),
        fileIndex: bytes.fileIndex)
    } else {
      bytes = try elements(codes, type, count: result.info.elementCount, perRow: result.info.columnCount)
    }
    let groups =
      isFlat
      ? try self.table(table, tableCount, result.sizes)
      : try parameters(table, result.sizes, axis: nil, name: "tables", entryCount: tableCount)
    let data = Dequantized(
      codes: bytes.data, isSigned: false, shape: result.sizes, rule: .table(tableCount), groups, to: result.target)
    return .tensor(Tensor(info: result.info, data: data))
  }

  /// A single table for all of a tensor.
  private mutating func table(
    _ value: CoreMLValue, _ count: Int, _ sizes: [Int]
  ) throws(OunceError) -> Dequantized.Parameters {
    guard let type = value.type, let encoding = Encodings.named(type.encoding) else {
      throw root.malformed("a table is of an unknown type", at: value.range.lowerBound)
    }
    let bytes = try elements(value, type, count: count, perRow: count)
    return Dequantized.Parameters(bytes.data, encoding, groups: sizes.map { _ in 1 })
  }

  // MARK: - Parts

  private struct Result {
    let info: TensorInfo
    let target: any WritableEncoding
    /// The shape, of one dimension at least.
    var sizes: [Int] { info.shape.isEmpty ? [1] : info.shape }
  }

  /// What the operation gives: nil when it is no floats of a type that can be written.
  private func result(
    _ operation: CoreMLOperation, _ name: String, shape: [Int]
  ) throws(OunceError) -> Result? {
    guard let type = CoreMLType.numbered(operation.resultType), ["F16", "F32"].contains(type.encoding),
      let target = Encodings.writable(type.encoding)
    else { return nil }
    guard operation.resultShape == shape else {
      throw root.malformed(
        "gives the shape \(operation.resultShape), but is computed of the shape \(shape)",
        at: operation.range.lowerBound)
    }
    return Result(info: try TensorInfo(name: name, shape: shape, encoding: target), target: target)
  }

  private func value(_ key: String, of operation: CoreMLOperation) throws(OunceError) -> CoreMLValue {
    guard let value = operation.values[key] else {
      throw root.malformed("\(operation.type) has no \(key)", at: operation.range.lowerBound)
    }
    return value
  }

  /// The whole numbers of a small value.
  private mutating func integers(_ value: CoreMLValue, atMost limit: Int) throws(OunceError) -> [Int64] {
    guard let tensor = try tensor(value, "sizes"), tensor.info.encoding.kind == .integer,
      tensor.info.elementCount <= limit
    else { throw root.malformed("expected at most \(limit) whole numbers", at: value.range.lowerBound) }
    let width = tensor.info.encoding.bytesPerBlock
    var bytes = [UInt8](repeating: 0, count: tensor.info.byteCount)
    try bytes.withMutableRawSpan { (span) throws(OunceError) in
      try tensor.data.read(rows: 0..<tensor.info.rowCount, into: &span)
    }
    return (0..<tensor.info.elementCount).map { index in
      var number: UInt64 = 0
      for byte in 0..<width { number |= UInt64(bytes[index * width + byte]) << UInt64(8 * byte) }
      return Int64(bitPattern: number)
    }
  }
}
