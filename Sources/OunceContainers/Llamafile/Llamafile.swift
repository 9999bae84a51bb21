public import OunceCore

/// llamafile: a program that can be run, with a zip archive behind it that holds a GGUF and the arguments to run with.
///
/// The member is stored, not deflated, so that the program can map it. `.args` names one argument to a line; of several
/// models, the one behind `-m` is meant. What comes out is the GGUF itself: the program around it is left behind.
///
/// Specification: https://github.com/mozilla-ai/llamafile
public struct LlamafileContainer: Container {
  public let name = "llamafile"
  public let fileExtensions = ["llamafile"]

  public init() {}

  public func recognizes(_ candidate: Candidate) -> Bool {
    guard let archive = candidate.archive, !candidate.has("PK") else { return false }
    return archive.members.contains { Self.isModel($0) }
  }

  private static func isModel(_ member: ZipArchive.Member) -> Bool { member.name.hasSuffix(".gguf") }

  public func read(_ file: InputFile) throws(OunceError) -> Model {
    let archive = try ZipArchive(file)
    let member = try chosen(archive)
    var model = try GGUFContainer().read(try archive.open(member))
    model.path = file.path
    return model
  }

  private func chosen(_ archive: ZipArchive) throws(OunceError) -> ZipArchive.Member {
    let models = archive.members.filter { Self.isModel($0) }
    if models.count == 1, let only = models.first { return only }
    if let arguments = archive.member(".args") {
      let text = try archive.open(arguments).wholeContent(atMost: Limits.llamafileArgumentsByteCount)
      let lines = String(decoding: text, as: UTF8.self).split(separator: "\n").map {
        String($0.last == "\r" ? $0.dropLast() : $0)
      }
      let prefix = "/zip/"
      for (flag, value) in zip(lines, lines.dropFirst()) where flag == "-m" || flag == "--model" {
        let name = value.hasPrefix(prefix) ? String(value.dropFirst(prefix.count)) : value
        if let named = models.first(where: { ExactString($0.name) == ExactString(name) }) { return named }
      }
    }
    throw OunceError(
      .unsupported, "holds \(models.count) models: \(listed(models.map(\.name)))", file: archive.file.path, offset: 0,
      remedy: "unzip the file, then name the model to open")
  }
}
