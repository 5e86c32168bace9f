"""Sums up the table of `gradpath verify --thresholds`.

usage: threshold_units.py TABLE.csv OUT.md
"""
import collections
import csv
import pathlib
import statistics
import sys

NAMES = {("threshold_log", ""): "`threshold_log` (arXiv 2006.08173)",
         ("threshold_histogram", "0"): "`threshold_histogram`, a bucket a binade",
         ("threshold_histogram", "1"): "`threshold_histogram`, 1 mantissa bit",
         ("threshold_histogram", "2"): "`threshold_histogram`, 2 mantissa bits"}


def main():
    rows = list(csv.DictReader(pathlib.Path(sys.argv[1]).read_text().splitlines()))
    # Tensors whose zeros already reach the target have nothing to choose: alpha is 0 for all.
    needed = collections.Counter((r["trace"], r["tensor"], r["target_sparsity"])
                                 for r in rows if float(r["alpha"]) > 0)
    errors = collections.defaultdict(list)
    for row in rows:
        if needed[row["trace"], row["tensor"], row["target_sparsity"]]:
            key = row["unit"], row["mantissa_bits"]
            for trace in ("all", pathlib.Path(row["trace"]).stem):
                errors[trace, key].append(float(row["error"]))
    tensors = len({(r["trace"], r["tensor"]) for r in rows})
    targets = sorted({float(r["target_sparsity"]) for r in rows})
    lines = ["# The two threshold units: sparsity reached less sparsity asked for", "",
             "Made by `scripts/threshold-units` (every tensor and target in [threshold-units.csv]"
             f"(threshold-units.csv)): {tensors} gradients of the shipped traces, targets "
             f"{', '.join(f'{t:g}' for t in targets)}. The sparsity is the expectation over the tensor at the "
             "threshold that the unit answers, so 0 is what an exact threshold has. Cases where all units "
             "answer 0 are left out. Cost: results/synth.", ""]
    for trace in sorted({trace for trace, _ in errors}):
        lines += [f"## {'All traces' if trace == 'all' else trace}", "",
                  "| unit | cases | median error, absolute | worst | mean error, signed |", "| --- | --- | --- | --- | --- |"]
        for key, name in NAMES.items():
            e = errors[trace, key]
            size = [abs(x) for x in e]
            lines.append(f"| {name} | {len(e)} | {statistics.median(size):.4f} | {max(size):.4f} | "
                         f"{statistics.mean(e):+.4f} |")
        lines.append("")
    pathlib.Path(sys.argv[2]).write_text("\n".join(lines))


main()
