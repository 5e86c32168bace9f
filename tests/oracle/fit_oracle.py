#!/usr/bin/env python3
"""What `gradpath fit` adds to its default columns, against numpy and scipy: fit_oracle.py GRADPATH [--seed N]

--per-channel: every column on numpy's slices, moments within 1e-10, KS distances within 1e-7.
--quantiles: numpy.quantile of |x|. --generalised: mu, sigma and shape where scipy's optimiser finds
Stacy's likelihood largest (within 1e-5 standard deviations), its KS distance with scipy's gammainc.
--from histogram: the columns of elements spread by the definition; --from sample: the mean within
7 standard errors; errors are the differences from the whole tensor.
Exit code 1 names each mismatch.
"""
import argparse
import math
import sys
import tempfile
from pathlib import Path

try:
    import numpy as np
    from scipy import optimize, special, stats
except ImportError as error:
    sys.exit(f"{sys.executable}: {error}; install numpy and scipy (scripts/setup test)")

import safetensors
from fit_prune_oracle import Report, encode, fit_expected, rows, run

COUNTS = ("numel", "zeros", "subnormals", "infs", "nans", "abs_min", "abs_max")


def compare(report, what, row, expected, counted=True):
    for column, value in expected.items():
        if column in COUNTS:
            if counted:
                report.expect(f"{what} {column}", float(row[column]), float(value))
        elif column.startswith("ks_"):
            report.expect(f"{what} {column}", float(row[column]), value, absolute=1e-7)
        elif column in ("skewness", "excess_kurtosis"):
            report.expect(f"{what} {column}", float(row[column]), value, absolute=1e-10, relative=1e-10)
        else:
            report.expect(f"{what} {column}", float(row[column]), value, absolute=1e-12, relative=1e-10)


def make_tensors(rng):
    """name -> values of the shape, as float32."""
    sign = lambda shape: rng.choice([-1.0, 1.0], shape)
    nchw = sign((3, 5, 6, 7)) * np.exp(rng.normal(-9, 2, (3, 5, 6, 7)))
    nchw[:, 2] = 0
    nchw[:, 3] = rng.laplace(0, 1e-3, (3, 6, 7))
    nchw[0, 4, 0, 0] = np.inf
    tokens = rng.gamma(0.7, 2e-4, (4, 50, 6)) * sign((4, 50, 6))
    tokens[rng.random(tokens.shape) < 0.1] = 0
    return {"conv/grad_output": nchw, "tokens/grad_output": tokens,
            "flat/grad_output": rng.normal(0, 1, (7, 11)),
            "laplace/grad_output": rng.laplace(0, 3, 20_000),
            "heavy/grad_output": sign(20_000) / rng.gamma(2.0, 1.0, 20_000),
            "lognormal/grad_output": sign(20_000) * np.exp(rng.normal(3, 1.2, 20_000)),
            "one/grad_output": np.array([[0.25, -0.25, 0.0]])}


def channels(x):
    axis = 1 if x.ndim >= 4 else x.ndim - 1
    return [np.take(x, i, axis=axis).ravel() for i in range(x.shape[axis])]


def check_channels(program, trace, tensors, report):
    found = rows(run(program, "fit", trace, "--per-channel", "--csv", "-", "--quiet"))
    expected = {(name, str(i)): part for name, x in tensors.items() for i, part in enumerate(channels(x))
                if x.ndim > 1}
    found = [row for row in found if tensors[row["tensor"]].ndim > 1]
    report.expect_true("per-channel: wrong rows", {(r["tensor"], r["channel"]) for r in found} == set(expected))
    for row in found:
        key = row["tensor"], row["channel"]
        compare(report, f"channel {key}", row, fit_expected(expected[key]))


def generalised(x):
    """mu, sigma, q at the maximum of Stacy's likelihood, from several starts."""
    logs = np.log(np.abs(x[np.isfinite(x) & (x != 0)]).astype(np.float64))
    mean, deviation = logs.mean(), logs.std()
    d = (logs - mean) / deviation

    def loss(t):
        mu, log_sigma, q = t
        z = (d - mu) / math.exp(log_sigma)
        if abs(q) < 1e-4:
            return log_sigma + 0.5 * (z * z).mean() + 0.5 * math.log(2 * math.pi)
        k = 1 / q**2
        with np.errstate(over="ignore"):
            value = -(math.log(abs(q)) - log_sigma - special.gammaln(k) + k * math.log(k)
                      + (k * (q * z - np.exp(q * z))).mean())
        return value if math.isfinite(value) else 1e6

    tight = {"xatol": 1e-10, "fatol": 1e-15, "maxiter": 20000, "maxfev": 20000}
    best = min((optimize.minimize(loss, [0, 0, q], method="Nelder-Mead", options=tight) for q in (-0.8, 0.3, 1.2)),
               key=lambda found: found.fun)
    mu, log_sigma, q = best.x
    return mean + deviation * mu, deviation * math.exp(log_sigma), q


