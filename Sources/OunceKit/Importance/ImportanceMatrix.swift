public import OrderedCollections
public import OunceCore

/// What llama-imatrix recorded while a model ran: for each matrix, the squares of what each of its columns was
/// multiplied with, summed over tokens. Columns with large sums matter more.
///
/// There are two file formats of it: GGUF, and the older `.dat`, which knows no experts.
public struct ImportanceMatrix: Sendable {
  /// What was recorded for one matrix, or for a stack of experts.
  public struct Entry: Sendable, Equatable {
    /// Sums of squares; of a stack, one run of columns after the other.
    public var sums: [Float]
    /// How many tokens went into the sums of each expert: one number for a matrix, or one for each expert of a stack.
    /// In the `.dat` format, chunks instead of tokens, and sums that are means times that number.
    public var counts: [Int]

    public init(sums: [Float], counts: [Int]) {
      self.sums = sums
      self.counts = counts
    }
  }

  /// How a matrix lies in a file.
  public enum Format: String, Sendable, CaseIterable { case gguf, dat }

  /// Tokens in a chunk of text when nothing says otherwise: llama-imatrix's usual context.
  public static let usualChunkSize = 512

  /// The path as the user spelled it.
  public let path: String
  public private(set) var format: Format
  /// Names of the texts that were read.
  public var datasets: [String]
  /// How many chunks of text the model read.
  public var chunkCount: Int
  /// Tokens in a chunk; nil: the file does not say.
  public var chunkSize: Int?
  /// By the name of the matrix, in ascending order of the names' bytes.
  public var entries: OrderedDictionary<String, Entry>
  /// SHA-256 of the file, in hexadecimal digits; of merged files, that of the first.
  public let contentHash: String
  /// What was read.
  var files: [InputFile]

  /// Reads a matrix in either format, known by its content.
  ///
  /// - Throws: `OunceError` when the file is something else, is cut short, or holds a sum that is no finite number.
  public init(path: String) throws(OunceError) { try self.init(file: try InputFile(path: path)) }

  init(file: InputFile) throws(OunceError) {
    let content: Content
    if GGUFContainer().recognizes(try Candidate(file)) {
      format = .gguf
      content = try Self.readGGUF(file)
    } else {
      format = .dat
      content = try Self.readDat(file)
    }
    path = file.path
    files = [file]
    datasets = content.datasets
    chunkCount = content.chunkCount
    chunkSize = content.chunkSize
    entries = content.entries
    entries.sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    contentHash = try ContentHash.sha256(of: file)
    for (name, entry) in entries {
      if let bad = entry.sums.firstIndex(where: { !$0.isFinite }) {
        throw OunceError(
          .malformed, "the sum of column \(bad) is \(entry.sums[bad])", file: path, subject: "tensor \(name)",
          remedy: "the model computed no numbers while it was measured; make the matrix again")
      }
    }
  }

  /// What one of the two formats says.
  struct Content {
    var datasets: [String] = []
    var chunkCount = 0
    var chunkSize: Int?
    var entries: OrderedDictionary<String, Entry> = [:]
  }
}

extension ImportanceMatrix {
  /// The same, told to hold what the other format means.
  func `as`(_ format: Format) -> ImportanceMatrix {
    var matrix = self
    matrix.format = format
    return matrix
  }
}

extension ImportanceMatrix.Entry {
  /// Columns of one expert.
  public var columnCount: Int { counts.isEmpty ? 0 : sums.count / counts.count }
  /// Experts that no token reached.
  public var unreachedCount: Int { counts.reduce(0) { $0 + ($1 > 0 ? 0 : 1) } }
}
