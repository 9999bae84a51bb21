internal import OunceCore

/// Views that rules build: each returns a description and a way to read it, and reads nothing.
extension Tensor {
  /// `count` slices along the first dimension, each taken from where `source` says.
  func gathering(_ count: Int, source: @escaping @Sendable (Int) -> Int) throws(OunceError) -> Tensor {
    var shape = info.shape
    guard !shape.isEmpty else { return self }
    let rowsPerSlice = shape.count == 1 ? 0 : shape.dropFirst().dropLast().reduce(1, *)
    shape[0] = count
    let gathered: any TensorData
    if shape.count == 1 {
      // The elements of a vector are gathered one by one: rows of one element.
      guard info.encoding.elementsPerBlock == 1 else {
        throw OunceError(
          .unsupported, "\(info.encoding.name) elements cannot be reordered one by one", subject: "tensor \(info.name)")
      }
      let byteCount = info.encoding.bytesPerBlock
      let elements = Reshaped(data, baseRowByteCount: info.rowByteCount, rowByteCount: byteCount)
      let picked = RowGather(elements, rowByteCount: byteCount, source: source)
      gathered = Reshaped(picked, baseRowByteCount: byteCount, rowByteCount: count * byteCount)
    } else if rowsPerSlice == 1 {
      gathered = RowGather(data, rowByteCount: info.rowByteCount, source: source)
    } else {
      gathered = RowGather(data, rowByteCount: info.rowByteCount) { row in
        source(row / rowsPerSlice) * rowsPerSlice + row % rowsPerSlice
      }
    }
    return try Tensor(name: info.name, shape: shape, encoding: info.encoding, data: gathered)
  }

  /// The same elements under another shape.
  func reshaped(_ shape: [Int]) throws(OunceError) -> Tensor {
    let target = try TensorInfo(name: info.name, shape: shape, encoding: info.encoding)
    guard target.elementCount == info.elementCount else {
      throw OunceError(
        .malformed, "has the shape \(info.shape), which cannot become \(shape)", subject: "tensor \(info.name)")
    }
    guard target.rowByteCount != info.rowByteCount else { return Tensor(info: target, data: data) }
    return Tensor(
      info: target, data: Reshaped(data, baseRowByteCount: info.rowByteCount, rowByteCount: target.rowByteCount))
  }

  /// A matrix with the columns of `other` behind its own.
  func besides(_ other: Tensor, name: String) throws(OunceError) -> Tensor {
    guard info.shape.count == 2, info.shape == other.info.shape else {
      throw OunceError(
        .malformed, "has the shape \(other.info.shape), expected \(info.shape)", subject: "tensor \(other.info.name)")
    }
    let (rows, columns) = (info.shape[0], info.shape[1])
    let both = try Tensor.concatenated([self, other], name: name)
    return try both.gathering(rows * 2) { $0 / 2 + $0 % 2 * rows }.reshaped([rows, columns * 2]).renamed(name)
  }

  /// Tensors of one shape, one after the other along a new first dimension.
  static func stacked(_ tensors: [Tensor], name: String) throws(OunceError) -> Tensor {
    guard let first = tensors.first else {
      throw OunceError(.malformed, "has no parts to stack", subject: "tensor \(name)")
    }
    for tensor in tensors where tensor.info.shape != first.info.shape {
      throw OunceError(
        .malformed, "has the shape \(tensor.info.shape), but its siblings have \(first.info.shape)",
        subject: "tensor \(tensor.info.name)")
    }
    return try joined(tensors, shape: [tensors.count] + first.info.shape, name: name)
  }

  /// Tensors one after the other along their first dimension.
  static func concatenated(_ tensors: [Tensor], name: String) throws(OunceError) -> Tensor {
    guard let first = tensors.first else {
      throw OunceError(.malformed, "has no parts to join", subject: "tensor \(name)")
    }
    var shape = first.info.shape
    for tensor in tensors where tensor.info.shape.dropFirst() != first.info.shape.dropFirst() {
      throw OunceError(
        .malformed, "has the shape \(tensor.info.shape), which cannot be joined with \(first.info.shape)",
        subject: "tensor \(tensor.info.name)")
    }
    shape[0] = tensors.reduce(0) { $0 + ($1.info.shape.first ?? 0) }
    if shape.count > 1 { return try joined(tensors, shape: shape, name: name) }
    // Vectors have one row each: they are joined as rows of one element.
    let elements = try tensors.map { (tensor) throws(OunceError) in try tensor.reshaped([tensor.info.elementCount, 1]) }
    return try joined(elements, shape: [shape[0], 1], name: name).reshaped(shape)
  }

  private static func joined(_ tensors: [Tensor], shape: [Int], name: String) throws(OunceError) -> Tensor {
    guard let first = tensors.first else { throw OunceError(.malformed, "has no parts", subject: "tensor \(name)") }
    for tensor in tensors where tensor.info.encoding.name != first.info.encoding.name {
      throw OunceError(
        .unsupported, "is \(tensor.info.encoding.name), but its siblings are \(first.info.encoding.name)",
        subject: "tensor \(tensor.info.name)")
    }
    let info = try TensorInfo(name: name, shape: shape, encoding: first.info.encoding)
    let data = RowJoin(
      tensors.map { (data: $0.data, rowCount: $0.info.rowCount) }, rowByteCount: first.info.rowByteCount)
    return Tensor(info: info, data: data)
  }
}
