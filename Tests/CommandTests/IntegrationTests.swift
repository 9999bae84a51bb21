import Foundation
import OunceKit
import Testing

/// action.yml and .pre-commit-hooks.yaml, and the command lines in them.
struct IntegrationTests {
  /// A folder with a sound model, a damaged one, and files that are no weights.
  private func models() throws -> Program.Folder {
    let folder = try Program.Folder()
    try FileManager.default.createDirectory(
      atPath: folder.file("models/deep er"), withIntermediateDirectories: true)
    let program = Program(folder: folder.path)
    #expect(
      try program.run("quantize", Program.checkpoint, "--to", "Q8_0", "-o", "models/deep er/q8.gguf").exit == 0)
    let data = try Data(contentsOf: URL(filePath: folder.file("models/deep er/q8.gguf")))
    try data.dropLast(99).write(to: URL(filePath: folder.file("cut.gguf")))
    try "not weights".write(toFile: folder.file("models/notes.txt"), atomically: true, encoding: .utf8)
    return folder
  }

  /// The environment of a step, with the built program on the path.
  private func environment(_ folder: Program.Folder, _ inputs: [String: String]) -> [String: String] {
    let programs = URL(filePath: Program.built).deletingLastPathComponent().path
    let path = ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"
    return ["PATH": "\(programs):\(path)", "RUNNER_TEMP": folder.path, "GITHUB_OUTPUT": folder.file("output")]
      .merging(inputs) { $1 }
  }

  private func steps(_ action: JSON) -> [JSON] { action["runs"]?["steps"]?.array ?? [] }

  @Test func `the action's check runs as it is written`() throws {
    guard let action = try Python.yaml("action.yml") else { return }
    let step = try #require(steps(action).first { $0["id"]?.string == "check" })
    let script = try #require(step["run"]?.string)
    #expect(action["runs"]?["using"]?.string == "composite")
    #expect(step["shell"]?.string == "bash" && !script.contains("${{"), "inputs come by the environment only")
    let inputs = action["inputs"]?.object ?? [:]
    #expect(Set(inputs.keys) == ["paths", "level", "fail-on", "version", "upload-sarif"])
    for (_, value) in step["env"]?.object ?? [:] {
      let name = value.string?.firstMatch(of: /\{\{ inputs\.([a-z-]+) \}\}/)?.output.1
      #expect(name.map { inputs[String($0)] != nil } == true, "\(value)")
    }
    let folder = try models()
    func run(_ paths: String) throws -> Program.Result {
      let environment = environment(
        folder, ["OUNCE_PATHS": paths, "OUNCE_LEVEL": "full", "OUNCE_FAIL_ON": "error"])
      return try Program(path: "/usr/bin/env", environment: environment, folder: folder.path)
        .run("bash", "-e", "-o", "pipefail", "-c", script)
    }
    let good = try run("models\n\n")
    #expect(good.exit == 0 && good.output.isEmpty, "\(good.output)\(good.errors)")
    let bad = try run("models/deep er\ncut.gguf\n")
    #expect(bad.exit == 1 && bad.output.hasPrefix("::error file=cut.gguf,title=OUN102"), "\(bad.output)\(bad.errors)")
    #expect(
      try String(contentsOfFile: folder.file("output"), encoding: .utf8).hasSuffix("sarif=\(folder.path)/ounce.sarif\n")
    )
    let sarif = try JSONParser.parse(Array(try Data(contentsOf: URL(filePath: folder.file("ounce.sarif")))))
    #expect(sarif["runs"]?.array?.first?["results"]?.array?.count == 1)
    #expect(try run("\n").exit == 64)
    #expect(try run("-o\nmodels").exit == 1, "a path is never taken for an option")
  }

  @Test func `the action installs what its checksum names, and nothing else`() throws {
    guard let action = try Python.yaml("action.yml") else { return }
    let step = try #require(steps(action).first { $0["id"]?.string == "install" })
    let script = try #require(step["run"]?.string)
    #expect(!script.contains("${{"))
    let folder = try Program.Folder()
    // A release, on disk: curl takes such addresses as well.
    let release = folder.file("releases/v\(OunceKit.version)")
    try FileManager.default.createDirectory(atPath: release, withIntermediateDirectories: true)
    let make = """
      set -e
      cd "$1"
      printf '#!/bin/sh\\necho fake' >ounce
      chmod +x ounce
      name="ounce-$2-$(uname -s)-$(uname -m).tar.gz"
      tar -czf "$name" ounce
      if command -v sha256sum >/dev/null; then sha256sum "$name" >SHA256SUMS
      else shasum --algorithm 256 "$name" >SHA256SUMS; fi
      """
    let made = try Program(path: "/bin/sh").run("-c", make, "sh", release, OunceKit.version)
    #expect(made.exit == 0, "\(made.errors)")
    func run(_ version: String) throws -> Program.Result {
      try? FileManager.default.removeItem(atPath: folder.file("ounce-\(version)"))
      let environment = environment(
        folder,
        [
          "OUNCE_RELEASES": "file://\(folder.file("releases"))", "OUNCE_VERSION": version,
          "GITHUB_PATH": folder.file("path"),
        ])
      return try Program(path: "/usr/bin/env", environment: environment).run(
        "bash", "-e", "-o", "pipefail", "-c", script)
    }
    guard try Program(path: "/usr/bin/env").run("curl", "--version").exit == 0 else {
      print("skipped: no curl, with which the action downloads")
      return
    }
    let good = try run(OunceKit.version)
    #expect(good.exit == 0 && good.output.contains("fake"), "\(good.output)\(good.errors)")
    #expect(
      try String(contentsOfFile: folder.file("path"), encoding: .utf8) == folder.file("ounce-\(OunceKit.version)\n"))
    #expect(try run("9.9.9").exit != 0, "there is no such release")
    #expect(try run("1.0.0/../../x").exit == 64)
    let sums = release + "/SHA256SUMS"
    let text = try String(contentsOfFile: sums, encoding: .utf8)
    try (String(text.prefix(64).reversed()) + text.dropFirst(64)).write(toFile: sums, atomically: true, encoding: .utf8)
    let other = try run(OunceKit.version)
    #expect(other.exit != 0 && !other.output.contains("fake"), "\(other.output)\(other.errors)")
    try "".write(toFile: sums, atomically: true, encoding: .utf8)
    let none = try run(OunceKit.version)
    #expect(none.exit == 1 && !none.output.contains("fake"), "\(none.output)\(none.errors)")
    // The version that is installed unless another is asked for is this one.
    #expect(action["inputs"]?["version"]?["default"]?.string == OunceKit.version)
  }

  @Test func `the hook takes every ending that weights have, and runs`() throws {
    guard let hooks = try Python.yaml(".pre-commit-hooks.yaml")?.array else { return }
    let hook = try #require(hooks.first)
    #expect(hooks.count == 1 && hook["id"]?.string == "ounce-check" && hook["language"]?.string == "system")
    let pattern = try Regex(try #require(hook["files"]?.string))
    // Files of all kinds are called so; what they belong to brings them in.
    let others: Set<String> = ["raw", "index", "meta"]
    for ending in Set(Containers.all.flatMap(\.fileExtensions)) {
      #expect(("folder/model." + ending).contains(pattern) != others.contains(ending), "\(ending)")
    }
    #expect(!"model.safetensors.index.json".contains(pattern) && !"safetensors".contains(pattern))
    // pre-commit splits the entry as a shell does, and adds arguments and names.
    let folder = try models()
    let entry = (try #require(hook["entry"]?.string)).split(separator: " ").map(String.init)
    func run(_ more: String...) throws -> Program.Result {
      try Program(path: "/usr/bin/env", environment: environment(folder, [:]), folder: folder.path).run(entry + more)
    }
    #expect(try run("--level", "quick", "models/deep er/q8.gguf").exit == 0)
    let bad = try run("models/deep er/q8.gguf", "cut.gguf")
    #expect(bad.exit == 1 && bad.output.contains("2 models: 1 fail"), "\(bad.output)")
  }
}
