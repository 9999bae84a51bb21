public import OunceCore

/// The files of ggml's programs from before GGUF: ggml (without version), ggmf and ggjt.
///
/// | bytes | what |
/// |---|---|
/// | 4 | `lmgg` (ggml), `fmgg` (ggmf) or `tjgg` (ggjt): the magic as a little-endian word |
/// | 4 | version: ggmf 1 (rwkv.cpp: 100 and 101), ggjt 1 to 3; ggml has none |
/// | … | what the program needs: sizes, filters, the vocabulary (`GGMLLayout`) |
/// | … | tensors up to the end of the file |
///
/// | bytes of a tensor | what |
/// |---|---|
/// | 4, 4, 4 | number of dimensions, bytes of the name, type |
/// | 4 each | dimensions, the fastest first: the reverse of `TensorInfo.shape` |
/// | … | the name |
/// | … | ggjt: zeros up to a multiple of 32 bytes of the file |
/// | … | the elements |
///
/// Nothing names the program, so every layout is tried; the one whose list of tensors ends where the file ends is it. A
/// file that was cut between two tensors is a shorter file of the same kind.
///
/// Written by the `convert-*-to-ggml.py` scripts of https://github.com/ggml-org/ggml (examples, 2023) and
/// https://github.com/ggml-org/whisper.cpp (models), and by https://github.com/RWKV/rwkv.cpp.
public struct GGMLContainer: Container {
  public let name = "ggml"
  public let fileExtensions = ["ggml", "bin"]
  public let tellsItsEnd = false
  /// Blocks of older versions are shown as floats.
  public let sharesBytes = true

  public init() {}

  public func recognizes(_ candidate: Candidate) -> Bool {
    Magic.allCases.contains { candidate.has($0.rawValue) }
  }

  public func read(_ file: InputFile) throws(OunceError) -> Model {
    let version = try GGMLVersion(file)
    let layouts = GGMLLayout.all.filter { $0.suits(version) }
    var failure: OunceError?
    var readCount = 0
    for layout in layouts {
      var reader = GGMLReader(file, version, layout)
      do { return try reader.model() } catch {
        // The layout that explains most of the tensors is the one to complain about.
        guard reader.isAtTensors || layouts.count == 1 else { continue }
        if failure != nil, reader.tensorCount < readCount { continue }
        if reader.tensorCount == readCount, let offset = failure?.offset, offset > error.offset ?? 0 { continue }
        (failure, readCount) = (error, reader.tensorCount)
      }
    }
    throw failure
      ?? OunceError(
        .malformed, "the header fits no known program: \(layouts.map(\.name).joined(separator: ", "))",
        file: file.path, offset: version.byteCount,
        remedy: "the file is cut short or damaged, or convert it with the program that it was made for")
  }

  enum Magic: String, CaseIterable {
    case ggml = "lmgg"
    case ggmf = "fmgg"
    case ggjt = "tjgg"
  }
}

/// What the first bytes say.
struct GGMLVersion {
  let magic: GGMLContainer.Magic
  /// nil: ggml has none.
  let number: UInt32?
  /// The bytes of magic and version.
  var byteCount: Int { number == nil ? 4 : 8 }
  /// Whether each token has a score behind it.
  var hasScores: Bool { number != nil }
  var isRWKV: Bool { number.map { $0 >= 100 } ?? false }
  /// What the place of a tensor in the file is a multiple of.
  var alignment: Int { magic == .ggjt ? 32 : 1 }

  init(_ file: InputFile) throws(OunceError) {
    var bytes = ByteReader(file)
    let word = String(decoding: try bytes.bytes(4), as: UTF8.self)
    guard let magic = GGMLContainer.Magic(rawValue: word) else {
      throw bytes.malformed("expected lmgg, fmgg or tjgg", at: 0)
    }
    self.magic = magic
    guard magic != .ggml else {
      number = nil
      return
    }
    let version = try bytes.integer(UInt32.self)
    guard magic == .ggjt ? (1...3).contains(version) : [1, 100, 101].contains(version) else {
      throw OunceError(
        .unsupported,
        "is \(magic) version \(version); known are \(magic == .ggjt ? "1 to 3" : "1, and 100 and 101 of rwkv.cpp")",
        file: file.path, offset: 4, remedy: "the file is damaged, or convert it with the program that wrote it")
    }
    number = version
  }

  /// Which layouts of quantized blocks a file has: 0 before May 12th 2023, 1 for the week after, 2 since.
  ///
  /// - Parameter fileType: what the header says: a version in thousands, and the type of most tensors.
  func blockVersion(fileType: Int32) -> Int {
    switch (magic, number) {
    case (.ggjt, .some(let number)): Int(number) - 1
    case (.ggmf, .some(let number)) where number >= 100: number == 100 ? 0 : 2
    default: Int(fileType / 1000)
    }
  }
}
