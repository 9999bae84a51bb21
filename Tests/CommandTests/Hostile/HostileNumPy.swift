/// NumPy: headers that are Python literals, and archives of arrays.
enum HostileNumPy {
  static func file(
    _ header: String, _ data: [UInt8] = floats(2), version: [UInt8] = [1, 0], length: Int? = nil
  ) -> [UInt8] {
    let size = length ?? header.utf8.count
    return all([0x93], utf8("NUMPY"), version, version[0] == 1 ? u16(size) : u32(size), utf8(header), data)
  }

  static func header(_ descr: String = "'<f4'", order: String = "False", shape: String = "(2,)") -> String {
    "{'descr': \(descr), 'fortran_order': \(order), 'shape': \(shape), }\n"
  }

  static let suite: HostileSuite = {
    var suite = HostileSuite("npy", file: "model.npy")
    headers(&suite)
    types(&suite)
    shapes(&suite)
    archives(&suite)
    return suite
  }()

  private static func headers(_ suite: inout HostileSuite) {
    suite.accept("a sound file", because: "it is what NumPy writes", file(header()))
    suite.accept("version 2", because: "its header may be long", file(header(), version: [2, 0]))
    suite.accept("version 3", because: "its header is UTF-8", file(header(), version: [3, 0]))
    suite.refuse("version 4", "OUN104", "version 4.0", file(header(), version: [4, 0]))
    suite.refuse("version 1.1", "OUN104", "version 1.1", file(header(), version: [1, 1]))
    suite.refuse("version 0", "OUN104", "version 0.0", file(header(), version: [0, 0]))
    suite.refuse("only the magic", "OUN102", "bytes", [0x93] + utf8("NUMPY"))
    suite.refuse("a header beyond the file", "OUN102", "the file has", file(header(), length: 60_000))
    suite.refuse("a header of 2^32-1 bytes", "OUN102", "beyond the limit", file(header(), version: [2, 0], length: -1))
    suite.refuse("no header", "OUN102", "header ends", file("", [], length: 0))
    func literal(_ what: String, _ words: String, _ text: String) {
      suite.refuse(what, "OUN102", words, file(text))
    }
    literal("a header that is a list", "expected \"{\"", "[1, 2]")
    literal("a header that calls something", "", "{'descr': __import__('os').system('id'), 'fortran_order': False}")
    literal("a header that never ends", "header ends", "{'descr': '<f4', ")
    literal("a text that never ends", "", "{'descr': '<f4")
    literal(
      "tuples inside each other", "nested deeper", "{'descr': '<f4', 'shape': " + String(repeating: "(", count: 30_000))
    literal("lists inside each other", "nested deeper", "{'descr': " + String(repeating: "[", count: 30_000))
    literal("a key twice", "appears twice", "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,)}")
    literal(
      "a key too many", "none of a NumPy header", "{'descr': '<f4', 'fortran_order': False, 'shape': (2,), 'x': 1}")
    literal("a hundred keys", "more than 16", "{" + (0..<100).map { "'k\($0)': 1, " }.joined() + "}")
    literal("a key that is a number", "a key in quotes", "{1: 2}")
    literal("no type", "'descr' is missing", "{'fortran_order': False, 'shape': (2,)}")
    literal("no order", "'fortran_order' is missing", "{'descr': '<f4', 'shape': (2,)}")
    literal("no shape", "'shape' is missing", "{'descr': '<f4', 'fortran_order': False}")
    literal("something behind the dictionary", "nothing behind", header() + "os.system('id')")
    suite.accept(
      "a header filled up with spaces", because: "NumPy aligns the elements",
      file(header() + String(repeating: " ", count: 60_000) + "\n"))
  }

  private static func types(_ suite: inout HostileSuite) {
    suite.refuse(
      "objects, which are a pickle", "OUN104", "Python objects", file(header("'|O'"), utf8("cos\nsystem\n.")))
    suite.refuse("texts", "OUN104", "strings", file(header("'<U8'"), zeros(64)))
    suite.refuse("bytes without a type", "OUN104", "raw bytes", file(header("'|V8'"), zeros(16)))
    suite.refuse("bfloat16, which NumPy does not know", "OUN104", "bfloat16", file(header("'|V2'"), zeros(4)))
    suite.refuse("dates", "OUN104", "dates", file(header("'<M8[ns]'"), zeros(16)))
    suite.refuse("records", "OUN104", "records", file(header("[('a', '<f4')]")))
    suite.refuse("records that hold objects", "OUN104", "records", file(header("[('a', '|O')]")))
    suite.refuse("long double", "OUN104", "differs between machines", file(header("'<f16'"), zeros(32)))
    suite.refuse("a float of three bytes", "OUN104", "type f3", file(header("'<f3'"), zeros(6)))
    suite.refuse("a type that there is not", "OUN102", "none of NumPy", file(header("'<z9'")))
    suite.refuse("a type of a megabyte", "OUN102", "", file(header("'\(String(repeating: "f", count: 60_000))'")))
    suite.refuse("an empty type", "OUN102", "none of NumPy", file(header("''")))
    suite.refuse("a type that is a number", "OUN102", "a string or a list", file(header("4")))
    suite.refuse("fields that are no tuples", "OUN102", "no tuples", file(header("[1, 2]")))
    suite.refuse("an order that is a number", "OUN102", "True or False", file(header(order: "2")))
    suite.refuse("an order that is text", "OUN102", "True or False", file(header(order: "'False'")))
    suite.accept(
      "the order of the other machines", because: "it is turned as it is read",
      file(header("'>f4'"), [0x3F, 0x80, 0, 0, 0x40, 0, 0, 0]))
  }

