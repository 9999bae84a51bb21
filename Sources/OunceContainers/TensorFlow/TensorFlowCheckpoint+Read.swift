internal import OunceCore
internal import OunceEncoding

/// Reads the index of a checkpoint.
struct CheckpointReader {
  private struct Header {
    var shardCount = 0
    var isBigEndian = false
  }

  private let file: InputFile
  private var header: Header?
  private var entries: [CheckpointEntry] = []
  /// Slices by their keys.
  private var slices: [[UInt8]: CheckpointEntry] = [:]
  private var nameByteCount = 0
  /// Slices that the tensors so far list. Each has an entry of its own, and these come first.
  private var listedSliceCount = 0

  private var tensors: [Tensor] = []
  private var remarks: [Remark] = []
  private(set) var shards: [Int: (file: InputFile, index: Int)] = [:]
  private var files: [InputFile] = []
  /// What tensors cover, to see that none share bytes.
  private(set) var places: [Place] = []

  /// Where bytes of a tensor are, and what their entry says of them.
  struct Place {
    let shard: Int
    let range: Range<Int>
    let entry: Int
    let name: String
    let checksum: UInt32?
  }

  init(_ file: InputFile) { self.file = file }

  mutating func model() throws(OunceError) -> Model {
    try SortedTable(file).visit { (entry) throws(OunceError) in try take(entry) }
    guard let header else {
      throw OunceError(
        .malformed, "is a table of keys and values, but the header of a checkpoint is missing", file: file.path,
        offset: 0, remedy: "LevelDB writes such tables, too; name the .index file of a checkpoint")
    }
    for entry in entries {
      do throws(OunceError) { try tensor(entry, header) } catch {
        throw error.located(file: file.path, subject: "tensor \(entry.name)")
      }
    }
    try checkPlaces()
    return Model(
      path: file.path, container: TensorFlowCheckpointContainer.title, tensors: tensors, files: files + [file],
      remarks: remarks)
  }

  // MARK: Entries

  private mutating func take(_ entry: SortedTable.Entry) throws(OunceError) {
    guard !entry.key.isEmpty else { return header = try header(entry) }
    guard header != nil else {
      throw OunceError(
        .malformed, "expected the header of a checkpoint as the first entry of the table", file: file.path,
        offset: entry.offset,
        remedy: "LevelDB writes such tables, too; name the .index file of a checkpoint")
    }
    guard entries.count + slices.count < Limits.tensors else {
      throw malformed("more than the limit of \(Limits.tensors) tensors", entry.offset)
    }
    nameByteCount += entry.key.count
    guard nameByteCount <= Limits.allNamesByteCount else {
      throw malformed("the names have more than the limit of \(Limits.allNamesByteCount) bytes", entry.offset)
    }
    if entry.key.first == 0 {
      slices[entry.key] = try CheckpointEntry(entry, name: "", file, sliceLimit: 0)
      return
    }
    guard entry.key.count <= Limits.tensorNameByteCount else {
      throw malformed(
        "a name of \(entry.key.count) bytes is beyond the limit of \(Limits.tensorNameByteCount)", entry.offset)
    }
    guard let name = String(validating: entry.key, as: UTF8.self) else {
      throw malformed("the name of a tensor is not UTF-8", entry.offset)
    }
    do throws(OunceError) {
      let limit = slices.count - listedSliceCount
      let tensor = try CheckpointEntry(entry, name: name, file, sliceLimit: limit)
      listedSliceCount += tensor.slices.count
      entries.append(tensor)
    } catch { throw error.located(subject: "tensor \(name)") }
  }

  private func header(_ entry: SortedTable.Entry) throws(OunceError) -> Header {
    var header = Header()
    try entry.read(file) { (field, value, message) throws(OunceError) in
      switch (field, value) {
      case (1, .integer(let count)):
        guard count <= UInt64(Limits.shards) else {
          throw message.malformed("\(count) shards are more than the limit of \(Limits.shards)", at: 0)
        }
        header.shardCount = Int(count)
      case (2, .integer(let order)): header.isBigEndian = order == 1
      case (3, .bytes(let range)):
        var version = message.nested(range)
        while let (field, value) = try version.next() {
          guard field == 2, case .integer(let number) = value, number > TensorFlowCheckpointContainer.version else {
            continue
          }
          throw OunceError(
            .unsupported,
            "demands a reader of version \(number); known is "
              + "\(TensorFlowCheckpointContainer.version)", file: file.path, offset: range.lowerBound,
            remedy: "save it with another TensorFlow")
        }
      default: break
      }
    }
    return header
  }

