internal import OunceCore
internal import OunceEncoding

/// Arrays of NumPy that are pickled beside tensors.
extension PickleTensors {
  /// `_reconstruct(ndarray, (0,), b"b")` with the state `(1, shape, dtype, isFortran, bytes)`, or
  /// `_frombuffer(bytes, dtype, shape, order)` of protocol 5.
  func array(
    _ value: PickleValue, _ path: String, _ arguments: [PickleValue], _ name: String
  ) throws(OunceError) -> PickleLeaf? {
    let parts: (shape: PickleValue, type: PickleValue, isFortran: Bool, content: PickleValue)
    if path.hasSuffix("_frombuffer") {
      guard arguments.count == 4 else { throw malformed("is an array that is made in an unknown way", name) }
      parts = (arguments[2], arguments[1], pickle.text(arguments[3]) == "F", arguments[0])
    } else {
      // A subclass, or an array without a state, is of no known form.
      guard let state = pickle.addition(value)?.states.last.flatMap(pickle.items), state.count == 5 else { return nil }
      parts = (state[1], state[2], state[3] == .bool(true) || state[3] == .int(1), state[4])
    }
    guard let shape = pickle.integers(parts.shape) else { throw malformed("has a shape that is no integers", name) }
    guard shape.count <= Limits.dimensions else { return .unsupported("has \(shape.count) dimensions") }
    guard let type = ArrayType(pickle, parts.type) else { return .unsupported("is an array of an unknown type") }
    guard let encodingName = type.encoding else { return .unsupported("is an array of \(type.kind)") }
    guard let source = try content(parts.content) else { return .unsupported("is an array whose bytes are elsewhere") }
    let info: TensorInfo
    do {
      info = try TensorInfo(name: name, shape: shape, encoding: try Encodings.require(encodingName))
    } catch { throw error.located(file: pickle.file.path, subject: "tensor \(name)") }
    guard source.byteCount == info.byteCount else {
      throw malformed("has \(source.byteCount) bytes, where its shape \(shape) needs \(info.byteCount)", name)
    }
    var data = Strided.view(
      of: source.file, offset: source.offset, elementByteCount: info.encoding.bytesPerBlock, shape: shape,
      strides: parts.isFortran ? Strided.columnMajor(shape) : Strided.rowMajor(shape))
    if type.isBigEndian, !info.encoding.words.isEmpty { data = ByteSwapped(data, encoding: info.encoding) }
    return .tensor(Tensor(info: info, data: data))
  }

  /// Bytes of an array. Before protocol 3, Python 3 pickles bytes as a text and `_codecs.encode(text, "latin1")`.
  private func content(_ value: PickleValue) throws(OunceError) -> TorchStorage? {
    if case .bytes(let index) = value {
      switch pickle.runs[index] {
      case .file(let range): return TorchStorage(file: pickle.file, offset: range.lowerBound, byteCount: range.count)
      case .memory(let bytes): return inMemory(bytes)
      }
    }
    guard let call = pickle.call(value) else { return nil }
    if ["builtins.bytes", "__builtin__.bytes", "__builtin__.str"].contains(call.path), call.arguments.isEmpty {
      return inMemory([])
    }
    guard call.path == "_codecs.encode", let text = call.arguments.first else { return nil }
    let whole: String?
    if case .bytes(let index) = text {
      let bytes = try pickle.bytes(pickle.runs[index], atMost: Limits.pickleArrayByteCount)
      whole = bytes.flatMap { String(validating: $0, as: UTF8.self) }
    } else {
      whole = pickle.text(text)
    }
    guard let whole else { return nil }
    var bytes: [UInt8] = []
    for scalar in whole.unicodeScalars {
      guard let byte = UInt8(exactly: scalar.value) else { return nil }
      bytes.append(byte)
    }
    return inMemory(bytes)
  }

  private func inMemory(_ bytes: [UInt8]) -> TorchStorage {
    TorchStorage(file: InputFile(path: pickle.file.path, bytes: bytes), offset: 0, byteCount: bytes.count)
  }
}

/// `numpy.dtype("f4", False, True)` with the state `(3, "<", …)`.
private struct ArrayType {
  /// Letter and bytes: `f4`.
  let kind: String
  let isBigEndian: Bool

  init?(_ pickle: Pickle, _ value: PickleValue) {
    guard let call = pickle.call(value), call.path == "numpy.dtype", let first = call.arguments.first,
      let text = pickle.text(first)
    else { return nil }
    let state = pickle.addition(value)?.states.last.flatMap(pickle.items) ?? []
    let order = state.count > 1 ? pickle.text(state[1]) : nil
    isBigEndian = order == ">" || text.hasPrefix(">")
    kind = String(text.drop { "<>=|".contains($0) })
  }

  var encoding: String? {
    [
      "f2": "F16", "f4": "F32", "f8": "F64", "i1": "I8", "i2": "I16", "i4": "I32", "i8": "I64", "u1": "U8",
      "u2": "U16", "u4": "U32", "u8": "U64", "b1": "BOOL", "c8": "C64", "c16": "C128",
    ][kind]
  }
}
