public import OunceEncoding

/// What a tensor is called and how its elements lie: known from a header, without reading an element.
public struct TensorInfo: Sendable {
  public var name: String
  /// Sizes with the fastest dimension last, as PyTorch prints them; empty for a single number.
  public let shape: [Int]
  public let encoding: any Encoding
  public let elementCount: Int
  public let byteCount: Int
  /// Elements of one row: the last dimension. A plain encoding with several elements to a byte may let rows share one;
  /// then all elements are one row.
  public let columnCount: Int
  public let rowCount: Int

  public var rowByteCount: Int { columnCount / encoding.elementsPerBlock * encoding.bytesPerBlock }

  /// - Throws: `OunceError` when sizes are negative, overflow, or rows are no whole blocks.
  public init(name: String, shape: [Int], encoding: any Encoding) throws(OunceError) {
    func reject(_ problem: String) -> OunceError { OunceError(.malformed, problem, subject: "tensor \(name)") }
    guard shape.count <= Limits.dimensions else {
      throw reject("has \(shape.count) dimensions, more than the limit of \(Limits.dimensions)")
    }
    guard !shape.contains(where: { $0 < 0 }) else { throw reject("the shape \(shape) has a negative size") }
    var elementCount = 1
    for size in shape {
      let (product, overflow) = elementCount.multipliedReportingOverflow(by: size)
      // Two bits are left for offsets and byte counts of up to 16 bytes an element.
      guard !overflow, product <= 1 << 58 else { throw reject("the shape \(shape) overflows 64 bits") }
      elementCount = product
    }
    // An empty tensor may still have a size that overflows the bytes of a row.
    guard shape.allSatisfy({ $0 <= 1 << 58 }) else { throw reject("the shape \(shape) overflows 64 bits") }
    var columnCount = shape.last ?? 1
    if columnCount % encoding.elementsPerBlock != 0, encoding.kind != .quantized { columnCount = elementCount }
    guard columnCount % encoding.elementsPerBlock == 0 else {
      throw reject(
        "rows of \(columnCount) elements are no whole blocks of \(encoding.elementsPerBlock), as \(encoding.name) needs"
      )
    }
    self.name = name
    self.shape = shape
    self.encoding = encoding
    self.elementCount = elementCount
    self.columnCount = columnCount
    rowCount = columnCount == 0 ? 0 : elementCount / columnCount
    byteCount = elementCount / encoding.elementsPerBlock * encoding.bytesPerBlock
  }
}

/// Rows of a tensor, read on demand from any thread. Views are built by wrapping one in another.
public protocol TensorData: Sendable {
  /// Fills `bytes` with the encoded `rows`. The caller guarantees that the rows exist and that `bytes` fits them.
  func read(rows: Range<Int>, into bytes: inout MutableRawSpan) throws(OunceError)
}

/// A description and the rows it describes.
public struct Tensor: Sendable {
  public var info: TensorInfo
  public let data: any TensorData
  /// The index of the file that holds it among the files of its model; of a computed tensor, 0.
  public var fileIndex = 0
  /// How a file says that its integers stand for real numbers; nil: they are what they are.
  public var scaling: AffineScaling?
  /// How the file holds the weight, where that is not what `info` describes.
  public var stored: StoredForm?

  public init(info: TensorInfo, data: any TensorData) {
    self.info = info
    self.data = data
  }

  public init(name: String, shape: [Int], encoding: any Encoding, data: any TensorData) throws(OunceError) {
    self.init(info: try TensorInfo(name: name, shape: shape, encoding: encoding), data: data)
  }

  /// The same data under another name.
  public func renamed(_ name: String) -> Tensor {
    var tensor = self
    tensor.info.name = name
    return tensor
  }
}

/// A weight that a file holds in several planes (codes, scales, zero points), which are decoded as rows are read.
public struct StoredForm: Sendable {
  /// What people call it: "GPTQ 4-bit, groups of 128".
  public let name: String
  /// The bytes of all planes.
  public let byteCount: Int
  /// The tensors of the file, in its order.
  public let planes: [Tensor]

  public init(name: String, planes: [Tensor]) {
    self.name = name
    self.planes = planes
    byteCount = planes.reduce(0) { $0 + $1.info.byteCount }
  }
}

extension [Tensor] {
  /// The tensors as the file holds them: planes in the place of weights that were joined.
  public var planes: [Tensor] { flatMap { $0.stored?.planes ?? [$0] } }
}
