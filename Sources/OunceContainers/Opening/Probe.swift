internal import OunceCore

/// Says what a file is that no container recognizes: what downloads leave behind, and formats of others.
enum Probe {
  /// Endings that browsers and download programs give to what is not finished.
  private static let unfinishedEndings = [
    ".incomplete", ".part", ".partial", ".crdownload", ".opdownload", ".aria2", ".download", ".!qB",
  ]
  /// Endings of what ounce itself leaves when it is killed while it writes.
  private static let ownEndings = [".ounce-partial", ".ounce-journal"]

  /// What a name says of its content: the download is not finished. Asked before the content, since a download that
  /// reserves its space looks whole.
  static func unfinished(_ path: String) -> OunceError? {
    if let error = unfinished(named: path) { return error }
    guard Paths.exists(path + ".aria2") else { return nil }
    return OunceError(
      .malformed, "is an unfinished download (there is \(Paths.name(of: path)).aria2 beside it)", file: path,
      remedy: unfinishedRemedy)
  }

  private static let unfinishedRemedy = "finish the download, then name the finished file"

  /// The same by the name alone.
  private static func unfinished(named path: String) -> OunceError? {
    let name = Paths.name(of: path)
    if let ending = unfinishedEndings.first(where: name.hasSuffix) {
      return OunceError(.malformed, "is an unfinished download (\(ending))", file: path, remedy: unfinishedRemedy)
    }
    // An older form has the number of the process behind it.
    let digits = name.reversed().prefix { $0.isASCII && $0.isNumber }.count
    let base = digits > 0 && name.dropLast(digits).hasSuffix("-") ? String(name.dropLast(digits + 1)) : name
    if let ending = ownEndings.first(where: { name.hasSuffix($0) || base.hasSuffix($0) }) {
      return OunceError(
        .malformed, "is an unfinished output of ounce (\(ending))", file: path,
        remedy: "run the same command again, then name what it makes")
    }
    return nil
  }

  /// What a folder says: one that Safari downloads into, which holds the file and a description of the download.
  static func unfinished(folder: String) -> OunceError? {
    guard Paths.name(of: folder).hasSuffix(".download"), Paths.isFile(Paths.join(folder, "Info.plist")) else {
      return nil
    }
    return unfinished(folder)
  }

  /// The names of a folder that say so of what they name, and what the Hugging Face Hub's programs have not finished
  /// of it.
  static func unfinishedNames(in folder: String) -> [String] {
    let hub = ".cache/huggingface/download"
    let own = (try? Paths.names(in: folder)) ?? []
    let others = ((try? Paths.names(in: Paths.join(folder, hub))) ?? []).filter { $0.hasSuffix(".incomplete") }
    return own.filter { unfinished(named: $0) != nil } + others.map { "\(hub)/\($0)" }
  }

  /// Whether an unfinished download of `path` lies beside the place where it belongs.
  static func isUnfinished(_ path: String) -> Bool {
    unfinishedEndings.contains { Paths.exists(path + $0) }
  }

  /// The error for a file that begins with `head`.
  static func explain(_ file: InputFile, _ head: [UInt8]) -> OunceError {
    if head.isEmpty {
      return OunceError(
        .malformed, "is empty", file: file.path, remedy: "the download did not begin or failed; fetch it again")
    }
    if isZero(file, head) {
      return OunceError(
        .malformed, "holds zeros only, as far as was looked", file: file.path, offset: 0,
        remedy: "its space was reserved but never filled; fetch it again")
    }
    if let error = pointer(file, head) { return error }
    if let other = others.first(where: { $0.matches(head) }) { return other.error(file) }
    if let error = text(file, head) ?? caffe(file, head) { return error }
    if let wrapper = wrappers.first(where: { $0.matches(head) }) { return wrapper.error(file) }
    let known = Containers.all.map(\.name).joined(separator: ", ")
    guard head.count > 16 else {
      return OunceError(
        .malformed, "has only \(head.count) bytes, too few for a weight file", file: file.path, offset: head.count,
        remedy: "the download was cut short; fetch it again")
    }
    let start = head.prefix(8).map { hexadecimal($0) }.joined(separator: " ")
    // `.bin` names nothing: half of all formats are called so.
    if !file.path.hasSuffix(".bin"),
      let named = Containers.all.first(where: { $0.fileExtensions.contains { file.path.hasSuffix("." + $0) } })
    {
      return OunceError(
        .malformed, "is named like a \(named.name) file, but begins with the bytes \(start)", file: file.path,
        offset: 0, remedy: "the file is damaged or is something else; fetch it again")
    }
    return OunceError(
      .unsupported, "is no weight file that this build knows; it begins with the bytes \(start)", file: file.path,
      offset: 0, remedy: "known are \(known)")
  }

