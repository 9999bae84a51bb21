internal import OunceCore

/// What one family alone does to a tensor.
struct Custom: TensorTransform {
  let change: @Sendable (Tensor, Checkpoint, NameMatch) throws(OunceError) -> Tensor

  init(_ change: @escaping @Sendable (Tensor, Checkpoint, NameMatch) throws(OunceError) -> Tensor) {
    self.change = change
  }

  var inverse: (any TensorTransform)? { nil }

  func apply(_ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch) throws(OunceError) -> Tensor {
    try change(tensor, checkpoint, match)
  }
}
