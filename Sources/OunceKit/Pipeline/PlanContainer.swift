internal import OrderedCollections
internal import OunceContainers
internal import OunceCore
internal import OunceEncoding

extension Model {
  /// Plans a file of another container, or of the same one, under the names of the source.
  func planContainer(_ container: any WritableContainer, _ request: ConvertRequest) throws(OunceError) -> Plan {
    guard !request.isBigEndian else {
      throw OunceError(.request, "\(container.name) files are not written in big endian", remedy: "use --to gguf")
    }
    let infos = try tensors.map { (tensor) throws(OunceError) in
      try tensor.info.fitting(container, dtype: request.dtype)
    }
    return try planFile(
      container, infos, metadata: metadata(for: container), output: request.output, split: request.split,
      allowsNonFinite: request.allowsNonFinite)
  }

  /// What a file of `container` keeps of the metadata: each container has types and habits of its own.
  func metadata(for container: any WritableContainer) -> Metadata {
    self.container == container.name ? metadata : [:]
  }

  /// Plans one file, or a set, that holds all tensors as `infos` say.
  func planFile(
    _ container: any WritableContainer, _ infos: [TensorInfo], metadata: Metadata, output: String?,
    split limits: ShardLimits = ShardLimits(), allowsNonFinite: Bool = false
  ) throws(OunceError) -> Plan {
    let path = outputPath(output, ending: container.fileExtensions.first ?? container.name)
    let set: ShardedLayout
    if let container = container as? any SplittableContainer {
      set = try container.split(metadata, infos, name: Paths.name(of: path), limits: limits)
    } else if limits == ShardLimits() {
      let layout = try container.layout(metadata, infos)
      set = ShardedLayout(shards: [.init(name: Paths.name(of: path), tensors: Array(infos.indices), layout: layout)])
    } else {
      throw OunceError(.request, "\(container.name) models are not cut into files", remedy: "use safetensors or GGUF")
    }
    var planned = PlannedFiles()
    planned.add(path, set, tensors, as: infos)
    return Plan(planned, notes: remarkNotes, inputs: files, allowsNonFinite: allowsNonFinite)
  }

  /// The path that was asked for; in a folder, and where none was, the name of the source with another ending.
  func outputPath(_ output: String?, ending: String) -> String {
    if let output, !Paths.isFolder(output) { return output }
    var stem = Paths.resolvedName(of: path)
    if let shard = ShardName(stem) { stem = shard.base }
    for ending in Containers.all.flatMap(\.fileExtensions) + ["index.json"] where stem.hasSuffix("." + ending) {
      stem.removeLast(ending.utf8.count + 1)
      break
    }
    return Paths.join(output ?? "", "\(stem.isEmpty ? "model" : stem).\(ending)")
  }
}

extension TensorInfo {
  /// This tensor as `container` can hold it: floats in `dtype` where one is given; blocks become floats where the
  /// format has no name for them.
  ///
  /// - Throws: `OunceError` that names a type which would do.
  func fitting(_ container: any WritableContainer, dtype: String?) throws(OunceError) -> TensorInfo {
    if encoding.kind == .float, let dtype { return try encoded(as: dtype, in: container) }
    if container.holds(encoding) { return self }
    if encoding.kind == .quantized { return try encoded(as: dtype ?? "F32", in: container) }
    let possible = ["F32", "F16", "BF16"].first { Encodings.writable($0).map(container.holds) ?? false }
    throw OunceError(
      .unsupported, "\(container.name) has no type for \(encoding.name)", subject: "tensor \(name)",
      remedy: encoding.kind == .float
        ? possible.map { "--dtype \($0.lowercased()) would do" }
        : "choose another container, or leave the tensor out with `ounce edit --drop`")
  }

  /// This tensor in another encoding.
  func encoded(as name: String, in container: any WritableContainer) throws(OunceError) -> TensorInfo {
    let target = try Encodings.require(name)
    guard target is any WritableEncoding, container.holds(target) else {
      throw OunceError(
        .request, "\(container.name) cannot hold \(target.name)", subject: "tensor \(self.name)",
        remedy: "use F32, F16 or another type that it has")
    }
    return try TensorInfo(name: self.name, shape: shape, encoding: target)
  }
}

extension WritableContainer {
  /// Whether a file can hold tensors of this encoding.
  func holds(_ encoding: any Encoding) -> Bool {
    guard let info = try? TensorInfo(name: "x", shape: [encoding.elementsPerBlock], encoding: encoding) else {
      return false
    }
    return (try? layout([:], [info])) != nil
  }
}

extension Model {
  /// Refuses a file that would act in the hands of another program: what it holds is not to be trusted.
  func checkSafety() throws(OunceError) {
    guard let danger = remarks.first(where: { $0.kind == .danger }) else { return }
    throw OunceError(
      .malformed, "\(danger.text)", file: path, subject: danger.subject,
      remedy: "do not open this file with any other program; `ounce inspect` shows what it holds")
  }

  /// What readers noticed, in sentences: the same thing about many subjects is one of them.
  public var remarkNotes: [String] {
    var groups: OrderedDictionary<String, [String]> = [:]
    for remark in remarks where remark.kind != .danger { groups[remark.text, default: []].append(remark.subject) }
    return groups.map { text, subjects in
      switch subjects.count {
      case 1: subjects[0].isEmpty ? text : "\(subjects[0]) \(text)"
      default:
        "\(subjects.count) times \(text): \(subjects.prefix(Limits.listedNames).joined(separator: ", "))"
          + (subjects.count > Limits.listedNames ? " and more" : "")
      }
    }
  }
}
