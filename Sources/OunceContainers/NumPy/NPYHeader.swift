internal import OunceCore
internal import OunceEncoding

/// The header of a `.npy` file.
struct NPYHeader {
  static let magic: [UInt8] = [0x93] + Array("NUMPY".utf8)

  let type: NPYType
  let isColumnMajor: Bool
  let shape: [Int]
  /// Where the elements begin.
  let dataOffset: Int
  /// Where the type stands.
  private let typeOffset: Int
  private let shapeOffset: Int

  /// Bytes that are fetched at first: nearly every header is shorter.
  private static let usualByteCount = 256

  init(_ file: InputFile) throws(OunceError) {
    var head = try file.head(Self.usualByteCount)
    func cut(_ count: Int) -> OunceError {
      OunceError(
        .malformed, "expected a header of \(count) bytes, but the file has \(file.byteCount)", file: file.path,
        offset: file.byteCount, remedy: "the download was cut short; fetch it again")
    }
    guard head.starts(with: Self.magic) else {
      if head.count < 6, Self.magic.starts(with: head) { throw cut(10) }
      throw OunceError(.malformed, "expected the bytes 93 4e 55 4d 50 59 of a NumPy array", file: file.path, offset: 0)
    }
    guard head.count >= 8 else { throw cut(10) }
    guard (1...3).contains(head[6]), head[7] == 0 else {
      throw OunceError(
        .unsupported, "is of version \(head[6]).\(head[7]) of NumPy's format; known are 1.0, 2.0 and 3.0",
        file: file.path, offset: 6, remedy: "write it with an older NumPy, or fetch it again")
    }
    let start = head[6] == 1 ? 10 : 12
    guard head.count >= start else { throw cut(start) }
    let length = head[8..<start].reversed().reduce(0) { $0 << 8 | Int($1) }
    guard length <= Limits.npyHeaderByteCount else {
      throw OunceError(
        .malformed, "a header of \(length) bytes is beyond the limit of \(Limits.npyHeaderByteCount)",
        file: file.path, offset: 8)
    }
    guard start + length <= file.byteCount else { throw cut(start + length) }
    if start + length > head.count { head = try file.bytes(0..<start + length) }
    var literal = PythonLiteral(head[start..<start + length], file: file.path)
    let header = try literal.dictionary()
    dataOffset = start + length
    (type, typeOffset) = try Self.type(header, literal)
    (isColumnMajor, _) = try Self.order(header, literal)
    (shape, shapeOffset) = try Self.shape(header, literal)
    let known = ["descr", "fortran_order", "shape"]
    if let other = header.first(where: { !known.contains($0.key) }) {
      throw literal.malformed("the key '\(other.key)' is none of a NumPy header", at: other.offset)
    }
  }

  private static func value(
    _ key: String, _ header: [PythonLiteral.Entry], _ literal: PythonLiteral
  ) throws(OunceError) -> PythonLiteral.Entry {
    guard let entry = header.first(where: { $0.key == key }) else {
      throw literal.malformed("the key '\(key)' is missing", at: literal.start)
    }
    return entry
  }

  private static func type(
    _ header: [PythonLiteral.Entry], _ literal: PythonLiteral
  ) throws(OunceError) -> (NPYType, Int) {
    let entry = try value("descr", header, literal)
    switch entry.value {
    case .string(let text):
      guard let type = NPYType(text) else {
        throw literal.malformed("the type '\(text.clipped(to: 40))' is none of NumPy", at: entry.offset)
      }
      return (type, entry.offset)
    case .list(let fields):
      // A field is a tuple of its name, its type and perhaps a shape.
      let names = fields.compactMap { field -> String? in
        guard case .tuple(let parts) = field, case .string(let name)? = parts.first else { return nil }
        return name
      }
      guard names.count == fields.count else {
        throw literal.malformed("the fields of 'descr' are no tuples that begin with a name", at: entry.offset)
      }
      return (.structured(names.filter { !$0.isEmpty }), entry.offset)
    case .tuple: return (.structured([]), entry.offset)
    default: throw literal.malformed("expected the type to be a string or a list", at: entry.offset)
    }
  }

