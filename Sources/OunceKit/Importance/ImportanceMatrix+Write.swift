internal import OrderedCollections
internal import OunceContainers
public import OunceCore

extension ImportanceMatrix {
  /// Plans a file that holds this matrix, as llama-imatrix would write it. Of matrices as they were read, `merged`
  /// makes what can be written.
  ///
  /// - Throws: `OunceError` when a name is longer than ggml reads.
  public func plan(_ format: Format, output: String) throws(OunceError) -> Plan {
    switch format {
    case .gguf:
      let (metadata, tensors) = try gguf()
      let layout = try GGUFContainer(options: .init(dropsLeadingOnes: true)).layout(metadata, tensors.map(\.info))
      var planned = PlannedFiles()
      planned.add(output, layout, tensors, as: tensors.map(\.info))
      return Plan(planned, notes: partialNotes, inputs: files)
    case .dat:
      let (bytes, skipped) = try dat()
      let file = Plan.File(path: output, bytes: bytes)
      let notes = skipped.map { "\($0): no token reached it, and the .dat format has no place for that" }
      return Plan(files: [file], steps: [], notes: partialNotes + notes, inputs: files)
    }
  }

  private var partialNotes: [String] {
    entries.compactMap { name, entry in
      entry.unreachedCount > 0
        ? "\(name): no token reached \(entry.unreachedCount) of \(entry.counts.count) experts" : nil
    }
  }
}
