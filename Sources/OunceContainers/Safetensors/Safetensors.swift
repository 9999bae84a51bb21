public import OunceCore

/// safetensors, the file format of the Hugging Face Hub: a JSON header and tensor data without gaps.
///
/// Specification: https://github.com/huggingface/safetensors#format
///
/// | bytes | what |
/// |---|---|
/// | 8 | N: bytes of the header, little endian |
/// | N | a JSON object that begins with `{` and may end in spaces |
/// | … | tensor data: offsets count from here; no gap, no overlap, nothing after the last tensor |
///
/// A member of the header is a tensor, `"name":{"dtype":"F16","shape":[16,64],"data_offsets":[BEGIN,END]}`, or
/// `"__metadata__"`, an object of strings.
public struct SafetensorsContainer: Container {
  /// How files are written.
  public struct Options: Sendable {
    /// Adds `"format":"pt"` to metadata that names no format: transformers refuses a file without one.
    public var addsFormat: Bool
    /// Spaces behind the header that leave room for a longer one.
    public var reservedByteCount = 0

    public init(addsFormat: Bool = true) { self.addsFormat = addsFormat }
  }

  public let name = "safetensors"
  public let fileExtensions = ["safetensors"]
  public let options: Options

  public init(options: Options = Options()) { self.options = options }

  /// A brace behind a length: text that happens to have a brace there does not begin with zeros. A length beyond any
  /// file is recognized by the quote that follows the brace, so that the error can say what is wrong with it.
  public func recognizes(_ candidate: Candidate) -> Bool {
    let head = candidate.head
    guard head.count > 8, head[8] == UInt8(ascii: "{") else { return false }
    if head[6] == 0, head[7] == 0 { return true }
    return head.count > 9 && head[9] == UInt8(ascii: "\"") && head[7] >= 0x80
  }

  public func read(_ file: InputFile) throws(OunceError) -> Model {
    var reader = SafetensorsReader(file)
    return try reader.model()
  }
}

extension SafetensorsContainer {
  static let metadataKey = "__metadata__"

  /// The order in which the reference implementation writes tensors: by dtype, largest alignment first. It is the
  /// declaration order of the crate's `Dtype`, reversed.
  static let writingOrder = [
    "U64", "I64", "F64", "C64", "F32", "U32", "I32", "BF16", "F16", "U16", "I16", "F8_E5M2FNUZ", "F8_E4M3FNUZ",
    "F8_E8M0", "F8_E4M3", "F8_E5M2", "I8", "U8", "F6_E3M2", "F6_E2M3", "F4", "BOOL",
  ]
}
