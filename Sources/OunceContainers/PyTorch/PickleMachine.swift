internal import OunceCore

/// Runs a pickle without calling anything: what it would call, import or make becomes a node that says so.
///
/// Every instruction takes at least a byte of the file, and what one adds to memory is bounded: nodes, items, the stack
/// and the memo each have a limit. There is no loop and no recursion.
struct PickleMachine {
  var reader: ByteReader
  private(set) var pickle: Pickle
  private var stack: [PickleValue] = []
  /// How high the stack was at each mark.
  private var marks: [Int] = []
  private var memo: [PickleValue?] = []
  private var itemCount = 0
  /// Globals by their path, so that each is listed once.
  private var globalPaths: Set<ExactString> = []
  private let emptyTuple: PickleValue
  /// Where the instruction that is run begins.
  private(set) var start = 0

  /// Runs the pickle at byte `offset` of a file.
  static func run(_ file: InputFile, at offset: Int = 0) throws(OunceError) -> Pickle {
    var machine = PickleMachine(file, at: offset)
    while try machine.step() {}
    return machine.pickle
  }

  private init(_ file: InputFile, at offset: Int) {
    reader = ByteReader(file, at: offset)
    pickle = Pickle(file: file)
    pickle.nodes.append(PickleNode(kind: .tuple, values: []))
    emptyTuple = .node(0)
  }

  /// Runs one instruction; false after the last.
  private mutating func step() throws(OunceError) -> Bool {
    start = reader.offset
    let byte = try reader.integer(UInt8.self)
    guard let opcode = PickleOpcode(rawValue: byte) else {
      throw malformed("\(byte) is no instruction of a pickle")
    }
    if opcode == .stop {
      pickle.root = try pop()
      pickle.end = reader.offset
      return false
    }
    if try pushConstant(opcode) { return true }
    if try pushContent(opcode) { return true }
    if try runMemo(opcode) { return true }
    if try runContainers(opcode) { return true }
    try runObjects(opcode)
    return true
  }

  // MARK: What aspects share

  func malformed(_ problem: String) -> OunceError { reader.malformed(problem, at: start) }

  func unsupported(_ problem: String) -> OunceError {
    OunceError(
      .unsupported, problem, file: reader.file.path, offset: start,
      remedy: "save the tensors alone, as a plain dictionary, and convert that")
  }

  mutating func push(_ value: PickleValue) throws(OunceError) {
    guard stack.count < Limits.pickleStack else {
      throw malformed("the stack of the pickle holds more than the limit of \(Limits.pickleStack) values")
    }
    stack.append(value)
  }

  mutating func push(_ kind: PickleNode.Kind, _ values: [PickleValue]) throws(OunceError) {
    guard pickle.nodes.count < Limits.pickleObjects else {
      throw malformed("the pickle has more objects than the limit of \(Limits.pickleObjects)")
    }
    try count(values.count)
    pickle.nodes.append(PickleNode(kind: kind, values: values))
    try push(.node(pickle.nodes.count - 1))
  }

  mutating func push(text: String) throws(OunceError) {
    try countTables()
    pickle.strings.append(text)
    try push(.text(pickle.strings.count - 1))
  }

  mutating func push(_ run: PickleRun) throws(OunceError) {
    try countTables()
    pickle.runs.append(run)
    try push(.bytes(pickle.runs.count - 1))
  }

  private func countTables() throws(OunceError) {
    guard pickle.strings.count + pickle.runs.count < Limits.pickleObjects else {
      throw malformed("the pickle has more strings than the limit of \(Limits.pickleObjects)")
    }
  }

  mutating func pop() throws(OunceError) -> PickleValue {
    guard stack.count > marks.last ?? 0 else { throw malformed("the pickle takes a value from an empty stack") }
    return stack.removeLast()
  }

  /// The value that the instruction works on, left on the stack.
  private func top() throws(OunceError) -> PickleValue {
    guard stack.count > marks.last ?? 0, let value = stack.last else {
      throw malformed("the pickle uses a value of an empty stack")
    }
    return value
  }

  /// The values above the last mark.
  private mutating func popToMark() throws(OunceError) -> [PickleValue] {
    guard let mark = marks.popLast() else { throw malformed("the pickle goes back to a mark that it never set") }
    let values = Array(stack[mark...])
    stack.removeSubrange(mark...)
    return values
  }

