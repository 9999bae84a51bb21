internal import OrderedCollections

extension ModelName {
  private enum Kind: Hashable { case basename, size, finetune, version, type }

  /// Takes `organization/Name-7B-Instruct-v0.2` apart.
  init(identifier: String, parameterCount: Int) {
    self.init()
    // A sentence is a name as it is.
    guard !identifier.contains(" ") else {
      fullName = identifier
      return
    }
    let halves = identifier.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    let name = halves.count > 1 ? String(halves[1]) : identifier
    fullName = name
    if halves.count > 1, halves[0].first != "." { organization = String(halves[0]) }
    var parts = name.split(separator: "-").map(String.init)
    var kinds = Self.annotate(&parts, parameterCount)
    // Sizes that are words give way to sizes that are numbers.
    let sizes = parts.indices.filter { kinds[$0].contains(.size) }
    if sizes.contains(where: { parts[$0].contains(where: \.isASCIIDigit) }) {
      for index in sizes where parts[index].allSatisfy(\.isLetter) { kinds[index].remove(.size) }
    }
    Self.markBasename(parts, &kinds)
    func joined(_ wanted: Kind) -> String? {
      let found = parts.indices.filter { kinds[$0].contains(wanted) }.map { parts[$0] }
      return found.isEmpty ? nil : found.joined(separator: "-")
    }
    basename = joined(.basename)
    let labels = OrderedSet(parts.indices.filter { kinds[$0].contains(.size) }.map { parts[$0] })
    sizeLabel = labels.isEmpty ? nil : labels.joined(separator: "-")
    finetune = joined(.finetune)
    let versions = parts.indices.filter { kinds[$0].contains(.version) && !kinds[$0].contains(.basename) }
    version = versions.isEmpty ? nil : versions.map { parts[$0] }.joined(separator: "-")
    // Too ambiguous: a single word says nothing about its parts.
    if sizeLabel == nil, finetune == nil, version == nil { basename = nil }
  }

  private static func annotate(_ parts: inout [String], _ parameterCount: Int) -> [Set<Kind>] {
    var kinds = [Set<Kind>](repeating: [], count: parts.count)
    for index in parts.indices {
      let lower = parts[index].lowercased()
      if isVersion(lower) {
        kinds[index].insert(.version)
      } else if isEncoding(lower) {
        kinds[index].insert(.type)
        parts[index] = parts[index].uppercased()
      } else if index > 0, isSize(lower) {
        let (part, isContext) = normalizedSize(parts[index], parameterCount)
        parts[index] = part
        kinds[index].insert(isContext ? .finetune : .size)
      } else if index > 0, ["chat", "instruct", "vision", "lora"].contains(lower) {
        kinds[index].insert(parameterCount < 0 && lower == "lora" ? .type : .finetune)
      }
    }
    return kinds
  }

  private static func markBasename(_ parts: [String], _ kinds: inout [Set<Kind>]) {
    var isAtStart = true
    for index in parts.indices {
      if isAtStart, kinds[index].isEmpty && parts[index].first?.isLetter == true || kinds[index].contains(.version) {
        kinds[index].insert(.basename)
      } else {
        isAtStart = false
        if kinds[index].isEmpty { kinds[index].insert(.finetune) }
      }
    }
    // A version at the end of the basename is no part of it.
    for index in parts.indices.reversed() {
      guard kinds[index].contains(.basename), kinds[index].count > 1 else { break }
      kinds[index].remove(.basename)
    }
  }

  /// `v1.2`, `iter3`, `2.5`.
  private static func isVersion(_ part: String) -> Bool {
    if part.hasPrefix("iter") { return isDotted(part.dropFirst(4)) }
    return isDotted(part.hasPrefix("v") ? part.dropFirst() : part[...])
  }

  /// `q4_k_m`, `iq2_xs`, `bf16`, `f32`, `fp16`. A letter after each underscore, as the reference has it.
  private static func isEncoding(_ part: String) -> Bool {
    if ["16", "32"].contains(part.suffix(2)), ["f", "bf", "fp", "bfp"].contains(part.dropLast(2)) { return true }
    var rest = part[...]
    if rest.first == "i" { rest.removeFirst() }
    guard rest.first == "q" else { return false }
    rest.removeFirst()
    guard rest.first?.isASCIIDigit == true else { return false }
    rest.removeFirst()
    while !rest.isEmpty {
      guard rest.first == "_", let second = rest.dropFirst().first, second.isLetter || second.isNumber || second == "_"
      else { return false }
      rest = rest.dropFirst(2)
    }
    return true
  }

  /// `7b`, `0.5B`, `8x7b`, `a3b`, `7b1`, `mini`, `xl`.
  private static func isSize(_ part: String) -> Bool {
    if ["small", "mini", "medium", "large", "xl", "xxl"].contains(part) { return true }
    var rest = part[...]
    if rest.first == "a" {
      rest.removeFirst()
    } else if let cross = rest.firstIndex(of: "x"), cross > rest.startIndex,
      rest[..<cross].allSatisfy(\.isASCIIDigit)
    {
      rest = rest[rest.index(after: cross)...]
    }
    let whole = rest.prefix(while: \.isASCIIDigit)
    guard !whole.isEmpty else { return false }
    rest = rest.dropFirst(whole.count)
    if let mark = rest.first, mark == "." || mark == "_" {
      let fraction = rest.dropFirst().prefix(while: \.isASCIIDigit)
      guard !fraction.isEmpty else { return false }
      rest = rest.dropFirst(fraction.count + 1)
    }
    guard let unit = rest.first, "kmbt".contains(unit) else { return false }
    rest = rest.dropFirst()
    return rest.isEmpty || rest.count == 1 && rest.allSatisfy(\.isASCIIDigit)
  }

  /// The usual spelling, and whether the number is so far from the model's size that it is a context length.
  private static func normalizedSize(_ original: String, _ parameterCount: Int) -> (String, isContext: Bool) {
    var part = Array(original.replacing("_", with: "."))
    // `7b1` means 7.1B.
    if let last = part.last, last.isASCIIDigit, part.count >= 2 {
      let unit = part[part.count - 2]
      part = part.dropLast(2) + [".", last, unit]
    }
    if part.count > 1, part[part.count - 2].isASCIIDigit, let unit = part.last, "kmbt".contains(unit) {
      part[part.count - 1] = Character(unit.uppercased())
    }
    guard parameterCount != 0, let unit = part.last, let number = Double(String(part.dropLast())) else {
      return (String(part), false)
    }
    let exponent = [" ", "K", "M", "B", "T"].firstIndex(of: unit)
    let size = number * [1, 1e3, 1e6, 1e9, 1e12][exponent ?? 0] * (exponent == nil ? 1e-3 : 1)
    let isFar =
      parameterCount < 0
      ? size < Double(-parameterCount / 8) : abs(size - Double(parameterCount)) > Double(7 * parameterCount / 8)
    guard isFar else { return (String(part), false) }
    part[part.count - 1] = Character(unit.lowercased())
    return (String(part), true)
  }
}
