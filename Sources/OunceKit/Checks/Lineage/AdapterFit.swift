internal import OunceCore

/// An adapter in GGUF beside the model that it is to change: each pair of factors needs its weight, of the same sizes.
///
/// A weight of `[rows, columns]` has the factors `NAME.lora_a` of `[rank, columns]` and `NAME.lora_b` of
/// `[rows, rank]`.
struct AdapterFit {
  private let tensors: [ExactString: TensorInfo]
  private let file: String

  init(_ base: Model, file: String) {
    tensors = Dictionary(
      base.tensors.map { (ExactString($0.info.name), $0.info) }, uniquingKeysWith: { first, _ in first })
    self.file = file
  }

  func findings(_ adapter: Model) -> [Finding] {
    var lost: [String] = []
    var findings: [Finding] = []
    for tensor in adapter.tensors {
      let name = tensor.info.name
      guard name.hasSuffix(".lora_a") || name.hasSuffix(".lora_b") else { continue }
      let base = String(name.dropLast(7))
      guard let weight = tensors[ExactString(base)] else {
        lost.append(name)
        continue
      }
      // The factors of embeddings lie the other way around.
      guard base != "token_embd.weight" else { continue }
      let (shape, sizes) = (tensor.info.shape, weight.shape)
      let fits =
        name.hasSuffix("a")
        ? shape.last == sizes.last : shape.dropLast().last == sizes.dropLast().last
      if !fits {
        findings.append(
          LineageShapes().finding(
            "is \(FigureText.shape(shape)), but \(base) of the source is \(FigureText.shape(sizes))", file: file,
            subject: "tensor \(name)", fix: "name the model that the adapter was trained on"))
      }
    }
    findings += LineageGroups(lost).map { group in
      LineageTensors().finding(
        "changes a weight that the source has not\(group.ending)", file: file, subject: group.subject,
        fix: "name the model that the adapter was trained on")
    }
    return findings.capped
  }
}
