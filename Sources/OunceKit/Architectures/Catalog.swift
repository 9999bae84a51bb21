internal import OunceCore

/// Every family that can be translated. One line per family; the order is the order of `ounce formats --architectures`.
public enum Architectures {
  public static let all: [Architecture] = [
    .llama, .arcee, .smollm3,
    .qwen2, .qwen2Moe, .qwen3, .qwen3Moe, .qwen3VL, .qwen3VLMoe,
    .gemma, .gemma2, .gemma3, .gemmaEmbedding,
    .granite, .graniteMoe,
    .olmo, .olmo2, .olmoe,
    .seedOss,
    .qwen3Next, .qwen35, .qwen35Moe, .qwen4Exp,
    .deepseek2,
    .glm4, .glm4Moe,
    .gptOss,
    .lfm2, .lfm2Moe,
    .phi2, .phi3, .phiMoe,
    .mamba, .mamba2,
    .commandR, .nemotron, .exaone, .exaone4, .exaone45, .miniMaxM2, .llama4, .miniCPM, .jais2, .ernie, .ernieMoe,
    .hunyuanDense, .hunyuanVL,
    .internLM2, .stableLm, .starCoder, .starCoder2, .gpt2, .gptNeoX, .bloom, .falcon,
    .mistral3, .mistral4, .glm4MoeLite, .cohere2, .cohere2Moe, .laguna, .mellum, .bailingMoe2, .sarvam, .bailingMoe3,
    .step35, .miMo2, .miniMaxM3, .glmDsa, .glm5Next, .deepSeek4, .glm4Vision, .internLM3, .qwen2VL, .museGlimmer,
    .lfm2Embedding,
    .gemma4Assistant, .paddleOCR, .miniCPMV,
    .llamaEmbed, .euroBert, .jinaBert2,
    .apertus, .bailingMoe, .falconH1, .graniteHybrid, .jamba, .nemotronH, .nemotronHPuzzle,
    .eagle3, .dFlash, .dSpark, .museGlimmerAssistant, .gemma4Spark, .deepSeek4Spark,
    .rwkv6, .t5, .t5Encoder, .gemma3n, .gemma4,
    .bert, .distilBert, .roberta, .xlmRoberta, .jinaBert3, .modernBert, .nomicBert,
  ]

  /// The family of a class that `config.json` names.
  static func named(_ className: String) -> Architecture? {
    all.first { $0.huggingFaceNames.contains(className) }
  }

  /// An error that says which class is not known and which names are near.
  static func unknown(_ className: String) -> OunceError {
    let near = NearNames.find(className, among: all.flatMap(\.huggingFaceNames))
    let known = near.isEmpty ? "" : "near names that are: \(near.joined(separator: ", ")); "
    return OunceError(
      .unsupported, "the architecture \"\(className)\" is not known", file: "config.json",
      remedy: known + "--rules takes a file with rules for it (docs/rules.md), --no-map keeps names 1:1")
  }
}
