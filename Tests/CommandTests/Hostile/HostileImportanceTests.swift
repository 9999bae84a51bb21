import Foundation
import Testing

/// Importance matrices that lie, given to `ounce imatrix`, which shows, merges and converts them.
struct HostileImportanceTests {
  private typealias W = GGUFWriter

  private static func dat(
    entries: Int = 1, name: [UInt8] = utf8("blk.0.attn_q.weight"), nameByteCount: Int? = nil, chunks: Int = 1,
    values: Int? = nil,
    content: [UInt8] = floats(2), tail: [UInt8] = u32(1)
  ) -> [UInt8] {
    all(
      u32(entries), u32(nameByteCount ?? name.count), name, u32(chunks), u32(values ?? content.count / 4), content, tail
    )
  }

  private static func gguf(
    sums: Int = 2, counts: [UInt8] = floats(1), more: [[UInt8]] = [], name: String = "blk.0.attn_q.weight",
    data: [UInt8]? = nil
  ) -> [UInt8] {
    var writer = GGUFWriter()
    writer.pairs = [W.string("general.type", "imatrix"), W.number("imatrix.chunk_count", 1)] + more
    writer.tensors = [
      .init(name: utf8("\(name).in_sum2"), sizes: [sums, 1]),
      .init(name: utf8("\(name).counts"), sizes: [1, counts.count / 4], offset: 32),
    ]
    writer.data = (data ?? floats(sums)).padded(to: 32) + counts
    return writer.bytes
  }

  private struct Item: Sendable {
    let what: String
    let file: String
    let bytes: [UInt8]
    /// nil: it can be read.
    let words: String?
  }

  private static let items: [Item] = [
    Item(what: "a sound file", file: "a.dat", bytes: dat(), words: nil),
    Item(what: "2^32-1 entries", file: "a.dat", bytes: dat(entries: -1), words: "entries"),
    Item(what: "no entries", file: "a.dat", bytes: dat(entries: 0), words: "entries"),
    Item(what: "a name of 2^32-1 bytes", file: "a.dat", bytes: dat(nameByteCount: -1), words: "bytes in a name"),
    Item(what: "a name of no bytes", file: "a.dat", bytes: dat(name: []), words: "bytes in a name"),
    Item(
      what: "a name that moves the cursor", file: "a.dat", bytes: dat(name: [0x1B, 0x5B, 0x32, 0x4A]),
      words: "name of a tensor"),
    Item(what: "a name that is no UTF-8", file: "a.dat", bytes: dat(name: [0xC3, 0x28]), words: "name of a tensor"),
    Item(what: "2^32-1 values", file: "a.dat", bytes: dat(values: -1), words: "values"),
    Item(what: "no values", file: "a.dat", bytes: dat(content: []), words: "values"),
    Item(what: "values beyond the file", file: "a.dat", bytes: dat(values: 1 << 20), words: "need at least"),
    Item(what: "two entries of which one is there", file: "a.dat", bytes: dat(entries: 2), words: ""),
    Item(
      what: "bytes behind the end", file: "a.dat", bytes: dat(tail: all(u32(1), u32(0), [1])), words: "follow the end"),
    Item(
      what: "a text of 2^32-1 bytes", file: "a.dat", bytes: dat(tail: all(u32(1), u32(-1))), words: "name of the text"),
    Item(what: "chunks of 2^31", file: "a.dat", bytes: dat(chunks: .min), words: nil),
    Item(what: "-1 chunks", file: "a.dat", bytes: dat(chunks: -1, tail: u32(-1)), words: nil),
    Item(what: "no chunks", file: "a.dat", bytes: dat(chunks: 0), words: nil),
    Item(what: "NaN", file: "a.dat", bytes: dat(content: u32(-1) + floats(1)), words: nil),
    Item(what: "an empty file", file: "a.dat", bytes: [], words: ""),
    Item(what: "a page", file: "a.dat", bytes: utf8("<html><title>x</title></html>"), words: ""),
    Item(what: "a sound GGUF", file: "a.gguf", bytes: gguf(), words: nil),
    Item(what: "a GGUF of another type", file: "a.gguf", bytes: GGUFWriter().bytes, words: "no importance matrix"),
    Item(
      what: "chunks of nothing", file: "a.gguf", bytes: gguf(more: [W.number("imatrix.chunk_size", 0)]),
      words: "are outside"),
    Item(
      what: "chunks of 2^63-1", file: "a.gguf", bytes: gguf(more: [W.pair("imatrix.chunk_size", type: 11, u64(.max))]),
      words: "are outside"),
    Item(
      what: "chunks of -1", file: "a.gguf", bytes: gguf(more: [W.pair("imatrix.chunk_size", type: 5, u32(-1))]),
      words: "are outside"),
    Item(what: "a count that is no number", file: "a.gguf", bytes: gguf(counts: u32(-1)), words: "a count is"),
    Item(what: "a count of 10^38", file: "a.gguf", bytes: gguf(counts: u32(0x7F00_0000)), words: "a count is"),
    Item(what: "a negative count", file: "a.gguf", bytes: gguf(counts: u32(0xBF80_0000)), words: nil),
    Item(
      what: "counts that do not divide the sums", file: "a.gguf", bytes: gguf(counts: floats(3)), words: "do not divide"
    ),
    Item(what: "a sum that is no number", file: "a.gguf", bytes: gguf(data: u32(-1) + floats(1)), words: nil),
    Item(what: "a name that turns text around", file: "a.gguf", bytes: gguf(name: "a\u{202E}b"), words: nil),
  ]

  @Test func `an importance matrix that lies is refused, or shown and converted`() throws {
    let folder = try Program.Folder()
    for item in Self.items {
      try Data(item.bytes).write(to: URL(filePath: folder.file(item.file)))
      let target = item.file == "a.dat" ? "out.gguf" : "out.dat"
      for arguments in [[], ["-o", target, "--force"], ["-o", "same." + item.file, "--force"]] {
        let run = try MeasuredRun(["imatrix", item.file] + arguments, in: folder.path)
        let name = "\(item.what) \(arguments)"
        #expect(run.signal == 0, "\(name): ended by signal \(run.signal): \(run.errors.suffix(500))")
        #expect(run.seconds < 10 && run.peakByteCount ?? 0 < 256 << 20, "\(name): \(run.seconds) s")
        let text = run.output + run.errors
        #expect(!text.unicodeScalars.contains(where: HostileTests.isTreacherous), "\(name): \(text)")
        guard let words = item.words else { continue }
        #expect([64, 65, 66, 78].contains(run.exit ?? -1), "\(name): \(run.exit ?? -1)")
        #expect(
          run.errors.contains(item.file) && (words.isEmpty || run.errors.contains(words)), "\(name): \(run.errors)")
      }
    }
  }
}
