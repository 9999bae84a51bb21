#!/usr/bin/env python3
"""Measures how far weights of many kinds lie from their source in each encoding: the table of docs/lineage.md.

    Scripts/lineage-ranges.py [OUNCE] [TYPE...]

Needs PyPI's numpy and safetensors, and a built ounce (default: .build/release/ounce).
"""
import json
import os
import struct
import subprocess
import sys
import tempfile

import numpy
from safetensors.numpy import save_file

TYPES = (
    "Q8_0 Q6_K Q5_K_S Q5_1 Q5_0 Q4_K_S Q4_1 Q4_0 IQ4_NL IQ4_XS MXFP4_MOE NVFP4 Q3_K_S IQ3_S IQ3_XXS Q2_K IQ2_S IQ2_XS"
    " IQ2_XXS IQ1_M IQ1_S Q2_0 TQ1_0 TQ2_0 Q1_0"
).split()


def kinds(random, rows, columns):
    """Matrices as weights are, and as they hardly are."""
    normal = random.standard_normal((rows, columns))
    wide = normal.copy()
    wide[:, random.permutation(columns)[: max(1, columns // 100)]] *= 30
    return {
        "gauss": normal,
        "laplace": random.laplace(size=(rows, columns)),
        "t3": random.standard_t(3, (rows, columns)),
        "t1.5": random.standard_t(1.5, (rows, columns)),
        "uniform": random.uniform(-1, 1, (rows, columns)),
        "sparse": numpy.where(random.random((rows, columns)) < 0.9, 0, normal),
        "shifted": normal + 2,
        "columns": wide,
        "rows": normal * numpy.exp(random.standard_normal((rows, 1))),
        "lognormal": numpy.sign(normal) * numpy.exp(1.5 * random.standard_normal((rows, columns))),
        "outliers": numpy.where(random.random((rows, columns)) < 0.002, normal * 40, normal),
        "binary": numpy.sign(normal),
        "ternary": numpy.where(random.random((rows, columns)) < 0.4, 0, numpy.sign(normal)),
    }


def write_importance(path, tensors, random, deviation):
    """The older format of llama-imatrix, with log-normal weights of columns."""
    with open(path, "wb") as file:
        file.write(struct.pack("<i", len(tensors)))
        for name, values in tensors.items():
            weights = numpy.exp(deviation * random.standard_normal(values.shape[1])).astype("<f4")
            file.write(struct.pack("<i", len(name)) + name.encode() + struct.pack("<ii", 1, len(weights)))
            file.write(weights.tobytes())


def main():
    ounce = sys.argv[1] if len(sys.argv) > 1 else ".build/release/ounce"
    random = numpy.random.default_rng(1)
    tensors = {}
    for size, shape in {"large": (256, 1024), "small": (16, 256)}.items():
        for kind, values in kinds(random, *shape).items():
            tensors[f"blk.0.{size}_{kind}.weight"] = (0.02 * values).astype("<f4")
    with tempfile.TemporaryDirectory() as folder:
        source, target = os.path.join(folder, "source.safetensors"), os.path.join(folder, "target.gguf")
        save_file(tensors, source)
        matrices = {"none": []}
        for name, deviation in {"mild": 1, "wild": 3}.items():
            path = os.path.join(folder, name + ".dat")
            write_importance(path, tensors, random, deviation)
            matrices[name] = ["--imatrix", path]
        found = {}
        for recipe in sys.argv[2:] or TYPES:
            for importance, options in matrices.items():
                command = [ounce, "quantize", source, "--no-map", "--to", recipe, "--pure", "-o", target, "-f"]
                # Some recipes do nothing without importance.
                if subprocess.run(command + options, capture_output=True, check=False).returncode:
                    continue
                command = [ounce, "compare", source, target, "--format", "json"]
                result = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
                for tensor in result["tensors"]:
                    rows = [float(row["relative"]) for row in tensor["worstRows"]]
                    found.setdefault(tensor["b"]["dtype"], []).append(
                        (float(tensor["figures"]["relative"]), max(rows, default=0), importance, tensor["name"])
                    )
    print("| encoding | Gaussian | worst | worst row |\n|---|---:|---:|---:|")
    for encoding, figures in found.items():
        normal = min(error for error, _, _, name in figures if name == "blk.0.large_gauss.weight")
        worst, row = max(figure[0] for figure in figures), max(figure[1] for figure in figures)
        print(f"| {encoding} | {normal:.3g} | {worst:.3g} | {row:.3g} |")


if __name__ == "__main__":
    main()
