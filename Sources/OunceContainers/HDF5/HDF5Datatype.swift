internal import OunceCore

/// What an element of a dataset or an attribute is.
///
/// | bytes | what |
/// |---|---|
/// | 1 | class (low half) and version (high half) |
/// | 3 | bits of the class: byte order, sign, number of members |
/// | 4 | bytes of an element |
/// | … | properties of the class |
struct HDF5Datatype {
  enum Kind {
    /// Numbers of an encoding of this name.
    case number(String, isBigEndian: Bool)
    /// Text of a fixed number of bytes.
    case text
    /// Text elsewhere in the file.
    case textElsewhere
    /// Bytes without a meaning.
    case opaque
    /// What is no number: "records".
    case other(String)
  }

  var kind: Kind
  let byteCount: Int

  /// Types inside of types: an enumeration of integers, a complex number in a record.
  private static let nesting = 4

  init(_ block: inout HDF5Block, depth: Int = 0) throws(OunceError) {
    guard depth < Self.nesting else { throw block.malformed("types are nested deeper than \(Self.nesting)") }
    let start = block.offset
    let head = try block.number(1)
    let (type, version) = (head & 15, head >> 4)
    guard (1...5).contains(version) else { throw block.malformed("a type has version \(version)", at: start) }
    let bits = try block.number(3)
    byteCount = try block.number(4)
    switch type {
    case 0: kind = try Self.integer(&block, bits, byteCount)
    case 1: kind = try Self.float(&block, bits, byteCount)
    case 2: kind = .other("times")
    case 3: kind = .text
    case 4: kind = .other("bit fields")
    case 5: kind = .opaque
    case 6: kind = try Self.record(&block, bits, byteCount, version, depth)
    case 7: kind = .other("references")
    case 8: kind = try Self.enumeration(&block, bits, byteCount, version, depth)
    case 9: kind = bits & 15 == 1 ? .textElsewhere : .other("lists of different lengths")
    case 10: kind = .other("arrays")
    case 11:
      let part = try HDF5Datatype(&block, depth: depth + 1)
      kind = Self.complex(part, byteCount) ?? .other("complex numbers of \(byteCount) bytes")
    default: throw block.malformed("there is no type of class \(type)", at: start)
    }
  }

  private static func integer(
    _ block: inout HDF5Block, _ bits: Int, _ byteCount: Int
  ) throws(OunceError) -> Kind {
    let (place, precision) = (try block.number(2), try block.number(2))
    guard [1, 2, 4, 8].contains(byteCount), place == 0, precision == 8 * byteCount else {
      return .other("integers of \(precision) bits in \(byteCount) bytes")
    }
    return .number((bits & 8 != 0 ? "I" : "U") + "\(precision)", isBigEndian: bits & 1 != 0)
  }

  /// The layouts of floats that are known, the properties in the order of the file: place and width of all bits, of the
  /// exponent, of the fraction, and the bias.
  private static let floats: [(name: String, properties: [Int])] = [
    ("F16", [0, 16, 10, 5, 0, 10, 15]),
    ("BF16", [0, 16, 7, 8, 0, 7, 127]),
    ("F32", [0, 32, 23, 8, 0, 23, 127]),
    ("F64", [0, 64, 52, 11, 0, 52, 1023]),
    ("F8_E4M3", [0, 8, 3, 4, 0, 3, 7]),
    ("F8_E5M2", [0, 8, 2, 5, 0, 2, 15]),
  ]

  private static func float(
    _ block: inout HDF5Block, _ bits: Int, _ byteCount: Int
  ) throws(OunceError) -> Kind {
    var properties = [try block.number(2), try block.number(2)]
    for _ in 0..<4 { properties.append(try block.number(1)) }
    properties.append(try block.number(4))
    let precision = properties[1]
    let order = bits & 0x41
    // The sign is the highest bit, and the first bit of the fraction is implied.
    guard bits >> 8 & 0xFF == precision - 1, bits >> 4 & 3 == 2, order < 2, precision == 8 * byteCount,
      let float = floats.first(where: { $0.properties == properties })
    else { return .other("floats of \(precision) bits in \(byteCount) bytes in a layout of their own") }
    return .number(float.name, isBigEndian: order == 1)
  }

  /// NumPy's complex numbers are records of two floats `r` and `i`; other records are not numbers.
  private static func record(
    _ block: inout HDF5Block, _ bits: Int, _ byteCount: Int, _ version: Int, _ depth: Int
  ) throws(OunceError) -> Kind {
    guard bits & 0xFFFF == 2 else { return .other("records") }
    var parts: [HDF5Datatype] = []
    for (index, name) in ["r", "i"].enumerated() {
      guard try block.paddedText(version < 3 ? 8 : 1) == Array(name.utf8) else { return .other("records") }
      let place = try block.number(version < 3 ? 4 : offsetByteCount(byteCount))
      if version == 1 {
        guard try block.number(1) == 0 else { return .other("records") }
        try block.skip(27)
      }
      let part = try HDF5Datatype(&block, depth: depth + 1)
      guard place == index * part.byteCount else { return .other("records") }
      parts.append(part)
    }
    guard case .number(let first, let firstOrder) = parts[0].kind, case .number(let second, let order) = parts[1].kind,
      first == second, firstOrder == order
    else { return .other("records") }
    return complex(parts[0], byteCount) ?? .other("records")
  }

  /// The bytes of a place inside of a record: as few as can hold its size.
  private static func offsetByteCount(_ byteCount: Int) -> Int {
    (1...4).first { byteCount < 1 << (8 * $0) } ?? 4
  }

  private static func complex(_ part: HDF5Datatype, _ byteCount: Int) -> Kind? {
    guard byteCount == 2 * part.byteCount, case .number(let name, let isBigEndian) = part.kind else { return nil }
    switch name {
    case "F32": return .number("C64", isBigEndian: isBigEndian)
    case "F64": return .number("C128", isBigEndian: isBigEndian)
    default: return nil
    }
  }

  /// The enumeration of `FALSE` and `TRUE` that h5py makes is BOOL; others are the integers that they are kept as.
  private static func enumeration(
    _ block: inout HDF5Block, _ bits: Int, _ byteCount: Int, _ version: Int, _ depth: Int
  ) throws(OunceError) -> Kind {
    let base = try HDF5Datatype(&block, depth: depth + 1)
    guard case .number = base.kind, base.byteCount == byteCount else { return .other("enumerations") }
    guard bits & 0xFFFF == 2, byteCount == 1 else { return base.kind }
    let names = [try block.paddedText(version < 3 ? 8 : 1), try block.paddedText(version < 3 ? 8 : 1)]
    let values = try block.array(2)
    let isBool = names == [Array("FALSE".utf8), Array("TRUE".utf8)] && values == [0, 1]
    return isBool ? .number("BOOL", isBigEndian: false) : base.kind
  }
}
