internal import OunceCore

/// What an object header says, message by message.
///
/// | version 1 | version 2 |
/// |---|---|
/// | version, a zero, number of messages (2), references (4), byte count (4), zeros (4) | `OHDR`, version, flags, times, limits, byte count (1 to 8) |
/// | messages: type (2), byte count (2), flags, zeros (3) | messages: type, byte count (2), flags, number (2) |
/// | | checksum |
/// | more messages elsewhere | `OCHK`, more messages elsewhere, checksum |
struct HDF5Message {
  enum Kind: Int {
    case dataspace = 1
    case linkInfo = 2
    case datatype = 3
    case oldFillValue = 4
    case fillValue = 5
    case link = 6
    case externalFiles = 7
    case layout = 8
    case groupInfo = 10
    case filters = 11
    case attribute = 12
    case continuation = 16
    case symbolTable = 17
    case attributeInfo = 21
  }

  let kind: Kind
  let flags: Int
  var body: HDF5Block

  /// Whether the message only says where the real one is.
  var isShared: Bool { flags & 2 != 0 }
}

extension HDF5Source {
  /// The messages of the object at byte `place`, in order; of types that are not needed, none.
  func messages(at place: Int) throws(OunceError) -> [HDF5Message] {
    var header = HDF5HeaderReader(self)
    return try header.messages(at: place)
  }

  /// The message itself, where another object keeps it: a type with a name.
  func resolved(_ message: HDF5Message) throws(OunceError) -> HDF5Block {
    guard message.isShared else { return message.body }
    var body = message.body
    let target = try shared(&body)
    guard let real = try messages(at: target).first(where: { $0.kind == message.kind }), !real.isShared else {
      throw malformed("the object that should keep a shared message has none", at: target)
    }
    return real.body
  }

  /// Where the object is that keeps a shared message.
  private func shared(_ body: inout HDF5Block) throws(OunceError) -> Int {
    let start = body.offset
    let version = try body.version(1...3)
    let kind = try body.number(1)
    if version == 1 { try body.skip(6 + lengthByteCount) }
    guard version < 3 || kind == 2 else {
      throw OunceError(
        .unsupported, "a message is kept in the table of shared messages, which this build does not read",
        file: file.path, offset: start, remedy: "write the file again without shared messages (h5repack)")
    }
    return try body.address(of: "the object that keeps a shared message")
  }
}

private struct HDF5HeaderReader {
  private let source: HDF5Source
  private var messages: [HDF5Message] = []
  /// Parts that are not read yet.
  private var parts: [(place: Int, byteCount: Int)] = []
  private var places: Set<Int> = []
  private var messageCount = 0

  init(_ source: HDF5Source) { self.source = source }

  mutating func messages(at place: Int) throws(OunceError) -> [HDF5Message] {
    var start = try source.beginning("an object header", at: place, atMost: 64)
    let isNew = try start.array(min(4, start.remainingByteCount)) == Array("OHDR".utf8)
    places.insert(place)
    let numberByteCount = isNew ? try beginNew(place, &start) : try beginOld(place)
    while let part = parts.popLast() {
      guard places.insert(part.place).inserted else {
        throw source.malformed("the header of the object at byte \(place) continues in itself", at: part.place)
      }
      if isNew {
        var block = try source.checkedBlock("the continuation of an object header", at: part.place, part.byteCount)
        try block.signature("OCHK")
        try read(&block, isNew: true, numberByteCount)
      } else {
        var block = try source.block("the continuation of an object header", at: part.place, part.byteCount)
        try read(&block, isNew: false, 0)
      }
    }
    return messages
  }

  private mutating func beginOld(_ place: Int) throws(OunceError) -> Int {
    var prefix = try source.block("an object header", at: place, 16)
    _ = try prefix.version(1...1)
    try prefix.skip(7)
    let byteCount = try prefix.number(4)
    var block = try source.block("an object header", at: place + 16, byteCount)
    try read(&block, isNew: false, 0)
    return 0
  }

  /// Returns how many bytes the number of a message takes.
  private mutating func beginNew(_ place: Int, _ start: inout HDF5Block) throws(OunceError) -> Int {
    _ = try start.version(2...2)
    let flags = try start.number(1)
    if flags & 0x20 != 0 { try start.skip(16) }
    if flags & 0x10 != 0 { try start.skip(4) }
    let byteCount = try start.number(1 << (flags & 3))
    let prefix = start.offset - place
    guard byteCount <= source.end - start.offset else {
      throw start.malformed("\(byteCount) bytes of messages reach beyond the end of the data")
    }
    var block = try source.checkedBlock("an object header", at: place, prefix + byteCount + 4)
    try block.skip(prefix)
    let numberByteCount = flags & 4 != 0 ? 2 : 0
    try read(&block, isNew: true, numberByteCount)
    return numberByteCount
  }

  /// Reads the messages of one part. What is left at its end is too small for another.
  private mutating func read(
    _ block: inout HDF5Block, isNew: Bool, _ numberByteCount: Int
  ) throws(OunceError) {
    let headByteCount = isNew ? 4 + numberByteCount : 8
    while block.remainingByteCount >= headByteCount {
      messageCount += 1
      guard messageCount <= Limits.hdf5Messages else {
        throw block.malformed("more than the limit of \(Limits.hdf5Messages) messages")
      }
      let type = try block.number(isNew ? 1 : 2)
      let byteCount = try block.number(2)
      let flags = try block.number(1)
      try block.skip(isNew ? numberByteCount : 3)
      var body = try block.slice(byteCount)
      guard let kind = HDF5Message.Kind(rawValue: type) else { continue }
      if kind == .continuation {
        parts.append((try body.address(of: "the continuation"), try body.length()))
      } else {
        messages.append(HDF5Message(kind: kind, flags: flags, body: body))
      }
    }
  }
}
