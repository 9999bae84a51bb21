internal import OrderedCollections
internal import OunceCore

/// Reads the header of one file from front to back.
struct GGUFReader {
  var bytes: ByteReader
  let version: UInt32
  /// Where the value of `general.alignment` stands.
  var alignmentOffset: Int?
  /// Bytes of a count or a length.
  var lengthByteCount: Int { version == 1 ? 4 : 8 }

  /// Reads magic and version, which say how all else is read.
  init(_ file: InputFile) throws(OunceError) {
    bytes = ByteReader(file)
    let magic = try bytes.bytes(4)
    guard magic == GGUFContainer.magic else { throw bytes.malformed("the file does not begin with GGUF", at: 0) }
    let word = try bytes.integer(UInt32.self)
    // A small number read in the wrong order has its low half empty.
    bytes.isBigEndian = word & 0xFFFF == 0 && word != 0
    version = bytes.isBigEndian ? word.byteSwapped : word
    guard (1...3).contains(version) else {
      throw OunceError(
        .unsupported, "is GGUF version \(version); this build reads 1, 2 and 3", file: file.path, offset: 4,
        remedy: "written by a newer llama.cpp? look for a newer ounce; or the file is damaged")
    }
  }

  mutating func model() throws(OunceError) -> Model {
    // The fewest bytes of a tensor's description: an empty name, no sizes.
    let tensorCount = try count(atMost: Limits.tensors, of: "tensors", elementByteCount: lengthByteCount + 16)
    let pairCount = try count(
      atMost: Limits.metadataKeys, of: "metadata pairs", elementByteCount: lengthByteCount + 5)
    let metadata = try metadata(pairCount)
    let alignment = try alignment(metadata)
    let tensors = try tensors(tensorCount, alignment: alignment)
    return Model(
      path: bytes.file.path, container: "GGUF", metadata: metadata, tensors: tensors, files: [bytes.file])
  }

  /// The next count or length, which has to be at most `limit` and to fit into the rest of the file.
  mutating func count(atMost limit: Int, of things: String, elementByteCount: Int) throws(OunceError) -> Int {
    let start = bytes.offset
    let value = lengthByteCount == 4 ? UInt64(try bytes.integer(UInt32.self)) : try bytes.integer(UInt64.self)
    return try bytes.check(value, atMost: limit, of: things, elementByteCount: elementByteCount, at: start)
  }

  /// The next string, which has to be UTF-8.
  mutating func string(atMost limit: Int, _ what: String) throws(OunceError) -> String {
    let count = try count(atMost: limit, of: "bytes in \(what)", elementByteCount: 1)
    let start = bytes.offset
    guard let string = try bytes.string(count) else { throw bytes.malformed("\(what) is not UTF-8", at: start) }
    return string
  }

  private func alignment(_ metadata: Metadata) throws(OunceError) -> Int {
    do { return try GGUFContainer.alignment(metadata) } catch {
      var error = error.located(file: bytes.file.path)
      error.offset = alignmentOffset
      throw error
    }
  }
}

extension GGUFContainer {
  /// What `general.alignment` says, or 32.
  ///
  /// - Throws: `OunceError` when it is no 32-bit power of two, which ggml demands.
  static func alignment(_ metadata: Metadata) throws(OunceError) -> Int {
    guard let value = metadata[alignmentKey] else { return defaultAlignment }
    guard case .uint32(let alignment) = value else {
      throw OunceError(
        .malformed, "expected a value of type uint32, found one of another type",
        subject: "key \(alignmentKey)")
    }
    guard alignment > 0, alignment & (alignment - 1) == 0, alignment <= Limits.alignment else {
      throw OunceError(
        .malformed, "\(alignment) is not a power of two up to \(Limits.alignment)", subject: "key \(alignmentKey)")
    }
    return Int(alignment)
  }
}

extension Int {
  /// The smallest multiple of `alignment` (a power of two) that is not below this number.
  func padded(to alignment: Int) -> Int { (self + alignment - 1) & ~(alignment - 1) }
}
