import CLanes
import Foundation
import OunceBlocks
import OunceEncoding

#if OUNCE_CPU_LEVELS
  import OunceBlocksV3
  import OunceBlocksV4
#endif

/// The kernels of one CPU level with the scalar truth of their encodings.
protocol Level: Kernels {
  func encodeScalar(
    _ encoding: any Encoding, _ elements: Span<Float>, columns: Int, importance: Span<Float>?,
    into blocks: inout MutableRawSpan
  ) -> Bool
}

extension OunceBlocks.BlockKernels: Level {}
#if OUNCE_CPU_LEVELS
  extension OunceBlocksV3.BlockKernels: Level {}
  extension OunceBlocksV4.BlockKernels: Level {}
#endif

/// The levels this machine can run, by name.
var levels: [(name: String, kernels: any Level)] {
  var all: [(name: String, kernels: any Level)] = [("baseline", OunceBlocks.BlockKernels())]
  #if OUNCE_CPU_LEVELS
    if lanes_cpu_level() >= 3 { all.append(("v3", OunceBlocksV3.BlockKernels())) }
    if lanes_cpu_level() >= 4 { all.append(("v4", OunceBlocksV4.BlockKernels())) }
  #endif
  return all
}

extension WritableEncoding {
  /// The bytes of whole rows.
  func encoded(_ elements: [Float], columns: Int, importance: [Float]?) -> [UInt8] {
    var bytes = [UInt8](repeating: 0xA5, count: elements.count / elementsPerBlock * bytesPerBlock)
    var target = bytes.mutableSpan
    var raw = target.mutableBytes
    encode(elements.span, columns: columns, importance: importance?.span, into: &raw)
    return bytes
  }
}

extension Level {
  /// The bytes of whole rows by the scalar truth; nil: the encoding has none.
  func scalarBytes(
    _ encoding: any Encoding, _ elements: [Float], columns: Int, importance: [Float]?
  ) -> [UInt8]? {
    let count = elements.count / encoding.elementsPerBlock * encoding.bytesPerBlock
    var bytes = [UInt8](repeating: 0x5A, count: count)
    var target = bytes.mutableSpan
    var raw = target.mutableBytes
    let known = encodeScalar(
      encoding, elements.span, columns: columns, importance: importance?.span, into: &raw)
    return known ? bytes : nil
  }
}

extension Encoding {
  /// The elements of whole blocks.
  func decoded(_ bytes: [UInt8]) -> [Float] {
    var elements = [Float](repeating: .nan, count: bytes.count / bytesPerBlock * elementsPerBlock)
    var target = elements.mutableSpan
    decode(bytes.span.bytes, into: &target)
    return elements
  }
}

/// The golden bytes: `fixtures/encodings/<name>/`, and the elements they were made from in `input/`.
struct Fixtures {
  let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "fixtures/encodings")

  func bytes(_ path: String) throws -> [UInt8] { [UInt8](try Data(contentsOf: folder.appending(path: path))) }

  func floats(_ path: String) throws -> [Float] {
    let bytes = try bytes(path)
    return stride(from: 0, to: bytes.count, by: 4).map { offset in
      Float(bitPattern: (0..<4).reduce(0) { $0 | UInt32(bytes[offset + $1]) << UInt32(8 * $1) })
    }
  }

  func exists(_ path: String) -> Bool { FileManager.default.fileExists(atPath: folder.appending(path: path).path()) }
}

/// A generator of reproducible numbers (SplitMix64).
struct Seeded: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
