/// A kind of layer of a neural network that has weights: where they are and how large.
///
/// Source: NeuralNetwork.proto, https://apple.github.io/coremltools/mlmodel/Format/NeuralNetwork.html
struct CoreMLLayer {
  /// The sizes of weights, from fields of the layer.
  enum Size {
    case field(Int)
    /// As many sizes as the field has; without any, 3 by 3, the default of kernels.
    case kernel(Int)
    case list(Int)
  }

  struct Weights {
    /// The fields that lead to them, from the layer on; any may be repeated.
    let path: [Int]
    /// The fields' names. `[]` behind a name: it is repeated, and the number of each is part of the name.
    let name: String
    /// nil: one dimension, as long as the weights are.
    var shape: [Size]?
  }

  let field: Int
  let weights: [Weights]
  /// The field that turns a convolution around: input channels come first then.
  var turned: (flag: Int, groups: Int)?

  /// The fields that are lists of sizes.
  var lists: Set<Int> {
    Set(
      weights.flatMap { $0.shape ?? [] }.compactMap { size in
        switch size {
        case .field: nil
        case .kernel(let field), .list(let field): field
        }
      })
  }

  static let byField: [Int: CoreMLLayer] = Dictionary(
    all.map { ($0.field, $0) }, uniquingKeysWith: { first, _ in first })

  private static let outputs: [Size] = [.field(2)]
  private static let gates: [Size] = [.field(2), .field(1)]
  private static let recursion: [Size] = [.field(2), .field(2)]

  private static let all: [CoreMLLayer] = [
    // convolution
    CoreMLLayer(
      field: 100,
      weights: [
        Weights(path: [90], name: "weights", shape: [.field(1), .field(2), .kernel(20)]),
        Weights(path: [91], name: "bias", shape: [.field(1)]),
      ], turned: (flag: 60, groups: 10)),
    // activation
    CoreMLLayer(field: 130, weights: activation([], "")),
    // innerProduct
    CoreMLLayer(
      field: 140,
      weights: [
        Weights(path: [20], name: "weights", shape: [.field(2), .field(1)]),
        Weights(path: [21], name: "bias", shape: outputs),
      ]),
    // embedding
    CoreMLLayer(
      field: 150,
      weights: [
        Weights(path: [20], name: "weights", shape: [.field(2), .field(1)]),
        Weights(path: [21], name: "bias", shape: outputs),
      ]),
    // batchnorm
    CoreMLLayer(
      field: 160,
      weights: [(15, "gamma"), (16, "beta"), (17, "mean"), (18, "variance")].map {
        Weights(path: [$0.0], name: $0.1, shape: [.field(1)])
      }),
    // scale
    CoreMLLayer(
      field: 245,
      weights: [
        Weights(path: [2], name: "scale", shape: [.list(1)]), Weights(path: [5], name: "bias", shape: [.list(4)]),
      ]),
    // bias, loadConstant
    CoreMLLayer(field: 250, weights: [Weights(path: [2], name: "bias", shape: [.list(1)])]),
    CoreMLLayer(field: 290, weights: [Weights(path: [2], name: "data", shape: [.list(1)])]),
    // simpleRecurrent
    CoreMLLayer(
      field: 400,
      weights: activation([10], "activation.") + [
        Weights(path: [30], name: "weightMatrix", shape: gates),
        Weights(path: [31], name: "recursionMatrix", shape: recursion),
        Weights(path: [32], name: "biasVector", shape: outputs),
      ]),
    // gru
    CoreMLLayer(
      field: 410,
      weights: activation([10], "activations[].")
        + ["updateGate", "resetGate", "outputGate"].enumerated().flatMap { index, gate in
          [
            Weights(path: [30 + index], name: gate + "WeightMatrix", shape: gates),
            Weights(path: [50 + index], name: gate + "RecursionMatrix", shape: recursion),
            Weights(path: [70 + index], name: gate + "BiasVector", shape: outputs),
          ]
        }),
    // uniDirectionalLSTM, biDirectionalLSTM
    CoreMLLayer(field: 420, weights: activation([10], "activations[].") + memory("weightParams.")),
    CoreMLLayer(
      field: 430,
      weights: activation([10], "activationsForwardLSTM[].") + activation([11], "activationsBackwardLSTM[].")
        + memory("weightParams[].")),
    // custom
    CoreMLLayer(field: 500, weights: [Weights(path: [20], name: "weights[]")]),
    // embeddingND
    CoreMLLayer(
      field: 1040,
      weights: [
        Weights(path: [20], name: "weights", shape: [.field(2), .field(1)]),
        Weights(path: [21], name: "bias", shape: outputs),
      ]),
    // batchedMatmul
    CoreMLLayer(
      field: 1045,
      weights: [
        Weights(path: [8], name: "weights", shape: [.field(6), .field(5)]),
        Weights(path: [9], name: "bias", shape: [.field(6)]),
      ]),
    // loadConstantND
    CoreMLLayer(field: 1070, weights: [Weights(path: [2], name: "data", shape: [.list(1)])]),
    // layerNormalization
    CoreMLLayer(
      field: 1350,
      weights: [
        Weights(path: [3], name: "gamma", shape: [.list(1)]), Weights(path: [4], name: "beta", shape: [.list(1)]),
      ]),
    // convolution3d
    CoreMLLayer(
      field: 1471,
      weights: [
        Weights(path: [60], name: "weights", shape: [.field(1), .field(2), .field(20), .field(21), .field(22)]),
        Weights(path: [61], name: "bias", shape: [.field(1)]),
      ], turned: (flag: 86, groups: 10)),
  ]

  /// The parameters of an activation that stands in `path`.
  private static func activation(_ path: [Int], _ name: String) -> [Weights] {
    [
      Weights(path: path + [25, 1], name: name + "PReLU.alpha"),
      Weights(path: path + [71, 1], name: name + "parametricSoftplus.alpha"),
      Weights(path: path + [71, 2], name: name + "parametricSoftplus.beta"),
    ]
  }

  /// The weights of an LSTM.
  private static func memory(_ name: String) -> [Weights] {
    let gates = ["inputGate", "forgetGate", "blockInput", "outputGate"]
    let peepholes = ["inputGate", "forgetGate", "outputGate"]
    return gates.enumerated().flatMap { index, gate in
      [
        Weights(path: [20, 1 + index], name: "\(name)\(gate)WeightMatrix", shape: Self.gates),
        Weights(path: [20, 20 + index], name: "\(name)\(gate)RecursionMatrix", shape: recursion),
        Weights(path: [20, 40 + index], name: "\(name)\(gate)BiasVector", shape: outputs),
      ]
    }
      + peepholes.enumerated().map { index, gate in
        Weights(path: [20, 60 + index], name: "\(name)\(gate)PeepholeVector", shape: outputs)
      }
  }
}
