/// ONNX: messages in messages, and files beside them.
enum HostileONNX {
  private typealias P = ProtobufWriter

  struct Tensor {
    var sizes = [2]
    var type = 1
    var name = "a"
    var values = ProtobufWriter.message(9, floats(2))
    var bytes: [UInt8] { all(sizes.flatMap { P.int(1, $0) }, P.int(2, type), P.text(8, name), values) }
  }

  private static func tensor(_ change: (inout Tensor) -> Void = { _ in }) -> [UInt8] {
    var tensor = Tensor()
    change(&tensor)
    return tensor.bytes
  }

  private static func model(graph parts: [UInt8]..., more: [UInt8] = []) -> [UInt8] {
    all(P.int(1, 8), P.message(7, joined(parts)), P.message(8, P.int(2, 17)), more)
  }

  private static func one(_ change: (inout Tensor) -> Void) -> [UInt8] { model(graph: P.message(5, tensor(change))) }

  static let suite: HostileSuite = {
    var suite = HostileSuite("onnx", file: "model.onnx")
    tensors(&suite)
    messages(&suite)
    externals(&suite)
    return suite
  }()

  private static func tensors(_ suite: inout HostileSuite) {
    suite.accept("a sound file", because: "it is what the exporters make", one { _ in })
    func refuse(_ what: String, _ words: String, rule: String = "OUN102", _ change: (inout Tensor) -> Void) {
      suite.refuse(what, rule, words, one(change))
    }
    refuse("a shape of another tensor", "expected 12 bytes") { $0.sizes = [3] }
    refuse("a negative size", "negative size") { $0.sizes = [-2] }
    refuse("sizes whose product overflows", "overflows") { $0.sizes = [1 << 32, 1 << 32] }
    refuse("an empty size beyond all memory", "overflows") { $0.sizes = [0, .max] }
    refuse("nine dimensions", "that cannot", rule: "OUN111") { $0.sizes = [1, 1, 1, 1, 1, 1, 1, 1, 2] }
    refuse("five thousand dimensions", "more than 4096 sizes") { $0.sizes = [Int](repeating: 1, count: 5000) }
    refuse("no type", "no element type") { $0.type = 0 }
    refuse("a type of the future", "that cannot", rule: "OUN111") { $0.type = 4242 }
    refuse("a type of 2^64-1", "that cannot", rule: "OUN111") { $0.type = -1 }
    refuse("strings", "that cannot", rule: "OUN111") { ($0.type, $0.values) = (8, P.text(6, "x")) }
    refuse("no values", "found none") { $0.values = [] }
    refuse("values twice", "in two fields") { $0.values += P.message(4, floats(2)) }
    refuse("values in the field of another type", "found them in field") { $0.values = P.message(7, [1, 2]) }
    refuse("a value too many", "expected 8 bytes") { $0.values = P.message(4, floats(3)) }
    refuse("a value too few, one by one", "expected 2 numbers") { $0.values = P.fixed32(4, 1) }
    refuse("a name of 5000 bytes", "beyond the limit") { $0.name = String(repeating: "n", count: 5000) }
    refuse("NaN among the values", "NaN", rule: "OUN201") { $0.values = P.message(9, floats(1) + u32(-1)) }
    suite.accept("a tensor without elements", because: "it takes no bytes", one { ($0.sizes, $0.values) = ([0], []) })
    suite.accept(
      "integers of four bits", because: "they become bytes", one { ($0.type, $0.values) = (22, P.message(9, [0x21])) })
    suite.warn("a name that leads out of the folder", "OUN112", "leads out", one { $0.name = "../../x" })
    suite.warn(
      "strings beside a tensor", "OUN107", "strings",
      model(
        graph: P.message(5, tensor()), P.message(5, tensor { ($0.type, $0.name, $0.values) = (8, "s", P.text(6, "x")) })
      ))
    suite.refuse(
      "two tensors of one name", "OUN102", "two tensors", model(graph: P.message(5, tensor()), P.message(5, tensor())))
    suite.accept(
      "names that differ in their Unicode form", because: "names are bytes, and these differ",
      model(graph: P.message(5, tensor { $0.name = "caf\u{E9}" }), P.message(5, tensor { $0.name = "cafe\u{301}" })))
  }

