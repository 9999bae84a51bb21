internal import Crypto
internal import OunceCore

/// What the bytes of a plan's files depend on. Two runs with the same identity write the same bytes.
struct PlanIdentity: Equatable {
  /// The version of ounce.
  let version: String
  /// What the caller asked for, in its own words.
  let request: String
  /// Each file that is read: name, size, time of modification.
  let sources: [String]
  /// SHA-256 over everything that is decided: headers, places, encodings, chunks.
  let decisions: String

  init(_ plan: Plan, request: String) {
    version = OunceKit.version
    self.request = request
    sources = plan.inputs.compactMap(\.stamp)
    decisions = plan.decisions
  }

  init?(_ json: JSON) {
    guard let object = json.object, let version = object["version"]?.string, let request = object["request"]?.string,
      let decisions = object["plan"]?.string, let sources = object["sources"]?.array
    else { return nil }
    self.version = version
    self.request = request
    self.sources = sources.compactMap(\.string)
    self.decisions = decisions
  }

  var json: JSONObject {
    [
      "version": .string(version), "request": .string(request), "sources": .array(sources.map(JSON.string)),
      "plan": .string(decisions),
    ]
  }

  /// What is different in `other`, for people; nil: nothing is.
  func difference(from other: PlanIdentity) -> String? {
    if version != other.version { return "it was begun by ounce \(version), this is ounce \(other.version)" }
    if request != other.request { return "the options were \(request)" }
    let now = Set(other.sources.map { ExactString($0) })
    if let changed = sources.first(where: { !now.contains(ExactString($0)) }) {
      return "a source has changed since: it was \(changed)"
    }
    return self == other ? nil : "the model is planned differently now"
  }
}

extension Plan {
  /// SHA-256 over what this plan decides. What the sources hold is not part of it.
  fileprivate var decisions: String {
    var hash = SHA256()
    func add(_ number: Int) {
      withUnsafeBytesOf(number) { hash.update(data: $0) }
    }
    func add(_ text: String) {
      add(text.utf8.count)
      hash.update(data: Array(text.utf8))
    }
    add(files.count)
    for file in files {
      add(Paths.name(of: file.path))
      add(file.byteCount)
      add(file.header.count)
      hash.update(data: file.header)
      for insert in file.inserts {
        add(insert.offset)
        add(insert.bytes.count)
        hash.update(data: insert.bytes)
      }
    }
    add(allowsNonFinite ? 1 : 0)
    add(steps.count)
    for step in steps {
      add(step.source.info.name)
      add(step.cut.elementsPerChunk)
      for target in step.targets {
        add(target.file)
        add(target.offset)
        add(target.info.encoding.name)
        add(target.before?.name ?? "")
        add(target.importance?.count ?? 0)
        for weight in target.importance ?? [] { add(Int(weight.bitPattern)) }
      }
    }
    return ContentHash.hexadecimal(hash.finalize())
  }
}

/// The eight bytes of a number, least significant first.
private func withUnsafeBytesOf(_ number: Int, _ body: ([UInt8]) -> Void) {
  body((0..<8).map { UInt8(truncatingIfNeeded: number >> ($0 * 8)) })
}