  private static func order(
    _ header: [PythonLiteral.Entry], _ literal: PythonLiteral
  ) throws(OunceError) -> (Bool, Int) {
    let entry = try value("fortran_order", header, literal)
    guard case .bool(let isColumnMajor) = entry.value else {
      throw literal.malformed("expected 'fortran_order' to be True or False", at: entry.offset)
    }
    return (isColumnMajor, entry.offset)
  }

  private static func shape(
    _ header: [PythonLiteral.Entry], _ literal: PythonLiteral
  ) throws(OunceError) -> ([Int], Int) {
    let entry = try value("shape", header, literal)
    guard case .tuple(let parts) = entry.value else {
      throw literal.malformed("expected the shape to be a tuple", at: entry.offset)
    }
    var shape: [Int] = []
    for part in parts {
      guard case .integer(let size) = part, size >= 0 else {
        throw literal.malformed("the shape has something else than sizes from 0 on", at: entry.offset)
      }
      shape.append(size)
    }
    return (shape, entry.offset)
  }

  /// The error for an array whose elements cannot be read.
  func refused(_ file: InputFile, _ reason: String) -> OunceError {
    OunceError(.unsupported, reason, file: file.path, offset: typeOffset, remedy: type.remedy)
  }

  /// The array as a tensor.
  ///
  /// - Throws: `OunceError` when its elements cannot be read, or do not fill the file.
  func tensor(named name: String, of file: InputFile) throws(OunceError) -> Tensor {
    guard let encoding = type.encoding else { throw refused(file, type.refusal ?? "has no known type") }
    let info: TensorInfo
    do { info = try TensorInfo(name: name, shape: shape, encoding: encoding) } catch {
      var error = error.located(file: file.path)
      error.offset = shapeOffset
      throw error
    }
    let found = file.byteCount - dataOffset
    guard found >= info.byteCount else {
      throw OunceError(
        .malformed,
        "\(encoding.name) of shape \(shape) takes \(info.byteCount) bytes, but \(found) follow the header",
        file: file.path, offset: file.byteCount, subject: "tensor \(name)",
        remedy: "the download was cut short; fetch it again")
    }
    guard found == info.byteCount else {
      throw OunceError(
        .malformed, "\(found - info.byteCount) bytes follow the elements", file: file.path,
        offset: dataOffset + info.byteCount, subject: "tensor \(name)",
        remedy: "when several arrays were saved into one file, save each into its own")
    }
    let strides = isColumnMajor ? Strided.columnMajor(shape) : Strided.rowMajor(shape)
    let rows = Strided.view(
      of: file, offset: dataOffset, elementByteCount: encoding.bytesPerBlock, shape: shape, strides: strides)
    return Tensor(info: info, data: type.isBigEndian ? ByteSwapped(rows, encoding: encoding) : rows)
  }

  /// The header that `numpy.save` writes for a tensor: filled up to a multiple of 64 bytes, with room for a first size
  /// of 21 digits, so that the array could grow in place.
  ///
  /// - Throws: `OunceError` when NumPy has no such type.
  static func bytes(for tensor: TensorInfo) throws(OunceError) -> [UInt8] {
    guard let code = NPYType.code(of: tensor.encoding) else {
      throw OunceError(
        .unsupported, "NumPy has no type for \(tensor.encoding.name)", subject: "tensor \(tensor.name)",
        remedy: tensor.encoding.bytesPerBlock == 2 && tensor.encoding.elementsPerBlock == 1
          ? "convert with --dtype f32, which holds every value" : "convert with --dtype f32 or --dtype f16")
    }
    let sizes = tensor.shape.map(String.init).joined(separator: ", ")
    let comma = tensor.shape.count == 1 ? "," : ""
    var text = "{'descr': '\(code)', 'fortran_order': False, 'shape': (\(sizes)\(comma)), }"
    if let first = tensor.shape.first { text += String(repeating: " ", count: max(0, 21 - String(first).utf8.count)) }
    let filled = 10 + text.utf8.count + 1
    text += String(repeating: " ", count: 64 - filled % 64) + "\n"
    var writer = ByteWriter()
    writer.append(magic)
    writer.append([1, 0])
    writer.integer(UInt16(text.utf8.count))
    writer.append(text.utf8)
    return writer.bytes
  }
}
