internal import OunceCore

/// Files and tensors that are not those of a manifest that `ounce hash -o` wrote.
public struct ManifestMismatch: CheckRule {
  public let id = "OUN208"
  public let name = "manifest-mismatch"
  public let severity = Severity.error
  public let level = CheckLevel.full
  public let proves = "Every tensor that the manifest names is there, has its type, shape and hash, and no other is."
  public let example = "model.gguf: tensor blk.0.attn_q.weight: its hash is 0f3a…, but the manifest says 91bc…"
  public let fix = "find out which of model and manifest is the right one"

  public init() {}

  func check(_ model: Model, _ hashes: [TensorHash], _ manifest: HashManifest) -> [Finding] {
    var findings: [Finding] = []
    var rest = Dictionary(
      hashes.map { (ExactString($0.name), $0) }, uniquingKeysWith: { first, _ in first })
    func add(_ name: String, _ message: String) {
      findings.append(finding(message, file: model.path, subject: "tensor \(name)"))
    }
    for expected in manifest.tensors {
      guard let found = rest.removeValue(forKey: ExactString(expected.name)) else {
        add(expected.name, "is missing")
        continue
      }
      if found.dtype != expected.dtype || found.shape != expected.shape {
        add(
          expected.name,
          "is \(found.dtype) \(found.shape), but the manifest says \(expected.dtype) \(expected.shape)")
      } else if found.sha256 != expected.sha256 {
        add(expected.name, "its hash is \(found.sha256), but the manifest says \(expected.sha256)")
      }
    }
    for hash in hashes where rest[ExactString(hash.name)] != nil { add(hash.name, "is not in the manifest") }
    return findings
  }
}