  private static func messages(_ suite: inout HostileSuite) {
    suite.refuse(
      "a field of 2^63 bytes", "OUN102", "the message ends after",
      model(graph: P.message(5, tensor(), P.claimed(9, .max))))
    suite.refuse(
      "a field of 2^64-1 bytes", "OUN102", "the message ends after",
      model(graph: P.message(5, tensor(), P.claimed(9, -1))))
    suite.refuse(
      "a message longer than the one around it", "OUN102", "the message ends after",
      model(graph: P.claimed(5, 500, tensor())))
    suite.refuse(
      "a number of eleven bytes", "OUN102", "more than ten bytes",
      model(graph: P.message(5, tensor(), [8] + [UInt8](repeating: 0xFF, count: 11))))
    suite.refuse("a field of number zero", "OUN102", "the number 0", model(graph: P.message(5, tensor(), [0, 0])))
    suite.refuse("a group, which is out of use", "OUN102", "wire type 3", model(graph: P.message(5, tensor(), [0x0B])))
    suite.refuse("a wire type of 7", "OUN102", "wire type 7", model(graph: P.message(5, tensor(), [0x0F])))
    suite.refuse(
      "two graphs", "OUN102", "two graphs",
      model(graph: P.message(5, tensor()), more: P.message(7, P.message(5, tensor()))))
    suite.refuse("a graph of nothing", "OUN111", "no tensor", model(graph: P.text(2, "g")))
    func nested(_ levels: Int) -> [UInt8] {
      (0..<levels).reduce(P.message(5, tensor())) { inner, _ in
        P.message(1, P.text(3, "n"), P.text(4, "If"), P.message(5, P.text(1, "b"), P.message(6, inner)))
      }
    }
    suite.refuse("forty graphs inside each other", "OUN102", "nested deeper", model(graph: nested(40)))
    suite.refuse("a thousand graphs inside each other", "OUN102", "nested deeper", model(graph: nested(1000)))
    suite.accept("five graphs inside each other", because: "conditions have branches", model(graph: nested(5)))
    suite.accept(
      "two nodes of one name", because: "the second gets a number",
      model(graph: P.message(5, tensor()), nested(1), nested(1)))
    suite.refuse(
      "a file that is cut in a tensor", "OUN102", "", Array(model(graph: P.message(5, tensor())).dropLast(12)))
  }

  private static func external(_ entries: (String, String)...) -> [UInt8] {
    one { $0.values = all(entries.flatMap { P.message(13, P.text(1, $0.0), P.text(2, $0.1)) }, P.int(14, 1)) }
  }

  private static func externals(_ suite: inout HostileSuite) {
    let name = "model.onnx"
    func refuse(_ what: String, _ words: String, rule: String = "OUN102", _ model: [UInt8]) {
      suite.refuse(what, rule, words, folder: [name: model, "w.data": floats(2)], checked: name)
    }
    suite.accept(
      "values in another file", because: "large models have them there",
      folder: [name: external(("location", "w.data")), "w.data": floats(2)], checked: name)
    for (what, location) in [
      ("above the folder", "../w.data"), ("with an absolute path", "/etc/passwd"),
      ("by a way through the folder above", "x/../../w.data"),
      ("with a zero in its name", "w\0.data"), ("without a name", ""), ("that is the folder", "."),
    ] {
      refuse("values in a file \(what)", "not inside of the model's folder", external(("location", location)))
    }
    refuse("values in a file that is missing", "which", rule: "OUN101", external(("location", "x.data")))
    refuse("values in a file with a backslash", "which", rule: "OUN101", external(("location", "..\\w.data")))
    refuse("values in no file", "not named", external(("offset", "0")))
    refuse("a place beyond the file", "but it has 8", external(("location", "w.data"), ("offset", "4")))
    refuse("a place of 2^63-1", "but it has 8", external(("location", "w.data"), ("offset", "9223372036854775807")))
    refuse(
      "a place of 2^64", "no number of bytes", external(("location", "w.data"), ("offset", "18446744073709551616")))
    refuse("a negative place", "no number of bytes", external(("location", "w.data"), ("offset", "-4")))
    refuse("a place in letters", "no number of bytes", external(("location", "w.data"), ("offset", "abc")))
    refuse("a length of another tensor", "found a length of 4", external(("location", "w.data"), ("length", "4")))
    suite.accept(
      "the model itself as the other file", because: "its bytes are read as numbers, which harms nobody",
      folder: [name: external(("location", name), ("offset", "0"))], checked: name)
    refuse(
      "values here and elsewhere", "here and in another file",
      one { $0.values += all(P.message(13, P.text(1, "location"), P.text(2, "w.data")), P.int(14, 1)) })
    refuse(
      "a hundred places of one tensor", "more than",
      one {
        $0.values = all(
          (0..<100).flatMap { _ in P.message(13, P.text(1, "location"), P.text(2, "w.data")) }, P.int(14, 1))
      })
  }
}
