internal import OunceCore

/// A tensor that holds what belongs to another name: layers exchanged, gate and up, keys and values.
public struct MisplacedTensor: LineagePattern {
  public let id = "OUN411"
  public let name = "misplaced-tensor"
  public let severity = Severity.error
  public let level = CheckLevel.full
  public let proves = "Each tensor has the values that belong to its name and its block."
  public let example = "model.gguf: tensors blk.3.*: hold what belongs to block 5"
  public let fix = "convert the checkpoint again: names were mapped wrongly, or layers merged in the wrong order"
  let isSearch = true

  public init() {}

  func explanation(of suspect: Suspect, _ context: LineageContext) throws(OunceError) -> Explanation? {
    guard let run = suspect.sample.runs.first else { return nil }
    let own = LineageName(suspect.name)
    let columns = suspect.found.info.columnCount
    let rows = run.lowerBound..<min(run.upperBound, run.lowerBound + 2)
    let found = suspect.foundRows.prefix(rows.count * columns)
    var best: (error: Double, name: String)?
    let names = context.names(of: suspect.found.info.shape, like: own, atMost: Limits.comparedTensors)
    for name in names where name != suspect.name {
      if context.isCancelled() { throw .cancelled }
      guard let other = try context.source(name) else { continue }
      let error = Suspect.relativeError(try other.floats(rows), found)
      if error <= suspect.range.row, error < best?.error ?? .infinity { best = (error, name) }
    }
    guard let best, let other = try context.source(best.name) else { return nil }
    let error = try suspect.error(other)
    guard suspect.isExplained(by: error) else { return nil }
    let name = LineageName(best.name)
    if name.role == own.role, let here = own.block, let there = name.block {
      let group = String(own.role.prefix { $0 != "*" }) + "\(here).*"
      return Explanation(self, "hold what belongs to block \(there)", error: error, suspect, group: group)
    }
    let shown = name.block == own.block && own.block != nil ? "\(name.role) of the same block" : best.name
    return Explanation(self, "hold what belongs to \(shown.escapingControls)", error: error, suspect)
  }
}

extension Limits {
  /// Tensors of one shape in which another is looked for: half a dozen in each of 150 layers.
  static let comparedTensors = 1024
}
