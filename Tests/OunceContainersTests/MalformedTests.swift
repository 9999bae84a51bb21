import Foundation
import OunceContainers
import OunceCore
import Testing

/// What must hold for input that is damaged, cut short or something else.
struct MalformedTests {
  /// With OUNCE_RECORD_EXPECTED=1 the texts are written instead of compared: read the difference before you commit it.
  private static let isRecording = environment["OUNCE_RECORD_EXPECTED"] == "1"
  /// OUNCE_SEED runs the damage of one seed again; OUNCE_MUTATIONS says how often the fixtures of each container are
  /// damaged, all of them together.
  private static let environment = ProcessInfo.processInfo.environment

  @Test(arguments: Fixtures.malformed) func `an error reads as recorded`(_ fixture: Fixture) throws {
    let error = try #require(throws: OunceError.self) { try Open.model(at: fixture.path) }
    let folder = Paths.folder(of: fixture.path) + "/"
    let text = "\(error)".replacingOccurrences(of: folder, with: "") + "\n"
    if Self.isRecording { try text.write(toFile: fixture.path + ".expected", atomically: true, encoding: .utf8) }
    #expect(text == (try fixture.note(".expected")))
    #expect(error.file != nil, "an error names the file")
    #expect(error.remedy != nil || error.offset != nil, "an error says where, or what to do")
  }

  /// A file that was cut is an error, or nothing of the model was lost; where a format does not tell its end, what is
  /// left of the model is what it was.
  @Test(arguments: Fixtures.wellFormedFiles) func `a file cut at any byte is refused`(_ fixture: Fixture) throws {
    let whole = try fixture.bytes()
    let listing = try fixture.note(".listing")
    for count in whole.indices {
      let file = InputFile(path: "cut", bytes: Array(whole[..<count]))
      switch read(file) {
      case .success(let model):
        let text = try Listing.text(model)
        guard Containers.named(model.container)?.tellsItsEnd == false else {
          #expect(text == listing, "cut at \(count)")
          continue
        }
        #expect(Set(text.split(separator: "\n")).isSubset(of: listing.split(separator: "\n")), "cut at \(count)")
      case .failure(let error):
        #expect(error.file?.hasPrefix("cut") == true, "cut at \(count): \(error)")
        #expect(error.kind == .malformed || error.kind == .unsupported, "cut at \(count): \(error)")
        #expect(count == 0 || error.offset != nil, "cut at \(count): \(error)")
        // In a file inside of this one the place counts from its own beginning.
        guard error.file == "cut", let offset = error.offset else { continue }
        #expect((0...count).contains(offset), "cut at \(count): \(error)")
      }
    }
  }

  /// Damage ends in an error with a place or in a model whose rows can be read: never in a trap, a loop or memory that
  /// a number in the file asks for.
  @Test(arguments: Fixtures.files)
  func `damaged headers neither trap nor take memory`(_ fixture: Fixture) throws {
    let seed = Self.environment["OUNCE_SEED"].flatMap { UInt64($0) } ?? UInt64.random(in: 0...UInt64.max)
    print("damaged headers of \(fixture.testDescription): seed \(seed)")
    var generator = SeededGenerator(seed: seed)
    let whole = try fixture.bytes()
    for _ in 0..<Fixtures.mutationCount(of: fixture, among: Fixtures.files, atLeast: 100) {
      var bytes = whole
      for _ in 0..<Int.random(in: 1...3, using: &generator) { damage(&bytes, &generator) }
      let file = InputFile(path: "damaged", bytes: bytes)
      switch read(file) {
      case .success(let model):
        let byteCount = model.tensors.reduce(0) { $0 + $1.info.byteCount }
        guard Containers.named(model.container)?.sharesBytes == true else {
          // What was unpacked may be larger than the file.
          let available = max(bytes.count, model.files.reduce(0) { $0 + $1.byteCount })
          #expect(byteCount <= available, "tensors do not share bytes and are inside of the file, seed \(seed)")
          #expect(throws: Never.self, "seed \(seed)") { try Listing.text(model) }
          continue
        }
        // Rows may turn out to be damaged when they are unpacked: an error then, too.
        for tensor in model.tensors where tensor.info.byteCount <= 1 << 20 {
          do { _ = try tensor.content() } catch { #expect(error is OunceError, "seed \(seed): \(error)") }
        }
      case .failure(let error):
        #expect(error.file?.hasPrefix("damaged") == true, "seed \(seed): \(error)")
        #expect(error.description.utf8.count < 20_000, "seed \(seed)")
      }
    }
    #if os(Linux)
      let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
      let peak = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }?.split(separator: " ")
      #expect(try #require(peak.flatMap { Int($0[1]) }) < 1 << 20, "kB; seed \(seed)")
    #endif
  }

  private func read(_ file: InputFile) -> Result<Model, OunceError> {
    do { return .success(try Containers.read(file)) } catch { return .failure(error) }
  }

  private func damage(_ bytes: inout [UInt8], _ generator: inout SeededGenerator) {
    guard !bytes.isEmpty else { return }
    // Headers come first, and most of what they say stands early.
    let place = min(
      Int.random(in: 0..<bytes.count, using: &generator), Int.random(in: 0..<bytes.count, using: &generator))
    let numbers: [UInt64] = [
      0, 1, 2, 0x7F, 0xFF, 0x7FFF_FFFF, 0xFFFF_FFFF, 1 << 32, 1 << 58, 1 << 61, 1 << 62, 1 << 63, .max,
      UInt64(bytes.count), UInt64(bytes.count) + 1,
    ]
    switch Int.random(in: 0..<7, using: &generator) {
    case 0: bytes[place] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
    case 1: bytes[place] = UInt8.random(in: 0...255, using: &generator)
    case 2:
      let number = numbers.randomElement(using: &generator) ?? 0
      let width = Bool.random(using: &generator) ? 4 : 8
      for index in 0..<width where place + index < bytes.count {
        bytes[place + index] = UInt8(truncatingIfNeeded: number >> (UInt64(index) * 8))
      }
    case 3: bytes.removeSubrange(place..<min(bytes.count, place + Int.random(in: 1...9, using: &generator)))
    case 4:
      let end = min(bytes.count, place + Int.random(in: 1...64, using: &generator))
      bytes.insert(contentsOf: bytes[place..<end], at: place)
    case 5:
      let digits = ["0", "-1", "9223372036854775807", "1e99", "[", "{", "\"", "\\ud800", "4611686018427387904"]
      let text = Array((digits.randomElement(using: &generator) ?? "").utf8)
      bytes.replaceSubrange(place..<min(bytes.count, place + 1), with: text)
    default: bytes.removeLast(Int.random(in: 1...bytes.count, using: &generator))
    }
  }
}
