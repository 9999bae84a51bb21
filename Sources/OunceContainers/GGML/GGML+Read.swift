internal import OrderedCollections
internal import OunceCore
internal import OunceEncoding

/// Reads one file as one program would.
struct GGMLReader {
  private var bytes: ByteReader
  private let version: GGMLVersion
  private let layout: GGMLLayout
  private var metadata: Metadata = [:]
  private var tensors: [Tensor] = []
  private var remarks: [Remark] = []
  private var names = Set<ExactString>()
  private var fileType: Int32 = 0
  /// Whether all before the tensors was as the program wants it.
  private(set) var isAtTensors = false
  /// How many tensors were as the program wants them.
  var tensorCount: Int { names.count }

  init(_ file: InputFile, _ version: GGMLVersion, _ layout: GGMLLayout) {
    bytes = ByteReader(file)
    self.version = version
    self.layout = layout
  }

  mutating func model() throws(OunceError) -> Model {
    try bytes.skip(version.byteCount)
    metadata["ggml.format"] = .string("\(version.magic)")
    if let number = version.number { metadata["ggml.version"] = .uint32(number) }
    metadata["ggml.layout"] = .string(layout.name)
    for part in layout.parts { try read(part) }
    isAtTensors = true
    let types = GGMLBlockTypes(version, fileType: fileType)
    let start = bytes.offset
    while bytes.remainingByteCount > 0 {
      guard names.count < Limits.tensors else {
        throw bytes.malformed("more tensors than the limit of \(Limits.tensors)")
      }
      try tensor(types)
    }
    guard names.count > 0 || layout.mayBeEmpty else {
      throw bytes.malformed(
        "the file ends before the first tensor", at: start, remedy: "the download was cut short; fetch it again")
    }
    if let needed = layout.tensor, !names.contains(ExactString(needed)) {
      throw bytes.malformed("a file for \(layout.name) has a tensor \(needed)", at: start)
    }
    return Model(
      path: bytes.file.path, container: "ggml", metadata: metadata, tensors: tensors, files: [bytes.file],
      remarks: remarks)
  }

  private mutating func read(_ part: GGMLLayout.Part) throws(OunceError) {
    switch part {
    case .integers(let names): for name in names { try integer(name) }
    case .flag(let name):
      try integer(name)
      guard field(name) < 2 else { throw bytes.malformed("\(name) is \(field(name))", at: bytes.offset - 4) }
    case .floats(let names):
      for name in names { metadata["ggml.\(name)"] = .float32(Float(bitPattern: try bytes.integer())) }
    case .text(let name):
      let start = bytes.offset
      let count = try count("bytes of \(name)", atMost: Limits.tensorNameByteCount, elementByteCount: 1)
      guard let text = try bytes.string(count), !text.isEmpty, text.utf8.allSatisfy({ (0x20..<0x7F).contains($0) })
      else {
        throw bytes.malformed("\(name) is no text", at: start)
      }
      metadata["ggml.\(name)"] = .string(text)
    case .repeated(let names, let times):
      let start = bytes.offset
      let count = try bytes.check(
        UInt64(field(times)), atMost: Limits.ggmlRepeats, of: times, elementByteCount: 4 * names.count, at: start)
      for index in 0..<count {
        for name in names { metadata["ggml.\(name).\(index)"] = .int32(try bytes.integer()) }
      }
    case .tensor(let name, let dimensions): try floats(name, dimensions)
    case .tokens(let count, let hasScores): try tokens(count, hasScores: hasScores || version.hasScores)
    }
  }

  /// The next number of the header. None of them is negative; some may be zero.
  private mutating func integer(_ name: String) throws(OunceError) {
    let start = bytes.offset
    let value = try bytes.integer(Int32.self)
    guard value >= 0 else { throw bytes.malformed("\(name) is \(value)", at: start) }
    if name == GGMLLayout.fileType {
      // ggml_ftype has 29 values; versions of blocks, in thousands, go up to 2.
      guard value % 1000 < 64, value / 1000 <= 2 else {
        throw bytes.malformed("\(name) is \(value), which is no type of file", at: start)
      }
      fileType = value
    }
    metadata["ggml.\(name)"] = .int32(value)
  }

  private func field(_ name: String) -> Int {
    metadata["ggml.\(name)"]?.integer ?? 0
  }

  private mutating func count(
    _ things: String, atMost limit: Int, elementByteCount: Int
  ) throws(OunceError) -> Int {
    let start = bytes.offset
    return try bytes.check(
      UInt64(try bytes.integer(UInt32.self)), atMost: limit, of: things, elementByteCount: elementByteCount, at: start)
  }

  private mutating func floats(_ name: String, _ dimensions: Int) throws(OunceError) {
    let start = bytes.offset
    var shape: [Int] = []
    for _ in 0..<dimensions { shape.append(Int(try bytes.integer(UInt32.self))) }
    let info: TensorInfo
    do { info = try TensorInfo(name: name, shape: shape, encoding: try Encodings.require("F32")) } catch {
      throw located(error, start)
    }
    guard info.byteCount > 0 else { throw bytes.malformed("\(name) has the shape \(shape)", at: start) }
    try add(info, FileRegion(file: bytes.file, offset: bytes.offset, rowByteCount: info.rowByteCount), start)
    try bytes.skip(info.byteCount)
  }

