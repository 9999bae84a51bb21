internal import OunceCore

/// A SentencePiece model file (`tokenizer.model`): pieces with scores, and how texts are normalized.
///
/// A message whose field 1 is a piece (1 text, 2 score, 3 type), 2 the trainer's settings (3 kind of model) and 3 the
/// normalizer's (2 precompiled character map, 3 dummy prefix, 4 extra white space, 5 escape white space).
/// https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto
struct SentencePieceModel: Sendable {
  enum Kind: UInt64, Sendable { case unigram = 1, bytePair, word, character }

  private(set) var pieces = PackedStrings()
  private(set) var scores: [Float] = []
  /// As GGUF numbers them; pieces that users defined are normal ones.
  private(set) var types: [Int32] = []
  private(set) var kind = Kind.unigram
  private(set) var characterMap: [UInt8] = []
  private(set) var addsDummyPrefix = true
  private(set) var removesExtraSpace = true

  init(_ file: InputFile) throws(OunceError) {
    let bytes = try file.wholeContent(atMost: Limits.tokenizerModelByteCount)
    var reader = ProtobufReader(
      InputFile(path: file.path, bytes: bytes),
      remedy: "the file is damaged or is no SentencePiece model; fetch it again")
    while let (field, value) = try reader.next() {
      guard case .bytes(let range) = value else { continue }
      switch field {
      case 1: try readPiece(reader.nested(range))
      case 2: try readTrainer(reader.nested(range))
      case 3: try readNormalizer(reader.nested(range))
      default: break
      }
    }
    guard !pieces.isEmpty else {
      throw OunceError(
        .malformed, "holds no pieces", file: file.path, remedy: "it is no SentencePiece model; fetch it again")
    }
  }

  private mutating func readPiece(_ reader: ProtobufReader) throws(OunceError) {
    var reader = reader
    var text: [UInt8] = []
    var score: Float = 0
    var type: UInt64 = 1
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (1, .bytes(let range)): text = try reader.content(range)
      case (2, .fixed(let bits)): score = Float(bitPattern: UInt32(truncatingIfNeeded: bits))
      case (3, .integer(let number)): type = number
      default: break
      }
    }
    pieces.append(bytes: text[...])
    scores.append(score)
    switch type {
    case 2: types.append(TokenType.unknown)
    case 3: types.append(TokenType.control)
    case 5: types.append(TokenType.unused)
    case 6: types.append(TokenType.byte)
    default: types.append(TokenType.normal)
    }
  }

  private mutating func readTrainer(_ reader: ProtobufReader) throws(OunceError) {
    var reader = reader
    while let (field, value) = try reader.next() {
      if field == 3, case .integer(let number) = value { kind = Kind(rawValue: number) ?? .unigram }
    }
  }

  private mutating func readNormalizer(_ reader: ProtobufReader) throws(OunceError) {
    var reader = reader
    while let (field, value) = try reader.next() {
      switch (field, value) {
      case (2, .bytes(let range)): characterMap = try reader.content(range)
      case (3, .integer(let number)): addsDummyPrefix = number != 0
      case (4, .integer(let number)): removesExtraSpace = number != 0
      default: break
      }
    }
  }
}
