#!/usr/bin/env python3
"""What holds of the paper's claims on traces: a Markdown page, from the program's tables alone.

  claims.py GRADPATH TRACE...
"""
import csv
import io
import math
import statistics
import subprocess
import sys
from collections import Counter
from pathlib import Path

CANDIDATES = ["lognormal", "normal", "laplace", "halfnormal", "exponential"]
TARGETS = [0.8, 0.85, 0.9, 0.95]
RULES = ["exact", "lognormal", "histogram:0", "histogram:1", "histogram:2", "sample:1024", "sample:4096"]
MEASURES = ["mean_relative_error", "mse", "cosine"]


def rows(program, *arguments):
    done = subprocess.run([program, *map(str, arguments), "--csv", "-", "--quiet"], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, arguments))}: {done.stderr.strip()}")
    return list(csv.DictReader(io.StringIO(done.stdout)))


def table(head, body):
    print(f"| {' | '.join(head)} |")
    print(f"| {' | '.join('---' for _ in head)} |")
    for row in body:
        print(f"| {' | '.join(str(c) for c in row)} |")
    print()


def number(x):
    return "–" if math.isnan(x) else f"{x:.3g}"


def median(values):
    return statistics.median(values) if values else math.nan


def group_of(row):
    """Trace, and whether it is a convolution or what a transformer layer is called."""
    layer = row["tensor"].split("/")[-2] if "/" in row["tensor"] else row["tensor"]
    last = layer.split(".")[-1]
    return Path(row["trace"]).stem, "conv" if "conv" in last or "downsample" in layer else last


def fits(program, traces):
    found = rows(program, "fit", *traces)
    print("## Is |x| lognormal?\n")
    print("D is the Kolmogorov–Smirnov distance of `gradpath fit`. *Best* counts tensors whose lognormal D is the least "
          "of all five.\n")
    groups = {}
    for row in found:
        groups.setdefault(group_of(row), []).append(row)
    body = []
    total = 0
    for (trace, kind), members in sorted(groups.items()):
        d = {c: [float(r[f"ks_{c}"]) for r in members] for c in CANDIDATES}
        best = sum(d["lognormal"][i] == min(d[c][i] for c in CANDIDATES) for i in range(len(members)))
        total += best
        body.append([trace, kind, len(members), best, *(number(median(d[c])) for c in CANDIDATES)])
    everything = [number(median([float(r[f"ks_{c}"]) for r in found])) for c in CANDIDATES]
    table(["trace", "layer", "tensors", "lognormal best", *(f"median D {c}" for c in CANDIDATES)],
          [*body, ["**all**", "", len(found), total, *everything]])
    least = min(float(r["ks_lognormal"]) for r in found)
    n = [int(r["numel"]) - int(r["zeros"]) for r in found]
    critical = [0.895 / (math.sqrt(k) - 0.01 + 0.85 / math.sqrt(k)) for k in n]
    rejected = sum(float(r["ks_lognormal"]) > c for r, c in zip(found, critical))
    print(f"At 5 % (Lilliefors, parameters estimated) {rejected} of {len(found)} tensors are *not* lognormal; the least D "
          f"is {number(least)}. sigma of ln|x|: {number(min(float(r['sigma_ln']) for r in found))} to "
          f"{number(max(float(r['sigma_ln']) for r in found))}.\n")
    return found


def thresholds(program, traces):
    print("## Where the threshold comes from\n")
    print(f"Expected sparsity of the threshold less the target, over tensors and targets "
          f"{', '.join(map(str, TARGETS))} (`gradpath prune --alpha RULE`, column `predicted_sparsity`); alpha over the "
          "exact one. *Reached* counts zeros after the draws: a tensor of 20 elements misses by steps of .05.\n")
    body, exact = [], {}
    for rule in RULES:
        found = rows(program, "prune", *traces, "--sparsity", ",".join(map(str, TARGETS)), "--alpha", rule)
        key = lambda r: (r["trace"], r["tensor"], r["target_sparsity"])
        if rule == "exact":
            exact = {key(r): float(r["alpha"]) for r in found}
        done = [r for r in found if exact[key(r)] > 0]
        miss = [abs(float(r["predicted_sparsity"]) - float(r["target_sparsity"])) for r in done]
        drawn = [abs(float(r["reached_sparsity"]) - float(r["target_sparsity"])) for r in done]
        ratio = [float(r["alpha"]) / exact[key(r)] for r in done]
        body.append([rule, len(done), f"{median(miss):.2g}", f"{max(miss):.2g}", f"{median(drawn):.2g}",
                     f"{max(drawn):.2g}", f"{min(ratio):.3f}–{max(ratio):.3f}"])
    table(["rule", "cases", "median miss", "worst", "median reached", "worst", "alpha / exact"], body)


