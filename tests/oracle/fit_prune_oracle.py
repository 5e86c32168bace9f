#!/usr/bin/env python3
"""`gradpath fit` and `gradpath prune` on traces made here, against numpy and scipy.

  fit_prune_oracle.py GRADPATH [--seed N] [--elements N]

Makes tensors of several distributions and dtypes, with zeros, infinities, NaNs, subnormals and ties.
fit: counts equal, moments within 1e-9, KS distances within 1e-9 of scipy.stats.kstest.
prune: thresholds within 1e-6 of a root found on the definition (exact: the sum over the elements;
lognormal: an integral), reached sparsity equal to, cosine and mse within 1e-9 of, a pruner written
from docs/numerics.md; reached within 4 standard errors of predicted (false alarm 6e-5 a comparison,
some 100 of them, so about 1 seed in 150; the default seed is fixed).
Exit code 1 names each mismatch.
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
    from scipy import integrate, optimize, stats
except ImportError as error:
    sys.exit(f"{sys.executable}: {error}; install numpy and scipy (scripts/setup test)")

import random_words
import safetensors

TARGETS = [0.0, 0.3, 0.5, 0.85, 0.97]
HALF_FP32_STEP = 2.0**-150 * 1.001  # of the subnormals: alpha is an fp32
FLOAT = {"F32": np.float32, "F16": np.float16}


def encode(dtype, values):
    """Bytes of the dtype, and the values it holds as float32."""
    values = np.asarray(values, np.float32)
    if dtype == "BF16":
        top = (values.view(np.uint32) >> 16).astype(np.uint16)
        return top.tobytes(), (top.astype(np.uint32) << 16).view(np.float32)
    with np.errstate(over="ignore"):
        stored = values.astype(FLOAT[dtype])
    return stored.tobytes(), stored.astype(np.float32)


def make_tensors(rng, n):
    """name -> (dtype, values)."""
    sign = lambda k: rng.choice([-1.0, 1.0], k)
    lognormal = lambda k, mu, sigma: sign(k) * np.exp(rng.normal(mu, sigma, k))

    def mixed(values, zeros, odd=()):
        values = np.where(rng.random(len(values)) < zeros, rng.choice([0.0, -0.0], len(values)), values)
        values[rng.choice(len(values), len(odd), replace=False)] = odd
        return values

    odd = [np.inf, -np.inf, np.nan, -np.nan]
    return {
        "lognormal": ("F32", lognormal(n, -14, 1.5)),
        "lognormal_zeros_odd": ("F32", mixed(lognormal(n + 1, -14, 2.2), 0.4, odd)),
        "lognormal_bf16": ("BF16", mixed(lognormal(n, -9, 1.1), 0.2)),
        "lognormal_bf16_odd": ("BF16", mixed(lognormal(n, -9, 3.0), 0.05, odd)),
        "lognormal_f16": ("F16", mixed(lognormal(n, -6, 1.7), 0.1, odd)),
        "narrow": ("F32", lognormal(n, 20, 0.02)),
        "wide": ("F32", np.clip(lognormal(n, -50, 14.0), -1e30, 1e30)),
        "subnormal": ("F32", mixed(lognormal(n, -93, 2.0), 0.3)),
        "laplace": ("F32", rng.laplace(1e-4, 1e-3, n)),
        "normal_shifted": ("F32", rng.normal(2e-3, 1e-3, n + 1)),
        "uniform_f16": ("F16", rng.uniform(-1, 1, n)),
        "ties": ("F32", 1.1 * rng.integers(-6, 7, n)),
        "positive": ("F32", rng.exponential(3e-5, n)),
        "small": ("F32", lognormal(7, 0, 1)),
        "one_magnitude": ("F32", mixed(0.3 * sign(101), 0.2)),
        "one_value": ("F32", np.full(5, -0.7)),
        "one_element": ("F32", [1e-40]),
        "zeros": ("BF16", np.zeros(33)),
        "empty": ("F32", []),
    }


def fit_expected(x):
    """The contract's columns in float64."""
    nan = math.nan
    wide = x.astype(np.float64)
    magnitudes = np.abs(wide)
    kept = np.isfinite(wide) & (wide != 0)
    v, a = wide[kept], magnitudes[kept]
    row = {
        "numel": x.size,
        "zeros": int((x == 0).sum()),
        "subnormals": int(((magnitudes > 0) & (magnitudes < 2.0**-126)).sum()),
        "infs": int(np.isinf(x).sum()),
        "nans": int(np.isnan(x).sum()),
    }
    undefined = ("abs_min abs_max mu_ln sigma_ln mu_log2 sigma_log2 skewness excess_kurtosis ks_lognormal "
                 "ks_normal ks_laplace ks_halfnormal ks_exponential expected_max").split()
    row.update({name: nan for name in undefined})
    if v.size == 0:
        return row
    ks = lambda sample, law: stats.kstest(sample, law.cdf, method="asymp").statistic
    logs = np.log(a)
    mu, sigma = (logs[0], 0.0) if np.ptp(a) == 0 else (logs.mean(), logs.std())
    row.update(
        abs_min=a.min(), abs_max=a.max(), mu_ln=mu, sigma_ln=sigma, mu_log2=mu / math.log(2),
        sigma_log2=sigma / math.log(2), expected_max=np.exp(mu + sigma * np.sqrt(2 * np.log(v.size))),
        ks_halfnormal=ks(a, stats.halfnorm(0, np.sqrt((a * a).mean()))),
        ks_exponential=ks(a, stats.expon(0, a.mean())))
    if np.ptp(a) > 0:
        row.update(skewness=stats.skew(logs), excess_kurtosis=stats.kurtosis(logs),
                   ks_lognormal=ks(logs, stats.norm(mu, sigma)))
    if np.ptp(v) > 0:
        median = np.median(v)
        row.update(ks_normal=ks(v, stats.norm(v.mean(), v.std())),
                   ks_laplace=ks(v, stats.laplace(median, np.abs(v - median).mean())))
    return row


