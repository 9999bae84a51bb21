public import OunceCore

/// A format, a version or a type that this build does not read: it was not checked.
public struct UnsupportedFormat: OpeningRule {
  public let id = "OUN104"
  public let name = "unsupported-format"
  public let severity = Severity.error
  public let level = CheckLevel.quick
  public let proves = "This build knows the format, its version and its types."
  public let example = "model.gguf: byte 4: is GGUF version 4; this build reads 1, 2 and 3"
  public let fix = "look for a newer ounce, or convert the file with its own tools"

  public init() {}

  public func covers(_ error: OunceError) -> Bool { error.kind == .unsupported }
}
