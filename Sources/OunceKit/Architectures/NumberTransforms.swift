internal import OunceCore
internal import OunceEncoding

#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif

/// Adds a number to every element: norms that checkpoints store as their distance from 1.
struct Added: TensorTransform {
  let number: Float

  init(_ number: Float) { self.number = number }

  var inverse: (any TensorTransform)? { Added(-number) }

  func apply(_ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch) throws(OunceError) -> Tensor {
    let number = number
    return try tensor.mapped { elements in
      for index in elements.indices { elements[index] += number }
    }
  }
}

/// Multiplies every element by a number that the configuration decides.
struct Scaled: TensorTransform {
  let factor: @Sendable (Checkpoint) throws(OunceError) -> Float

  init(_ factor: @escaping @Sendable (Checkpoint) throws(OunceError) -> Float) { self.factor = factor }

  var inverse: (any TensorTransform)? {
    let factor = factor
    return Scaled { (checkpoint) throws(OunceError) in 1 / (try factor(checkpoint)) }
  }

  func apply(_ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch) throws(OunceError) -> Tensor {
    let factor = try factor(checkpoint)
    return try tensor.mapped { elements in
      for index in elements.indices { elements[index] *= factor }
    }
  }
}

/// −exp: state-space models store the logarithm of how fast their state decays.
struct NegatedExponential: TensorTransform {
  var inverse: (any TensorTransform)? { NegatedLogarithm() }

  func apply(_ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch) throws(OunceError) -> Tensor {
    try tensor.mapped { elements in
      // In double precision, so that the single-precision result is the nearest one.
      for index in elements.indices { elements[index] = -Float(exp(Double(elements[index]))) }
    }
  }
}

/// exp
struct Exponential: TensorTransform {
  var inverse: (any TensorTransform)? { nil }

  func apply(_ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch) throws(OunceError) -> Tensor {
    try tensor.mapped { elements in
      for index in elements.indices { elements[index] = Float(exp(Double(elements[index]))) }
    }
  }
}

/// log(−x)
struct NegatedLogarithm: TensorTransform {
  var inverse: (any TensorTransform)? { NegatedExponential() }

  func apply(_ tensor: Tensor, _ checkpoint: Checkpoint, _ match: NameMatch) throws(OunceError) -> Tensor {
    try tensor.mapped { elements in
      for index in elements.indices { elements[index] = Float(log(-Double(elements[index]))) }
    }
  }
}

extension Tensor {
  /// Every element changed by a function. Half precision stays, everything else becomes F32, as the reference computes.
  func mapped(_ change: @escaping @Sendable (inout MutableSpan<Float>) -> Void) throws(OunceError) -> Tensor {
    guard info.encoding.kind == .float,
      let target = Encodings.named(info.encoding.name == "F16" ? "F16" : "F32") as? any WritableEncoding
    else {
      throw OunceError(
        .unsupported, "\(info.encoding.name) elements cannot be computed with", subject: "tensor \(info.name)")
    }
    let data = Mapped(data, from: info.encoding, to: target, columnCount: info.columnCount, change: change)
    return try Tensor(name: info.name, shape: info.shape, encoding: target, data: data)
  }
}
