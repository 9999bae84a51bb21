"""Scripts/conformance: llama.cpp loads what ounce writes of each checkpoint and computes what transformers does.

    python conformance-llama.py ZOO FOLDER OUNCE

FOLDER holds what conformance-transformers.py wrote. Prints the tables of docs/conformance.md; ends with 1 when a file
does not load that should, or a bound is missed.
"""
import ctypes
import json
import os
import subprocess
import sys
import tempfile

import llama_cpp
import numpy

# Floats of 32 bits: the largest difference over the largest value. ggml looks GELU up in a table of half floats.
LARGEST_DIFFERENCE = 1e-4
LARGEST_DIFFERENCE_WITH_GELU = 5e-3
# Floats of 16 bits: ggml rounds what they are multiplied with, too. Where that exchanges two experts that are nearly as
# good as each other, a position is another one, so the median of the positions counts.
MEDIAN_COSINE = 0.999

FLASH_ATTENTION_OFF = 0
F32 = 0


def convert(ounce, arguments, path):
    """Whether `path` was written; else the first line of the error."""
    run = subprocess.run([ounce, *arguments, "-o", path, "-q"], capture_output=True, text=True)
    return None if run.returncode == 0 else run.stderr.strip().split("\n")[0]


def evaluate(path, tokens, logits, vocabulary_only=False):
    """Loads a file and runs `tokens`: positions x values, or None when it only loads."""
    parameters = llama_cpp.llama_model_default_params()
    parameters.vocab_only = vocabulary_only
    model = llama_cpp.llama_model_load_from_file(path.encode(), parameters)
    if not model:
        raise ValueError("does not load")
    if vocabulary_only:
        return None
    parameters = llama_cpp.llama_context_default_params()
    parameters.n_ctx = parameters.n_batch = parameters.n_ubatch = 64
    parameters.n_threads = parameters.n_threads_batch = 1
    parameters.flash_attn_type = FLASH_ATTENTION_OFF
    parameters.type_k = parameters.type_v = F32
    parameters.embeddings = not logits
    parameters.pooling_type = llama_cpp.LLAMA_POOLING_TYPE_NONE
    context = llama_cpp.llama_init_from_model(model, parameters)
    if not context:
        raise ValueError("no context")
    batch = llama_cpp.llama_batch_init(len(tokens), 0, 1)
    batch.n_tokens = len(tokens)
    for index, token in enumerate(tokens):
        batch.token[index], batch.pos[index], batch.logits[index] = token, index, 1
        batch.n_seq_id[index], batch.seq_id[index][0] = 1, 0
    has_encoder = llama_cpp.llama_model_has_encoder(model)
    if has_encoder and llama_cpp.llama_encode(context, batch):
        raise ValueError("does not encode")
    if llama_cpp.llama_model_has_decoder(model) and llama_cpp.llama_decode(context, batch):
        raise ValueError("does not decode")
    if logits:
        count = llama_cpp.llama_vocab_n_tokens(llama_cpp.llama_model_get_vocab(model))
        values = llama_cpp.llama_get_logits(context)
    else:
        count = llama_cpp.llama_model_n_embd_out(model)
        values = llama_cpp.llama_get_embeddings(context)
    if not values:
        raise ValueError("computes nothing")
    values = ctypes.cast(values, ctypes.POINTER(ctypes.c_float))
    return numpy.ctypeslib.as_array(values, (len(tokens), count)).copy()


def evaluate_apart(path, *arguments):
    """The same in a process of its own: a failed assertion of ggml ends the process."""
    result = path + ".npy"
    sys.stdout.flush()
    child = os.fork()
    if child == 0:
        status = 0
        try:
            os.dup2(os.open(path + ".log", os.O_WRONLY | os.O_CREAT), 2)
            values = evaluate(path, *arguments)
            if values is not None:
                numpy.save(result, values)
        except BaseException as error:
            os.write(2, f"error: {error}\n".encode())
            status = 1
        os._exit(status)
    if os.waitpid(child, 0)[1] == 0:
        return (numpy.load(result) if os.path.exists(result) else None), None
    with open(path + ".log", errors="replace") as file:
        lines = [line.strip() for line in file if "error" in line or "ASSERT" in line]
    return None, (lines or ["the process ended"])[0]


def compare(found, expected):
    """The largest difference over the largest value, and the cosine of each position."""
    expected = expected[:, : found.shape[1]].astype(numpy.float64)
    found = found[:, : expected.shape[1]].astype(numpy.float64)
    difference = numpy.abs(found - expected).max() / numpy.abs(expected).max()
    norms = numpy.linalg.norm(found, axis=1) * numpy.linalg.norm(expected, axis=1)
    return float(difference), (found * expected).sum(axis=1) / norms


