public import OunceCore
internal import OunceContainers

/// Downloads that were not finished, and what ounce leaves when it is killed while it writes.
public struct UnfinishedFile: OpeningRule, ModelRule {
  public let id = "OUN110"
  public let name = "unfinished-file"
  public let severity = Severity.error
  public let level = CheckLevel.quick
  public let proves = "The file, and each file beside it, is finished: its name is not that of a part of a download."
  public let example = "model.gguf.crdownload: is an unfinished download (.crdownload)"
  public let fix = "finish the download"

  public init() {}

  public func covers(_ error: OunceError) -> Bool {
    error.kind == .malformed && error.problem.hasPrefix("is an unfinished ")
  }

  /// Files beside the weights of a folder, whose settings and vocabulary belong to the model.
  public func check(_ model: Model) -> [Finding] {
    guard Paths.isFolder(model.path) else { return [] }
    return Open.unfinishedNames(in: model.path).map { name in
      var finding = finding("\(name) is unfinished", file: model.path)
      // What the Hub's programs left may be of an earlier try.
      if name.hasPrefix(".") { finding.severity = .warning }
      return finding
    }
  }
}
