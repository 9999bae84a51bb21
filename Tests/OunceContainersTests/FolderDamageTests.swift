import Foundation
import OunceContainers
import OunceCore
import Testing

@testable import OunceContainers

/// Damage of files that are read together with others.
struct FolderDamageTests {
  private static let environment = ProcessInfo.processInfo.environment
  private static let seed = environment["OUNCE_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0...UInt64.max)
  private static let placesOfFile = environment["OUNCE_MUTATIONS"] == nil ? 8 : 200
  private static let folders = Fixtures.wellFormed.filter { Paths.isFolder($0.path) }
  private static let tables = (Fixtures.wellFormed + Fixtures.malformed).filter { table(of: $0) != nil }

  /// Any file of a folder, damaged, ends in an error or in a model whose rows can be read or are an error.
  @Test(arguments: folders)
  func `a damaged file of a folder does not trap`(_ fixture: Fixture) throws {
    print("damaged files of \(fixture.testDescription): seed \(Self.seed)")
    var generator = SeededGenerator(seed: Self.seed)
    let folder = FileManager.default.temporaryDirectory.appending(path: "ounce-\(UUID().uuidString)")
    try FileManager.default.copyItem(at: URL(filePath: fixture.path), to: folder)
    defer { try? FileManager.default.removeItem(at: folder) }
    let names = try #require(FileManager.default.enumerator(atPath: folder.path)).compactMap { $0 as? String }
      .filter { Paths.isFile(Paths.join(folder.path, $0)) }.sorted()
    for _ in 0..<Fixtures.mutationCount(of: fixture, among: Self.folders, usually: 200, atLeast: 20) {
      let name = try #require(names.randomElement(using: &generator))
      let path = folder.appending(path: name)
      let whole = try Data(contentsOf: path)
      guard !whole.isEmpty else { continue }
      var bytes = [UInt8](whole)
      bytes[Int.random(in: bytes.indices, using: &generator)] = UInt8.random(in: 0...255, using: &generator)
      if Bool.random(using: &generator) { bytes.removeLast(Int.random(in: 1...bytes.count, using: &generator)) }
      try Data(bytes).write(to: path)
      do {
        for tensor in try Open.model(at: folder.path).tensors where tensor.info.byteCount <= 1 << 20 {
          _ = try tensor.content()
        }
      } catch { #expect(error is OunceError, "\(name), seed \(Self.seed): \(error)") }
      try whole.write(to: path)
    }
  }

  /// Any file of a folder, cut at places all over it, ends in an error that names a file of the folder, or in a model
  /// whose rows can be read or are an error. OUNCE_MUTATIONS cuts at more places.
  @Test(arguments: folders) func `a cut file of a folder does not trap`(_ fixture: Fixture) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "ounce-\(UUID().uuidString)")
    try FileManager.default.copyItem(at: URL(filePath: fixture.path), to: folder)
    defer { try? FileManager.default.removeItem(at: folder) }
    let names = try #require(FileManager.default.enumerator(atPath: folder.path)).compactMap { $0 as? String }
      .filter { Paths.isFile(Paths.join(folder.path, $0)) }.sorted()
    for name in names {
      let path = folder.appending(path: name)
      let whole = try Data(contentsOf: path)
      for count in stride(from: 0, to: whole.count, by: max(1, whole.count / Self.placesOfFile)) {
        try whole.prefix(count).write(to: path)
        do {
          for tensor in try Open.model(at: folder.path).tensors where tensor.info.byteCount <= 1 << 20 {
            _ = try tensor.content()
          }
        } catch {
          let file = (error as? OunceError)?.file
          #expect(file?.hasPrefix(folder.path) == true, "\(name), cut at \(count): \(error)")
        }
      }
      try whole.write(to: path)
    }
  }

  /// Where a checksum protects a block, damage that has the right checksum reaches what reads the block.
  @Test(arguments: tables)
  func `a damaged table with right checksums does not trap`(_ fixture: Fixture) throws {
    print("damaged table of \(fixture.testDescription): seed \(Self.seed)")
    var generator = SeededGenerator(seed: Self.seed)
    let file = try InputFile(path: try #require(Self.table(of: fixture)))
    let whole = try file.wholeContent(atMost: 1 << 20)
    let table = SortedTable(file)
    let blocks = try [table.index()] + table.blocks()
    for _ in 0..<Fixtures.mutationCount(of: fixture, among: Self.tables, usually: 2000, atLeast: 200) {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...3, using: &generator) {
        let place = try #require(blocks.randomElement(using: &generator)?.randomElement(using: &generator))
        let values: [UInt8] = [
          0, 1, 2, 0x7F, 0x80, 0xFF, bytes[place] ^ 1, UInt8.random(in: 0...255, using: &generator),
        ]
        bytes[place] = try #require(values.randomElement(using: &generator))
      }
      for block in blocks {
        let checksum = CRC32C.masked(bytes[block.lowerBound...block.upperBound])
        for index in 0..<4 {
          bytes[block.upperBound + 1 + index] = UInt8(truncatingIfNeeded: checksum >> (8 * UInt32(index)))
        }
      }
      do {
        for tensor in try Containers.read(InputFile(path: "damaged", bytes: bytes)).tensors {
          if tensor.info.byteCount <= 1 << 20 { _ = try tensor.content() }
        }
      } catch { #expect(error is OunceError, "seed \(Self.seed): \(error)") }
    }
  }

  /// The first file of a fixture that is a table; nil when there is none, or its places are wrong.
  private static func table(of fixture: Fixture) -> String? {
    let names = (try? FileManager.default.subpathsOfDirectory(atPath: fixture.path)) ?? []
    let paths = names.isEmpty ? [fixture.path] : names.sorted().map { Paths.join(fixture.path, $0) }
    return paths.first { path in
      guard let file = try? InputFile(path: path), SortedTable.isTable(file) else { return false }
      return (try? SortedTable(file).blocks()) != nil
    }
  }
}
