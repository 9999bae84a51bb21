import OunceKit

#if canImport(Glibc)
  import Glibc
#elseif canImport(Musl)
  import Musl
#elseif canImport(Darwin)
  import Darwin
#endif

/// ggml's own quantizers, loaded while the program runs, so that both sides are measured in one process.
@safe struct Reference {
  private typealias QuantizeChunk =
    @convention(c) (
      CInt, UnsafePointer<Float>?, UnsafeMutableRawPointer?, Int64, Int64, Int64, UnsafePointer<Float>?
    ) -> Int
  private typealias Decode = @convention(c) (UnsafeRawPointer?, UnsafeMutablePointer<Float>?, Int64) -> Void
  private typealias TypeTraits = @convention(c) (CInt) -> UnsafeRawPointer?

  private typealias RequiresImportance = @convention(c) (CInt) -> Bool

  private let quantizeChunk: QuantizeChunk
  private let requiresImportance: RequiresImportance
  private let typeTraits: TypeTraits

  init(path: String) throws {
    guard let library = unsafe dlopen(path, RTLD_NOW) else {
      throw OunceError(.notFound, "cannot be loaded", file: path)
    }
    guard let quantize = unsafe dlsym(library, "ggml_quantize_chunk"),
      let traits = unsafe dlsym(library, "ggml_get_type_traits"),
      let requires = unsafe dlsym(library, "ggml_quantize_requires_imatrix")
    else { throw OunceError(.unsupported, "is no libggml-base", file: path) }
    unsafe quantizeChunk = unsafeBitCast(quantize, to: QuantizeChunk.self)
    unsafe requiresImportance = unsafeBitCast(requires, to: RequiresImportance.self)
    unsafe typeTraits = unsafeBitCast(traits, to: TypeTraits.self)
  }

  /// Whether ggml ends the program when it is asked for this type without importance weights.
  func requiresImportance(_ type: UInt32) -> Bool { requiresImportance(CInt(type)) }

  /// Quantizes the sample, as many bytes as `blocks` has room for.
  func quantize(_ type: UInt32, _ sample: Sample, _ importance: [Float]?, into blocks: inout MutableRawSpan) {
    unsafe sample.floats.withUnsafeBufferPointer { floats in
      unsafe blocks.withUnsafeMutableBytes { blocks in
        let rows = Int64(sample.weightCount / Sample.columns)
        func run(_ weights: UnsafePointer<Float>?) {
          _ = unsafe quantizeChunk(
            CInt(type), floats.baseAddress, blocks.baseAddress, 0, rows, Int64(Sample.columns), weights)
        }
        if let importance {
          unsafe importance.withUnsafeBufferPointer { unsafe run($0.baseAddress) }
        } else {
          run(nil)
        }
      }
    }
  }

  /// ggml's `to_float`; nil: the type has none.
  func decoder(_ type: UInt32) -> ((RawSpan, inout MutableSpan<Float>) -> Void)? {
    // It is the sixth word of ggml_type_traits.
    guard let traits = unsafe typeTraits(CInt(type)),
      let function = unsafe traits.load(fromByteOffset: 40, as: Optional<UnsafeRawPointer>.self)
    else { return nil }
    let decode = unsafe unsafeBitCast(function, to: Decode.self)
    return { blocks, floats in
      let count = Int64(floats.count)
      unsafe blocks.withUnsafeBytes { blocks in
        unsafe floats.withUnsafeMutableBufferPointer { unsafe decode(blocks.baseAddress, $0.baseAddress, count) }
      }
    }
  }
}
