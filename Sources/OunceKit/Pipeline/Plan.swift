internal import OunceContainers
public import OunceCore
internal import OunceEncoding

/// Everything that a job decides before it reads an element: which bytes go where, in which encoding.
///
/// A plan is a list of independent chunks, each *read rows → decode → encode → write at its own offset*, so the output
/// is the same for any number of threads, and memory is bounded by threads × the largest chunk.
public struct Plan: Sendable {
  /// One file to write.
  public struct File: Sendable {
    public let path: String
    public let header: [UInt8]
    public let byteCount: Int
    /// Whether words have their most significant byte first.
    let isBigEndian: Bool
    /// What else is fixed.
    let inserts: [FileLayout.Insert]

    init(path: String, layout: FileLayout) {
      self.path = path
      header = layout.header
      byteCount = layout.byteCount
      isBigEndian = layout.isBigEndian
      inserts = layout.inserts
    }

    /// A file without tensors.
    init(path: String, bytes: [UInt8]) {
      self.init(path: path, layout: FileLayout(header: bytes, offsets: [], byteCount: bytes.count))
    }
  }

  /// Where one tensor goes in one file, and how it is encoded there.
  public struct Target: Sendable {
    /// Index into `files`.
    public let file: Int
    /// The first byte in that file.
    public let offset: Int
    public let info: TensorInfo
    /// The encoding that stands between source and target when the reference works in two steps: elements are rounded
    /// to it first. nil: there is none.
    let before: (any Encoding)?
    /// The encoding that the recipe meant, where rows are no whole blocks of it.
    public let meant: String?
    /// One weight per column of each matrix.
    public let importance: [Float]?
    /// A checksum of it that the file records.
    var checksum: FileLayout.Checksum?
  }

  /// One tensor that is read once and written to each of its targets.
  public struct Step: Sendable {
    public let source: Tensor
    public let targets: [Target]
    /// How the rows are cut.
    let cut: Cut

    /// Whether any target needs the elements as numbers.
    var needsElements: Bool { targets.contains { $0.info.encoding.name != source.info.encoding.name } }
  }

  public let files: [File]
  public let steps: [Step]
  /// What the user should know, one sentence each.
  public let notes: [String]
  /// How the importance matrix fits the tensors; nil: there is none.
  public let coverage: ImportanceCoverage?
  /// Files that are read: none of them may be written.
  public let inputs: [InputFile]
  /// Whether NaN and infinity pass.
  public let allowsNonFinite: Bool
  /// The folder that is made for the files where it is not there yet; nil: there must be one.
  var newFolder: String?
  /// `firstChunks[i]` is the number of chunks before step `i`; the last entry is the number of all.
  let firstChunks: [Int]

  init(
    files: [File], steps: [Step], notes: [String] = [], coverage: ImportanceCoverage? = nil, inputs: [InputFile],
    allowsNonFinite: Bool = false
  ) {
    self.files = files
    self.steps = steps
    self.notes = notes
    self.coverage = coverage
    self.inputs = inputs
    self.allowsNonFinite = allowsNonFinite
    var count = 0
    firstChunks =
      [0]
      + steps.map { step in
        count += step.cut.chunkCount
        return count
      }
  }

  /// Bytes of all sources.
  public var sourceByteCount: Int { steps.reduce(0) { $0 + $1.source.info.byteCount } }
  /// Bytes of all files.
  public var outputByteCount: Int { files.reduce(0) { $0 + $1.byteCount } }
  /// Elements of all tensors.
  public var elementCount: Int { steps.reduce(0) { $0 + $1.source.info.elementCount } }

  /// Memory that one thread needs for its buffers.
  public var threadByteCount: Int { steps.map(\.bufferByteCount).max() ?? 0 }
}

