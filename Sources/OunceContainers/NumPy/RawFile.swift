public import OunceCore

/// The bytes of one tensor and nothing else: written for programs that know type and shape already.
///
/// Such a file says nothing of what it is, so none is ever recognized.
public struct RawContainer: WritableContainer {
  public let name = "raw"
  public let fileExtensions = ["bin", "raw"]
  public var tensorLimit: Int? { 1 }

  public init() {}

  public func recognizes(_ candidate: Candidate) -> Bool { false }

  public func read(_ file: InputFile) throws(OunceError) -> Model {
    throw OunceError(
      .unsupported, "does not say what type and shape its bytes have", file: file.path,
      remedy: "name a file of another format")
  }

  public func layout(_ metadata: Metadata, _ tensors: [TensorInfo]) throws(OunceError) -> FileLayout {
    let tensor = try tensors.onlyTensor(of: "raw", remedy: "name another output format")
    return FileLayout(header: [], offsets: [0], byteCount: tensor.byteCount)
  }
}
