internal import OunceCore

/// A chat template that is not the source's.
public struct LineageTemplate: LineageRule {
  public let id = "OUN419"
  public let name = "lineage-template"
  public let severity = Severity.error
  public let level = CheckLevel.quick
  public let proves = "Chat templates are those of the source, byte for byte."
  public let example = "model.gguf: tokenizer.chat_template: differs from the source's from byte 118 on"
  public let fix =
    "convert the checkpoint again, or set the template with `ounce edit`; accept what was mended on purpose"

  public init() {}
}