def scales(program, traces, fitted):
    print("## The expected-max scale\n")
    found = rows(program, "sweep", *traces, "--formats", "e5m2", "--scale", "amax-po2,expected-max")
    waste, clipped = [], 0
    for a, e in zip(found[::2], found[1::2]):
        waste.append(math.log2(float(a["scale_value"]) / float(e["scale_value"])))
        clipped += waste[-1] < 0
    over = [math.log2(float(r["expected_max"]) / float(r["abs_max"])) for r in fitted if float(r["abs_max"]) > 0]
    print(f"Binades of range that `--scale expected-max` leaves unused beside `amax-po2` (e5m2, {len(waste)} tensors): "
          f"median {number(median(waste))}, least {number(min(waste))}, most {number(max(waste))}; {clipped} tensors "
          f"have larger elements than expected. log2(expected max / amax) is {number(median(over))} in the median.\n")


def splits(program, traces):
    print("## The best split\n")
    print("`gradpath sweep --best BITS --by MEASURE --scale amax-po2 --overflow saturate`: how many tensors have which "
          "best split, and the median margin to the second (its error, or 1 − cosine, over the best's, less 1).\n")
    body = []
    for bits in (4, 6, 8):
        for by in MEASURES:
            found = rows(program, "sweep", *traces, "--best", bits, "--by", by, "--scale", "amax-po2", "--overflow",
                         "saturate")
            best = Counter(r["best"] for r in found)
            margins = [float(r["margin"]) for r in found if r["margin"] != "nan"]
            body.append([bits, by, ", ".join(f"{name} {n}" for name, n in best.most_common()), number(median(margins))])
    table(["bits", "measure", "best in tensors", "median margin"], body)
    flushed = rows(program, "sweep", *traces, "--formats", "e3m4f,e4m3f,e5m2f", "--scale", "amax-po2", "--overflow",
                   "saturate")
    zeros = {(r["trace"], r["tensor"]): int(r["zeros"]) / int(r["numel"]) for r in rows(program, "fit", *traces)}
    text = []
    for name in ("e3m4f", "e4m3f", "e5m2f"):
        share = [(float(r["zero_fraction"]) - z) / (1 - z) for r in flushed if r["format"] == name
                 and (z := zeros[r["trace"], r["tensor"]]) < 1]
        text.append(f"{name} {100 * median(share):.2g} %")
    print(f"Nonzeros that become zero, in the median: {', '.join(text)}.\n")


def allocation(program, traces):
    print("## One sparsity, or one cosine, for all layers\n")
    print("`gradpath prune --allocate RULE --sparsity 0.9`, a trace at a time: the budget is the same, the shares differ.\n")
    body = []
    for trace in traces:
        for rule in ("uniform", "cosine", "authors"):
            found = rows(program, "prune", trace, "--sparsity", "0.9", "--allocate", rule)
            cosine = [float(r["cosine"]) for r in found]
            share = [float(r["target_sparsity"]) for r in found]
            body.append([Path(trace).stem, rule, f"{min(share):.3f}–{max(share):.3f}", number(min(cosine)),
                         number(median(cosine)), number(max(cosine))])
    table(["trace", "rule", "targets", "least cosine", "median", "most"], body)


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__.strip())
    program, traces = sys.argv[1], sys.argv[2:]
    print("# What holds on real gradients\n")
    print(f"Made by `scripts/claims` from {', '.join(Path(t).name for t in traces)}. Read with "
          "[docs/claims.md](../docs/claims.md).\n")
    fitted = fits(program, traces)
    thresholds(program, traces)
    scales(program, traces, fitted)
    splits(program, traces)
    allocation(program, traces)


if __name__ == "__main__":
    main()