def check_generalised(program, trace, tensors, report):
    names = [name for name, x in tensors.items() if x.size > 1000]
    options = ["0", "0.01", "0.25", "0.5", "0.999", "1"]
    for row in rows(run(program, "fit", trace, "--generalised", "--quantiles", ",".join(options), "--csv", "-",
                        "--quiet")):
        x = tensors[row["tensor"]].ravel()
        magnitudes = np.abs(x[np.isfinite(x) & (x != 0)]).astype(np.float64)
        for p in options:
            report.expect(f"{row['tensor']} quantile {p}", float(row[f"abs_q{p}"]), np.quantile(magnitudes, float(p)),
                          relative=1e-14)
        if row["tensor"] not in names:
            continue
        mu, sigma, q = generalised(x)
        what = f"generalised {row['tensor']}"
        report.expect(f"{what} mu", float(row["gen_mu"]), mu, absolute=2e-5 * sigma)
        report.expect(f"{what} sigma", float(row["gen_sigma"]), sigma, relative=2e-5)
        report.expect(f"{what} shape", float(row["gen_shape"]), q, absolute=4e-5)
        mu, sigma, q = (float(row[c]) for c in ("gen_mu", "gen_sigma", "gen_shape"))
        k = 1 / q**2
        below = special.gammainc if q > 0 else special.gammaincc
        law = lambda a: below(k, k * np.exp(q * (np.log(a) - mu) / sigma))
        report.expect(f"{what} ks", float(row["ks_generalised"]),
                      stats.kstest(magnitudes, law, method="asymp").statistic, absolute=1e-7)


def spread(x, bits):
    """Elements of each bucket of sign, exponent and `bits` fraction bits, spread evenly over it."""
    kept = x[np.isfinite(x) & (x != 0)].view(np.uint32)
    buckets, counts = np.unique(kept >> (23 - bits), return_counts=True)
    made = []
    for bucket, n in zip(buckets.tolist(), counts.tolist()):
        first = (bucket << (23 - bits)) & 0x7FFFFFFF
        low, high = np.array([first, first + (1 << (23 - bits))], np.uint32).view(np.float32).astype(np.float64)
        at = (low + (high - low) * ((np.arange(n) + 0.5) / n)).astype(np.float32)
        made.append(-at if bucket >> (8 + bits) else at)
    return np.concatenate(made)


def check_sources(program, trace, tensors, seed, report):
    full = {row["tensor"]: row for row in rows(run(program, "fit", trace, "--csv", "-", "--quiet"))}
    for source in ("histogram", "histogram:2", "sample:300"):
        for row in rows(run(program, "fit", trace, "--from", source, "--csv", "-", "--quiet", "--seed", seed)):
            name = row["tensor"]
            x = tensors[name].ravel()
            columns = [c[: -len("_error")] for c in row if c.endswith("_error")]
            report.expect_true(f"{source}: too few error columns", len(columns) == 12)
            for column in columns:
                report.expect(f"{source} {name} {column}_error", float(row[f"{column}_error"]),
                              float(row[column]) - float(full[name][column]))
            for column in COUNTS:
                report.expect(f"{source} {name} {column}", float(row[column]), float(full[name][column]))
            if x.size < 1000:
                continue
            left = spread(x, int(source[-1]) if ":" in source else 0) if source[0] == "h" else None
            if left is None:
                # A sample's mean: 7 standard errors, 3e-12.
                logs = np.log(np.abs(x[np.isfinite(x) & (x != 0)]).astype(np.float64))
                report.expect(f"sample {name} mu_ln", float(row["mu_ln"]), logs.mean(),
                              absolute=7 * logs.std() / math.sqrt(250))
                continue
            expected = fit_expected(left)
            n = np.count_nonzero(np.isfinite(x) & (x != 0))
            expected["expected_max"] = math.exp(expected["mu_ln"] + expected["sigma_ln"] * math.sqrt(2 * math.log(n)))
            compare(report, f"{source} {name}", row, expected, counted=False)
    # A sample of everything is everything.
    for row in rows(run(program, "fit", trace, "--from", "sample:1000000", "--csv", "-", "--quiet")):
        for column, value in row.items():
            if column.endswith("_error"):
                report.expect(f"whole sample {column}", float(value), math.nan if value == "nan" else 0.0)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--seed", type=int, default=1962)
    args = parser.parse_args()
    print(f"seed {args.seed}, numpy {np.__version__}")
    report = Report()
    with tempfile.TemporaryDirectory() as folder:
        stored, tensors = {}, {}
        for name, values in make_tensors(np.random.default_rng(args.seed)).items():
            data, flat = encode("F32", values.ravel())
            tensors[name] = flat.reshape(values.shape)
            stored[name] = ("F32", list(values.shape), data)
        trace = Path(folder) / "trace.safetensors"
        safetensors.write(trace, stored)
        check_channels(args.program, trace, tensors, report)
        check_generalised(args.program, trace, tensors, report)
        check_sources(args.program, trace, tensors, args.seed, report)
    print(f"{report.checked} values compared, {report.wrong} differ")
    sys.exit(1 if report.wrong or report.checked < 800 else 0)


if __name__ == "__main__":
    main()
