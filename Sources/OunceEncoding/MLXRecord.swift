/// How MLX quantizes a group of elements: what one record holds when its planes are woven together.
public enum MLXRecord: Sendable, Hashable {
  /// The type of the scale and the bias of a group.
  public enum Scale: String, Sendable, CaseIterable {
    case f16 = "F16"
    case bf16 = "BF16"
    case f32 = "F32"

    public var byteCount: Int { self == .f32 ? 4 : 2 }
  }

  /// `scale * code + bias`.
  case affine(bits: Int, groupSize: Int, scale: Scale)
  /// A power of two times codes of eight bits, 32 in a group.
  case mxfp8

  /// What `affine` may have.
  public static let bits = [1, 2, 3, 4, 5, 6, 8]
  public static let groupSizes = [32, 64, 128]
}
