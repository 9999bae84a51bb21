internal import OunceCore

/// A model and what it is said to be made of, under the same names: the source is translated as converting it would do.
struct LineageSides: Sendable {
  /// The source as the checked model should have it: views only, nothing is read.
  let source: Model
  let checked: Model
  /// What GGUF says of each; nil: nothing is known.
  let sourceMetadata: Metadata?
  let checkedMetadata: Metadata?
  /// The family, where it is known.
  let architecture: Architecture?
  /// What cannot be checked, and why.
  var notes: [String] = []

  /// Whether tensors have the names of llama.cpp.
  var hasGGUFNames: Bool { checked.tensors.contains { $0.info.name.hasPrefix("blk.0.") } }

  /// - Throws: `OunceError` where the two have no names in common, and the source cannot be translated.
  init(_ checked: Model, _ source: Model) throws(OunceError) {
    let stacked = try source.stackingExperts(like: checked)
    let own = Self.mismatchCount(stacked, checked)
    let fewest = min(stacked.tensors.count, checked.tensors.count)
    // Twice the number of names that both have.
    let isForeign = stacked.tensors.count + checked.tensors.count - own < fewest || fewest == 0
    var sourceSide = Side(stacked)
    var checkedSide = Side(checked)
    var notes: [String] = []
    if own > 0 || isForeign, source.canBeTranslated || checked.canBeTranslated {
      do throws(OunceError) {
        let (left, right) = try Self.translated(source, checked)
        if isForeign || Self.mismatchCount(left.model, right.model) < own { (sourceSide, checkedSide) = (left, right) }
      } catch { if isForeign { throw error } }
    }
    // Where names are the same on both sides, only settings and tokenizer need a translation.
    for (model, other, isSource) in [(source, checked, true), (checked, source, false)] where model.canBeTranslated {
      guard (isSource ? sourceSide : checkedSide).metadata == nil else { continue }
      do throws(OunceError) {
        let translation = try Self.translation(model, for: other)
        if isSource { sourceSide.learn(translation) } else { checkedSide.learn(translation) }
      } catch { notes.append("settings and tokenizer: \(error.message)") }
    }
    self.source = sourceSide.model
    self.checked = checkedSide.model
    (sourceMetadata, checkedMetadata) = (sourceSide.metadata, checkedSide.metadata)
    let name = (sourceSide.metadata ?? checkedSide.metadata)?["general.architecture"]?.string
    architecture =
      sourceSide.architecture ?? checkedSide.architecture ?? Architectures.all.first { $0.name == name }
    if notes.isEmpty, sourceMetadata == nil || checkedMetadata == nil {
      notes.append("settings and tokenizer: \((sourceMetadata == nil ? source : checked).path) says nothing of them")
    }
    self.notes = notes
  }

  /// One of both, under the names that it was given.
  private struct Side {
    var model: Model
    var metadata: Metadata?
    var architecture: Architecture?

    /// A model under its own names.
    init(_ model: Model) {
      self.model = model
      if model.container == "GGUF", model.metadata["general.architecture"] != nil { metadata = model.metadata }
    }

    init(_ translation: Translation, of model: Model) {
      self.model = translation.model
      self.model.path = model.path
      self.model.files = model.files
      learn(translation)
    }

    mutating func learn(_ translation: Translation) {
      metadata = translation.convertedMetadata(fileType: nil)
      architecture = translation.architecture
    }
  }

  /// Both under the names of GGUF.
  private static func translated(_ source: Model, _ checked: Model) throws(OunceError) -> (Side, Side) {
    let right =
      checked.canBeTranslated
      ? Side(try translation(checked, for: source), of: checked) : Side(checked)
    guard source.canBeTranslated else { return (Side(source), right) }
    let left = Side(try translation(source, for: right.model), of: source)
    guard let other = variant(left.model, right.model) else { return (left, right) }
    // Some options of a conversion change which tensors there are.
    guard let translation = try? translation(source, for: right.model, other) else { return (left, right) }
    let changed = Side(translation, of: source)
    let isNearer = mismatchCount(changed.model, right.model) < mismatchCount(left.model, right.model)
    return (isNearer || right.model.tensors.isEmpty ? changed : left, right)
  }

  private static func translation(
    _ model: Model, for other: Model, _ options: TranslationOptions = TranslationOptions()
  ) throws(OunceError) -> Translation {
    var options = options
    options.toleratesMissingTokenizer = true
    do throws(OunceError) { return try model.translated(options) } catch {
      // A pre-tokenizer that is not known is the one that the user named then, as the file says.
      guard error.kind == .unsupported, let name = other.metadata["tokenizer.ggml.pre"]?.string else { throw error }
      options.pretokenizer = name
      guard let translation = try? model.translated(options) else { throw error }
      return translation
    }
  }

  /// The options that would explain which tensors are there; nil: none would.
  private static func variant(_ source: Model, _ checked: Model) -> TranslationOptions? {
    var options = TranslationOptions()
    if checked.tensors.isEmpty {
      options.vocabularyOnly = true
      return options
    }
    let (here, there) = (names(checked), names(source))
    guard here != there else { return nil }
    let missing = there.subtracting(here).map(\.string)
    let extra = here.subtracting(there).map(\.string)
    options.fusesQueryKeyValue = extra.contains { $0.contains("attn_qkv.") }
    options.fusesGateUpExperts = extra.contains { $0.contains("ffn_gate_up_exps.") }
    let next = missing.contains { $0.contains("nextn.") }
    options.withoutNextPrediction = next
    options.onlyNextPrediction = !next && here.contains { $0.string.contains("nextn.") } && !missing.isEmpty
    return options
  }

  private static func names(_ model: Model) -> Set<ExactString> {
    Set(model.tensors.lazy.map { ExactString($0.info.name) })
  }

  private static func mismatchCount(_ a: Model, _ b: Model) -> Int { names(a).symmetricDifference(names(b)).count }
}

extension Model {
  /// Whether its tensors can be given the names that they have in GGUF.
  fileprivate var canBeTranslated: Bool { container != "GGUF" && companions["config.json"] != nil }
}
