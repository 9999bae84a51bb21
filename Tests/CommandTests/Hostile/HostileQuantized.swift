/// Weights in several planes: MLX, GPTQ, AWQ, bitsandbytes and others, with the settings that say so.
enum HostileQuantized {
  /// A tensor of zeros but for its first bytes, which are not.
  struct Plane {
    let name: String
    let type: String
    let shape: [Int]
    var width: Int { ["F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "I16": 2][type] ?? 1 }
    var content: [UInt8]?
    var bytes: [UInt8] {
      content ?? (0..<shape.reduce(1, *) * width).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ 17) & 0x3F }
    }
  }

  static func file(_ planes: [Plane]) -> [UInt8] {
    var entries: [String] = []
    var data: [UInt8] = []
    for plane in planes {
      let range = "[\(data.count),\(data.count + plane.bytes.count)]"
      entries.append(
        HostileSafetensors.tensor(plane.name, dtype: "\"\(plane.type)\"", shape: "\(plane.shape)", offsets: range))
      data += plane.bytes
    }
    return HostileSafetensors.file("{\(entries.joined(separator: ","))}", data)
  }

  static let suite: HostileSuite = {
    var suite = HostileSuite("quantized", file: "model.safetensors")
    mlx(&suite)
    gptq(&suite)
    others(&suite)
    return suite
  }()