  // MARK: Tensors

  private mutating func tensor(_ entry: CheckpointEntry, _ header: Header) throws(OunceError) {
    let type = try TensorFlowType.number(entry.dtype, file: file.path, offset: entry.offset)
    guard let encoding = type.encoding else {
      remarks.append(Remark(.unsupported, subject: entry.name, type.remark))
      return
    }
    guard let shape = entry.shape else { throw malformed("the shape is not known", entry.offset) }
    let info = try located(entry) { () throws(OunceError) in
      try TensorInfo(name: entry.name, shape: shape, encoding: encoding)
    }
    let data: any TensorData
    var fileIndex = 0
    if entry.slices.isEmpty {
      (data, fileIndex) = try region(entry, info, header)
    } else {
      guard let joined = try joined(entry, info, header) else { return }
      (data, fileIndex) = joined
    }
    let isTurned = header.isBigEndian && !encoding.words.isEmpty
    var tensor = Tensor(
      info: info, data: type.elements(isTurned ? ByteSwapped(data, encoding: encoding) : data))
    tensor.fileIndex = fileIndex
    tensors.append(tensor)
  }

  /// The bytes of an entry in its shard.
  private mutating func region(
    _ entry: CheckpointEntry, _ info: TensorInfo, _ header: Header
  ) throws(OunceError) -> (data: any TensorData, fileIndex: Int) {
    guard entry.byteCount == UInt64(info.byteCount) else {
      throw malformed(
        "\(info.encoding.name) of shape \(info.shape) takes \(info.byteCount) bytes, but the entry says "
          + "\(entry.byteCount)", entry.offset)
    }
    guard info.byteCount > 0 else { return (Memory(bytes: [], rowByteCount: 0), 0) }
    guard entry.shard < UInt64(header.shardCount) else {
      throw malformed("is in shard \(entry.shard) of \(header.shardCount)", entry.offset)
    }
    let (shard, index) = try shard(Int(entry.shard), of: header.shardCount, entry)
    let start = min(entry.dataOffset, UInt64(shard.byteCount))
    guard start == entry.dataOffset, UInt64(shard.byteCount) - start >= entry.byteCount else {
      throw OunceError(
        .malformed,
        "expected \(entry.byteCount) bytes at \(entry.dataOffset), but the file has \(shard.byteCount) bytes",
        file: shard.path, offset: shard.byteCount, subject: "tensor \(info.name)",
        remedy: "the download of this file was cut short; fetch it again")
    }
    places.append(
      Place(
        shard: Int(entry.shard), range: Int(start)..<Int(start) + info.byteCount, entry: entry.offset,
        name: info.name, checksum: entry.checksum))
    return (FileRegion(file: shard, offset: Int(start), rowByteCount: info.rowByteCount), index)
  }

  private mutating func shard(
    _ number: Int, of count: Int, _ entry: CheckpointEntry
  ) throws(OunceError) -> (file: InputFile, index: Int) {
    if let known = shards[number] { return known }
    let name = CheckpointFiles.shard(number, of: count, index: Paths.name(of: file.path))
    let shard: InputFile
    do throws(OunceError) { shard = try file.sibling(name) } catch {
      guard error.kind == .notFound else { throw error }
      let isUnfinished = Probe.isUnfinished(Paths.join(Paths.folder(of: file.path), name))
      throw OunceError(
        .notFound, "needs \(name), which is not beside it", file: file.path, offset: entry.offset,
        remedy: isUnfinished ? "finish its download" : "download it into the same folder")
    }
    defer { files.append(shard) }
    shards[number] = (shard, files.count)
    return (shard, files.count)
  }

