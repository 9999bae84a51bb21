/// safetensors: a length, a JSON header, bytes.
enum HostileSafetensors {
  /// A file of this header and data.
  static func file(_ header: String, _ data: [UInt8] = floats(2), length: Int? = nil) -> [UInt8] {
    all(u64(length ?? header.utf8.count), utf8(header), data)
  }

  static func tensor(
    _ name: String = "a", dtype: String = #""F32""#, shape: String = "[2]", offsets: String = "[0,8]"
  ) -> String {
    #""\#(name)":{"dtype":\#(dtype),"shape":\#(shape),"data_offsets":\#(offsets)}"#
  }

  private static func header(_ members: String...) -> String { "{\(members.joined(separator: ","))}" }

  static let suite: HostileSuite = {
    var suite = HostileSuite("safetensors", file: "model.safetensors")
    lengths(&suite)
    json(&suite)
    types(&suite)
    places(&suite)
    names(&suite)
    metadata(&suite)
    values(&suite)
    return suite
  }()

  private static func lengths(_ suite: inout HostileSuite) {
    let good = header(tensor())
    suite.accept("a sound file", because: "it is what the writers make", file(good))
    suite.refuse("a header of 2^64-1 bytes", "OUN102", "more than the limit", file(good, length: -1))
    suite.refuse("a header of 2^63 bytes", "OUN102", "more than the limit", file(good, length: .min))
    suite.refuse(
      "a header one byte beyond the file", "OUN102", "only 54 follow", file(good, [], length: good.utf8.count + 1))
    suite.refuse("a header of no bytes", "OUN103", "zeros only", file("", [], length: 0))
    suite.refuse("a header that ends in the middle", "OUN102", "ends", file(good, length: good.utf8.count - 1))
    suite.refuse(
      "a header that takes a byte of the data", "OUN102", "byte 0x0", file(good, length: good.utf8.count + 1))
    suite.refuse("seven bytes", "OUN103", "only 7 bytes", Array(u64(100).prefix(7)))
    suite.refuse("only the length", "OUN103", "only 8 bytes", u64(100))
    suite.accept(
      "spaces behind the header", because: "writers fill headers up with spaces",
      file(good + String(repeating: " ", count: 700)))
    suite.refuse("zeros behind the header", "OUN102", "byte 0x0", file(good + "\0\0\0\0"))
  }