class Run:
    """Files are made, loaded and removed one by one."""

    def __init__(self, ounce, work):
        self.ounce, self.work = ounce, work
        self.loaded, self.refused = 0, []

    def load(self, label, arguments, tokens, logits, vocabulary_only=False):
        path = os.path.join(self.work, "model.gguf")
        error = convert(self.ounce, arguments, path)
        values = None
        if not error:
            values, error = evaluate_apart(path, tokens, logits, vocabulary_only)
            self.loaded += error is None
        if error:
            self.refused.append((label, error.replace(self.work, "").replace(arguments[1], "…")))
        for name in os.listdir(self.work):
            os.remove(os.path.join(self.work, name))
        return values


def source_arguments(reference):
    name = reference["pretokenizer"]
    return ["--pretokenizer", name] if name not in (None, "default") else []


def logits_table(index, folder, run):
    """Compares each checkpoint in three types; gives the number of missed bounds."""
    missed = 0
    titles = ["checkpoint", "class in transformers", "F32", "bound", "BF16", "F16", "remarks"]
    print(f"| {' | '.join(titles)} |")
    print("|---|---|---:|---:|---:|---:|---|")
    for reference in index:
        if "reason" in reference:
            expected, tokens = None, [20 + position for position in range(8)]
        else:
            expected, tokens = numpy.load(os.path.join(folder, reference["name"] + ".npy")), reference["tokens"]
        cells, notes = [], []
        for dtype in ("f32", "bf16", "f16"):
            arguments = ["convert", reference["folder"], "--dtype", dtype, *source_arguments(reference)]
            label = f"{reference['name']} as {dtype.upper()}"
            values = run.load(label, arguments, tokens, reference.get("logits", False))
            if values is None or expected is None:
                continue
            difference, cosines = compare(values, expected)
            if dtype == "f32" and not reference["rounds"]:
                bound = LARGEST_DIFFERENCE_WITH_GELU if reference["gelu"] else LARGEST_DIFFERENCE
                cells += [f"{difference:.1e}", f"{bound:.0e}"]
                missed += difference > bound
                continue
            if dtype == "f32":
                cells += [f"{difference:.1e}", "-"]
            else:
                cells.append(f"{cosines.min():.6f}")
            missed += bool(numpy.median(cosines) < MEDIAN_COSINE)
            below = int((cosines < MEDIAN_COSINE).sum())
            if below and dtype != "f32":
                notes.append(f"{dtype.upper()}: {below} of {len(cosines)} positions below")
        if len(cells) == 4:
            notes = [note for note in [reference["assumed"], *notes] if note]
            row = [reference["name"], reference["class"], *cells, "; ".join(notes)]
            print(f"| {' | '.join(row)} |", flush=True)
    return missed


def load_recorded(zoo, entries, run):
    """Loads what else the zoo records: other options of the converter, and every quantized file."""
    tokens = [20 + position for position in range(8)]
    for entry in entries:
        source = os.path.join(zoo, entry["directory"])
        for made in entry["golden"]:
            if "--vocab-only" in made["options"]:
                arguments = ["convert", source, "--vocab-only"]
                run.load(f"{entry['name']} --vocab-only", arguments, tokens, False, vocabulary_only=True)
        for made in entry.get("quantized", []):
            arguments = ["quantize", source, "--to", made["type"]]
            if made.get("imatrix"):
                arguments += ["--imatrix", os.path.join(zoo, made["imatrix"])]
            run.load(f"{entry['name']} as {made['type']}", arguments, tokens, True)


def main():
    zoo, folder, ounce = sys.argv[1:4]
    with open(os.path.join(zoo, "manifest.json")) as file:
        entries = json.load(file)["entries"]
    with open(os.path.join(folder, "index.json")) as file:
        index = json.load(file)
    with tempfile.TemporaryDirectory() as work:
        run = Run(ounce, work)
        missed = logits_table(index, folder, run)
        load_recorded(zoo, entries, run)
    print("\n| not compared | why |\n|---|---|")
    for reference in index:
        if "reason" in reference:
            print(f"| {reference['name']} | {reference['reason']} |")
    print(f"\nllama.cpp loads and runs {run.loaded} of {run.loaded + len(run.refused)} files.")
    print("\n| not loaded | why |\n|---|---|")
    for label, error in run.refused:
        print(f"| {label} | {error} |")
    expected = {entry["name"] for entry in entries if not entry["loads"]}
    unexpected = [label for label, _ in run.refused if label.split(" as ")[0].split(" --")[0] not in expected]
    sys.exit(1 if missed or unexpected else 0)


main()
