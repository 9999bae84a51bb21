/// The files of ggml from before GGUF, and those of llama2.c and CTranslate2: no magic, or nearly none.
enum HostileGGML {
  struct Writer {
    var magic = "tjgg"
    var version: Int? = 3
    /// The seven numbers of llama: vocabulary, width, multiple, heads, layers, rotation, type.
    var numbers = [2, 2, 1, 1, 1, 2, 0]
    var tokens = [(utf8("a"), 1), (utf8("b"), 1)].map { all(u32($1), $0, u32(0)) }
    var dimensions = 2
    var sizes = [2, 2]
    var type = 0
    var name = utf8("tok_embeddings.weight")
    var nameByteCount: Int?
    var data = floats(4)
    var behind: [UInt8] = []

    var bytes: [UInt8] {
      var bytes = utf8(magic) + (version.map(u32) ?? [])
      for number in numbers { bytes += u32(number) }
      for token in tokens { bytes += token }
      return bytes + tensor(at: bytes.count) + behind
    }

    func tensor(at place: Int) -> [UInt8] {
      var bytes = all(u32(dimensions), u32(nameByteCount ?? name.count), u32(type))
      for size in sizes { bytes += u32(size) }
      bytes += name
      if magic == "tjgg" { while (place + bytes.count) % 32 != 0 { bytes.append(0) } }
      return bytes + data
    }
  }

  private static func made(_ change: (inout Writer) -> Void) -> [UInt8] {
    var writer = Writer()
    change(&writer)
    return writer.bytes
  }

  static let suite: HostileSuite = {
    var suite = HostileSuite("ggml", file: "ggml-model.bin")
    ggml(&suite)
    llama2c(&suite)
    return suite
  }()

