internal import OunceCore

/// What one family alone does to a tensor.
struct Custom: TensorTransform {
  typealias Change = @Sendable (Tensor, Checkpoint, NameMatch) throws(OunceError) -> Tensor

  let change: Change
  /// The change of the way back; nil: there is none, but for what only chooses rows or columns.
  let back: Change?

  init(_ change: @escaping Change, back: Change? = nil) {
    self.change = change
    self.back = back
  }

  var inverse: (any TensorTransform)? { back.map { Custom($0, back: change) } }

  func apply(_ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch) throws(OunceError) -> Tensor {
    try change(tensor, checkpoint, match)
  }
}