  /// What came in place of a file: a pointer to it, or a page about it.
  static func sent(_ file: InputFile, _ head: [UInt8]) -> OunceError? { pointer(file, head) ?? text(file, head) }

  private static func hexadecimal(_ byte: UInt8) -> String {
    (byte < 16 ? "0" : "") + String(byte, radix: 16)
  }

  /// Whether samples from all over the file are zero.
  private static func isZero(_ file: InputFile, _ head: [UInt8]) -> Bool {
    guard head.allSatisfy({ $0 == 0 }) else { return false }
    let sampleByteCount = min(4096, file.byteCount)
    return (1...8).allSatisfy { index in
      let start = (file.byteCount - sampleByteCount) / 8 * index
      guard let sample = try? file.bytes(start..<start + sampleByteCount) else { return false }
      return sample.allSatisfy { $0 == 0 }
    }
  }

  /// A Git LFS pointer: https://github.com/git-lfs/git-lfs/blob/main/docs/spec.md
  private static func pointer(_ file: InputFile, _ head: [UInt8]) -> OunceError? {
    guard head.starts(with: "version https://git-lfs.github.com/spec/".utf8) else { return nil }
    let lines = String(decoding: head.prefix(1024), as: UTF8.self).split(separator: "\n")
    let size = lines.first { $0.hasPrefix("size ") }.map { ", which has \($0.dropFirst(5)) bytes" } ?? ""
    return OunceError(
      .malformed, "is a Git LFS pointer instead of the file itself\(size)", file: file.path, offset: 0,
      remedy: "run `git lfs pull` in the repository, or download the file from its page")
  }

  /// Pages and messages that a server sent in place of the file.
  private static func text(_ file: InputFile, _ head: [UInt8]) -> OunceError? {
    let text = String(decoding: head.prefix(1024), as: UTF8.self)
    let start = text.drop { $0.isWhitespace || $0 == "\u{FEFF}" }
    let lowercase = start.prefix(64).lowercased()
    let remedy = "the server sent this in place of the file; check address, access and login, then fetch it again"
    if lowercase.hasPrefix("<!doctype html") || lowercase.hasPrefix("<html") || lowercase.hasPrefix("<head") {
      return OunceError(
        .malformed, "is an HTML page\(quote(inner(start, "title")))", file: file.path, offset: 0, remedy: remedy)
    }
    if lowercase.hasPrefix("<?xml") || lowercase.hasPrefix("<error") {
      let message = [inner(start, "Code"), inner(start, "Message")].compactMap { $0 }.joined(separator: ": ")
      return OunceError(
        .malformed, "is an XML document\(quote(message.isEmpty ? nil : message))", file: file.path, offset: 0,
        remedy: remedy)
    }
    guard start.hasPrefix("{") || start.hasPrefix("[") else { return nil }
    guard file.byteCount <= head.count, let json = try? JSONParser.parse(head) else {
      return OunceError(
        .malformed, "is JSON text, not weights", file: file.path, offset: 0,
        remedy: "name the folder or the weight file beside it")
    }
    guard let message = (json["error"] ?? json["message"] ?? json["detail"])?.string else {
      return OunceError(
        .malformed, "is a JSON document, not weights", file: file.path, offset: 0,
        remedy: "name the folder or the weight file beside it")
    }
    return OunceError(
      .malformed, "is a JSON message\(quote(message))", file: file.path, offset: 0, remedy: remedy)
  }

  private static func quote(_ text: String?) -> String { text.map { ": \"\($0.prefix(120))\"" } ?? "" }

  /// The text between `<tag>` and `</tag>`.
  private static func inner(_ text: Substring, _ tag: String) -> String? {
    guard let open = text.range(of: "<\(tag)>"), let close = text.range(of: "</\(tag)>", from: open.upperBound) else {
      return nil
    }
    return String(text[open.upperBound..<close.lowerBound])
  }
}

extension Substring {
  /// Where `pattern` stands at or after `start`; the standard library has this only with regular expressions.
  fileprivate func range(of pattern: String, from start: Index? = nil) -> Range<Index>? {
    var index = start ?? startIndex
    while index < endIndex {
      let rest = self[index...]
      if rest.hasPrefix(pattern), let end = self.index(index, offsetBy: pattern.count, limitedBy: endIndex) {
        return index..<end
      }
      index = self.index(after: index)
    }
    return nil
  }
}
