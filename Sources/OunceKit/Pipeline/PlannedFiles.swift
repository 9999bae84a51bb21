internal import OunceContainers
public import OunceCore

/// Files of a plan and the steps that fill them, where each tensor goes into one file.
struct PlannedFiles {
  private(set) var files: [Plan.File] = []
  private(set) var steps: [Plan.Step] = []

  /// A file whose bytes are known.
  mutating func add(_ path: String, _ bytes: [UInt8]) { files.append(Plan.File(path: path, bytes: bytes)) }

  /// A file that holds `tensors`, each encoded as `infos` says.
  mutating func add(_ path: String, _ layout: FileLayout, _ tensors: [Tensor], as infos: [TensorInfo]) {
    let targets = Plan.Target.targets(of: layout, file: files.count, infos)
    for (tensor, target) in zip(tensors, targets) { steps.append(Plan.Step(source: tensor, targets: [target])) }
    files.append(Plan.File(path: path, layout: layout))
  }

  /// One file, or the files of a set and its index beside it.
  mutating func add(_ path: String, _ set: ShardedLayout, _ tensors: [Tensor], as infos: [TensorInfo]) {
    let folder = Paths.folder(of: path)
    for shard in set.shards {
      add(
        set.shards.count == 1 ? path : Paths.join(folder, shard.name), shard.layout,
        shard.tensors.map { tensors[$0] }, as: shard.tensors.map { infos[$0] })
    }
    if let index = set.index { add(Paths.join(folder, index.name), index.bytes) }
  }
}

extension Plan {
  init(_ planned: PlannedFiles, notes: [String] = [], inputs: [InputFile], allowsNonFinite: Bool = false) {
    self.init(
      files: planned.files, steps: planned.steps, notes: notes, inputs: inputs, allowsNonFinite: allowsNonFinite)
  }
}

extension Plan {
  /// Plans a file of text, which then appears as whole as any other.
  public static func text(_ text: String, output: String, inputs: [InputFile] = []) -> Plan {
    var planned = PlannedFiles()
    planned.add(output, Array(text.utf8))
    return Plan(planned, inputs: inputs)
  }
}

extension Plan.Target {
  /// Where a layout puts its tensors.
  static func targets(of layout: FileLayout, file: Int, _ infos: [TensorInfo]) -> [Plan.Target] {
    var targets = zip(layout.offsets, infos).map { offset, info in
      Plan.Target(file: file, offset: offset, info: info, before: nil, meant: nil, importance: nil)
    }
    for checksum in layout.checksums { targets[checksum.tensor].checksum = checksum }
    return targets
  }
}
