internal import OunceCore

/// Names of tensors that are put together from where they stand.
///
/// A long name before each of a million short ones would take far more memory than the file that says it once: there is
/// a limit on all names together.
struct DerivedNames {
  private var taken: Set<ExactString> = []
  /// The number that is tried next for a name that is taken.
  private var numbers: [ExactString: Int] = [:]
  private var byteCount = 0

  /// Takes a name; false when it is taken.
  mutating func claim(_ name: String, at offset: Int, _ reader: ProtobufReader) throws(OunceError) -> Bool {
    let length = name.utf8.count
    guard length <= Limits.tensorNameByteCount else {
      throw reader.malformed(
        "a name of \(length) bytes is beyond the limit of \(Limits.tensorNameByteCount)", at: offset)
    }
    byteCount += length
    guard byteCount <= Limits.derivedNameByteCount else {
      throw reader.malformed(
        "all names together are beyond the limit of \(Limits.derivedNameByteCount) bytes", at: offset)
    }
    return taken.insert(ExactString(name)).inserted
  }

  /// Takes a name, with a number behind it when it is taken.
  mutating func distinct(_ name: String, at offset: Int, _ reader: ProtobufReader) throws(OunceError) -> String {
    if try claim(name, at: offset, reader) { return name }
    var number = numbers[ExactString(name)] ?? 2
    while !(try claim("\(name)#\(number)", at: offset, reader)) { number += 1 }
    numbers[ExactString(name)] = number + 1
    return "\(name)#\(number)"
  }
}