  private static func shapes(_ suite: inout HostileSuite) {
    func shape(_ what: String, _ words: String, _ text: String) {
      suite.refuse(what, "OUN102", words, file(header(shape: text)))
    }
    shape("a negative size", "sizes from 0 on", "(-2,)")
    shape("a size that is text", "sizes from 0 on", "('2',)")
    shape("a size with a fraction", "", "(2.0,)")
    shape("a size of 2^63", "", "(9223372036854775808,)")
    shape("a size of 2^63-1", "overflows", "(9223372036854775807,)")
    shape("sizes whose product overflows", "overflows", "(4294967296, 4294967296)")
    shape("an empty size beyond all memory", "overflows", "(0, 9223372036854775807)")
    shape("nine dimensions", "dimensions", "(1, 1, 1, 1, 1, 1, 1, 1, 2)")
    shape("ten thousand dimensions", "", "(" + String(repeating: "1,", count: 10_000) + ")")
    shape("a shape without a comma", "to be a tuple", "(2)")
    shape("a shape that is a list", "to be a tuple", "[2]")
    shape("a shape of one element more", "but 8 follow", "(3,)")
    shape("a shape of one element less", "bytes follow the elements", "(1,)")
    suite.refuse("two arrays in one file", "OUN102", "follow the elements", file(header()) + file(header()))
    suite.refuse(
      "elements that are cut by a byte", "OUN102", "takes 8 bytes", file(header(), Array(floats(2).dropLast())))
    suite.accept("a single number", because: "no dimension is one element", file(header(shape: "()"), floats(1)))
    suite.accept(
      "columns that follow each other", because: "they are turned as they are read",
      file(header(order: "True", shape: "(2, 3)"), floats(6)))
    suite.refuse(
      "columns beyond all memory", "OUN102", "overflows",
      file(header(order: "True", shape: "(2305843009213693952, 2305843009213693952)")))
    suite.refuse("NaN among the values", "OUN201", "NaN", file(header(), floats(1) + u32(-1)))
  }

  private static func archives(_ suite: inout HostileSuite) {
    let array = file(header())
    func npz(_ members: ZipWriter.Member...) -> [UInt8] { ZipWriter(members).bytes }
    let name = "model.npz"
    suite.accept("an archive of arrays", because: "it is what NumPy writes", npz(.init("a.npy", array)), as: name)
    suite.refuse(
      "two arrays of one name", "OUN102", "two members", npz(.init("a.npy", array), .init("a.npy", array)), as: name)
    suite.accept(
      "arrays whose names differ in their Unicode form", because: "names are bytes, and these differ",
      npz(.init("caf\u{E9}.npy", array), .init("cafe\u{301}.npy", array)), as: name)
    suite.refuse(
      "a name longer than any", "OUN102", "beyond the limit",
      npz(.init(String(repeating: "n", count: 60_000) + ".npy", array)), as: name)
    suite.refuse("an array that is none", "OUN102", "93 4e", npz(.init("a.npy", utf8("hello"))), as: name)
    suite.refuse(
      "nothing but objects", "OUN104", "Python objects", npz(.init("a.npy", file(header("'|O'"), []))), as: name)
    suite.warn(
      "objects among arrays", "OUN107", "Python objects",
      npz(.init("a.npy", file(header("'|O'"), [])), .init("b.npy", array)), as: name)
    suite.warn(
      "a member whose name leads out of the folder", "OUN112", "leads out of the folder",
      npz(.init("../../evil.npy", array)), as: name)
    suite.refuse(
      "an array whose checksum is wrong", "OUN206", "checksum",
      npz(ZipWriter.Member("a.npy", array).with { $0.checksum = 1 }), as: name)
    suite.refuse(
      "an array that is cut", "OUN102", "but 7 follow", npz(.init("a.npy", Array(array.dropLast()))), as: name)
    suite.refuse(
      "a deflated array that unpacks to less", "OUN102", "",
      npz(
        ZipWriter.Member("a.npy", ZipWriter.deflated(array)).with { ($0.method, $0.byteCount) = (8, array.count + 8) }),
      as: name)
  }
}
