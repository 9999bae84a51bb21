public import OunceCore

/// Git LFS pointers, HTML pages, messages of servers, empty files.
public struct NotWeights: OpeningRule {
  public let id = "OUN103"
  public let name = "not-weights"
  public let severity = Severity.error
  public let level = CheckLevel.quick
  public let proves = "The file holds weights, not what a download left in their place."
  public let example = "model.gguf: is a Git LFS pointer instead of the file itself, which has 4920738944 bytes"
  public let fix = "fetch the file itself"

  public init() {}

  public func covers(_ error: OunceError) -> Bool { error.kind == .malformed && error.problem.hasPrefix("is ") }
}
