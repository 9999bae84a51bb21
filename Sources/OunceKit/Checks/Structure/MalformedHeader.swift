public import OunceCore

/// A header that breaks the rules of its format, cut files included.
public struct MalformedHeader: OpeningRule {
  public let id = "OUN102"
  public let name = "malformed-header"
  public let severity = Severity.error
  public let level = CheckLevel.quick
  public let proves =
    "The header keeps every rule of its format: counts, offsets, lengths, names and sizes fit the file and each other."
  public let example = "model.gguf: byte 98: expected 8 more bytes, but the file ends after 2"
  public let fix = "the file is damaged or was cut short; fetch it again"

  public init() {}

  public func covers(_ error: OunceError) -> Bool { error.kind == .malformed }
}
