internal import OunceCore

/// Exchanges the last two dimensions.
struct Exchanged: TensorTransform {
  var inverse: (any TensorTransform)? { self }

  func apply(_ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch) throws(OunceError) -> Tensor {
    try tensor.exchangingLastDimensions()
  }
}

/// Another shape, which the configuration decides.
struct Shaped: TensorTransform {
  typealias Rule = @Sendable (_ old: [Int], Checkpoint) throws(OunceError) -> [Int]

  let shape: Rule
  /// The shape of the way back; nil: the configuration does not tell.
  let back: Rule?

  init(_ shape: @escaping Rule, back: Rule? = nil) {
    self.shape = shape
    self.back = back
  }

  var inverse: (any TensorTransform)? { back.map { Shaped($0, back: shape) } }

  func apply(_ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch) throws(OunceError) -> Tensor {
    try tensor.reshaped(try shape(tensor.info.shape, checkpoint))
  }

  /// Drops every dimension of size 1.
  static let squeezed = Shaped { (old, _) throws(OunceError) in old.filter { $0 != 1 } }
}

/// Rows in an order that the configuration decides.
struct Rows: TensorTransform {
  /// For the number of rows: how many the result has, and where each comes from.
  let order: @Sendable (_ rowCount: Int, Checkpoint) throws(OunceError) -> (Int, @Sendable (Int) -> Int)

  init(
    _ order: @escaping @Sendable (_ rowCount: Int, Checkpoint) throws(OunceError) -> (Int, @Sendable (Int) -> Int)
  ) { self.order = order }

  /// Every second row, from the first or the second on.
  static func every(_ step: Int, from first: Int) -> Rows {
    Rows { (count, _) throws(OunceError) in ((count - first + step - 1) / step, { $0 * step + first }) }
  }

  var inverse: (any TensorTransform)? { nil }

  func apply(_ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch) throws(OunceError) -> Tensor {
    let (count, source) = try order(tensor.info.shape.first ?? 0, checkpoint)
    return try tensor.gathering(count, source: source)
  }
}

/// A part of each expert's rows: tensors that stack experts already and fuse gate and up.
struct ExpertRows: TensorTransform {
  /// For the number of an expert's rows: how many the result has, and where each comes from.
  let order: @Sendable (_ rowCount: Int) -> (Int, @Sendable (Int) -> Int)

  /// Part `index` of `count` equal parts.
  init(_ index: Int, of count: Int) {
    order = { rows in
      let size = rows / count
      return (size, { $0 + index * size })
    }
  }

  /// Every `step`th row, from `first` on.
  init(every step: Int, from first: Int) { order = { rows in (rows / step, { $0 * step + first }) } }

  var inverse: (any TensorTransform)? { nil }

  func apply(_ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch) throws(OunceError) -> Tensor {
    let shape = tensor.info.shape
    guard shape.count == 3 else {
      throw OunceError(
        .malformed, "has the shape \(shape), expected three sizes", subject: "tensor \(tensor.info.name)")
    }
    let (count, source) = order(shape[1])
    let rows = shape[1]
    let flat = try tensor.reshaped([shape[0] * rows, shape[2]])
    let picked = try flat.gathering(shape[0] * count) { row in
      let (expert, place) = row.quotientAndRemainder(dividingBy: count)
      return expert * rows + source(place)
    }
    return try picked.reshaped([shape[0], count, shape[2]])
  }
}

extension Tensor {
  /// The last two dimensions exchanged, for each index of those before.
  func exchangingLastDimensions() throws(OunceError) -> Tensor {
    var shape = info.shape
    guard shape.count >= 2, info.encoding.elementsPerBlock == 1 else {
      throw OunceError(
        .unsupported, "\(info.encoding.name) of the shape \(shape) cannot be transposed", subject: "tensor \(info.name)"
      )
    }
    let (rows, columns) = (shape[shape.count - 2], shape[shape.count - 1])
    shape.swapAt(shape.count - 2, shape.count - 1)
    let data = Transposed(
      data, rowCount: rows, columnCount: columns, elementByteCount: info.encoding.bytesPerBlock)
    return try Tensor(name: info.name, shape: shape, encoding: info.encoding, data: data)
  }

  /// `count` columns, each taken from where `source` says.
  func gatheringColumns(_ count: Int, source: @escaping @Sendable (Int) -> Int) throws(OunceError) -> Tensor {
    var shape = info.shape
    guard !shape.isEmpty, info.encoding.elementsPerBlock == 1 else {
      throw OunceError(
        .unsupported, "\(info.encoding.name) columns cannot be reordered", subject: "tensor \(info.name)")
    }
    shape[shape.count - 1] = count
    let data = ColumnGather(
      data, baseRowByteCount: info.rowByteCount, elementByteCount: info.encoding.bytesPerBlock, columnCount: count,
      source: source)
    return try Tensor(name: info.name, shape: shape, encoding: info.encoding, data: data)
  }
}
