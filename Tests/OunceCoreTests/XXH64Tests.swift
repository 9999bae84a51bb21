import OunceCore
import Testing

struct XXH64Tests {
  private static let cases: [(count: Int, seed: UInt64, hash: UInt64)] = [
    (0, 0, 0xef46_db37_51d8_e999), (1, 0, 0xe934_a84a_db05_2768), (4, 7, 0x6ae4_9716_2d06_10d7),
    (15, 0, 0xa948_f5f0_f6ab_ac2d), (31, 1, 0xf031_031d_6597_7dfc), (32, 0, 0xcbf5_9c51_16ff_32b4),
    (63, 1 << 63, 0x6ded_b3c4_4f9c_2484), (64, 0, 0xf7c6_7301_db67_13f0), (1000, 20_141_025, 0x6faa_6b85_9bec_9367),
  ]

  /// From PyPI's xxhash 4.1.0: `xxhash.xxh64(bytes(i % 256 for i in range(count)), seed=seed).hexdigest()`.
  @Test func `hashes are those of the reference`() {
    for (count, seed, hash) in Self.cases {
      let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
      #expect(bytes.withRawSpan { XXH64.hash($0, seed: seed) } == hash, "\(count) bytes, seed \(seed)")
    }
  }
}
