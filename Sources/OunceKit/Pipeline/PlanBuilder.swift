internal import OrderedCollections
internal import OunceContainers
internal import OunceCore
internal import OunceEncoding

/// One tensor of one output.
struct OutputTensor {
  /// Index into the tensors of the source.
  let index: Int
  let info: TensorInfo
  /// The encoding that the two-step way has between checkpoint and quantizer.
  var before: (any Encoding)?
  var meant: String?
  var importance: [Float]?
}

/// Collects files and the tensors that go into them, so that a tensor that several files want is read once.
struct PlanBuilder {
  let prepared: Prepared
  var notes: [String]
  /// How an importance matrix fits; nil: there is none.
  var coverage: ImportanceCoverage?
  /// The tensors of each file, as indices; nil: `split` decides.
  var groups: [[Int]]?
  /// Whether words have their most significant byte first.
  var isBigEndian = false
  private let split: ShardLimits
  private var files: [Plan.File] = []
  private var targets: [[Plan.Target]]
  private var stepsOfAdapters: [Plan.Step] = []

  init(_ prepared: Prepared, split: ShardLimits) {
    self.prepared = prepared
    self.split = split
    targets = Array(repeating: [], count: prepared.model.tensors.count)
    notes = prepared.notes
  }

  func plan(inputs: [InputFile], allowsNonFinite: Bool) -> Plan {
    let steps = zip(prepared.model.tensors, targets).filter { !$1.isEmpty }.map { Plan.Step(source: $0, targets: $1) }
    return Plan(
      files: files, steps: steps + stepsOfAdapters, notes: notes, coverage: coverage, inputs: inputs,
      allowsNonFinite: allowsNonFinite)
  }

  /// One tensor as the reference converter stores it.
  func converted(_ info: TensorInfo, _ index: Int, to outputType: String?) throws(OunceError) -> OutputTensor {
    guard info.encoding.becomesFloats, let outputType else {
      return OutputTensor(index: index, info: info)
    }
    let encoding = try prepared.converterEncoding(index, outputType)
    return OutputTensor(
      index: index, info: try TensorInfo(name: info.name, shape: info.shape, encoding: encoding))
  }

  /// Gives each tensor its place in the file, or the files, of one output.
  mutating func place(
    _ outputs: [OutputTensor], _ metadata: Metadata, _ path: String, isQuantized: Bool
  ) throws(OunceError) {
    let folder = Paths.folder(of: path)
    // ggml drops slowest dimensions of size 1 where the converter keeps them.
    let container = GGUFContainer(options: .init(isBigEndian: isBigEndian, dropsLeadingOnes: isQuantized))
    let (infos, name) = (outputs.map(\.info), Paths.name(of: path))
    let set =
      if let groups {
        try container.split(metadata, infos, name: name, groups: groups)
      } else {
        try container.split(metadata, infos, name: name, limits: split)
      }
    for shard in set.shards {
      // A path that was given is kept as it was spelled.
      let path = set.shards.count == 1 ? path : Paths.join(folder, shard.name)
      guard !files.contains(where: { $0.path == path }) else {
        throw OunceError(.request, "two outputs would have this name", file: path)
      }
      for (position, offset) in zip(shard.tensors, shard.layout.offsets) {
        let output = outputs[position]
        targets[output.index].append(
          Plan.Target(
            file: files.count, offset: offset, info: output.info, before: output.before, meant: output.meant,
            importance: output.importance))
      }
      files.append(Plan.File(path: path, layout: shard.layout))
    }
  }
}

extension PlanBuilder {
  /// The adapters that a checkpoint carries for single tasks, as files beside the model's.
  mutating func placeTaskAdapters(beside path: String) throws(OunceError) {
    guard case .checkpoint(let translation, _) = prepared.origin else { return }
    for adapter in translation.taskAdapters {
      let file = try adapter.planned(beside: path, index: files.count, isBigEndian: isBigEndian)
      files.append(file.file)
      stepsOfAdapters += file.steps
    }
  }
}

extension Prepared {
  /// The path of one output.
  func outputPath(_ output: String?, _ encoding: String?, isOne: Bool) throws(OunceError) -> String {
    guard let output else { return fileName(encoding: encoding) }
    if Paths.isFolder(output) { return Paths.join(output, fileName(encoding: encoding)) }
    guard isOne else {
      throw OunceError(
        .request, "several recipes need a folder, and this is none", file: output, remedy: "make the folder first")
    }
    return output
  }
}
