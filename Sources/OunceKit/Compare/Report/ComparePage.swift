/// A comparison as one page: no network, no script needed to read it, light and dark.
///
/// All plots are inline SVG with a text that says the same; all figures are in a table. Names of files and tensors are
/// escaped, and the page's own policy forbids it to load anything.
public struct ComparePage: Sendable {
  /// Tensors whose weights and errors are shown as histograms.
  public static let histogramCount = 6

  private let comparison: Comparison
  private let limits: [CompareLimit]
  private let tensors: [TensorComparison]

  public init(_ comparison: Comparison, limits: [CompareLimit] = []) {
    self.comparison = comparison
    self.limits = limits
    tensors = comparison.worstFirst
  }

  /// The page as text.
  public var html: String {
    var markup = Markup()
    markup.write(constant: "<!DOCTYPE html>\n")
    markup.element("html", ["lang": "en"]) { html in
      head(&html)
      html.element("body") { body in
        body.element("main") { main in
          main.element("h1", "\(comparison.a.path) → \(comparison.b.path)")
          models(&main)
          verdict(&main)
          plots(&main)
          table(&main)
          lone("Only in A", comparison.onlyInA, &main)
          lone("Only in B", comparison.onlyInB, &main)
          metadata(&main)
          notes(&main)
        }
        body.element("footer") { $0.element("p", "Made by ounce \(OunceKit.version).") }
        body.open("script")
        body.write(constant: PageStyle.script)
        body.write(constant: "</script>")
      }
    }
    markup.line()
    return markup.text
  }

  private func head(_ html: inout Markup) {
    html.element("head") { head in
      head.empty("meta", ["charset": "utf-8"])
      head.empty("meta", ["name": "viewport", "content": "width=device-width, initial-scale=1"])
      head.empty(
        "meta",
        [
          "http-equiv": "Content-Security-Policy",
          "content": "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'",
        ])
      head.element("title", "\(comparison.a.path) → \(comparison.b.path): ounce compare")
      head.open("style")
      head.write(constant: PageStyle.style)
      head.write(constant: "</style>")
    }
    html.line()
  }

  private func models(_ main: inout Markup) {
    main.element("dl") { list in
      for (letter, subject) in [("a", comparison.a), ("b", comparison.b)] {
        list.element("dt") { term in
          term.element("span", ["class": "key \(letter)", "aria-hidden": "true"], "")
          term.write(letter.uppercased())
        }
        list.element(
          "dd",
          "\(subject.path): \(subject.container)\(subject.isTranslated ? " under the names of GGUF" : ""), "
            + "\(subject.tensorCount) tensors, \(FigureText.bytes(subject.byteCount))")
      }
      let all = comparison.overall
      list.element("dt", "all tensors")
      list.element(
        "dd", CompareMetric.allCases.map { "\($0.title) \($0.text($0.value(of: all)))" }.joined(separator: ", "))
    }
  }

  private func verdict(_ main: inout Markup) {
    let compared = tensors.filter { $0.figures != nil }
    let same = compared.count { $0.isIdentical }
    main.element("p", "\(compared.count) tensors compared, \(same) with equal values.")
    guard !limits.isEmpty else { return }
    let failures = comparison.failures(limits)
    let bounds = limits.map(\.description).joined(separator: ", ")
    main.element("p", ["class": failures.isEmpty ? "holds" : "fails"]) { text in
      text.element("strong", failures.isEmpty ? "Within the limits" : "\(failures.count) failures")
      text.write(" (\(bounds))")
    }
    guard !failures.isEmpty else { return }
    main.element("ul") { list in
      for failure in failures.prefix(Self.listedCount) { list.element("li", failure.message.shortened(to: 300)) }
      if failures.count > Self.listedCount { list.element("li", "and \(failures.count - Self.listedCount) more") }
    }
  }

  private func plots(_ main: inout Markup) {
    main.element("h2", "Where the error is")
    DepthPlot(tensors)?.write(to: &main)
    let outside = tensors.filter { DepthPlace($0.name).depth == nil && !$0.isIdentical && $0.figures != nil }
    if !outside.isEmpty {
      let entries = outside.prefix(Self.outsideCount).map { tensor in
        BarPlot.Entry(label: tensor.name, values: [tensor.figures?.relativeRMSE])
      }
      BarPlot(
        id: "outside", title: "Error outside of blocks",
        summary: entries.map { "\($0.label.shortened(to: 80)): \(FigureText.significant(($0.values[0] ?? 0)))" }
          .joined(separator: "; ") + ".",
        entries: entries, text: FigureText.significant
      ).write(to: &main)
    }
    main.element("h2", "Size by type")
    sizes.write(to: &main)
    guard !comparison.histograms.isEmpty else { return }
    main.element("h2", "Weights and errors of the worst tensors")
    for (index, histogram) in comparison.histograms.enumerated() {
      guard let tensor = tensors.first(where: { $0.name == histogram.name }) else { continue }
      HistogramPlot(id: "histogram-\(index)", histogram: histogram, tensor: tensor).write(to: &main)
    }
  }

