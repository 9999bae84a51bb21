internal import OunceCore
internal import OunceEncoding

/// Finds the tensors in what a pickle describes.
///
/// Names are the way to a tensor: keys of dictionaries, names of attributes and indices of lists with dots between,
/// `state_dict.layers.0.weight`. The tables of a module (`_parameters`, `_buffers`, `_modules`) are no part of a name,
/// so that a pickled module has the names of its state dictionary.
struct PickleTensors {
  let pickle: Pickle
  let storages: any TorchStorages
  let isBigEndian: Bool
  private(set) var tensors: [Tensor] = []
  private(set) var remarks: [Remark] = []
  private var names: Set<ExactString> = []
  private var known: [ExactString: TorchStorage] = [:]
  /// Nodes on the way to the current one: what holds itself is not entered again.
  private var way: Set<Int> = []
  /// Nodes in which there is nothing.
  private var barren: Set<Int> = []
  private var visits = 0
  private var byteCount = 0
  private var hasDeepNodes = false

  init(_ pickle: Pickle, _ storages: any TorchStorages, isBigEndian: Bool = false) {
    self.pickle = pickle
    self.storages = storages
    self.isBigEndian = isBigEndian
  }

  /// What a tensor that is all of a file is called.
  static let nameOfOnlyTensor = "tensor"

  /// - Parameter name: what names begin with.
  mutating func collect(_ name: String = "") throws(OunceError) {
    try walk(pickle.root, name, 0)
  }

  func malformed(_ problem: String, _ name: String) -> OunceError {
    OunceError(.malformed, problem, file: pickle.file.path, offset: 0, subject: "tensor \(name)")
  }

  // MARK: The way through

  private mutating func walk(_ value: PickleValue, _ name: String, _ depth: Int) throws(OunceError) {
    guard case .node(let index) = value, !barren.contains(index), !way.contains(index) else { return }
    visits += 1
    guard visits <= Limits.pickleVisits + Limits.pickleVisitsOfEach * pickle.nodes.count else {
      throw OunceError(
        .malformed, "objects hold each other in so many ways that \(visits) were seen among \(pickle.nodes.count)",
        file: pickle.file.path, offset: 0)
    }
    let found = tensors.count + remarks.count
    let leafName = name.isEmpty ? Self.nameOfOnlyTensor : name
    if let leaf = try leaf(value, leafName) { return try add(leaf, leafName) }
    guard depth < Limits.pickleNesting else {
      if !hasDeepNodes {
        remarks.append(
          Remark(.unsupported, subject: name, "is nested more than \(Limits.pickleNesting) deep and was not searched"))
      }
      hasDeepNodes = true
      return
    }
    way.insert(index)
    try walkInto(pickle.nodes[index], name, depth + 1)
    way.remove(index)
    if tensors.count + remarks.count == found { barren.insert(index) }
  }

  private mutating func walkInto(_ node: PickleNode, _ name: String, _ depth: Int) throws(OunceError) {
    switch node.kind {
    case .tuple, .list, .set: try walk(items: node.values, name, depth)
    case .dictionary: try walk(entries: node.values, name, depth)
    case .global, .persistent: break
    case .call, .instance:
      let path = pickle.path(node.values[0]) ?? ""
      let arguments = node.values.count > 1 ? pickle.items(node.values[1]) ?? [] : []
      if Self.wrappers.contains(path) {
        if let inner = arguments.first { try walk(inner, name, depth) }
      } else if Self.dictionaries.contains(path), let pairs = pairs(arguments.last) {
        try walk(entries: pairs, name, depth)
      } else {
        try walk(items: arguments, name, depth)
        if node.values.count > 2 { try walk(node.values[2], name, depth) }
      }
    }
    guard let addition = node.addition.map({ pickle.additions[Int($0)] }) else { return }
    try walk(items: addition.items, name, depth)
    try walk(entries: addition.entries, name, depth)
    for state in addition.states { try walk(state: state, name, depth) }
  }

  /// Functions that give back what they are given.
  private static let wrappers: Set<String> = [
    "torch.jit._pickle.build_tensorlist", "torch.jit._pickle.build_intlist", "torch.jit._pickle.build_doublelist",
    "torch.jit._pickle.build_boollist", "torch.jit._pickle.restore_type_tag",
  ]
  private static let dictionaries: Set<String> = [
    "collections.OrderedDict", "collections.defaultdict", "builtins.dict", "__builtin__.dict",
  ]

