/// gzip, Zstandard and tar around a sound safetensors file.
enum HostileWrappers {
  private static let inner = HostileSafetensors.file("{\(HostileSafetensors.tensor())}")

  static func gzip(
    _ content: [UInt8], flags: Int = 0, header: [UInt8] = [], checksum: Int? = nil, length: Int? = nil,
    method: Int = 8
  ) -> [UInt8] {
    all(
      [0x1F, 0x8B], u8(method), u8(flags), zeros(6), header, ZipWriter.deflated(content),
      u32(checksum ?? ZipWriter.crc32(content)), u32(length ?? content.count))
  }

  /// One frame of raw blocks, without a checksum.
  static func zstd(_ content: [UInt8], descriptor: Int = 0, window: Int = 0x48, type: Int = 0, size: Int? = nil)
    -> [UInt8]
  {
    let header = (size ?? content.count) << 3 | type << 1 | 1
    return all(u32(0xFD2F_B528), u8(descriptor), u8(window), little(header, 3), content)
  }

  /// A header of tar, and the member behind it.
  static func tar(
    _ name: String, _ content: [UInt8], type: String = "0", size: [UInt8]? = nil, magic: String = "ustar\u{0}00",
    sum: Int? = nil, prefix: String = ""
  ) -> [UInt8] {
    func field(_ bytes: [UInt8], _ count: Int) -> [UInt8] { Array((bytes + zeros(count)).prefix(count)) }
    let digits = String(content.count, radix: 8)
    let octal = utf8(String(repeating: "0", count: 11 - digits.count) + digits)
    var header = all(
      field(utf8(name), 100), field(utf8("0000644"), 8), zeros(16), field(size ?? octal, 12), zeros(12),
      [UInt8](repeating: 0x20, count: 8), utf8(type), zeros(100), field(utf8(magic), 8), zeros(80),
      field(utf8(prefix), 155), zeros(12))
    let total = sum ?? header.reduce(0) { $0 + Int($1) }
    let text = String(total, radix: 8)
    header.replaceSubrange(
      148..<156, with: field(utf8(String(repeating: "0", count: max(0, 6 - text.count)) + text), 7) + [0x20])
    return header + content.padded(to: 512)
  }

  private static let end = zeros(1024)

  static let suite: HostileSuite = {
    var suite = HostileSuite("wrappers", file: "model.safetensors.gz")
    gzip(&suite)
    zstd(&suite)
    tar(&suite)
    return suite
  }()

  private static func gzip(_ suite: inout HostileSuite) {
    suite.accept("a sound file", because: "it is unpacked once", gzip(inner))
    suite.accept(
      "two members one after the other", because: "gzip joins them",
      gzip(Array(inner.prefix(40))) + gzip(Array(inner.dropFirst(40))))
    suite.accept(
      "a name in the header", because: "it is passed over", gzip(inner, flags: 8, header: utf8("../../evil\0")))
    suite.refuse("a wrong checksum", "OUN102", "damaged", gzip(inner, checksum: 1))
    suite.refuse("a wrong length", "OUN102", "damaged", gzip(inner, length: 1))
    suite.refuse("a file that is cut", "OUN102", "end too early", Array(gzip(inner).dropLast(9)))
    suite.refuse("only the header", "OUN102", "end too early", Array(gzip(inner).prefix(10)))
    suite.refuse(
      "a name that never ends", "OUN102", "end too early",
      all([0x1F, 0x8B, 8, 8], zeros(6), [UInt8](repeating: 0x61, count: 5000)))
    suite.refuse("nothing inside", "OUN103", "unpacks to nothing", gzip([]))
    suite.refuse("a page inside", "OUN103", "HTML page", gzip(utf8("<!DOCTYPE html><title>404</title>")))
    suite.refuse("a stream of a kind that there is not", "OUN102", "damaged", gzip(inner).with([7], at: 10))
    var nested = inner
    for _ in 0..<4 { nested = gzip(nested) }
    suite.refuse("four times wrapped", "OUN104", "wrapped more than", nested)
    suite.refuse(
      "a file that unpacks to itself, nearly: 2,000 members of nothing", "OUN103", "unpacks to nothing",
      joined((0..<2000).map { _ in gzip([]) }))
  }

