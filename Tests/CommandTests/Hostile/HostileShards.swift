/// Models in several files: an index, names that belong together, split GGUF.
enum HostileShards {
  private static func shard(_ name: String) -> [UInt8] {
    HostileSafetensors.file("{\(HostileSafetensors.tensor(name))}")
  }
  private static let first = "model-00001-of-00002.safetensors"
  private static let second = "model-00002-of-00002.safetensors"
  private static let index = "model.safetensors.index.json"
  private static func map(_ text: String) -> [UInt8] { utf8(#"{"metadata":{},"weight_map":\#(text)}"#) }
  private static let good = map(#"{"a":"\#(first)","b":"\#(second)"}"#)

  static let suite: HostileSuite = {
    var suite = HostileSuite("shards", file: "model.safetensors.index.json")
    indices(&suite)
    sets(&suite)
    splits(&suite)
    return suite
  }()

  private static func indices(_ suite: inout HostileSuite) {
    func with(_ what: String, _ rule: String, _ words: String, _ index: [UInt8]) {
      suite.refuse(what, rule, words, folder: [Self.index: index, first: shard("a"), second: shard("b")])
    }
    suite.accept(
      "a sound set", because: "it is what the writers make",
      folder: [index: good, first: shard("a"), second: shard("b")])
    suite.accept(
      "any shard of it", because: "it finds the others",
      folder: [index: good, first: shard("a"), second: shard("b")], checked: second)
    with("an index without a map", "OUN102", "no \"weight_map\"", utf8("{}"))
    with("an index that names no shard", "OUN102", "names no shard", map("{}"))
    with("a map that is a list", "OUN102", "an object", map("[]"))
    with("a shard that is a number", "OUN102", "a string in quotes", map(#"{"a":1}"#))
    with("two maps", "OUN102", "appears twice", utf8(#"{"weight_map":{"a":"x"},"weight_map":{"a":"x"}}"#))
    with("a tensor twice", "OUN102", "appears twice", map(#"{"a":"\#(first)","a":"\#(second)"}"#))
    with(
      "a shard in the folder above", "OUN102", "not inside of the folder",
      map(#"{"a":"../\#(first)","b":"\#(second)"}"#))
    with("a shard of an absolute path", "OUN102", "not inside of the folder", map(#"{"a":"/etc/passwd"}"#))
    with("a shard with dots inside", "OUN102", "not inside of the folder", map(#"{"a":"x/../../y"}"#))
    with("a shard with a zero in its name", "OUN102", "not inside of the folder", map(#"{"a":"a\u0000b"}"#))
    with("a shard without a name", "OUN102", "not inside of the folder", map(#"{"a":""}"#))
    with("the folder itself as a shard", "OUN102", "not inside of the folder", map(#"{"a":"."}"#))
    with("a shard with a backslash", "OUN105", "are missing", map(#"{"a":"..\\x"}"#))
    with(
      "a shard of a megabyte of letters", "OUN102", "the shard \"nnn",
      map(#"{"a":"\#(String(repeating: "n", count: 1 << 20))"}"#))
    with(
      "a shard that is not there", "OUN105", "1 of 3 shards",
      map(#"{"a":"\#(first)","b":"\#(second)","c":"x.safetensors"}"#))
    with(
      "ten thousand and one shards", "OUN102", "more than the limit",
      map("{" + (0...10_000).map { #""\#($0)":"s\#($0)""# }.joined(separator: ",") + "}"))
    with(
      "a tensor that no shard has", "OUN105", "are not in the shards",
      map(#"{"a":"\#(first)","b":"\#(second)","c":"\#(second)"}"#))
    suite.refuse(
      "a tensor that the index does not know", "OUN105", "are not in the index",
      folder: [
        index: map(#"{"a":"\#(first)"}"#),
        first: HostileSafetensors.file(
          "{\(HostileSafetensors.tensor()),\(HostileSafetensors.tensor("b", offsets: "[8,16]"))}", floats(4)),
      ])
    with("tensors in the other shard", "OUN105", "are not in the shards", map(#"{"b":"\#(first)","a":"\#(second)"}"#))
    with(
      "an index that is the Git LFS pointer of one", "OUN103", "Git LFS pointer",
      utf8("version https://git-lfs.github.com/spec/v1\nsize 5\n"))
    with("an index that is a page", "OUN103", "HTML page", utf8("<html><title>404</title>"))
    with("an empty index", "OUN103", "is empty", [])
    with("an index that is cut", "OUN102", "the document ends", Array(good.dropLast(5)))
    with(
      "an index nested beyond all sense", "OUN102", "nested deeper",
      utf8(#"{"metadata":"# + String(repeating: "[", count: 50_000)))
    suite.refuse("a shard that names itself as index", "OUN103", "JSON", folder: [index: map(#"{"a":"\#(index)"}"#)])
    suite.refuse("a shard that is a folder", "OUN105", "are missing", folder: [index: map(#"{"a":"x"}"#), "x/y": [1]])
    suite.refuse(
      "a shard that is cut", "OUN102", "are missing",
      folder: [index: good, first: shard("a"), second: Array(shard("b").dropLast(3))])
    suite.refuse(
      "a shard that is a pointer", "OUN103", "Git LFS pointer",
      folder: [index: good, first: shard("a"), second: utf8("version https://git-lfs.github.com/spec/v1\nsize 5\n")])
    suite.refuse(
      "a shard that is unfinished", "OUN105", "are missing",
      folder: [index: good, first: shard("a"), "\(second).incomplete": shard("b")])
    suite.refuse(
      "a shard of another format", "OUN105", "the first shard is safetensors",
      folder: [index: good, first: shard("a"), second: HostileGGUF.named("b")])
    suite.refuse(
      "a tensor in two shards", "OUN105", "in an earlier shard",
      folder: [index: good, first: shard("a"), second: shard("a")])
  }

  private static func sets(_ suite: inout HostileSuite) {
    suite.accept(
      "shards without an index", because: "their names make them one model",
      folder: [first: shard("a"), second: shard("b")])
    suite.refuse("one of two shards", "OUN105", "1 of 2 shards", folder: [second: shard("b")])
    suite.refuse(
      "a shard of which there are 99,999", "OUN102", "99999 shards, more than",
      folder: ["model-00001-of-99999.safetensors": shard("b")])
    suite.refuse(
      "two shards with one tensor", "OUN105", "in an earlier shard", folder: [first: shard("a"), second: shard("a")])
    suite.accept(
      "two sets in one folder", because: "a folder stands for every model in it",
      folder: [first: shard("a"), second: shard("b"), "model-v2-00001-of-00001.safetensors": shard("c")])
    suite.refuse("a folder without anything", "OUN101", "no weights", folder: ["readme.md": utf8("hi")])
  }

  private static func split(_ number: Int, _ count: Int, tensors: Int = 2, name: String) -> [UInt8] {
    var writer = GGUFWriter()
    writer.pairs = [
      GGUFWriter.pair("split.no", type: 2, u16(number)), GGUFWriter.pair("split.count", type: 2, u16(count)),
      GGUFWriter.pair("split.tensors.count", type: 5, u32(tensors)),
    ]
    writer.tensors[0].name = utf8(name)
    return writer.bytes
  }

  private static func splits(_ suite: inout HostileSuite) {
    let (one, two) = ("m-00001-of-00002.gguf", "m-00002-of-00002.gguf")
    suite.accept(
      "a sound split", because: "it is what the writers make",
      folder: [one: split(0, 2, name: "a"), two: split(1, 2, name: "b")])
    suite.refuse("a split of which one is missing", "OUN105", "are missing", folder: [one: split(0, 2, name: "a")])
    suite.refuse(
      "a split whose numbers are swapped", "OUN102", "expected 0, found 1",
      folder: [one: split(1, 2, name: "a"), two: split(0, 2, name: "b")])
    suite.refuse(
      "two firsts", "OUN102", "expected 1, found 0", folder: [one: split(0, 2, name: "a"), two: split(0, 2, name: "b")])
    suite.refuse(
      "a split of three in the names of two", "OUN105", "does not end in",
      folder: [one: split(0, 3, name: "a"), two: split(1, 3, name: "b")])
    suite.refuse("a split of 65,535", "OUN102", "not between 1 and", folder: [one: split(0, 65_535, name: "a")])
    suite.refuse("a split of none", "OUN102", "not between 1 and", folder: [one: split(0, 0, name: "a")])
    suite.refuse(
      "a split with too few tensors", "OUN102", "instead of 5",
      folder: [one: split(0, 2, tensors: 5, name: "a"), two: split(1, 2, tensors: 5, name: "b")])
    suite.refuse(
      "a split with one tensor twice", "OUN105", "in an earlier shard",
      folder: [one: split(0, 2, name: "a"), two: split(1, 2, name: "a")])
    suite.refuse(
      "a split whose second is a whole model", "OUN102", "there is none",
      folder: [one: split(0, 2, name: "a"), two: HostileGGUF.named("b")])
    suite.refuse(
      "a split under another name", "OUN105", "does not end in", folder: ["model.gguf": split(0, 2, name: "a")])
    suite.accept("a split of one", because: "it is whole", folder: ["model.gguf": split(0, 1, tensors: 1, name: "a")])
  }
}
