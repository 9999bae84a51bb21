internal import OunceCore

/// A family of models as a table: how its tensors and settings are called in Hugging Face checkpoints and in GGUF, and
/// what happens to the numbers on the way. Read from left to right it converts to GGUF, from right to left back.
public struct Architecture: Sendable {
  typealias Unscale = @Sendable (_ weight: Tensor, _ scale: Tensor, Checkpoint) throws(OunceError) -> Tensor?

  /// The value of `general.architecture`.
  public let name: String
  /// The classes that `config.json` may name under `architectures`.
  public let huggingFaceNames: [String]
  /// Another family where the configuration of one class decides; nil: this one.
  let variant: @Sendable (Configuration) -> Architecture?
  /// What the family's classes assume where `config.json` is silent.
  let defaults: [String: JSON]
  /// Settings that follow from others, after `defaults`.
  let derive: @Sendable (inout Checkpoint) throws(OunceError) -> Void
  /// What is taken off tensor names, and which tensors are left out, before `tensors` is consulted.
  let names: SourceNames
  let tensors: [TensorRule]
  /// Tensors that no checkpoint holds because they follow from the configuration.
  let computed: @Sendable (Checkpoint) throws(OunceError) -> [Tensor]
  /// What is left of a cleaned name where the configuration decides: heads that predict further tokens become layers.
  let rename: @Sendable (_ name: String, Checkpoint) throws(OunceError) -> String?
  /// All names of a tensor that stands for several, such as one that layers share; itself where it does not.
  let repeated: @Sendable (_ name: String, Checkpoint) throws(OunceError) -> [String]
  /// A scaled weight as floats, where its scales do not cover plain blocks; the closure's nil: they do.
  let unscale: Unscale?
  /// Settings that the reference writes before `general.type`.
  let leadingMetadata: [MetadataRule]
  let metadata: [MetadataRule]
  let tokenizer: any TokenizerRule

  init(
    _ name: String, _ huggingFaceNames: [String],
    variant: @escaping @Sendable (Configuration) -> Architecture? = { _ in nil }, defaults: [String: JSON] = [:],
    derive: @escaping @Sendable (inout Checkpoint) throws(OunceError) -> Void = { (_) throws(OunceError) in },
    names: SourceNames = .init(),
    rename: @escaping @Sendable (_ name: String, Checkpoint) throws(OunceError) -> String? = {
      (name, _) throws(OunceError) in name
    },
    repeated: @escaping @Sendable (_ name: String, Checkpoint) throws(OunceError) -> [String] = {
      (name, _) throws(OunceError) in [name]
    }, tensors: [TensorRule],
    computed: @escaping @Sendable (Checkpoint) throws(OunceError) -> [Tensor] = { (_) throws(OunceError) in [] },
    unscale: Unscale? = nil, leadingMetadata: [MetadataRule] = [], metadata: [MetadataRule] = MetadataRule.common,
    tokenizer: any TokenizerRule = BytePairTokenizer()
  ) {
    self.name = name
    self.huggingFaceNames = huggingFaceNames
    self.variant = variant
    self.defaults = defaults
    self.derive = derive
    self.names = names
    self.tensors = tensors
    self.computed = computed
    self.rename = rename
    self.repeated = repeated
    self.unscale = unscale
    self.leadingMetadata = leadingMetadata
    self.metadata = metadata
    self.tokenizer = tokenizer
  }
}
