#!/usr/bin/env python3
"""What scripts/demo found, in a dozen lines, from the CSV files it wrote: demo_summary.py FOLDER"""
import csv
import statistics
import sys
from pathlib import Path

folder = Path(sys.argv[1])


def rows(name):
    with open(folder / f"{name}.csv", newline="") as file:
        return list(csv.DictReader(file))


def median(table, column):
    return statistics.median(float(row[column]) for row in table)


def total(table, column):
    return sum(float(row[column]) for row in table)


fit, prune, replay, verify = rows("fit"), rows("prune"), rows("replay"), rows("verify")
distances = {name: median(fit, f"ks_{name}") for name in ("lognormal", "laplace", "normal")}
best = min(distances, key=distances.get)
reached = [float(row["reached_sparsity"]) for row in prune]
cycles, dense = total(replay, "cycles"), total(replay, "dense_cycles")
bounds = sum(max(float(row["compute_bound"]), float(row["memory_bound"])) for row in replay)
vectors, mismatches = total(verify, "vectors"), total(verify, "mismatches")

print(f"""\
fit      {len(fit)} gradient tensors, sigma of ln|x| {median(fit, 'sigma_ln'):.2f} in the median
         KS distance in the median: {', '.join(f'{k} {v:.3f}' for k, v in distances.items())}: nearest is {best}
prune    target {float(prune[0]['target_sparsity']):.2f}: reached {min(reached):.4f} to {max(reached):.4f}, cosine {median(prune, 'cosine'):.3f} in the median
replay   {len(replay)} GEMMs, {total(replay, 'macs'):.3g} MACs: {cycles:,.0f} cycles, dense {dense:,.0f} ({dense / cycles:.2f} x faster)
         lower bound of compute and memory {bounds:,.0f} cycles: reached to {100 * bounds / cycles:.0f} %
         energy {total(replay, 'energy_pj') / 1e6:,.1f} uJ, DRAM {total(replay, 'bytes_read') / 2**20:,.1f} MiB read, {total(replay, 'bytes_written') / 2**20:,.1f} MiB written
verify   {vectors:,.0f} vectors of RTL against the golden model, {mismatches:,.0f} mismatches
files    {folder}""")
