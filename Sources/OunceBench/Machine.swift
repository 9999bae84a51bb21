import OunceKit

#if canImport(Darwin)
  import Darwin
#else
  #if canImport(Musl)
    import Musl
  #else
    import Glibc
  #endif
  import FoundationEssentials
#endif

/// What the figures depend on.
enum Machine {
  /// What the processor calls itself.
  static var processor: String {
    #if canImport(Darwin)
      var bytes = [UInt8](repeating: 0, count: 256)
      var count = bytes.count
      guard unsafe sysctlbyname("machdep.cpu.brand_string", &bytes, &count, nil, 0) == 0 else { return "unknown" }
      return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    #else
      let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(separator: "\n") ?? []
      let line = lines.first { $0.hasPrefix("model name") || $0.hasPrefix("CPU part") }
      return line?.split(separator: ": ").last.map(String.init) ?? "unknown"
    #endif
  }

  /// Bytes read and written per second by one core that copies more than the caches hold: the best of five copies.
  static func copyBandwidth() -> Double {
    let count = 1 << 28
    let source = Buffer(byteCount: count)
    var target = Buffer(byteCount: count)
    let best = (0..<5).map { _ in
      seconds { source.withBytes(0..<count) { bytes in target.withMutableBytes(0..<count) { $0.copy(bytes) } } }
    }.min()
    return best.map { Double(2 * count) / $0 } ?? 0
  }
}

/// The CPU time of `body`: on a machine shared with others, their work must not count.
func seconds(_ body: () -> Void) -> Double {
  func now() -> Double {
    var time = timespec()
    unsafe clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
  let start = now()
  body()
  return now() - start
}
