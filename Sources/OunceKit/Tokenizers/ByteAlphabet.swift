/// The 256 printable characters that stand for bytes in byte-level vocabularies: a byte that prints stands for itself,
/// the others for the characters from U+0100 on, in order.
enum ByteAlphabet {
  private static func prints(_ byte: UInt8) -> Bool {
    (0x21...0x7E).contains(byte) || (0xA1...0xAC).contains(byte) || byte >= 0xAE
  }

  /// The character of each byte.
  static let characters: [Unicode.Scalar] = {
    var next: UInt32 = 0x100
    return (0...255).map { value -> Unicode.Scalar in
      if prints(UInt8(value)) { return Unicode.Scalar(UInt8(value)) }
      defer { next += 1 }
      return Unicode.Scalar(next) ?? " "
    }
  }()

  private static let bytes: [Unicode.Scalar: UInt8] = Dictionary(
    characters.enumerated().map { ($1, UInt8($0)) }, uniquingKeysWith: { first, _ in first })

  /// The byte that a character stands for; nil when it stands for none.
  static func byte(of character: Unicode.Scalar) -> UInt8? { bytes[character] }

  /// Bytes as the vocabulary spells them.
  static func text(_ bytes: some Sequence<UInt8>) -> String {
    var text = String.UnicodeScalarView()
    for byte in bytes { text.append(characters[Int(byte)]) }
    return String(text)
  }
}
