internal import OunceCore

/// A value of a pickle. What is larger than a number is in the tables of its `Pickle`, so that values that hold each
/// other, or are nested without end, need neither recursion nor reference counts.
enum PickleValue: Sendable, Equatable {
  case null
  case bool(Bool)
  case int(Int)
  case float(Double)
  /// An index in `Pickle.strings`.
  case text(Int)
  /// An index in `Pickle.runs`: bytes, integers beyond 64 bits, texts that are long or are not UTF-8.
  case bytes(Int)
  /// An index in `Pickle.nodes`.
  case node(Int)
}

/// Bytes of a pickle, left in the file where they can be.
enum PickleRun: Sendable {
  case file(Range<Int>)
  case memory([UInt8])

  var byteCount: Int {
    switch self {
    case .file(let range): range.count
    case .memory(let bytes): bytes.count
    }
  }
}

/// A container or an object. `values` by kind:
///
/// | kind | values |
/// |---|---|
/// | tuple, list, set | the items |
/// | dictionary | key, value, key, value … |
/// | global | module, name |
/// | call | what would be called, its arguments as one tuple |
/// | instance | the class, the arguments of its `__new__` as one tuple, perhaps keyword arguments |
/// | persistent | the identifier |
struct PickleNode: Sendable {
  enum Kind: UInt8, Sendable { case tuple, list, set, dictionary, global, call, instance, persistent }

  let kind: Kind
  var values: [PickleValue]
  /// An index in `Pickle.additions`; nil: nothing was added.
  var addition: UInt32?
}

/// What a pickle adds to an object after it was made.
struct PickleAddition: Sendable {
  var items: [PickleValue] = []
  /// Key, value, key, value …
  var entries: [PickleValue] = []
  var states: [PickleValue] = []
}

/// A global that a pickle names, and where.
struct PickleGlobal: Sendable {
  let module: String
  let name: String
  let offset: Int

  var path: String { "\(module).\(name)" }
}

/// What a pickle describes. Nothing was called, nothing was made of it but these tables.
struct Pickle: Sendable {
  let file: InputFile
  var root = PickleValue.null
  var nodes: [PickleNode] = []
  var additions: [PickleAddition] = []
  var strings: [String] = []
  var runs: [PickleRun] = []
  /// Each once, in the order in which they appear.
  var globals: [PickleGlobal] = []
  /// Globals that are not only used but changed.
  var changedGlobals: [PickleGlobal] = []
  /// The byte behind the pickle.
  var end = 0

  func node(_ value: PickleValue) -> PickleNode? {
    if case .node(let index) = value { nodes[index] } else { nil }
  }

  func node(_ value: PickleValue, _ kind: PickleNode.Kind) -> PickleNode? {
    guard let node = node(value), node.kind == kind else { return nil }
    return node
  }

  /// The text of a value: of a string, and of a byte string of Python 2 where it is UTF-8.
  func text(_ value: PickleValue) -> String? {
    switch value {
    case .text(let index): return strings[index]
    case .bytes(let index):
      guard case .memory(let bytes) = runs[index] else { return nil }
      return String(validating: bytes, as: UTF8.self)
    default: return nil
    }
  }

  func integer(_ value: PickleValue) -> Int? {
    switch value {
    case .int(let value): value
    case .bool(let value): value ? 1 : 0
    default: nil
    }
  }

  /// The items of a tuple or list; nil when it is neither.
  func items(_ value: PickleValue) -> [PickleValue]? {
    guard let node = node(value), node.kind == .tuple || node.kind == .list else { return nil }
    return node.values
  }

  /// Sizes, strides, offsets: a tuple of integers, a list of them, or a `torch.Size`.
  func integers(_ value: PickleValue) -> [Int]? {
    var value = value
    if let call = call(value), call.path == "torch.Size" || call.path == "torch.jit._pickle.build_intlist",
      let inner = call.arguments.first
    {
      value = inner
    }
    guard let items = items(value) else { return nil }
    var integers: [Int] = []
    for item in items {
      guard let integer = integer(item) else { return nil }
      integers.append(integer)
    }
    return integers
  }

  /// The dotted path of a global.
  func path(_ value: PickleValue) -> String? {
    guard let node = node(value, .global), let module = text(node.values[0]), let name = text(node.values[1]) else {
      return nil
    }
    return "\(module).\(name)"
  }

  /// What is called, or of which class an instance is, by its path, and the arguments; nil: it is neither, or what is
  /// called is no global.
  func call(_ value: PickleValue) -> (path: String, arguments: [PickleValue])? {
    guard let node = node(value), node.kind == .call || node.kind == .instance, let path = path(node.values[0]) else {
      return nil
    }
    return (path, items(node.values[1]) ?? [])
  }

  func addition(_ value: PickleValue) -> PickleAddition? {
    node(value)?.addition.map { additions[Int($0)] }
  }

  /// The bytes of a run, at most `limit` of them.
  func bytes(_ run: PickleRun, atMost limit: Int) throws(OunceError) -> [UInt8]? {
    guard run.byteCount <= limit else { return nil }
    switch run {
    case .memory(let bytes): return bytes
    case .file(let range): return try file.bytes(range)
    }
  }
}
