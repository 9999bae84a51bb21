/// The one error of the library: what went wrong, where, and what to do.
///
/// Printed as
/// ```
/// model.gguf: byte 98: expected 8 more bytes, but the file ends after 2.
/// hint: the download was cut short; fetch it again.
/// ```
public struct OunceError: Error, Equatable, Sendable {
  /// Who is at fault, which decides the exit code of the tool.
  public enum Kind: Sendable, Equatable {
    /// A system call failed while reading or writing.
    case io
    /// The input breaks the rules of its format.
    case malformed
    /// The input is fine, but this build does not know what to do with it.
    case unsupported
    /// The caller asked for something that does not fit together.
    case request
    /// A file that was named is not there or cannot be read.
    case notFound
    /// The output cannot be made: it exists, it is an input, there is no room.
    case output
    /// The caller stopped the work.
    case cancelled
  }

  public var kind: Kind
  /// The file that is wrong, as the user spelled it.
  public var file: String?
  /// The byte of `file` where the problem is.
  public var offset: Int?
  /// What inside the file is wrong: a tensor, a metadata key.
  public var subject: String?
  /// What is wrong: expected, found. A sentence without its full stop.
  public var problem: String
  /// What the user can do about it.
  public var remedy: String?

  public init(
    _ kind: Kind, _ problem: String, file: String? = nil, offset: Int? = nil, subject: String? = nil,
    remedy: String? = nil
  ) {
    self.kind = kind
    self.file = file
    self.offset = offset
    self.subject = subject
    self.problem = problem
    self.remedy = remedy
  }

  /// The same error with the parts that a caller knows better filled in where they are missing.
  public func located(file: String? = nil, subject: String? = nil) -> OunceError {
    var error = self
    error.file = error.file ?? file
    error.subject = error.subject ?? subject
    return error
  }
}

extension OunceError: CustomStringConvertible {
  public var description: String {
    remedy.map { "\(message)\nhint: \($0)" } ?? message
  }

  /// The first line of `description`: everything but the hint.
  public var message: String {
    var parts: [String] = []
    if let file { parts.append(file.escapingControls) }
    if let offset { parts.append("byte \(offset)") }
    if let subject { parts.append(subject.clipped(to: 300).escapingControls) }
    parts.append(problem.clipped(to: 2000).escapingControls)
    return parts.joined(separator: ": ") + "."
  }
}

extension String {
  /// The same text when it is short, else its beginning: a name from a file may have megabytes.
  package func clipped(to count: Int) -> String {
    guard utf8.count > count, let end = index(startIndex, offsetBy: count, limitedBy: endIndex), end < endIndex else {
      return self
    }
    return self[..<end] + "…"
  }

  /// The same text with control characters, and those that turn text around or end a line, written as escapes: a name
  /// from a file cannot move the cursor, nor look like another.
  public var escapingControls: String {
    guard unicodeScalars.contains(where: \.isTreacherous) else { return self }
    return unicodeScalars.map { $0.isTreacherous ? "\\u{\(String($0.value, radix: 16))}" : String($0) }.joined()
  }
}

extension Unicode.Scalar {
  /// Whether it changes where or in which direction text is shown.
  ///
  /// Source of the second line: https://www.unicode.org/reports/tr9/#Directional_Formatting_Codes
  package var isTreacherous: Bool {
    switch value {
    case 0..<0x20, 0x7F..<0xA0: true
    case 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: true
    case 0x2028, 0x2029: true
    default: false
    }
  }
}
