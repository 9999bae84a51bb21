internal import OunceCore
internal import OunceEncoding

/// The description of a group or an array, as JSON.
struct ZarrDescription {
  let file: InputFile
  let json: JSON
  /// 2 or 3.
  let version: Int
  let isArray: Bool

  /// nil when a folder has none.
  init?(_ folder: Folder) throws(OunceError) {
    let names = [("zarr.json", 3), (".zarray", 2)]
    guard let (name, version) = names.first(where: { folder.hasFile($0.0) }) else { return nil }
    file = try folder.file(name)
    json = try JSONParser.parse(file: file)
    self.version = version
    let said = json["zarr_format"]?.integer
    guard said == version else {
      throw OunceError(
        .malformed, "expected \"zarr_format\": \(version), found \(said.map { "\($0)" } ?? "none")", file: file.path)
    }
    isArray = version == 2 || json["node_type"]?.string == "array"
  }

  func sizes(_ json: JSON?, _ what: String) throws(OunceError) -> [Int] {
    guard let values = json?.array, values.count <= Limits.dimensions else {
      throw malformed("\(what) is no list of sizes")
    }
    var sizes: [Int] = []
    for value in values {
      guard let size = value.integer, size >= 0, size <= 1 << 58 else { throw malformed("\(what) is no list of sizes") }
      sizes.append(size)
    }
    return sizes
  }

  func malformed(_ problem: String) -> OunceError { OunceError(.malformed, problem, file: file.path) }
  func unsupported(
    _ problem: String, remedy: String = "save it again with the bytes codec, and zstd or gzip at most"
  ) -> OunceError {
    OunceError(.unsupported, problem, file: file.path, remedy: remedy)
  }
}

/// How the elements of one array lie in its chunks.
struct ZarrArray {
  let shape: [Int]
  /// The sizes of what one file holds.
  let fileShape: [Int]
  /// The sizes of what is decoded at once: those of a file, or of the parts of a shard.
  let chunkShape: [Int]
  let encoding: any Encoding
  let isBigEndian: Bool
  /// The dimensions as a chunk stores them, the slowest first.
  let order: [Int]
  /// What one element is where there is no chunk: nil where that cannot be said.
  let fill: [UInt8]?
  let codecs: ZarrCodecs
  let shard: ZarrShard?
  let keys: Keys

  /// How the files of chunks are called.
  struct Keys {
    /// What stands before the numbers, as a name of its own: `c`.
    var prefix: String?
    var separator: String
  }

  init(_ description: ZarrDescription) throws(OunceError) {
    if description.version == 2 { self = try Self.second(description) } else { self = try Self.third(description) }
    guard fileShape.count == shape.count, chunkShape.count == shape.count, !fileShape.contains(0),
      !chunkShape.contains(0)
    else {
      throw description.malformed("the chunks \(chunkShape) do not suit the shape \(shape)")
    }
    guard zip(fileShape, chunkShape).allSatisfy({ $0 % $1 == 0 }) else {
      throw description.malformed("the shards \(fileShape) are no whole chunks \(chunkShape)")
    }
    guard order.sorted() == Array(shape.indices) else {
      throw description.malformed("the order \(order) is none of \(shape.count) dimensions")
    }
  }

  private init(
    shape: [Int], fileShape: [Int], chunkShape: [Int], type: ZarrType, order: [Int], fill: [UInt8]?, codecs: ZarrCodecs,
    shard: ZarrShard?, keys: Keys
  ) {
    (self.shape, self.fileShape, self.chunkShape, self.order) = (shape, fileShape, chunkShape, order)
    (encoding, isBigEndian) = (type.encoding, type.isBigEndian)
    (self.fill, self.codecs, self.shard, self.keys) = (fill, codecs, shard, keys)
  }

  private static let onlyNumbers = "only arrays of numbers can be read"

  private static func second(_ description: ZarrDescription) throws(OunceError) -> ZarrArray {
    let json = description.json
    let shape = try description.sizes(json["shape"], "the shape")
    let chunks = try description.sizes(json["chunks"], "chunks")
    guard let dtype = json["dtype"]?.string else {
      throw description.unsupported("is an array of records", remedy: onlyNumbers)
    }
    guard let type = ZarrType(second: dtype) else {
      throw description.unsupported("is an array of \(dtype)", remedy: onlyNumbers)
    }
    if let filters = json["filters"]?.array, let filter = filters.first {
      throw description.unsupported("passes through the filter \(filter["id"]?.string ?? "?")")
    }
    let isReversed = json["order"]?.string == "F"
    let separator = json["dimension_separator"]?.string ?? "."
    guard [".", "/"].contains(separator) else { throw description.malformed("the separator is \"\(separator)\"") }
    return ZarrArray(
      shape: shape, fileShape: chunks, chunkShape: chunks, type: type,
      order: isReversed ? shape.indices.reversed() : Array(shape.indices), fill: type.fill(json["fill_value"]),
      codecs: try ZarrCodecs(compressor: json["compressor"], description), shard: nil,
      keys: Keys(separator: separator))
  }

  private static func third(_ description: ZarrDescription) throws(OunceError) -> ZarrArray {
    let json = description.json
    let shape = try description.sizes(json["shape"], "the shape")
    guard let dtype = json["data_type"]?.string, let known = ZarrType(third: dtype) else {
      throw description.unsupported(
        "is an array of \(json["data_type"]?.string ?? "an extension")", remedy: onlyNumbers)
    }
    guard json["chunk_grid"]?["name"]?.string == "regular" else {
      throw description.unsupported("has chunks of different sizes")
    }
    if let transformers = json["storage_transformers"]?.array, !transformers.isEmpty {
      throw description.unsupported("passes through a storage transformer")
    }
    let fileShape = try description.sizes(json["chunk_grid"]?["configuration"]?["chunk_shape"], "the chunk shape")
    let outer = try ZarrPipeline(json["codecs"], rank: shape.count, description)
    let inner = outer.shard?.inner ?? outer
    let type = ZarrType(encoding: known.encoding, isBigEndian: inner.isBigEndian)
    let key = json["chunk_key_encoding"]
    let isDefault = key?["name"]?.string != "v2"
    let separator = key?["configuration"]?["separator"]?.string ?? (isDefault ? "/" : ".")
    guard [".", "/"].contains(separator) else { throw description.malformed("the separator is \"\(separator)\"") }
    if outer.shard != nil, outer.order != Array(shape.indices) {
      throw description.unsupported("has shards of exchanged dimensions")
    }
    return ZarrArray(
      shape: shape, fileShape: fileShape, chunkShape: outer.shard?.chunkShape ?? fileShape, type: type,
      order: inner.order, fill: type.fill(json["fill_value"]), codecs: inner.codecs, shard: outer.shard?.place,
      keys: Keys(prefix: isDefault ? "c" : nil, separator: separator))
  }
}