  private static func json(_ suite: inout HostileSuite) {
    suite.refuse("an array in place of the header", "OUN103", "only 10 bytes", file("[]", []))
    suite.refuse(
      "arrays inside each other", "OUN102", "nested deeper",
      file(#"{"a":{"x":"# + String(repeating: "[", count: 100_000)))
    suite.refuse(
      "objects inside each other", "OUN102", "nested deeper",
      file(#"{"a":{"x":"# + String(repeating: #"{"x":"#, count: 20_000)))
    suite.refuse("a comma too many", "OUN102", "a key in quotes", file("{\(tensor()),}"))
    suite.refuse("single quotes", "OUN102", "a key in quotes", file("{'a':1}"))
    suite.refuse("a header that is cut in a name", "OUN102", "the document ends", file(#"{"abc"#, []))
    suite.refuse("two documents", "OUN102", "the end of the JSON document", file(header(tensor()) + "{}"))
    suite.refuse("a control character in a name", "OUN102", "control character", file(header(tensor("a\u{1}"))))
    suite.refuse("half a surrogate pair", "OUN102", "surrogate", file(header(tensor(#"\ud800"#))))
    suite.refuse("an unknown escape", "OUN102", "is no escape", file(header(tensor(#"\q"#))))
    suite.refuse(
      "a name that is not UTF-8", "OUN102", "not UTF-8",
      all(u64(header(tensor("xx")).utf8.count), utf8(header(tensor("xx"))), floats(2)).with([0xC3, 0x28], at: 10))
    suite.refuse(
      "a name in UTF-8 longer than needed", "OUN102", "not UTF-8",
      all(u64(header(tensor("xx")).utf8.count), utf8(header(tensor("xx"))), floats(2)).with([0xC0, 0xAF], at: 10))
    suite.refuse(
      "a number with a million digits", "OUN102", "whole number",
      file(header(tensor(shape: "[\(String(repeating: "9", count: 1_000_000))]"))))
    suite.refuse("NaN", "OUN102", "", file(header(tensor(shape: "[NaN]"))))
    suite.refuse("a header with a byte order mark", "OUN103", "", file("\u{FEFF}" + header(tensor())))
  }

  private static func types(_ suite: inout HostileSuite) {
    for (what, dtype) in [
      ("a dtype of the future", #""F128""#), ("no dtype", #""""#), ("a dtype in small letters", #""f32""#),
      ("a dtype with a zero", #""F32\u0000""#),
    ] {
      suite.refuse(what, "OUN104", "none that this build knows", file(header(tensor(dtype: dtype))))
    }
    suite.refuse(
      "a dtype of a megabyte", "OUN104", "none that this build knows",
      file(header(tensor(dtype: "\"\(String(repeating: "F", count: 1 << 20))\""))))
    for (what, dtype) in [
      ("a dtype that is a number", "3"), ("a dtype that is null", "null"), ("a dtype in a list", "[]"),
    ] {
      suite.refuse(what, "OUN102", "a string in quotes", file(header(tensor(dtype: dtype))))
    }
    suite.refuse(
      "no dtype at all", "OUN102", "\"dtype\" is missing", file(#"{"a":{"shape":[2],"data_offsets":[0,8]}}"#))
    suite.refuse("no shape", "OUN102", "\"shape\" is missing", file(#"{"a":{"dtype":"F32","data_offsets":[0,8]}}"#))
    suite.refuse("no place", "OUN102", "\"data_offsets\" are missing", file(#"{"a":{"dtype":"F32","shape":[2]}}"#))
    suite.refuse(
      "two dtypes", "OUN102", "appears twice",
      file(#"{"a":{"dtype":"F32","dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#))
    suite.refuse(
      "two shapes", "OUN102", "appears twice",
      file(#"{"a":{"dtype":"F32","shape":[2],"shape":[2],"data_offsets":[0,8]}}"#))
    suite.refuse(
      "two places", "OUN102", "appears twice",
      file(#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"data_offsets":[0,8]}}"#))
    suite.refuse("a tensor that is a number", "OUN102", "an object", file(#"{"a":1}"#))
    suite.refuse("a tensor that is null", "OUN102", "an object", file(#"{"a":null}"#))
    suite.accept(
      "an unknown key", because: "the reference reader passes over it",
      file(#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8],"note":{"x":[1,null]}}}"#))
  }

  private static func places(_ suite: inout HostileSuite) {
    func one(_ what: String, _ words: String, shape: String = "[2]", offsets: String = "[0,8]") {
      suite.refuse(what, "OUN102", words, file(header(tensor(shape: shape, offsets: offsets))))
    }
    one("a negative size", "a whole number", shape: "[-2]")
    one("a size with a fraction", "whole number below", shape: "[2.0]")
    one("a size with an exponent", "whole number below", shape: "[2e0]")
    one("a size of 2^63", "whole number below", shape: "[9223372036854775808]")
    one("a size with a needless zero", "needless 0", shape: "[02]")
    one("sizes whose product overflows", "overflows", shape: "[4294967296,4294967296]")
    one("a size beyond all memory", "overflows", shape: "[9223372036854775807]")
    one("sizes whose bytes overflow", "overflows", shape: "[2305843009213693952]")
    one("nine dimensions", "more than 8 dimensions", shape: "[1,1,1,1,1,1,1,1,2]")
    one("a shape that is text", "an array", shape: "\"2\"")
    one("a shape of another tensor", "takes 12 bytes", shape: "[3]")
    one("an empty size beyond all memory", "overflows", shape: "[0,9223372036854775807]", offsets: "[0,0]")
    one("offsets the wrong way around", "after its end", offsets: "[8,0]")
    one("one offset", "expected two data offsets", offsets: "[8]")
    one("three offsets", "more than 2", offsets: "[0,8,8]")
    one("a negative offset", "a whole number", offsets: "[-8,0]")
    one("offsets of 2^64", "whole number below", offsets: "[18446744073709551608,18446744073709551616]")
    one("offsets near 2^63", "leaves a gap", offsets: "[9223372036854775799,9223372036854775807]")
    one("data that begins late", "leaves a gap", offsets: "[8,16]")
    suite.refuse(
      "data beyond the file", "OUN102", "8 bytes are missing",
      file(header(tensor(), tensor("b", offsets: "[8,16]"))))
    suite.refuse("two tensors in one place", "OUN102", "overlaps", file(header(tensor(), tensor("b"))))
    suite.refuse(
      "tensors that overlap by half", "OUN102", "overlaps",
      file(header(tensor(), tensor("b", offsets: "[4,12]")), floats(3)))
    suite.refuse(
      "a hole between tensors", "OUN102", "leaves a gap",
      file(header(tensor(), tensor("b", offsets: "[12,20]")), floats(5)))
    suite.refuse("bytes behind the last tensor", "OUN102", "8 bytes follow", file(header(tensor()), floats(4)))
    suite.refuse(
      "a zip archive behind the last tensor", "OUN102", "follow the data",
      file(header(tensor()), floats(2) + ZipWriter([.init("x.txt", utf8("x"))]).bytes))
    suite.refuse(
      "a tensor without elements inside of another", "OUN102", "overlaps",
      file(header(tensor(), tensor("b", shape: "[0]", offsets: "[4,4]"))))
    suite.accept(
      "a tensor without elements between others", because: "it takes no bytes",
      file(header(tensor(), tensor("b", shape: "[0]", offsets: "[8,8]"))))
    suite.accept(
      "tensors in another order than their data", because: "offsets say where data is",
      file(header(tensor("b", offsets: "[8,16]"), tensor()), floats(4)))
  }

  private static func names(_ suite: inout HostileSuite) {
    suite.refuse(
      "the same name twice", "OUN102", "appears twice", file(header(tensor(), tensor(offsets: "[8,16]")), floats(4)))
    suite.refuse(
      "the same name in another spelling", "OUN102", "appears twice",
      file(header(tensor(), tensor(#"\u0061"#, offsets: "[8,16]")), floats(4)))
    suite.accept(
      "names that differ in their Unicode form", because: "names are bytes, and these differ",
      file(header(tensor("caf\u{E9}"), tensor("cafe\u{301}", offsets: "[8,16]")), floats(4)))
    suite.refuse(
      "a name of a megabyte", "OUN102", "beyond the limit",
      file(header(tensor(String(repeating: "n", count: 1 << 20)))))
    for (what, name) in [
      ("a name that leads out of the folder", "../../../etc/passwd"), ("a name with a backslash", #"..\\..\\a"#),
    ] {
      suite.warn(what, "OUN112", "leads out of the folder", file(header(tensor(name))))
    }
    for (what, name) in [("an absolute name", "/etc/passwd"), ("an empty name", "")] {
      suite.accept(what, because: "a name of a tensor is never taken for a path", file(header(tensor(name))))
    }
    suite.warn("a name that turns text around", "OUN112", "how text is shown", file(header(tensor("a\u{202E}txt.b"))))
    suite.warn("a name with a zero", "OUN112", "zero byte", file(header(tensor(#"a\u0000b"#))))
    suite.refuse(
      "a name that moves the cursor", "OUN201", "NaN",
      file(header(tensor(#"\u001b[2J\u001b[31mred"#)), all(u32(0x7FC0_0000), floats(1))))
  }

  private static func metadata(_ suite: inout HostileSuite) {
    func with(_ metadata: String) -> [UInt8] { file(#"{"__metadata__":\#(metadata),\#(tensor())}"#) }
    suite.accept("metadata that is null", because: "MLX writes it so", with("null"))
    suite.refuse("metadata that is a list", "OUN102", "an object", with("[]"))
    suite.refuse("a number in metadata", "OUN102", "a string in quotes", with(#"{"a":1}"#))
    suite.refuse("a key of metadata twice", "OUN102", "appears twice", with(#"{"a":"1","a":"2"}"#))
    suite.refuse(
      "keys of metadata that differ in their Unicode form", "OUN102", "only in its Unicode form",
      with("{\"caf\u{E9}\":\"1\",\"cafe\u{301}\":\"2\"}"))
    suite.refuse(
      "metadata twice", "OUN102", "appears twice",
      file(#"{"__metadata__":{},"__metadata__":{},\#(tensor())}"#))
    let many = (0...65_536).map { #""k\#($0)":"""# }.joined(separator: ",")
    suite.refuse("more keys of metadata than any file has", "OUN102", "limit", with("{\(many)}"))
    suite.refuse("no tensor", "OUN111", "no tensor", file("{}", []))
    suite.refuse("only metadata", "OUN111", "no tensor", file(#"{"__metadata__":{"format":"pt"}}"#, []))
  }

  private static func values(_ suite: inout HostileSuite) {
    suite.refuse("NaN among the values", "OUN201", "NaN", file(header(tensor()), all(floats(1), u32(0x7FC0_0001))))
    suite.refuse(
      "infinity among the values", "OUN201", "infinite", file(header(tensor()), all(u32(0xFF80_0000), floats(1))))
    suite.warn(
      "a matrix of zeros", "OUN203", "zero",
      file(header(tensor(shape: "[2,4]", offsets: "[0,32]")), zeros(32)))
    suite.warn(
      "a matrix of one value", "OUN204", "are 2",
      file(
        header(tensor(shape: "[2,40]", offsets: "[0,320]")),
        joined((0..<80).map { _ in floats(2).suffix(4).map { $0 } })))
    suite.warn("a GGUF that is named like safetensors", "OUN108", "is GGUF", GGUFWriter().bytes)
  }
}
