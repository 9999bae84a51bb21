internal import Crypto
internal import OunceCore

/// SHA-256 of whole files.
enum ContentHash {
  /// SHA-256 in hexadecimal digits. Reads the file once, a few megabytes at a time.
  static func sha256(of file: InputFile) throws(OunceError) -> String {
    var hash = SHA256()
    var offset = 0
    while offset < file.byteCount {
      let end = min(offset + chunkByteCount, file.byteCount)
      hash.update(data: try file.bytes(offset..<end))
      offset = end
    }
    return hexadecimal(hash.finalize())
  }

  static func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { byte in
      let digits = String(byte, radix: 16)
      return byte < 16 ? "0" + digits : digits
    }.joined()
  }

  private static let chunkByteCount = 4 << 20
}
