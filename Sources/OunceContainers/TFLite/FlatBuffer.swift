internal import OunceCore

/// A FlatBuffer in a file: tables whose fields are found by offsets, read by position, nothing loaded.
///
/// Format: https://flatbuffers.dev/internals/
///
/// | thing | bytes |
/// |---|---|
/// | the file | 4: where the root table is; 4: what kind of file |
/// | a table | 4: how far before it its vtable is, with sign; then fields |
/// | a vtable | 2: its size; 2: the size of the table; 2 for each field: its place in the table, or 0 |
/// | a vector, a string | 4: count; then elements |
/// | a reference | 4: how far behind it the table, vector or string is |
///
/// Every place is checked against the file. Nothing here follows references on its own, so a loop of them is no danger.
final class FlatBuffer {
  let file: InputFile
  /// Pages of the file by their number: tables are scattered between large vectors that are not wanted.
  private var pages: [Int: [UInt8]] = [:]

  private static let pageByteCount = 4096
  /// Pages that are kept at a time.
  private static let pageLimit = 256

  init(_ file: InputFile) { self.file = file }

  struct Table {
    let place: Int
    fileprivate let byteCount: Int
    /// Where the places of its fields are. Many tables may share them, so only those that are wanted are read.
    fileprivate let fields: Vector
  }

  struct Vector {
    /// Where its first element is.
    let place: Int
    let count: Int
  }

  func root() throws(OunceError) -> Table { try table(try reference(at: 0)) }

  /// A number of `byteCount` bytes, without sign.
  func word(_ byteCount: Int, at place: Int) throws(OunceError) -> UInt64 {
    guard place >= 0, byteCount <= file.byteCount - place else {
      throw OunceError(
        .malformed, "expected \(byteCount) more bytes, but the file ends after \(max(0, file.byteCount - place))",
        file: file.path, offset: min(max(place, 0), file.byteCount),
        remedy: "the download was cut short; fetch it again")
    }
    var value: UInt64 = 0
    for index in 0..<byteCount {
      let (page, offset) = (place + index).quotientAndRemainder(dividingBy: Self.pageByteCount)
      value |= UInt64(try self.page(page)[offset]) << UInt64(8 * index)
    }
    return value
  }

  private func page(_ number: Int) throws(OunceError) -> [UInt8] {
    if let page = pages[number] { return page }
    let start = number * Self.pageByteCount
    let page = try file.bytes(start..<min(start + Self.pageByteCount, file.byteCount))
    if pages.count >= Self.pageLimit { pages = [:] }
    pages[number] = page
    return page
  }

  /// Where the thing is that is referred to at `place`.
  func reference(at place: Int) throws(OunceError) -> Int {
    let distance = Int(try word(4, at: place))
    guard distance > 0, distance < file.byteCount - place else {
      throw OunceError(
        .malformed, "a reference leads \(distance) bytes on, out of the file of \(file.byteCount)", file: file.path,
        offset: place, remedy: "the file is cut short or damaged; fetch it again")
    }
    return place + distance
  }

  func table(_ place: Int) throws(OunceError) -> Table {
    let distance = Int(Int32(truncatingIfNeeded: try word(4, at: place)))
    let vtable = place - distance
    guard vtable >= 0, vtable <= file.byteCount - 4 else {
      throw malformed("the fields of a table are described at \(vtable), out of the file", place)
    }
    let vtableByteCount = Int(try word(2, at: vtable))
    let byteCount = Int(try word(2, at: vtable + 2))
    guard vtableByteCount >= 4, vtableByteCount % 2 == 0, byteCount >= 4, byteCount <= file.byteCount - place else {
      throw malformed("the description of a table is damaged", vtable)
    }
    guard vtableByteCount <= file.byteCount - vtable else {
      throw malformed("the description of a table is damaged", vtable)
    }
    return Table(
      place: place, byteCount: byteCount, fields: Vector(place: vtable + 4, count: (vtableByteCount - 4) / 2))
  }

  /// Where a field of `byteCount` bytes is; nil when it is not there and has its usual value.
  func field(_ number: Int, _ byteCount: Int, of table: Table) throws(OunceError) -> Int? {
    guard number < table.fields.count else { return nil }
    let offset = Int(try word(2, at: table.fields.place + 2 * number))
    guard offset != 0 else { return nil }
    guard offset >= 4, offset + byteCount <= table.byteCount else {
      throw malformed("a field is \(offset) bytes into a table of \(table.byteCount)", table.place)
    }
    return table.place + offset
  }

  /// A number without sign in a field; 0 when it is not there.
  func number(_ field: Int, _ byteCount: Int, of table: Table) throws(OunceError) -> UInt64 {
    guard let place = try self.field(field, byteCount, of: table) else { return 0 }
    return try word(byteCount, at: place)
  }

  /// The table that a field refers to.
  func table(_ field: Int, of table: Table) throws(OunceError) -> Table? {
    guard let place = try self.field(field, 4, of: table) else { return nil }
    return try self.table(try reference(at: place))
  }

  /// The vector that a field refers to, all of it inside of the file.
  func vector(
    _ field: Int, of table: Table, elementByteCount: Int, _ what: String
  ) throws(OunceError) -> Vector? {
    guard let place = try self.field(field, 4, of: table) else { return nil }
    let start = try reference(at: place)
    let count = Int(try word(4, at: start))
    let available = file.byteCount - start - 4
    guard count <= available / elementByteCount else {
      throw OunceError(
        .malformed, "\(count) \(what) take \(count * elementByteCount) bytes, but only \(available) follow",
        file: file.path, offset: start, remedy: "the download was cut short; fetch it again")
    }
    return Vector(place: start + 4, count: count)
  }

  /// The table that element `index` of a vector refers to.
  func table(_ index: Int, of vector: Vector) throws(OunceError) -> Table {
    try table(try reference(at: vector.place + 4 * index))
  }

  func text(_ field: Int, of table: Table, atMost limit: Int) throws(OunceError) -> String? {
    guard let vector = try vector(field, of: table, elementByteCount: 1, "bytes of a text") else { return nil }
    guard vector.count <= limit else {
      throw malformed("a text of \(vector.count) bytes is beyond the limit of \(limit)", vector.place)
    }
    return String(decoding: try file.bytes(vector.place..<vector.place + vector.count), as: UTF8.self)
  }

  func malformed(_ problem: String, _ place: Int) -> OunceError {
    OunceError(.malformed, problem, file: file.path, offset: place)
  }
}
