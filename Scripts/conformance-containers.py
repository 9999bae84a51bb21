#!/usr/bin/env python3
"""Each writer's output in the hands of its own reference library: every tensor must be the one that went in.

    conformance-containers.py OUNCE CHECKPOINT WORK

Writes the tensors of CHECKPOINT (one safetensors file) in every container, lets torch, safetensors, NumPy, gguf and (where
it is installed) mlx load them, and compares bytes. Prints rows of the table in docs/conformance.md; ends with 1 when a
tensor differs.
"""
import subprocess
import sys
from pathlib import Path

import gguf
import numpy
import safetensors.torch
import torch

ounce, checkpoint, work = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3])
source = safetensors.torch.load_file(checkpoint / "model.safetensors")
failures = 0


def run(*arguments):
    subprocess.run([ounce, *map(str, arguments), "--quiet", "--force"], check=True)


def raw(tensor):
    return tensor.contiguous().view(torch.uint8).numpy().tobytes() if tensor.dim() else tensor.numpy().tobytes()


def row(container, library, loaded, expected):
    global failures
    wrong = [name for name in expected if loaded.get(name) != expected[name]] + [n for n in loaded if n not in expected]
    failures += bool(wrong)
    result = "every byte" if not wrong else f"DIFFERENT: {', '.join(wrong[:5])}"
    print(f"| {container} | {library} | {len(expected)} | {result} |")


print("| container | loaded by | tensors | equal |\n|---|---|---|---|")
own = {name: raw(tensor) for name, tensor in source.items()}
floats = {name: raw(tensor.float()) for name, tensor in source.items()}

path = work / "a.safetensors"
run("convert", checkpoint, "--to", "safetensors", "-o", path)
row("safetensors", "safetensors", {n: raw(t) for n, t in safetensors.torch.load_file(path).items()}, own)

folder = work / "shards"
folder.mkdir(exist_ok=True)
run("convert", checkpoint, "--to", "safetensors", "--split-max-tensors", "10", "-o", folder / "model.safetensors")
shards = {}
for shard in sorted(folder.glob("*.safetensors")):
    shards.update({n: raw(t) for n, t in safetensors.torch.load_file(shard).items()})
row("safetensors, split", "safetensors", shards, own)

path = work / "a.pt"
run("convert", checkpoint, "--to", "pt", "-o", path)
state = torch.load(path, weights_only=True, map_location="cpu")
row("PyTorch", f"torch {torch.__version__}, weights_only", {n: raw(t) for n, t in state.items()}, own)
state = torch.load(path, weights_only=True, map_location="cpu", mmap=True)
row("PyTorch, mapped", f"torch {torch.__version__}, mmap", {n: raw(t) for n, t in state.items()}, own)

path = work / "a.npz"
run("convert", checkpoint, "--to", "npz", "--dtype", "f32", "-o", path)
with numpy.load(path, allow_pickle=False) as archive:
    row("npz", f"NumPy {numpy.__version__}", {n: archive[n].tobytes() for n in archive.files}, floats)

name = "model.embed_tokens.weight"
run("extract", checkpoint, name, "--dtype", "f32", "-o", work / "a.npy")
row("npy", f"NumPy {numpy.__version__}", {name: numpy.load(work / "a.npy").tobytes()}, {name: floats[name]})
run("extract", checkpoint, name, "-o", work / "a.bin")
row("bin", "its bytes", {name: (work / "a.bin").read_bytes()}, {name: own[name]})

path = work / "a.gguf"
run("convert", checkpoint, "--no-map", "-o", path)
reader = gguf.GGUFReader(path)
row("GGUF", "gguf", {t.name: t.data.tobytes() for t in reader.tensors}, own)

try:
    import mlx.core as mlx
except ImportError:
    print("mlx is not installed: its folder is not compared", file=sys.stderr)
else:
    folder = work / "mlx"
    run("convert", checkpoint, "--to", "mlx", "-o", folder)
    loaded = mlx.load(str(folder / "model.safetensors"))
    as_bytes = {n: bytes(memoryview(mlx.view(t, mlx.uint8))) for n, t in loaded.items()}
    row("MLX", "mlx", as_bytes, own)
sys.exit(1 if failures else 0)
