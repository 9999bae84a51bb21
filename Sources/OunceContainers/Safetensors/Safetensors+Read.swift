internal import OrderedCollections
internal import OunceCore
internal import OunceEncoding

/// Reads the header of one file.
struct SafetensorsReader {
  private struct Entry {
    var info: TensorInfo
    /// From the beginning of the data.
    var range: Range<Int>
    /// Where the entry stands in the file.
    var headerOffset: Int
  }

  private let file: InputFile
  private var metadata: Metadata = [:]
  private var entries: [Entry] = []
  private var names: Set<ExactString> = []

  init(_ file: InputFile) { self.file = file }

  mutating func model() throws(OunceError) -> Model {
    let dataStart = try header()
    try checkPlaces(dataStart: dataStart)
    let file = file
    let tensors = entries.map { entry in
      Tensor(
        info: entry.info,
        data: FileRegion(
          file: file, offset: dataStart + entry.range.lowerBound, rowByteCount: entry.info.rowByteCount))
    }
    return Model(path: file.path, container: "safetensors", metadata: metadata, tensors: tensors, files: [file])
  }

  /// Reads length and header; returns where the data begins.
  private mutating func header() throws(OunceError) -> Int {
    var bytes = ByteReader(file)
    let length = try bytes.integer(UInt64.self)
    let count = try bytes.check(
      length, atMost: Limits.safetensorsHeaderByteCount, of: "bytes in the header", elementByteCount: 1, at: 0)
    let content = try bytes.bytes(count)
    guard content.first == UInt8(ascii: "{") else {
      throw bytes.malformed("expected the header to begin with \"{\"", at: 8)
    }
    // An entry of one tensor takes about 100 bytes.
    entries.reserveCapacity(count / 100)
    names.reserveCapacity(count / 100)
    do throws(OunceError) { try parse(content) } catch {
      // The file has all of the header: what ends too early is not the download.
      guard error.remedy == JSONParser.cutRemedy else { throw error }
      var error = error
      error.remedy = "the header is damaged, or its length at byte 0 is wrong; fetch the file again"
      throw error
    }
    return 8 + count
  }

  private mutating func parse(_ header: [UInt8]) throws(OunceError) {
    var json = JSONParser(header, file: file.path, base: 8)
    var hasMetadata = false
    try json.members { (json, key, offset) throws(OunceError) in
      if key == SafetensorsContainer.metadataKey {
        guard !hasMetadata else { throw json.malformed("\"__metadata__\" appears twice", atOffset: offset) }
        hasMetadata = true
        // MLX writes null where there is none, which the reference implementation reads.
        if try json.skipNull() { return }
        try metadata(&json)
      } else {
        guard names.insert(ExactString(key)).inserted else {
          throw json.malformed("the tensor name \"\(key)\" appears twice", atOffset: offset)
        }
        guard entries.count < Limits.tensors else {
          throw json.malformed("more than the limit of \(Limits.tensors) tensors", atOffset: offset)
        }
        do throws(OunceError) { try entry(&json, name: key, at: offset) } catch {
          throw error.located(subject: "tensor \(key)")
        }
      }
    }
    try json.finish()
  }

  private mutating func metadata(_ json: inout JSONParser) throws(OunceError) {
    try json.members { (json, key, offset) throws(OunceError) in
      let value: String
      do throws(OunceError) { value = try json.text() } catch { throw error.located(subject: "metadata \(key)") }
      if let known = metadata.index(forKey: key) {
        throw json.malformed(repeated(key, metadata.keys[known]), atOffset: offset)
      }
      metadata[key] = .string(value)
      guard metadata.count <= Limits.metadataKeys else {
        throw json.malformed("more than the limit of \(Limits.metadataKeys) metadata keys", atOffset: offset)
      }
    }
  }

