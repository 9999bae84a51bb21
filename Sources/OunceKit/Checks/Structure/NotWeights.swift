public import OunceCore

/// Git LFS pointers, HTML pages, messages of servers, files that are empty or were never filled.
public struct NotWeights: OpeningRule {
  public let id = "OUN103"
  public let name = "not-weights"
  public let severity = Severity.error
  public let level = CheckLevel.quick
  public let proves = "The file holds weights, not what a download left in their place."
  public let example = "model.gguf: is a Git LFS pointer instead of the file itself, which has 4920738944 bytes"
  public let fix = "fetch the file itself"

  public init() {}

  private static let beginnings = ["is ", "holds zeros only", "unpacks to nothing", "has only "]

  /// What is said of a whole file; of a tensor, the same words are about its place.
  public func covers(_ error: OunceError) -> Bool {
    error.kind == .malformed && error.subject == nil && Self.beginnings.contains(where: error.problem.hasPrefix)
  }
}
