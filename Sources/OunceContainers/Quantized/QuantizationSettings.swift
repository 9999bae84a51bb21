internal import OunceCore

/// What the files beside the weights say about how they are stored.
struct QuantizationSettings {
  /// "gptq", "awq", "compressed-tensors" …
  let method: String
  let json: JSON
  /// The file that says so.
  let file: String
  /// The float type of the checkpoint that was quantized, where config.json names it.
  let floatType: String?
  /// config.json, or its settings of the language model.
  let sizes: JSON

  /// Where settings are looked for: which file, which member of it (nil: all of it).
  private static let places: [(file: String, member: String?)] = [
    ("config.json", "quantization_config"), ("config.json", "compression_config"),
    ("hf_quant_config.json", "quantization"), ("quantize_config.json", nil), ("quant_config.json", nil),
  ]

  /// nil when the model says nothing, or nothing that can be read: whoever needs the file says what is wrong with it.
  init?(_ model: Model) {
    func json(_ name: String) -> JSON? {
      guard let file = model.companions[name],
        let bytes = try? file.wholeContent(atMost: Limits.configurationByteCount)
      else { return nil }
      return try? JSONParser.parse(bytes, file: file.path, options: [.nonFiniteNumbers])
    }
    let configuration = json("config.json")
    for (file, member) in Self.places {
      guard let whole = file == "config.json" ? configuration : json(file) else { continue }
      let settings = member.flatMap { whole[$0] ?? whole["text_config"]?[$0] } ?? (member == nil ? whole : nil)
      guard let settings, let method = Self.method(settings, file: file) else { continue }
      self.init(method: method, json: settings, file: file, configuration: configuration)
      return
    }
    return nil
  }

  init(method: String, json: JSON, file: String, configuration: JSON?) {
    self.method = method
    self.json = json
    self.file = file
    let name = ["dtype", "torch_dtype"].lazy.compactMap { key in
      configuration?[key]?.string ?? configuration?["text_config"]?[key]?.string
    }.first
    floatType = name.flatMap(Self.encodingName)
    sizes = configuration?["text_config"] ?? configuration ?? .null
  }

  /// The encoding that PyTorch calls `name`.
  static func encodingName(_ name: String) -> String? {
    switch name.split(separator: ".").last ?? "" {
    case "float32", "float": "F32"
    case "float16", "half": "F16"
    case "bfloat16": "BF16"
    default: nil
    }
  }

  /// The method; of files that belong to one program only, the one that it has.
  private static func method(_ settings: JSON, file: String) -> String? {
    if let method = settings["quant_method"]?.string?.lowercased() {
      // The name of the library before it had this one.
      return method == "sparseml" ? "compressed-tensors" : method
    }
    switch file {
    case "hf_quant_config.json": return "modelopt"
    case "quantize_config.json": return settings["bits"] == nil ? nil : settings["version"] == nil ? "gptq" : "awq"
    case "quant_config.json": return settings["w_bit"] == nil ? nil : "awq"
    default:
      let isBitsAndBytes = settings["load_in_8bit"]?.bool == true || settings["load_in_4bit"]?.bool == true
      return isBitsAndBytes ? "bitsandbytes" : nil
    }
  }
}

extension Limits {
  /// Bytes of a `config.json`: the largest published is below 1 MB.
  static let configurationByteCount = 16 << 20
  /// Elements of a block or a group that share a scale: more than any tensor has, and sums with it do not overflow.
  static let blockElements = 1 << 40
}
