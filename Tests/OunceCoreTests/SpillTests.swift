import Foundation
import OunceCore
import Testing

/// Content that is unpacked into a file without a name.
struct SpillTests {
  /// Gives its bytes `step` at a time, `count` in all; nil: forever.
  private final class Counter: ByteStream {
    private var made = 0
    private let count: Int?
    private let step: Int

    init(count: Int?, step: Int) {
      self.count = count
      self.step = step
    }

    func next(into bytes: inout MutableRawSpan) throws(OunceError) -> Int {
      let wanted = min(step, bytes.byteCount, (count ?? .max) - made)
      let content = (made..<made + wanted).map { UInt8(truncatingIfNeeded: $0) }
      content.withRawSpan { bytes.copy($0) }
      made += wanted
      return wanted
    }
  }

  private let outer = InputFile(path: "outer", bytes: [1, 2, 3])

  @Test(arguments: [1, 999, 300_000]) func `a stream that does not say its length is unpacked whole`(step: Int) throws {
    let file = try #require(
      try InputFile(path: "inner", unpackingAll: Counter(count: 300_001, step: step), atMost: 300_001, from: outer))
    #expect(file.byteCount == 300_001)
    #expect(
      try file.bytes(299_999..<300_001) == [UInt8(truncatingIfNeeded: 299_999), UInt8(truncatingIfNeeded: 300_000)])
    #expect(try file.bytes(0..<3) == [0, 1, 2])
    #expect(throws: OunceError.self) { try file.bytes(300_000..<300_002) }
    #expect(file.container.path == "outer")
  }

  @Test func `a stream without end is given up beyond the limit`() throws {
    #expect(try InputFile(path: "inner", unpackingAll: Counter(count: nil, step: 99), atMost: 1000, from: outer) == nil)
    #expect(
      try InputFile(path: "inner", unpackingAll: Counter(count: 1001, step: 99), atMost: 1000, from: outer) == nil)
    #expect(
      try InputFile(path: "inner", unpackingAll: Counter(count: 1000, step: 99), atMost: 1000, from: outer) != nil)
  }
}
