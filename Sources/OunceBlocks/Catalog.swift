public import OunceEncoding

/// The encodings of this copy of the module. One line per encoding; the order is the order of `ounce formats`.
public struct BlockKernels: Kernels {
  public let encodings: [any Encoding] = [
    F32()
  ]

  public init() {}

  public func largestMagnitude(_ elements: Span<Float>) -> Float {
    // Magnitudes of floats order like their bits without the sign, and NaN comes last of all.
    var largest: UInt32 = 0
    for index in elements.indices { largest = max(largest, elements[index].bitPattern & 0x7FFF_FFFF) }
    return Float(bitPattern: largest)
  }
}
