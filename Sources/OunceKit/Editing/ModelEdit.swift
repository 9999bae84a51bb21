internal import OrderedCollections
public import OunceContainers
public import OunceCore
internal import OunceEncoding

/// Changes to a model that leave it in its container.
public struct ModelEdit: Sendable {
  /// New names: `old=new`, where one `*` on either side stands for the same characters.
  public var renames: [(from: String, to: String)] = []
  /// Tensors to leave out, as names or globs.
  public var drops: [String] = []
  /// Tensors to store in another encoding.
  public var casts: [(pattern: String, encoding: String)] = []
  /// Metadata to set, in the order of the user.
  public var settings: [MetadataOverride] = []
  /// Keys to remove, as names or globs.
  public var removedKeys: [String] = []
  /// Room for later edits that a new file keeps in its header, in bytes.
  public var reservedByteCount = 4096

  public init() {}

  public var isEmpty: Bool {
    renames.isEmpty && drops.isEmpty && casts.isEmpty && settings.isEmpty && removedKeys.isEmpty
  }

  /// Reads `OLD=NEW`.
  public static func rename(_ text: String) throws(OunceError) -> (from: String, to: String) {
    let parts = text.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
    guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
      throw OunceError(
        .request, "--rename \(text): expected OLD=NEW", remedy: "such as --rename 'model.*=transformer.*'")
    }
    let stars = parts.map { $0.count { $0 == "*" } }
    guard stars[0] == stars[1], stars[0] < 2 else {
      throw OunceError(.request, "--rename \(text): either both names have one *, or none has")
    }
    return (parts[0], parts[1])
  }

  /// The model with all changes made, headers only.
  ///
  /// - Throws: `OunceError` when a pattern matches nothing or two tensors get one name.
  public func applied(to model: Model) throws(OunceError) -> Model {
    var edited = model
    for pattern in drops {
      let dropped = Set(try edited.selected([pattern]).map { ExactString($0.info.name) })
      edited.tensors.removeAll { dropped.contains(ExactString($0.info.name)) }
    }
    for rename in renames { try apply(rename, to: &edited) }
    var names = Set<ExactString>()
    for tensor in edited.tensors where !names.insert(ExactString(tensor.info.name)).inserted {
      throw OunceError(.request, "two tensors would be called \(tensor.info.name)", file: model.path)
    }
    for pattern in removedKeys {
      let glob = Glob(pattern)
      let keys = edited.metadata.keys.filter { $0 == pattern || glob.matches($0) }
      guard !keys.isEmpty else {
        throw OunceError(
          .request, "there is no key \(pattern)", file: model.path,
          remedy: NearNames.find(pattern, among: Array(edited.metadata.keys)).first.map { "did you mean \($0)?" }
            ?? "`ounce inspect --metadata` lists the keys")
      }
      for key in keys { edited.metadata.removeValue(forKey: key) }
    }
    for setting in settings {
      // A key keeps its place and its type where the new value fits that.
      let value = setting.stored(matchesReference: false)
      edited.metadata[setting.key] = edited.metadata[setting.key].flatMap { value.asType(of: $0) } ?? value
    }
    return edited
  }

  private func apply(_ rename: (from: String, to: String), to model: inout Model) throws(OunceError) {
    var hasMatch = false
    let from = rename.from.split(separator: "*", omittingEmptySubsequences: false).map(String.init)
    let to = rename.to.split(separator: "*", omittingEmptySubsequences: false).map(String.init)
    for (index, tensor) in model.tensors.enumerated() {
      let name = tensor.info.name
      if from.count == 1 {
        guard name == rename.from else { continue }
        model.tensors[index] = tensor.renamed(rename.to)
      } else {
        guard name.hasPrefix(from[0]), name.hasSuffix(from[1]), name.count >= from[0].count + from[1].count else {
          continue
        }
        model.tensors[index] = tensor.renamed(to[0] + name.dropFirst(from[0].count).dropLast(from[1].count) + to[1])
      }
      hasMatch = true
    }
    guard hasMatch else { throw model.noTensor(rename.from) }
  }

  /// The encodings that tensors of an edited model get.
  func infos(of model: Model, in container: any WritableContainer) throws(OunceError) -> [TensorInfo] {
    var infos = model.tensors.map(\.info)
    for (pattern, encoding) in casts {
      let glob = Glob(pattern)
      var hasMatch = false
      for (index, info) in infos.enumerated() where info.name == pattern || glob.matches(info.name) {
        hasMatch = true
        guard info.encoding.kind == .float || info.encoding.kind == .quantized else {
          throw OunceError(
            .request, "holds \(info.encoding.name), which is copied, never cast", file: model.path,
            subject: "tensor \(info.name)")
        }
        infos[index] = try info.encoded(as: encoding, in: container)
      }
      guard hasMatch else { throw model.noTensor(pattern) }
    }
    return infos
  }
}

