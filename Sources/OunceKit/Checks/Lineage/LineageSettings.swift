internal import OunceCore

/// Settings that are not those that the source leads to.
public struct LineageSettings: LineageRule {
  public let id = "OUN420"
  public let name = "lineage-settings"
  public let severity = Severity.error
  public let level = CheckLevel.quick
  public let proves = "Family and settings are those that the source leads to: sizes, heads, rotary bases, experts."
  public let example = "model.gguf: llama.rope.freq_base: is float32 10000.0, but the source gives float32 500000.0"
  public let fix = "convert the checkpoint again, with its own config.json; or accept what was set on purpose"

  public init() {}
}
