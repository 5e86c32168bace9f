#!/usr/bin/env python3
"""`gradpath sweep`, from profiles and by brute force, against numpy in float64.

  sweep_oracle.py GRADPATH [--seed N] [--elements N]

The cast here is a search in the list of a format's values (first_principles.py has the list, in
exact integers), the measures are sums over all elements. Exit code 1 names the first mismatches.
"""
import argparse
import csv
import io
import math
import subprocess
import sys
import tempfile
from pathlib import Path

try:
    import numpy as np
except ImportError as error:
    sys.exit(f"{sys.executable}: {error}; install numpy (scripts/setup test)")

import first_principles as exact
import safetensors

FORMATS = ["e5m2", "e4m3", "e4m3fn", "e3m4", "e2m5f", "e5m2fnuz", "e4m3b11fnuz", "e3m2fn", "e2m3fn", "e2m1fn",
           "e6m1b40fn"]
ROUNDINGS = ["rne", "rna", "rtz", "rup", "rdn", "rto", "sr"]
SCALES = ["none", "1024", "0.25", "amax-po2", "expected-max", "amax", "3"]
COUNTS = ("zero_fraction", "saturated_fraction", "excluded_fraction")


class Grid:
    """A format's magnitudes as float64, with what would follow the largest finite."""

    cut = 0.0

    def __init__(self, name):
        self.format = exact.Format(name)
        real = lambda a: math.ldexp(a >> (exact.SHIFT - 300), -300)
        self.values = np.array([real(a) for a in self.format.grid + self.format.beyond])
        self.last = self.format.last
        self.largest = self.values[self.last]
        # The place an overflow rounds to does not matter: it only has to be past `last`.
        self.values = np.append(self.values, math.inf)

    def outcomes(self, x, rounding):
        """Pairs of (place, probability) that x may round to."""
        a = np.abs(x)
        low = np.searchsorted(self.values, a, side="right") - 1
        high = np.where(self.values[low] == a, low, low + 1)
        lo, hi = self.values[low], self.values[np.minimum(high, len(self.values) - 1)]
        gap = np.where(high == low, 1.0, hi - lo)
        below = a - lo
        negative = np.signbit(x)
        if rounding == "sr":
            r = 2.0**24
            steps = np.where(high == low, 0.0, np.where(np.isinf(gap), r, below / gap * r))
            up = np.floor(steps) / r
            # Where 24 bits cut something off, a profile may be up to 2^-24 off (docs/profile.md).
            self.cut = np.where(steps != np.floor(steps), gap / r, 0.0)
            return [(low, 1 - up), (high, up)]
        if rounding in ("rne", "rna"):
            half = below == gap / 2
            up = (below > gap / 2) | (half & (high % 2 == 0 if rounding == "rne" else True))
        elif rounding == "rtz":
            up = np.zeros(len(x), bool)
        elif rounding == "rup":
            up = ~negative
        elif rounding == "rdn":
            up = negative
        else:  # rto
            up = high % 2 == 1
        return [(np.where(up & (high != low), high, low), np.ones(len(x)))]


