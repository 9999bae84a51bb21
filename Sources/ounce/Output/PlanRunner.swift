import OunceKit

/// Shows a plan, or carries it out and says what came of it.
struct PlanRunner {
  let verb: String
  let plan: Plan
  let writing: WritingOptions
  let common: CommonOptions
  let start: Double
  /// Whether sizes before and after, bits and rates say something.
  var makesSmaller = true

  func run() throws {
    for note in plan.notes + coverageNotes { common.note(note) }
    if writing.dryRun {
      Terminal.output.write(description)
      return
    }
    if let note = plan.leftoverNote(resumes: writing.resume) { common.note(note) }
    var line = ProgressLine(verb, writing.progressChoice, common)
    defer { line.end() }
    try plan.execute(writing.execution) { line.update($0) }
    line.end()
    if !common.quiet { Terminal.errors.write(summary(seconds: Terminal.now - start)) }
  }

  /// What the importance matrix leaves open: in short, or name by name.
  private var coverageNotes: [String] {
    guard let coverage = plan.coverage else { return [] }
    let used = "importance weights for \(coverage.usedCount) tensors"
    guard writing.dryRun || common.verbose else { return coverage.summaries.isEmpty ? [] : [used] + coverage.summaries }
    return [used] + coverage.missing.map { "\($0): no importance weights" }
      + coverage.unused.map { "\($0): in the importance matrix, but no tensor is called so" }
      + coverage.unreached.map { "\($0): experts that no token reached; their columns count alike" }
  }

  /// The plan as a table: what each tensor becomes, and the exact size of each file.
  private var description: String {
    let isOne = plan.files.count == 1
    var table = Table(
      columns: [
        .init(title: "tensor"), .init(title: "shape"), .init(title: "from"), .init(title: "to"),
        .init(title: "bytes", isNumber: true),
      ] + (isOne ? [] : [.init(title: "file")]))
    for step in plan.steps {
      for target in step.targets {
        table.rows.append(
          [
            target.info.name, "[\(target.info.shape.map(String.init).joined(separator: ", "))]",
            step.source.info.encoding.name,
            target.info.encoding.name + (target.meant.map { " (for \($0))" } ?? ""), "\(target.info.byteCount)",
          ] + (isOne ? [] : [Paths.name(of: plan.files[target.file].path)]))
      }
    }
    let sizes = plan.files.indices.map { index in
      "\(plan.files[index].path.escapingControls)  \(Numbers.grouped(plan.files[index].byteCount)) bytes "
        + "(\(Numbers.bytes(plan.files[index].byteCount)), \(Numbers.fixed(bitsPerWeight(index), 2)) bits/weight)\n"
    }
    return table.text(.table, style: common.output) + "\n" + sizes.joined()
  }

  private func targets(_ file: Int) -> [Plan.Target] { plan.steps.flatMap(\.targets).filter { $0.file == file } }

  private func bitsPerWeight(_ file: Int) -> Double {
    let targets = targets(file)
    let elements = targets.reduce(0) { $0 + $1.info.elementCount }
    let bytes = targets.reduce(0) { $0 + $1.info.byteCount }
    return elements == 0 ? 0 : Double(bytes) * 8 / Double(elements)
  }

  /// The closing lines: sizes, bits per weight, time and rate.
  private func summary(seconds: Double) -> String {
    let style = common.errors
    let rate = Numbers.rate(Double(plan.sourceByteCount) / max(seconds, 1e-3))
    var text = ""
    for (index, file) in plan.files.enumerated() {
      // Files of settings beside the weights are not smaller than anything.
      guard makesSmaller, !targets(index).isEmpty else {
        text += style.green("✓ ") + style.bold(file.path.escapingControls) + "  \(Numbers.bytes(file.byteCount))\n"
        continue
      }
      let source = Numbers.bytes(plan.sourceByteCount)
      let factor = Double(plan.sourceByteCount) / Double(max(1, file.byteCount))
      text +=
        style.green("✓ ") + style.bold(file.path.escapingControls)
        + "  \(source) → \(Numbers.bytes(file.byteCount))  (\(Numbers.fixed(factor, 1))x smaller, "
        + "\(Numbers.fixed(bitsPerWeight(index), 2)) bits/weight)  \(Numbers.duration(seconds)), \(rate)\n"
      var counts: [String: Int] = [:]
      let targets = targets(index)
      for target in targets { counts[target.info.encoding.name, default: 0] += 1 }
      let mix = counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.value) \($0.key)" }
      text += "  \(targets.count) tensors: \(mix.joined(separator: ", "))\n"
    }
    return text
  }
}
