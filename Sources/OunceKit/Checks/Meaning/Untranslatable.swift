internal import OunceCore

/// A checkpoint that does not become GGUF, with the reason that `ounce convert` would give.
///
/// What breaks a rule of its own is an error, a file that is not there a warning. What only this build does not know is
/// a note: it says nothing about the model.
public struct Untranslatable: MeaningRule {
  public let id = "OUN311"
  public let name = "does-not-translate"
  public let severity = Severity.error
  public let level = CheckLevel.deep
  public let proves = "config.json, tokenizer and tensors fit together so that `ounce convert` takes them."
  public let example = "./model: config.json: tensor model.layers.0.foo.weight: is not known to the architecture"
  public let fix = "fetch all files of the model from the same revision"

  public init() {}

  func check(_ meaning: Meaning) -> [Finding] {
    guard let error = meaning.failure else { return [] }
    // Of files beside the weights, only their names are known here.
    let path = meaning.source.path
    let folder = Paths.isFolder(path) ? path : Paths.folder(of: path)
    let file = error.file.map {
      meaning.source.companions[$0]?.path ?? (Paths.exists($0) ? $0 : Paths.join(folder, $0))
    }
    var finding = finding(
      error.problem, file: file ?? path, offset: error.offset, subject: error.subject, fix: error.remedy)
    switch error.kind {
    case .unsupported, .request: finding.severity = .note
    case .notFound:
      // A tokenizer in another form than this build reads is there all the same.
      let forms = ["vocab.json", "vocab.txt", "tokenizer.model", "spiece.model", "sentencepiece.bpe.model"]
      finding.severity = forms.contains { meaning.source.companions[$0] != nil } ? .note : .warning
    case .io, .malformed, .output, .cancelled: break
    }
    return [finding]
  }
}
