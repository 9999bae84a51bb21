import ArgumentParser
import OunceKit

/// Measures encoders and decoders on one core, as ratios to ggml's in the same run. `Scripts/benchmark` calls it.
@main
struct OunceBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ounce-bench",
    abstract: "Speed of encodings on one core beside ggml's, in million weights per second.")

  @Option(help: ArgumentHelp("libggml-base of the reference (.so or .dylib).", valueName: "path"))
  var ggml: String?

  @Option(help: "Weights of the sample, in rows of 4096.") var weights = 1 << 21

  @Option(help: "Only encodings whose names begin so.") var only = ""

  @Option(help: "Runs of each side; the median counts.") var runs = 3

  func run() throws {
    let reference = try ggml.map(Reference.init)
    let sample = Sample(weightCount: weights / Sample.columns * Sample.columns)
    print("level \(Encodings.level), \(sample.weightCount) weights, median of \(runs)")
    print(Row.header)
    for encoding in Encodings.all where encoding.ggmlType != nil && encoding.name.hasPrefix(only.uppercased()) {
      // ggml has no code of its own for F32, and refuses F64.
      guard let writable = encoding as? any WritableEncoding,
        encoding.kind == .quantized || encoding.name == "F16" || encoding.name == "BF16"
      else { continue }
      for importance in encoding.kind == .quantized ? [nil, sample.importance] : [nil] {
        print(encode(writable, sample, importance, reference).text)
      }
      print(decode(writable, sample, reference).text)
    }
  }

  private func encode(
    _ encoding: any WritableEncoding, _ sample: Sample, _ importance: [Float]?, _ reference: Reference?
  ) -> Row {
    var row = Row(name: encoding.name, what: importance == nil ? "encode" : "encode, importance")
    var blocks = [UInt8](repeating: 0, count: sample.byteCount(encoding))
    for _ in 0..<runs {
      row.ours.append(
        seconds {
          blocks.withMutableRawSpan { blocks in
            encoding.encode(sample.floats.span, columns: Sample.columns, importance: importance?.span, into: &blocks)
          }
        })
      if let reference, let type = encoding.ggmlType, importance != nil || !reference.requiresImportance(type) {
        row.theirs.append(seconds { reference.quantize(type, sample, importance) })
      }
    }
    row.weightCount = sample.weightCount
    return row
  }

  private func decode(_ encoding: any WritableEncoding, _ sample: Sample, _ reference: Reference?) -> Row {
    var row = Row(name: encoding.name, what: "decode")
    var blocks = [UInt8](repeating: 0, count: sample.byteCount(encoding))
    blocks.withMutableRawSpan { blocks in
      encoding.encode(
        sample.floats.span, columns: Sample.columns, importance: sample.importance.span, into: &blocks)
    }
    var floats = [Float](repeating: 0, count: sample.weightCount)
    for _ in 0..<runs {
      row.ours.append(
        seconds {
          blocks.withRawSpan { blocks in
            var elements = floats.mutableSpan
            encoding.decode(blocks, into: &elements)
          }
        })
      if let reference, let type = encoding.ggmlType {
        row.theirs.append(seconds { reference.decode(type, blocks, into: &floats) })
      }
    }
    row.weightCount = sample.weightCount
    return row
  }

  private func seconds(_ body: () -> Void) -> Double {
    let clock = ContinuousClock()
    let duration = clock.measure(body)
    return Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
  }
}

/// One line of the table.
private struct Row {
  let name: String
  let what: String
  var ours: [Double] = []
  var theirs: [Double] = []
  var weightCount = 0

  static let header = "encoding  what                 ounce Mw/s   ggml Mw/s   ratio"

  var text: String {
    let ours = speed(ours)
    let theirs = speed(theirs)
    return pad(name, 10) + pad(what, 20) + right(ours.map { "\(Int($0))" } ?? "-", 11)
      + right(theirs.map { "\(Int($0))" } ?? "-", 12)
      + right(ours.flatMap { ours in theirs.map { "\((ours / $0 * 10).rounded() / 10)" } } ?? "-", 8)
  }

  private func speed(_ seconds: [Double]) -> Double? {
    seconds.isEmpty ? nil : Double(weightCount) / seconds.sorted()[seconds.count / 2] / 1e6
  }

  private func pad(_ text: String, _ width: Int) -> String {
    text + String(repeating: " ", count: max(0, width - text.count))
  }

  private func right(_ text: String, _ width: Int) -> String {
    String(repeating: " ", count: max(0, width - text.count)) + text
  }
}
