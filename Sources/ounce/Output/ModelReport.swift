import OunceKit

/// What `inspect` says about one model.
struct ModelReport {
  private let model: Model
  private let tensors: [Tensor]
  private let metadata: [(key: String, value: MetadataValue)]
  /// Of each of the tensors; nil: nobody asked for them.
  private let statistics: [TensorStatistics]?

  init(_ model: Model, filter: Glob?, statistics: [TensorStatistics]? = nil) {
    self.model = model
    self.statistics = statistics
    tensors = model.tensors.filter { filter?.matches($0.info.name) ?? true }
    metadata = model.metadata.filter { filter?.matches($0.key) ?? true }.map { ($0.key, $0.value) }
  }

  private var elementCount: Int { tensors.reduce(0) { $0 + $1.info.elementCount } }
  private var byteCount: Int { tensors.reduce(0) { $0 + $1.storedByteCount } }

  /// How many tensors, elements and bytes each encoding has, the largest share first.
  private var shares: [(name: String, tensorCount: Int, elementCount: Int, byteCount: Int)] {
    var shares: [String: (tensorCount: Int, elementCount: Int, byteCount: Int)] = [:]
    for tensor in tensors {
      var share = shares[tensor.storedName] ?? (0, 0, 0)
      share.tensorCount += 1
      share.elementCount += tensor.info.elementCount
      share.byteCount += tensor.storedByteCount
      shares[tensor.storedName] = share
    }
    return shares.map { ($0.key, $0.value.tensorCount, $0.value.elementCount, $0.value.byteCount) }
      .sorted { ($1.byteCount, $0.name) < ($0.byteCount, $1.name) }
  }

  private var bitsPerWeight: Double { elementCount == 0 ? 0 : Double(byteCount) * 8 / Double(elementCount) }

  func summary(_ style: Style) -> String {
    let architecture = model.metadata["general.architecture"]?.string
    let files = model.files.count > 1 ? ", \(model.files.count) files" : ""
    var text = style.bold(model.path.escapingControls) + "  " + model.container + files
    if let architecture { text += ", \(architecture.escapingControls)" }
    text +=
      "\n\(Numbers.grouped(tensors.count)) tensors, \(Numbers.weights(elementCount)) weights, "
      + "\(Numbers.bytes(byteCount)), \(Numbers.fixed(bitsPerWeight, 2)) bits/weight\n"
    for share in shares {
      text += "  \(share.name): \(Numbers.grouped(share.tensorCount)) tensors, \(Numbers.bytes(share.byteCount))\n"
    }
    return text
  }

  var tensorTable: Table {
    var table = Table(columns: [
      .init(title: "name"), .init(title: "encoding"), .init(title: "shape"), .init(title: "bytes", isNumber: true),
    ])
    table.rows = tensors.map {
      [
        $0.info.name, $0.storedName, "[\($0.info.shape.map(String.init).joined(separator: ", "))]",
        "\($0.storedByteCount)",
      ]
    }
    return table
  }

  /// Statistics in rows. Programs get every digit and the counts of the histogram.
  func statisticsTable(_ format: OutputFormat) -> Table {
    let isExact = format == .tsv
    let isFinite = statistics?.allSatisfy { $0.nanCount == 0 && $0.infiniteCount == 0 } ?? true
    var table = Table(columns: [
      .init(title: "name"), .init(title: "encoding", mayGo: true), .init(title: "min", isNumber: true),
      .init(title: "max", isNumber: true), .init(title: "mean", isNumber: true),
      .init(title: "deviation", isNumber: true), .init(title: "zeros", isNumber: true),
      .init(title: "NaN", isNumber: true, mayGo: isFinite), .init(title: "Inf", isNumber: true, mayGo: isFinite),
      .init(title: "histogram", isWhole: true),
    ])
    func number(_ value: Double?) -> String {
      value.map { isExact ? "\($0)" : FigureText.significant($0) } ?? "-"
    }
    table.rows = (statistics ?? []).map { entry in
      [
        entry.name, entry.dtype, number(entry.smallest), number(entry.largest), number(entry.mean),
        number(entry.deviation), isExact ? "\(entry.zeroShare)" : Self.percent(entry.zeroCount, entry.zeroShare),
        "\(entry.nanCount)", "\(entry.infiniteCount)",
        isExact
          ? entry.histogram.map { "\($0)" }.joined(separator: ",")
          : Sparkline.text(entry.histogram, isUnicode: Terminal.isUnicode),
      ]
    }
    return table
  }

  /// Few zeros are not none.
  private static func percent(_ count: Int, _ share: Double) -> String {
    if count == 0 { return "0" }
    return share < 0.0005 ? "<0.1%" : Numbers.fixed(100 * share, 1) + "%"
  }

  /// - Parameters:
  ///   - isFull: whether long values are shown whole.
  func metadataTable(isFull: Bool, width: Int) -> Table {
    var table = Table(columns: [.init(title: "key"), .init(title: "type"), .init(title: "value")])
    let keyWidth = metadata.map(\.key.count).max() ?? 0
    let room = max(24, width - keyWidth - 18)
    table.rows = metadata.map { key, value in
      [key, value.typeName, value.text(isFull ? nil : room)]
    }
    return table
  }

  func json(tensors showsTensors: Bool, metadata showsMetadata: Bool) -> JSON {
    var document: JSONObject = [
      "schema": .string("ounce.inspect/1"), "path": .string(model.path), "container": .string(model.container),
      "fileCount": .integer(model.files.count), "tensorCount": .integer(tensors.count),
      "elementCount": .integer(elementCount), "byteCount": .integer(byteCount),
      "bitsPerWeight": .double(bitsPerWeight),
    ]
    var encodings: JSONObject = [:]
    for share in shares {
      encodings[share.name] = .object([
        "tensorCount": .integer(share.tensorCount), "elementCount": .integer(share.elementCount),
        "byteCount": .integer(share.byteCount),
      ])
    }
    document["encodings"] = .object(encodings)
    if showsMetadata {
      var values: JSONObject = [:]
      for (key, value) in metadata {
        values[key] = .object(["type": .string(value.typeName), "value": value.json])
      }
      document["metadata"] = .object(values)
    }
    if showsTensors {
      document["tensors"] = .array(
        tensors.enumerated().map { index, tensor in
          var entry: JSONObject = [
            "name": .string(tensor.info.name), "encoding": .string(tensor.info.encoding.name),
            "shape": .array(tensor.info.shape.map(JSON.integer)), "byteCount": .integer(tensor.info.byteCount),
          ]
          if let stored = tensor.stored {
            entry["stored"] = .object(["name": .string(stored.name), "byteCount": .integer(stored.byteCount)])
          }
          if let statistics { entry["statistics"] = statistics[index].json }
          return .object(entry)
        })
    }
    return .object(document)
  }
}

extension Tensor {
  /// How the file holds it: the name of its encoding, or of the way in which its planes are quantized.
  fileprivate var storedName: String { stored?.name ?? info.encoding.name }
  /// The bytes that it takes in the file.
  fileprivate var storedByteCount: Int { stored?.byteCount ?? info.byteCount }
}
