public import OrderedCollections
public import OunceCore

/// The weights of columns that an importance matrix gives: the mean of the squares of what each column is multiplied
/// with.
public struct ColumnWeights: Sendable {
  /// The path of the matrix as the user spelled it.
  public let path: String
  /// The first of the texts that were read.
  let dataset: String?
  let chunkCount: Int
  let contentHash: String
  /// By the name of the matrix; for stacked experts one run of columns after the other.
  private var weights: [String: [Float]] = [:]
  /// How many experts of how many no token reached, for the matrices that have such. All their columns count alike.
  public private(set) var unreached: OrderedDictionary<String, (count: Int, expertCount: Int)> = [:]

  /// - Parameters:
  ///   - included: parts of names: only matrices whose name contains one of them count; empty: all.
  ///   - excluded: parts of names: matrices whose name contains one of them do not count.
  /// - Throws: `OunceError` when one of these parts is in no name.
  public init(
    _ matrix: ImportanceMatrix, including included: [String] = [], excluding excluded: [String] = []
  ) throws(OunceError) {
    path = matrix.path
    dataset = matrix.datasets.first
    chunkCount = matrix.chunkCount
    contentHash = matrix.contentHash
    for (option, parts) in [("--include-weights", included), ("--exclude-weights", excluded)] {
      for part in parts where !matrix.entries.keys.contains(where: { $0.contains(part) }) {
        throw OunceError(
          .request, "no matrix has \(part) in its name, as \(option) asks", file: path,
          remedy: "`ounce imatrix \(path)` lists the matrices")
      }
    }
    for (name, entry) in matrix.entries {
      if !included.isEmpty && !included.contains(where: name.contains) || excluded.contains(where: name.contains) {
        continue
      }
      weights[name] = Self.means(entry, matrix.format)
      if matrix.format == .gguf, entry.unreachedCount > 0 {
        unreached[name] = (entry.unreachedCount, entry.counts.count)
      }
    }
  }

  private static func means(_ entry: ImportanceMatrix.Entry, _ format: ImportanceMatrix.Format) -> [Float] {
    var values = entry.sums
    for (expert, count) in entry.counts.enumerated() {
      for index in expert * entry.columnCount..<(expert + 1) * entry.columnCount {
        switch format {
        // An expert that no token reached says nothing, so all of its columns count alike.
        case .gguf: values[index] = count > 0 ? values[index] / Float(count) : 1
        case .dat: if count > 0 { values[index] /= Float(count) }
        }
      }
    }
    return values
  }

  public var isEmpty: Bool { weights.isEmpty }
  /// The names of the matrices.
  public var names: some Collection<String> { weights.keys }

  /// The weights of the matrix `name`; nil: there are none.
  func weights(of name: String) -> [Float]? { weights[name] }

  /// What is recorded of the matrix in the file that is made with it.
  ///
  /// - Parameter matchesReference: only what llama-quantize records, and as much of it: texts end after 127 bytes.
  func record(matchesReference: Bool) -> Metadata {
    func text(_ value: String) -> MetadataValue {
      let bytes = Array(value.utf8)
      guard matchesReference, bytes.count > Self.referenceByteCount else { return .string(value) }
      let clipped = Array(bytes.prefix(Self.referenceByteCount))
      return String(validating: clipped, as: UTF8.self).map(MetadataValue.string) ?? .bytes(clipped)
    }
    var record: Metadata = ["quantize.imatrix.file": text(path)]
    if let dataset { record["quantize.imatrix.dataset"] = text(dataset) }
    record["quantize.imatrix.entries_count"] = .uint32(UInt32(clamping: weights.count))
    if chunkCount > 0 { record["quantize.imatrix.chunks_count"] = .uint32(UInt32(clamping: chunkCount)) }
    if !matchesReference { record["quantize.imatrix.sha256"] = .string(contentHash) }
    return record
  }

  private static let referenceByteCount = 127
}
