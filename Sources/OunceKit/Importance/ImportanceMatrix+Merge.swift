internal import OrderedCollections
public import OunceCore

extension ImportanceMatrix {
  /// Adds up matrices of one model, as llama-imatrix does: sums and counts of all texts together.
  ///
  /// What the `.dat` format holds is scaled back from means to sums with `chunkSize`.
  ///
  /// - Parameters:
  ///   - chunkSize: tokens in a chunk of text; nil: what the first file that knows it says, else 512.
  /// - Throws: `OunceError` when the files disagree about the size of a matrix.
  public static func merged(
    _ matrices: [ImportanceMatrix], chunkSize: Int? = nil
  ) throws(OunceError) -> ImportanceMatrix {
    guard let first = matrices.first else { throw OunceError(.request, "there is no importance matrix to merge") }
    // Scaled back, the sums are as the GGUF format has them.
    var result = first.as(.gguf)
    let size = chunkSize ?? matrices.lazy.compactMap(\.chunkSize).first ?? usualChunkSize
    guard size > 0 else { throw OunceError(.request, "a chunk of \(size) tokens is none", file: result.path) }
    result.entries = [:]
    result.datasets = matrices.flatMap(\.datasets)
    result.files = matrices.flatMap(\.files)
    result.chunkSize = size
    for matrix in matrices {
      for (name, entry) in matrix.entries {
        let scaled = matrix.format == .dat ? entry.scaled(by: size) : entry
        guard let before = result.entries[name] else {
          result.entries[name] = scaled
          continue
        }
        do { result.entries[name] = try before.adding(scaled) } catch {
          throw error.located(file: matrix.path, subject: "tensor \(name)")
        }
      }
    }
    result.entries.sort { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
    let longest = result.entries.values.lazy.flatMap(\.counts).max() ?? 0
    result.chunkCount = longest / size
    return result
  }
}

extension ImportanceMatrix.Entry {
  /// Sums and counts of tokens, from means times chunks and counts of chunks.
  fileprivate func scaled(by chunkSize: Int) -> Self {
    Self(sums: sums.map { $0 * Float(chunkSize) }, counts: counts.map { $0.multipliedOrClamped(by: chunkSize) })
  }

  fileprivate func adding(_ other: Self) throws(OunceError) -> Self {
    guard sums.count == other.sums.count else {
      throw OunceError(
        .request, "has \(other.sums.count) sums, but \(sums.count) in the files before",
        remedy: "merge only matrices of one model")
    }
    var (own, others) = (counts, other.counts)
    // A matrix that was recorded as one counts for each expert of the stack that it is in the other file.
    if own.count == 1 { own = Array(repeating: own[0], count: others.count) }
    if others.count == 1 { others = Array(repeating: others[0], count: own.count) }
    guard own.count == others.count else {
      throw OunceError(
        .request, "has \(other.counts.count) experts, but \(counts.count) in the files before",
        remedy: "merge only matrices of one model")
    }
    return Self(
      sums: zip(sums, other.sums).map { $0 + $1 },
      counts: zip(own, others).map { $0.addingReportingOverflow($1).partialValue })
  }
}

extension Int {
  fileprivate func multipliedOrClamped(by factor: Int) -> Int {
    let (product, overflows) = multipliedReportingOverflow(by: factor)
    return overflows ? (self < 0 ? .min : .max) : product
  }
}
