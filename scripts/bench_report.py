#!/usr/bin/env python3
"""The targets of the bulk kernels as ratios measured in one run: bench_report.py FOLDER_OF_JSON

Each row compares a benchmark's CPU time with that of a baseline in the same run, repetition by
repetition; memcpy moves the same number of bytes. Baselines and targets are listed here.
"""
import json
import sys
from pathlib import Path

VALUES, CODES = "memcpy_same_bytes/8", "memcpy_same_bytes/5"
# program, benchmark, baseline, least speed relative to it (None: for information)
TARGETS = [
    ("cast_bench", "to_values/e5m2_rne", VALUES, 1.0),
    ("cast_bench", "to_values/e4m3fn_rne", VALUES, 1.0),
    ("cast_bench", "to_values/e5m2_sr", VALUES, 0.7),
    ("cast_bench", "to_values/e4m3fn_sr", VALUES, 0.7),
    ("cast_bench", "to_codes/e5m2_rne", CODES, 0.9),
    ("cast_bench", "to_codes/e4m3fn_rne", CODES, 0.9),
    ("cast_bench", "to_codes/e4m3fn_sr", CODES, 0.7),
    ("cast_bench", "decode_codes/e4m3fn", CODES, 0.9),
    ("cast_bench", "naive_loop/e4m3fn_rne", VALUES, None),
    ("cast_bench", "naive_loop/e4m3fn_sr", VALUES, None),
    ("cast_bench", "compiler_float16", VALUES, None),
    ("cast_bench", "slices_to_codes/real_time/threads:2", "slices_to_codes/real_time/threads:1", 1.7),
    ("profile_bench", "profile/dense", "memcpy_tensor", 0.4),
    ("profile_bench", "profile/half_zeros", "memcpy_tensor", 0.4),
    ("profile_bench", "profile/bfloat16", "memcpy_tensor", 0.4),
    ("prune_bench", "threshold/dense", "memcpy_tensor", 0.2),
    ("prune_bench", "threshold/half_zeros", "memcpy_tensor", 0.2),
    ("prune_bench", "threshold/bfloat16", "memcpy_tensor", 0.2),
    ("prune_bench", "threshold/one_bucket", "memcpy_tensor", 0.2),
    ("prune_bench", "threshold_by_sorting/iterations:1", "memcpy_tensor", None),
    ("prune_bench", "tensors_threshold/real_time/threads:2", "tensors_threshold/real_time/threads:1", 1.7),
    ("prune_bench", "policy/stochastic", "memcpy_tensor", 0.15),
    ("prune_bench", "policy/topk", "memcpy_tensor", 0.15),
    ("prune_bench", "policy/dithered", "memcpy_tensor", 0.15),
    ("prune_bench", "policy/random", "memcpy_tensor", 0.15),
    ("prune_bench", "policy/swat", "memcpy_tensor", 0.15),
    ("prune_bench", "policy/nm_2_4", "memcpy_tensor", 0.15),
    ("block_bench", "to_codes/mxfp8_rne", CODES, 0.6),
    ("block_bench", "to_codes/mxfp4_rne", CODES, 0.6),
    ("block_bench", "to_values/mxfp8_rne", VALUES, 0.6),
    ("block_bench", "to_values/mxfp4_rne", VALUES, 0.6),
    ("block_bench", "to_codes/mxfp8_sr", CODES, None),
    ("block_bench", "to_codes/mxfp8_axis0", CODES, None),
    ("block_bench", "to_codes/nvfp4", CODES, None),
    ("block_bench", "to_codes/mxfp4_mse", CODES, None),
]


# program, benchmark, counter, least value
FIGURES = [
    ("mac_bench", "gemm/hopper_fp8", "products/s", 5e8),
    ("mac_bench", "gemm/blackwell_fp8", "products/s", 5e8),
    ("mac_bench", "gemm/ampere_fp16", "products/s", 5e8),
    ("mac_bench", "gemm/volta_fp16", "products/s", 5e8),
    ("mac_bench", "gemm/fp32", "products/s", 5e8),
    ("profile_bench", "sweep_1000_points", "points/s", 1000 / 0.020),
    ("stats_bench", "fit", "elements/s", 2**24 / 2),  # 2^24 values in 2 s
    ("stats_bench", "synthetic/lognormal", "elements/s", 5e7),
    ("stats_bench", "synthetic/laplace", "elements/s", 5e7),
]


def rows_of(path):
    """The measured rows of a file, without Google Benchmark's aggregates."""
    if not path.exists():
        return []
    rows = json.loads(path.read_text())["benchmarks"]
    return [row for row in rows if row.get("run_type") == "iteration"]


def times(path):
    """benchmark -> CPU time of each repetition; of multi-threaded ones the wall-clock time an item."""
    found = {}
    for row in rows_of(path):
        wall = "real_time" in row["run_name"]
        found.setdefault(row["run_name"], []).append(
            1 / row["items_per_second"] if wall else row["cpu_time"])
    return found


def main():
    folder = Path(sys.argv[1])
    runs = {path.stem: times(path) for path in sorted(folder.glob("*.json"))}
    context = json.loads(next(folder.glob("*.json")).read_text())["context"]
    print("# Speed of the bulk kernels\n\nMade by `scripts/bench`. Speed relative to a baseline in the same "
          "run (CPU time, one core), in each of three repetitions; memcpy moves the same bytes.\n")
    print(f"{context['date']}, {context['num_cpus']} CPUs at {context['mhz_per_cpu']} MHz, load "
          f"{', '.join(f'{load:.1f}' for load in context['load_avg'])}.\n")
    print("| benchmark | baseline | speed relative to it | target | reached |\n| --- | --- | --- | --- | --- |")
    for program, name, baseline, target in TARGETS:
        rows = runs.get(program, {})
        if name not in rows or baseline not in rows:
            continue
        ratios = [base / own for base, own in zip(rows[baseline], rows[name])]
        reached = "" if target is None else "yes" if min(ratios) >= target else "**no**"
        print(f"| {program} `{name}` | `{baseline}` | {', '.join(f'{r:.2f}' for r in ratios)} | "
              f"{'' if target is None else f'≥ {target}'} | {reached} |")

    print("\n| benchmark | figure | target | reached |\n| --- | --- | --- | --- |")
    for program, name, counter, target in FIGURES:
        figures = [row[counter] for row in rows_of(folder / f"{program}.json")
                   if row["run_name"] == name]
        if not figures:
            continue
        reached = "yes" if min(figures) >= target else "**no**"
        print(f"| {program} `{name}` | {', '.join(f'{x:.3g}' for x in figures)} {counter} | "
              f"≥ {target:.0e} | {reached} |")


if __name__ == "__main__":
    main()
