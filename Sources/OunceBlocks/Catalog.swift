public import OunceEncoding

/// The encodings of this copy of the module. One line per encoding; the order is the order of `ounce formats`.
public struct BlockKernels: Kernels {
  public let encodings: [any Encoding] = [
    F32(),
    F16(),
    BF16(),
    F64(),
    F8_E4M3(),
    F8_E5M2(),
    F8_E8M0(),
    F8_E4M3FNUZ(),
    F8_E5M2FNUZ(),
    F6_E2M3(),
    F6_E3M2(),
    F4(),
    I8(),
    I16(),
    I32(),
    I64(),
    U8(),
    U16(),
    U32(),
    U64(),
    BOOL(),
    C64(),
    C128(),
    Q4_0(),
    Q4_1(),
    Q5_0(),
    Q5_1(),
    Q8_0(),
    Q8_1(),
    Q2_K(),
    Q3_K(),
    Q4_K(),
    Q5_K(),
    Q6_K(),
    Q8_K(),
    IQ1_S(),
    IQ1_M(),
    IQ2_XXS(),
    IQ2_XS(),
    IQ2_S(),
    IQ3_XXS(),
    IQ3_S(),
    IQ4_NL(),
    IQ4_XS(),
    TQ1_0(),
    TQ2_0(),
    Q1_0(),
    Q2_0(),
    MXFP4(),
    NVFP4(),
  ]

  public init() {}

  public func firstNonFinite(_ elements: Span<Float>) -> Int? {
    unsafe elements.withUnsafeBufferPointer { unsafe firstNonFiniteElement($0) }
  }
}
