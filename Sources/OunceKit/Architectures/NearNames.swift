/// Names that a user may have meant.
public enum NearNames {
  /// At most three of `names` that differ from `wanted` in at most 40 % of its characters, the nearest first.
  public static func find(_ wanted: String, among names: [String]) -> [String] {
    let goal = Array(wanted.lowercased().utf8.prefix(100))
    let limit = max(2, goal.count * 2 / 5)
    let ranked = names.map { (name: $0, distance: distance(goal, Array($0.lowercased().utf8.prefix(100)))) }
    return ranked.filter { $0.distance <= limit }.sorted { ($0.distance, $0.name) < ($1.distance, $1.name) }
      .prefix(3).map(\.name)
  }

  /// The number of insertions, removals and replacements between two texts.
  private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var previous = Array(0...b.count)
    for (row, left) in a.enumerated() {
      var current = [row + 1]
      for (column, right) in b.enumerated() {
        let replaced = previous[column] + (left == right ? 0 : 1)
        current.append(min(replaced, previous[column + 1] + 1, current[column] + 1))
      }
      previous = current
    }
    return previous[b.count]
  }
}
