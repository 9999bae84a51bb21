extension String {
  /// Every occurrence of `text` replaced, compared byte by byte. The standard library's `replacing` builds a table for
  /// each call, which the names of a hundred thousand tensors notice.
  func substituting(_ text: String, with replacement: String) -> String {
    let (bytes, pattern) = (utf8, text.utf8)
    guard let first = pattern.first, bytes.count >= pattern.count else { return self }
    var result: [UInt8] = []
    var copied = bytes.startIndex
    var place = bytes.startIndex
    while let start = bytes[place...].firstIndex(of: first) {
      guard bytes[start...].starts(with: pattern) else {
        place = bytes.index(after: start)
        continue
      }
      result.append(contentsOf: bytes[copied..<start])
      result.append(contentsOf: replacement.utf8)
      copied = bytes.index(start, offsetBy: pattern.count)
      place = copied
    }
    guard copied != bytes.startIndex else { return self }
    result.append(contentsOf: bytes[copied...])
    return String(decoding: result, as: UTF8.self)
  }
}
