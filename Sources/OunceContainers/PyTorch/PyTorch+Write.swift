public import OunceCore
internal import OunceEncoding

extension PyTorchContainer: WritableContainer {
  /// A plain dictionary of tensors, as `torch.save(dict)` of PyTorch 2.6 writes it: the same pickle, the same members
  /// in the same order, each storage at a multiple of 64 bytes. `torch.load(weights_only=True)` reads it.
  ///
  /// Only `.data/serialization_id` differs: PyTorch hashes the contents, which a layout does not know; here it follows
  /// from names, types and shapes. A dictionary of tensors has no place for metadata, which is left out.
  ///
  /// - Throws: `OunceError` when PyTorch has no such type, or two tensors have the same name.
  public func layout(_ metadata: Metadata, _ tensors: [TensorInfo]) throws(OunceError) -> FileLayout {
    let types = try Self.types(of: tensors)
    var pickle = PickleWriter()
    pickle.stateDictionary(tensors, types)
    let content = pickle.bytes
    var archive = TorchArchiveLayout(folder: "archive")
    archive.add("data.pkl", content)
    archive.add("byteorder", Array("little".utf8))
    // Keys are numbers in the order of the tensors; members are sorted as text.
    let keys = tensors.indices.map { (key: String($0), index: $0) }
    for (key, index) in keys.sorted(by: { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }) {
      archive.add("data/\(key)", tensor: index, byteCount: tensors[index].byteCount)
    }
    archive.add("version", Array("3\n".utf8))
    archive.add(".data/serialization_id", Self.identifier(of: content))
    return archive.layout(tensorCount: tensors.count)
  }

  /// The element type of each tensor.
  private static func types(of tensors: [TensorInfo]) throws(OunceError) -> [TorchType] {
    var names: Set<ExactString> = []
    var types: [TorchType] = []
    for tensor in tensors {
      guard names.insert(ExactString(tensor.name)).inserted else {
        throw OunceError(.request, "two tensors have this name", subject: "tensor \(tensor.name)")
      }
      guard let type = TorchType.all.first(where: { $0.encoding == tensor.encoding.name }) else {
        throw OunceError(
          .unsupported, "PyTorch has no type for \(tensor.encoding.name)", subject: "tensor \(tensor.name)",
          remedy: "convert with --dtype f16 or another plain type")
      }
      types.append(type)
    }
    return types
  }

  /// Forty digits, as PyTorch's: a hash and a checksum of the pickle.
  private static func identifier(of pickle: [UInt8]) -> [UInt8] {
    var hash: UInt64 = 0xCBF2_9CE4_8422_2325
    for byte in pickle { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3 }
    let checksum = pickle.withRawSpan { CRC32.checksum(of: $0) }
    let parts = [String(hash), String(checksum)].map { String(repeating: "0", count: 20 - $0.utf8.count) + $0 }
    return Array(parts.joined().utf8)
  }
}

/// Writes pickles of protocol 2 as CPython does it, down to the numbers of the values that it keeps.
struct PickleWriter {
  private var writer = ByteWriter()
  private var memo: [ExactString: Int] = [:]
  private var memoCount = 0

  var bytes: [UInt8] { writer.bytes }

  /// How many entries CPython adds at once.
  private static let batchCount = 1000

  mutating func stateDictionary(_ tensors: [TensorInfo], _ types: [TorchType]) {
    append(.protocolVersion)
    writer.integer(UInt8(2))
    append(.emptyDictionary)
    keep()
    if tensors.count == 1 {
      entry(tensors[0], types[0], key: 0)
      append(.setItem)
    } else if !tensors.isEmpty {
      // A last batch that is full is followed by an empty one.
      for start in stride(from: 0, through: tensors.count, by: Self.batchCount) {
        append(.mark)
        for index in start..<min(start + Self.batchCount, tensors.count) {
          entry(tensors[index], types[index], key: index)
        }
        append(.setItems)
      }
    }
    append(.stop)
  }

  private mutating func entry(_ tensor: TensorInfo, _ type: TorchType, key: Int) {
    text(tensor.name)
    // Types that are newer than untyped storages name their type beside one.
    let function = type.storage == nil ? "_rebuild_tensor_v3" : "_rebuild_tensor_v2"
    global("torch._utils", function)
    append(.mark)
    append(.mark)
    text("storage", isShared: true)
    if let storage = type.storage { global("torch", storage) } else { global("torch.storage", "UntypedStorage") }
    text(String(key))
    text("cpu", isShared: true)
    integer(type.storage == nil ? tensor.byteCount : tensor.elementCount)
    append(.tuple)
    keep()
    append(.binaryPersistent)
    integer(0)
    tuple(tensor.shape)
    tuple(Strided.rowMajor(tensor.shape))
    append(.newFalse)
    global("collections", "OrderedDict")
    append(.emptyTuple)
    append(.reduce)
    keep()
    if type.storage == nil { global("torch", type.name) }
    append(.tuple)
    keep()
    append(.reduce)
    keep()
  }

  private mutating func append(_ opcode: PickleOpcode) { writer.integer(opcode.rawValue) }

  /// Gives the value that was just written the next number.
  private mutating func keep() {
    if memoCount < 256 {
      append(.binaryPut)
      writer.integer(UInt8(memoCount))
    } else {
      append(.longBinaryPut)
      writer.integer(UInt32(memoCount))
    }
    memoCount += 1
  }

  /// Writes what was kept as `key` once more; false when it was not.
  private mutating func repeatKept(_ key: ExactString) -> Bool {
    guard let index = memo[key] else {
      memo[key] = memoCount
      return false
    }
    if index < 256 {
      append(.binaryGet)
      writer.integer(UInt8(index))
    } else {
      append(.longBinaryGet)
      writer.integer(UInt32(index))
    }
    return true
  }

  /// - Parameter isShared: whether Python has one object for all strings of this content, as it has for literals.
  private mutating func text(_ text: String, isShared: Bool = false) {
    if isShared, repeatKept(ExactString("text " + text)) { return }
    append(.binaryUnicode)
    writer.integer(UInt32(text.utf8.count))
    writer.append(text.utf8)
    keep()
  }

  private mutating func global(_ module: String, _ name: String) {
    if repeatKept(ExactString("\(module)\n\(name)\n")) { return }
    append(.global)
    writer.append("\(module)\n\(name)\n".utf8)
    keep()
  }

  private mutating func tuple(_ integers: [Int]) {
    let opcodes: [PickleOpcode] = [.emptyTuple, .tuple1, .tuple2, .tuple3]
    if integers.count > 3 { append(.mark) }
    for integer in integers { self.integer(integer) }
    append(integers.count > 3 ? .tuple : opcodes[integers.count])
    if !integers.isEmpty { keep() }
  }

  private mutating func integer(_ value: Int) {
    if let value = UInt8(exactly: value) {
      append(.binaryInt1)
      writer.integer(value)
    } else if let value = UInt16(exactly: value) {
      append(.binaryInt2)
      writer.integer(value)
    } else if let value = Int32(exactly: value) {
      append(.binaryInt)
      writer.integer(value)
    } else {
      // Two's complement in as few bytes as hold the sign.
      let byteCount = (64 - value.leadingZeroBitCount) / 8 + 1
      append(.long1)
      writer.integer(UInt8(byteCount))
      for index in 0..<byteCount { writer.integer(UInt8(truncatingIfNeeded: value >> (8 * index))) }
    }
  }
}
