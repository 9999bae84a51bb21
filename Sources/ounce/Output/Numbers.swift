/// Numbers as people read them. Decimal units, as disks and downloads are counted.
enum Numbers {
  /// "397 MB", "1.50 GB": three digits.
  static func bytes(_ count: Int) -> String { scaled(Double(count), [" B", " kB", " MB", " GB", " TB", " PB"]) }

  /// "1.1B", "22.7M": a count of weights.
  static func weights(_ count: Int) -> String { scaled(Double(count), ["", "K", "M", "B", "T"]) }

  /// "366 MB/s".
  static func rate(_ bytesPerSecond: Double) -> String {
    bytes(Int(clampingFinite: bytesPerSecond)) + "/s"
  }

  /// "12,345,678".
  static func grouped(_ count: Int) -> String {
    var digits = String(count.magnitude)
    var groups: [Substring] = []
    while digits.count > 3 {
      groups.append(digits.suffix(3))
      digits.removeLast(3)
    }
    return (count < 0 ? "-" : "") + ([digits[...]] + groups.reversed()).joined(separator: ",")
  }

  /// "4.1 s", "2:05", "1:02:03".
  static func duration(_ seconds: Double) -> String {
    guard seconds >= 60 else { return fixed(seconds, seconds < 10 ? 2 : 1) + " s" }
    return clock(seconds)
  }

  /// "0:07", "2:05", "1:02:03".
  static func clock(_ seconds: Double) -> String {
    let whole = Int(clampingFinite: seconds.rounded())
    func two(_ value: Int) -> String { value < 10 ? "0\(value)" : "\(value)" }
    let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
    return hours > 0 ? "\(hours):\(two(minutes)):\(two(rest))" : "\(minutes):\(two(rest))"
  }

  /// `value` with so many digits after the point.
  static func fixed(_ value: Double, _ digits: Int) -> String {
    guard value.isFinite else { return "\(value)" }
    let scale = (0..<digits).reduce(1.0) { result, _ in result * 10 }
    let scaled = (value.magnitude * scale).rounded()
    guard scaled < 1e15 else { return "\(value)" }
    let whole = String(Int(scaled) / Int(scale))
    let sign = value < 0 && scaled > 0 ? "-" : ""
    guard digits > 0 else { return sign + whole }
    let fraction = String(Int(scaled) % Int(scale))
    return sign + whole + "." + String(repeating: "0", count: digits - fraction.count) + fraction
  }

  private static func scaled(_ value: Double, _ units: [String]) -> String {
    var value = value
    var unit = 0
    // 999.5 would print as 1000.
    while value >= 999.5, unit < units.count - 1 {
      value /= 1000
      unit += 1
    }
    if unit == 0 { return "\(Int(value))\(units[0])" }
    return fixed(value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0) + units[unit]
  }
}

extension Int {
  /// A float as the nearest integer that exists; NaN is 0.
  fileprivate init(clampingFinite value: Double) {
    self = value.isNaN ? 0 : value >= 9e18 ? .max : value <= -9e18 ? .min : Int(value)
  }
}
