internal import OunceCore
internal import OunceEncoding

/// What a path leads to.
enum HDF5Object {
  case group([HDF5Link])
  case dataset(HDF5Dataset)
  /// A dataset that cannot be a tensor, and why: "is a tensor of strings".
  case unsupported(String)
  /// A type with a name.
  case other
}

/// A dataset of numbers.
struct HDF5Dataset {
  let shape: [Int]
  let encoding: any Encoding
  let data: any TensorData
}

/// Makes a dataset from the messages of its header.
struct HDF5DatasetReader {
  let source: HDF5Source
  let cache: HDF5ChunkCache
  /// Where the header is.
  let place: Int
  let messages: [HDF5Message]

  private func body(_ kind: HDF5Message.Kind) throws(OunceError) -> HDF5Block? {
    guard let message = messages.first(where: { $0.kind == kind }) else { return nil }
    return try source.resolved(message)
  }

  private func requiredBody(_ kind: HDF5Message.Kind, _ what: String) throws(OunceError) -> HDF5Block {
    guard let body = try body(kind) else { throw source.malformed("a dataset without its \(what)", at: place) }
    return body
  }

  func object() throws(OunceError) -> HDF5Object {
    var typeBody = try requiredBody(.datatype, "type")
    var spaceBody = try requiredBody(.dataspace, "sizes")
    let type = try HDF5Datatype(&typeBody)
    let space = try HDF5Dataspace(&spaceBody)
    var name: String
    var isBigEndian = false
    switch type.kind {
    case .number(let encoding, let order): (name, isBigEndian) = (encoding, order)
    case .text, .textElsewhere: return .unsupported("is a tensor of strings")
    case .other(let what): return .unsupported("is a tensor of \(what)")
    case .opaque:
      guard try isBFloat16(type) else { return .unsupported("is a tensor of bytes without a type") }
      name = "BF16"
    }
    guard !space.isNull else { return .unsupported("has no elements, not even a shape") }
    guard space.shape.count <= Limits.dimensions else {
      return .unsupported("has \(space.shape.count) dimensions, more than the limit of \(Limits.dimensions)")
    }
    guard let encoding = Encodings.named(name) else { return .unsupported("is a tensor of \(name)") }
    let info: TensorInfo
    do throws(OunceError) { info = try TensorInfo(name: "", shape: space.shape, encoding: encoding) } catch {
      throw source.malformed(error.problem, at: spaceBody.offset)
    }
    guard encoding.bytesPerBlock == type.byteCount else {
      throw source.malformed("elements of \(type.byteCount) bytes cannot be \(name)", at: place)
    }
    if try body(.externalFiles) != nil { return .unsupported("is kept in other files") }
    switch try data(info, space) {
    case .failure(let reason): return .unsupported(reason.text)
    case .success(let data):
      let isSwapped = isBigEndian && !encoding.words.isEmpty
      return .dataset(
        HDF5Dataset(
          shape: space.shape, encoding: encoding, data: isSwapped ? ByteSwapped(data, encoding: encoding) : data))
    }
  }

  /// Why a dataset cannot be read.
  private struct Reason: Error { let text: String }

  /// Keras writes bfloat16 as two bytes without a type, and an attribute that says so.
  private func isBFloat16(_ type: HDF5Datatype) throws(OunceError) -> Bool {
    guard type.byteCount == 2 else { return false }
    var reader = HDF5AttributeReader(source)
    return try reader.attributes(messages).contains { $0.name == "dtype" && $0.value.string == "bfloat16" }
  }

  private func data(
    _ info: TensorInfo, _ space: HDF5Dataspace
  ) throws(OunceError) -> Result<any TensorData, Reason> {
    var layoutBody = try requiredBody(.layout, "storage")
    let layoutPlace = layoutBody.offset
    let fillValue = try fillValue(info.encoding.bytesPerBlock)
    func region(_ start: Int, _ byteCount: Int?) throws(OunceError) -> any TensorData {
      guard (byteCount ?? info.byteCount) == info.byteCount else {
        throw source.malformed(
          "a dataset of \(info.byteCount) bytes is stored in \(byteCount ?? 0)", at: layoutPlace)
      }
      guard info.byteCount <= source.end - start else {
        throw OunceError(
          .malformed,
          "the data of \(info.byteCount) bytes begins at byte \(start), but the file ends at \(source.end)",
          file: source.file.path, offset: layoutPlace)
      }
      return FileRegion(file: source.file, offset: start, rowByteCount: info.rowByteCount)
    }
    switch try HDF5Layout(&layoutBody) {
    case .virtual: return .failure(Reason(text: "is put together from other datasets"))
    case .compact(let start, let byteCount): return .success(try region(start, byteCount))
    case .contiguous(let start, let byteCount):
      guard let start else { return .success(HDF5FillRows(fillValue: fillValue)) }
      return .success(try region(start, byteCount))
    case .chunked(let layout): return try chunked(info, space, layout, fillValue, at: layoutPlace)
    }
  }

  /// One element that stands for all that were never written.
  private func fillValue(_ elementByteCount: Int) throws(OunceError) -> [UInt8] {
    let zeros = [UInt8](repeating: 0, count: elementByteCount)
    for kind in [HDF5Message.Kind.fillValue, .oldFillValue] {
      guard var body = try body(kind) else { continue }
      guard let value = try HDF5FillValue.read(&body, isOld: kind == .oldFillValue) else { return zeros }
      guard value.count == elementByteCount else {
        throw body.malformed("a fill value of \(value.count) bytes, where elements have \(elementByteCount)")
      }
      return value
    }
    return zeros
  }

  private func chunked(
    _ info: TensorInfo, _ space: HDF5Dataspace, _ layout: HDF5ChunkedLayout, _ fillValue: [UInt8], at layoutPlace: Int
  ) throws(OunceError) -> Result<any TensorData, Reason> {
    let sizes = Array(layout.sizes.dropLast())
    guard sizes.count == space.shape.count, !sizes.isEmpty, layout.sizes.last == fillValue.count else {
      throw source.malformed("chunks of \(layout.sizes) do not fit a dataset of \(space.shape)", at: layoutPlace)
    }
    var byteCount = 1
    for size in layout.sizes {
      let (product, overflow) = byteCount.multipliedReportingOverflow(by: size)
      guard !overflow, product > 0, product <= 1 << 58 else {
        throw source.malformed("chunks of \(layout.sizes) overflow 64 bits, or are empty", at: layoutPlace)
      }
      byteCount = product
    }
    var filters = HDF5Filters()
    if var body = try body(.filters) { filters = try HDF5Filters(&body) }
    if let unknown = filters.unknown { return .failure(Reason(text: "is compressed with \(unknown)")) }
    let isFiltered = !filters.filters.isEmpty
    guard !isFiltered || byteCount <= Limits.hdf5ChunkByteCount else {
      return .failure(
        Reason(text: "has compressed chunks of \(byteCount) bytes, more than the limit of \(Limits.hdf5ChunkByteCount)")
      )
    }
    let grid = HDF5ChunkGrid(
      shape: space.shape, chunkShape: sizes, elementByteCount: fillValue.count, byteCount: byteCount,
      counts: zip(space.shape, sizes).map { $0 / $1 + ($0 % $1 == 0 ? 0 : 1) })
    var reader = HDF5ChunkIndexReader(source, grid, layout, isFiltered: isFiltered, limits: space.limits)
    let index = try reader.index()
    return .success(
      HDF5ChunkedRows(
        file: source.file, grid: grid, index: index, filters: filters, fillValue: fillValue, cache: cache,
        dataset: place))
  }
}
