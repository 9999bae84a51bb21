internal import OunceCore
internal import OunceEncoding

/// Keys about the whole file that are missing.
public struct GeneralKeys: MeaningRule {
  public let id = "OUN306"
  public let name = "general-keys"
  public let severity = Severity.warning
  public let level = CheckLevel.deep
  public let proves = "A GGUF file says what it is: its architecture, its name, and the version of its blocks."
  public let example = "model.gguf: general.quantization_version: is missing, but tensors are quantized"
  public let fix = "set it with `ounce edit`, or convert the checkpoint again"

  public init() {}

  func check(_ meaning: Meaning) -> [Finding] {
    guard meaning.isGGUF, let metadata = meaning.model?.metadata else { return [] }
    var findings: [Finding] = []
    func require(_ key: String, _ severity: Severity, _ why: String = "", _ isRight: (MetadataValue) -> Bool) {
      guard let value = metadata[key] else {
        findings.append(meaning.finding(self, "is missing\(why)", subject: key, severity: severity))
        return
      }
      if !isRight(value) {
        findings.append(meaning.finding(self, "has another type than it should", subject: key, severity: .error))
      }
    }
    switch meaning.kind {
    case .plain: return []
    case .importanceMatrix:
      require("imatrix.datasets", .note) { $0.array != nil }
      require("imatrix.chunk_count", .error, ", without which the sums mean nothing") { $0.integer != nil }
      require("imatrix.chunk_size", .error, ", without which the sums mean nothing") { $0.integer != nil }
      return findings
    case .adapter:
      require("general.architecture", .error) { $0.string != nil }
      require("adapter.type", .error, ": llama.cpp takes \"lora\"") { $0.string == "lora" }
      require("adapter.lora.alpha", .error, ", without which its strength is unknown") { $0.isFloat }
    case .projector:
      require("general.architecture", .error) { $0.string != nil }
    case .model, .vocabulary:
      require("general.architecture", .error, ", so that no program loads the file") { $0.string?.isEmpty == false }
    }
    require("general.name", .note) { $0.string != nil || $0.isBytes }
    if meaning.kind == .model {
      let isQuantized = meaning.source.tensors.contains { $0.info.encoding.kind == .quantized }
      if isQuantized {
        require("general.quantization_version", .warning, ", but tensors are quantized") { $0.integer != nil }
      }
      if metadata["general.file_type"] != nil { require("general.file_type", .note) { $0.integer != nil } }
    }
    return findings
  }
}

extension MetadataValue {
  /// Whether this is a number with a fraction.
  fileprivate var isFloat: Bool {
    switch self {
    case .float32(let value): value.isFinite
    case .float64(let value): value.isFinite
    default: false
    }
  }

  fileprivate var isBytes: Bool { if case .bytes = self { true } else { false } }
}