def expected_sparsity(x, alpha):
    magnitudes = np.abs(x.astype(np.float64))
    zeros = float((x == 0).sum())
    if alpha > 0:
        low = magnitudes[(magnitudes > 0) & (magnitudes <= alpha)]
        zeros += math.fsum(1 - low / alpha)
    return zeros / x.size


def exact_alpha(x, target):
    """The root of the contract's sum; bracketed, no closed form."""
    if x.size == 0 or (x == 0).sum() / x.size >= target:
        return 0.0
    low = float(np.abs(x[(x != 0) & np.isfinite(x)]).min())
    high = 4 * low
    while expected_sparsity(x, high / 2) < target:
        high *= 2
    log = optimize.brentq(lambda t: expected_sparsity(x, math.exp(t)) - target, math.log(low),
                          math.log(high), xtol=1e-12, rtol=1e-14)
    return math.exp(log)


def lognormal_alpha(x, fit, target):
    """The root of the integral of 1 - |x|/alpha below alpha."""
    zeros = fit["zeros"] / x.size if x.size else 1.0
    if zeros >= target:
        return 0.0
    among = (target - zeros) / (1 - zeros)
    mu, sigma = fit["mu_ln"], fit["sigma_ln"]
    if sigma == 0:
        return fit["abs_max"] / (1 - among)

    def pruned(u):
        edges = np.arange(-12.0, min(u, 12.0), 1.0).tolist() + [min(u, 12.0)]
        f = lambda z: -math.expm1(sigma * (z - u)) * math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        return sum(integrate.fixed_quad(np.vectorize(f), a, b, n=20)[0] for a, b in zip(edges, edges[1:]))

    high = 1.0
    while pruned(high) < among:
        high *= 2
    u = optimize.brentq(lambda t: pruned(t) - among, -11.0, high, xtol=1e-12, rtol=1e-14)
    return math.exp(mu + sigma * u)