  private mutating func entry(_ json: inout JSONParser, name: String, at offset: Int) throws(OunceError) {
    guard name.utf8.count <= Limits.tensorNameByteCount else {
      throw json.malformed(
        "a name of \(name.utf8.count) bytes is beyond the limit of \(Limits.tensorNameByteCount)", atOffset: offset)
    }
    var dtype: (name: String, offset: Int)?
    var shape: [Int]?
    var range: (bounds: [Int], offset: Int)?
    try json.members { (json, key, keyOffset) throws(OunceError) in
      let isRepeated: Bool
      switch key {
      case "dtype":
        isRepeated = dtype != nil
        dtype = (try json.text(), keyOffset)
      case "shape":
        isRepeated = shape != nil
        shape = try sizes(&json, atMost: Limits.dimensions, "dimensions")
      case "data_offsets":
        isRepeated = range != nil
        range = (try sizes(&json, atMost: 2, "data offsets"), keyOffset)
      default:
        // The reference implementation ignores other keys.
        _ = try json.value()
        isRepeated = false
      }
      if isRepeated { throw json.malformed("the key \"\(key)\" appears twice", atOffset: keyOffset) }
    }
    guard let dtype else { throw json.malformed("the \"dtype\" is missing", atOffset: offset) }
    guard let shape else { throw json.malformed("the \"shape\" is missing", atOffset: offset) }
    guard let range else { throw json.malformed("the \"data_offsets\" are missing", atOffset: offset) }
    let info = try info(name: name, dtype: dtype, shape: shape)
    let bounds = try bounds(range, of: info, json)
    entries.append(Entry(info: info, range: bounds, headerOffset: range.offset))
  }

  private func sizes(_ json: inout JSONParser, atMost limit: Int, _ what: String) throws(OunceError) -> [Int] {
    var sizes: [Int] = []
    let start = json.offset
    try json.elements { (json) throws(OunceError) in
      sizes.append(try json.size())
      guard sizes.count <= limit else {
        throw json.malformed("more than \(limit) \(what)", atOffset: start)
      }
    }
    return sizes
  }

  private func info(
    name: String, dtype: (name: String, offset: Int), shape: [Int]
  ) throws(OunceError) -> TensorInfo {
    guard let encoding = Encodings.safetensors(dtype.name) else {
      throw OunceError(
        .unsupported, "the dtype \"\(dtype.name.clipped(to: 40))\" is none that this build knows", file: file.path,
        offset: dtype.offset, remedy: "written by a newer safetensors? `ounce formats` lists the known ones")
    }
    do { return try TensorInfo(name: name, shape: shape, encoding: encoding) } catch {
      var error = error.located(file: file.path)
      error.offset = dtype.offset
      throw error
    }
  }

  private func bounds(
    _ range: (bounds: [Int], offset: Int), of info: TensorInfo, _ json: JSONParser
  ) throws(OunceError) -> Range<Int> {
    guard range.bounds.count == 2 else {
      throw json.malformed("expected two data offsets, found \(range.bounds.count)", atOffset: range.offset)
    }
    let (begin, end) = (range.bounds[0], range.bounds[1])
    guard begin <= end else {
      throw json.malformed("the data begins at \(begin), after its end at \(end)", atOffset: range.offset)
    }
    guard end - begin == info.byteCount else {
      throw json.malformed(
        "\(info.encoding.name) of shape \(info.shape) takes \(info.byteCount) bytes, but the data offsets "
          + "\(begin) to \(end) span \(end - begin)", atOffset: range.offset)
    }
    return begin..<end
  }

  /// The tensors follow each other without gap and overlap, and fill the file.
  private func checkPlaces(dataStart: Int) throws(OunceError) {
    var order = Array(entries.indices)
    if !zip(entries, entries.dropFirst()).allSatisfy({ $0.range.lowerBound <= $1.range.lowerBound }) {
      order.sort {
        let (left, right) = (entries[$0].range, entries[$1].range)
        return (left.lowerBound, left.upperBound, $0) < (right.lowerBound, right.upperBound, $1)
      }
    }
    var end = 0
    var firstCut: Entry?
    let available = file.byteCount - dataStart
    for index in order {
      let entry = entries[index]
      guard entry.range.lowerBound == end else {
        let what = entry.range.lowerBound < end ? "overlaps" : "leaves a gap after"
        throw OunceError(
          .malformed,
          "the data begins at \(entry.range.lowerBound) and \(what) the data before it, which ends at \(end)",
          file: file.path, offset: entry.headerOffset, subject: "tensor \(entry.info.name)",
          remedy: "safetensors allows neither gaps nor overlaps; write the file again")
      }
      end = entry.range.upperBound
      if firstCut == nil, end > available { firstCut = entry }
    }
    if let firstCut {
      throw OunceError(
        .malformed,
        "the data of \(firstCut.info.byteCount) bytes begins at \(dataStart + firstCut.range.lowerBound), but the file "
          + "has \(file.byteCount) bytes: \(end - available) bytes are missing",
        file: file.path, offset: firstCut.headerOffset, subject: "tensor \(firstCut.info.name)",
        remedy: "the download was cut short; fetch it again")
    }
    guard end == available else {
      throw OunceError(
        .malformed, "\(available - end) bytes follow the data of the last tensor", file: file.path,
        offset: dataStart + end, remedy: "safetensors allows none; the file is damaged or hides something")
    }
  }
}
