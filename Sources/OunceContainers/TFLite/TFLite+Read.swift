internal import OrderedCollections
internal import OunceCore
internal import OunceEncoding

/// Reads the tables of a TensorFlow Lite model.
struct TFLiteReader {
  private let file: InputFile
  private let buffer: FlatBuffer
  private var metadata: Metadata = [:]
  private var tensors: [Tensor] = []
  private var remarks: [Remark] = []
  private var names: Set<ExactString> = []
  /// Bytes of names and parameters: many tables may refer to one text or vector, which would then take memory again and
  /// again.
  private var heldByteCount = 0
  /// Tables of tensors that were looked at, those without content too: many subgraphs may refer to the same.
  private var visitedCount = 0

  init(_ file: InputFile) {
    self.file = file
    buffer = FlatBuffer(file)
  }

  mutating func model() throws(OunceError) -> Model {
    let root = try buffer.root()
    let version = try buffer.number(0, 4, of: root)
    guard version == TFLiteContainer.version else {
      throw OunceError(
        .unsupported, "has version \(version) of the schema; known is \(TFLiteContainer.version)", file: file.path,
        offset: root.place, remedy: "convert the model again with a TensorFlow of today")
    }
    if let text = try buffer.text(3, of: root, atMost: Limits.metadataStringByteCount), !text.isEmpty {
      metadata["description"] = .string(text)
    }
    let buffers = try buffer.vector(4, of: root, elementByteCount: 4, "buffers")
    if let subgraphs = try buffer.vector(2, of: root, elementByteCount: 4, "subgraphs") {
      for index in 0..<subgraphs.count {
        let subgraph = try buffer.table(index, of: subgraphs)
        guard let tensors = try buffer.vector(0, of: subgraph, elementByteCount: 4, "tensors") else { continue }
        visitedCount += tensors.count
        guard visitedCount <= Limits.tensors else {
          throw buffer.malformed("more than the limit of \(Limits.tensors) tensors", subgraph.place)
        }
        for tensor in 0..<tensors.count {
          try self.tensor(try buffer.table(tensor, of: tensors), index: "\(index).\(tensor)", buffers)
        }
      }
    }
    return Model(
      path: file.path, container: TFLiteContainer.title, metadata: metadata, tensors: tensors, files: [file],
      remarks: remarks)
  }

  private mutating func tensor(
    _ table: FlatBuffer.Table, index: String, _ buffers: FlatBuffer.Vector?
  ) throws(OunceError) {
    var name = try buffer.text(3, of: table, atMost: Limits.tensorNameByteCount) ?? ""
    try hold(name.utf8.count, table)
    do throws(OunceError) {
      guard let content = try content(table, buffers) else { return }
      if name.isEmpty || !names.insert(ExactString(name)).inserted {
        name += "#\(index)"
        guard names.insert(ExactString(name)).inserted else {
          throw buffer.malformed("the name appears twice", table.place)
        }
      }
      try tensor(name, table, content)
    } catch { throw error.located(file: file.path, subject: "tensor \(name)") }
  }

  private mutating func tensor(
    _ name: String, _ table: FlatBuffer.Table, _ content: Range<Int>
  ) throws(OunceError) {
    func skip(_ text: String) { remarks.append(Remark(.unsupported, subject: name, text)) }
    let number = try buffer.number(1, 1, of: table)
    guard let type = TFLiteType.number(number) else {
      throw OunceError(
        .malformed, "there is no type of elements with the number \(number)", file: file.path, offset: table.place,
        remedy: "the file is damaged, or of a newer TensorFlow")
    }
    guard let encoding = type.encoding else {
      return skip(type.name == "STRING" ? "is a tensor of strings" : "is a tensor of \(type.name)")
    }
    if try buffer.field(6, 4, of: table) != nil { return skip("is sparse") }
    let shape = try shape(table)
    let info: TensorInfo
    do { info = try TensorInfo(name: name, shape: shape, encoding: encoding) } catch {
      var error = error.located(file: file.path)
      error.offset = table.place
      throw error
    }
    let byteCount = type.bitCount.map { PackedBits.byteCount(of: info.elementCount, bitCount: $0) } ?? info.byteCount
    guard content.count == byteCount else {
      throw buffer.malformed(
        "\(type.name) of shape \(shape) takes \(byteCount) bytes, but the buffer has \(content.count)",
        content.lowerBound)
    }
    let region = FileRegion(
      file: file, offset: content.lowerBound, rowByteCount: type.bitCount == nil ? info.rowByteCount : 1)
    let data = type.bitCount.map { bitCount -> any TensorData in
      PackedBits(region, bitCount: bitCount, isSigned: type.isSigned, columnCount: info.columnCount)
    }
    var tensor = Tensor(info: info, data: data ?? region)
    tensor.scaling = try scaling(table, info)
    tensors.append(tensor)
  }

  private func shape(_ table: FlatBuffer.Table) throws(OunceError) -> [Int] {
    guard let vector = try buffer.vector(0, of: table, elementByteCount: 4, "dimensions") else { return [] }
    guard vector.count <= Limits.dimensions else {
      throw buffer.malformed(
        "has \(vector.count) dimensions, more than the limit of \(Limits.dimensions)", vector.place)
    }
    var shape: [Int] = []
    for index in 0..<vector.count {
      shape.append(Int(Int32(truncatingIfNeeded: try buffer.word(4, at: vector.place + 4 * index))))
    }
    return shape
  }

