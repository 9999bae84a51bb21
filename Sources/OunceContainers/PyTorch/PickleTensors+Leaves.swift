internal import OunceCore
internal import OunceEncoding

/// The calls that make tensors, and nothing else.
extension PickleTensors {
  /// A tensor, or what takes its place; nil: something that may hold tensors.
  mutating func leaf(_ value: PickleValue, _ name: String) throws(OunceError) -> PickleLeaf? {
    var value = value
    // A parameter around a tensor of a subclass around an array, and some.
    for _ in 0..<8 {
      if let reference = TorchStorageReference(pickle, value) { return try tensor(of: reference, name) }
      if let node = pickle.node(value, .persistent), let key = node.values.first.flatMap(pickle.text),
        let reference = storages.tensor(key)
      {
        guard let type = reference.storage.type else { return .unsupported("has elements of an unknown type") }
        return try tensor(
          reference.storage, type, offset: reference.offset, shape: reference.shape, strides: reference.strides, name)
      }
      guard var (path, arguments) = pickle.call(value) else { return nil }
      if Self.subclasses.contains(path) {
        guard arguments.count >= 3, let inner = pickle.path(arguments[0]), let items = pickle.items(arguments[2]) else {
          throw malformed("is made by \(path) in a way that is not known", name)
        }
        (path, arguments) = (inner, items)
      }
      if let text = Self.unsupported[path] { return .unsupported(text) }
      switch path {
      case "torch._utils._rebuild_tensor": return try strided(arguments, type: nil, state: 4, name)
      case "torch._utils._rebuild_tensor_v2": return try strided(arguments, type: nil, state: 6, name)
      case "torch._utils._rebuild_tensor_v3": return try strided(arguments, type: 6, state: 7, name)
      case "numpy.core.multiarray._reconstruct", "numpy._core.multiarray._reconstruct",
        "numpy.core.numeric._frombuffer", "numpy._core.numeric._frombuffer":
        return try array(value, path, arguments, name)
      default: break
      }
      guard Self.wrappersOfTensors.contains(path), let inner = arguments.first else { return nil }
      value = inner
    }
    return nil
  }

  /// Calls whose first argument is the tensor: what they add is no part of its values.
  private static let wrappersOfTensors: Set<String> = [
    "torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state", "torch.nn.parameter.Parameter",
    "torch.nn.Parameter", "torch.nn.parameter.Buffer", "torch._utils._rebuild_device_tensor_from_numpy",
    "torch._utils._rebuild_device_tensor_from_cpu_tensor", "torch._utils._rebuild_xla_tensor",
  ]
  private static let subclasses: Set<String> = [
    "torch._tensor._rebuild_from_type_v2", "torch._tensor._rebuild_from_type", "torch.tensor._rebuild_from_type",
    "torch.tensor._rebuild_from_type_v2",
  ]
  private static let unsupported: [String: String] = [
    "torch._utils._rebuild_qtensor": "is quantized by PyTorch itself",
    "torch._utils._rebuild_sparse_tensor": "is a sparse tensor",
    "torch._utils._rebuild_sparse_csr_tensor": "is a sparse tensor",
    "torch._utils._rebuild_nested_tensor": "is a nested tensor",
    "torch._utils._rebuild_wrapper_subclass": "is a tensor of a class without a storage",
    "torch._utils._rebuild_meta_tensor_no_storage": "has a shape, but no data",
  ]

  // MARK: Tensors

  /// All of a storage.
  private mutating func tensor(of reference: TorchStorageReference, _ name: String) throws(OunceError) -> PickleLeaf {
    guard let type = reference.type else { return .unsupported("has elements of \(reference.typeName)") }
    let count = reference.view?.count ?? reference.elementCount
    return try tensor(reference, type, offset: 0, shape: [count], strides: [1], name)
  }

