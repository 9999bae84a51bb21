extension Architectures {
  /// Classes of which a checkpoint was converted and compared with the file of the reference converter: the fixtures of
  /// the repository, and the tiny checkpoints beside it. Other classes of a family share its rules.
  public static let compared: Set<String> = [
    "ApertusForCausalLM", "ArceeForCausalLM", "BailingMoeForCausalLM", "BailingMoeV2ForCausalLM",
    "BailingMoeV3ForCausalLM", "BertModel", "BloomForCausalLM", "Cohere2ForCausalLM", "Cohere2MoeForCausalLM",
    "CohereForCausalLM", "DFlashDraftModel", "DeepseekV2ForCausalLM", "DeepseekV3ForCausalLM",
    "DeepseekV4DSparkModel", "DeepseekV4ForCausalLM", "DistilBertModel", "Ernie4_5ForCausalLM",
    "Ernie4_5_MoeForCausalLM", "EuroBertModel",
    "Exaone4ForCausalLM", "Exaone4_5_ForConditionalGeneration", "ExaoneForCausalLM", "FalconForCausalLM",
    "FalconH1ForCausalLM", "GPT2LMHeadModel", "GPTBigCodeForCausalLM", "GPTNeoXForCausalLM", "Gemma2ForCausalLM",
    "Gemma3ForCausalLM", "Gemma3ForConditionalGeneration", "Gemma3TextModel", "Gemma3nForCausalLM",
    "Gemma4AssistantForCausalLM", "Gemma4DSparkModel", "Gemma4ForCausalLM", "GemmaForCausalLM", "Glm4ForCausalLM",
    "Glm4MoeForCausalLM",
    "Glm4MoeLiteForCausalLM", "Glm4vForConditionalGeneration", "Glm5NextForConditionalGeneration",
    "GlmMoeDsaForCausalLM", "GptOssForCausalLM", "GraniteForCausalLM", "GraniteMoeForCausalLM",
    "GraniteMoeHybridForCausalLM", "GraniteMoeSharedForCausalLM", "HunYuanDenseV1ForCausalLM",
    "HunYuanVLForConditionalGeneration", "InternLM2ForCausalLM", "InternLM3ForCausalLM", "Jais2ForCausalLM",
    "JambaForCausalLM", "JinaBertForMaskedLM", "LagunaForCausalLM", "Lfm2BidirectionalModel", "Lfm2ForCausalLM",
    "Lfm2MoeForCausalLM", "Llama4ForCausalLM", "LlamaBidirectionalModel", "LlamaForCausalLM", "Mamba2ForCausalLM",
    "MambaForCausalLM", "MellumForCausalLM", "MiMoV2FlashForCausalLM", "MiMoV2ForCausalLM", "MiniCPMForCausalLM",
    "MiniCPMV4_6ForConditionalGeneration", "MiniMaxM2ForCausalLM", "MiniMaxM3SparseForCausalLM",
    "Ministral3ForCausalLM", "Mistral3ForConditionalGeneration", "MistralForCausalLM", "MixtralForCausalLM",
    "ModernBertModel", "MuseGlimmerAssistantModel", "MuseGlimmerForConditionalGeneration", "NemotronForCausalLM",
    "NemotronHForCausalLM", "NomicBertModel", "Olmo2ForCausalLM", "OlmoForCausalLM", "OlmoeForCausalLM",
    "PaddleOCRVLForConditionalGeneration", "Phi3ForCausalLM", "PhiForCausalLM", "PhiMoEForCausalLM",
    "Qwen2ForCausalLM", "Qwen2MoeForCausalLM", "Qwen2_5_VLForConditionalGeneration", "Qwen3DSparkModel",
    "Qwen3ForCausalLM", "Qwen3MoeForCausalLM", "Qwen3NextForCausalLM", "Qwen3VLForConditionalGeneration",
    "Qwen3_5ForCausalLM", "Qwen3_5ForConditionalGeneration", "Qwen3_5MoeForCausalLM",
    "Qwen4ExpForConditionalGeneration", "RobertaModel",
    "Rwkv6ForCausalLM", "SarvamMoEForCausalLM", "SeedOssForCausalLM", "SmolLM3ForCausalLM", "StableLmForCausalLM",
    "Starcoder2ForCausalLM", "Step3p5ForCausalLM", "T5EncoderModel", "T5ForConditionalGeneration", "XLMRobertaModel",
  ]
}
