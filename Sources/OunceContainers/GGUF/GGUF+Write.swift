public import OunceCore
internal import OunceEncoding
public import OrderedCollections

extension GGUFContainer: WritableContainer {
  public var variants: [any WritableContainer] {
    [
      GGUFContainer(), GGUFContainer(options: Options(dropsLeadingOnes: true)),
      GGUFContainer(options: Options(isBigEndian: true)),
    ]
  }

  /// Places metadata and tensors in the given order, as version 3. Each tensor begins at a multiple of
  /// `general.alignment`, and the file ends at one.
  ///
  /// - Throws: `OunceError` when ggml has no such type, or loads no such name or shape.
  public func layout(_ metadata: Metadata, _ tensors: [TensorInfo]) throws(OunceError) -> FileLayout {
    // A file without tensors ends with its metadata, as the reference converter leaves a vocabulary.
    try layout(metadata, tensors, isPadded: !tensors.isEmpty)
  }

  func layout(_ metadata: Metadata, _ tensors: [TensorInfo], isPadded: Bool) throws(OunceError) -> FileLayout {
    let alignment = try Self.alignment(metadata)
    var writer = start(metadata, tensorCount: tensors.count)
    var offsets: [Int] = []
    offsets.reserveCapacity(tensors.count)
    var names = Set<ExactString>(minimumCapacity: tensors.count)
    var end = 0
    for tensor in tensors {
      guard names.insert(ExactString(tensor.name)).inserted else {
        throw OunceError(.request, "two tensors have this name", subject: "tensor \(tensor.name)")
      }
      try append(tensor, at: end, to: &writer)
      offsets.append(end)
      end += tensor.byteCount.padded(to: alignment)
    }
    if isPadded { writer.bytes.pad(to: alignment) }
    let dataStart = writer.bytes.byteCount
    return FileLayout(
      header: writer.bytes.bytes, offsets: offsets.map { dataStart + $0 }, byteCount: dataStart + end,
      isBigEndian: options.isBigEndian)
  }

  /// Everything before the descriptions of the tensors.
  func start(_ metadata: Metadata, tensorCount: Int) -> GGUFWriter {
    var writer = GGUFWriter(isBigEndian: options.isBigEndian)
    writer.bytes.append(Self.magic)
    writer.bytes.integer(UInt32(3))
    writer.bytes.integer(UInt64(tensorCount))
    writer.bytes.integer(UInt64(metadata.count))
    for (key, value) in metadata {
      writer.string(key.utf8)
      writer.value(value)
    }
    return writer
  }

  func append(_ tensor: TensorInfo, at offset: Int, to writer: inout GGUFWriter) throws(OunceError) {
    func reject(_ problem: String, _ remedy: String? = nil) -> OunceError {
      OunceError(.unsupported, problem, subject: "tensor \(tensor.name)", remedy: remedy)
    }
    guard let type = tensor.encoding.ggmlType else {
      throw reject("GGUF has no type for \(tensor.encoding.name)", "choose another type for it")
    }
    guard tensor.name.utf8.count <= Limits.ggmlNameByteCount else {
      throw reject(
        "the name has \(tensor.name.utf8.count) bytes; llama.cpp loads at most \(Limits.ggmlNameByteCount)",
        "rename the tensor")
    }
    var shape = tensor.shape[...]
    if options.dropsLeadingOnes { while shape.count > 1, shape.first == 1 { shape = shape.dropFirst() } }
    guard shape.count <= Limits.ggmlDimensions else {
      throw reject("has \(shape.count) dimensions; ggml knows at most \(Limits.ggmlDimensions)")
    }
    writer.string(tensor.name.utf8)
    writer.bytes.integer(UInt32(shape.count))
    for size in shape.reversed() { writer.bytes.integer(UInt64(size)) }
    writer.bytes.integer(type)
    writer.bytes.integer(UInt64(offset))
  }
}

/// Writes metadata as GGUF spells it.
struct GGUFWriter {
  var bytes: ByteWriter

  init(isBigEndian: Bool) { bytes = ByteWriter(isBigEndian: isBigEndian) }

  mutating func string(_ content: some Collection<UInt8>) {
    bytes.integer(UInt64(content.count))
    bytes.append(content)
  }

  mutating func type(_ type: GGUFValueType) { bytes.integer(type.rawValue) }

  mutating func value(_ value: MetadataValue) {
    type(value.type)
    switch value {
    case .uint8(let value): bytes.integer(value)
    case .int8(let value): bytes.integer(value)
    case .uint16(let value): bytes.integer(value)
    case .int16(let value): bytes.integer(value)
    case .uint32(let value): bytes.integer(value)
    case .int32(let value): bytes.integer(value)
    case .float32(let value): bytes.integer(value.bitPattern)
    case .bool(let value): bytes.integer(UInt8(value ? 1 : 0))
    case .string(let value): string(value.utf8)
    case .bytes(let value): string(value)
    case .array(let values): array(values)
    case .uint64(let value): bytes.integer(value)
    case .int64(let value): bytes.integer(value)
    case .float64(let value): bytes.integer(value.bitPattern)
    }
  }

  private mutating func array(_ array: MetadataArray) {
    type(array.elementType)
    bytes.integer(UInt64(array.count))
    switch array {
    case .uint8(let values): bytes.append(values)
    case .int8(let values): for value in values { bytes.integer(value) }
    case .uint16(let values): for value in values { bytes.integer(value) }
    case .int16(let values): for value in values { bytes.integer(value) }
    case .uint32(let values): for value in values { bytes.integer(value) }
    case .int32(let values): for value in values { bytes.integer(value) }
    case .float32(let values): for value in values { bytes.integer(value.bitPattern) }
    case .bool(let values): for value in values { bytes.integer(UInt8(value ? 1 : 0)) }
    case .strings(let values): strings(values)
    case .arrays(let values): for value in values { self.array(value) }
    case .uint64(let values): for value in values { bytes.integer(value) }
    case .int64(let values): for value in values { bytes.integer(value) }
    case .float64(let values): for value in values { bytes.integer(value.bitPattern) }
    }
  }

  private mutating func strings(_ strings: PackedStrings) {
    let content = strings.bytes
    var start = 0
    for end in strings.ends {
      bytes.integer(UInt64(end - start))
      bytes.append(content[start..<end])
      start = end
    }
  }
}

extension MetadataValue {
  fileprivate var type: GGUFValueType {
    switch self {
    case .uint8: .uint8
    case .int8: .int8
    case .uint16: .uint16
    case .int16: .int16
    case .uint32: .uint32
    case .int32: .int32
    case .float32: .float32
    case .bool: .bool
    case .string, .bytes: .string
    case .array: .array
    case .uint64: .uint64
    case .int64: .int64
    case .float64: .float64
    }
  }
}

extension MetadataArray {
  fileprivate var elementType: GGUFValueType {
    switch self {
    case .uint8: .uint8
    case .int8: .int8
    case .uint16: .uint16
    case .int16: .int16
    case .uint32: .uint32
    case .int32: .int32
    case .float32: .float32
    case .bool: .bool
    case .strings: .string
    case .arrays: .array
    case .uint64: .uint64
    case .int64: .int64
    case .float64: .float64
    }
  }
}