  private mutating func count(_ items: Int) throws(OunceError) {
    itemCount += items
    guard itemCount <= Limits.pickleItems else {
      throw malformed("the pickle has more items than the limit of \(Limits.pickleItems)")
    }
  }
}

// MARK: The stack and the memo

extension PickleMachine {
  private mutating func pushConstant(_ opcode: PickleOpcode) throws(OunceError) -> Bool {
    switch opcode {
    case .none: try push(.null)
    case .newTrue: try push(.bool(true))
    case .newFalse: try push(.bool(false))
    case .binaryInt: try push(.int(Int(try reader.integer(Int32.self))))
    case .binaryInt1: try push(.int(Int(try reader.integer(UInt8.self))))
    case .binaryInt2: try push(.int(Int(try reader.integer(UInt16.self))))
    case .emptyTuple: try push(emptyTuple)
    case .mark:
      guard marks.count < Limits.pickleStack else {
        throw malformed("the pickle sets more marks than the limit of \(Limits.pickleStack)")
      }
      marks.append(stack.count)
    case .pop:
      // Python drops a mark, too, when it is on top.
      if stack.count == marks.last { marks.removeLast() } else { _ = try pop() }
    case .popMark: _ = try popToMark()
    case .duplicate: try push(try top())
    case .protocolVersion:
      let version = try reader.integer(UInt8.self)
      guard version <= 5 else {
        throw malformed("the pickle is of protocol \(version), but 5 is the last that is known")
      }
    case .frame:
      _ = try reader.check(
        try reader.integer(UInt64.self), atMost: 1 << 60, of: "bytes of a frame", elementByteCount: 1,
        at: start)
    case .readOnlyBuffer: _ = try top()
    default: return false
    }
    return true
  }

  private mutating func runMemo(_ opcode: PickleOpcode) throws(OunceError) -> Bool {
    switch opcode {
    case .get: try push(try remembered(try lineNumber()))
    case .binaryGet: try push(try remembered(Int(try reader.integer(UInt8.self))))
    case .longBinaryGet: try push(try remembered(Int(try reader.integer(UInt32.self))))
    case .put: try remember(try lineNumber())
    case .binaryPut: try remember(Int(try reader.integer(UInt8.self)))
    case .longBinaryPut: try remember(Int(try reader.integer(UInt32.self)))
    case .memoize: try remember(memo.count)
    default: return false
    }
    return true
  }

  private func remembered(_ index: Int) throws(OunceError) -> PickleValue {
    guard memo.indices.contains(index), let value = memo[index] else {
      throw malformed("the pickle asks for the value \(index), which it never kept")
    }
    return value
  }

  private mutating func remember(_ index: Int) throws(OunceError) {
    let value = try top()
    // Numbers ascend; some writers begin with 1, or leave some out.
    guard index >= 0, index < Limits.pickleMemo, index <= memo.count + Self.memoGap else {
      throw malformed("the pickle keeps a value as number \(index), where \(memo.count) follows")
    }
    while memo.count <= index { memo.append(nil) }
    memo[index] = value
  }

  private static let memoGap = 65_536
}

// MARK: Containers

extension PickleMachine {
  private mutating func runContainers(_ opcode: PickleOpcode) throws(OunceError) -> Bool {
    switch opcode {
    case .emptyList: try push(.list, [])
    case .emptyDictionary: try push(.dictionary, [])
    case .emptySet: try push(.set, [])
    case .tuple: try push(.tuple, try popToMark())
    case .list: try push(.list, try popToMark())
    case .frozenSet: try push(.set, try popToMark())
    case .dictionary: try push(.dictionary, try pairs(try popToMark()))
    case .tuple1: try pushTuple(of: 1)
    case .tuple2: try pushTuple(of: 2)
    case .tuple3: try pushTuple(of: 3)
    case .append: try add(items: [try pop()])
    case .appends, .addItems: try add(items: try popToMark())
    case .setItem:
      let value = try pop()
      try add(entries: [try pop(), value])
    case .setItems: try add(entries: try pairs(try popToMark()))
    default: return false
    }
    return true
  }

  private mutating func pushTuple(of count: Int) throws(OunceError) {
    var values: [PickleValue] = []
    for _ in 0..<count { values.append(try pop()) }
    try push(.tuple, values.reversed())
  }

  private func pairs(_ values: [PickleValue]) throws(OunceError) -> [PickleValue] {
    guard values.count.isMultiple(of: 2) else {
      throw malformed("the pickle has \(values.count) keys and values, where pairs are expected")
    }
    return values
  }

