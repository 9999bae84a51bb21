internal import OunceCore
internal import OunceEncoding

/// Neural networks: layers with `WeightParams` in them.
extension CoreMLReader {
  mutating func network(_ range: Range<Int>, prefix: String, depth: Int) throws(OunceError) {
    try checkDepth(depth, at: range)
    var reader = root.nested(range)
    var index = 0
    while let (field, value) = try reader.next() {
      guard field == 1, case .bytes(let range) = value else { continue }
      try layer(range, index, prefix: prefix, depth: depth)
      index += 1
    }
  }

  private mutating func layer(_ range: Range<Int>, _ index: Int, prefix: String, depth: Int) throws(OunceError) {
    var reader = root.nested(range)
    var name = ""
    var kind: (field: Int, range: Range<Int>)?
    while let (field, value) = try reader.next() {
      guard case .bytes(let range) = value else { continue }
      if field == 1 { name = try reader.text(range) }
      if field >= 100 { kind = (field, range) }
    }
    guard let kind else { return }
    let place = prefix + (name.isEmpty ? "layer[\(index)]" : name)
    let networks = Self.networks[kind.field] ?? [:]
    if !networks.isEmpty {
      var reader = root.nested(kind.range)
      while let (field, value) = try reader.next() {
        guard case .bytes(let range) = value, let part = networks[field] else { continue }
        try network(range, prefix: try distinct("\(place)/\(part)", at: range) + "::", depth: depth + 1)
      }
    }
    guard let layer = CoreMLLayer.byField[kind.field] else { return }
    let sizes = try CoreMLSizes(root.nested(kind.range), lists: layer.lists)
    for weights in layer.weights {
      var found: [(Range<Int>, String)] = []
      try find(weights.path[...], weights.name, in: kind.range, &found)
      for (range, name) in found {
        let turned = layer.turned.map { sizes.flag($0.flag) } ?? false
        let shape = try weights.shape.map { (shape) throws(OunceError) in
          try sizes.shape(shape, turned: turned && shape.count > 1 ? layer.turned?.groups : nil, root, at: kind.range)
        }
        try self.weights(range, "\(place).\(name)", shape, channel: turned ? 1 : 0)
      }
    }
  }

  /// Layers that hold networks, and what those are for.
  private static let networks: [Int: [Int: String]] = [
    605: [1: "ifBranch", 2: "elseBranch"], 615: [3: "conditionNetwork", 4: "bodyNetwork"],
  ]

  /// Finds the messages at the end of a path of fields, and what they are called.
  ///
  /// Paths are three fields long at most.
  private func find(
    _ path: ArraySlice<Int>, _ name: String, in range: Range<Int>, _ found: inout [(Range<Int>, String)]
  ) throws(OunceError) {
    guard let first = path.first else {
      found.append((range, name))
      return
    }
    var reader = root.nested(range)
    var count = 0
    while let (field, value) = try reader.next() {
      guard field == first, case .bytes(let range) = value else { continue }
      guard count < Limits.protobufRepeats else {
        throw reader.malformed("more than the limit of \(Limits.protobufRepeats) parts", at: range.lowerBound)
      }
      // The number of a repeated message stands in place of the first empty brackets.
      try find(path.dropFirst(), name.replacingFirst("[]", with: "[\(count)]"), in: range, &found)
      count += 1
    }
  }

  // MARK: - WeightParams

  private mutating func weights(
    _ range: Range<Int>, _ name: String, _ shape: [Int]?, channel: Int
  ) throws(OunceError) {
    var parts = CoreMLWeights()
    do throws(OunceError) {
      try parts.read(root.nested(range))
      let storage = try parts.storage(at: range, root)
      if case .none = storage { return }
      let name = try distinct(name, at: range)
      switch storage {
      case .none: break
      case .unexplained:
        try note(Remark(.unsupported, subject: name, "has codes without saying what they stand for"), at: range)
      case .floats(let place):
        try append(try plain(place, "F32", name, shape, at: range), at: range)
      case .halves(let place):
        try append(try plain(place, "F16", name, shape, at: range), at: range)
      case .numbers:
        let numbers = try ProtobufNumbers(root.nested(range), field: 1, wire: .fixed32)
        let info = try info(name, shape, "F32", count: numbers.count, at: range)
        let rows = numbers.rows(wordByteCount: 4, rowByteCount: info.rowByteCount)
        try append(Tensor(info: info, data: rows), at: range)
      case .codes(let codes, let isSigned):
        try append(try quantized(codes, isSigned, parts, name, shape, channel, at: range), at: range)
      }
    } catch { throw located(error, name, range) }
  }

