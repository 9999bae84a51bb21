internal import OrderedCollections

/// The parts of a model's name: what the Hub's names say by convention, taken apart by heuristics.
public struct ModelName: Sendable, Equatable {
  /// The name for people: "Meta Llama 3.1 8B Instruct".
  public var title: String
  public var organization: String?
  public var basename: String?
  public var finetune: String?
  public var version: String?
  public var sizeLabel: String?
  /// Whether the file holds only what predicts further tokens.
  var isDraft = false
  /// The name as it was found, without its organization.
  public var fullName: String?

  init(title: String = "") { self.title = title }

  /// - Parameters:
  ///   - folder: the name of the checkpoint's folder, or an identifier `organization/name`.
  ///   - parameterCount: decides whether "4k" is a size or a context length; 0: not known.
  init(folder: String, parameterCount: Int) {
    self.init(identifier: folder, parameterCount: parameterCount)
    title = fullName.map(Self.title(of:)) ?? folder
  }

  /// Words of lower case are capitalized; versions and sizes stay.
  static func title(of identifier: String) -> String {
    identifier.replacing("-", with: " ").split(whereSeparator: \.isWhitespace)
      .map { word in isLower(word) && !isNumberLike(word) ? capitalized(word) : String(word) }.joined(separator: " ")
  }

  /// Python's `islower`: at least one cased letter, and none of upper case.
  private static func isLower(_ word: Substring) -> Bool {
    word.contains { $0.isLowercase } && !word.contains { $0.isUppercase }
  }

  /// `v1.2`, or anything that begins with a digit.
  private static func isNumberLike(_ word: Substring) -> Bool {
    if word.first?.isASCIIDigit == true { return true }
    return word.first == "v" && isDotted(word.dropFirst())
  }

  /// Python's `title`: each run of letters begins with a capital.
  private static func capitalized(_ word: Substring) -> String {
    var result = ""
    var wasLetter = false
    for character in word {
      result += wasLetter ? character.lowercased() : character.uppercased()
      wasLetter = character.isLetter
    }
    return result
  }

  /// Digits with dots between: `3`, `3.1`, `2.5.1`.
  static func isDotted(_ text: some StringProtocol) -> Bool {
    let parts = text.split(separator: ".", omittingEmptySubsequences: false)
    return !parts.isEmpty && parts.allSatisfy { !$0.isEmpty && $0.allSatisfy(\.isASCIIDigit) }
  }

  /// The name of an output file, without its extension.
  func fileStem(encoding: String?) -> String {
    func dashed(_ text: String) -> String { Self.trimmed(text).replacing(" ", with: "-") }
    var stem = (isDraft ? "mtp-" : "") + dashed(basename ?? title).replacing("/", with: "-")
    if let encoding {
      if let sizeLabel { stem += "-" + sizeLabel }
      if let finetune { stem += "-" + dashed(finetune) }
      if let version { stem += "-" + dashed(version) }
      return stem + "-" + dashed(encoding).uppercased()
    }
    if let finetune { stem += "-" + dashed(finetune) }
    if let version { stem += "-" + dashed(version) }
    return stem + "-vocab"
  }

  private static func trimmed(_ text: String) -> String {
    var text = text[...]
    while text.first?.isWhitespace == true { text.removeFirst() }
    while text.last?.isWhitespace == true { text.removeLast() }
    return String(text)
  }
}

extension Character {
  var isASCIIDigit: Bool { isASCII && isNumber }
}
