internal import OunceCore

/// How MLX quantized the layers of a model: `quantization` of its `config.json`, as mlx-lm writes it.
///
/// ```
/// "quantization": {"group_size": 64, "bits": 4, "mode": "affine",
///                  "model.embed_tokens": {"group_size": 32, "bits": 8}, "lm_head": false}
/// ```
struct MLXSettings {
  enum Mode: String {
    case affine, mxfp4, mxfp8, nvfp4

    /// What MLX takes where nothing is said.
    var usual: (groupSize: Int, bits: Int) {
      switch self {
      case .affine: (64, 4)
      case .mxfp4: (32, 4)
      case .mxfp8: (32, 8)
      case .nvfp4: (16, 4)
      }
    }
  }

  struct Layer {
    let mode: Mode
    let groupSize: Int
    let bits: Int
  }

  private let all: Layer
  /// What is said of single layers; nil: that one is not quantized.
  private let layers: [ExactString: Layer?]

  /// nil when `config.json` has none.
  init?(_ model: Model) throws(OunceError) {
    guard let file = model.companions["config.json"] else { return nil }
    // What is no JSON is reported by those who need more of it.
    guard let config = try? JSONParser.parse(file: file) else { return nil }
    // Older writers called it quantization_config alone, which others use for other schemes.
    let other = config["quantization_config"]
    let isOther = other?["quant_method"] != nil
    guard let settings = (config["quantization"] ?? (isOther ? nil : other))?.object,
      settings.contains(where: { $0.key == "bits" || $0.key == "mode" || $0.key == "group_size" })
    else { return nil }
    var members: [(key: String, value: JSON)] = []
    var layers: [ExactString: Layer?] = [:]
    for (key, value) in settings {
      if let object = value.object {
        layers[ExactString(key)] = try Self.layer(object.map { ($0.key, $0.value) }, file, "\(key) of quantization")
      } else if value.bool == false {
        layers.updateValue(nil, forKey: ExactString(key))
      } else {
        members.append((key, value))
      }
    }
    all = try Self.layer(members, file, "quantization")
    self.layers = layers
  }

  /// What is said of a layer; nil: it is not quantized.
  func layer(_ name: String) -> Layer? {
    if let known = layers[ExactString(name)] { return known }
    return all
  }

  private static func layer(
    _ members: [(key: String, value: JSON)], _ file: InputFile, _ subject: String
  ) throws(OunceError) -> Layer {
    func value(_ key: String) -> JSON? {
      members.first { $0.key == key }.flatMap { $0.value == .null ? nil : $0.value }
    }
    func wrong(_ problem: String) -> OunceError {
      OunceError(
        .unsupported, problem, file: file.path, subject: subject, remedy: "convert it with a newer version of ounce")
    }
    var mode = Mode.affine
    if let stated = value("mode") {
      guard let known = stated.string.flatMap(Mode.init) else {
        throw wrong("the mode \(stated.string ?? "") is none of affine, mxfp4, mxfp8 and nvfp4")
      }
      mode = known
    }
    func number(_ key: String, _ usual: Int) throws(OunceError) -> Int {
      guard let stated = value(key) else { return usual }
      guard let number = stated.integer, (1...4096).contains(number) else { throw wrong("\(key) is no small number") }
      return number
    }
    let layer = Layer(
      mode: mode, groupSize: try number("group_size", mode.usual.groupSize), bits: try number("bits", mode.usual.bits))
    guard mode == .affine || (layer.groupSize, layer.bits) == mode.usual else {
      throw wrong(
        "\(mode.rawValue) has groups of \(mode.usual.groupSize), not \(layer.groupSize) of \(layer.bits) bits")
    }
    return layer
  }
}
