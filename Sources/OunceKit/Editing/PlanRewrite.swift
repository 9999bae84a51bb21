internal import OunceContainers
public import OunceCore
internal import OunceEncoding

extension Model {
  /// The container of this model, which it is to be written in again.
  ///
  /// - Throws: `OunceError` when that one can only be read.
  func ownContainer() throws(OunceError) -> any WritableContainer {
    try checkSafety()
    guard let container = Containers.named(container) as? any WritableContainer else {
      throw OunceError(
        .unsupported, "\(container) files can be read, but not written", file: path,
        remedy: "`ounce convert --to safetensors` makes a file that can")
    }
    return container
  }

  /// Plans the same model in several files, or, without limits, in one.
  ///
  /// - Throws: `OunceError` when the container is never written in several files.
  public func planSplit(_ limits: ShardLimits, output: String?) throws(OunceError) -> Plan {
    try planFile(
      try ownContainer(), tensors.map(\.info), metadata: metadata, output: output, split: limits,
      allowsNonFinite: true)
  }

  /// Plans a file of some tensors, as they are.
  ///
  /// - Parameters:
  ///   - patterns: names, or globs such as `blk.0.*`.
  ///   - dtype: the encoding of floats; nil: as they are.
  ///   - rows: of each tensor only these of its first dimension; nil: all.
  /// - Throws: `OunceError` when a pattern matches nothing, a tensor has not so many rows, or the container cannot hold
  ///   what was chosen.
  public func planExtraction(
    _ patterns: [String], to container: any WritableContainer, dtype: String? = nil, rows: Range<Int>? = nil,
    output: String?
  ) throws(OunceError) -> Plan {
    try checkSafety()
    var chosen = self
    chosen.tensors = try selected(patterns)
    if let rows { chosen.tensors = try chosen.tensors.map { (tensor) throws(OunceError) in try tensor.slice(rows) } }
    let infos = try chosen.tensors.map { (tensor) throws(OunceError) in
      try tensor.info.fitting(container, dtype: dtype)
    }
    return try chosen.planFile(container, infos, metadata: [:], output: output, allowsNonFinite: true)
  }

  /// The tensors that match any of these patterns, in the order of the model.
  func selected(_ patterns: [String]) throws(OunceError) -> [Tensor] {
    var isChosen = [Bool](repeating: false, count: tensors.count)
    for pattern in patterns {
      let glob = Glob(pattern)
      var hasMatch = false
      for (index, tensor) in tensors.enumerated() where tensor.info.name == pattern || glob.matches(tensor.info.name) {
        isChosen[index] = true
        hasMatch = true
      }
      guard hasMatch else { throw noTensor(pattern) }
    }
    return zip(tensors, isChosen).filter(\.1).map(\.0)
  }

  func noTensor(_ pattern: String) -> OunceError {
    let near = NearNames.find(pattern, among: tensors.map(\.info.name))
    return OunceError(
      .request, "no tensor is called \(pattern)", file: path,
      remedy: near.first.map { "did you mean \($0)?" } ?? "`ounce inspect --tensors` lists the names")
  }
}

extension Tensor {
  /// Some of the first dimension: rows of a matrix, elements of a vector. Nothing else of the tensor is read.
  ///
  /// - Throws: `OunceError` when there are not so many, or they do not begin and end with whole blocks.
  func slice(_ range: Range<Int>) throws(OunceError) -> Tensor {
    func reject(_ problem: String) -> OunceError { OunceError(.request, problem, subject: "tensor \(info.name)") }
    guard let size = info.shape.first, range.upperBound <= size else {
      throw reject("has \(info.shape.first ?? 0) rows, not \(range.upperBound)")
    }
    let encoding = info.encoding
    let inner = info.shape.dropFirst().reduce(1, *)
    let part = try TensorInfo(name: info.name, shape: [range.count] + info.shape.dropFirst(), encoding: encoding)
    if info.shape.count > 1, info.columnCount > 0 {
      let first = range.lowerBound * (inner / info.columnCount)
      return Tensor(info: part, data: RowGather(data, rowByteCount: info.rowByteCount) { $0 + first })
    }
    guard let region = data as? FileRegion, range.lowerBound % encoding.elementsPerBlock == 0 else {
      throw reject("its elements are not blocks of a file that could be cut at \(range.lowerBound)")
    }
    let start = range.lowerBound / encoding.elementsPerBlock * encoding.bytesPerBlock
    return Tensor(
      info: part, data: FileRegion(file: region.file, offset: region.offset + start, rowByteCount: part.rowByteCount))
  }
}
