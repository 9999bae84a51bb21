import OunceCore
import Testing

struct ByteReaderTests {
  private func reader(_ bytes: [UInt8], isBigEndian: Bool = false) -> ByteReader {
    ByteReader(InputFile(path: "header", bytes: bytes), isBigEndian: isBigEndian)
  }

  @Test func `integers of every width are read in either order`() throws {
    let bytes: [UInt8] = [0x80, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07]
    var little = reader(bytes)
    #expect(try little.integer(UInt64.self) == 0x0706_0504_0302_0180)
    var big = reader(bytes, isBigEndian: true)
    #expect(try big.integer(UInt16.self) == 0x8001)
    #expect(try big.integer(UInt32.self) == 0x0203_0405)
    var signed = reader([0x80, 0xFF, 0xFF])
    #expect(try signed.integer(Int8.self) == -128)
    #expect(try signed.integer(Int16.self) == -1)
    #expect(signed.offset == 3 && signed.remainingByteCount == 0)
  }

  @Test func `what is written is read again`() throws {
    for isBigEndian in [false, true] {
      var writer = ByteWriter(isBigEndian: isBigEndian)
      writer.integer(UInt8.max)
      writer.integer(Int16.min)
      writer.integer(UInt32(0xDEAD_BEEF))
      writer.integer(Int64.min + 1)
      writer.pad(to: 32)
      #expect(writer.byteCount == 32)
      var reader = reader(writer.bytes, isBigEndian: isBigEndian)
      #expect(try reader.integer(UInt8.self) == .max)
      #expect(try reader.integer(Int16.self) == .min)
      #expect(try reader.integer(UInt32.self) == 0xDEAD_BEEF)
      #expect(try reader.integer(Int64.self) == .min + 1)
    }
  }

  @Test func `a read beyond the end says how many bytes are missing and moves nothing`() throws {
    var reader = reader([1, 2, 3])
    _ = try reader.integer(UInt8.self)
    let error = #expect(throws: OunceError.self) { try reader.integer(UInt64.self) }
    #expect(
      error?.description
        == """
        header: byte 1: expected 8 more bytes, but the file ends after 2.
        hint: the download was cut short; fetch it again
        """)
    #expect(reader.offset == 1)
  }

  @Test func `counts are checked against a limit and against the file before memory is taken`() throws {
    for (word, atMost) in [(UInt64.max, 10), (1 << 63, Int.max), (11, 10)] {
      var writer = ByteWriter()
      writer.integer(word)
      var reader = reader(writer.bytes)
      let error = #expect(throws: OunceError.self) { try reader.count(atMost: atMost, of: "things") }
      #expect(error?.offset == 0)
    }
    var writer = ByteWriter()
    writer.integer(UInt64(1000))
    var reader = reader(writer.bytes + [0, 0])
    #expect(throws: OunceError.self) { try reader.count(atMost: 5000, of: "things", elementByteCount: 8) }
  }

  @Test func `windows do not show`() throws {
    let bytes = (0..<300_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    var reader = reader(bytes)
    var copy: [UInt8] = []
    for count in [1, 65_535, 2, 70_000, 3, 130_000, 7] { try reader.append(count, to: &copy) }
    copy.append(contentsOf: try reader.bytes(reader.remainingByteCount))
    #expect(copy == bytes)
  }

  @Test func `packed strings are the strings`() throws {
    let strings = ["", "a", "世界", "b\0c"]
    var writer = ByteWriter()
    for string in strings {
      writer.integer(UInt64(string.utf8.count))
      writer.append(string.utf8)
    }
    var reader = reader(writer.bytes)
    let packed = try reader.strings(strings.count, lengthByteCount: 8, eachAtMost: 100)
    #expect(Array(packed) == strings)
    #expect(packed == PackedStrings(strings))
  }
}
