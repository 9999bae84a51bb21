public import OrderedCollections

/// Tensors with what is known about them; nothing is loaded.
public struct Model: Sendable {
  /// The path that was opened, as the user spelled it.
  public var path: String
  /// The container that was read: "GGUF", "safetensors".
  public var container: String
  public var metadata: Metadata
  public var tensors: [Tensor]
  /// Files beside the weights that belong to the model (`config.json`, `tokenizer.json`, `1_Pooling/config.json`), by
  /// their names relative to the folder.
  public var companions: [String: InputFile]
  /// The files that hold tensors.
  public var files: [InputFile]

  public init(
    path: String, container: String, metadata: Metadata = [:], tensors: [Tensor] = [],
    companions: [String: InputFile] = [:], files: [InputFile] = []
  ) {
    self.path = path
    self.container = container
    self.metadata = metadata
    self.tensors = tensors
    self.companions = companions
    self.files = files
  }

  /// A companion parsed as JSON; nil when there is none of this name.
  public func json(_ name: String) throws(OunceError) -> JSON? {
    guard let file = companions[name] else { return nil }
    return try JSONParser.parse(file: file)
  }
}
