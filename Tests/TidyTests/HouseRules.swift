import Foundation
import Testing

/// Rules of the house that the compiler does not check.
struct HouseRules {
  private static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()

  private static func swiftFiles(in folder: String) throws -> [(name: String, lines: [Substring])] {
    let base = root.appending(path: folder)
    let paths = try #require(FileManager.default.enumerator(atPath: base.path)).compactMap { $0 as? String }
    return try paths.filter { $0.hasSuffix(".swift") }.sorted().map { path in
      let text = try String(contentsOf: base.appending(path: path), encoding: .utf8)
      return ("\(folder)/\(path)", text.split(separator: "\n", omittingEmptySubsequences: false))
    }
  }

  @Test func `no source file is longer than 400 lines`() throws {
    for file in try Self.swiftFiles(in: "Sources") {
      #expect(file.lines.count <= 400, "\(file.name) has \(file.lines.count) lines: split it by aspect")
    }
  }

  @Test func `no line is longer than 120 columns`() throws {
    for folder in ["Sources", "Tests"] {
      for file in try Self.swiftFiles(in: folder) {
        for (index, line) in file.lines.enumerated() where line.count > 120 {
          Issue.record("\(file.name):\(index + 1) has \(line.count) columns")
        }
      }
    }
  }

  @Test func `sources never import full Foundation`() throws {
    for file in try Self.swiftFiles(in: "Sources") {
      for line in file.lines where line.hasSuffix("import Foundation") {
        Issue.record("\(file.name) says \"\(line)\": FoundationEssentials at most")
      }
    }
  }

  @Test func `sources have no escapes from the compiler's checks`() throws {
    let banned = ["try!", "as!", "fatalError(", "@unchecked Sendable", "nonisolated(unsafe)"]
    for file in try Self.swiftFiles(in: "Sources") {
      for (index, line) in file.lines.enumerated() {
        for word in banned where line.contains(word) {
          Issue.record("\(file.name):\(index + 1) uses \(word)")
        }
      }
    }
  }

  @Test func `numeric code imports nothing but the encoding protocol and the lanes`() throws {
    for file in try Self.swiftFiles(in: "Sources/OunceBlocks") {
      for line in file.lines where line.contains("import ") && !line.hasPrefix("//") && !line.hasPrefix(" ") {
        let module = line.split(separator: " ").last.map(String.init) ?? ""
        #expect(["OunceEncoding", "CLanes"].contains(module), "\(file.name) imports \(module)")
      }
    }
  }

  @Test func `unsafe code stands in the places that are named for it`() throws {
    let allowed = [
      "Sources/OunceCore/Bytes/", "Sources/OunceCore/Views/", "Sources/OunceCore/Encodings.swift",
      "Sources/OunceBlocks/", "Sources/OunceContainers/Compression/", "Sources/ounce/Output/",
      "Sources/OunceBench/Reference.swift",
      "Sources/OunceBench/Machine.swift",
    ]
    for file in try Self.swiftFiles(in: "Sources") where !allowed.contains(where: file.name.hasPrefix) {
      for (index, line) in file.lines.enumerated()
      where line.contains("unsafe ") && !line.trimmingCharacters(in: .whitespaces).hasPrefix("//") {
        Issue.record("\(file.name):\(index + 1): \(line)")
      }
    }
  }

  @Test func `the repository names no machine, registry or person`() throws {
    let banned = ["/wo" + "rk/", "/ro" + "ot/", "/tmp/" + "ref"]
    for folder in ["Sources", "Tests", "Scripts", "docs", ".ci"] {
      let base = Self.root.appending(path: folder)
      let paths = try #require(FileManager.default.enumerator(atPath: base.path)).compactMap { $0 as? String }
      for path in paths {
        guard let text = try? String(contentsOf: base.appending(path: path), encoding: .utf8) else { continue }
        for word in banned where text.contains(word) { Issue.record("\(folder)/\(path) contains \(word)") }
      }
    }
  }

  @Test func `every folder of a catalog is in its catalog`() throws {
    let catalogs: [(folder: String, catalog: String, pattern: String)] = [
      ("Sources/OunceBlocks", "Sources/OunceBlocks/Catalog.swift", #"public struct (\w+): (Writable)?Encoding "#)
    ]
    for entry in catalogs {
      let catalog = try String(contentsOf: Self.root.appending(path: entry.catalog), encoding: .utf8)
      let pattern = try Regex(entry.pattern)
      for file in try Self.swiftFiles(in: entry.folder) {
        for line in file.lines {
          guard let match = line.firstMatch(of: pattern), let name = match[1].substring else { continue }
          #expect(catalog.contains("\(name)("), "\(file.name): \(name) has no line in \(entry.catalog)")
        }
      }
    }
  }
}
