import Foundation
import OunceKit
import Testing

/// Files made to break readers. For each of them `ounce check` has to give the one right answer: no crash, no wait of
/// ten seconds, no 256 MB, the file by its name, and the rule that was broken.
///
/// Cases are added to a container's suite; each says what is expected of it. They are checked many at a time, since one
/// process each would take minutes; when a run ends badly its cases are run alone, to name the one at fault.
struct HostileTests {
  static let suites: [HostileSuite] = [
    HostileSafetensors.suite, HostileGGUF.suite, HostileNumPy.suite, HostileZip.suite, HostileWrappers.suite,
    HostileDownloads.suite, HostileShards.suite, HostilePyTorch.suite, HostileGGML.suite, HostileCTranslate2.suite,
    HostileMsgpack.suite, HostileONNX.suite, HostileTensorFlow.suite, HostileTFLite.suite, HostileHDF5.suite,
    HostileZarr.suite, HostileCoreML.suite, HostileQuantized.suite, HostileMeaning.suite, HostileLlamafile.suite,
  ]

  private static let batchCount = 50
  private static let byteLimit = 256 << 20
  private static let secondLimit = 10.0

  @Test(arguments: suites.map(\.name)) func `every hostile file gets the one right answer`(_ name: String) throws {
    let suite = try #require(Self.suites.first { $0.name == name })
    let start = Date()
    defer { print("\(suite.cases.count) hostile files of \(name): \(Date().timeIntervalSince(start)) s") }
    let root = try Program.Folder()
    for item in suite.cases { try Self.write(item, in: root.path) }
    // Those that are refused make the program end with 1, the others with 0.
    for isRefused in [true, false] {
      for level in ["quick", "full", "deep"] {
        let cases = suite.cases.filter { $0.isRefused == isRefused && $0.level == level }
        for start in stride(from: 0, to: cases.count, by: Self.batchCount) {
          try Self.check(Array(cases[start..<min(start + Self.batchCount, cases.count)]), in: root.path)
        }
      }
    }
  }

  @Test func `there are several hundred of them, and each is told once`() {
    let all = Self.suites.flatMap(\.cases)
    #expect(all.count >= 500, "\(all.count)")
    for suite in Self.suites {
      let names = suite.cases.map(\.what)
      #expect(Set(names).count == names.count, "\(suite.name): two cases have one description")
    }
  }