  /// - Parameters:
  ///   - type: the index of the argument that is the type; nil: the storage has it.
  ///   - state: the index of the argument that says whether the values are stored conjugated or negated.
  private mutating func strided(
    _ arguments: [PickleValue], type typeIndex: Int?, state: Int, _ name: String
  ) throws(OunceError) -> PickleLeaf {
    guard arguments.count >= 4, let reference = TorchStorageReference(pickle, arguments[0]) else {
      throw malformed("is made of something that is no storage", name)
    }
    guard let offset = pickle.integer(arguments[1]), let shape = pickle.integers(arguments[2]),
      let strides = pickle.integers(arguments[3]), shape.count == strides.count
    else { throw malformed("has a shape, an offset or strides that are no integers, or not equally many", name) }
    if arguments.count > state, let flags = pickle.node(arguments[state], .dictionary) {
      for index in stride(from: 0, to: flags.values.count - 1, by: 2) where flags.values[index + 1] == .bool(true) {
        return .unsupported("is stored with its bit \"\(pickle.text(flags.values[index]) ?? "?")\" set")
      }
    }
    var type = reference.type
    if let typeIndex {
      guard arguments.count > typeIndex, let path = pickle.path(arguments[typeIndex]) else {
        throw malformed("has no type", name)
      }
      type = TorchType.element(path)
      guard type != nil else { return .unsupported("has elements of \(path)") }
    }
    guard let type else { return .unsupported("has elements of \(reference.typeName)") }
    guard shape.count <= Limits.dimensions else { return .unsupported("has \(shape.count) dimensions") }
    return try tensor(reference, type, offset: offset, shape: shape, strides: strides, name)
  }

  private mutating func tensor(
    _ reference: TorchStorageReference, _ type: TorchType, offset: Int, shape: [Int], strides: [Int], _ name: String
  ) throws(OunceError) -> PickleLeaf {
    guard let encodingName = type.encoding else { return .unsupported("has elements of torch.\(type.name)") }
    let info: TensorInfo
    do {
      info = try TensorInfo(name: name, shape: shape, encoding: try Encodings.require(encodingName))
    } catch { throw error.located(file: pickle.file.path, subject: "tensor \(name)") }
    guard let storage = try storage(reference.key) else {
      throw malformed("its storage \"\(reference.key)\" is not in the file", name)
    }
    let range = try range(of: reference, in: storage, name)
    if info.elementCount > 0 {
      let last = try Self.last(offset, shape, strides, width: type.byteCount)
      guard let last, last <= range.count else {
        throw malformed(
          "reaches beyond its storage of \(range.count) bytes (offset \(offset), shape \(shape), strides \(strides))",
          name)
      }
    }
    let first = info.elementCount > 0 ? offset * type.byteCount : 0
    var data = Strided.view(
      of: storage.file, offset: storage.offset + range.lowerBound + first, elementByteCount: type.byteCount,
      shape: shape, strides: strides)
    if isBigEndian, !info.encoding.words.isEmpty { data = ByteSwapped(data, encoding: info.encoding) }
    return .tensor(Tensor(info: info, data: data))
  }

  /// The bytes of a storage that a reference means.
  private func range(
    of reference: TorchStorageReference, in storage: TorchStorage, _ name: String
  ) throws(OunceError) -> Range<Int> {
    let width = reference.type?.byteCount ?? 1
    let (byteCount, overflow) = reference.elementCount.multipliedReportingOverflow(by: width)
    guard !overflow, reference.elementCount >= 0, byteCount <= storage.byteCount else {
      throw malformed(
        "its storage \"\(reference.key)\" should have \(reference.elementCount) elements of \(width) bytes, but has "
          + "\(storage.byteCount) bytes", name)
    }
    guard let view = reference.view else { return 0..<byteCount }
    guard view.offset >= 0, view.count >= 0, view.offset <= reference.elementCount,
      view.count <= reference.elementCount - view.offset
    else { throw malformed("its storage is a view that reaches beyond \"\(reference.key)\"", name) }
    return view.offset * width..<(view.offset + view.count) * width
  }

  /// The byte behind the last element; nil: numbers are negative, or overflow.
  private static func last(
    _ offset: Int, _ shape: [Int], _ strides: [Int], width: Int
  ) throws(OunceError) -> Int? {
    guard offset >= 0 else { return nil }
    var last = offset
    for (size, stride) in zip(shape, strides) {
      guard stride >= 0 else { return nil }
      let (distance, overflow) = (size - 1).multipliedReportingOverflow(by: stride)
      let (sum, beyond) = last.addingReportingOverflow(distance)
      guard !overflow, !beyond else { return nil }
      last = sum
    }
    let (end, beyond) = last.addingReportingOverflow(1)
    let (byte, overflow) = end.multipliedReportingOverflow(by: width)
    return beyond || overflow ? nil : byte
  }
}