  /// Where the content of a tensor is; nil when it has none.
  private func content(
    _ table: FlatBuffer.Table, _ buffers: FlatBuffer.Vector?
  ) throws(OunceError) -> Range<Int>? {
    guard try buffer.number(10, 4, of: table) == 0 else {
      throw OunceError(
        .unsupported, "is in another file", file: file.path, offset: table.place,
        remedy: "convert the model again into a single file")
    }
    let index = try buffer.number(2, 4, of: table)
    guard index != 0 else { return nil }
    guard let buffers, index < UInt64(buffers.count) else {
      throw buffer.malformed("is in buffer \(index) of \(buffers?.count ?? 0)", table.place)
    }
    let stored = try buffer.table(Int(index), of: buffers)
    // An offset of 1 only says that the real one was not yet known.
    let (offset, count) = (try buffer.number(1, 8, of: stored), try buffer.number(2, 8, of: stored))
    if offset > 1 {
      guard offset <= UInt64(file.byteCount), count <= UInt64(file.byteCount) - offset else {
        throw OunceError(
          .malformed, "expected \(count) bytes at \(offset), but the file has \(file.byteCount) bytes",
          file: file.path, offset: stored.place, remedy: "the download was cut short; fetch it again")
      }
      return count == 0 ? nil : Int(offset)..<Int(offset + count)
    }
    guard let data = try buffer.vector(0, of: stored, elementByteCount: 1, "bytes of a buffer"), data.count > 0 else {
      return nil
    }
    return data.place..<data.place + data.count
  }

  // MARK: Quantization

  /// The scales and zero points of a tensor, which also go into the metadata; nil when it has none.
  private mutating func scaling(_ table: FlatBuffer.Table, _ info: TensorInfo) throws(OunceError) -> AffineScaling? {
    guard let parameters = try buffer.table(4, of: table) else { return nil }
    guard try buffer.number(4, 1, of: parameters) == 0 else {
      remarks.append(Remark(.note, subject: info.name, "is scaled in a way that is not known; its integers are shown"))
      return nil
    }
    guard let scales = try buffer.vector(2, of: parameters, elementByteCount: 4, "scales"), scales.count > 0 else {
      return nil
    }
    let zeros = try buffer.vector(3, of: parameters, elementByteCount: 8, "zero points")
    let axis = Int(Int32(truncatingIfNeeded: try buffer.number(6, 4, of: parameters)))
    guard info.encoding.kind == .integer, info.encoding.name != "BOOL" else { return nil }
    let isPerAxis = scales.count > 1
    guard !isPerAxis || (info.shape.indices.contains(axis) && info.shape[axis] == scales.count) else {
      throw buffer.malformed(
        "has \(scales.count) scales along dimension \(axis) of the shape \(info.shape)", scales.place)
    }
    let zeroCount = zeros?.count ?? 0
    guard zeroCount <= 1 || zeroCount == scales.count else {
      throw buffer.malformed("has \(zeroCount) zero points for \(scales.count) scales", scales.place)
    }
    try hold(4 * scales.count + 8 * zeroCount, table)
    var scaling = AffineScaling(scales: [], zeroPoints: [], axis: isPerAxis ? axis : 0)
    for index in 0..<scales.count {
      let bits = UInt32(truncatingIfNeeded: try buffer.word(4, at: scales.place + 4 * index))
      scaling.scales.append(Float(bitPattern: bits))
    }
    for index in 0..<zeroCount {
      guard let zeros else { break }
      scaling.zeroPoints.append(Int64(bitPattern: try buffer.word(8, at: zeros.place + 8 * index)))
    }
    if scaling.zeroPoints.isEmpty { scaling.zeroPoints = [0] }
    note(scaling, info.name)
    return scaling
  }

  private mutating func note(_ scaling: AffineScaling, _ name: String) {
    guard metadata.count + 3 <= Limits.metadataKeys else { return }
    if scaling.scales.count == 1 {
      metadata["quantization.\(name).scale"] = .float32(scaling.scales[0])
      metadata["quantization.\(name).zero_point"] = .int64(scaling.zeroPoints[0])
    } else {
      metadata["quantization.\(name).scale"] = .array(.float32(scaling.scales))
      metadata["quantization.\(name).zero_point"] =
        scaling.zeroPoints.count == 1 ? .int64(scaling.zeroPoints[0]) : .array(.int64(scaling.zeroPoints))
      metadata["quantization.\(name).axis"] = .uint32(UInt32(scaling.axis))
    }
  }

  private mutating func hold(_ byteCount: Int, _ table: FlatBuffer.Table) throws(OunceError) {
    heldByteCount += byteCount
    guard heldByteCount <= max(file.byteCount, Limits.sharedTextByteCount) else {
      throw buffer.malformed(
        "names and scales have more bytes than the file: they are shared beyond reason", table.place)
    }
  }
}