  private static func zstd(_ suite: inout HostileSuite) {
    let name = "model.safetensors.zst"
    suite.accept("a sound frame", because: "it is unpacked once", zstd(inner), as: name)
    suite.accept(
      "a frame to be passed over before it", because: "parallel compressors write such",
      all(u32(0x184D_2A50), u32(3), [1, 2, 3], zstd(inner)), as: name)
    suite.refuse(
      "a frame to be passed over of 4 GiB", "OUN102", "end too early", all(u32(0x184D_2A50), u32(-1), [1, 2, 3]),
      as: name)
    suite.refuse(
      "only frames to be passed over", "OUN103", "unpacks to nothing", all(u32(0x184D_2A50), u32(0)), as: name)
    suite.refuse("a window of 3 TiB", "OUN102", "damaged", zstd(inner, window: 0xF8), as: name)
    suite.refuse("a block that is cut", "OUN102", "end too early", zstd(inner, size: inner.count + 5), as: name)
    suite.refuse("a block of a kind that there is not", "OUN102", "damaged", zstd(inner, type: 3), as: name)
    suite.refuse(
      "a dictionary that is not there", "OUN102", "damaged",
      all(u32(0xFD2F_B528), [1, 0x48, 7], zstd(inner).dropFirst(6).map { $0 }), as: name)
    suite.refuse(
      "one byte, repeated two million times", "OUN102", "damaged", zstd([0], type: 1, size: 0x1F_FFFF), as: name)
    suite.refuse(
      "zeros, repeated 128 thousand times", "OUN103", "zeros only", zstd([0], type: 1, size: 0x1_FFFF), as: name)
    let blocks = (0..<2100).map { _ in all(little(0x2_0000 << 3 | 2, 3), [0]) }
    suite.refuse(
      "a bomb of 275 MB in 8 kB", "OUN102", "a bomb",
      all(u32(0xFD2F_B528), [0, 0x58], joined(blocks), little(1, 3)), as: name)
  }

  private static func tar(_ suite: inout HostileSuite) {
    let name = "model.tar"
    let member = tar("model.safetensors", inner)
    suite.accept("a sound archive", because: "it is read in place", member + end, as: name)
    suite.accept(
      "a size in base 256", because: "GNU tar writes it",
      tar("model.safetensors", inner, size: [0x80] + big(inner.count, 11)) + end, as: name)
    suite.refuse(
      "a size of 2^88", "OUN102", "no number",
      tar("model.safetensors", inner, size: [0x80] + [UInt8](repeating: 0xFF, count: 11)) + end, as: name)
    suite.refuse(
      "a size of 8 GiB", "OUN102", "the file ends after",
      tar("model.safetensors", inner, size: utf8("77777777777")) + end, as: name)
    suite.refuse(
      "a size that is negative", "OUN102", "no number", tar("model.safetensors", inner, size: utf8("-1")) + end,
      as: name)
    suite.refuse(
      "a size that is text", "OUN102", "no number", tar("model.safetensors", inner, size: utf8("12z")) + end, as: name)
    suite.refuse("no size", "OUN102", "no number", tar("model.safetensors", inner, size: [0x20, 0x20]) + end, as: name)
    suite.refuse(
      "a header whose sum is wrong", "OUN102", "checksum", tar("model.safetensors", inner, sum: 5) + end, as: name)
    suite.refuse("no end", "OUN102", "the archive ends", member, as: name)
    suite.refuse("two members of one name", "OUN102", "two members", member + member + end, as: name)
    suite.refuse(
      "a member with holes", "OUN104", "with holes", tar("model.safetensors", inner, type: "S") + end, as: name)
    suite.refuse(
      "a link, but no file", "OUN103", "without files", tar("model.safetensors", [], type: "2") + end, as: name)
    suite.refuse(
      "a device, but no file", "OUN103", "without files", tar("model.safetensors", [], type: "3") + end, as: name)
    suite.refuse(
      "a member that leads out of the folder", "OUN103", "without files", tar("../model.safetensors", inner) + end,
      as: name)
    suite.refuse(
      "a record that is none", "OUN102", "expected a record", tar("x", utf8("hello"), type: "x") + member + end,
      as: name)
    suite.refuse(
      "a record whose length is beyond it", "OUN102", "expected a record",
      tar("x", utf8("99 path=a\n"), type: "x") + member + end, as: name)
    suite.refuse(
      "a record of no length", "OUN102", "expected a record", tar("x", utf8("0 path=a\n"), type: "x") + member + end,
      as: name)
    suite.refuse(
      "a record with a negative size", "OUN102", "expected a record",
      tar("x", utf8("11 size=-5\n"), type: "x") + member + end, as: name)
    suite.refuse(
      "a record with a size beyond the file", "OUN102", "the file ends after",
      tar("x", utf8("27 size=999999999999999999\n".replacing27), type: "x") + member + end, as: name)
    suite.refuse(
      "records of two megabytes", "OUN102", "beyond the limit", tar("x", zeros(2 << 20), type: "x") + member + end,
      as: name)
    suite.accept(
      "a long name in a record", because: "pax writes it so",
      tar("x", utf8("26 path=model.safetensors\n"), type: "x") + tar("short", inner) + end, as: name)
    suite.refuse(
      "a bomb in an archive", "OUN102", "a bomb",
      tar(
        "model.safetensors.zst",
        all(
          u32(0xFD2F_B528), [0, 0x58], joined((0..<2100).map { _ in all(little(0x2_0000 << 3 | 2, 3), [0]) }),
          little(1, 3)))
        + end, as: name)
  }
}

extension String {
  /// The text with its own length at its beginning, as records of pax have it.
  fileprivate var replacing27: String {
    let rest = drop { $0 != " " }
    var length = rest.utf8.count
    while String(length).utf8.count + rest.utf8.count != length { length += 1 }
    return "\(length)\(rest)"
  }
}