  /// The slices of a variable that was partitioned, one after the other; nil, with a remark, where that cannot be read.
  private mutating func joined(
    _ entry: CheckpointEntry, _ info: TensorInfo, _ header: Header
  ) throws(OunceError) -> (data: any TensorData, fileIndex: Int)? {
    var parts: [(start: Int, length: Int, entry: CheckpointEntry, info: TensorInfo)] = []
    let partition = try Partition(of: info.shape, entry.slices, file: file.path, offset: entry.offset)
    guard let axis = partition.axis else {
      remarks.append(Remark(.unsupported, subject: info.name, "is partitioned along several dimensions"))
      return nil
    }
    for (slice, range) in zip(entry.slices, partition.ranges) {
      guard let part = slices[slice.key(of: info.name)] else {
        throw malformed("the slice \(slice) is not in the table", entry.offset)
      }
      guard part.dtype == entry.dtype else {
        throw malformed("the slice \(slice) is of another type", part.offset)
      }
      var shape = info.shape
      if !shape.isEmpty { shape[axis] = range.count }
      guard part.shape == shape else {
        throw malformed(
          "the slice \(slice) has the shape \(part.shape.map { "\($0)" } ?? "unknown"), expected \(shape)",
          part.offset)
      }
      let partInfo = try TensorInfo(name: info.name, shape: shape, encoding: info.encoding)
      if partInfo.byteCount > 0 { parts.append((range.lowerBound, range.count, part, partInfo)) }
    }
    parts.sort { $0.start < $1.start }
    var regions: [PartitionedRows.Part] = []
    var firstFile = 0
    for part in parts {
      let (data, index) = try region(part.entry, part.info, header)
      guard let region = data as? FileRegion else { continue }
      if regions.isEmpty { firstFile = index }
      regions.append(.init(file: region.file, offset: region.offset, length: part.length))
    }
    // Sizes beside one of zero may be beyond all products.
    guard info.elementCount > 0 else { return (Memory(bytes: [], rowByteCount: 0), 0) }
    let inner = info.shape.dropFirst(axis + 1).reduce(info.encoding.bytesPerBlock, *)
    return (PartitionedRows(regions, elementByteCount: inner, rowByteCount: info.rowByteCount), firstFile)
  }

  /// No two tensors share bytes.
  private func checkPlaces() throws(OunceError) {
    let sorted = places.sorted { ($0.shard, $0.range.lowerBound) < ($1.shard, $1.range.lowerBound) }
    for (left, right) in zip(sorted, sorted.dropFirst())
    where left.shard == right.shard && left.range.upperBound > right.range.lowerBound {
      throw OunceError(
        .malformed, "begins at byte \(right.range.lowerBound) of shard \(right.shard), inside of \(left.name)",
        file: file.path, offset: right.entry, subject: "tensor \(right.name)")
    }
  }

  private func located(
    _ entry: CheckpointEntry, _ body: () throws(OunceError) -> TensorInfo
  ) throws(OunceError) -> TensorInfo {
    do { return try body() } catch {
      var error = error.located(file: file.path)
      error.offset = error.offset ?? entry.offset
      throw error
    }
  }

  private func malformed(_ problem: String, _ offset: Int) -> OunceError {
    OunceError(.malformed, problem, file: file.path, offset: offset)
  }
}

/// A `BundleEntryProto`.
struct CheckpointEntry {
  let name: String
  /// Where it is in the index.
  let offset: Int
  private(set) var dtype: UInt64 = 0
  /// nil: not known.
  private(set) var shape: [Int]? = []
  private(set) var shard: UInt64 = 0
  private(set) var dataOffset: UInt64 = 0
  private(set) var byteCount: UInt64 = 0
  /// Masked, of the bytes; nil: none was written.
  private(set) var checksum: UInt32?
  private(set) var slices: [TensorSlice] = []

  /// - Parameter sliceLimit: the slices that it may list.
  init(_ entry: SortedTable.Entry, name: String, _ file: InputFile, sliceLimit: Int) throws(OunceError) {
    self.name = name
    offset = entry.offset
    try entry.read(file) { (field, value, message) throws(OunceError) in
      switch (field, value) {
      case (1, .integer(let number)): dtype = number
      case (2, .bytes(let range)): shape = try message.tensorFlowShape(range)
      case (3, .integer(let number)): shard = number
      case (4, .integer(let number)): dataOffset = number
      case (5, .integer(let number)): byteCount = number
      case (6, .fixed(let number)): checksum = UInt32(truncatingIfNeeded: number)
      case (7, .bytes(let range)):
        guard slices.count < sliceLimit else {
          throw message.malformed("lists more slices than the table has", at: range.lowerBound)
        }
        slices.append(try TensorSlice(range, &message))
      default: break
      }
    }
  }
}

extension SortedTable.Entry {
  /// Walks the fields of the message that is the value. Errors say where in the file it is.
  fileprivate func read(
    _ file: InputFile,
    _ body: (Int, ProtobufReader.Value, inout ProtobufReader) throws(OunceError) -> Void
  ) throws(OunceError) {
    var message = ProtobufReader(InputFile(path: file.path, bytes: Array(value)))
    do throws(OunceError) {
      while let (field, value) = try message.next() { try body(field, value, &message) }
    } catch {
      var error = error
      error.offset = isPacked ? offset : offset + (error.offset ?? 0)
      throw error
    }
  }
}
