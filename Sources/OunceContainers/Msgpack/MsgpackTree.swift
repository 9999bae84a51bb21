internal import OrderedCollections
internal import OunceCore
internal import OunceEncoding

/// Walks the dictionaries of a checkpoint and gathers its leaves.
struct MsgpackTree {
  private var reader: MsgpackReader
  private var model: Model
  private var names = Set<ExactString>()
  private var nameByteCount = 0

  init(_ file: InputFile) {
    reader = MsgpackReader(file)
    model = Model(path: file.path, container: "msgpack", files: [file])
  }

  mutating func read() throws(OunceError) -> Model {
    guard case .dictionary(let count) = try reader.next() else {
      throw reader.malformed("expected a dictionary", at: 0)
    }
    try dictionary(count, "", depth: 0)
    guard reader.isAtEnd else {
      throw reader.malformed("bytes follow the dictionary", at: reader.offset)
    }
    return model
  }

  private mutating func dictionary(_ count: Int, _ prefix: String, depth: Int) throws(OunceError) {
    guard depth < Limits.msgpackNesting else {
      throw reader.malformed("more than \(Limits.msgpackNesting) dictionaries inside each other", at: reader.offset)
    }
    for index in 0..<count {
      let start = reader.offset
      let key = try key()
      if index == 0, key == MsgpackChunks.mark {
        try chunked(count, prefix, start)
        return
      }
      try value(prefix.isEmpty ? key : "\(prefix).\(key)", start, depth: depth)
    }
  }

  /// The next value, which has to be a key: a text, or a number as some trees have.
  private mutating func key() throws(OunceError) -> String {
    let start = reader.offset
    switch try reader.next() {
    case .text(let range):
      guard let text = try reader.text(range) else { throw reader.malformed("a key is no text", at: start) }
      return text
    case .integer(let number): return "\(number)"
    default: throw reader.malformed("a key is neither text nor number", at: start)
    }
  }

  private mutating func value(_ name: String, _ start: Int, depth: Int) throws(OunceError) {
    guard name.utf8.count <= Limits.tensorNameByteCount else {
      throw reader.malformed("a name of \(name.utf8.count) bytes is beyond the limit", at: start)
    }
    switch try reader.next() {
    case .dictionary(let count): try dictionary(count, name, depth: depth + 1)
    case .list(let count):
      guard depth + 1 < Limits.msgpackNesting else {
        throw reader.malformed("more than \(Limits.msgpackNesting) lists inside each other", at: reader.offset)
      }
      for index in 0..<count { try value("\(name).\(index)", reader.offset, depth: depth + 1) }
    case .extended(let kind, let range): try leaf(kind, range, name, start)
    case .integer(let number): try note(name, .int64(number), start)
    case .float(let number): try note(name, .float64(number), start)
    case .boolean(let flag): try note(name, .bool(flag), start)
    case .text(let range):
      if let text = try reader.text(range) { try note(name, .string(text), start) }
    case .null, .bytes: try claim(name, start)
    }
  }

  private mutating func leaf(_ kind: Int8, _ range: Range<Int>, _ name: String, _ start: Int) throws(OunceError) {
    try claim(name, start)
    guard kind == 1 || kind == 3 else {
      model.remarks.append(
        Remark(.unsupported, subject: name, kind == 2 ? "is a complex number" : "is an extension of kind \(kind)"))
      return
    }
    do throws(OunceError) {
      let array = try MsgpackArray(reader, range)
      guard let encoding = array.encoding else {
        model.remarks.append(Remark(.unsupported, subject: name, "is an array of \(array.dtype)"))
        return
      }
      let info = try TensorInfo(name: name, shape: array.shape, encoding: encoding)
      try array.check(info.byteCount, reader)
      let region = FileRegion(file: reader.file, offset: array.range.lowerBound, rowByteCount: info.rowByteCount)
      model.tensors.append(Tensor(info: info, data: region))
    } catch { throw located(error, name, range.lowerBound) }
  }

  private mutating func chunked(_ count: Int, _ name: String, _ start: Int) throws(OunceError) {
    try claim(name, start)
    do throws(OunceError) {
      let chunks = try MsgpackChunks(&reader, count)
      guard let encoding = chunks.encoding else {
        model.remarks.append(Remark(.unsupported, subject: name, "is an array of \(chunks.dtype)"))
        return
      }
      let info = try TensorInfo(name: name, shape: chunks.shape, encoding: encoding)
      guard info.byteCount == chunks.byteCount else {
        throw reader.malformed(
          "the shape \(chunks.shape) takes \(info.byteCount) bytes, but the chunks have \(chunks.byteCount)", at: start)
      }
      model.tensors.append(Tensor(info: info, data: chunks.data(info, reader.file)))
    } catch { throw located(error, name, start) }
  }

  private mutating func note(_ name: String, _ value: MetadataValue, _ start: Int) throws(OunceError) {
    try claim(name, start)
    guard model.metadata.count < Limits.metadataKeys else {
      throw reader.malformed("more values than the limit of \(Limits.metadataKeys)", at: start)
    }
    model.metadata[name] = value
  }

  private mutating func claim(_ name: String, _ start: Int) throws(OunceError) {
    nameByteCount += name.utf8.count
    guard names.count < Limits.tensors, nameByteCount <= Limits.leafNamesByteCount else {
      throw reader.malformed(
        "more leaves than the limit of \(Limits.tensors), or of \(Limits.leafNamesByteCount) bytes for their names",
        at: start)
    }
    guard names.insert(ExactString(name)).inserted else {
      throw reader.malformed("the name \"\(name)\" appears twice", at: start)
    }
  }

  private func located(_ error: OunceError, _ name: String, _ offset: Int) -> OunceError {
    var error = error.located(file: reader.file.path, subject: "array \(name)")
    error.offset = error.offset ?? offset
    return error
  }
}