def counter_words(seed, n):
    """random_words.counter_word for indices below n, in vectors."""
    keys = [random_words.splitmix64(seed ^ random_words.splitmix64(block)) for block in range((n + 63) // 64)]
    keys = np.array(keys, dtype=np.uint64)[:, None]
    with np.errstate(over="ignore"):
        h = (np.arange(64, dtype=np.uint32) * np.uint32(0x9E3779B9)) ^ keys.astype(np.uint32)
        h = h * ((keys >> np.uint64(32)).astype(np.uint32) | np.uint32(1))
        h ^= h >> np.uint32(16)
        h *= np.uint32(0x846CA68B)
    return h.ravel()[:n]


def prune(x, alpha, seed, name):
    """docs/numerics.md, "Pruning", R = 24: (2u + 1) alpha < |x| 2^25, exact in float64."""
    if alpha == 0:
        return x.copy()
    pruner_unit = 0
    tensor_seed = random_words.derive(random_words.derive(seed, pruner_unit), random_words.fnv1a64(name))
    u = (counter_words(tensor_seed, x.size) >> np.uint32(8)).astype(np.float64)
    magnitudes = np.abs(x.astype(np.float64))
    keep = (2 * u + 1) * alpha < magnitudes * 2.0**25
    low = magnitudes < alpha
    return np.where(low, np.where(keep, np.copysign(np.float32(alpha), x), np.float32(0)), x)


class Report:
    def __init__(self):
        self.checked, self.wrong = 0, 0

    def expect(self, what, found, expected, absolute=0.0, relative=0.0):
        self.checked += 1
        if math.isnan(found) and math.isnan(expected):
            return
        if found == expected or abs(found - expected) <= max(absolute, relative * abs(expected)):
            return
        self.wrong += 1
        print(f"{what}: found {found!r}, expected {expected!r}, difference {found - expected:.3g}")

    def expect_true(self, what, holds):
        self.checked += 1
        if not holds:
            self.wrong += 1
            print(what)


def run(program, *arguments):
    done = subprocess.run([program, *map(str, arguments)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, arguments))}: exit code {done.returncode}: {done.stderr}")
    return done.stdout


def rows(text):
    return list(csv.DictReader(io.StringIO(text)))


def check_fit(program, trace, tensors, report):
    fits = {}
    found = rows(run(program, "fit", trace, "--tensors", "*", "--csv", "-", "--quiet"))
    report.expect_true("fit: not one row a tensor", sorted(r["tensor"] for r in found) == sorted(tensors))
    for row in found:
        name = row["tensor"]
        expected = fits[name] = fit_expected(tensors[name])
        for column, value in expected.items():
            what = f"fit {name} {column}"
            if column.startswith("ks_"):
                report.expect(what, float(row[column]), value, absolute=1e-9)
            elif column in ("skewness", "excess_kurtosis"):
                report.expect(what, float(row[column]), value, absolute=1e-8)
            elif column in ("mu_ln", "sigma_ln", "mu_log2", "sigma_log2", "expected_max"):
                report.expect(what, float(row[column]), value, absolute=1e-300, relative=1e-9)
            else:
                report.expect(what, float(row[column]), value)
    return fits


def check_prune(program, trace, tensors, fits, seed, report):
    for mode in ("exact", "lognormal"):
        found = rows(run(program, "prune", trace, "--tensors", "*", "--csv", "-", "--quiet", "--alpha", mode,
                         "--sparsity", ",".join(map(str, TARGETS)), "--seed", seed))
        report.expect_true(f"prune {mode}: not one row a tensor and target",
                           len(found) == len(tensors) * len(TARGETS))
        for row in found:
            name, target, alpha = row["tensor"], float(row["target_sparsity"]), float(row["alpha"])
            x, what = tensors[name], f"prune {mode} {row['tensor']} {row['target_sparsity']}"
            expected = exact_alpha(x, target) if mode == "exact" else lognormal_alpha(x, fits[name], target)
            report.expect(f"{what} alpha", alpha, expected, relative=1e-6, absolute=HALF_FP32_STEP)
            if x.size == 0:
                for column in ("predicted_sparsity", "reached_sparsity", "cosine", "mse"):
                    report.expect(f"{what} {column}", float(row[column]), math.nan)
                continue
            predicted, reached = float(row["predicted_sparsity"]), float(row["reached_sparsity"])
            report.expect(f"{what} predicted", predicted, expected_sparsity(x, alpha), absolute=1e-12)
            pruned = prune(x, alpha, seed, name)
            report.expect(f"{what} reached", reached, float((pruned == 0).sum()) / x.size)
            finite = np.isfinite(x)
            a, b = x[finite].astype(np.float64), pruned[finite].astype(np.float64)
            norms = np.sqrt((a * a).sum()) * np.sqrt((b * b).sum())
            report.expect(f"{what} cosine", float(row["cosine"]), (a * b).sum() / norms if norms else math.nan,
                          relative=1e-9)
            report.expect(f"{what} mse", float(row["mse"]), ((a - b) ** 2).mean(), relative=1e-9)
            p = np.abs(a[np.abs(a) < alpha]) / alpha if alpha else np.zeros(0)
            variance = (p * (1 - p)).sum()
            if variance > 25:  # else the number of zeros is not near normal; it was compared exactly
                report.expect(f"{what} reached against predicted", reached, predicted,
                              absolute=4 * math.sqrt(variance) / x.size)


def check_refusals(program, folder, report):
    trace = folder / "refused.safetensors"
    data, _ = encode("F32", [1, 2, np.nan, np.inf])
    safetensors.write(trace, {"half_finite": ("F32", [4], data)})
    for sparsity in ("0.6", "1", "-0.1", "nan"):
        done = subprocess.run([program, "prune", str(trace), "--tensors", "*", f"--sparsity={sparsity}"],
                              capture_output=True, text=True, check=False)
        report.expect(f"prune --sparsity {sparsity} exit code", done.returncode, 2)
        report.expect(f"prune --sparsity {sparsity} lines on stderr", len(done.stderr.splitlines()), 1)
        if sparsity == "0.6":
            report.expect_true(f"message names neither file nor tensor: {done.stderr}",
                               "refused.safetensors" in done.stderr and "half_finite" in done.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--seed", type=int, default=20062)
    parser.add_argument("--elements", type=int, default=20_000, help="of the larger tensors")
    args = parser.parse_args()
    print(f"seed {args.seed}, numpy {np.__version__}")
    report = Report()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        stored, tensors = {}, {}
        for tensor, (dtype, values) in make_tensors(np.random.default_rng(args.seed), args.elements).items():
            data, tensors[tensor] = encode(dtype, values)
            stored[tensor] = (dtype, [tensors[tensor].size], data)
        trace = folder / "trace.safetensors"
        safetensors.write(trace, stored)
        fits = check_fit(args.program, trace, tensors, report)
        check_prune(args.program, trace, tensors, fits, args.seed, report)
        check_refusals(args.program, folder, report)
        for verb, *options in (["fit"], ["prune", "--sparsity", "0.9"]):
            one, four = (run(args.program, verb, trace, *options, "--tensors", "lognormal*", "--csv", "-", "--quiet",
                             "--threads", threads) for threads in (1, 4))
            report.expect_true(f"{verb}: --threads 1 and 4 differ", one == four)
    print(f"{report.checked} values compared, {report.wrong} differ")
    sys.exit(1 if report.wrong or report.checked < 1000 else 0)


if __name__ == "__main__":
    main()
