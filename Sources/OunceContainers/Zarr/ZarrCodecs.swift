internal import OunceCore

/// What happened to the bytes of a chunk before they were written, in that order.
struct ZarrCodecs {
  enum Codec {
    case zstd
    case gzip
    case zlib
    /// A checksum of four bytes behind the others.
    case checksum
  }

  private var codecs: [Codec] = []
  private var isCompressed: Bool { codecs.contains { $0 != .checksum } }

  init() {}

  /// The compressor of version 2.
  init(compressor: JSON?, _ description: ZarrDescription) throws(OunceError) {
    guard let compressor, !compressor.isNull else { return }
    let name = compressor["id"]?.string ?? "?"
    let known: [String: Codec] = ["zstd": .zstd, "gzip": .gzip, "zlib": .zlib]
    guard let codec = known[name] else { throw description.unsupported("is compressed with \(name)") }
    codecs = [codec]
  }

  /// Adds a codec of version 3.
  mutating func append(_ name: String, _ description: ZarrDescription) throws(OunceError) {
    let known: [String: Codec] = ["zstd": .zstd, "gzip": .gzip, "crc32c": .checksum]
    guard let codec = known[name] else { throw description.unsupported("is compressed with \(name)") }
    guard codec == .checksum || !isCompressed else { throw description.unsupported("is compressed twice") }
    codecs.append(codec)
  }

  /// The file of a chunk as it was before: exactly `byteCount` bytes. What is compressed is unpacked when it is read.
  func decoded(_ file: InputFile, byteCount: Int) throws(OunceError) -> InputFile {
    var sizes: [Int] = []
    var size = byteCount
    for codec in codecs {
      sizes.append(size)
      size = codec == .checksum ? size + 4 : 0
    }
    var file = file
    for (codec, size) in zip(codecs, sizes).reversed() {
      let all = 0..<file.byteCount
      switch codec {
      case .checksum:
        guard file.byteCount >= 4 else { throw wrong(file, "a checksum of 4 bytes") }
        file = InputFile(path: file.path, part: 0..<file.byteCount - 4, of: file)
      case .zstd: file = InputFile(path: file.path, unpacking: ZstandardStream(file, all), byteCount: size, from: file)
      case .gzip:
        file = InputFile(path: file.path, unpacking: InflateStream(file, all, .gzip), byteCount: size, from: file)
      case .zlib:
        file = InputFile(path: file.path, unpacking: InflateStream(file, all, .zlib), byteCount: size, from: file)
      }
    }
    guard file.byteCount == byteCount else { throw wrong(file, "a chunk of \(byteCount) bytes") }
    return file
  }

  /// The most bytes that chunks may be, of `storedByteCount` bytes in files.
  func limit(_ storedByteCount: Int) -> Int { isCompressed ? Unpacking.limit(for: storedByteCount) : .max }

  private func wrong(_ file: InputFile, _ what: String) -> OunceError {
    OunceError(
      .malformed, "expected \(what), found \(file.byteCount) bytes", file: file.path, offset: 0,
      remedy: "the download was cut short; fetch it again")
  }
}

/// The list of codecs of version 3.
struct ZarrPipeline {
  private(set) var order: [Int]
  private(set) var isBigEndian = false
  private(set) var codecs = ZarrCodecs()
  private(set) var shard: Shard?

  /// What is in a shard.
  final class Shard {
    let chunkShape: [Int]
    let inner: ZarrPipeline
    let place: ZarrShard

    init(_ configuration: JSON?, rank: Int, _ description: ZarrDescription) throws(OunceError) {
      chunkShape = try description.sizes(configuration?["chunk_shape"], "the chunk shape of a shard")
      inner = try ZarrPipeline(configuration?["codecs"], rank: rank, description, isInShard: true)
      let index = configuration?["index_codecs"]?.array ?? []
      let names = index.map { $0["name"]?.string ?? "?" }
      guard names == ["bytes", "crc32c"] || names == ["bytes"],
        index.first?["configuration"]?["endian"]?.string != "big"
      else { throw description.unsupported("has shards whose index passes through \(names)") }
      place = ZarrShard(
        isIndexFirst: configuration?["index_location"]?.string == "start", hasChecksum: names.count == 2)
    }
  }

  init(
    _ json: JSON?, rank: Int, _ description: ZarrDescription, isInShard: Bool = false
  ) throws(OunceError) {
    order = Array(0..<rank)
    guard let list = json?.array, !list.isEmpty, list.count <= Limits.zarrCodecs else {
      throw description.malformed("has no codecs")
    }
    var isInBytes = false
    for codec in list {
      let name = codec["name"]?.string ?? codec.string ?? "?"
      let configuration = codec["configuration"]
      switch name {
      case "transpose" where !isInBytes:
        let dimensions = try description.sizes(configuration?["order"], "the order of dimensions")
        guard dimensions.sorted() == Array(0..<rank) else {
          throw description.malformed("the order \(dimensions) is none of \(rank) dimensions")
        }
        order = dimensions.map { order[$0] }
      case "bytes" where !isInBytes:
        isInBytes = true
        isBigEndian = configuration?["endian"]?.string == "big"
      case "sharding_indexed" where !isInBytes && !isInShard:
        isInBytes = true
        shard = try Shard(configuration, rank: rank, description)
      case "sharding_indexed": throw description.unsupported("has shards in shards")
      default:
        guard isInBytes else { throw description.unsupported("passes through the codec \(name)") }
        guard shard == nil else { throw description.unsupported("has shards that pass through the codec \(name)") }
        try codecs.append(name, description)
      }
    }
    guard isInBytes else { throw description.malformed("no codec makes bytes of elements") }
  }
}

/// Where a shard says what it holds.
struct ZarrShard {
  let isIndexFirst: Bool
  let hasChecksum: Bool

  /// The chunks of a shard, in the order of its grid; nil where there is none.
  func chunks(_ file: InputFile, count: Int) throws(OunceError) -> [InputFile?] {
    let (pairs, overflow) = count.multipliedReportingOverflow(by: 16)
    let indexByteCount = pairs + (hasChecksum ? 4 : 0)
    guard !overflow, indexByteCount <= file.byteCount else {
      throw OunceError(
        .malformed, "expected an index of \(count) chunks, but the shard has \(file.byteCount) bytes", file: file.path,
        offset: 0, remedy: "the download was cut short; fetch it again")
    }
    var index = ByteReader(file, at: isIndexFirst ? 0 : file.byteCount - indexByteCount)
    var chunks: [InputFile?] = []
    for _ in 0..<count {
      let start = index.offset
      let offset = try index.integer(UInt64.self)
      let size = try index.integer(UInt64.self)
      if offset == .max, size == .max {
        chunks.append(nil)
        continue
      }
      guard size <= UInt64(file.byteCount), offset <= UInt64(file.byteCount) - size else {
        throw index.malformed("a chunk of \(size) bytes at \(offset) is not inside of the shard", at: start)
      }
      chunks.append(InputFile(path: file.path, part: Int(offset)..<Int(offset + size), of: file))
    }
    return chunks
  }
}
