internal import OrderedCollections
internal import OunceContainers
internal import OunceCore
internal import OunceEncoding

/// A LoRA adapter for one task, which a checkpoint carries beside its own weights: llama.cpp adds one of them to the
/// model as it is needed.
///
/// Jina's third embeddings have them. The configuration lists the tasks under `lora_adaptations`; each weight `W` that
/// they change has two further tensors, whose first dimension is the task:
///
/// | tensor | shape |
/// |---|---|
/// | `W.0.lora_A` | tasks, rank, inputs; of tables, tasks, rows, rank |
/// | `W.0.lora_B` | tasks, outputs, rank; of tables, tasks, rank, columns |
///
/// In GGUF the factors are `W.lora_a` and `W.lora_b`. llama.cpp wants those of the tokens' table as `[tokens, rank]`
/// and `[columns, rank]`, and those of the token types exchanged.
struct TaskAdapter: Sendable {
  let task: String
  let metadata: Metadata
  let tensors: [Tensor]

  /// What the file is called beside that of the model.
  func fileName(beside name: String) -> String { "lora-\(task)-\(name)" }
}

extension Limits {
  /// Tasks with adapters of their own: published models have 5.
  static let taskAdapters = 64
}

extension Checkpoint {
  private static let endings = [".0.lora_A": ".lora_a", ".0.lora_B": ".lora_b"]

  /// The adapters of all tasks, in the order of the configuration; none where it lists no task.
  ///
  /// - Throws: `OunceError` when tensors do not fit the tasks, or a task's name cannot be part of a file's.
  func taskAdapters(by architecture: Architecture) throws(OunceError) -> [TaskAdapter] {
    let tasks = try taskNames()
    guard !tasks.isEmpty else { return [] }
    var factors = [[Tensor]](repeating: [], count: tasks.count)
    let table = RuleTable(architecture.tensors)
    for tensor in orderedTensors {
      guard let ending = Self.endings.first(where: { tensor.info.name.hasSuffix($0.key) }) else { continue }
      let weight = String(tensor.info.name.dropLast(ending.key.count))
      guard let cleaned = architecture.names.cleaned(weight) else { continue }
      guard let (rules, match) = table.match(cleaned), let target = rules.first?.target else {
        throw OunceError(
          .unsupported, "the \(architecture.name) rules know no such tensor", subject: "tensor \(tensor.info.name)")
      }
      let parts = try parts(of: tensor, count: tasks.count)
      for index in tasks.indices {
        factors[index].append(try Self.placed(parts[index], match.fill(target), ending.value))
      }
    }
    var result: [TaskAdapter] = []
    for (index, task) in tasks.enumerated() {
      result.append(TaskAdapter(task: task, metadata: try metadata(of: task), tensors: factors[index]))
    }
    return result
  }

  private func taskNames() throws(OunceError) -> [String] {
    let tasks = configuration.array("lora_adaptations") ?? []
    guard tasks.count <= Limits.taskAdapters else {
      throw OunceError(
        .malformed, "\(tasks.count) tasks are more than the limit of \(Limits.taskAdapters)", file: "config.json",
        subject: "lora_adaptations")
    }
    var names: OrderedSet<String> = []
    for task in tasks {
      let name = task.string ?? ""
      // It becomes part of a file's name.
      let isPlain = name.unicodeScalars.allSatisfy { $0.value >= 32 && $0.value != 127 && $0 != "/" && $0 != "\\" }
      guard isPlain, (1...64).contains(name.utf8.count), names.append(name).inserted else {
        throw OunceError(
          .malformed, "\"\(name.prefix(80))\" is no name of a task, or is there twice", file: "config.json",
          subject: "lora_adaptations", remedy: "expected 1 to 64 bytes without slashes and control characters")
      }
    }
    return Array(names)
  }

  /// The factors of each task.
  private func parts(of tensor: Tensor, count: Int) throws(OunceError) -> [Tensor] {
    let shape = tensor.info.shape
    guard shape.count == 3, shape[0] == count else {
      throw OunceError(
        .malformed, "has the shape \(shape), expected \(count) matrices, one for each task",
        subject: "tensor \(tensor.info.name)", remedy: "config.json and the weights do not belong together")
    }
    let rows = try tensor.reshaped([shape[0] * shape[1], shape[2]])
    var result: [Tensor] = []
    for index in 0..<count { result.append(try rows.gathering(shape[1]) { $0 + index * shape[1] }) }
    return result
  }

  private static func placed(_ factor: Tensor, _ target: String, _ ending: String) throws(OunceError) -> Tensor {
    switch target {
    case "token_embd.weight" where ending == ".lora_b":
      return try factor.exchangingLastDimensions().renamed(target + ending)
    case "token_types.weight": return factor.renamed(target + (ending == ".lora_a" ? ".lora_b" : ".lora_a"))
    default: return factor.renamed(target + ending)
    }
  }

  private func metadata(of task: String) throws(OunceError) -> Metadata {
    var metadata: Metadata = [
      "general.architecture": .string(architectureName), "general.type": .string("adapter"),
      "adapter.type": .string("lora"),
      "adapter.lora.alpha": .float32(Float(configuration.double("lora_alpha") ?? 1)),
      "adapter.lora.task_name": .string(task),
    ]
    if let prompts = configuration["task_instructions"]?.object, !prompts.isEmpty {
      guard let prompt = prompts[task]?.string else {
        throw OunceError(
          .malformed, "has no instruction for the task \"\(task)\"", file: "config.json", subject: "task_instructions",
          remedy: "take config.json from the model's page")
      }
      metadata["adapter.lora.prompt_prefix"] = .string(prompt)
    }
    return metadata
  }
}

extension TaskAdapter {
  /// The adapter's file, in single precision, as number `index` of a plan.
  func planned(
    beside path: String, index: Int, isBigEndian: Bool
  ) throws(OunceError) -> (file: Plan.File, steps: [Plan.Step]) {
    let f32 = try Encodings.require("F32")
    var infos: [TensorInfo] = []
    for tensor in tensors {
      infos.append(try TensorInfo(name: tensor.info.name, shape: tensor.info.shape, encoding: f32))
    }
    let layout = try GGUFContainer(options: .init(isBigEndian: isBigEndian)).layout(metadata, infos)
    let targets = Plan.Target.targets(of: layout, file: index, infos)
    let name = fileName(beside: Paths.name(of: path))
    let file = path.contains("/") ? Paths.join(Paths.folder(of: path), name) : name
    return (
      Plan.File(path: file, layout: layout),
      zip(tensors, targets).map { Plan.Step(source: $0, targets: [$1]) }
    )
  }
}
