public import OunceCore

/// A file that is not there, is a folder without weights, or fails while it is read.
public struct CannotBeRead: OpeningRule {
  public let id = "OUN101"
  public let name = "cannot-be-read"
  public let severity = Severity.error
  public let level = CheckLevel.quick
  public let proves = "The file is there and can be read."
  public let example = "model.gguf: cannot be opened: No such file or directory"
  public let fix = "check the path and who may read it"

  public init() {}

  public func covers(_ error: OunceError) -> Bool { [.io, .notFound, .request, .output].contains(error.kind) }
}
