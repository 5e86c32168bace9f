#!/usr/bin/env python3
"""Figures of docs/ from the program's output: figures.py GRADPATH FIGURE_FOLDER RESULT_FOLDER

Every number drawn comes from `gradpath formats`, `gradpath cast` and `gradpath theory`.
"""
import csv
import io
import json
import math
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "gradpath"  # the same file every time
import matplotlib.pyplot as plt  # noqa: E402

FORMATS = ["e5m2", "e4m3fn", "e3m4", "e3m2fn", "e2m3fn", "e2m1fn"]


class Program:
    def __init__(self, path):
        self.path = path

    def run(self, *arguments):
        return subprocess.run([self.path, *arguments], check=True, capture_output=True, text=True).stdout

    def values(self, name):
        """Positive finite values of a format, in code order."""
        rows = csv.DictReader(io.StringIO(self.run("formats", name, "--csv", "-")))
        values = [float.fromhex(row["value"]) for row in rows]
        return [v for v in values if math.isfinite(v) and v > 0]

    def theory(self, *arguments):
        """A table of `gradpath theory`, its columns as lists of numbers."""
        rows = list(csv.DictReader(io.StringIO(self.run("theory", *arguments, "--csv", "-"))))
        return {name: [float(row[name]) for row in rows] for name in rows[0]}

    def cast(self, inputs, *options):
        """Values of inputs after a cast."""
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder) / "in.safetensors", Path(folder) / "out.safetensors"
            data = struct.pack(f"<{len(inputs)}f", *inputs)
            header = json.dumps({"x": {"dtype": "F32", "shape": [len(inputs)],
                                       "data_offsets": [0, len(data)]}}).encode()
            header += b" " * (-len(header) % 8)
            source.write_bytes(struct.pack("<Q", len(header)) + header + data)
            self.run("cast", str(source), "--tensors", "x", "--as", "values", "--quiet", "-o",
                     str(target), *options)
            written = target.read_bytes()
            (length,) = struct.unpack("<Q", written[:8])
            begin, end = json.loads(written[8 : 8 + length])["x"]["data_offsets"]
            return struct.unpack(f"<{len(inputs)}f", written[8 + length + begin : 8 + length + end])


def save(figure, path):
    figure.tight_layout()
    figure.savefig(path, metadata={"Date": None})
    plt.close(figure)


def code_spacing(program, path):
    figure, axes = plt.subplots(figsize=(8, 3))
    for row, name in enumerate(FORMATS):
        values = program.values(name)
        axes.plot(values, [row] * len(values), "|", markersize=14)
    axes.set_xscale("log", base=2)
    axes.set_yticks(range(len(FORMATS)), FORMATS)
    axes.set_xlabel("positive values, a tick a code")
    axes.invert_yaxis()
    save(figure, path)


def rounding_thresholds(program, path):
    """What each rounding makes of the inputs between 0 and 4 in e2m1fn."""
    inputs = [i / 256 for i in range(-1024, 1025)]
    modes = ["rne", "rna", "rtz", "rup", "rdn", "rto"]
    figure, axes = plt.subplots(2, 3, figsize=(9, 5), sharex=True, sharey=True)
    for panel, mode in zip(axes.flat, modes):
        panel.plot(inputs, inputs, linewidth=0.5, color="grey")
        panel.plot(inputs, program.cast(inputs, "--format", "e2m1fn", "--round", mode),
                   drawstyle="steps-mid")
        panel.set_title(mode)
    for panel in axes[1]:
        panel.set_xlabel("input")
    for panel in axes[:, 0]:
        panel.set_ylabel("e2m1fn value")
    save(figure, path)


def stochastic_error(program, mode, bits, fractions, draws):
    """Mean error (bias) and variance over `draws` casts of each input 1 + f, in ulp of e4m3fn at 1
    (1/8): mean over inputs of the signed bias, largest bias of one input, mean variance."""
    inputs = [1 + f / 8 for f in fractions for _ in range(draws)]
    values = program.cast(inputs, "--format", "e4m3fn", "--round", f"{mode}:{bits}", "--seed", "2504")
    errors = [8 * (v - x) for v, x in zip(values, inputs)]
    biases, variances = [], []
    for i in range(0, len(errors), draws):
        some = errors[i : i + draws]
        mean = sum(some) / draws
        biases.append(mean)
        variances.append(sum((e - mean) ** 2 for e in some) / draws)
    return sum(biases) / len(biases), max(map(abs, biases)), sum(variances) / len(variances)


