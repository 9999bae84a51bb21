import ArgumentParser
import OunceKit

/// Measures encoders and decoders on one core, beside ggml's in the same process. `Scripts/benchmark` calls it.
@main
struct OunceBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "ounce-bench",
    abstract: "Speed of encodings on one core beside ggml's, in million weights per second.",
    discussion: """
      Prints a line about the machine, then one per encoding and task, with tabs between: the task, the encoding, \
      ggml's speed and ounce's, or -.
      """)

  @Option(help: ArgumentHelp("libggml-base of the reference (.so or .dylib).", valueName: "path"))
  var ggml: String?

  @Option(help: "Weights of the sample, in rows of 4096.") var weights = 1 << 20

  @Option(help: "Only encodings whose names begin so.") var only = ""

  @Option(help: "Runs of each side in turn; the medians count.") var runs = 3

  func run() throws {
    let reference = try ggml.map(Reference.init)
    let sample = Sample(weightCount: max(1, weights / Sample.chunk) * Sample.chunk)
    let bandwidth = (Machine.copyBandwidth() / 1e8).rounded() / 10
    print("# \(Machine.processor), copies \(bandwidth) GB/s; level \(Encodings.level), ", terminator: "")
    print("\(sample.weightCount) weights, medians of \(runs)")
    for encoding in Encodings.all where encoding.name.hasPrefix(only.uppercased()) {
      // What ggml quantizes or converts; it copies the other plain types.
      guard encoding.kind == .quantized || encoding.name == "F16" || encoding.name == "BF16" else { continue }
      if let writable = encoding as? any WritableEncoding {
        encode(writable, sample, importance: nil, reference)
        if encoding.kind == .quantized { encode(writable, sample, importance: sample.importance, reference) }
      }
      decode(encoding, sample, reference)
    }
  }

  private func encode(
    _ encoding: any WritableEncoding, _ sample: Sample, importance: [Float]?, _ reference: Reference?
  ) {
    let type = encoding.ggmlType.flatMap { type in
      importance == nil && reference?.requiresImportance(type) == true ? nil : type
    }
    var blocks = Buffer(byteCount: sample.byteCount(encoding))
    measure(
      importance == nil ? "encode" : "encode, importance", encoding, sample,
      besideReference: reference != nil && type != nil
    ) { isReference in
      blocks.withMutableBytes(0..<sample.byteCount(encoding)) { blocks in
        if isReference, let reference, let type {
          reference.quantize(type, sample, importance, into: &blocks)
        } else {
          encoding.encode(sample.floats.span, columns: Sample.columns, importance: importance?.span, into: &blocks)
        }
      }
    }
  }

  /// Chunk by chunk into the same memory, as the tool does.
  private func decode(_ encoding: any Encoding, _ sample: Sample, _ reference: Reference?) {
    let blocks = sample.blocks(encoding)
    let chunk = Sample.chunk / encoding.elementsPerBlock * encoding.bytesPerBlock
    var floats = Buffer(byteCount: Sample.chunk * 4)
    let decoder = encoding.ggmlType.flatMap { reference?.decoder($0) }
    measure("decode", encoding, sample, besideReference: decoder != nil) { isReference in
      for first in stride(from: 0, to: blocks.byteCount, by: chunk) {
        blocks.withBytes(first..<first + chunk) { bytes in
          floats.withMutableFloats(Sample.chunk) { floats in
            if isReference, let decoder { decoder(bytes, &floats) } else { encoding.decode(bytes, into: &floats) }
          }
        }
      }
    }
  }

  /// Prints the line of a task. `run` runs it once, as ggml does when its argument is true.
  private func measure(
    _ task: String, _ encoding: any Encoding, _ sample: Sample, besideReference: Bool, _ run: (Bool) -> Void
  ) {
    var theirs: [Double] = []
    var ours: [Double] = []
    for _ in 0..<runs {
      if besideReference { theirs.append(seconds { run(true) }) }
      ours.append(seconds { run(false) })
    }
    // A tenth matters to the types that take a second for a million weights.
    func speed(_ times: [Double]) -> String {
      if times.isEmpty { return "-" }
      let speed = Double(sample.weightCount) / times.sorted()[times.count / 2] / 1e6
      return speed < 10 ? "\((speed * 10).rounded() / 10)" : "\(Int(speed))"
    }
    print(task, encoding.name, speed(theirs), speed(ours), separator: "\t")
  }
}
