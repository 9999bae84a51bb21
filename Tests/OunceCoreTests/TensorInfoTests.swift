import OunceCore
import OunceEncoding
import Testing

struct TensorInfoTests {
  @Test(arguments: Encodings.all.map(\.name)) func `sizes add up for every encoding`(_ name: String) throws {
    let encoding = try Encodings.require(name)
    let columns = encoding.elementsPerBlock * 3
    let info = try TensorInfo(name: "t", shape: [2, 5, columns], encoding: encoding)
    #expect(info.elementCount == 10 * columns)
    #expect(info.byteCount == 30 * encoding.bytesPerBlock)
    #expect(info.rowCount * info.rowByteCount == info.byteCount)
    for shape in [[0], [3, 0], [0, columns]] {
      let empty = try TensorInfo(name: "t", shape: shape, encoding: encoding)
      #expect(empty.byteCount == 0 && empty.rowCount == 0)
    }
  }

  @Test(arguments: Encodings.all.map(\.name)) func `no shape overflows`(_ name: String) throws {
    let encoding = try Encodings.require(name)
    let shapes = [
      [Int.max], [Int.max, 2], [1 << 32, 1 << 32], [0, Int.max], [Int.max, 0], [0, 1 << 62], [1 << 58, 0],
      [0, 1 << 58],
      [1 << 58], [1 << 29, 1 << 29], [1, 1, 1, 1, 1, 1, 1, 1, 1], [-1], [Int.min, 0],
    ]
    for shape in shapes {
      do throws(OunceError) {
        let info = try TensorInfo(name: "t", shape: shape, encoding: encoding)
        #expect(info.byteCount >= 0 && info.rowByteCount >= 0, "\(shape)")
        #expect(info.rowCount * info.rowByteCount == info.byteCount, "\(shape)")
      } catch { #expect(error.kind == .malformed && error.subject == "tensor t", "\(shape)") }
    }
  }

  @Test func `names of files cannot move the cursor or fill the screen`() {
    let error = OunceError(
      .malformed, "found \u{1B}[2J", file: "a\nb", offset: 7,
      subject: "tensor " + String(repeating: "x", count: 100_000))
    #expect(error.description.utf8.count < 1000)
    #expect(error.description.hasPrefix("a\\u{a}b: byte 7: tensor xxx"))
    #expect(error.description.hasSuffix("found \\u{1b}[2J."))
  }
}
