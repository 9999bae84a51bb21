public import OunceCore
internal import OunceContainers
/// A name that promises another container than the content is.
public struct WrongExtension: ModelRule {
  public let id = "OUN108"
  public let name = "wrong-extension"
  public let severity = Severity.warning
  public let level = CheckLevel.quick
  public let proves = "The name of the file says what is in it."
  public let example = "model.safetensors: is GGUF"
  public let fix = "rename the file"

  public init() {}

  public func check(_ model: Model) -> [Finding] {
    guard let container = Containers.named(model.container) else { return [] }
    return model.files.compactMap { file in
      let ending = Paths.name(of: file.path).split(separator: ".").last.map { $0.lowercased() } ?? ""
      // An ending that several formats use, such as `bin`, promises none of them.
      let others = Containers.all.filter { $0.fileExtensions.contains(ending) }
      guard !container.fileExtensions.contains(ending), others.count == 1, let other = others.first else { return nil }
      return finding("is \(container.name), but is named like a \(other.name) file", file: file.path)
    }
  }
}
