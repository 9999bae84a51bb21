/// Zip archives: directories, sizes, places, names. What is inside is a sound safetensors file.
enum HostileZip {
  private static let inner = HostileSafetensors.file("{\(HostileSafetensors.tensor())}")

  private static func member(
    _ name: String = "model.safetensors", _ change: (inout ZipWriter.Member) -> Void = { _ in }
  ) -> ZipWriter.Member {
    ZipWriter.Member(name, inner).with(change)
  }

  private static func zip(_ members: [ZipWriter.Member], _ change: (inout ZipWriter) -> Void = { _ in }) -> [UInt8] {
    var writer = ZipWriter(members)
    change(&writer)
    return writer.bytes
  }

  static let suite: HostileSuite = {
    var suite = HostileSuite("zip", file: "model.zip")
    ends(&suite)
    members(&suite)
    wide(&suite)
    contents(&suite)
    return suite
  }()

  private static func ends(_ suite: inout HostileSuite) {
    suite.accept("a sound archive", because: "it is unpacked as it is read", zip([member()]))
    suite.accept(
      "a comment of 64 KiB", because: "the format allows it",
      zip([member()]) { $0.comment = [UInt8](repeating: 0x20, count: 65_535) })
    suite.accept(
      "a comment that looks like an end", because: "the last end that fits is the right one",
      zip([member()]) { $0.comment = utf8("PK\u{5}\u{6}") + zeros(10) })
    suite.refuse("bytes behind the end", "OUN102", "no directory at its end", zip([member()]) + [1])
    suite.refuse(
      "a comment longer than the file", "OUN102", "no directory at its end",
      zip([member()]) { $0.commentByteCount = 500 })
    suite.refuse("an archive without its end", "OUN102", "no directory at its end", Array(zip([member()]).dropLast(22)))
    suite.refuse("an archive of several parts", "OUN104", "several parts", zip([member()]) { $0.disk = 1 })
    suite.refuse(
      "more members than the directory has", "OUN102", "members do not fit", zip([member()]) { $0.memberCount = 2 })
    suite.refuse("65,535 members", "OUN102", "members do not fit", zip([member()]) { $0.memberCount = 0xFFFF })
    suite.refuse(
      "fewer members than the directory has", "OUN102", "behind the last",
      zip([member(), member("a.txt")]) { $0.memberCount = 1 })
    suite.refuse(
      "a directory larger than the file", "OUN102", "not before the end",
      zip([member()]) { $0.directoryByteCount = 1 << 20 })
    suite.refuse(
      "a directory beyond the file", "OUN102", "not before the end", zip([member()]) { $0.directoryOffset = -1 })
    suite.refuse("a directory that begins too early", "OUN102", "", zip([member()]) { $0.directoryByteCount = 200 })
    suite.refuse(
      "a directory without members", "OUN103", "without files",
      zip([member()]) { ($0.memberCount, $0.directoryByteCount) = (0, 0) })
    suite.refuse("no member", "OUN103", "without files", zip([]))
    suite.refuse("only a folder", "OUN103", "without files", zip([.init("a/", [])]))
  }

  private static func members(_ suite: inout HostileSuite) {
    func one(_ what: String, _ words: String, _ change: (inout ZipWriter.Member) -> Void) {
      suite.refuse(what, "OUN102", words, zip([member("model.safetensors", change)]))
    }
    one("a member whose place is beyond the file", "overlap") { $0.place = 1 << 30 }
    one("a member whose place is inside of it", "header of the member") { $0.place = 4 }
    one("a member that is larger than the archive", "reaches into the directory") {
      ($0.compressedByteCount, $0.byteCount) = (1 << 20, 1 << 20)
    }
    one("a stored member of two sizes", "is stored, but has") { $0.byteCount = 5 }
    suite.refuse(
      "a member without its own header", "OUN102", "header of the member",
      zip([member("a.txt"), member("model.safetensors") { $0.localSignature = 0 }]))
    one("a name in the member's header that is longer than the archive", "reaches into the directory") {
      $0.localNameByteCount = 60_000
    }
    one("a stored member that begins ten bytes late", "reaches into the directory") { $0.localNameByteCount = 27 }
    suite.refuse("two members of one name", "OUN102", "two members", zip([member(), member()]))
    suite.refuse(
      "two members in one place", "OUN102", "overlap", zip([member(), member("b.safetensors") { $0.place = 0 }]))
    suite.refuse(
      "members that overlap by half", "OUN102", "overlap", zip([member(), member("b.txt") { $0.place = 60 }]))
    suite.refuse("an encrypted member", "OUN104", "is encrypted", zip([member("model.safetensors") { $0.flags = 1 }]))
    for (method, name) in [(9, "deflate64"), (12, "bzip2"), (14, "LZMA"), (99, "AES")] {
      suite.refuse(
        "a member compressed with \(name)", "OUN104", "method \(method)",
        zip([member("model.safetensors") { $0.method = method }]))
    }
    suite.refuse(
      "a member whose checksum is wrong", "OUN206", "checksum", zip([member("model.safetensors") { $0.checksum = 0 }]))
    suite.refuse(
      "a name in the member's header that is another", "OUN102", "another name",
      zip([member("model.safetensors") { $0.localName = utf8("evil.safetensors0") }]))
    suite.refuse(
      "a deflated member that is no stream", "OUN102", "damaged",
      zip([member("model.safetensors") { ($0.method, $0.content) = (8, [0xFF, 0xFF, 0xFF, 0xFF]) }]))
    suite.refuse(
      "a deflated member that is cut", "OUN102", "",
      zip([
        member("model.safetensors") {
          ($0.method, $0.content, $0.byteCount) = (8, ZipWriter.deflated(inner, isLast: false), inner.count + 1)
        }
      ]))
    suite.refuse(
      "a deflated member of more bytes than it says", "OUN206", "checksum",
      zip([
        member("model.safetensors") {
          ($0.content, $0.method, $0.byteCount) = (ZipWriter.deflated(inner + zeros(1000)), 8, inner.count)
          $0.checksum = ZipWriter.crc32(inner + zeros(1000))
        }
      ]))
    suite.refuse(
      "a bomb that says so", "OUN102", "a bomb",
      zip([
        member("model.safetensors") {
          ($0.method, $0.content, $0.byteCount) = (8, ZipWriter.deflated(inner), 0xFFFF_FFFE)
        }
      ]))
    suite.accept(
      "a member in zstd without compression", because: "zip has a method for it",
      zip([
        member("model.safetensors") {
          ($0.method, $0.content, $0.byteCount, $0.checksum) = (
            93, HostileWrappers.zstd(inner), inner.count, ZipWriter.crc32(inner)
          )
        }
      ]))
  }

