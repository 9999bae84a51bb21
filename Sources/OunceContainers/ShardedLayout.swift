internal import OunceCore

/// When a model is spread over several files.
public struct ShardLimits: Sendable, Equatable {
  /// Tensors of one file; nil: any number.
  public var tensorCount: Int?
  /// Bytes of the tensors of one file, padding and header not counted; nil: any number. A larger tensor has its own
  /// file.
  public var byteCount: Int?
  /// Puts metadata into a first file without tensors, where the container has its metadata in the first file only.
  public var isFirstWithoutTensors: Bool

  public init(tensorCount: Int? = nil, byteCount: Int? = nil, isFirstWithoutTensors: Bool = false) {
    self.tensorCount = tensorCount
    self.byteCount = byteCount
    self.isFirstWithoutTensors = isFirstWithoutTensors
  }
}

/// The files of one model, before any element exists.
public struct ShardedLayout: Sendable {
  public struct Shard: Sendable {
    /// The name of the file, without folder.
    public let name: String
    /// The tensors in it, as indices into those that were split. `layout.offsets[i]` belongs to `tensors[i]`.
    public let tensors: [Int]
    public let layout: FileLayout

    public init(name: String, tensors: [Int], layout: FileLayout) {
      self.name = name
      self.tensors = tensors
      self.layout = layout
    }
  }

  public let shards: [Shard]
  /// A file that says which tensor is where; written last, so that an unfinished set is never taken for a whole one.
  public let index: (name: String, bytes: [UInt8])?

  public init(shards: [Shard], index: (name: String, bytes: [UInt8])? = nil) {
    self.shards = shards
    self.index = index
  }
}

extension ShardLimits {
  /// The tensors of each file in order: a new file begins when one more tensor would break a limit.
  func groups(_ tensors: [TensorInfo]) -> [[Int]] {
    var groups: [[Int]] = isFirstWithoutTensors ? [[], []] : [[]]
    var byteCount = 0
    for (index, tensor) in tensors.enumerated() {
      let count = groups[groups.count - 1].count
      let isFull = tensorCount.map { count >= $0 } ?? false
      let isLarge = self.byteCount.map { byteCount + tensor.byteCount > $0 } ?? false
      if count > 0, isFull || isLarge {
        groups.append([])
        byteCount = 0
      }
      groups[groups.count - 1].append(index)
      byteCount += tensor.byteCount
    }
    return groups
  }
}
