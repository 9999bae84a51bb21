public import OunceCore

/// The checksums that the index of a TensorFlow checkpoint records of its tensors.
///
/// Those of texts are taken over more than their bytes; they are left out, as the texts themselves are.
public enum TensorChecksums {
  public struct Mismatch: Sendable, Equatable {
    public let tensor: String
    /// The shard that holds it, and where.
    public let file: String
    public let offset: Int
    public let expected: UInt32
    public let found: UInt32
  }

  /// Tensors whose bytes have another checksum than the index says, slices of a tensor under its name. Nothing is read
  /// of a file that is no such index.
  ///
  /// - Throws: `OunceError` when a shard cannot be read.
  public static func mismatches(
    in file: InputFile, isCancelled: () -> Bool = { false }
  ) throws(OunceError) -> [Mismatch] {
    guard SortedTable.isTable(file) else { return [] }
    var reader = CheckpointReader(file)
    _ = try reader.model()
    var mismatches: [Mismatch] = []
    for place in reader.places {
      guard let expected = place.checksum, let shard = reader.shards[place.shard]?.file else { continue }
      let found = CRC32C.masked(
        try shard.checksum(of: place.range, isCancelled: isCancelled) { CRC32C.checksum(of: $0, after: $1) })
      guard found != expected else { continue }
      mismatches.append(
        Mismatch(
          tensor: place.name, file: shard.path, offset: place.range.lowerBound, expected: expected, found: found))
    }
    return mismatches
  }
}
