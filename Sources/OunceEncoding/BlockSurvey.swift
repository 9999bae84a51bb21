/// What can be seen of a run of encoded elements without computing with them.
public struct BlockSurvey: Sendable, Equatable {
  /// A count, and the first index that it counts.
  public struct Tally: Sendable, Equatable {
    public var count = 0
    public var first: Int?

    public init() {}

    public mutating func add(_ index: Int) {
      count += 1
      first = first ?? index
    }

    /// Adds what was counted of a run that begins at index `start`.
    public mutating func add(_ other: Tally, from start: Int) {
      count += other.count
      first = first ?? other.first.map { start + $0 }
    }
  }

  /// Elements that are NaN or infinite; of blocks: those whose scale is.
  public var nonFinite = Tally()
  /// Blocks with a scale of zero, so that all of it is zero (or its minimum).
  public var zeroScales = Tally()
  /// Blocks with a scale so small that a half float has at most five of its eleven bits left. (Denormal ones as such
  /// are usual: Q6_K divides by 4064.)
  public var denormalScales = Tally()
  /// Blocks with bits that the format forbids.
  public var forbidden = Tally()

  public init() {}
}
