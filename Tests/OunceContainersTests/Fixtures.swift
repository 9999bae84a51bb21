import Foundation
import OunceContainers
import OunceCore
import Testing

/// The files below `fixtures/`, found by walking it: a new format needs files, not test code.
enum Fixtures {
  static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "fixtures").path

  /// The folder that holds the fixtures of a container: its name in small letters, without spaces.
  static func folder(of container: String) -> String { container.lowercased().filter { $0 != " " } }

  /// The folders of `fixtures/` that hold a folder `kind`.
  static func folders(_ kind: String) -> [String] {
    let names = (try? Paths.names(in: root)) ?? []
    return names.map { Paths.join(Paths.join(root, $0), kind) }.filter { Paths.isFolder($0) }
  }

  /// Files (and folders, each one model) in the folders `kind`, notes beside them left out.
  static func entries(_ kinds: String...) -> [Fixture] {
    kinds.flatMap(folders).flatMap { folder in
      ((try? Paths.names(in: folder)) ?? [])
        .filter { !$0.hasSuffix(".expected") && !$0.hasSuffix(".listing") }
        .map { Fixture(path: Paths.join(folder, $0)) }
    }
  }

  static let wellFormed = entries("valid", "canonical")
  /// Of those, single files, which fit into memory whole.
  static let wellFormedFiles = wellFormed.filter { !Paths.isFolder($0.path) }
  static let canonical = entries("canonical")
  static let malformed = entries("malformed")
  /// How often a fixture is damaged: so that those of its container together are damaged as often as OUNCE_MUTATIONS,
  /// or `count`, says, and each at least `least` times.
  static func mutationCount(
    of fixture: Fixture, among all: [Fixture], usually count: Int = 1000, atLeast least: Int
  ) -> Int {
    let wanted = ProcessInfo.processInfo.environment["OUNCE_MUTATIONS"].flatMap { Int($0) } ?? count
    let siblings = all.count { $0.container == fixture.container }
    return max(least, (wanted + siblings - 1) / max(1, siblings))
  }

  /// Every single file, well-formed or not.
  static let files = (wellFormed + malformed).filter { !Paths.isFolder($0.path) }
}

/// One file or folder. Prints as its path inside `fixtures/`.
struct Fixture: CustomTestStringConvertible, Sendable {
  let path: String

  var testDescription: String { String(path.dropFirst(Fixtures.root.count + 1)) }

  /// The folder of `fixtures/` that it is in.
  var container: Substring { testDescription.split(separator: "/").first ?? "" }

  /// The bytes of a file.
  func bytes() throws -> [UInt8] { try InputFile(path: path).wholeContent(atMost: 1 << 20) }

  /// The name without its ending: all that a container may take from a name is what a tensor is called.
  var stem: String {
    let name = Paths.name(of: path)
    return name.lastIndex(of: ".").map { String(name[..<$0]) } ?? name
  }

  /// The text beside it that ends in `ending`.
  func note(_ ending: String) throws -> String { try String(contentsOfFile: path + ending, encoding: .utf8) }
}

/// Numbers that follow from a seed, so that a failure can be run again.
struct SeededGenerator: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var word = state
    word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
    word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
    return word ^ (word >> 31)
  }
}

extension Tensor {
  /// All bytes, read in pieces of `rowCount` rows.
  func content(rowsAtOnce: Int = .max) throws -> [UInt8] {
    var content: [UInt8] = []
    var row = 0
    while row < info.rowCount {
      let end = min(info.rowCount, row + min(rowsAtOnce, info.rowCount))
      var bytes = [UInt8](repeating: 0xEE, count: (end - row) * info.rowByteCount)
      try bytes.withMutableRawSpan { (span) throws(OunceError) in try data.read(rows: row..<end, into: &span) }
      content += bytes
      row = end
    }
    return content
  }
}
