public import OunceCore

/// Findings that a user has looked at and accepts, each with its reason.
///
/// ```
/// # rule    where                     reason
/// OUN203    model.gguf:blk.31.*       this layer is pruned on purpose
/// OUN108    *                         our server names all files .bin
/// ```
///
/// A line is a rule's id or name, a glob for the file, or for `file:subject`, and the reason, without which it is an
/// error.
public struct IgnoreFile: Sendable {
  private struct Entry {
    let rule: String
    let file: Glob
    let subject: Glob?
    let reason: String
  }

  private let entries: [Entry]

  /// - Throws: `OunceError` that names the line which is none.
  public init(_ file: InputFile) throws(OunceError) {
    let text = String(decoding: try file.wholeContent(atMost: Limits.ruleFileByteCount), as: UTF8.self)
    var entries: [Entry] = []
    for (number, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      let words = line.split(whereSeparator: \.isWhitespace)
      guard let first = words.first, !first.hasPrefix("#") else { continue }
      func reject(_ problem: String) -> OunceError {
        OunceError(
          .request, "line \(number + 1) \(problem)", file: file.path,
          remedy: "write RULE FILE[:SUBJECT] REASON, such as: OUN203 model.gguf:blk.31.* pruned on purpose")
      }
      guard words.count > 2 else { throw reject("gives no reason") }
      guard Rules.all.contains(where: { $0.id == first || $0.name == first }) else {
        throw reject("names the rule \(first), which is not known")
      }
      let place = words[1].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
      entries.append(
        Entry(
          rule: String(first), file: Glob(place[0]), subject: place.count > 1 ? Glob(place[1]) : nil,
          reason: words[2...].joined(separator: " ")))
    }
    self.entries = entries
  }

  /// Why a finding is accepted; nil: it is not.
  public func reason(for finding: Finding) -> String? {
    entries.first { entry in
      guard entry.rule == finding.rule || entry.rule == finding.name else { return false }
      guard entry.file.matches(finding.file) || entry.file.matches(Paths.name(of: finding.file)) else { return false }
      guard let subject = entry.subject else { return true }
      let name = finding.subject ?? ""
      return subject.matches(name) || subject.matches(name.split(separator: " ").last.map(String.init) ?? "")
    }?.reason
  }
}

extension CheckReport {
  /// The report without accepted findings, and how many those were.
  public func ignoring(_ file: IgnoreFile) -> (report: CheckReport, ignoredCount: Int) {
    var report = self
    report.findings.removeAll { file.reason(for: $0) != nil }
    return (report, findings.count - report.findings.count)
  }
}
