internal import OunceCore
internal import OunceEncoding

/// The bytes that tensors are views of.
struct TorchStorage: Sendable {
  let file: InputFile
  let offset: Int
  let byteCount: Int
}

/// Finds storages by the keys that a pickle names them by.
protocol TorchStorages {
  /// nil: there is none of this key.
  func storage(_ key: String) throws(OunceError) -> TorchStorage?
  /// Before 0.2, tensors were named by keys, too. nil: there is none of this key.
  func tensor(_ key: String) -> TorchTensorReference?
}

extension TorchStorages {
  func tensor(_ key: String) -> TorchTensorReference? { nil }
}

/// A tensor that is described beside its pickle.
struct TorchTensorReference {
  let storage: TorchStorageReference
  let offset: Int
  let shape: [Int]
  let strides: [Int]
}

/// A pickle without storages beside it.
struct NoStorages: TorchStorages {
  func storage(_ key: String) -> TorchStorage? { nil }
}

/// The storages of a zip archive, each a member of its own.
struct ArchivedStorages: TorchStorages {
  let archive: ZipArchive
  /// What comes before the key in the names of members: `archive/data/`.
  let prefix: String

  func storage(_ key: String) throws(OunceError) -> TorchStorage? {
    guard let member = archive.member(prefix + key) else { return nil }
    let file = try archive.open(member)
    // What is stored is read from the archive itself: views that see a file do better than those that see a part.
    guard member.isStored else { return TorchStorage(file: file, offset: 0, byteCount: member.byteCount) }
    let range = try archive.range(of: member)
    return TorchStorage(file: archive.file, offset: range.lowerBound, byteCount: range.count)
  }
}

/// What a pickle says of a storage: `("storage", torch.FloatStorage, "0", "cpu", 6)`, before 1.6 with a view of another
/// storage at its end.
struct TorchStorageReference {
  let key: String
  /// nil: the elements are of a type that cannot be read.
  let type: TorchType?
  /// As the pickle spells it.
  let typeName: String
  let elementCount: Int
  /// The part of the storage that is meant, in elements; nil: all.
  var view: (key: String, offset: Int, count: Int)?

  init(key: String, type: TorchType, elementCount: Int) {
    self.key = key
    self.type = type
    typeName = "torch.\(type.storage ?? type.name)"
    self.elementCount = elementCount
  }

  /// nil when the value is no such tuple.
  init?(_ pickle: Pickle, _ value: PickleValue) {
    guard let node = pickle.node(value, .persistent), let identifier = node.values.first,
      let items = pickle.items(identifier), items.count >= 5, pickle.text(items[0]) == "storage",
      let key = pickle.text(items[2]) ?? pickle.integer(items[2]).map(String.init),
      let elementCount = pickle.integer(items[4])
    else { return nil }
    self.key = key
    typeName = pickle.path(items[1]) ?? "an unknown type"
    type = TorchType.storage(typeName)
    self.elementCount = elementCount
    if items.count > 5, let parts = pickle.items(items[5]), parts.count == 3,
      let key = pickle.text(parts[0]) ?? pickle.integer(parts[0]).map(String.init),
      let offset = pickle.integer(parts[1]), let count = pickle.integer(parts[2])
    {
      view = (key, offset, count)
    }
  }
}