extension Model {
  /// Plans a new file with the changes of `edit`.
  ///
  /// - Throws: `OunceError` when a change does not fit the model or its container.
  public func plan(_ edit: ModelEdit, output: String, split: ShardLimits = ShardLimits()) throws(OunceError) -> Plan {
    var container = try ownContainer()
    var edited = try edit.applied(to: self)
    let infos = try edit.infos(of: edited, in: container)
    if let reserving = container as? any InPlaceContainer, edit.reservedByteCount > 0, split == ShardLimits() {
      container = reserving.reserving(edit.reservedByteCount, in: &edited.metadata)
    }
    return try edited.planFile(
      container, infos, metadata: edited.metadata, output: output, split: split, allowsNonFinite: true)
  }

  /// Writes the changes of `edit` into the header of this model's only file; no tensor moves.
  ///
  /// The old header is kept beside the file until the new one is durable: an edit that was interrupted is taken back by
  /// the next.
  ///
  /// - Parameter isTrial: whether only to look if it can be done.
  /// - Throws: `OunceError` when something would have to move, and nothing is touched then.
  public func editInPlace(_ edit: ModelEdit, isTrial: Bool = false) throws(OunceError) {
    let container = try ownContainer()
    func refuse(_ problem: String) -> OunceError {
      OunceError(.request, problem, file: path, remedy: "write a new file with -o")
    }
    guard let container = container as? any InPlaceContainer, files.count == 1 else {
      throw refuse("is not a single GGUF or safetensors file, and cannot be edited in place")
    }
    guard edit.drops.isEmpty, edit.casts.isEmpty else { throw refuse("tensors would move") }
    let edited = try edit.applied(to: self)
    guard let header = try container.header(edited.metadata, edited.tensors) else {
      throw refuse("the new header does not fit into the place of the old one")
    }
    for file in files { try file.checkUnchanged() }
    if isTrial { return }
    try HeaderReplacement(path: files[0].path).replace(with: header)
  }
}

extension MetadataValue {
  /// The same number in the type of another value; nil: it does not fit, or is no number of that kind.
  fileprivate func asType(of other: MetadataValue) -> MetadataValue? {
    if let number = integer {
      switch other {
      case .uint8: return UInt8(exactly: number).map(MetadataValue.uint8)
      case .int8: return Int8(exactly: number).map(MetadataValue.int8)
      case .uint16: return UInt16(exactly: number).map(MetadataValue.uint16)
      case .int16: return Int16(exactly: number).map(MetadataValue.int16)
      case .uint32: return UInt32(exactly: number).map(MetadataValue.uint32)
      case .int32: return Int32(exactly: number).map(MetadataValue.int32)
      case .uint64: return UInt64(exactly: number).map(MetadataValue.uint64)
      case .int64: return .int64(Int64(number))
      default: return nil
      }
    }
    if case .float32(let number) = self, case .float64 = other { return .float64(Double(number)) }
    return nil
  }
}
