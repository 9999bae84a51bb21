public import OunceCore
internal import OunceEncoding

/// How bad a finding is.
public enum Severity: String, Sendable, CaseIterable, Comparable {
  case note, warning, error

  public static func < (left: Severity, right: Severity) -> Bool { left.rank < right.rank }

  private var rank: Int { self == .note ? 0 : self == .warning ? 1 : 2 }
}

/// How much of a model is looked at; each level includes those before it.
public enum CheckLevel: String, Sendable, CaseIterable, Comparable {
  /// Headers: structure, sizes, sets of files.
  case quick
  /// Every byte: values, scales, codes, checksums.
  case full
  /// What it means: settings, tokenizer and tensors together.
  case deep

  public static func < (left: CheckLevel, right: CheckLevel) -> Bool { left.rank < right.rank }

  private var rank: Int { self == .quick ? 0 : self == .full ? 1 : 2 }
}

/// One thing that a check proves. A rule is a file of its own and a line in `Rules.all`.
public protocol CheckRule: Sendable {
  /// `OUN` and a number that never changes: 1xx structure, 2xx values, 3xx meaning, 4xx what a
  /// model was made of.
  var id: String { get }
  /// A few words with hyphens, for lists.
  var name: String { get }
  var severity: Severity { get }
  var level: CheckLevel { get }
  /// What holds when the rule finds nothing.
  var proves: String { get }
  /// A message that it gives.
  var example: String { get }
  /// What a user does about it.
  var fix: String { get }
}

extension CheckRule {
  /// A finding of this rule.
  public func finding(
    _ message: String, file: String, offset: Int? = nil, subject: String? = nil, fix: String? = nil
  ) -> Finding {
    // A name from a file may have megabytes.
    Finding(
      rule: id, name: name, severity: severity, file: file, offset: offset, subject: subject?.clipped(to: 300),
      message: message.clipped(to: 2000), fix: fix ?? self.fix)
  }
}

/// A rule about an error that stopped a file from being opened.
public protocol OpeningRule: CheckRule {
  func covers(_ error: OunceError) -> Bool
}

/// A rule about what headers say.
public protocol ModelRule: CheckRule {
  func check(_ model: Model) -> [Finding]
}

/// A rule about all bytes of one file.
public protocol FileRule: CheckRule {
  func check(_ file: InputFile, isCancelled: () -> Bool) throws(OunceError) -> [Finding]
}

/// A rule about the content of one tensor.
public protocol ContentRule: CheckRule {
  /// The message about this tensor; nil: there is nothing to say.
  func message(_ survey: TensorSurvey) -> String?
}

/// What a rule found.
public struct Finding: Sendable, Equatable {
  public let rule: String
  public let name: String
  public var severity: Severity
  public let file: String
  public let offset: Int?
  /// A tensor, a metadata key.
  public let subject: String?
  public let message: String
  public let fix: String

  /// What and where, in one line.
  public var text: String {
    var parts = [file.escapingControls]
    if let offset { parts.append("byte \(offset)") }
    if let subject { parts.append(subject.escapingControls) }
    parts.append(message.escapingControls)
    return parts.joined(separator: ": ")
  }
}
