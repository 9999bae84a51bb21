"""Scripts/conformance: what transformers computes, in floats of 32 bits, of each checkpoint of the zoo.

    python conformance-transformers.py ZOO FOLDER

Writes NAME.npy (positions x vocabulary; positions x hidden size for models without logits) and index.json: a list with
the checkpoint, the tokens, or the reason why there is nothing to compare.
"""
import json
import logging
import os
import sys
import tempfile
import warnings

import numpy
import torch
import transformers

# Parts of the same checkpoint that a run over text does not touch.
UNUSED = ("vision", "visual", "multi_modal", "mm_", "pooler", "lm_head", "mtp.", "position_ids")


def divide_by_one_less():
    deviation = torch.std
    torch.std = lambda values, dim, keepdim, unbiased: deviation(values, dim=dim, keepdim=keepdim)


def normalize_and_route_as_mixtral():
    class RootMeanSquareNorm(torch.nn.LayerNorm):
        def forward(self, values):
            mean = values.square().mean(-1, keepdim=True)
            return values * torch.rsqrt(mean + self.eps) * self.weight + self.bias

    def route(scores, *_, **__):
        weights, experts = torch.topk(torch.softmax(scores, -1), 2, dim=-1)
        return weights / weights.sum(-1, keepdim=True), experts

    torch.nn.LayerNorm = RootMeanSquareNorm
    transformers.models.phimoe.modeling_phimoe.sparsemixer = route


# What llama.cpp takes for granted, whatever its files say, so that transformers must be told: settings, code, reason.
ASSUMED = {
    "gpt-oss-bf16": ({"rope_scaling.truncate": True}, None, "YaRN's borders are rounded, `truncate` or not"),
    "gpt-oss-mxfp4": ({"rope_scaling.truncate": True}, None, "the same; values that meet MXFP4 are rounded to 8 bits"),
    "exaone4": (
        {"layer_types": ["full_attention"] * 4, "sliding_window": None}, None,
        "only models of 64 layers have a sliding window",
    ),
    "gemma3n": (
        {"activation_sparsity_pattern": [0.95] * 5, "num_kv_shared_layers": 0}, divide_by_one_less,
        "the first 10 layers are sparse, the first 20 have keys; the deviation of n values is divided by n - 1",
    ),
    "nemotron-h": ({"time_step_min": 0.0}, None, "time steps have no lower limit"),
    "phimoe": ({}, normalize_and_route_as_mixtral, "norms do not subtract the mean; softmax routes, no sparsemixer"),
    "t5": ({"scale_decoder_outputs": False}, None, "what the decoder gives to the tied head is not scaled"),
}

# What transformers computes of these is not what the checkpoint says.
NOT_COMPARED = {
    "apertus": "transformers 5 loses a constant of the activation that no checkpoint holds; 4.57.6 agrees within 9e-7",
    "deepseek3-fp8": "transformers cuts the rows of a last, partial FP8 block into other blocks",
}


def token_ids(vocabulary):
    """48 ids, none of them among the first or last of a vocabulary, where special tokens are."""
    return [20 + (31 * i * i + 17 * i) % (vocabulary - 60) for i in range(48)]


def variant(folder, changes, copy):
    """The checkpoint with other settings, in the folder `copy`; the files are links."""
    os.makedirs(copy, exist_ok=True)
    for name in os.listdir(folder):
        os.symlink(os.path.join(folder, name), os.path.join(copy, name))
    with open(os.path.join(folder, "config.json")) as file:
        config = json.load(file)
    for key, value in changes.items():
        *path, last = key.split(".")
        values = config
        for name in path:
            values = values[name]
        values[last] = value
    os.remove(os.path.join(copy, "config.json"))
    with open(os.path.join(copy, "config.json"), "w") as file:
        json.dump(config, file)
    return copy


