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
  /// What a reader noticed that is not in the tensors.
  public var remarks: [Remark]

  public init(
    path: String, container: String, metadata: Metadata = [:], tensors: [Tensor] = [],
    companions: [String: InputFile] = [:], files: [InputFile] = [], remarks: [Remark] = []
  ) {
    self.path = path
    self.container = container
    self.metadata = metadata
    self.tensors = tensors
    self.companions = companions
    self.files = files
    self.remarks = remarks
  }

  /// A companion parsed as JSON; nil when there is none of this name.
  public func json(_ name: String) throws(OunceError) -> JSON? {
    guard let file = companions[name] else { return nil }
    return try JSONParser.parse(file: file)
  }
}

/// What a reader noticed in a file that can be used all the same, or whose headers at least can be shown.
public struct Remark: Sendable, Equatable {
  public enum Kind: Sendable, Equatable {
    /// Something was left aside that is no tensor: an object of a custom class.
    case note
    /// A tensor that cannot be read: of strings, of a sparse layout.
    case unsupported
    /// Something that would act if another program opened the file: nothing is converted from it.
    case danger
  }

  public let kind: Kind
  /// What it is about: a tensor, `os.system`. May be empty.
  public let subject: String
  /// What was noticed, as the end of a sentence about the subject: "is a tensor of strings".
  public let text: String

  public init(_ kind: Kind, subject: String = "", _ text: String) {
    self.kind = kind
    self.subject = subject
    self.text = text
  }
}