@np.errstate(over="ignore", invalid="ignore")
def measures(grid, values, rounding, overflow, scale):
    fmt = grid.format
    finite = np.isfinite(values)
    x = values[finite].astype(np.float64)
    y = (values[finite] * np.float32(scale)).astype(np.float64)  # the product is an fp32
    overflow_value = grid.largest
    if overflow == "standard" and (fmt.infinity is not None or fmt.nan is not None):
        overflow_value = math.nan
    toward_zero = {"rtz": np.ones(len(x), bool), "rup": x < 0, "rdn": x > 0}.get(rounding, np.zeros(len(x), bool))
    toward_zero = toward_zero & np.isfinite(y)
    zeros = included = nonzero = se = re = e = qx = qq = xx = 0.0
    saturated = float(np.isinf(values).sum())
    products, drawn = np.ones(len(x)), []
    for place, probability in grid.outcomes(y, rounding):
        over = place > grid.last
        saturated += math.fsum(probability[over])
        q = grid.values[np.minimum(place, grid.last)]
        q = np.where(over & ~toward_zero, overflow_value, q) * np.where(np.signbit(x), -1.0, 1.0)
        q = (q.astype(np.float32) / np.float32(scale)).astype(np.float64)  # and so is the quotient
        zeros += math.fsum(probability[q == 0])
        kept = np.isfinite(q)
        products, drawn = products * probability, [*drawn, q]
        p, q, v = probability[kept], q[kept], x[kept]
        included += math.fsum(p)
        d = q - v
        se += math.fsum(p * d * d)
        e += math.fsum(p * d)
        qx += math.fsum(p * q * v)
        qq += math.fsum(p * q * q)
        xx += math.fsum(p * v * v)
        some = v != 0
        nonzero += math.fsum(p[some])
        re += math.fsum(p[some] * np.abs(d[some]) / np.abs(v[some]))
    # Two outcomes a and b with probabilities p and r: p r (a - b)^2; none where one is not finite.
    spread = products * (drawn[0] - drawn[-1]) ** 2
    variance = math.fsum(spread[np.isfinite(spread)])
    n = len(values)
    cut = np.where(grid.cut > 0, grid.cut, 0.0) / scale if rounding == "sr" else np.zeros(len(x))
    gap = cut * 2.0**24
    slack = {"mse": math.fsum(cut * gap), "sr_variance": math.fsum(cut * gap), "bias_error": math.fsum(cut), "zero_fraction": math.fsum(cut > 0) * 2.0**-24,
             "mean_relative_error": math.fsum(cut[x != 0] / np.abs(x[x != 0]))}
    slack["cosine"] = math.fsum(cut * np.abs(x)) / qx + slack["mse"] / qq if qx else 0.0
    slack["sqnr_db"] = 5 * slack["mse"] / se if se else 0.0
    slack = {k: v if k in ("cosine", "sqnr_db") else v / max(1, len(x)) for k, v in slack.items()}
    slack["mean_relative_error"] *= len(x) / max(1.0, nonzero)
    divide = lambda a, b: a / b if b else math.nan
    return slack, {
        "mean_relative_error": divide(re, nonzero), "mse": divide(se, included),
        "cosine": divide(qx, math.sqrt(qq) * math.sqrt(xx)), "zero_fraction": divide(zeros, n),
        "saturated_fraction": divide(saturated, n), "excluded_fraction": divide(n - included, n),
        "bias_error": divide(e, included), "sr_variance": divide(variance, included),
        "sqnr_db": 10 * math.log10(xx / se) if xx and se else math.inf if xx else math.nan,
    }


def expected_scale(rule, fmt, values):
    grid = Grid(fmt)
    v = np.abs(values[np.isfinite(values) & (values != 0)].astype(np.float64))
    if rule == "none" or len(v) == 0 and rule in ("amax", "amax-po2", "expected-max"):
        return 1.0
    if rule == "amax":
        return float(np.float32(min(max(grid.largest / v.max(), 2.0**-126), 2.0**127)))
    if rule in ("amax-po2", "expected-max"):
        logs = np.log(v)
        sigma = logs.std() if np.ptp(v) > 0 else 0.0
        top = v.max() if rule == "amax-po2" else math.exp(logs.mean() + sigma * math.sqrt(2 * math.log(len(v))))
        return 2.0 ** min(max(math.floor(math.log2(grid.largest / top)), -126), 127)
    return float(rule)