def stochastic_bias(program, path, table):
    fractions = [(2 * i + 1) / 64 for i in range(32)]  # uniform over an ulp
    draws, bit_counts = 8192, [1, 2, 3, 4, 6, 8, 12, 16, 24]
    figure, axes = plt.subplots(figsize=(6, 3.5))
    lines = ["# Bias and variance of stochastic rounding against its random bits", "",
             f"Made by `scripts/figures`. e4m3fn, {len(fractions)} inputs spread evenly over one ulp, "
             f"{draws} casts of each; in ulp. The truncating form's bias is -2^-(R+1) on average "
             "until the inputs' own bits run out (here 6); the mean over all casts has a standard "
             f"error of {math.sqrt(1 / 6 / (len(fractions) * draws)):.4f}.", "",
             "| R | `sr` bias | `sr` largest | `sr` variance | `sru` bias | `sru` largest | `sru` variance |",
             "| --- | --- | --- | --- | --- | --- | --- |"]
    measured = {mode: [stochastic_error(program, mode, r, fractions, draws) for r in bit_counts]
                for mode in ("sr", "sru")}
    for row, bits in enumerate(bit_counts):
        cells = [f"{x:+.4f}" if i == 0 else f"{x:.4f}" for mode in ("sr", "sru")
                 for i, x in enumerate(measured[mode][row])]
        lines.append(f"| {bits} | " + " | ".join(cells) + " |")
    table.write_text("\n".join(lines) + "\n")
    for mode, rows in measured.items():
        axes.plot(bit_counts, [bias for bias, _, _ in rows], marker="o", label=mode)
    axes.axhline(0, color="grey", linewidth=0.5)
    axes.set_xlabel("random bits R")
    axes.set_ylabel("mean error, ulp")
    axes.legend()
    save(figure, path)


def pruned_fraction(program, path):
    """S(alpha) and the fraction emitted as exactly alpha, for lognormal |x|."""
    figure, panels = plt.subplots(1, 2, figsize=(9, 3.5), sharex=True)
    for sigma in ("0.5", "1", "2", "3"):
        table = program.theory("prune", "--sigma", sigma, "--alpha", "1e-3:1e5:x1.1")
        panels[0].plot(table["alpha"], table["sparsity"], label=f"sigma = {sigma}")
        panels[1].plot(table["alpha"], table["promoted_fraction"])
    for panel, label in zip(panels, ("sparsity S", "fraction emitted as exactly alpha")):
        panel.set_xscale("log")
        panel.set_xlabel("threshold alpha / exp(mu)")
        panel.set_ylabel(label)
        panel.grid(linewidth=0.3)
    panels[0].legend()
    save(figure, path)


def best_split(program, path):
    """Which number of exponent bits is best, and its error, against sigma."""
    crossings = program.theory("split", "--bits", "4:8", "--crossings")
    figure, (regions, errors) = plt.subplots(1, 2, figsize=(9, 3.5))
    low, high = 0.2, 16.0
    for bits in range(4, 9):
        own = [(int(f), s) for b, f, s in zip(crossings["bits"], crossings["from_exponent_bits"],
                                              crossings["sigma_log2"]) if b == bits and low < s < high]
        edges = [low, *(s for _, s in own), high]
        for i, (begin, end) in enumerate(zip(edges, edges[1:])):
            exponent = own[0][0] + i
            regions.barh(bits, end - begin, left=begin, color=f"C{exponent}", edgecolor="white")
            regions.text(math.sqrt(begin * end), bits, f"e{exponent}m{bits - 1 - exponent}", ha="center",
                         va="center", fontsize=7)
        table = program.theory("split", "--bits", str(bits), "--sigma-log2", "0.2:16:x1.03")
        errors.plot(table["sigma_log2"], table["mean_relative_error"], label=f"{bits} bits")
    regions.set_ylabel("bits")
    errors.set_ylabel("mean relative error of the best split")
    errors.set_yscale("log")
    errors.grid(linewidth=0.3)
    errors.legend()
    for panel in (regions, errors):
        panel.set_xscale("log")
        panel.set_xlim(low, high)
        panel.set_xlabel("standard deviation of log2|x|")
    save(figure, path)


def fits(program, path):
    """The picture is the program's own."""
    root = Path(__file__).resolve().parent.parent
    program.run("fit", str(root / "traces/data/resnet18-cifar10.safetensors"), "--tensors", "step350*grad_output",
                "--plot", str(path), "--quiet")


def main():
    program, figures, results = Program(sys.argv[1]), Path(sys.argv[2]), Path(sys.argv[3])
    figures.mkdir(parents=True, exist_ok=True)
    code_spacing(program, figures / "code-spacing.svg")
    rounding_thresholds(program, figures / "rounding-thresholds.svg")
    pruned_fraction(program, figures / "pruned-fraction.svg")
    fits(program, figures / "fits.svg")
    best_split(program, figures / "best-split.svg")
    stochastic_bias(program, figures / "stochastic-bias.svg", results / "stochastic-rounding.md")


if __name__ == "__main__":
    main()