  private static func wide(_ suite: inout HostileSuite) {
    func extra(_ sizes: Int...) -> [UInt8] { all(u16(1), u16(8 * sizes.count), sizes.flatMap { u64($0) }) }
    suite.accept(
      "sizes of 64 bits", because: "zip64 has them",
      zip([
        member("model.safetensors") {
          ($0.compressedByteCount, $0.byteCount, $0.extra) = (-1, -1, extra(inner.count, inner.count))
        }
      ]))
    suite.refuse(
      "a size of 2^64-1", "OUN102", "overflow",
      zip([member("model.safetensors") { ($0.compressedByteCount, $0.byteCount, $0.extra) = (-1, -1, extra(-1, -1)) }]))
    suite.refuse(
      "a size of 2^60", "OUN102", "overflow",
      zip([
        member("model.safetensors") {
          ($0.compressedByteCount, $0.byteCount, $0.extra) = (-1, -1, extra(1 << 60, 1 << 60))
        }
      ]))
    suite.refuse(
      "a place of 2^63-1", "OUN102", "overflow",
      zip([member("model.safetensors") { ($0.place, $0.extra) = (-1, extra(.max)) }]))
    suite.refuse(
      "full sizes without an extra field", "OUN102", "reaches into the directory",
      zip([member("model.safetensors") { ($0.compressedByteCount, $0.byteCount) = (-1, -1) }]))
    suite.refuse(
      "an extra field that is cut", "OUN102", "reaches into the directory",
      zip([
        member("model.safetensors") {
          ($0.compressedByteCount, $0.byteCount, $0.extra) = (-1, -1, all(u16(1), u16(16), u32(5)))
        }
      ]))
    let locator = all(u32(0x0706_4B50), u32(0), u64(1 << 40), u32(1))
    suite.refuse(
      "a 64-bit record that is not there", "OUN102", "64-bit record", zip([member()]) { $0.wide = zeros(56) + locator })
    func record(_ count: Int, _ size: Int, _ place: Int) -> [UInt8] {
      all(
        u32(0x0606_4B50), u64(44), u16(45), u16(45), u32(0), u32(0), u64(count), u64(count), u64(size), u64(place),
        locator)
    }
    suite.refuse("2^64-1 members", "OUN102", "do not fit", zip([member()]) { $0.wide = record(-1, 63, 0) })
    suite.refuse(
      "a directory of 2^64-1 bytes", "OUN102", "not before the end", zip([member()]) { $0.wide = record(1, -1, 0) })
    suite.refuse(
      "a directory at 2^64-1", "OUN102", "not before the end", zip([member()]) { $0.wide = record(1, 63, -1) })
  }

  private static func contents(_ suite: inout HostileSuite) {
    suite.refuse(
      "a text, but no weights", "OUN103", "without a weight file: readme.txt", zip([.init("readme.txt", utf8("hi"))]))
    suite.refuse("two models", "OUN101", "2 models", zip([member("a.safetensors"), member("b.safetensors")]))
    suite.refuse(
      "a member that leads out of the folder", "OUN103", "without files", zip([member("../model.safetensors")]))
    suite.refuse("a member of an absolute path", "OUN103", "without files", zip([member("/model.safetensors")]))
    suite.refuse("a member with a zero in its name", "OUN103", "without files", zip([member("a\0.safetensors")]))
    suite.accept(
      "members whose names differ in their Unicode form", because: "names are bytes, and these differ",
      zip([member("model.safetensors"), .init("caf\u{E9}.txt", []), .init("cafe\u{301}.txt", [])]))
    suite.accept(
      "what macOS adds", because: "hidden files and folders are passed over",
      zip([member(), member("__MACOSX/._model.safetensors")]))
    var nested = inner
    for _ in 0..<3 { nested = zip([.init("model.zip", nested)]) }
    suite.refuse(
      "an archive in an archive in an archive in an archive", "OUN104", "wrapped more than",
      zip([.init("model.zip", nested)]))
    suite.refuse(
      "ten thousand and one files", "OUN104", "more than 10000 files",
      zip((0...10_000).map { .init("\($0)", []) }))
  }
}