  private func info(
    _ name: String, _ shape: [Int]?, _ encoding: String, count: Int, at range: Range<Int>
  ) throws(OunceError) -> TensorInfo {
    let info = try TensorInfo(name: name, shape: shape ?? [count], encoding: try Encodings.require(encoding))
    guard info.elementCount == count else {
      throw root.malformed(
        "expected the \(info.elementCount) values of \(info.shape), found \(count)", at: range.lowerBound)
    }
    return info
  }

  private func plain(
    _ place: Range<Int>, _ encoding: String, _ name: String, _ shape: [Int]?, at range: Range<Int>
  ) throws(OunceError) -> Tensor {
    let width = encoding == "F16" ? 2 : 4
    guard place.count % width == 0 else {
      throw root.malformed("\(place.count) bytes are no whole number of values", at: place.lowerBound)
    }
    let info = try info(name, shape, encoding, count: place.count / width, at: range)
    return Tensor(info: info, data: FileRegion(file: file, offset: place.lowerBound, rowByteCount: info.rowByteCount))
  }

  private func quantized(
    _ codes: Range<Int>, _ isSigned: Bool, _ parts: CoreMLWeights, _ name: String, _ shape: [Int]?, _ channel: Int,
    at range: Range<Int>
  ) throws(OunceError) -> Tensor {
    let bitCount = isSigned ? 8 : parts.bitCount
    guard (1...8).contains(bitCount) else {
      throw root.malformed("codes have \(bitCount) bits", at: range.lowerBound)
    }
    let capacity = codes.count * 8 / bitCount
    let info = try TensorInfo(
      name: name, shape: shape ?? [capacity], encoding: try Encodings.require("F32"))
    guard PackedBits.byteCount(of: info.elementCount, bitCount: bitCount) == codes.count else {
      throw root.malformed(
        "expected \(info.elementCount) codes of \(bitCount) bits, found \(codes.count) bytes", at: codes.lowerBound)
    }
    guard let target = Encodings.writable("F32") else { throw root.malformed("no floats", at: range.lowerBound) }
    let sizes = info.shape.isEmpty ? [1] : info.shape
    let numbers = PackedBits(
      FileRegion(file: file, offset: codes.lowerBound, rowByteCount: 1), bitCount: bitCount,
      order: .mostSignificantFirst, columnCount: info.columnCount)
    let channel = min(channel, sizes.count - 1)
    /// Floats of the quantization: for each channel or for all, or a table.
    func parameters(
      _ field: Int, _ message: Range<Int>, tableCount: Int? = nil
    ) throws(OunceError) -> Dequantized.Parameters? {
      let values = try ProtobufNumbers(root.nested(message), field: field, wire: .fixed32)
      guard values.count > 0 else { return nil }
      guard tableCount.map({ $0 == values.count }) ?? (values.count == 1 || values.count == sizes[channel]) else {
        throw root.malformed("\(values.count) parameters do not fit the shape \(info.shape)", at: message.lowerBound)
      }
      var groups = sizes.map { _ in 1 }
      if tableCount == nil { groups[channel] = values.count }
      let row = (groups.last ?? 1) * (tableCount ?? 1)
      return Dequantized.Parameters(
        values.rows(wordByteCount: 4, rowByteCount: 4 * row), target, groups: groups)
    }
    if let linear = parts.linear {
      let scale = try parameters(1, linear)
      let bias = try parameters(2, linear)
      guard let scale else { throw root.malformed("has codes without scales", at: linear.lowerBound) }
      return Tensor(
        info: info,
        data: Dequantized(
          codes: numbers, isSigned: isSigned, shape: sizes, rule: .linear, scale, bias, to: target))
    }
    let table = parts.table ?? range
    let count = 1 << bitCount
    guard let values = try parameters(1, table, tableCount: count) else {
      throw root.malformed("has codes without a table", at: table.lowerBound)
    }
    return Tensor(
      info: info,
      data: Dequantized(codes: numbers, isSigned: false, shape: sizes, rule: .table(count), values, to: target))
  }
}

extension String {
  /// The same text with the first `pattern` replaced.
  fileprivate func replacingFirst(_ pattern: String, with text: String) -> String {
    let found = indices.first { self[$0...].hasPrefix(pattern) }
    guard let found else { return self }
    return self[..<found] + text + self[found...].dropFirst(pattern.count)
  }
}
