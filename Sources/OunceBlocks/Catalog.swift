public import OunceEncoding

/// The encodings of this copy of the module. One line per encoding; the order is the order of `ounce formats`.
public struct BlockKernels: Kernels {
  public let encodings: [any Encoding] = [
    F32()
  ]

  public init() {}

  public func firstNonFinite(_ elements: Span<Float>) -> Int? {
    for index in elements.indices where !elements[index].isFinite { return index }
    return nil
  }
}
