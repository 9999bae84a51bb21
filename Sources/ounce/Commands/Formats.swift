import ArgumentParser
import OunceKit

struct Formats: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "What this build reads, writes and quantizes to.",
    discussion: """
      EXAMPLES
        ounce formats                     everything
        ounce formats --encodings         every encoding with its bits per weight
        ounce formats --format json       for programs
      """)

  @Flag(help: "Only containers.") var containers = false
  @Flag(help: "Only encodings.") var encodings = false
  @Flag(help: "Only recipes.") var recipes = false
  @Flag(help: "Only architectures.") var architectures = false
  @OptionGroup var format: FormatOptions
  @OptionGroup var common: CommonOptions

  func run() throws {
    let isAll = !(containers || encodings || recipes || architectures)
    let sections: [(String, Bool, Table)] = [
      ("containers", containers, containerTable), ("encodings", encodings, encodingTable),
      ("recipes", recipes, recipeTable), ("architectures", architectures, architectureTable),
    ]
    let shown = sections.filter { isAll || $0.1 }
    if format.chosen == .json {
      var document: JSONObject = ["schema": .string("ounce.formats/1"), "cpuLevel": .string(Encodings.level)]
      for (name, _, table) in shown { document[name] = table.json }
      Terminal.output.line(JSONWriter.write(.object(document), isIndented: true))
      return
    }
    for (index, section) in shown.enumerated() {
      if index > 0 { Terminal.output.line("") }
      if shown.count > 1, format.chosen != .tsv {
        Terminal.output.line(
          format.chosen == .markdown ? "## \(section.0)\n" : common.output.bold(section.0.uppercased()))
      }
      Terminal.output.write(section.2.text(format.chosen, style: common.output))
    }
  }

  private var containerTable: Table {
    var table = Table(columns: [
      .init(title: "container"), .init(title: "files"), .init(title: "read"), .init(title: "write"),
    ])
    let readable = Set(Containers.all.map(\.name))
    let writtenOnly = Containers.writable.filter { !readable.contains($0.name) } as [any Container]
    table.rows = (Containers.all + writtenOnly).map { container in
      [
        container.name, container.fileExtensions.map { ".\($0)" }.joined(separator: " "),
        readable.contains(container.name) ? "yes" : "no", container is any WritableContainer ? "yes" : "no",
      ]
    }
    table.rows += Containers.folders.map { [$0.name, "a folder", "yes", "no"] }
    return table
  }

  private var encodingTable: Table {
    var table = Table(columns: [
      .init(title: "encoding"), .init(title: "bits/weight", isNumber: true), .init(title: "block", isNumber: true),
      .init(title: "bytes", isNumber: true), .init(title: "write"), .init(title: "GGUF"), .init(title: "safetensors"),
    ])
    table.rows = Encodings.all.map { encoding in
      [
        encoding.name, "\(encoding.bitsPerElement)", "\(encoding.elementsPerBlock)", "\(encoding.bytesPerBlock)",
        encoding is any WritableEncoding ? "yes" : "no", encoding.ggmlType.map { "\($0)" } ?? "-",
        encoding.safetensorsType ?? "-",
      ]
    }
    return table
  }

  private var recipeTable: Table {
    var table = Table(columns: [
      .init(title: "recipe"), .init(title: "also"), .init(title: "mostly"), .init(title: "mixes"),
    ])
    table.rows = Recipes.all.map { recipe in
      let mixed = Set(recipe.encodings.dropFirst()).subtracting(recipe.encodings.prefix(1)).sorted()
      return [
        recipe.name, recipe.aliases.joined(separator: " "), recipe.encoding ?? "as in the source",
        mixed.joined(separator: " "),
      ].map { $0.isEmpty ? "-" : $0 }
    }
    return table
  }

  private var architectureTable: Table {
    var table = Table(columns: [
      .init(title: "architecture"), .init(title: "classes"), .init(title: "compared with the reference"),
    ])
    table.rows = Architectures.all.map { architecture in
      let compared = architecture.huggingFaceNames.filter(Architectures.compared.contains)
      let isAll = compared.count == architecture.huggingFaceNames.count
      return [
        architecture.name, architecture.huggingFaceNames.joined(separator: " "),
        isAll ? "all" : compared.isEmpty ? "none" : compared.joined(separator: " "),
      ]
    }
    return table
  }
}

extension Table {
  /// Rows as objects.
  var json: JSON {
    .array(
      rows.map { row in
        var object: JSONObject = [:]
        for (column, cell) in zip(columns, row) {
          object[column.title] =
            column.isNumber
            ? (Int(cell).map(JSON.integer) ?? Double(cell).map(JSON.double) ?? .string(cell))
            : cell == "-" ? .null : .string(cell)
        }
        return .object(object)
      })
  }
}
