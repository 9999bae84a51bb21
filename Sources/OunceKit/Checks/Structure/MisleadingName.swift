public import OunceCore
internal import OunceContainers

/// Names that are shown as something else, or that other programs take for something else.
public struct MisleadingName: ModelRule {
  public let id = "OUN112"
  public let name = "misleading-name"
  public let severity = Severity.warning
  public let level = CheckLevel.quick
  public let proves =
    "No name of a tensor has a zero byte, characters that move the cursor or turn text, or a way out of a folder."
  public let example =
    "model.safetensors: tensor ../../.bashrc: its name leads out of the folder that it is unpacked to"
  public let fix = "find out who made the file; ounce itself takes no name of a tensor for a path"

  public init() {}

  public func check(_ model: Model) -> [Finding] {
    model.tensors.compactMap { tensor in
      guard let reason = Self.reason(tensor.info.name) else { return nil }
      let file = model.files.indices.contains(tensor.fileIndex) ? model.files[tensor.fileIndex].path : model.path
      return finding(reason, file: file, subject: "tensor \(tensor.info.name)")
    }
  }

  private static func reason(_ name: String) -> String? {
    // Nearly all names are plain, and there may be a million.
    guard !name.utf8.allSatisfy({ 0x20 < $0 && $0 < 0x7F && $0 != UInt8(ascii: "\\") }) || name.contains("..") else {
      return nil
    }
    if name.utf8.contains(0) { return "its name has a zero byte, where programs in C end it" }
    if name.unicodeScalars.contains(where: \.isTreacherous) {
      return "its name has characters that change how text is shown"
    }
    let parts = name.split { $0 == "/" || $0 == "\\" }
    return parts.contains("..") ? "its name leads out of the folder that it is unpacked to" : nil
  }
}
