public import OunceCore

/// A file of hashes that a check compares with later: `ounce hash -o`.
///
/// ```
/// {"schema": "ounce.hash/1", "model": "…", "files": [{"name": "model.gguf", "byteCount": 1, "sha256": "…"}],
///  "tensors": [{"name": "a.weight", "dtype": "F32", "shape": [2, 3], "sha256": "…"}]}
/// ```
public struct HashManifest: Sendable, Equatable {
  public struct File: Sendable, Equatable {
    /// Without its folder.
    public let name: String
    public let byteCount: Int
    public let sha256: String
  }

  public static let schema = "ounce.hash/1"

  public let model: String
  public let files: [File]
  public let tensors: [TensorHash]

  /// Hashes the files of a model whole, beside its tensors.
  public init(_ model: Model, _ tensors: [TensorHash]) throws(OunceError) {
    self.tensors = tensors
    self.model = tensors.modelHash
    files = try model.files.map { (file) throws(OunceError) in
      File(name: Paths.name(of: file.path), byteCount: file.byteCount, sha256: try ContentHash.sha256(of: file))
    }
  }

  public var json: JSON {
    .object([
      "schema": .string(Self.schema), "model": .string(model),
      "files": .array(
        files.map {
          .object(["name": .string($0.name), "byteCount": .integer($0.byteCount), "sha256": .string($0.sha256)])
        }),
      "tensors": .array(tensors.map(\.json)),
    ])
  }
}

extension TensorHash {
  public var json: JSON {
    .object([
      "name": .string(name), "dtype": .string(dtype), "shape": .array(shape.map(JSON.integer)),
      "sha256": .string(sha256),
    ])
  }
}

extension HashManifest {
  /// Plans the file that holds this manifest.
  public func plan(output: String, inputs: [InputFile]) -> Plan {
    Plan.text(JSONWriter.write(json, isIndented: true) + "\n", output: output, inputs: inputs)
  }
}

extension Model {
  /// The hash of each file that holds tensors.
  public func fileHashes() throws(OunceError) -> [(path: String, sha256: String)] {
    try files.map { (file) throws(OunceError) in (file.path, try ContentHash.sha256(of: file)) }
  }
}

extension HashManifest {
  /// Reads a manifest.
  ///
  /// - Throws: `OunceError` when the file is no manifest of this schema.
  public init(_ file: InputFile) throws(OunceError) {
    let json = try JSONParser.parse(file: file)
    func malformed(_ problem: String) -> OunceError {
      OunceError(.malformed, problem, file: file.path, remedy: "`ounce hash MODEL -o FILE` writes manifests")
    }
    guard json["schema"]?.string == Self.schema, let entries = json["tensors"]?.array else {
      throw malformed("is no manifest of the schema \(Self.schema)")
    }
    model = json["model"]?.string ?? ""
    tensors = try entries.map { (entry) throws(OunceError) in
      guard let name = entry["name"]?.string, let dtype = entry["dtype"]?.string, let hash = entry["sha256"]?.string,
        let sizes = entry["shape"]?.array
      else { throw malformed("an entry lacks name, dtype, shape or sha256") }
      return TensorHash(name: name, dtype: dtype, shape: sizes.compactMap(\.integer), sha256: hash)
    }
    files = (json["files"]?.array ?? []).compactMap { entry in
      guard let name = entry["name"]?.string, let count = entry["byteCount"]?.integer,
        let hash = entry["sha256"]?.string
      else { return nil }
      return File(name: name, byteCount: count, sha256: hash)
    }
  }
}
