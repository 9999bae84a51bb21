internal import OunceContainers
public import OunceCore
internal import OunceEncoding

extension Model {
  /// The container of this model, which it is to be written in again.
  ///
  /// - Throws: `OunceError` when that one can only be read.
  func ownContainer() throws(OunceError) -> any WritableContainer {
    try checkSafety()
    guard let container = Containers.named(container) as? any WritableContainer else {
      throw OunceError(
        .unsupported, "\(container) files can be read, but not written", file: path,
        remedy: "`ounce convert --to safetensors` makes a file that can")
    }
    return container
  }

  /// Plans the same model in several files, or, without limits, in one.
  ///
  /// - Throws: `OunceError` when the container is never written in several files.
  public func planSplit(_ limits: ShardLimits, output: String?) throws(OunceError) -> Plan {
    try planFile(
      try ownContainer(), tensors.map(\.info), metadata: metadata, output: output, split: limits,
      allowsNonFinite: true)
  }

  /// Plans a file of some tensors, as they are.
  ///
  /// - Parameters:
  ///   - patterns: names, or globs such as `blk.0.*`.
  ///   - dtype: the encoding of floats; nil: as they are.
  /// - Throws: `OunceError` when a pattern matches nothing, or the container cannot hold what was chosen.
  public func planExtraction(
    _ patterns: [String], to container: any WritableContainer, dtype: String? = nil, output: String?
  ) throws(OunceError) -> Plan {
    try checkSafety()
    var chosen = self
    chosen.tensors = try selected(patterns)
    let infos = try chosen.tensors.map { (tensor) throws(OunceError) in
      try tensor.info.fitting(container, dtype: dtype)
    }
    return try chosen.planFile(container, infos, metadata: [:], output: output, allowsNonFinite: true)
  }

  /// The tensors that match any of these patterns, in the order of the model.
  func selected(_ patterns: [String]) throws(OunceError) -> [Tensor] {
    var isChosen = [Bool](repeating: false, count: tensors.count)
    for pattern in patterns {
      let glob = Glob(pattern)
      var hasMatch = false
      for (index, tensor) in tensors.enumerated() where tensor.info.name == pattern || glob.matches(tensor.info.name) {
        isChosen[index] = true
        hasMatch = true
      }
      guard hasMatch else { throw noTensor(pattern) }
    }
    return zip(tensors, isChosen).filter(\.1).map(\.0)
  }

  func noTensor(_ pattern: String) -> OunceError {
    let near = NearNames.find(pattern, among: tensors.map(\.info.name))
    return OunceError(
      .request, "no tensor is called \(pattern)", file: path,
      remedy: near.first.map { "did you mean \($0)?" } ?? "`ounce inspect --tensors` lists the names")
  }
}
