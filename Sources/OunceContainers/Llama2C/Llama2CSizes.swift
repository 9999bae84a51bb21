internal import OrderedCollections
internal import OunceCore
internal import OunceEncoding

/// The seven numbers, and where everything is because of them.
struct Llama2CSizes {
  let version: Int
  private let dim: Int
  private let hidden: Int
  private let layers: Int
  private let heads: Int
  private let keyHeads: Int
  private let vocabulary: Int
  private let length: Int
  var hasClassifier: Bool
  /// Elements that share a scale; 0: elements are floats.
  var group = 0

  /// nil when a number is out of reach: each is below 2^31, and only the product of few of them is ever taken, with
  /// overflow looked for.
  init?(_ numbers: [Int32], version: Int) {
    guard numbers.count == 7 else { return nil }
    self.version = version
    let values = numbers.map { Int($0) }
    (dim, hidden, layers, heads, keyHeads) = (values[0], values[1], values[2], values[3], values[4])
    hasClassifier = version == 0 && values[5] < 0
    vocabulary = abs(values[5])
    length = values[6]
    guard values.enumerated().allSatisfy({ $0.offset == 5 && version == 0 ? $0.element != 0 : $0.element > 0 }),
      dim % heads == 0, heads % keyHeads == 0, layers <= Limits.tensors / 16
    else { return nil }
  }

  private var headSize: Int { dim / heads }
  private var keySize: Int { keyHeads * headSize }

  struct Matrix {
    let name: String
    let rows: Int
    let columns: Int
  }

  /// The matrices of a layer by their names, in the order of the file.
  private var attention: [Matrix] {
    [
      Matrix(name: "attention.wq", rows: dim, columns: dim), Matrix(name: "attention.wk", rows: keySize, columns: dim),
      Matrix(name: "attention.wv", rows: keySize, columns: dim), Matrix(name: "attention.wo", rows: dim, columns: dim),
    ]
  }
  private var network: [Matrix] {
    [
      Matrix(name: "feed_forward.w1", rows: hidden, columns: dim),
      Matrix(name: "feed_forward.w2", rows: dim, columns: hidden),
      Matrix(name: "feed_forward.w3", rows: hidden, columns: dim),
    ]
  }
  private var embeddings: Matrix { Matrix(name: "tok_embeddings", rows: vocabulary, columns: dim) }
  private var classifier: Matrix { Matrix(name: "output", rows: vocabulary, columns: dim) }
  /// Every kind of matrix once.
  var matrices: [Matrix] { [embeddings] + attention + network }

  /// A tensor of the file: one row of `columns` where `rows` is nil.
  private struct Entry {
    let name: String
    let rows: Int?
    let columns: Int
    var isMatrix: Bool { rows != nil }
  }

  /// What the file holds, in its order.
  private var entries: [Entry] {
    func ofLayers(_ name: String, _ rows: Int?, _ columns: Int) -> [Entry] {
      (0..<layers).map { Entry(name: "layers.\($0).\(name).weight", rows: rows, columns: columns) }
    }
    func ofLayers(_ matrices: [Matrix]) -> [Entry] { matrices.flatMap { ofLayers($0.name, $0.rows, $0.columns) } }
    func single(_ matrix: Matrix) -> [Entry] {
      [Entry(name: "\(matrix.name).weight", rows: matrix.rows, columns: matrix.columns)]
    }
    let attentionNorms = ofLayers("attention_norm", nil, dim)
    let networkNorms = ofLayers("ffn_norm", nil, dim)
    let norm = [Entry(name: "norm.weight", rows: nil, columns: dim)]
    let last = hasClassifier ? single(classifier) : []
    guard version == 0 else {
      return attentionNorms + networkNorms + norm + single(embeddings) + ofLayers(attention) + ofLayers(network) + last
    }
    let waves = ["freqs_cos", "freqs_sin"].map { Entry(name: $0, rows: length, columns: headSize / 2) }
    return single(embeddings) + attentionNorms + ofLayers(attention) + networkNorms + ofLayers(network) + norm + waves
      + last
  }

  /// The bytes of the whole file; nil when they overflow.
  var byteCount: Int? {
    let perLayer = [2 * dim] + (attention + network).map { $0.rows &* $0.columns }
    // Each number is below 2^31, so each product below 2^62, but their sums may be more.
    var floats = 0
    var elements = 0
    for count in [vocabulary * dim] + (hasClassifier ? [vocabulary * dim] : []) {
      let (sum, overflow) = elements.addingReportingOverflow(count)
      if overflow { return nil }
      elements = sum
    }
    for (index, count) in perLayer.enumerated() {
      let (all, tooMany) = count.multipliedReportingOverflow(by: layers)
      let (sum, overflow) = (index == 0 ? floats : elements).addingReportingOverflow(all)
      if tooMany || overflow { return nil }
      if index == 0 { floats = sum } else { elements = sum }
    }
    floats += dim + (version == 0 ? 2 * length * (headSize / 2) : 0)
    guard elements < 1 << 58, floats < 1 << 58 else { return nil }
    let header = version == 0 ? 28 : 256
    return header + floats * 4 + (group == 0 ? elements * 4 : elements + elements / group * 4)
  }

  var metadata: Metadata {
    var metadata: Metadata = ["llama2c.version": .uint32(UInt32(version))]
    let numbers = [
      ("dim", dim), ("hidden_dim", hidden), ("n_layers", layers), ("n_heads", heads), ("n_kv_heads", keyHeads),
      ("vocab_size", vocabulary), ("seq_len", length),
    ]
    for (name, value) in numbers { metadata["llama2c.\(name)"] = .uint32(UInt32(value)) }
    metadata["llama2c.shared_classifier"] = .bool(!hasClassifier)
    if group > 0 { metadata["llama2c.group_size"] = .uint32(UInt32(group)) }
    return metadata
  }

  /// The caller has checked that the file has `byteCount` bytes.
  func tensors(in file: InputFile) throws(OunceError) -> [Tensor] {
    let float = try Encodings.require("F32")
    let integer = try Encodings.require("I8")
    var tensors: [Tensor] = []
    var offset = version == 0 ? 28 : 256
    func add(_ name: String, _ shape: [Int], _ encoding: any Encoding) throws(OunceError) {
      let info = try TensorInfo(name: name, shape: shape, encoding: encoding)
      tensors.append(Tensor(info: info, data: FileRegion(file: file, offset: offset, rowByteCount: info.rowByteCount)))
      offset += info.byteCount
    }
    for entry in entries {
      let shape = entry.rows.map { [$0, entry.columns] } ?? [entry.columns]
      guard group > 0, let rows = entry.rows else {
        try add(entry.name, shape, float)
        continue
      }
      try add(entry.name, shape, integer)
      let scales = entry.columns % group == 0 ? [rows, entry.columns / group] : [rows * entry.columns / group]
      try add(entry.name + "_scale", scales, float)
    }
    return tensors
  }
}
