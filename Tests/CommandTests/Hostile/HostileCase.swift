/// A file that breaks a rule of its format, or looks as if it did, and what `ounce check` has to say of it.
struct HostileCase: Sendable {
  enum Verdict: Sendable {
    /// An error of this rule whose text contains the words.
    case refused(rule: String, words: String)
    /// Only a warning, or a note, of this rule: the file can be read.
    case warned(rule: String, words: String)
    /// Nothing: the format allows it, for this reason.
    case accepted(because: String)
  }

  struct File: Sendable {
    let name: String
    let bytes: [UInt8]
    /// Zeros behind the bytes, which take no space on the disk.
    var holeByteCount = 0
  }

  /// `safetensors/012`: the folder that its files are put into.
  let folder: String
  let what: String
  let files: [File]
  /// What is given to the program.
  let path: String
  let level: String
  let verdict: Verdict

  var isRefused: Bool {
    if case .refused = verdict { return true }
    return false
  }
}

/// The cases of one container.
struct HostileSuite {
  let name: String
  /// What the only file of most cases is called.
  let file: String
  var level = "full"
  private(set) var cases: [HostileCase] = []

  init(_ name: String, file: String) {
    self.name = name
    self.file = file
  }

  mutating func refuse(_ what: String, _ rule: String, _ words: String, _ bytes: [UInt8], as file: String? = nil) {
    add(what, [.init(name: file ?? self.file, bytes: bytes)], file ?? self.file, .refused(rule: rule, words: words))
  }

  mutating func warn(_ what: String, _ rule: String, _ words: String, _ bytes: [UInt8], as file: String? = nil) {
    add(what, [.init(name: file ?? self.file, bytes: bytes)], file ?? self.file, .warned(rule: rule, words: words))
  }

  mutating func accept(_ what: String, because reason: String, _ bytes: [UInt8], as file: String? = nil) {
    add(what, [.init(name: file ?? self.file, bytes: bytes)], file ?? self.file, .accepted(because: reason))
  }

  /// - Parameter checked: the file that is named; empty: the folder.
  mutating func refuse(
    _ what: String, _ rule: String, _ words: String, folder: KeyValuePairs<String, [UInt8]>, checked: String = ""
  ) {
    add(what, folder.map { .init(name: $0, bytes: $1) }, checked, .refused(rule: rule, words: words))
  }

  mutating func warn(
    _ what: String, _ rule: String, _ words: String, folder: KeyValuePairs<String, [UInt8]>, checked: String = ""
  ) {
    add(what, folder.map { .init(name: $0, bytes: $1) }, checked, .warned(rule: rule, words: words))
  }

  mutating func accept(
    _ what: String, because reason: String, folder: KeyValuePairs<String, [UInt8]>, checked: String = ""
  ) {
    add(what, folder.map { .init(name: $0, bytes: $1) }, checked, .accepted(because: reason))
  }

  mutating func add(_ what: String, _ files: [HostileCase.File], _ checked: String, _ verdict: HostileCase.Verdict) {
    let number = String(1000 + cases.count).dropFirst()
    let folder = "\(name)/\(number)"
    cases.append(
      HostileCase(
        folder: folder, what: what, files: files, path: checked.isEmpty ? folder : "\(folder)/\(checked)", level: level,
        verdict: verdict))
  }
}

// MARK: Bytes, field by field

/// The low bytes of a number, least significant first: negative ones give the largest values.
func u8(_ value: Int) -> [UInt8] { [UInt8(truncatingIfNeeded: value)] }
func u16(_ value: Int) -> [UInt8] { little(value, 2) }
func u32(_ value: Int) -> [UInt8] { little(value, 4) }
func u64(_ value: Int) -> [UInt8] { little(value, 8) }
func little(_ value: Int, _ byteCount: Int) -> [UInt8] {
  (0..<byteCount).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}
func big(_ value: Int, _ byteCount: Int) -> [UInt8] { little(value, byteCount).reversed() }
func utf8(_ text: String) -> [UInt8] { Array(text.utf8) }
func zeros(_ count: Int) -> [UInt8] { [UInt8](repeating: 0, count: count) }
func all(_ parts: [UInt8]...) -> [UInt8] { joined(parts) }
/// Copies whole parts: a debug build takes minutes for what the library's `joined` does byte by byte.
func joined(_ parts: [[UInt8]]) -> [UInt8] {
  var bytes: [UInt8] = []
  for part in parts { bytes.append(contentsOf: part) }
  return bytes
}
/// Little-endian floats 1, 2, 3, …: values that no rule complains about.
func floats(_ count: Int) -> [UInt8] { joined((0..<count).map { little(Int(Float($0 + 1).bitPattern), 4) }) }

extension [UInt8] {
  /// The same bytes with some in the place of others.
  func with(_ bytes: [UInt8], at offset: Int) -> [UInt8] {
    var copy = self
    copy.replaceSubrange(offset..<offset + bytes.count, with: bytes)
    return copy
  }

  /// The same bytes, filled up with zeros to a multiple of `alignment`.
  func padded(to alignment: Int) -> [UInt8] { self + zeros((alignment - count % alignment) % alignment) }
}
