public import OunceCore

/// Core ML: one protocol buffer, `Model`, with weights in it, or beside it in a file of their own.
///
/// Specification: https://apple.github.io/coremltools/mlmodel/Format/Model.html, weight files:
/// https://github.com/apple/coremltools/blob/main/mlmodel/src/MILBlob/Blob/StorageFormat.hpp
///
/// | message | field: what |
/// |---|---|
/// | Model | 1: version · 2: description · 200 … 202: pipelines · 303, 403, 500: neural networks · 502: program |
/// | NeuralNetwork | 1: layers (name, then one field from 100 on: its kind, with WeightParams inside) |
/// | WeightParams | 1: floats · 2: halves · 30, 31: codes · 40: how codes become floats |
/// | Program | 2: functions → blocks → operations, of which `const` and `constexpr_…` hold values |
///
/// | weight file | what |
/// |---|---|
/// | 64 bytes | number of values, version 2 |
/// | 64 bytes for each value | 0xDEADBEEF, element type, byte count, place of the bytes, bits of padding |
/// | … | the bytes, at multiples of 64 |
///
/// What tensors are called:
///
/// | tensor | name |
/// |---|---|
/// | in a program, the value of an operation of its own | as what the operation gives |
/// | a value that stands in another operation | `RESULT.INPUT` |
/// | in a neural network | `LAYER.FIELD`: `conv1.weights`, `lstm.weightParams[0].inputGateBiasVector` |
/// | in a layer without a name | `layer[3].FIELD` |
/// | in a model of a pipeline | `MODEL::` before it, or `models[0]::` |
/// | in a branch or a loop of a network | `LAYER/ifBranch::` before it |
/// | in a function other than `main` | `FUNCTION::` before it |
///
/// A name that is taken gets `#2` behind it. Quantized weights become the floats that Core ML computes of them: codes
/// with scales and biases, or with tables. Sparse and jointly compressed values are left out with a remark. Strings in
/// programs are settings, not tensors. Other kinds of models (trees, text classifiers, …) hold no tensors.
public struct CoreMLContainer: Container {
  public let name = "Core ML"
  public let fileExtensions = ["mlmodel"]
  public var tellsItsEnd: Bool { false }
  public var sharesBytes: Bool { true }

  public init() {}

  /// A version, a description, and one of the known kinds of models.
  public func recognizes(_ candidate: Candidate) -> Bool {
    var reader = ProtobufReader(candidate.file, mayBeCut: true)
    var hasVersion = false
    for _ in 0..<16 {
      guard let next = try? reader.next() else { return false }
      switch next {
      case (1, .integer(1...1000)): hasVersion = true
      case (2, .bytes), (10, .integer): break
      case (let field, .bytes): return hasVersion && CoreMLReader.kinds[field] != nil
      default: return false
      }
    }
    return false
  }

  public func read(_ file: InputFile) throws(OunceError) -> Model {
    var reader = CoreMLReader(file)
    return try reader.model()
  }
}

/// A `.mlpackage`: `Manifest.json`, which names the model below `Data/`, and what belongs to the model beside it.
public struct CoreMLPackage: FolderContainer {
  public let name = "Core ML"

  public init() {}

  public func recognizes(_ folder: Folder) -> Bool { folder.hasFile("Manifest.json") && folder.hasFolder("Data") }

  public func read(_ folder: Folder) throws(OunceError) -> Model {
    let file = try folder.file("Manifest.json")
    let manifest = try JSONParser.parse(file: file)
    func damaged(_ problem: String) -> OunceError {
      OunceError(.malformed, problem, file: file.path, remedy: "the package is incomplete; fetch all of it again")
    }
    guard let root = manifest["rootModelIdentifier"]?.string else { throw damaged("names no model") }
    guard let path = manifest["itemInfoEntries"]?[root]?["path"]?.string else {
      throw damaged("has no entry for its model \(root)")
    }
    guard SiblingFiles.isInside(path) else { throw damaged("names a model outside of the package: \"\(path)\"") }
    guard folder.hasFile("Data/\(path)") else { throw damaged("names the model Data/\(path), which is not there") }
    let inner = try folder.file("Data/\(path)")
    if let error = Probe.sent(inner, try inner.head()) { throw error }
    var model = try CoreMLContainer().read(inner)
    model.path = folder.path
    return model
  }
}
