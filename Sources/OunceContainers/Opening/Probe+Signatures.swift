internal import OunceCore

extension Probe {
  /// Bytes at a fixed place that tell a kind of file.
  struct Signature {
    let bytes: [UInt8]
    var offset = 0
    /// Text that has to stand somewhere in the head, too.
    var contains: String?
    /// What the file is, as in "is …".
    let what: String
    let kind: OunceError.Kind
    let remedy: String

    func matches(_ head: [UInt8]) -> Bool {
      guard head.count >= offset + bytes.count, head[offset...].starts(with: bytes) else { return false }
      guard let contains else { return true }
      let text = Array(contains.utf8)
      return head.indices.contains { head[$0...].starts(with: text) }
    }

    func error(_ file: InputFile) -> OunceError {
      OunceError(kind, what, file: file.path, offset: offset, remedy: remedy)
    }
  }

  /// Weight formats that are known, but not to this build.
  static let formats: [Signature] = [
    format([0x80, 0x02], "is a pickle of PyTorch (before 1.6)"),
    format([0x80, 0x03], "is a pickle"),
    format([0x80, 0x04], "is a pickle"),
    format([0x80, 0x05], "is a pickle"),
    format([0x89] + Array("HDF\r\n".utf8), "is an HDF5 file (Keras or TensorFlow weights)"),
    format(Array("lmgg".utf8), "is a ggml file without version, from before GGUF"),
    format(Array("fmgg".utf8), "is a ggmf file, from before GGUF"),
    format(Array("tjgg".utf8), "is a ggjt file, from before GGUF"),
    format(Array("algg".utf8), "is a ggla adapter, from before GGUF"),
    format(Array("TFL3".utf8), offset: 4, "is a TensorFlow Lite model"),
  ]

  /// Archives and compressed files, which may hold weights. Archives that are a weight format come first.
  static let wrappers: [Signature] = [
    format(Array("PK\u{3}\u{4}".utf8), contains: "/data.pkl", "is a PyTorch checkpoint (zip)"),
    wrapper(Array("PK\u{3}\u{4}".utf8), "is a zip archive", "unzip"),
    wrapper([0xFD] + Array("7zXZ\0".utf8), "is compressed with xz", "unxz"),
    wrapper(Array("BZh".utf8), "is compressed with bzip2", "bunzip2"),
    wrapper([0x04, 0x22, 0x4D, 0x18], "is compressed with lz4", "unlz4"),
    wrapper(Array("7z".utf8) + [0xBC, 0xAF, 0x27, 0x1C], "is a 7z archive", "7z x"),
    wrapper(Array("Rar!".utf8), "is a RAR archive", "unrar x"),
  ]

  private static func format(
    _ bytes: [UInt8], offset: Int = 0, contains: String? = nil, _ what: String
  ) -> Signature {
    Signature(
      bytes: bytes, offset: offset, contains: contains, what: what + ", which this build cannot read yet",
      kind: .unsupported, remedy: "convert it to safetensors or GGUF first")
  }

  private static func wrapper(_ bytes: [UInt8], offset: Int = 0, _ what: String, _ command: String) -> Signature {
    Signature(
      bytes: bytes, offset: offset, what: what + ", not a weight file", kind: .malformed,
      remedy: "unpack it first (`\(command) FILE`), then name what was in it")
  }
}
