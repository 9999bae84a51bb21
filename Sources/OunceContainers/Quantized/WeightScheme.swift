internal import OunceCore
internal import OunceEncoding

/// A way of storing weights as codes with scales beside them.
///
/// A scheme names the planes that make a weight and how its rows are decoded. The joined tensor bears the name that
/// the weight has in a checkpoint of floats, and the float type that the scheme's own library dequantizes to.
protocol WeightScheme: Sendable {
  /// What `quant_method` of a configuration calls it.
  var methods: [String] { get }
  /// Whether names and shapes tell the scheme without a configuration.
  var isKnownByNames: Bool { get }

  /// The weights that are stored so.
  ///
  /// - Throws: `OunceError` when planes are missing or do not fit each other.
  func weights(in planes: PlaneSet) throws(OunceError) -> [JoinedWeight]
}

/// A weight that was found.
struct JoinedWeight {
  /// The places of its planes among the tensors of the model; the first is that of the codes.
  let planes: [Int]
  let tensor: Tensor

  /// - Parameters:
  ///   - form: "GPTQ 4-bit, groups of 128".
  ///   - type: the name of a float encoding.
  /// - Throws: `OunceError` when the shape is none of a tensor.
  init(
    _ name: String, as form: String, shape: [Int], type: String, of planes: [PlaneSet.Entry], rows: any WeightRows
  ) throws(OunceError) {
    guard let target = Encodings.writable(type) else {
      throw OunceError(.unsupported, "there is no float type \(type)", subject: "tensor \(name)")
    }
    let info = try TensorInfo(name: name, shape: shape, encoding: target)
    let data = DecodedRows(rows: rows, columnCount: info.columnCount, target: target)
    self.init(Tensor(info: info, data: data), as: form, of: planes)
  }

  init(_ tensor: Tensor, as form: String, of planes: [PlaneSet.Entry]) {
    self.planes = planes.map(\.place)
    var tensor = tensor
    tensor.fileIndex = planes.first?.tensor.fileIndex ?? 0
    tensor.stored = StoredForm(name: form, planes: planes.sorted { $0.place < $1.place }.map(\.tensor))
    self.tensor = tensor
  }
}

/// The tensors of a model, to be asked by name.
struct PlaneSet {
  /// One tensor and its place among all.
  struct Entry {
    let place: Int
    let tensor: Tensor
    var shape: [Int] { tensor.info.shape }
    var type: String { tensor.info.encoding.name }
  }

  let tensors: [Tensor]
  let settings: QuantizationSettings?
  /// The metadata of the file.
  let metadata: Metadata
  private var places: [ExactString: Int] = [:]
  /// The places of tensors by what follows the last dot of their names.
  private var leaves: [ExactString: [Int]] = [:]

  init(_ tensors: [Tensor], _ settings: QuantizationSettings?, _ metadata: Metadata) {
    self.tensors = tensors
    self.settings = settings
    self.metadata = metadata
    places.reserveCapacity(tensors.count)
    for (place, tensor) in tensors.enumerated() {
      places[ExactString(tensor.info.name)] = place
      leaves[ExactString(tensor.info.name.leaf), default: []].append(place)
    }
  }

  subscript(_ name: String) -> Entry? {
    places[ExactString(name)].map { Entry(place: $0, tensor: tensors[$0]) }
  }

  /// The tensor `name` that `weight` needs.
  func require(_ name: String, for weight: String) throws(OunceError) -> Entry {
    guard let entry = self[name] else {
      throw OunceError(
        .malformed, "needs \(name), which is missing", subject: "tensor \(weight)",
        remedy: "a shard may be missing; download all files of the model")
    }
    return entry
  }

  /// Tensors whose last name is `leaf`, with what precedes it, the dot included.
  func entries(named leaf: String) -> [(base: String, entry: Entry)] {
    (leaves[ExactString(leaf)] ?? []).map { place in
      (String(tensors[place].info.name.dropLast(leaf.count)), Entry(place: place, tensor: tensors[place]))
    }
  }

  /// Tensors whose last name ends in `ending`, with what precedes that, in the order of the file.
  func entries(endingIn ending: String) -> [(base: String, entry: Entry)] {
    leaves.filter { $0.key.string.hasSuffix(ending) }.flatMap(\.value).sorted().map { place in
      (String(tensors[place].info.name.dropLast(ending.count)), Entry(place: place, tensor: tensors[place]))
    }
  }
}

extension String {
  /// What follows the last dot.
  fileprivate var leaf: String {
    guard let dot = utf8.lastIndex(of: UInt8(ascii: ".")) else { return self }
    return String(self[utf8.index(after: dot)...])
  }
}

extension PlaneSet.Entry {
  /// The plane as elements.
  ///
  /// - Throws: `OunceError` when its type is none of `types`.
  func plane(_ types: String...) throws(OunceError) -> Plane {
    guard types.contains(type) else {
      throw misfit("is of type \(type), expected \(types.joined(separator: " or "))")
    }
    return Plane(tensor)
  }

  func misfit(_ problem: String) -> OunceError {
    OunceError(
      .malformed, problem, subject: "tensor \(tensor.info.name)",
      remedy: "the configuration and the weights do not belong together; download all files of the model again")
  }
}
