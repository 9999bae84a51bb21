import Foundation
import Testing

/// The program on other processors: an older one must never meet a wider instruction.
struct ProcessorTests {
  private static let emulator = ["/usr/bin/qemu-x86_64", "/usr/local/bin/qemu-x86_64"].first {
    FileManager.default.isExecutableFile(atPath: $0)
  }
  private static let staticProgram = ProcessInfo.processInfo.environment["OUNCE_STATIC_PROGRAM"]
  private static var programs: [String] { [Program.built] + (staticProgram.map { [$0] } ?? []) }

  @Test(
    .enabled(if: emulator != nil, "needs qemu-user, which Scripts/test installs on x86-64 Linux"),
    arguments: ["Nehalem", "Haswell"])
  func `an emulated processor writes the same bytes`(_ processor: String) throws {
    let emulator = try #require(Self.emulator)
    let folder = try Program.Folder()
    for recipe in ["Q4_K_M", "Q5_0"] {
      let expected = folder.file("expected-\(recipe)")
      _ = try Program().run("quantize", Program.checkpoint, "--to", recipe, "-o", expected)
      for (index, program) in Self.programs.enumerated() {
        let file = folder.file("\(index)-\(recipe)")
        let result = try Program(path: emulator).run(
          "-cpu", processor, program, "quantize", Program.checkpoint, "--to", recipe, "-o", file, "--jobs", "2")
        #expect(result.exit == 0, "\(program) on \(processor): \(result.errors)")
        #expect(try Program.sha256(file) == Program.sha256(expected), "\(program) on \(processor)")
      }
    }
  }

  @Test(.enabled(if: staticProgram != nil, "needs OUNCE_STATIC_PROGRAM, which Scripts/test sets on Linux"))
  func `the static program needs no loader, is small, and works`() throws {
    let path = try #require(Self.staticProgram)
    let bytes = [UInt8](try Data(contentsOf: URL(filePath: path)))
    #expect(bytes.count <= 25_000_000, "\(bytes.count) bytes")
    // The program headers of a 64-bit ELF file; type 3 would name a loader.
    func number(_ offset: Int, _ count: Int) -> Int {
      (0..<count).reduce(0) { $0 | Int(bytes[offset + $1]) << ($1 * 8) }
    }
    let (start, size, count) = (number(32, 8), number(54, 2), number(56, 2))
    #expect((0..<count).allSatisfy { number(start + $0 * size, 4) != 3 })
    let folder = try Program.Folder()
    let result = try Program(path: path).run("quantize", Program.checkpoint, "--to", "Q8_0", "-o", folder.file("a"))
    #expect(result.exit == 0, "\(result.errors)")
    _ = try Program().run("quantize", Program.checkpoint, "--to", "Q8_0", "-o", folder.file("b"))
    #expect(try Program.sha256(folder.file("a")) == Program.sha256(folder.file("b")))
  }
}
