/// Instructions of pickles, as bytes.
enum PickleWriter {
  static let begin: [UInt8] = [0x80, 2]
  static let stop = utf8(".")
  static let none = utf8("N")

  static func global(_ path: String) -> [UInt8] {
    let dot = path.lastIndex(of: ".") ?? path.startIndex
    return utf8("c\(path[..<dot])\n\(path[path.index(after: dot)...])\n")
  }
  static func text(_ text: String) -> [UInt8] { all(utf8("X"), u32(text.utf8.count), utf8(text)) }
  static func int(_ value: Int) -> [UInt8] {
    value >= 0 && value < 256 ? [0x4B, UInt8(value)] : all([0x8A, 8], u64(value))
  }
  static func tuple(_ parts: [UInt8]...) -> [UInt8] { all(utf8("("), joined(parts), utf8("t")) }
  static func dictionary(_ entries: [(key: [UInt8], value: [UInt8])]) -> [UInt8] {
    all(utf8("}("), entries.flatMap { $0.key + $0.value }, utf8("u"))
  }
  static func call(_ path: String, _ arguments: [UInt8]...) -> [UInt8] {
    all(global(path), utf8("("), joined(arguments), utf8("tR"))
  }

  /// What a tensor is made of: every field can be wrong.
  struct Tensor {
    var key = text("0")
    var storage = global("torch.FloatStorage")
    var count = int(2)
    var offset = int(0)
    var shape = tuple(int(2))
    var strides = tuple(int(1))
    var function = "torch._utils._rebuild_tensor_v2"
    var kind = text("storage")

    var bytes: [UInt8] {
      let reference = all(tuple(kind, storage, key, text("cpu"), count), utf8("Q"))
      return call(function, reference, offset, shape, strides, [0x89], call("collections.OrderedDict"))
    }
  }

  /// A state dictionary of one tensor `a`.
  static func state(_ change: (inout Tensor) -> Void = { _ in }) -> [UInt8] {
    var tensor = Tensor()
    change(&tensor)
    return program(dictionary([(text("a"), tensor.bytes)]))
  }

  static func program(_ instructions: [UInt8]...) -> [UInt8] { all(begin, joined(instructions), stop) }
}