def load(folder, class_name):
    options = {"dtype": torch.float32, "attn_implementation": "eager", "output_loading_info": True}
    # A checkpoint with pictures may hold a placeholder for them, of other sizes.
    options["ignore_mismatched_sizes"] = True
    try:
        model, report = getattr(transformers, class_name).from_pretrained(folder, **options)
    except ValueError as error:
        if "attention" not in str(error):
            raise
        del options["attn_implementation"]
        model, report = getattr(transformers, class_name).from_pretrained(folder, **options)
    absent = [*report["missing_keys"], *(key[0] for key in report["mismatched_keys"])]
    absent = [key for key in absent if not any(word in key for word in UNUSED)]
    if absent:
        raise ValueError(f"no {min(absent)} of its shape")
    return model.float().eval()


def compute(model, tokens):
    ids = torch.tensor([tokens])
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    if model.config.is_encoder_decoder:
        inputs["decoder_input_ids"] = ids
    with torch.no_grad():
        output = model(**inputs)
    values = output.logits if hasattr(output, "logits") else output.last_hidden_state
    return values[0].numpy(), hasattr(output, "logits")


def reference(entry, folder, path):
    with open(os.path.join(folder, "config.json")) as file:
        config = json.load(file)
    # Remote code spells some classes otherwise (PhiMoE).
    class_name = config["architectures"][0]
    class_name = next((name for name in dir(transformers) if name.lower() == class_name.lower()), class_name)
    result = {"name": entry["name"], "class": class_name, "folder": folder, "pretokenizer": entry["pre_tokenizer"]}
    result["gelu"] = "gelu" in json.dumps(config)
    # llama.cpp multiplies blocks with values that it rounds to 8 bits.
    result["rounds"] = config.get("quantization_config", {}).get("quant_method") == "mxfp4"
    if not hasattr(transformers, class_name):
        return result | {"reason": f"transformers {transformers.__version__} has no such class"}
    if entry["name"] in NOT_COMPARED:
        return result | {"reason": NOT_COMPARED[entry["name"]]}
    changes, patch, result["assumed"] = ASSUMED.get(entry["name"], ({}, None, None))
    try:
        kept = torch.std, torch.nn.LayerNorm
        if patch:
            patch()
        with tempfile.TemporaryDirectory() as copy:
            model = load(variant(folder, changes, copy), class_name)
        for key, value in changes.items():
            if "." not in key and not isinstance(value, list):
                setattr(model.config, key, value)
        tokens = token_ids(entry["vocab"])
        values, are_logits = compute(model, tokens)
        torch.std, torch.nn.LayerNorm = kept
    except Exception as error:  # Whatever a checkpoint of another version runs into: the table shows it.
        return result | {"reason": "transformers: " + " ".join(str(error).split())[:100]}
    numpy.save(path, values.astype(numpy.float32))
    return result | {"tokens": tokens, "logits": are_logits}


def deepened(entry, folder, copy):
    """DeepSeek-V2-Lite with 27 layers, by whose number llama.cpp knows it, and weights of its own."""
    variant(folder, {"num_hidden_layers": 27}, copy)
    os.remove(os.path.join(copy, "model.safetensors"))
    os.remove(os.path.join(copy, "config.json"))
    config = transformers.AutoConfig.from_pretrained(folder, num_hidden_layers=27)
    model = getattr(transformers, entry["hf_class"])(config)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(0, parameter.shape[-1] ** -0.5)
    model.bfloat16().save_pretrained(copy)
    return entry | {"name": "deepseek2-lite, 27 layers"}, copy


def main():
    zoo, folder = sys.argv[1:3]
    warnings.filterwarnings("ignore")
    transformers.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    logging.disable(logging.WARNING)
    torch.manual_seed(0)
    with open(os.path.join(zoo, "manifest.json")) as file:
        entries = [(entry, os.path.join(zoo, entry["directory"])) for entry in json.load(file)["entries"]]
    lite = next(((entry, path) for entry, path in entries if entry["name"] == "deepseek2-lite"), None)
    if lite:
        entries.append(deepened(*lite, os.path.join(folder, "deepseek2-lite-27")))
    index = [reference(entry, path, os.path.join(folder, entry["name"] + ".npy")) for entry, path in entries]
    with open(os.path.join(folder, "index.json"), "w") as file:
        json.dump(index, file)


main()