  /// Adds to the list, set or object on top of the stack.
  private mutating func add(items: [PickleValue]) throws(OunceError) {
    try count(items.count)
    let index = try target("items")
    switch pickle.nodes[index].kind {
    case .list, .set: pickle.nodes[index].values += items
    case .dictionary, .tuple: throw malformed("the pickle adds items to something that is no list")
    default: pickle.additions[addition(to: index)].items += items
    }
  }

  private mutating func add(entries: [PickleValue]) throws(OunceError) {
    try count(entries.count)
    let index = try target("entries")
    switch pickle.nodes[index].kind {
    case .dictionary: pickle.nodes[index].values += entries
    case .list, .set, .tuple: throw malformed("the pickle adds entries to something that is no dictionary")
    default: pickle.additions[addition(to: index)].entries += entries
    }
  }

  private mutating func addState(_ state: PickleValue) throws(OunceError) {
    try count(1)
    let index = try target("a state")
    pickle.additions[addition(to: index)].states.append(state)
  }

  /// The node on top of the stack, which something is added to.
  private mutating func target(_ things: String) throws(OunceError) -> Int {
    guard case .node(let index) = try top() else {
      throw malformed("the pickle adds \(things) to something that is no object")
    }
    let node = pickle.nodes[index]
    if node.kind == .global, let global = global(node) { pickle.changedGlobals.append(global) }
    return index
  }

  private func global(_ node: PickleNode) -> PickleGlobal? {
    guard let module = pickle.text(node.values[0]), let name = pickle.text(node.values[1]),
      pickle.changedGlobals.count < Limits.listedGlobals
    else { return nil }
    return PickleGlobal(module: module, name: name, offset: start)
  }

  private mutating func addition(to index: Int) -> Int {
    if let known = pickle.nodes[index].addition { return Int(known) }
    pickle.additions.append(PickleAddition())
    pickle.nodes[index].addition = UInt32(pickle.additions.count - 1)
    return pickle.additions.count - 1
  }
}

// MARK: Objects

extension PickleMachine {
  private mutating func runObjects(_ opcode: PickleOpcode) throws(OunceError) {
    switch opcode {
    case .global:
      let module = try line()
      try pushGlobal(module, try line())
    case .stackGlobal:
      let (name, module) = (try pop(), try pop())
      guard let module = pickle.text(module), let name = pickle.text(name) else {
        throw malformed("the pickle computes the name of what it imports, which hides it")
      }
      try pushGlobal(module, name)
    case .reduce:
      let arguments = try pop()
      try push(.call, [try pop(), arguments])
    case .newObject:
      let arguments = try pop()
      try push(.instance, [try pop(), arguments])
    case .newObjectWithKeywords:
      let (keywords, arguments) = (try pop(), try pop())
      try push(.instance, [try pop(), arguments, keywords])
    case .build: try addState(try pop())
    case .instance:
      let module = try line()
      let name = try line()
      let arguments = try popToMark()
      try pushGlobal(module, name)
      try pushInstance(arguments)
    case .object:
      let values = try popToMark()
      guard let type = values.first else { throw malformed("the pickle makes an object of no class") }
      try push(type)
      try pushInstance(Array(values.dropFirst()))
    case .persistent:
      try push(text: try line())
      try push(.persistent, [try pop()])
    case .binaryPersistent: try push(.persistent, [try pop()])
    case .extension1, .extension2, .extension4:
      throw unsupported("the pickle names a class by a number that only the program that wrote it knows")
    case .nextBuffer:
      throw unsupported("the pickle keeps its buffers elsewhere")
    default: throw malformed("\(opcode.rawValue) is no instruction of a pickle")
    }
  }

  /// An instance of the class on top of the stack.
  private mutating func pushInstance(_ arguments: [PickleValue]) throws(OunceError) {
    let type = try pop()
    try push(.tuple, arguments)
    try push(.instance, [type, try pop()])
  }

  private mutating func pushGlobal(_ module: String, _ name: String) throws(OunceError) {
    if globalPaths.insert(ExactString("\(module)\n\(name)")).inserted {
      pickle.globals.append(PickleGlobal(module: module, name: name, offset: start))
    }
    try push(text: module)
    try push(text: name)
    let (last, first) = (try pop(), try pop())
    try push(.global, [first, last])
  }
}
