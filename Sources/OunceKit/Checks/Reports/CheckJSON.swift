public import OunceCore

extension [CheckReport] {
  /// `ounce.check/1`, as docs/schemas/check.json describes it.
  ///
  /// - Parameter threshold: the least severity that fails a model.
  public func json(failOn threshold: Severity) -> JSON {
    .object([
      "schema": .string("ounce.check/1"), "version": .string(OunceKit.version),
      "failOn": .string(threshold.rawValue), "passed": .bool(allSatisfy { $0.passes(threshold) }),
      "models": .array(map { $0.json(threshold) }),
    ])
  }
}

extension CheckReport {
  fileprivate func json(_ threshold: Severity) -> JSON {
    var document: JSONObject = ["path": .string(path), "passed": .bool(passes(threshold))]
    if let container { document["container"] = .string(container) }
    document["tensorCount"] = .integer(tensorCount)
    document["byteCount"] = .integer(byteCount)
    document["worst"] = worst.map { .string($0.rawValue) } ?? .null
    document["findings"] = .array(findings.map(\.json))
    document["checked"] = .array(checked.map(JSON.string))
    document["unchecked"] = .array(unchecked.map(JSON.string))
    return .object(document)
  }
}

extension Finding {
  fileprivate var json: JSON {
    var document: JSONObject = [
      "rule": .string(rule), "name": .string(name), "severity": .string(severity.rawValue), "file": .string(file),
    ]
    if let offset { document["offset"] = .integer(offset) }
    if let subject { document["subject"] = .string(subject) }
    document["message"] = .string(message)
    document["fix"] = .string(fix)
    return .object(document)
  }
}
