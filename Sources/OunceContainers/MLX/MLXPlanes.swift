internal import OunceCore
internal import OunceEncoding

/// The planes of weights that MLX quantized, put together.
///
/// | tensor | what |
/// |---|---|
/// | `P.weight` | U32: the codes of each row, low bits first |
/// | `P.scales` | one for each group; U8 for the modes that are not affine |
/// | `P.biases` | one for each group, only affine |
///
/// One tensor `P.weight` takes their place, with as many columns as the weight had and an encoding whose block is one
/// group. Groups of mxfp4 and nvfp4 become ggml's MXFP4 and NVFP4, which hold the same numbers in another order.
enum MLXPlanes {
  /// The model with its planes put together; as it is when its `config.json` says nothing of MLX's quantization.
  ///
  /// - Throws: `OunceError` for planes that do not fit together.
  static func assembled(_ model: Model) throws(OunceError) -> Model {
    guard let settings = try MLXSettings(model) else { return model }
    var indices: [ExactString: Int] = [:]
    for (index, tensor) in model.tensors.enumerated() { indices[ExactString(tensor.info.name)] = index }
    var whole: [Int: Tensor] = [:]
    var parts = Set<Int>()
    for (index, tensor) in model.tensors.enumerated() where tensor.info.name.hasSuffix(".scales") {
      let layer = String(tensor.info.name.dropLast(7))
      guard let weight = indices[ExactString(layer + ".weight")], model.tensors[weight].info.encoding.name == "U32",
        let said = settings.layer(layer)
      else { continue }
      let biases = indices[ExactString(layer + ".biases")]
      guard indices[ExactString(layer + ".global_scale")] == nil else {
        throw OunceError(
          .unsupported, "has a scale for the whole tensor, which this build cannot read", file: model.path,
          subject: "tensor \(layer).weight", remedy: "convert it from the original checkpoint")
      }
      let planes = Planes(
        layer: said, weight: model.tensors[weight], scales: tensor, biases: biases.map { model.tensors[$0] },
        file: model.tensors[weight].file(of: model))
      whole[weight] = try planes.tensor()
      parts.insert(index)
      if let biases { parts.insert(biases) }
    }
    var model = model
    model.tensors = model.tensors.indices.filter { !parts.contains($0) }.map { whole[$0] ?? model.tensors[$0] }
    return model
  }
}

extension Tensor {
  fileprivate func file(of model: Model) -> String {
    model.files.indices.contains(fileIndex) ? model.files[fileIndex].path : model.path
  }
}

/// The planes of one weight.
private struct Planes {
  let layer: MLXSettings.Layer
  let weight: Tensor
  let scales: Tensor
  let biases: Tensor?
  let file: String

  private func wrong(_ problem: String) -> OunceError {
    OunceError(
      .malformed, problem, file: file, subject: "tensor \(weight.info.name)",
      remedy: "config.json and weights do not belong together; fetch them again into an empty folder")
  }

  func tensor() throws(OunceError) -> Tensor {
    let shape = try shape()
    let encoding = try encoding()
    let info: TensorInfo
    do { info = try TensorInfo(name: weight.info.name, shape: shape, encoding: encoding) } catch {
      throw error.located(file: file)
    }
    let perRecord = encoding.elementsPerBlock / layer.groupSize
    func plane(_ tensor: Tensor) -> Interleaved.Plane {
      Interleaved.Plane(tensor.data, blockByteCount: perRecord * tensor.info.encoding.bytesPerBlock)
    }
    let codes = Interleaved.Plane(
      weight.data, blockByteCount: encoding.elementsPerBlock * layer.bits / 8,
      halvedCount: [.mxfp4, .nvfp4].contains(layer.mode) ? layer.groupSize : nil)
    let planes = [plane(scales)] + (biases.map { [plane($0)] } ?? []) + [codes]
    var tensor = Tensor(
      info: info, data: Interleaved(planes, blocksPerRow: info.columnCount / encoding.elementsPerBlock))
    tensor.fileIndex = weight.fileIndex
    return tensor
  }

  /// The shape of the weight before it was quantized.
  private func shape() throws(OunceError) -> [Int] {
    let (stored, groups) = (weight.info.shape, scales.info.shape)
    guard let words = stored.last, let groupCount = groups.last, stored.dropLast() == groups.dropLast(),
      stored.count >= 2
    else { throw wrong("the shapes \(stored) and \(groups) of its scales do not fit together") }
    if let biases {
      guard biases.info.shape == groups, biases.info.encoding.name == scales.info.encoding.name else {
        throw wrong(
          "biases of \(biases.info.encoding.name) \(biases.info.shape) do not fit to scales of "
            + "\(scales.info.encoding.name) \(groups)")
      }
    }
    let (columns, overflow) = groupCount.multipliedReportingOverflow(by: layer.groupSize)
    let (bits, overflowOfBits) = columns.multipliedReportingOverflow(by: layer.bits)
    guard !overflow, !overflowOfBits, bits % 32 == 0, bits / 32 == words else {
      throw wrong(
        "\(words) words in a row are not \(groupCount) groups of \(layer.groupSize) elements of \(layer.bits) bits")
    }
    return stored.dropLast() + [columns]
  }

  private func encoding() throws(OunceError) -> any Encoding {
    let scaleName = scales.info.encoding.name
    let record: MLXRecord
    switch layer.mode {
    case .affine:
      guard biases != nil else { throw wrong("has scales, but no biases") }
      guard let scale = MLXRecord.Scale(rawValue: scaleName) else { throw wrong("has scales of type \(scaleName)") }
      record = .affine(bits: layer.bits, groupSize: layer.groupSize, scale: scale)
    case .mxfp4, .mxfp8, .nvfp4:
      guard biases == nil else { throw wrong("has biases, which \(layer.mode.rawValue) has not") }
      guard scaleName == "U8" else { throw wrong("has scales of type \(scaleName), not U8") }
      if layer.mode == .mxfp4 { return try Encodings.require("MXFP4") }
      if layer.mode == .nvfp4 { return try Encodings.require("NVFP4") }
      record = .mxfp8
    }
    guard let encoding = Encodings.kernels.mlx(record) else {
      throw OunceError(
        .unsupported,
        "is quantized to \(layer.bits) bits in groups of \(layer.groupSize), which this build cannot read",
        file: file, subject: "tensor \(weight.info.name)",
        remedy: "known are 1, 2, 3, 4, 5, 6 and 8 bits in groups of 32, 64 and 128")
    }
    return encoding
  }
}
