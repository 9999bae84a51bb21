internal import OrderedCollections
internal import OunceEncoding

/// How a file says that integers stand for real numbers: real = scale · (integer − zero point), with one scale for all,
/// or one for each step along a dimension.
public struct AffineScaling: Sendable, Equatable {
  /// One, or one for each step.
  public var scales: [Float]
  /// One, or one for each step.
  public var zeroPoints: [Int64]
  /// The dimension along which scales follow each other, where there are several.
  public var axis: Int

  /// What readers call its parts in the metadata: `quantization.NAME.scale`.
  public static let keys = ["scale", "zero_point", "axis"]

  public init(scales: [Float], zeroPoints: [Int64], axis: Int) {
    self.scales = scales
    self.zeroPoints = zeroPoints
    self.axis = axis
  }
}

/// The real numbers of stored integers, as F32.
///
/// The difference and the product are computed in binary64 and rounded once, as TensorFlow Lite's reference does; of
/// integers of up to 16 bits both are exact before that.
public struct AffineScaled: TensorData {
  private let base: any TensorData
  private let encoding: any Encoding
  private let columnCount: Int
  private let scaling: AffineScaling
  /// Elements that follow each other with one scale.
  private let runCount: Int

  /// The caller guarantees that elements are whole numbers of one to eight bytes, and that there is one scale, or as
  /// many as the dimension has steps; the same for zero points.
  public init(_ base: any TensorData, _ info: TensorInfo, _ scaling: AffineScaling) {
    self.base = base
    self.scaling = scaling
    encoding = info.encoding
    columnCount = info.columnCount
    let isPerTensor = scaling.scales.count == 1 && scaling.zeroPoints.count == 1
    // Sizes beside one of zero may be beyond all products.
    runCount =
      isPerTensor || info.elementCount == 0
      ? max(1, info.elementCount) : info.shape.dropFirst(scaling.axis + 1).reduce(1, *)
  }

  public func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError) {
    let wanted = rows.lowerBound * columnCount..<rows.upperBound * columnCount
    guard !wanted.isEmpty else { return }
    var stored = Buffer(byteCount: wanted.count * encoding.bytesPerBlock)
    try stored.withMutableBytes(0..<stored.byteCount) { (span) throws(OunceError) in
      try base.read(rows: rows, into: &span)
    }
    let numbers = stored.withBytes(0..<stored.byteCount) { wholeNumbers($0, count: wanted.count) }
    var element = wanted.lowerBound
    while element < wanted.upperBound {
      let step = element / runCount
      let end = min(wanted.upperBound, (step + 1) * runCount)
      let scale = Double(scaling.scales[step % scaling.scales.count])
      let zero = Double(scaling.zeroPoints[step % scaling.zeroPoints.count])
      for index in element..<end {
        let value = Float((numbers[index - wanted.lowerBound] - zero) * scale)
        bytes.storeBytes(of: value, toByteOffset: (index - wanted.lowerBound) * 4, as: Float.self)
      }
      element = end
    }
  }

  /// The stored numbers: exact up to 53 bits.
  private func wholeNumbers(_ blocks: RawSpan, count: Int) -> [Double] {
    let isSigned = encoding.name.hasPrefix("I")
    switch encoding.bytesPerBlock {
    case 4:
      return (0..<count).map { index in
        let word = unsafe blocks.unsafeLoadUnaligned(fromByteOffset: 4 * index, as: UInt32.self)
        return isSigned ? Double(Int32(bitPattern: word)) : Double(word)
      }
    case 8:
      return (0..<count).map { index in
        let word = unsafe blocks.unsafeLoadUnaligned(fromByteOffset: 8 * index, as: UInt64.self)
        return isSigned ? Double(Int64(bitPattern: word)) : Double(word)
      }
    default:
      var floats = Buffer(byteCount: count * 4)
      floats.withMutableFloats(count) { encoding.decode(blocks, into: &$0) }
      return floats.withFloats(count) { floats in floats.indices.map { Double(floats[$0]) } }
    }
  }
}

extension Tensor {
  /// The real numbers that this tensor's integers stand for; itself where it has no scaling.
  public func dequantized() throws(OunceError) -> Tensor {
    guard let scaling, let target = Encodings.named("F32") else { return self }
    var tensor = Tensor(
      info: try TensorInfo(name: info.name, shape: info.shape, encoding: target),
      data: AffineScaled(data, info, scaling))
    tensor.fileIndex = fileIndex
    return tensor
  }
}

extension Model {
  /// The same model with floats in place of integers that have a scaling.
  public func dequantized() throws(OunceError) -> Model {
    var model = self
    model.tensors = []
    for tensor in tensors { model.tensors.append(try tensor.dequantized()) }
    let names = tensors.lazy.filter { $0.scaling != nil }.map(\.info.name)
    let scaled = Set(names.flatMap { name in AffineScaling.keys.map { ExactString("quantization.\(name).\($0)") } })
    model.metadata = metadata.filter { !scaled.contains(ExactString($0.key)) }
    return model
  }
}