extension Plan {
  /// This plan in chunks of which one fits into `byteCount` of memory, as far as single rows do.
  func cut(toFit byteCount: Int) -> Plan {
    var plan = self
    var elementCount = Cut.usualElementCount
    while plan.threadByteCount > byteCount, elementCount > 1 {
      elementCount /= 2
      let steps = steps.map { Step(source: $0.source, targets: $0.targets, chunkElementCount: elementCount) }
      plan = Plan(
        files: files, steps: steps, notes: notes, coverage: coverage, inputs: inputs, allowsNonFinite: allowsNonFinite)
      plan.newFolder = newFolder
    }
    return plan
  }
}

extension Plan.Step {
  init(source: Tensor, targets: [Plan.Target], chunkElementCount: Int = Cut.usualElementCount) {
    self.source = source
    self.targets = targets
    cut = Cut(source: source, targets: targets, elementCount: chunkElementCount)
  }

  /// Source, floats and the largest target of one chunk.
  var bufferByteCount: Int {
    let elements = cut.elementsPerChunk
    func bytes(_ encoding: any Encoding) -> Int { elements / encoding.elementsPerBlock * encoding.bytesPerBlock }
    return bytes(source.info.encoding) + (needsElements ? 4 * elements : 0)
      + (targets.map { bytes($0.info.encoding) }.max() ?? 0)
  }
}

/// How a tensor is cut into chunks: whole rows, or, where rows do not matter, runs of elements.
struct Cut: Sendable {
  /// Elements of one chunk that suit the second-level cache: a megabyte as floats.
  static let usualElementCount = 256 << 10

  let elementCount: Int
  let elementsPerChunk: Int
  let chunkCount: Int
  /// Elements that stay together: a row, or the largest block.
  let unit: Int
  /// The source as rows of `unit` elements.
  let data: any TensorData

  /// - Parameter elementCount: about as many elements are in a chunk, at least one row or block.
  init(source: Tensor, targets: [Plan.Target], elementCount wanted: Int) {
    let info = source.info
    let encodings = [info.encoding] + targets.map(\.info.encoding)
    let block = encodings.map(\.elementsPerBlock).max() ?? 1
    elementCount = info.elementCount
    let hasImportance = targets.contains { $0.importance != nil }
    // Blocks never cross rows, so without importance a run of whole blocks may begin and end anywhere. All block sizes
    // are multiples of each other, or rows hold a whole number of each.
    let areNested = encodings.allSatisfy { block % $0.elementsPerBlock == 0 }
    if let region = source.data as? FileRegion, !hasImportance, areNested, info.elementCount % block == 0 {
      unit = block
      data = region.reshaped(rowByteCount: block / info.encoding.elementsPerBlock * info.encoding.bytesPerBlock)
    } else {
      unit = max(1, info.columnCount)
      data = source.data
    }
    var units = max(1, wanted / unit)
    if hasImportance, info.shape.count > 2 {
      // Each matrix has weights of its own, so a chunk stays within one.
      units = Self.divisor(of: info.shape[info.shape.count - 2], atMost: units)
    }
    elementsPerChunk = min(units * unit, max(elementCount, 1))
    chunkCount = elementCount == 0 ? 0 : (elementCount + units * unit - 1) / (units * unit)
  }

  /// The elements of chunk `index`.
  func elements(_ index: Int) -> Range<Int> {
    index * elementsPerChunk..<min((index + 1) * elementsPerChunk, elementCount)
  }

  /// Bytes of chunk `index` in `encoding`.
  func byteCount(of index: Int, _ encoding: any Encoding) -> Int {
    elements(index).count / encoding.elementsPerBlock * encoding.bytesPerBlock
  }

  /// Has the system read ahead while this thread computes: a few chunks on, for the threads beside it.
  func prefetch(after chunk: Int) {
    guard let region = data as? FileRegion, chunk + Self.prefetchDistance < chunkCount else { return }
    let ahead = elements(chunk + Self.prefetchDistance)
    region.prefetch(rows: ahead.lowerBound / unit..<ahead.upperBound / unit)
  }

  private static let prefetchDistance = 4

  /// The largest divisor of `number` that is at most `limit`.
  private static func divisor(of number: Int, atMost limit: Int) -> Int {
    guard number > limit else { return max(1, number) }
    return (1...limit).last { number % $0 == 0 } ?? 1
  }
}