  private static func ggml(_ suite: inout HostileSuite) {
    suite.accept("a sound file", because: "it is what the converters made", Writer().bytes)
    for version in [0, 4, 100, -1] {
      suite.refuse("ggjt version \(version)", "OUN104", "ggjt version", made { $0.version = version })
    }
    suite.refuse("ggmf version 7", "OUN104", "ggmf version 7", made { ($0.magic, $0.version) = ("fmgg", 7) })
    suite.refuse("only the magic", "OUN102", "bytes", utf8("tjgg"))
    suite.refuse("a magic and a version", "OUN102", "", utf8("tjgg") + u32(3))
    for (index, name) in ["vocabulary", "width", "multiple", "heads", "layers", "rotation", "type"].enumerated() {
      suite.refuse("a negative \(name)", "OUN102", "", made { $0.numbers[index] = -1 })
    }
    suite.refuse("a vocabulary of 2^31-1", "OUN102", "", made { $0.numbers[0] = 0x7FFF_FFFF })
    suite.refuse("a token too many", "OUN102", "", made { $0.numbers[0] = 3 })
    suite.refuse("a token of 2^32-1 bytes", "OUN102", "", made { $0.tokens[1] = all(u32(-1), utf8("b"), u32(0)) })
    suite.refuse("a type of file that there is not", "OUN102", "", made { $0.numbers[6] = 999 })
    suite.refuse("no tensor", "OUN102", "", Array(Writer().bytes.prefix(54)))
    func tensor(_ what: String, _ words: String, rule: String = "OUN102", _ change: (inout Writer) -> Void) {
      suite.refuse(what, rule, words, made(change))
    }
    tensor("five dimensions", "more than the 4") { ($0.dimensions, $0.sizes) = (5, [2, 2, 1, 1, 1]) }
    tensor("2^32-1 dimensions", "more than the 4") { $0.dimensions = -1 }
    tensor("a name of 2^32-1 bytes", "the name of a tensor has") { $0.nameByteCount = -1 }
    tensor("a name of no bytes", "the name of a tensor has 0") { $0.name = [] }
    tensor("a name that is no UTF-8", "not UTF-8") { $0.name = [0xC3, 0x28] }
    tensor("sizes beyond the file", "bytes are missing") { $0.sizes = [1 << 20, 1 << 10] }
    tensor("sizes of 2^32-1", "overflows") { $0.sizes = [-1, -1] }
    tensor("a type of the future", "unknown ggml type", rule: "OUN104") { $0.type = 4242 }
    tensor("rows that are no whole blocks", "no whole blocks") { $0.type = 8 }
    tensor("data that is cut by a byte", "1 bytes are missing") { $0.data = Array(floats(4).dropLast()) }
    tensor("three bytes behind the last tensor", "bytes") { $0.behind = [1, 2, 3] }
    tensor("the tensor twice", "appears twice") { $0.behind = $0.tensor(at: $0.bytes.count) }
    tensor("noise behind the last tensor", "") {
      $0.behind = (0..<100).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 11) }
    }
    tensor("NaN among the values", "NaN", rule: "OUN201") { $0.data = floats(3) + u32(-1) }
    suite.warn(
      "a name that leads out of the folder", "OUN112", "leads out",
      made {
        ($0.behind, $0.name) = ($0.tensor(at: $0.bytes.count), $0.name)
        var other = Writer()
        (other.name, other.dimensions, other.sizes, other.data) = (utf8("../x"), 1, [2], floats(2))
        $0.behind = other.tensor(at: Writer().bytes.count)
      })
  }

  /// A checkpoint of version 0: seven numbers, floats.
  private static func small(
    _ numbers: [Int] = [2, 2, 1, 1, 1, 2, 2], floats count: Int = 46, change: (inout [UInt8]) -> Void = { _ in }
  ) -> [UInt8] {
    var bytes = numbers.flatMap(u32) + floats(count)
    change(&bytes)
    return bytes
  }

  private static func versioned(
    _ version: Int, _ numbers: [Int] = [2, 2, 1, 1, 1, 2, 2], flag: Int = 1, group: Int? = nil, floats count: Int = 42
  ) -> [UInt8] {
    let head = all(utf8("24ka"), u32(version), numbers.flatMap(u32), u8(flag), group.map(u32) ?? [])
    return head.padded(to: 256) + floats(count)
  }

  private static func llama2c(_ suite: inout HostileSuite) {
    let name = "stories.bin"
    // 2 × 2 embeddings, norms of 2, four 2 × 2 matrices, three more, the last norm, and waves of 2 × 1 twice.
    suite.accept(
      "llama2.c, version 0", because: "its size is what its numbers ask for",
      small(floats: 4 + 2 + 16 + 2 + 12 + 2 + 4), as: name)
    suite.refuse("llama2.c, a byte too many", "OUN104", "no weight file", small(floats: 42) + [0], as: name)
    suite.refuse("llama2.c, a byte too few", "OUN104", "no weight file", Array(small(floats: 42).dropLast()), as: name)
    suite.accept("llama2.c, version 1", because: "it is read", versioned(1, floats: 4 + 2 + 4 + 16 + 12), as: name)
    suite.refuse("llama2.c, version 3", "OUN104", "version 3", versioned(3), as: name)
    suite.refuse("llama2.c, version 0 behind the magic", "OUN104", "version 0", versioned(0), as: name)
    suite.refuse("llama2.c, a flag of 7", "OUN102", "is 7", versioned(1, flag: 7, floats: 38), as: name)
    suite.refuse("llama2.c, groups of none", "OUN102", "groups of 0", versioned(2, group: 0), as: name)
    suite.refuse("llama2.c, groups of 3", "OUN102", "groups of 3", versioned(2, group: 3), as: name)
    suite.refuse("llama2.c, groups of -1", "OUN102", "groups of -1", versioned(2, group: -1), as: name)
    suite.refuse("llama2.c, only the magic", "OUN102", "bytes", utf8("24ka"), as: name)
    for (index, number) in ["dim", "hidden_dim", "n_layers", "n_heads", "n_kv_heads", "vocab_size", "seq_len"]
      .enumerated()
    {
      for value in [0, -1, 0x7FFF_FFFF] where number != "seq_len" || value <= 0 {
        var numbers = [2, 2, 1, 1, 1, 2, 2]
        numbers[index] = value
        suite.refuse(
          "llama2.c, \(number) of \(value)", "OUN102", "the sizes", versioned(1, numbers, floats: 38), as: name)
      }
    }
    suite.refuse(
      "llama2.c, all numbers of 2^31-1", "OUN102", "the sizes",
      versioned(1, [Int](repeating: 0x7FFF_FFFF, count: 7), floats: 38), as: name)
    suite.refuse(
      "llama2.c, NaN among the values", "OUN201", "NaN",
      versioned(1, floats: 37) + u32(-1), as: name)
  }
}
