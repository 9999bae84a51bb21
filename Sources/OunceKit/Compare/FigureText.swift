#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Numbers of a comparison as people read them.
public enum FigureText {
  /// Three digits: `0.0692`, `12.3`, `1.25e-05`.
  public static func significant(_ value: Double) -> String {
    guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
    let magnitude = value.magnitude
    var exponent = Int(log10(magnitude).rounded(.down))
    // Rounding to three digits may reach the next power: 9.996 is 10.0.
    if magnitude / power(exponent) >= 9.995 { exponent += 1 }
    if (-4..<5).contains(exponent) { return fixed(value, max(0, 2 - exponent)) }
    let mantissa = fixed(magnitude / power(exponent), 2)
    let digits = exponent.magnitude < 10 ? "0\(exponent.magnitude)" : "\(exponent.magnitude)"
    return "\(value < 0 ? "-" : "")\(mantissa)e\(exponent < 0 ? "-" : "+")\(digits)"
  }

  /// So many digits behind the point.
  public static func fixed(_ value: Double, _ digits: Int) -> String {
    let scaled = (value.magnitude * power(digits)).rounded()
    guard scaled < 1e15 else { return "\(value)" }
    var text = String(Int(scaled))
    if digits > 0 {
      text = String(repeating: "0", count: max(0, digits + 1 - text.count)) + text
      text.insert(".", at: text.index(text.endIndex, offsetBy: -digits))
    }
    return (value < 0 && scaled > 0 ? "-" : "") + text
  }

  /// `12.3 MB`, in decimal units.
  public static func bytes(_ count: Int) -> String {
    var value = Double(count)
    for unit in ["B", "kB", "MB", "GB", "TB"] {
      if value < 999.5 {
        return (unit == "B" ? "\(count)" : fixed(value, value < 9.995 ? 2 : value < 99.95 ? 1 : 0)) + " \(unit)"
      }
      value /= 1000
    }
    return fixed(value, 1) + " PB"
  }

  static func shape(_ shape: [Int]) -> String { "[\(shape.map(String.init).joined(separator: ", "))]" }

  private static func power(_ exponent: Int) -> Double { pow(10, Double(exponent)) }
}
