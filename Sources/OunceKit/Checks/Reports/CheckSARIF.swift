internal import Crypto
public import OunceCore

extension [CheckReport] {
  /// SARIF 2.1.0, which code scanning of repositories reads.
  ///
  /// Specification: https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
  public var sarif: JSON {
    let rules: [JSON] = Rules.all.map { rule in
      .object([
        "id": .string(rule.id), "name": .string(rule.name),
        "shortDescription": .object(["text": .string(rule.proves)]),
        "help": .object(["text": .string(rule.fix)]),
        "defaultConfiguration": .object(["level": .string(rule.severity.rawValue)]),
      ])
    }
    let results = flatMap(\.findings).map(\.sarif)
    let driver: JSON = .object([
      "name": .string("ounce"), "version": .string(OunceKit.version), "rules": .array(rules),
    ])
    return .object([
      "$schema": .string("https://json.schemastore.org/sarif-2.1.0.json"), "version": .string("2.1.0"),
      "runs": .array([.object(["tool": .object(["driver": driver]), "results": .array(results)])]),
    ])
  }
}

extension Finding {
  fileprivate var sarif: JSON {
    // Code scanning of GitHub asks for a line, which weights do not have.
    var region: JSONObject = ["startLine": .integer(1)]
    if let offset { region["byteOffset"] = .integer(offset) }
    var location: JSONObject = [
      "physicalLocation": .object([
        "artifactLocation": .object(["uri": .string(Self.uri(file))]), "region": .object(region),
      ])
    ]
    if let subject { location["logicalLocations"] = .array([.object(["name": .string(subject)])]) }
    let text = (subject.map { "\($0): " } ?? "") + message + ". " + fix
    return .object([
      "ruleId": .string(rule), "level": .string(severity.rawValue), "message": .object(["text": .string(text)]),
      "locations": .array([.object(location)]),
      "partialFingerprints": .object(["primaryLocationLineHash": .string(fingerprint + ":1")]),
    ])
  }

  /// Says whether two runs found the same. Without it, GitHub's upload reads the file for a hash of its line.
  private var fingerprint: String {
    let identity = [rule, file, subject ?? ""].joined(separator: "\u{0}")
    return ContentHash.hexadecimal(SHA256.hash(data: Array(identity.utf8)).prefix(8))
  }

  /// A path as a reference of a URI: all but letters, digits and a few signs as %XX.
  private static func uri(_ path: String) -> String {
    let plain = Set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~/".utf8)
    return path.fromWorkingFolder.utf8.reduce(into: "") { text, byte in
      if plain.contains(byte) {
        text.unicodeScalars.append(Unicode.Scalar(byte))
      } else {
        text += "%" + (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
      }
    }
  }
}

extension String {
  /// A path without the dot that stands for the working folder: those who show findings compare paths as texts.
  var fromWorkingFolder: String {
    var path = self[...]
    while path.hasPrefix("./"), path.count > 2 { path = path.dropFirst(2) }
    return String(path)
  }
}
