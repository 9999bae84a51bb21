public import OunceCore

/// A set of files of which some are missing or belong to another.
public struct IncompleteSet: OpeningRule {
  public let id = "OUN105"
  public let name = "incomplete-set"
  public let severity = Severity.error
  public let level = CheckLevel.quick
  public let proves = "Every file of a set is there, and all belong together."
  public let example = "models: 1 of 3 shards are missing: model-00002-of-00003.gguf"
  public let fix = "fetch the missing files into the same folder"

  public init() {}

  public func covers(_ error: OunceError) -> Bool {
    error.kind == .notFound && error.problem.contains("shards") || error.problem.hasPrefix("is in an earlier shard")
      || error.problem.contains("tensors are not in the shards") || error.problem.contains("are not in the index")
      || error.problem.contains("but the first shard is")
      || (error.problem.hasPrefix("is one of ") && error.problem.contains(" shards, but its name"))
  }
}