  private mutating func tokens(_ count: GGMLLayout.Count, hasScores: Bool) throws(OunceError) {
    let elementByteCount = hasScores ? 8 : 4
    let start = bytes.offset
    let number: Int
    switch count {
    case .field(let name):
      number = try bytes.check(
        UInt64(field(name)), atMost: Limits.metadataArrayCount, of: "tokens", elementByteCount: elementByteCount,
        at: start)
    case .own, .again:
      number = try self.count("tokens", atMost: Limits.metadataArrayCount, elementByteCount: elementByteCount)
      if case .again(let name) = count, number != field(name) {
        throw bytes.malformed("\(number) tokens follow, but \(name) is \(field(name))", at: start)
      }
    }
    guard hasScores else {
      let tokens = try bytes.strings(number, lengthByteCount: 4, eachAtMost: Limits.ggmlTokenByteCount)
      metadata["ggml.tokens"] = .array(.strings(tokens))
      return
    }
    var tokens = PackedStrings()
    var scores: [Float] = []
    tokens.reserveCapacity(number, byteCount: 0)
    scores.reserveCapacity(number)
    for _ in 0..<number {
      let length = try self.count("bytes of a token", atMost: Limits.ggmlTokenByteCount, elementByteCount: 1)
      tokens.append(bytes: try bytes.bytes(length))
      scores.append(Float(bitPattern: try bytes.integer()))
    }
    metadata["ggml.tokens"] = .array(.strings(tokens))
    metadata["ggml.scores"] = .array(.float32(scores))
  }

  private mutating func tensor(_ types: GGMLBlockTypes) throws(OunceError) {
    let start = bytes.offset
    let dimensions = try bytes.integer(UInt32.self)
    let nameByteCount = try bytes.integer(UInt32.self)
    let typeStart = bytes.offset
    let type = try bytes.integer(UInt32.self)
    guard dimensions <= Limits.ggmlDimensions else {
      throw bytes.malformed("\(dimensions) dimensions are more than the \(Limits.ggmlDimensions) of ggml", at: start)
    }
    guard nameByteCount > 0, nameByteCount <= Limits.tensorNameByteCount else {
      throw bytes.malformed("the name of a tensor has \(nameByteCount) bytes", at: start + 4)
    }
    var shape: [Int] = []
    for _ in 0..<dimensions { shape.insert(Int(try bytes.integer(UInt32.self)), at: 0) }
    let nameStart = bytes.offset
    guard let name = try bytes.string(Int(nameByteCount)) else {
      throw bytes.malformed("the name of a tensor is not UTF-8", at: nameStart)
    }
    let padding = (version.alignment - bytes.offset % version.alignment) % version.alignment
    try bytes.skip(padding)
    do throws(OunceError) {
      let block = try types.block(type)
      let stored = try block.check(name, shape)
      guard stored <= bytes.remainingByteCount else {
        throw bytes.malformed(
          "the data of \(stored) bytes begins at \(bytes.offset), but the file has \(bytes.file.byteCount) bytes: "
            + "\(stored - bytes.remainingByteCount) bytes are missing", at: start,
          remedy: "the download was cut short; fetch it again")
      }
      switch block {
      case .current(let encoding):
        let info = try TensorInfo(name: name, shape: shape, encoding: encoding)
        try add(info, FileRegion(file: bytes.file, offset: bytes.offset, rowByteCount: info.rowByteCount), start)
      case .old(let old):
        let info = try TensorInfo(name: name, shape: shape, encoding: try Encodings.require("F32"))
        let rowByteCount = info.columnCount / old.elementCount * old.byteCount
        let region = FileRegion(file: bytes.file, offset: bytes.offset, rowByteCount: rowByteCount)
        try add(info, DecodedOldBlocks(region, old, columnCount: info.columnCount, version: types.version), start)
      case .unknowable(let old):
        try claim(name, start)
        remarks.append(
          Remark(.unsupported, subject: name, "is \(old.name) of a file that does not say which of its layouts it has"))
      }
      try bytes.skip(stored)
    } catch {
      throw located(error.located(subject: "tensor \(name)"), typeStart)
    }
  }

  private mutating func claim(_ name: String, _ start: Int) throws(OunceError) {
    guard names.insert(ExactString(name)).inserted else {
      throw bytes.malformed("the tensor name \"\(name)\" appears twice", at: start)
    }
  }

  private mutating func add(_ info: TensorInfo, _ data: any TensorData, _ start: Int) throws(OunceError) {
    try claim(info.name, start)
    tensors.append(Tensor(info: info, data: data))
  }

  private func located(_ error: OunceError, _ offset: Int) -> OunceError {
    var error = error.located(file: bytes.file.path)
    error.offset = error.offset ?? offset
    return error
  }
}
