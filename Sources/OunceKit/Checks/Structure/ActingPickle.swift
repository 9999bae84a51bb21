public import OunceCore

/// A pickle that would call something: nothing here is ever called.
public struct ActingPickle: ModelRule {
  public let id = "OUN106"
  public let name = "acting-pickle"
  public let severity = Severity.error
  public let level = CheckLevel.quick
  public let proves = "No pickle in the file names a function that could act when another program opens it."
  public let example = "model.pt: os.system: would be called"
  public let fix = "do not open the file with any other program; get the weights as safetensors"

  public init() {}

  public func check(_ model: Model) -> [Finding] {
    model.remarks.filter { $0.kind == .danger }.map { finding($0.text, file: model.path, subject: $0.subject) }
  }
}