  private static func mlx(_ suite: inout HostileSuite) {
    let good = [
      Plane(name: "l.weight", type: "U32", shape: [2, 8]), Plane(name: "l.scales", type: "F16", shape: [2, 1]),
      Plane(name: "l.biases", type: "F16", shape: [2, 1]),
    ]
    func refuse(_ what: String, _ words: String, rule: String = "OUN102", _ settings: String, _ planes: [Plane] = good)
    {
      suite.refuse(
        what, rule, words,
        folder: ["model.safetensors": file(planes), "config.json": utf8(#"{"quantization":\#(settings)}"#)])
    }
    suite.accept(
      "a sound layer of MLX", because: "it is what mlx-lm writes",
      folder: ["model.safetensors": file(good), "config.json": utf8(#"{"quantization":{"group_size":64,"bits":4}}"#)])
    for bits in [0, -1, 4097, 7] {
      refuse(
        "\(bits) bits", "", rule: (1...4096).contains(bits) ? "OUN102" : "OUN104", #"{"group_size":64,"bits":\#(bits)}"#
      )
    }
    refuse("groups of nothing", "no small number", rule: "OUN104", #"{"group_size":0,"bits":4}"#)
    refuse("groups of 2^62", "no small number", rule: "OUN104", #"{"group_size":4611686018427387904,"bits":4}"#)
    refuse("groups of another size", "are not", #"{"group_size":32,"bits":4}"#)
    refuse("a mode of the future", "is none of", rule: "OUN104", #"{"group_size":64,"bits":4,"mode":"evil"}"#)
    refuse("a mode that is a number", "is none of", rule: "OUN104", #"{"group_size":64,"bits":4,"mode":7}"#)
    refuse("mxfp4 with groups of 64", "has groups of 32", rule: "OUN104", #"{"group_size":64,"bits":4,"mode":"mxfp4"}"#)
    refuse("no biases", "no biases", #"{"group_size":64,"bits":4}"#, Array(good.prefix(2)))
    refuse(
      "biases of another shape", "do not fit to scales", #"{"group_size":64,"bits":4}"#,
      Array(good.prefix(2)) + [Plane(name: "l.biases", type: "F16", shape: [1, 2])])
    refuse(
      "scales of another shape", "do not fit together", #"{"group_size":64,"bits":4}"#,
      [
        good[0], Plane(name: "l.scales", type: "F16", shape: [3, 1]),
        Plane(name: "l.biases", type: "F16", shape: [3, 1]),
      ])
    refuse(
      "scales of integers", "scales of type", #"{"group_size":64,"bits":4}"#,
      [
        good[0], Plane(name: "l.scales", type: "I16", shape: [2, 1]),
        Plane(name: "l.biases", type: "I16", shape: [2, 1]),
      ])
    refuse(
      "a scale that is infinite", "scale", rule: "OUN201", #"{"group_size":64,"bits":4}"#,
      [good[0], Plane(name: "l.scales", type: "F16", shape: [2, 1], content: u16(0x7C00) + u16(1)), good[2]])
  }

  private static func gptq(_ suite: inout HostileSuite) {
    let settings =
      #"{"quantization_config":{"quant_method":"gptq","bits":4,"group_size":8,"checkpoint_format":"gptq"}}"#
    func planes(
      codes: [Int] = [1, 8], zeros: [Int] = [1, 1], scales: [Int] = [1, 8], index: [UInt8]? = nil, type: String = "F16"
    ) -> [Plane] {
      [
        Plane(name: "l.qweight", type: "I32", shape: codes), Plane(name: "l.qzeros", type: "I32", shape: zeros),
        Plane(name: "l.scales", type: type, shape: scales),
      ] + (index.map { [Plane(name: "l.g_idx", type: "I32", shape: [$0.count / 4], content: $0)] } ?? [])
    }
    func refuse(
      _ what: String, _ words: String, rule: String = "OUN102", _ planes: [Plane], settings: String = settings
    ) {
      suite.refuse(what, rule, words, folder: ["model.safetensors": file(planes), "config.json": utf8(settings)])
    }
    suite.accept(
      "a sound layer of GPTQ", because: "it is what AutoGPTQ writes",
      folder: ["model.safetensors": file(planes()), "config.json": utf8(settings)])
    refuse("no zero points", "is missing", planes().filter { $0.name != "l.qzeros" })
    refuse("no scales", "is missing", planes().filter { $0.name != "l.scales" })
    refuse("scales of other columns", "", planes(scales: [1, 7]))
    refuse("zero points of other columns", "", planes(zeros: [1, 3]))
    refuse("codes of other columns", "", planes(codes: [1, 9]))
    refuse("codes in one dimension", "two sizes each", planes(codes: [8]))
    refuse("scales of GPTQ that are integers", "expected F16", planes(type: "I16"))
    refuse("too few groups", "", planes(codes: [3, 8]))
    refuse("an index of another length", "expected [8]", planes(index: (0..<4).flatMap { u32($0) }))
    refuse("an index of a group that there is not", "outside 0..<1", planes(index: (0..<8).flatMap { u32($0) }))
    refuse("an index of negative groups", "outside 0..<1", planes(index: (0..<8).flatMap { _ in u32(-1) }))
    suite.refuse(
      "the weight twice, as floats too", "OUN102", "both as floats",
      folder: [
        "model.safetensors": file(planes() + [Plane(name: "l.weight", type: "F16", shape: [8, 8])]),
        "config.json": utf8(settings),
      ])
    suite.accept(
      "settings that are no JSON, and planes that need none", because: "the index of groups tells them",
      folder: ["model.safetensors": file(planes(index: (0..<8).flatMap { _ in u32(0) })), "config.json": utf8("{{{")])
  }

  private static func others(_ suite: inout HostileSuite) {
    func refuse(
      _ what: String, _ words: String, rule: String = "OUN102", _ method: String, _ planes: [Plane], more: String = ""
    ) {
      suite.refuse(
        what, rule, words,
        folder: [
          "model.safetensors": file(planes),
          "config.json": utf8(#"{"quantization_config":{"quant_method":"\#(method)"\#(more)}}"#),
        ])
    }
    func state(_ text: String) -> Plane {
      Plane(name: "l.weight.quant_state.bitsandbytes__nf4", type: "U8", shape: [text.utf8.count], content: utf8(text))
    }
    func nf4(_ text: String, codes: Int = 32, scales: Int = 1, map: Int = 16) -> [Plane] {
      [
        Plane(name: "l.weight", type: "U8", shape: [codes, 1]),
        Plane(name: "l.weight.absmax", type: "F32", shape: [scales], content: floats(scales)),
        Plane(name: "l.weight.quant_map", type: "F32", shape: [map], content: floats(map)), state(text),
      ]
    }
    let good = #"{"quant_type":"nf4","blocksize":64,"dtype":"float16","shape":[8,8]}"#
    suite.accept(
      "a sound layer of bitsandbytes", because: "it is what transformers writes",
      folder: [
        "model.safetensors": file(nf4(good)),
        "config.json": utf8(#"{"quantization_config":{"quant_method":"bitsandbytes"}}"#),
      ])
    refuse("a state that is no JSON", "holds no JSON", "bitsandbytes", nf4("{{{"))
    refuse("a state nested beyond all sense", "holds no JSON", "bitsandbytes", nf4(String(repeating: "[", count: 5000)))
    refuse("a state of a megabyte", "", "bitsandbytes", nf4(String(repeating: " ", count: 1 << 20)))
    refuse("a state without a shape", "does not say", "bitsandbytes", nf4(#"{"blocksize":64,"dtype":"float16"}"#))
    refuse(
      "a state with a negative shape", "negative size", "bitsandbytes",
      nf4(#"{"blocksize":64,"dtype":"float16","shape":[-8,8]}"#))
    refuse(
      "a state with a shape that overflows", "overflows", "bitsandbytes",
      nf4(#"{"blocksize":64,"dtype":"float16","shape":[4294967296,4294967296]}"#))
    refuse(
      "a state with blocks of nothing", "does not say", "bitsandbytes",
      nf4(#"{"blocksize":0,"dtype":"float16","shape":[8,8]}"#))
    refuse(
      "a state with blocks of 2^62", "does not say", "bitsandbytes",
      nf4(#"{"blocksize":4611686018427387904,"dtype":"float16","shape":[8,8]}"#))
    refuse(
      "a state of integers", "does not say", "bitsandbytes", nf4(#"{"blocksize":64,"dtype":"int8","shape":[8,8]}"#))
    refuse("too few codes", "has", "bitsandbytes", nf4(good, codes: 31))
    refuse("too few scales", "scales for", "bitsandbytes", nf4(good, scales: 2))
    refuse("a table of fifteen values", "expected 16", "bitsandbytes", nf4(good, map: 15))
    refuse("no table", "is missing", "bitsandbytes", nf4(good).filter { !$0.name.hasSuffix("quant_map") })
    refuse(
      "rows of bitsandbytes with other scales", "expected one for each row", "bitsandbytes",
      [Plane(name: "l.weight", type: "I8", shape: [4, 8]), Plane(name: "l.SCB", type: "F32", shape: [5])])
    suite.warn(
      "a way of quantizing that nobody knows", "OUN107", "evil",
      folder: [
        "model.safetensors": file([Plane(name: "l.weight", type: "F32", shape: [2], content: floats(2))]),
        "config.json": utf8(#"{"quantization_config":{"quant_method":"evil"}}"#),
      ])
    suite.warn(
      "a way of quantizing whose name moves the cursor", "OUN107", "which is not decoded",
      folder: [
        "model.safetensors": file([Plane(name: "l.weight", type: "F32", shape: [2], content: floats(2))]),
        "config.json": utf8(#"{"quantization_config":{"quant_method":"\u001b[2J\u202e"}}"#),
      ])
    refuse(
      "AWQ with shapes that do not fit", "", "awq",
      [
        Plane(name: "l.qweight", type: "I32", shape: [8, 1]), Plane(name: "l.qzeros", type: "I32", shape: [1, 2]),
        Plane(name: "l.scales", type: "F16", shape: [1, 8]),
      ], more: #","bits":4,"group_size":8,"version":"gemm""#)
    refuse(
      "AWQ of no bits", "", rule: "OUN102", "awq",
      [
        Plane(name: "l.qweight", type: "I32", shape: [8, 1]), Plane(name: "l.qzeros", type: "I32", shape: [1, 1]),
        Plane(name: "l.scales", type: "F16", shape: [1, 8]),
      ], more: #","bits":0,"group_size":8,"version":"gemm""#)
  }
}
