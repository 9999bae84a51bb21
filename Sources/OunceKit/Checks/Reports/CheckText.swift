extension [CheckReport] {
  /// Commands that a GitHub workflow turns into annotations.
  ///
  /// Format: https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands
  public var gitHubCommands: String {
    flatMap(\.findings).map { finding in
      let kind = finding.severity == .note ? "notice" : finding.severity.rawValue
      let message = (finding.subject.map { "\($0): " } ?? "") + finding.message + " (" + finding.fix + ")"
      let file = Self.property(finding.file.fromWorkingFolder)
      let title = Self.property("\(finding.rule) \(finding.name)")
      return "::\(kind) file=\(file),title=\(title)::" + Self.data(message) + "\n"
    }.joined()
  }

  private static func data(_ text: String) -> String {
    text.replacing("%", with: "%25").replacing("\r", with: "%0D").replacing("\n", with: "%0A")
  }

  private static func property(_ text: String) -> String {
    data(text).replacing(":", with: "%3A").replacing(",", with: "%2C")
  }

  /// JUnit's XML, one case for each model: https://github.com/testmoapp/junitxml
  ///
  /// - Parameter threshold: the least severity that fails a case.
  public func junit(failOn threshold: Severity) -> String {
    let failed = count { !$0.passes(threshold) }
    var text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
    text += "<testsuites name=\"ounce check\" tests=\"\(count)\" failures=\"\(failed)\">\n"
    text += "  <testsuite name=\"ounce check\" tests=\"\(count)\" failures=\"\(failed)\">\n"
    for report in self {
      text += "    <testcase classname=\"\(Self.xml(report.container ?? "unknown"))\" name=\"\(Self.xml(report.path))\""
      let bad = report.findings.filter { $0.severity >= threshold }
      if report.passes(threshold) {
        text += "/>\n"
        continue
      }
      guard let first = bad.first else {
        text += ">\n      <failure type=\"unchecked\" message=\"nothing was checked\"/>\n    </testcase>\n"
        continue
      }
      text += ">\n      <failure type=\"\(first.rule)\" message=\"\(Self.xml(first.text))\">"
      text += bad.map { Self.xml("\($0.rule) \($0.severity.rawValue): \($0.text). \($0.fix)") }.joined(separator: "\n")
      text += "</failure>\n    </testcase>\n"
    }
    return text + "  </testsuite>\n</testsuites>\n"
  }

  /// Text with what XML 1.0 cannot hold written as U+FFFD.
  private static func xml(_ text: String) -> String {
    text.unicodeScalars.reduce(into: "") { result, scalar in
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "\t", "\n", "\r": result.unicodeScalars.append(scalar)
      default:
        let isAllowed = scalar.value >= 0x20 && scalar.value != 0xFFFE && scalar.value != 0xFFFF
        result.unicodeScalars.append(isAllowed ? scalar : "\u{FFFD}")
      }
    }
  }
}
