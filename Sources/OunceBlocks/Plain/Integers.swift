public import OunceEncoding

/// Whole numbers, little endian, two's complement when signed.
///
/// They are copied, never cast. Decoding is for display and comparison: exact for 8 and 16 bits, else rounded to the
/// nearest float, ties to even.
///
/// A protocol, not a generic struct: the decoder of a generic struct behind `any Encoding` is not specialized.
public protocol PlainInteger: Encoding {
  associatedtype Word: FixedWidthInteger & BitwiseCopyable
}

extension PlainInteger {
  public var name: String { (Word.isSigned ? "I" : "U") + String(Word.bitWidth) }
  public var kind: EncodingKind { .integer }
  public var elementsPerBlock: Int { 1 }
  public var bytesPerBlock: Int { MemoryLayout<Word>.size }
  public var safetensorsType: String? { name }
  public var words: [WordRun] { bytesPerBlock == 1 ? [] : [WordRun(offset: 0, width: bytesPerBlock)] }

  @inline(__always)
  public func decode(_ blocks: RawSpan, into elements: inout MutableSpan<Float>) {
    for index in elements.indices {
      let offset = index * MemoryLayout<Word>.size
      let word = unsafe blocks.unsafeLoadUnaligned(fromByteOffset: offset, as: Word.self)
      elements[index] = Word.isSigned ? Float(Int64(truncatingIfNeeded: word)) : Float(UInt64(truncatingIfNeeded: word))
    }
  }
}

public struct I8: PlainInteger {
  public typealias Word = Int8
  public var ggmlType: UInt32? { 24 }
  public init() {}
}

public struct I16: PlainInteger {
  public typealias Word = Int16
  public var ggmlType: UInt32? { 25 }
  public init() {}
}

public struct I32: PlainInteger {
  public typealias Word = Int32
  public var ggmlType: UInt32? { 26 }
  public init() {}
}

public struct I64: PlainInteger {
  public typealias Word = Int64
  public var ggmlType: UInt32? { 27 }
  public init() {}
}

public struct U8: PlainInteger {
  public typealias Word = UInt8
  public init() {}
}

public struct U16: PlainInteger {
  public typealias Word = UInt16
  public init() {}
}

public struct U32: PlainInteger {
  public typealias Word = UInt32
  public init() {}
}

public struct U64: PlainInteger {
  public typealias Word = UInt64
  public init() {}
}
