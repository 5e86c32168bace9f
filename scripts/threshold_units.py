"""Sums up the table of `gradpath verify --thresholds`, beside the units' cost from scripts/synth.

usage: threshold_units.py TABLE.csv COST.csv OUT.md
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


def costs(path):
    """{(unit, mantissa bits): (row of one lane, row of two or None)} and {buckets: row of a bank}."""
    units, banks = {}, {}
    for row in csv.DictReader(path.read_text().splitlines()):
        parameters = dict(p.split("=") for p in row["parameters"].split())
        if row["block"] in ("threshold_log", "threshold_histogram"):
            key = row["block"], parameters.get("MantissaBits", "")
            units.setdefault(key, {})[int(parameters["Lanes"])] = row
        elif row["block"] == "histogram_bank":
            banks[int(parameters["Buckets"])] = row
    return units, banks


def cost_table(path):
    """The units for streams of up to 2^24 elements, the counters' share of their area beside it."""
    units, banks = costs(path)
    lines = ["## Cost", "",
             "From [synth/cost.csv](synth/cost.csv) (`scripts/synth`; its units are explained in "
             "[synth/cost.md](synth/cost.md)): streams of up to 2^24 elements, 64 binades. The counters are "
             "flip-flops here, a bank a lane; as a RAM, which a chip would use, that share shrinks several times.",
             "", "| unit | 1 lane, area_ge | of it counters | delay_fo4 | power_proxy | 2 lanes, area_ge |",
             "| --- | --- | --- | --- | --- | --- |"]
    for key, name in NAMES.items():
        if key not in units:
            continue
        one, two = units[key][1], units[key].get(2)
        bank = banks[64 << int(key[1])]["area_ge"] if key[1] else 0
        both = f"{float(two['area_ge']):,.0f}" if two else "not run"
        lines.append(f"| {name} | {float(one['area_ge']):,.0f} | {float(bank):,.0f} | {float(one['delay_fo4']):.0f} | "
                     f"{float(one['power_proxy']):.0f} | {both} |")
    return [*lines, ""]


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
             "answer 0 are left out.", ""]
    lines += cost_table(pathlib.Path(sys.argv[2]))
    for trace in sorted({trace for trace, _ in errors}):
        lines += [f"## {'All traces' if trace == 'all' else trace}", "",
                  "| unit | cases | median error, absolute | worst | mean error, signed |", "| --- | --- | --- | --- | --- |"]
        for key, name in NAMES.items():
            e = errors[trace, key]
            size = [abs(x) for x in e]
            lines.append(f"| {name} | {len(e)} | {statistics.median(size):.4f} | {max(size):.4f} | "
                         f"{statistics.mean(e):+.4f} |")
        lines.append("")
    pathlib.Path(sys.argv[3]).write_text("\n".join(lines))


main()