  /// The entries of a dictionary, or of a list of pairs as Python 2 pickled ordered dictionaries.
  private func pairs(_ value: PickleValue?) -> [PickleValue]? {
    guard let value else { return nil }
    if let node = pickle.node(value, .dictionary) { return node.values }
    guard let items = pickle.items(value) else { return nil }
    var entries: [PickleValue] = []
    for item in items {
      guard let pair = pickle.items(item), pair.count == 2 else { return nil }
      entries += pair
    }
    return entries
  }

  private mutating func walk(items: [PickleValue], _ name: String, _ depth: Int) throws(OunceError) {
    for (index, item) in items.enumerated() {
      if case .node = item { try walk(item, join(name, String(index)), depth) }
    }
  }

  /// Of a key that was set twice, the last value counts.
  private mutating func walk(
    entries: [PickleValue], _ name: String, _ depth: Int, isModule: Bool = false
  ) throws(OunceError) {
    var last: [ExactString: Int] = [:]
    var keys: [String] = []
    for index in 0..<entries.count / 2 {
      let key = entries[2 * index]
      keys.append(pickle.text(key) ?? pickle.integer(key).map(String.init) ?? "#\(index)")
      last[ExactString(keys[index])] = index
    }
    for (index, key) in keys.enumerated() where last[ExactString(key)] == index {
      guard case .node = entries[2 * index + 1] else { continue }
      let isTable = isModule && Self.moduleTables.contains(key)
      try walk(entries[2 * index + 1], isTable ? name : join(name, key), depth)
    }
  }

  private static let moduleTables: Set<String> = ["_parameters", "_buffers", "_modules"]

  /// The state of an object: its attributes, or attributes and slots, or what only its class understands.
  private mutating func walk(state: PickleValue, _ name: String, _ depth: Int) throws(OunceError) {
    if let node = pickle.node(state, .dictionary) {
      return try walk(entries: node.values, name, depth, isModule: true)
    }
    if let parts = pickle.items(state), parts.count == 2,
      parts.allSatisfy({ $0 == .null || pickle.node($0, .dictionary) != nil })
    {
      for part in parts { try walk(state: part, name, depth) }
      return
    }
    try walk(state, name, depth)
  }

  private func join(_ name: String, _ part: String) -> String { name.isEmpty ? part : "\(name).\(part)" }

  // MARK: What is found

  private mutating func add(_ leaf: PickleLeaf, _ name: String) throws(OunceError) {
    guard tensors.count + remarks.count < Limits.tensors else {
      throw OunceError(
        .malformed, "the pickle has more tensors than the limit of \(Limits.tensors)", file: pickle.file.path, offset: 0
      )
    }
    guard name.utf8.count <= Limits.tensorNameByteCount else {
      throw malformed(
        "has a name of \(name.utf8.count) bytes, more than the limit of \(Limits.tensorNameByteCount)",
        String(name.prefix(40)))
    }
    guard names.insert(ExactString(name)).inserted else { throw malformed("two tensors have this name", name) }
    switch leaf {
    case .unsupported(let text): remarks.append(Remark(.unsupported, subject: name, text))
    case .tensor(let tensor):
      // Views may repeat the bytes of a storage, but not without end.
      let (sum, overflow) = byteCount.addingReportingOverflow(tensor.info.byteCount)
      let limit = Unpacking.limit(for: pickle.file.container.byteCount)
      guard !overflow, sum <= limit else {
        throw malformed("the tensors have more than \(limit) bytes together, far more than the file", name)
      }
      byteCount = sum
      tensors.append(tensor)
    }
  }

  /// A storage by its key, found once.
  mutating func storage(_ key: String) throws(OunceError) -> TorchStorage? {
    if let storage = known[ExactString(key)] { return storage }
    let storage = try storages.storage(key)
    if let storage { known[ExactString(key)] = storage }
    return storage
  }
}

/// What takes the place of a tensor.
enum PickleLeaf {
  case tensor(Tensor)
  /// Why it cannot be read.
  case unsupported(String)
}
