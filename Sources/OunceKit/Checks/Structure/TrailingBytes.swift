public import OunceCore

/// Bytes behind the end of a file that other programs may read as something else.
public struct TrailingBytes: ModelRule {
  public let id = "OUN109"
  public let name = "trailing-bytes"
  public let severity = Severity.warning
  public let level = CheckLevel.quick
  public let proves = "Nothing follows the last tensor of a GGUF file: no second file hides behind it."
  public let example = "model.gguf: byte 1000: 512 bytes follow the last tensor"
  public let fix = "find out where they come from; convert the file to write it without them"

  public init() {}

  public func check(_ model: Model) -> [Finding] {
    guard model.container == "GGUF" else { return [] }
    let alignment = model.metadata["general.alignment"]?.integer ?? 32
    return model.files.enumerated().compactMap { index, file in
      var end: Int?
      for tensor in model.tensors where tensor.fileIndex == index {
        guard let region = tensor.data as? FileRegion else { return nil }
        end = max(end ?? 0, region.offset + tensor.info.byteCount)
      }
      guard let end, file.byteCount - end >= alignment else { return nil }
      return finding("\(file.byteCount - end) bytes follow the last tensor", file: file.path, offset: end)
    }
  }
}