  /// What `check` refuses, `convert` and `inspect` refuse too, with an exit code that says why, and nothing is left.
  @Test(arguments: suites.filter { $0.level == "full" }.map(\.name))
  func `other commands refuse what cannot be opened`(_ name: String) throws {
    let suite = try #require(Self.suites.first { $0.name == name })
    let opening = ["OUN101", "OUN102", "OUN103", "OUN104", "OUN105", "OUN110"]
    let cases = suite.cases.filter { item in
      guard case .refused(let rule, _) = item.verdict, item.files.count < 100 else { return false }
      return opening.contains(rule)
    }
    let root = try Program.Folder()
    // Some of all, spread over the suite.
    for index in stride(from: 0, to: cases.count, by: max(1, cases.count / 3)) {
      let item = cases[index]
      try Self.write(item, in: root.path)
      for command in [["inspect", item.path], ["convert", item.path, "-o", "out.safetensors", "--no-map"]] {
        let run = try MeasuredRun(command, in: root.path)
        let name = "\(command[0]) of \(item.folder) (\(item.what))"
        #expect(
          run.signal == 0 && [64, 65, 66, 78].contains(run.exit ?? -1), "\(name): \(run.exit ?? -1) \(run.errors)")
        #expect(run.errors.contains(item.folder), "\(name): names no file: \(run.errors)")
        #expect(!run.errors.unicodeScalars.contains(where: Self.isTreacherous), "\(name): \(run.errors)")
        #expect(!root.names.contains { $0.hasPrefix("out") || $0.contains("partial") }, "\(name) left \(root.names)")
      }
    }
  }

  /// What can be opened is shown as it is: names of all kinds, and some of the rest.
  @Test(arguments: suites.filter { $0.level == "full" }.map(\.name))
  func `what is allowed is shown and hashed`(_ name: String) throws {
    let suite = try #require(Self.suites.first { $0.name == name })
    let allowed = suite.cases.filter { !$0.isRefused }
    let root = try Program.Folder()
    for (index, item) in allowed.enumerated() where index % 5 == 0 || item.what.contains("name") {
      try Self.write(item, in: root.path)
      for command in ["inspect", "hash"] {
        let run = try MeasuredRun([command, item.path], in: root.path)
        let name = "\(command) of \(item.folder) (\(item.what))"
        #expect(run.exit == 0, "\(name): \(run.exit ?? -1), signal \(run.signal): \(run.errors.suffix(1000))")
        let text = run.output + run.errors
        #expect(!text.unicodeScalars.contains { $0 != "\t" && Self.isTreacherous($0) }, "\(name): \(text)")
      }
    }
  }

  private static func write(_ item: HostileCase, in root: String) throws {
    for file in item.files {
      let url = URL(filePath: "\(root)/\(item.folder)/\(file.name)")
      try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
      try Data(file.bytes).write(to: url)
      guard file.holeByteCount > 0 else { continue }
      let handle = try FileHandle(forWritingTo: url)
      try handle.truncate(atOffset: UInt64(file.bytes.count + file.holeByteCount))
      try handle.close()
    }
  }

  // MARK: Runs

  private static func check(_ cases: [HostileCase], in root: String) throws {
    guard let first = cases.first else { return }
    let run = try MeasuredRun(arguments(cases, "json"), in: root)
    let isBad = run.signal != 0 || run.seconds > secondLimit || run.peakByteCount ?? 0 > byteLimit
    guard !isBad || cases.count == 1 else {
      // Alone, to name the one that is at fault. That is slow, but happens only when something is wrong.
      for item in cases { try check([item], in: root) }
      return
    }
    let name = cases.count == 1 ? "\(first.folder) (\(first.what))" : "\(cases.count) of \(first.folder)…"
    #expect(run.signal == 0, "\(name): ended by signal \(run.signal): \(run.errors.suffix(2000))")
    #expect(run.seconds < secondLimit, "\(name) took \(run.seconds) s")
    #expect(run.peakByteCount ?? 0 < byteLimit, "\(name) took \(run.peakByteCount ?? 0) bytes")
    #expect(run.exit == (first.isRefused ? 1 : 0), "\(name): \(run.errors)")
    let json = try? JSONParser.parse(Array(run.output.utf8))
    let models = json?["models"]?.array ?? []
    for item in cases {
      // A folder stands for the models in it.
      let own = models.filter { model in
        let path = model["path"]?.string ?? ""
        return path == item.path || path.hasPrefix(item.path + "/")
      }
      expect(item, own)
    }
    // What people see moves no cursor, turns no text around, and names each file. Large files say nothing more here.
    let small = cases.filter { $0.files.allSatisfy { $0.bytes.count < 64 << 10 } }
    guard !small.isEmpty else { return }
    let text = try MeasuredRun(arguments(small, "text"), in: root).output
    #expect(!text.unicodeScalars.contains(where: isTreacherous), "\(name): characters that change how text is shown")
    for item in small { #expect(text.contains(item.path), "\(item.folder) (\(item.what)) is not named") }
  }

  private static func arguments(_ cases: [HostileCase], _ format: String) -> [String] {
    ["check", "--format", format, "--level", cases[0].level, "--jobs", "2"] + cases.map(\.path)
  }

  static func isTreacherous(_ scalar: Unicode.Scalar) -> Bool {
    switch scalar.value {
    case 0x0A: false
    case 0..<0x20, 0x7F..<0xA0, 0x200E, 0x200F, 0x061C, 0x2028...0x202E, 0x2066...0x2069: true
    default: false
    }
  }

  // MARK: Answers

  private struct Answer: CustomStringConvertible {
    let rule: String
    let severity: String
    let file: String
    let text: String
    var description: String { "\(severity) \(rule) \(file): \(text)" }

    init(_ json: JSON) {
      func text(_ key: String) -> String? { json[key]?.string }
      rule = text("rule") ?? "?"
      severity = text("severity") ?? "?"
      file = text("file") ?? "?"
      let offset = json["offset"]?.integer.map { "byte \($0): " } ?? ""
      let subject = text("subject").map { "\($0): " } ?? ""
      self.text = offset + subject + (text("message") ?? "?")
    }

    func says(_ rule: String, _ words: String) -> Bool {
      self.rule == rule && (words.isEmpty || text.contains(words))
    }
  }

  private static func expect(_ item: HostileCase, _ models: [JSON]) {
    let answers = models.flatMap { ($0["findings"]?.array ?? []).map(Answer.init) }
    let name = "\(item.folder) (\(item.what))"
    #expect(!models.isEmpty, "\(name): no report")
    for answer in answers {
      #expect(answer.file.hasPrefix(item.folder), "\(name): names \(answer.file)")
      #expect(answer.text.utf8.count < 20_000, "\(name): a message of \(answer.text.utf8.count) bytes")
    }
    switch item.verdict {
    case .refused(let rule, let words):
      let errors = answers.filter { $0.severity == "error" }
      #expect(
        errors.contains { $0.says(rule, words) } && errors.allSatisfy { $0.rule == rule },
        "\(name): expected \(rule) \"\(words)\", found \(answers)")
    case .warned(let rule, let words):
      #expect(
        answers.contains { $0.says(rule, words) } && answers.allSatisfy { $0.severity != "error" },
        "\(name): expected \(rule) \"\(words)\", found \(answers)")
    case .accepted(let reason):
      #expect(answers.isEmpty, "\(name), allowed because \(reason): found \(answers)")
      #expect(models.allSatisfy { $0["checked"]?.array?.isEmpty == false }, "\(name): nothing was checked")
    }
  }
}
