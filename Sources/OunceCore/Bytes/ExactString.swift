/// A string that is compared by its bytes.
///
/// Swift's `==` says that two spellings of "é" are equal. Vocabularies and tensor names know them as two, so keys that
/// come from a file are compared in this form.
public struct ExactString: Hashable, Sendable {
  public let string: String

  public init(_ string: String) { self.string = string }

  public static func == (left: Self, right: Self) -> Bool {
    left.string.utf8.count == right.string.utf8.count && left.string.utf8.elementsEqual(right.string.utf8)
  }

  public func hash(into hasher: inout Hasher) {
    // Unsafe, because hashing byte by byte is ten times slower, which a million tokens feel.
    let isDone: Void? = unsafe string.utf8.withContiguousStorageIfAvailable { bytes in
      unsafe hasher.combine(bytes: UnsafeRawBufferPointer(bytes))
    }
    if isDone == nil { for byte in string.utf8 { hasher.combine(byte) } }
  }
}
