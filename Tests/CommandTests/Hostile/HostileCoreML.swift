/// Core ML: layers of networks, programs with a file of weights, packages.
enum HostileCoreML {
  private typealias P = ProtobufWriter

  /// A network of one inner product of two inputs and one output.
  private static func network(
    inputs: Int = 2, outputs: Int = 1, weights: [UInt8] = P.message(1, floats(2)), name: String = "fc",
    more: [UInt8] = []
  ) -> [UInt8] {
    let layer = all(P.text(1, name), P.message(140, P.int(1, inputs), P.int(2, outputs), P.message(20, weights)))
    return all(P.int(1, 4), P.message(2, []), P.message(500, P.message(1, layer), more))
  }

  static let suite: HostileSuite = {
    var suite = HostileSuite("coreml", file: "model.mlmodel")
    networks(&suite)
    packages(&suite)
    return suite
  }()

  private static func networks(_ suite: inout HostileSuite) {
    suite.accept("a sound network", because: "it is what coremltools writes", network())
    func refuse(_ what: String, _ words: String, rule: String = "OUN102", _ bytes: [UInt8]) {
      suite.refuse(what, rule, words, bytes)
    }
    refuse("inputs of another layer", "expected the 3 values", network(inputs: 3))
    refuse("2^63 inputs", "overflows", network(inputs: .min))
    refuse("2^58 inputs of 2^58 outputs", "overflows", network(inputs: 1 << 58, outputs: 1 << 58))
    refuse("no inputs", "expected the 0 values", network(inputs: 0))
    refuse("a float that is cut", "", network(weights: P.message(1, [1, 2, 3, 4, 5, 6, 7])))
    refuse(
      "values in two fields", "two fields", network(weights: P.message(1, floats(2)) + P.message(2, [1, 2, 3, 4])))
    refuse("halves of an odd number of bytes", "", network(weights: P.message(2, [1, 2, 3])))
    refuse("codes that stand for nothing", "1 that cannot", rule: "OUN111", network(weights: P.message(30, [1, 2])))
    func codes(_ bits: Int, _ content: [UInt8], table: [UInt8]) -> [UInt8] {
      network(weights: all(P.message(30, content), P.message(40, P.int(1, bits), table)))
    }
    refuse("codes of 2^64-1 bits", "", codes(-1, [1], table: P.message(102, P.message(1, floats(4)))))
    refuse("codes of no bits", "", codes(0, [1], table: P.message(102, P.message(1, floats(4)))))
    refuse("a table of three floats for two bits", "", codes(2, [1], table: P.message(102, P.message(1, floats(3)))))
    refuse("a scale that is missing", "", codes(8, [1, 2], table: P.message(101, [])))
    refuse("a network that is cut", "", Array(network().dropLast(3)))
    refuse("a length of 2^63", "the message ends after", network(more: P.claimed(1, .max)))
    refuse("a name of 5000 bytes", "beyond the limit", network(name: String(repeating: "n", count: 5000)))
    refuse("NaN among the values", "NaN", rule: "OUN201", network(weights: P.message(1, floats(1) + u32(-1))))
    refuse(
      "trees, which are no tensors", "1 that cannot", rule: "OUN111",
      all(P.int(1, 4), P.message(2, []), P.message(302, P.int(1, 1))))
    refuse(
      "nothing but an identity", "no tensor", rule: "OUN111", all(P.int(1, 4), P.message(2, []), P.message(900, [])))
    let nested = (0..<40).reduce(P.message(500, [])) { inner, _ in
      P.message(202, P.message(1, P.int(1, 4), P.message(2, []), inner))
    }
    refuse("forty pipelines inside each other", "nested deeper", all(P.int(1, 4), P.message(2, []), nested))
    suite.warn("a name that leads out of the folder", "OUN112", "leads out", network(name: "../../x"))
    suite.accept(
      "two layers of one name", because: "the second gets a number",
      network(
        more: P.message(
          1, P.text(1, "fc"), P.message(140, P.int(1, 2), P.int(2, 1), P.message(20, P.message(1, floats(2)))))))
  }

  private static func packages(_ suite: inout HostileSuite) {
    func manifest(_ path: String, root: String = "m", entry: String = "m") -> [UInt8] {
      utf8(#"{"rootModelIdentifier":"\#(root)","itemInfoEntries":{"\#(entry)":{"path":"\#(path)"}}}"#)
    }
    let model = "Data/com.apple.CoreML/model.mlmodel"
    func refuse(_ what: String, _ words: String, rule: String = "OUN102", _ manifest: [UInt8]) {
      suite.refuse(
        what, rule, words, folder: ["p.mlpackage/Manifest.json": manifest, "p.mlpackage/\(model)": network()],
        checked: "p.mlpackage")
    }
    suite.accept(
      "a sound package", because: "it is what coremltools writes",
      folder: [
        "p.mlpackage/Manifest.json": manifest("com.apple.CoreML/model.mlmodel"), "p.mlpackage/\(model)": network(),
      ], checked: "p.mlpackage")
    refuse("a manifest that is no JSON", "", utf8("{{{"))
    refuse("a manifest that names no model", "names no model", utf8("{}"))
    refuse("a manifest without its entry", "has no entry", manifest("x", entry: "other"))
    for (what, path) in [
      ("above the package", "../x"), ("of an absolute path", "/etc/passwd"),
      ("by a way through the folder above", "a/../../x"), ("without a name", ""),
    ] {
      refuse("a model \(what)", "outside of the package", manifest(path))
    }
    refuse("a model that is missing", "not there", manifest("com.apple.CoreML/other.mlmodel"))
    refuse("a manifest that is a list", "names no model", utf8("[]"))
    refuse("a manifest nested beyond all sense", "nested deeper", utf8(String(repeating: "[", count: 100_000)))
    suite.refuse(
      "a model that is a page", "OUN103", "HTML page",
      folder: [
        "p.mlpackage/Manifest.json": manifest("m.mlmodel"), "p.mlpackage/Data/m.mlmodel": utf8("<html><title>x"),
      ], checked: "p.mlpackage")
  }
}
