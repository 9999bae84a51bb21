internal import OunceCore

/// What an interrupted run left of a plan's files.
struct Leftover {
  /// What its bytes depended on; nil: it left no journal.
  private(set) var identity: PlanIdentity?
  /// The files that it gave their final names before it ended: indices into the plan's.
  private(set) var finishedFiles: Set<Int> = []
  /// The hash of each chunk that it wrote, by number; 0: it did not, or did not say.
  private(set) var hashes: [UInt64] = []
  /// Bytes of the journal that can be read: its header and whole records.
  private(set) var journalByteCount = 0
  /// Bytes on disk that its partial files take.
  let partialByteCount: Int

  /// Looks beside the files of `plan`.
  init(_ plan: Plan) {
    partialByteCount = plan.files.reduce(0) {
      $0 + Paths.allocatedByteCount(of: OutputFile.partialPath(of: $1.path))
    }
    guard let path = Journal.path(of: plan), Paths.isFile(path), let bytes = Self.content(path, plan),
      let end = bytes.firstIndex(of: UInt8(ascii: "\n")),
      let json = try? JSONParser.parse(Array(bytes[..<end]), file: path), let identity = PlanIdentity(json)
    else { return }
    self.identity = identity
    let places = json["files"]?.array ?? []
    for (index, file) in plan.files.enumerated() where index < places.count {
      guard !Paths.exists(OutputFile.partialPath(of: file.path)), let found = OutputFile.Identity(path: file.path),
        found == OutputFile.Identity(places[index])
      else { continue }
      finishedFiles.insert(index)
    }
    readRecords(bytes[(end + 1)...], chunkCount: plan.firstChunks.last ?? 0)
    journalByteCount = end + 1 + (bytes.count - end - 1) / Journal.recordByteCount * Journal.recordByteCount
  }

  /// Whether a job of `plan` can go on with it.
  ///
  /// - Throws: `OunceError` when it belongs to another job.
  func isOf(_ plan: Plan, _ options: ExecutionOptions) throws(OunceError) -> Bool {
    guard let identity, !isEmpty else { return false }
    guard let difference = identity.difference(from: PlanIdentity(plan, request: options.request)) else { return true }
    throw OunceError(
      .output, "cannot be resumed: \(difference)", file: plan.files.first?.path,
      remedy: "run without --resume to start anew")
  }

  /// Whether there is something to go on with.
  var isEmpty: Bool { partialByteCount == 0 && finishedFiles.isEmpty }

  private mutating func readRecords(_ bytes: ArraySlice<UInt8>, chunkCount: Int) {
    hashes = Array(repeating: 0, count: chunkCount)
    func word(_ start: Int) -> UInt64 {
      (0..<8).reduce(0) { $0 | UInt64(bytes[start + $1]) << UInt64(8 * $1) }
    }
    var start = bytes.startIndex
    while start + Journal.recordByteCount <= bytes.endIndex {
      if let chunk = Int(exactly: word(start)), chunk < chunkCount { hashes[chunk] = word(start + 8) }
      start += Journal.recordByteCount
    }
  }

  /// A journal of this plan has a record for each chunk, perhaps twice where runs were cut off between.
  private static func content(_ path: String, _ plan: Plan) -> [UInt8]? {
    let limit = Limits.journalHeaderByteCount + 4 * Journal.recordByteCount * (plan.firstChunks.last ?? 0)
    return try? InputFile(path: path).wholeContent(atMost: limit)
  }

  /// The line with which the journal of a run begins.
  static func header(_ identity: PlanIdentity, _ files: [OutputFile.Identity?]) -> [UInt8] {
    var object = identity.json
    object["files"] = .array(files.map { file in file.map(\.json) ?? .null })
    return Array(JSONWriter.write(.object(object)).utf8) + [UInt8(ascii: "\n")]
  }
}

extension OutputFile.Identity {
  // As text: JSON's numbers are signed.
  fileprivate var json: JSON { .string("\(device):\(inode)") }

  fileprivate init?(_ json: JSON) {
    let numbers = json.string?.split(separator: ":").compactMap { UInt64($0) } ?? []
    guard numbers.count == 2 else { return nil }
    self.init(device: numbers[0], inode: numbers[1])
  }
}

extension Plan {
  /// What the user should know about an earlier run that did not come to its end; nil: there was none.
  public func leftoverNote(resumes: Bool) -> String? {
    let leftover = Leftover(self)
    if resumes { return leftover.isEmpty ? "there is nothing to go on with; starting anew" : nil }
    guard !leftover.isEmpty else { return nil }
    return "an earlier run did not come to its end; what it left is cleared away (--resume goes on instead)"
  }
}