  private var sizes: BarPlot {
    var entries: [BarPlot.Entry] = []
    let (a, b) = (comparison.a.sizes, comparison.b.sizes)
    let inB = Dictionary(b.map { ($0.dtype, $0.byteCount) }, uniquingKeysWith: +)
    for (dtype, byteCount) in a.prefix(Self.typeCount) {
      entries.append(.init(label: dtype, values: [Double(byteCount), inB[dtype].map(Double.init)]))
    }
    let inA = Set(a.map(\.dtype))
    for (dtype, byteCount) in b.prefix(Self.typeCount) where !inA.contains(dtype) {
      entries.append(.init(label: dtype, values: [nil, Double(byteCount)]))
    }
    func words(_ letter: String, _ subject: Comparison.Subject) -> String {
      let types = subject.sizes.prefix(Self.typeCount).map { "\($0.dtype) \(FigureText.bytes($0.byteCount))" }
      return "\(letter): \(FigureText.bytes(subject.byteCount)) (\(types.joined(separator: ", ")))"
    }
    return BarPlot(
      id: "sizes", title: "Bytes of each type",
      summary: "\(words("A", comparison.a)); \(words("B", comparison.b)). The upper bar is A, the lower B.",
      entries: entries, text: { FigureText.bytes(Int($0)) })
  }

  static let listedCount = 50
  private static let outsideCount = 12
  private static let typeCount = 16
  /// Rows of the table: a page that a browser still opens.
  static let rowCount = 5000
}

extension ComparePage {
  private func table(_ main: inout Markup) {
    main.element("h2", "All tensors")
    let shown = tensors.prefix(Self.rowCount)
    main.element(
      "p",
      "The worst first" + (shown.count < tensors.count ? ", \(shown.count) of \(tensors.count)" : "")
        + ". Rows are counted from 0 over all leading dimensions.")
    main.element("div", ["class": "scroll", "tabindex": "0", "role": "group", "aria-label": "All tensors"]) { main in
      main.element("table", ["class": "sort"]) { table in
        table.element("thead") { head in
          head.element("tr") { row in
            for title in ["tensor", "types", "shape"] { row.element("th", ["scope": "col"], title) }
            for metric in CompareMetric.allCases {
              row.element("th", ["scope": "col", "class": "n", "title": metric.meaning], metric.title)
            }
            row.element("th", ["scope": "col"], "worst rows")
          }
        }
        table.element("tbody") { body in
          for tensor in shown { row(tensor, &body) }
        }
      }
    }
    main.line()
  }

  private func row(_ tensor: TensorComparison, _ body: inout Markup) {
    body.line()
    body.element("tr") { row in
      row.element("th", ["scope": "row"], tensor.name.shortened(to: 200))
      row.element("td", tensor.types)
      row.element("td", tensor.shapes)
      guard let figures = tensor.figures else {
        for _ in CompareMetric.allCases { row.element("td", ["class": "n", "data-v": "Infinity"], "–") }
        row.element("td", ["class": "wide"], tensor.reason ?? "")
        return
      }
      for metric in CompareMetric.allCases {
        let value = metric.value(of: figures)
        // JavaScript spells infinity in its own way.
        let number = value.isFinite ? "\(Float(value))" : value > 0 ? "Infinity" : "-Infinity"
        row.element("td", ["class": "n", "data-v": number], metric.text(value))
      }
      row.element("td", tensor.worstRows.map { "\($0.row)" }.joined(separator: ", "))
    }
  }

  private func lone(_ title: String, _ tensors: [TensorDescription], _ main: inout Markup) {
    guard !tensors.isEmpty else { return }
    main.element("h2", "\(title): \(tensors.count) \(tensors.count == 1 ? "tensor" : "tensors")")
    main.element("ul") { list in
      for tensor in tensors.prefix(Self.listedCount) {
        list.element("li", "\(tensor.name.shortened(to: 200)): \(tensor.dtype) \(FigureText.shape(tensor.shape))")
      }
      if tensors.count > Self.listedCount { list.element("li", "and \(tensors.count - Self.listedCount) more") }
    }
  }

  private func metadata(_ main: inout Markup) {
    main.element("h2", "Metadata")
    guard !comparison.metadata.isEmpty else {
      main.element("p", "All keys have the same values.")
      return
    }
    main.element("div", ["class": "scroll", "tabindex": "0", "role": "group", "aria-label": "Metadata"]) { main in
      main.element("table", ["class": "sort"]) { table in
        table.element("thead") { head in
          head.element("tr") { row in
            for title in ["key", "A", "B", "elements that differ"] { row.element("th", ["scope": "col"], title) }
          }
        }
        table.element("tbody") { body in
          for difference in comparison.metadata.prefix(Self.rowCount / 10) {
            body.element("tr") { row in
              row.element("th", ["scope": "row"], difference.key.shortened(to: 200))
              row.element("td", ["class": "wide"], difference.a ?? "–")
              row.element("td", ["class": "wide"], difference.b ?? "–")
              row.element("td", difference.elements.map { "\($0.count), the first is \($0.first)" } ?? "")
            }
          }
        }
      }
    }
    let hidden = comparison.metadata.count - Self.rowCount / 10
    if hidden > 0 { main.element("p", "and \(hidden) more keys") }
  }

  private func notes(_ main: inout Markup) {
    guard !comparison.notes.isEmpty else { return }
    main.element("h2", "Notes")
    main.element("ul") { list in
      for note in comparison.notes.prefix(Self.listedCount) { list.element("li", note.shortened(to: 500)) }
    }
  }
}
