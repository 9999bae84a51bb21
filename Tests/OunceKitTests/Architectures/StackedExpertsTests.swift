import OunceEncoding
import OunceKit
import Testing

/// Checkpoints of mlx-lm have the experts of a layer in one tensor.
struct StackedExpertsTests {
  /// Experts of `model` stacked as mlx-lm does.
  private func stacked(_ model: Model, _ rename: [String: String]) throws -> Model {
    var result = model
    var stacks: [String: [Int: Tensor]] = [:]
    result.tensors = []
    for tensor in model.tensors {
      guard let match = tensor.info.name.firstMatch(of: /^(.*)\.experts\.(\d+)\.(\w+)\.weight$/),
        let expert = Int(match.2)
      else {
        result.tensors.append(tensor)
        continue
      }
      let part = rename[String(match.3)] ?? String(match.3)
      stacks["\(match.1).switch_mlp.\(part).weight", default: [:]][expert] = tensor
    }
    for (name, experts) in stacks {
      let parts = try (0..<experts.count).map { try #require(experts[$0]) }
      let info = try TensorInfo(
        name: name, shape: [parts.count] + parts[0].info.shape, encoding: parts[0].info.encoding)
      let data = RowJoin(
        parts.map { (data: $0.data, rowCount: $0.info.rowCount) }, rowByteCount: parts[0].info.rowByteCount)
      result.tensors.append(Tensor(info: info, data: data))
    }
    return result
  }

  @Test(
    arguments: [
      ("qwen3-moe", [:]), ("mixtral", ["w1": "gate_proj", "w2": "down_proj", "w3": "up_proj"]),
    ] as [(String, [String: String])])
  func `a checkpoint of mlx-lm becomes what the published one becomes`(name: String, rename: [String: String]) throws {
    let fixture = try #require(FixtureCase.all.first { $0.name == name })
    let expected = try fixture.expected()
    let model = try stacked(try fixture.model(expected), rename)
    #expect(model.tensors.contains { $0.info.name.contains(".switch_mlp.") })
    let wanted = expected["outputType"]?.string ?? "auto"
    let outputType = wanted == "auto" ? model.tensors.automaticOutputType : wanted.uppercased()
    let translation = try model.translated(fixture.options(expected))
    let differences = try Digest(expected).differences(from: translation, outputType: outputType)
    #expect(differences.isEmpty, "\(differences.prefix(12).joined(separator: "\n"))")
  }
}
