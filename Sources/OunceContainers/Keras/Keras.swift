internal import OrderedCollections
public import OunceCore

/// The archive that Keras 3 saves a model to (`.keras`): a zip file of an HDF5 file and two JSON texts.
///
/// Format: https://keras.io/guides/serialization_and_saving/
///
/// | member | what |
/// |---|---|
/// | `metadata.json` | `keras_version`, `date_saved` |
/// | `config.json` | the layers of the model |
/// | `model.weights.h5` | the tensors |
/// | `assets/…` | vocabularies; left aside |
///
/// Tensors have the names that they have in the HDF5 file. Text of `metadata.json` becomes metadata under its own keys,
/// `config.json` as `model_config`, which is where a model in a single HDF5 file has it.
public struct KerasContainer: Container {
  public let name = "Keras"
  public let fileExtensions = ["keras"]
  public var sharesBytes: Bool { true }

  private static let weights = "model.weights.h5"

  public init() {}

  public func recognizes(_ candidate: Candidate) -> Bool { candidate.archive?.member(Self.weights) != nil }

  public func read(_ file: InputFile) throws(OunceError) -> Model {
    let archive = try ZipArchive(file)
    guard let weights = archive.member(Self.weights) else {
      throw OunceError(.malformed, "the archive has no \(Self.weights)", file: file.path, offset: 0)
    }
    var reader = try HDF5Reader(try archive.open(weights))
    var model = try reader.model()
    model.path = file.path
    model.container = name
    model.files = [file]
    var metadata: Metadata = [:]
    if let member = archive.member("metadata.json") {
      for (key, value) in try JSONParser.parse(file: try archive.open(member)).object ?? [:] {
        if let text = value.string { metadata[key] = .string(text) }
      }
    }
    if let member = archive.member("config.json") {
      let content = try archive.open(member).wholeContent(atMost: Limits.metadataStringByteCount)
      let text = String(decoding: content, as: UTF8.self)
      metadata[KerasConfiguration.key] = .string(text)
      model.remarks += KerasConfiguration.remarks(text)
    }
    for (key, value) in model.metadata where metadata[key] == nil { metadata[key] = value }
    model.metadata = metadata
    return model
  }
}
