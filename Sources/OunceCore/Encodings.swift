internal import CLanes
internal import OunceBlocks
public import OunceEncoding
#if OUNCE_CPU_LEVELS
  internal import OunceBlocksV3
  internal import OunceBlocksV4
#endif
#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// The catalog of encodings, in the copy that suits the running CPU.
///
/// `OUNCE_CPU=v1|v2|v3|v4` forces a level, for tests; a level that the CPU lacks is never taken.
public enum Encodings {
  /// The level in use: "baseline", "v3" or "v4".
  public static var level: String { chosen.level }
  /// The numeric code in use.
  public static var kernels: any Kernels { chosen.kernels }
  /// Every encoding, in the order of the catalog.
  public static var all: [any Encoding] { chosen.kernels.encodings }

  /// The encoding that people call `name`, in any case.
  public static func named(_ name: String) -> (any Encoding)? { chosen.byName[name.uppercased()] }
  /// The encoding `name` when it can be written.
  public static func writable(_ name: String) -> (any WritableEncoding)? { named(name) as? any WritableEncoding }

  /// The encoding `name`.
  ///
  /// - Throws: `OunceError` of kind `.unsupported` when this build has none.
  public static func require(_ name: String) throws(OunceError) -> any Encoding {
    guard let encoding = named(name) else {
      throw OunceError(.unsupported, "there is no encoding \(name)", remedy: "`ounce formats` lists all")
    }
    return encoding
  }

  /// The encoding that GGUF files number `type`.
  public static func ggml(_ type: UInt32) -> (any Encoding)? { chosen.byGGMLType[type] }
  /// The encoding that safetensors headers call `dtype`.
  public static func safetensors(_ dtype: String) -> (any Encoding)? { chosen.bySafetensorsType[dtype] }

  private struct Chosen: Sendable {
    let level: String
    let kernels: any Kernels
    let byName: [String: any Encoding]
    let byGGMLType: [UInt32: any Encoding]
    let bySafetensorsType: [String: any Encoding]

    init(level: String, kernels: any Kernels) {
      self.level = level
      self.kernels = kernels
      func index<Key: Hashable>(_ key: (any Encoding) -> Key?) -> [Key: any Encoding] {
        Dictionary(
          kernels.encodings.compactMap { encoding in key(encoding).map { ($0, encoding) } },
          uniquingKeysWith: { first, _ in first })
      }
      byName = index { $0.name.uppercased() }
      byGGMLType = index(\.ggmlType)
      bySafetensorsType = index(\.safetensorsType)
    }
  }

  private static let chosen: Chosen = {
    #if OUNCE_CPU_LEVELS
      let level = min(Int(lanes_cpu_level()), requestedLevel ?? 4)
      if level >= 4 { return Chosen(level: "v4", kernels: OunceBlocksV4.BlockKernels()) }
      if level >= 3 { return Chosen(level: "v3", kernels: OunceBlocksV3.BlockKernels()) }
    #endif
    return Chosen(level: "baseline", kernels: OunceBlocks.BlockKernels())
  }()

  private static var requestedLevel: Int? {
    guard let value = unsafe getenv("OUNCE_CPU") else { return nil }
    let text = unsafe String(cString: value)
    guard text.first == "v", let level = Int(text.dropFirst()), (1...4).contains(level) else { return nil }
    return level
  }
}