def make_tensors(rng, n):
    sign = lambda k: rng.choice([-1.0, 1.0], k)
    lognormal = lambda k, mu, sigma: sign(k) * np.exp(rng.normal(mu, sigma, k))
    odd = lognormal(n, 0, 2)
    odd[:6] = [math.inf, -math.inf, math.nan, 0.0, -0.0, 3e38]
    edges = (rng.integers(0, 128, n) / 128 + 1) * 2.0 ** rng.integers(-12, 12, n) * sign(n)
    relu = np.where(rng.random(n) < 0.5, 0.0, lognormal(n, -9, 2))
    return {
        "gradients": relu, "near_one": lognormal(n, 0, 1.5), "odd": odd, "edges": edges,
        "laplace": rng.laplace(0, 1e-3, n), "one_value": np.full(17, 0.3), "empty": np.zeros(0),
        "zeros": np.zeros(5),
    }


def run(program, *arguments):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, arguments))}: exit code {done.returncode}: {done.stderr}")
    return list(csv.DictReader(io.StringIO(done.stdout)))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--seed", type=int, default=20063)
    parser.add_argument("--elements", type=int, default=3000)
    args = parser.parse_args()
    print(f"seed {args.seed}, numpy {np.__version__}")
    tensors = {k: v.astype(np.float32) for k, v in make_tensors(np.random.default_rng(args.seed), args.elements).items()}
    grids = {name: Grid(name) for name in FORMATS}
    known, checked, wrong, by_profile = {}, 0, 0, 0
    with tempfile.TemporaryDirectory() as folder:
        trace = Path(folder) / "trace.safetensors"
        safetensors.write(trace, {k: ("F32", [v.size], v.tobytes()) for k, v in tensors.items()})
        common = ["--tensors", "*", "--csv", "-", "--quiet", "--overflow", "standard,saturate", "--scale", ",".join(SCALES)]
        rows = run(args.program, "sweep", trace, "--formats", ",".join(FORMATS), "--round", ",".join(ROUNDINGS), *common)
        # Kernels draw words under `sr`, so they are compared with its expectation elsewhere.
        rows += run(args.program, "sweep", trace, "--formats", "e5m2,e2m1fn", "--round", ",".join(ROUNDINGS[:-1]),
                    "--brute-force", *common)
    expected_rows = len(tensors) * 2 * len(SCALES) * (len(FORMATS) * len(ROUNDINGS) + 2 * (len(ROUNDINGS) - 1))
    if len(rows) != expected_rows:
        sys.exit(f"{len(rows)} rows, expected {expected_rows}")
    for row in rows:
        name, fmt, rounding, rule = row["tensor"], row["format"], row["rounding"].split(":")[0], row["scale"]
        key = (name, fmt, rounding, row["overflow"], rule)
        scale = expected_scale(rule, fmt, tensors[name])
        if rounding == "sr" and row["method"] == "kernel":
            continue
        if key not in known:
            known[key] = measures(grids[fmt], tensors[name], rounding, row["overflow"], scale)
        by_profile += row["method"] == "profile"
        for column, value in {"scale_value": scale, **known[key][1]}.items():
            found, tolerance = float(row[column]), 0.0 if column == "scale_value" else 1e-12
            if column == "mean_relative_error":
                tolerance = 1e-7 * max(1.0, value)
            elif column in COUNTS:
                tolerance = 1e-12
            elif column in ("mse", "sr_variance"):
                tolerance = 1e-12 * known[key][1]["mse"]
            elif column == "bias_error":
                tolerance = 1e-12 * math.sqrt(known[key][1]["mse"])
            elif column == "sqnr_db":
                tolerance = 1e-9
            tolerance += known[key][0].get(column, 0.0) + (1e-12 if rounding == "sr" else 0.0)
            checked += 1
            if found == value or (math.isnan(found) and math.isnan(value)) or abs(found - value) <= tolerance:
                continue
            wrong += 1
            if wrong <= 10:
                print(f"{row['method']} {' '.join(key)} {column}: found {found!r}, expected {value!r}")
    print(f"{checked} values compared ({by_profile} points from profiles), {wrong} differ")
    sys.exit(1 if wrong or by_profile < 3000 else 0)


if __name__ == "__main__":
    main()
