import Foundation
import OunceKit
import Testing

/// Tables and results on the terminals and streams that people have.
struct TerminalTests {
  private func write(_ names: [String], to path: String) throws {
    var header: JSONObject = [:]
    for (index, name) in names.enumerated() {
      header[name] = .object([
        "dtype": .string("F32"), "shape": .array([.integer(1)]),
        "data_offsets": .array([.integer(index * 4), .integer(index * 4 + 4)]),
      ])
    }
    let text = Array(JSONWriter.write(.object(header)).utf8)
    let length = (0..<8).map { UInt8(text.count >> ($0 * 8) & 255) }
    try Data(length + text + [UInt8](repeating: 0, count: names.count * 4)).write(to: URL(filePath: path))
  }

  @Test func `names with control characters keep their columns`() throws {
    let folder = try Program.Folder()
    try write(["a\u{1B}[2J\u{7}", "b"], to: folder.file("m.safetensors"))
    let program = Program(folder: folder.path)
    for arguments in [["inspect", "--tensors"], ["inspect", "--stats"], ["hash", "--per", "tensor"]] {
      let result = try program.run(arguments + ["m.safetensors"])
      #expect(result.exit == 0, "\(arguments): \(result.errors)")
      let lines = result.output.split(separator: "\n").suffix(2).map(String.init)
      #expect(lines[0].hasPrefix("a\\u{1b}[2J\\u{7}  F32") && lines[1].hasPrefix("b                F32"), "\(lines)")
    }
  }

  #if os(Linux)
    @Test func `tables fit into a narrow terminal, and are whole in a pipe`() throws {
      let folder = try Program.Folder()
      let name = "model.layers.0.a_very_long_name_of_a_module.self_attn.q_proj.weight"
      try write([name, "b"], to: folder.file("m.safetensors"))
      let program = Program(path: "/usr/bin/env", environment: ["COLUMNS": "60"], folder: folder.path)
      guard try program.run("script", "--version").exit == 0 else {
        print("skipped: no script, with which a terminal is made")
        return
      }
      // `script` runs a command on a terminal of its own.
      let command = "'\(Program.built)' inspect m.safetensors --tensors"
      let shown = try program.run("script", "-qec", command, "/dev/null")
      let lines = shown.output.split(whereSeparator: \.isNewline).map(String.init)
      #expect(lines.contains { $0.hasPrefix("model.layers…") && $0.contains("q_proj.weight  F32") })
      #expect(lines.allSatisfy { $0.count <= 60 }, "\(lines)")
      // Statistics go without what they can do without.
      let wide = Program(path: "/usr/bin/env", environment: ["COLUMNS": "80"], folder: folder.path)
      let statistics = try wide.run("script", "-qec", command.replacing("--tensors", with: "--stats"), "/dev/null")
      let rows = statistics.output.split(whereSeparator: \.isNewline).map(String.init)
      #expect(rows.contains { $0.hasPrefix("model.l") && $0.contains("q_proj.weight") }, "\(rows)")
      #expect(rows.allSatisfy { $0.count <= 80 && !$0.contains("NaN") }, "\(rows)")
      let piped = try Program(environment: ["COLUMNS": "60"], folder: folder.path).run(
        "inspect", "m.safetensors", "--tensors")
      #expect(piped.output.contains(name))
    }

    @Test func `a result that cannot be written is an error that is told`() throws {
      let result = try Program(path: "/bin/sh").run(
        "-c", "\"$0\" inspect \"$1\" >/dev/full", Program.built, Program.checkpoint)
      #expect(result.exit == 2, "\(result.errors)")
      #expect(result.errors == "error: standard output cannot be written: No space left on device.\n")
    }
  #endif
}
