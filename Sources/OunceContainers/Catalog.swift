public import OunceCore

/// Every container that can be read, in the order in which contents are tried.
public enum Containers {
  public static let all: [any Container] = [
    GGUFContainer(),
    SafetensorsContainer(),
    TensorFlowCheckpointContainer(),
    TensorFlowGraphContainer(),
    TFLiteContainer(),
    PyTorchContainer(),
    KerasContainer(),
    HDF5Container(),
    ONNXContainer(),
    CoreMLContainer(),
    GGMLContainer(),
    LlamafileContainer(),
    CTranslate2Container(),
    MsgpackContainer(),
    Llama2CContainer(),
    NPYContainer(),
    NPZContainer(),
  ]

  /// Containers that are written, but never recognized.
  public static let writtenOnly: [any WritableContainer] = [
    RawContainer()
  ]

  /// Models that are folders, in the order in which they are tried.
  public static let folders: [any FolderContainer] = [
    SavedModelContainer(),
    TensorFlowCheckpointFolder(),
    DistributedContainer(),
    CoreMLPackage(),
    ZarrContainer(),
  ]

  /// The container of a file; nil when there is none.
  public static func recognizing(_ candidate: Candidate) -> (any Container)? {
    all.first { $0.recognizes(candidate) }
  }

  /// Every container that can be written.
  public static var writable: [any WritableContainer] {
    all.compactMap { $0 as? any WritableContainer } + writtenOnly
  }

  /// The writable container whose files have this extension.
  public static func writable(ending: String) -> (any WritableContainer)? {
    writable.first { $0.fileExtensions.contains(ending) }
  }

  /// The container that people call `name`, in any case.
  public static func named(_ name: String) -> (any Container)? {
    (all + writtenOnly).first { $0.name.lowercased() == name.lowercased() }
  }

  /// Reads the header of one file, whatever container it is. The contents decide, never the name.
  ///
  /// - Throws: `OunceError` that says what the file really is, when no container recognizes it.
  public static func read(_ file: InputFile) throws(OunceError) -> Model { try read(file, depth: 0) }

  /// The same for a file with so many wrappers around it.
  static func read(_ file: InputFile, depth: Int) throws(OunceError) -> Model {
    let candidate = try Candidate(file)
    guard let container = recognizing(candidate) else {
      do { if let model = try Wrappers.model(in: candidate, depth: depth) { return model } } catch {
        throw error.withRemedyForDamage
      }
      throw candidate.archiveError?.withRemedyForDamage ?? Probe.explain(file, candidate.head)
    }
    do { return try container.read(file) } catch { throw error.withRemedyForDamage }
  }
}

extension OunceError {
  /// The same error; what to do about a file that breaks the rules of its format is added unless something better is
  /// known.
  var withRemedyForDamage: OunceError {
    guard kind == .malformed, remedy == nil else { return self }
    var error = self
    error.remedy = "the file is damaged, or the program that wrote it is at fault; fetch it again"
    return error
  }
}
