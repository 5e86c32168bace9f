#!/usr/bin/env python3
"""Every policy, threshold rule and allocation of `gradpath prune` against numpy and scipy.

  prune_policies_oracle.py GRADPATH [--seed N] [--elements N]

Runs each policy on the tensors of fit_prune_oracle.py with shapes and names of a training, writes
what it pruned, and compares: the columns cosine, mse, bias, reached_sparsity with the written values
(1e-9, counts equal); the values themselves, bit for bit, with the policy written from docs/theory.md
(N:M: with its inclusion probabilities, and its mean over seeds); thresholds within 1e-6 of roots found
by bisection on the definition; predicted with reached sparsity within 7 standard errors (3e-12 false
alarms a comparison). Exit code 1 names each mismatch.
"""
import argparse
import functools
import math
import sys
import tempfile
from pathlib import Path

from fit_prune_oracle import (Report, counter_words, encode, expected_sparsity, make_tensors, np, optimize,
                              prune as stochastic, rows, run, stats)

import random_words
import safetensors

TARGETS = [0.45, 0.9]
HALF_FP32_STEP = 2.0**-150 * 1.001
LARGEST = float(np.finfo(np.float32).max)


def exact_alpha(x, target):
    """The root of the contract's sum, bracketed; remembered."""
    return exact_alpha_of(np.asarray(x, np.float32).tobytes(), target)


@functools.lru_cache(maxsize=None)
def exact_alpha_of(data, target):
    x = np.frombuffer(data, np.float32)
    zeros = float((x == 0).sum())
    if x.size == 0 or zeros / x.size >= target:
        return 0.0
    a = np.abs(x[(x != 0) & np.isfinite(x)].astype(np.float64))
    sparsity = lambda t: (zeros + np.maximum(0, 1 - a / math.exp(t)).sum()) / x.size - target
    most = math.log(a.max()) + 2
    while sparsity(most) < 0:
        most += 2
    return math.exp(optimize.brentq(sparsity, math.log(a.min()), most, xtol=1e-12, rtol=1e-14))


def bits(x):
    return x.view(np.uint32) & np.uint32(0x7FFFFFFF)


def most_zeros(n, target):
    """The largest z with z / n <= target."""
    z = math.ceil(target * n) + 1
    while z > 0 and z / n > target:
        z -= 1
    return z


def topk(x, target):
    magnitudes = bits(x).astype(np.int64)
    finite = int((magnitudes < 0x7F800000).sum())
    pruned = min(most_zeros(x.size, target), finite) if x.size else 0
    if pruned <= (x == 0).sum():
        return x.copy()
    keep = np.argsort(-magnitudes, kind="stable")[: x.size - pruned]  # lowest index first among equals
    out = np.zeros_like(x)
    out[keep] = x[keep]
    return out


def hard(x, alpha):
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(x) < alpha, np.float32(0), x)


def hard_alpha(x, target):
    wanted = most_zeros(x.size, target) if x.size else 0
    if wanted <= (x == 0).sum() or (x == 0).sum() / x.size >= target:
        return np.float32(0)
    return np.sort(bits(x))[wanted].view(np.float32)


def words_of(seed, name, n):
    return counter_words(random_words.derive(random_words.derive(seed, 0), random_words.fnv1a64(name)), n)


def dithered(x, step, seed, name):
    if step == 0:
        return x.copy()
    u = (words_of(seed, name, x.size) >> np.uint32(8)).astype(np.float64)
    with np.errstate(invalid="ignore", over="ignore"):
        a = np.abs(x.astype(np.float64))
        rest = np.fmod(a, step)  # exact
        whole = np.round((a - rest) / step)
        up = (u + 0.5) < rest / step * 2.0**24
        large = np.copysign(np.minimum((whole + up) * step, LARGEST), x).astype(np.float32)
    out = np.where(a < step, stochastic(x, step, seed, name), large)
    return np.where(np.isfinite(x), out, x)


def keep_probability(x, target):
    zeros = float((x == 0).sum())
    if x.size == 0 or zeros / x.size >= target:
        return 1.0
    nonzeros = float(((x != 0) & np.isfinite(x)).sum())
    drop = (target * x.size - zeros) / nonzeros
    return min(max(np.rint((1 - drop) * 2.0**32), 1.0), 2.0**32) / 2.0**32


def randomly(x, target, seed, name):
    p = keep_probability(x, target)
    if p == 1:
        return x.copy()
    keep = words_of(seed, name, x.size).astype(np.float64) < p * 2.0**32
    with np.errstate(invalid="ignore", over="ignore"):
        scaled = np.clip(x.astype(np.float64) * (1 / p), -LARGEST, LARGEST).astype(np.float32)
    out = np.where(keep & (x != 0), scaled, np.float32(0))
    return np.where(np.isfinite(x), out, x)


def histogram_alpha(x, mantissa_bits, target):
    """Every bucket as a uniform density; the root by bracketing."""
    zeros = float((x == 0).sum())
    if x.size == 0 or zeros / x.size >= target:
        return 0.0
    a = np.abs(x[(x != 0) & np.isfinite(x)].astype(np.float64))
    exponent = np.maximum(np.frexp(a)[1] - 1, -126).astype(np.float64)
    width = np.exp2(np.where(a < 2.0**-126, -126, exponent) - mantissa_bits)
    low = np.floor(a / width) * width

    def sparsity(alpha):
        top = np.clip(alpha, low, low + width)
        share = ((top - low) - (top**2 - low**2) / (2 * alpha)) / width  # integral of 1 - x / alpha
        return (zeros + share.sum()) / x.size

    least, most = low.min() + width.min() * 1e-9, 4 * (low + width).max()
    while sparsity(most) < target:
        most *= 2
    log = optimize.brentq(lambda t: sparsity(math.exp(t)) - target, math.log(least), math.log(most), xtol=1e-13,
                          rtol=1e-14)
    return math.exp(log)


def draw(x, size, seed, name):
    """Floyd's sample, docs/theory.md."""
    n = x.size
    if size >= n:
        return x
    own = random_words.derive(random_words.derive(seed, 0), random_words.fnv1a64(name))
    words = counter_words(random_words.derive(own, 0x73616D706C65), 2 * n).astype(object)
    chosen, order = set(), []
    for j in range(n - size, n):
        index = (((int(words[2 * j]) << 32) | int(words[2 * j + 1])) * (j + 1)) >> 64
        index = j if index in chosen else index
        chosen.add(index)
        order.append(index)
    return x[order]


def ye_alpha(x, p):
    finite = x[np.isfinite(x)].astype(np.float64)
    return math.sqrt(math.pi / 2) * np.abs(finite).mean() * stats.norm.isf((1 - p) / 2) if finite.size else 0.0


def deviation(x):
    finite = x[np.isfinite(x)].astype(np.float64)
    return finite.std() if finite.size else 0.0


def inclusion(block, n):
    """Minimum-variance probabilities min(1, |x| / level): the fewest sure ones that leave none above the level."""
    a = [abs(x) for x in block]
    if sum(x > 0 for x in a) <= n:
        return [float(x > 0) for x in a]
    ranked = sorted(a, reverse=True)
    for sure in range(n):
        level = math.fsum(ranked[sure:]) / (n - sure)
        if ranked[sure] <= level:
            break
    return [min(1.0, x / level) for x in a]


def check_nm(what, x, out, n, m, report):
    wrong = 0
    wide, results = x.astype(np.float64).tolist(), out.astype(np.float64).tolist()
    for begin in range(0, x.size, m):
        block, after = wide[begin:begin + m], results[begin:begin + m]
        if not all(map(math.isfinite, block)) or sum(v != 0 for v in block) <= n:
            same = x[begin:begin + m].view(np.uint32) == out[begin:begin + m].view(np.uint32)
            wrong += not same.all()
            continue
        wrong += sum(v != 0 for v in after) != n
        for v, result, p in zip(block, after, inclusion(block, n)):
            if result != 0:
                value = math.copysign(min(abs(v) / p, LARGEST), v)
                wrong += abs(result - value) > max(1e-6 * abs(value), HALF_FP32_STEP)
            else:
                wrong += p > 1 - 1e-12
    report.expect(f"{what}: wrong blocks", wrong, 0)


def check_row(what, row, x, out, report):
    """The measures of a row against the values written."""
    if x.size == 0:
        for column in ("predicted_sparsity", "reached_sparsity", "cosine", "mse", "bias"):
            report.expect(f"{what} {column}", float(row[column]), math.nan)
        return
    reached, predicted = float(row["reached_sparsity"]), float(row["predicted_sparsity"])
    report.expect(f"{what} reached", reached, float((out == 0).sum()) / x.size)
    report.expect(f"{what} predicted", reached, predicted, absolute=7 * math.sqrt(0.25 / x.size))
    finite = np.isfinite(x)
    a, b = x[finite].astype(np.float64), out[finite].astype(np.float64)
    odd = ~finite
    report.expect_true(f"{what}: an infinity or NaN changed", (x[odd].view(np.uint32) == out[odd].view(np.uint32)).all())
    report.expect_true(f"{what}: a sign changed", (np.sign(b) * np.sign(a) >= 0).all() and (b[a == 0] == 0).all())
    norms = np.sqrt((a * a).sum()) * np.sqrt((b * b).sum())
    report.expect(f"{what} cosine", float(row["cosine"]), (a * b).sum() / norms if norms else math.nan, relative=1e-9)
    report.expect(f"{what} mse", float(row["mse"]), ((a - b) ** 2).mean() if a.size else math.nan, relative=1e-9)
    total = np.abs(a).sum()
    bias = math.fsum(np.sign(a) * (b - a)) / total if total else math.nan
    error = math.sqrt(((a - b) ** 2).sum()) / total if total else math.nan
    report.expect(f"{what} bias", float(row["bias"]), bias, relative=1e-9, absolute=1e-12)
    if float(row["bias_error"]) != 0:
        report.expect(f"{what} bias_error", float(row["bias_error"]), error, relative=1e-9)


# policy -> what it should write and its threshold; the threshold's own check is `alpha`.
def expected(policy, x, shape, kind, target, seed, name, alpha):
    """(values or None, alpha or None)."""
    head, *parameters = policy.split(":")
    if head == "stochastic":
        rule = parameters[0] if parameters else "exact"
        if rule == "exact" or rule == "last-step":
            root = exact_alpha(x, target)
        elif rule == "lognormal":
            root = None  # fit_prune_oracle.py
        elif rule == "histogram":
            root = histogram_alpha(x, int(parameters[1]), target)
        else:
            root = exact_alpha(draw(x, int(parameters[1]), seed, name), target)
        return stochastic(x, alpha, seed, name), root
    if head == "ye":
        return stochastic(x, alpha, seed, name), ye_alpha(x, target)
    if head == "topk" or head == "swat":
        if head == "swat" and kind not in ("weight", "input"):
            return x, None
        if parameters and x.size and len(shape) > 1:
            return np.concatenate([topk(row, target) for row in x.reshape(shape[0], -1)]), None
        return topk(x, target), None
    if head == "hard":
        root = np.float32(parameters[0]) if parameters else hard_alpha(x, target)
        return hard(x, root), float(root)
    if head == "dithered":
        root = float(parameters[0]) * deviation(x) if parameters else exact_alpha(x, target)
        return dithered(x, alpha, seed, name), root
    if head == "random":
        return randomly(x, target, seed, name), None
    return None, None


POLICIES = ["stochastic", "stochastic:lognormal", "stochastic:histogram:0", "stochastic:histogram:1",
            "stochastic:histogram:2", "stochastic:sample:500", "stochastic:last-step", "ye", "topk", "topk:example",
            "swat", "hard", "hard:1e-6", "dithered", "dithered:1.5", "random", "nm:1:2", "nm:2:4", "nm:3:7"]


def check_policies(program, folder, trace, tensors, shapes, seed, report):
    for policy in POLICIES:
        for target in TARGETS:
            out_path = folder / "out.safetensors"
            found = rows(run(program, "prune", trace, "--tensors", "*", "--csv", "-", "--quiet", "--policy", policy,
                             "--sparsity", target, "--seed", seed, "-o", out_path))
            written, _ = safetensors.read(out_path)
            report.expect_true(f"{policy}: not one row a tensor", len(found) == len(tensors))
            for row in found:
                name, alpha = row["tensor"], float(row["alpha"])
                x, what = tensors[name], f"prune {policy} {target} {row['tensor']}"
                out = np.frombuffer(written[name][2], np.float32)
                report.expect_true(f"{what}: shape", written[name][:2] == ("F32", shapes[name]))
                check_row(what, row, x, out, report)
                values, root = expected(policy, x, shapes[name], name.split("/")[-1], target, seed, name, alpha)
                if root is not None:
                    report.expect(f"{what} alpha", alpha, root, relative=1e-6, absolute=HALF_FP32_STEP)
                if values is not None:
                    values = np.ascontiguousarray(values, np.float32)
                    differ = values.view(np.uint32) != out.view(np.uint32)
                    report.expect(f"{what}: values that differ", int(differ.sum()), 0)
                else:
                    _, n, m = policy.split(":")
                    check_nm(what, x, out, int(n), int(m), report)
                if policy.split(":")[0] in ("stochastic", "ye", "dithered") and x.size:
                    report.expect(f"{what} predicted", float(row["predicted_sparsity"]), expected_sparsity(x, alpha),
                                  absolute=1e-12)


def check_means(program, folder, seed, report):
    """Mean over seeds of each element of one tensor, as a sum with random weights: 7 standard errors."""
    rng = np.random.default_rng(seed + 1)
    x = (rng.choice([-1, 1], 600) * np.exp(rng.normal(-9, 1.5, 600))).astype(np.float32)
    trace, out_path = folder / "mean.safetensors", folder / "mean_out.safetensors"
    safetensors.write(trace, {"t": ("F32", [600], x.tobytes())})
    weights = rng.choice([-1.0, 1.0], 600)
    for policy in ("nm:2:4", "nm:1:2", "dithered", "random", "stochastic"):
        sums = []
        for s in range(25):
            run(program, "prune", trace, "--tensors", "*", "--quiet", "--policy", policy, "--sparsity", 0.6, "--seed",
                s, "-o", out_path)
            y = np.frombuffer(safetensors.read(out_path)[0]["t"][2], np.float32).astype(np.float64)
            sums.append((weights * (y - x)).sum())
        error = np.std(sums, ddof=1) / math.sqrt(len(sums))
        # Student with 24 degrees of freedom: 10.5 standard errors are a false alarm in 5e9.
        report.expect(f"{policy}: mean over seeds", float(np.mean(sums)), 0.0, absolute=10.5 * error)


def check_allocation(program, trace, tensors, report):
    for budget in TARGETS:
        found = rows(run(program, "prune", trace, "--tensors", "*lognormal*", "--csv", "-", "--quiet", "--sparsity",
                         budget, "--allocate", "cosine"))
        layers = [tensors[row["tensor"]] for row in found]

        def at(x, log_excess):
            """S_l where E|T|^2 / |x|^2 - 1 = exp(log_excess)."""
            a = np.abs(x[np.isfinite(x)].astype(np.float64))
            squares, wanted = (a * a).sum(), math.exp(log_excess)
            added = lambda t: (np.where(a < math.exp(t), a * (math.exp(t) - a), 0)).sum() / squares - wanted
            low, high = math.log(a[a > 0].min()), math.log(a.max()) + log_excess + 60
            alpha = math.exp(optimize.brentq(added, low, high, xtol=1e-12, rtol=1e-13))
            return expected_sparsity(x, alpha)

        numel = sum(x.size for x in layers)
        total = lambda t: sum(at(x, t) * x.size for x in layers) / numel - budget
        log_excess = optimize.brentq(total, -12, 12, xtol=1e-10, rtol=1e-12)
        for row, x in zip(found, layers):
            what = f"allocate cosine {budget} {row['tensor']}"
            report.expect(f"{what} target", float(row["target_sparsity"]), at(x, log_excess), absolute=1e-8)
            report.expect(f"{what} expected cosine", float(row["expected_cosine"]),
                          (1 + math.exp(log_excess)) ** -0.5, absolute=1e-6)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--seed", type=int, default=2203)
    parser.add_argument("--elements", type=int, default=1_500, help="of the larger tensors")
    args = parser.parse_args()
    print(f"seed {args.seed}, numpy {np.__version__}")
    report = Report()
    with tempfile.TemporaryDirectory() as folder_name:
        folder = Path(folder_name)
        stored, tensors, shapes = {}, {}, {}
        made = make_tensors(np.random.default_rng(args.seed), args.elements)
        for number, (label, (dtype, values)) in enumerate(made.items()):
            name = f"step0/{label}/" + ("grad_output", "input", "weight")[number % 3]
            data, tensors[name] = encode(dtype, values)
            size = tensors[name].size
            shapes[name] = [4, size // 4] if size % 4 == 0 and size else [size]
            stored[name] = (dtype, shapes[name], data)
        trace = folder / "trace.safetensors"
        safetensors.write(trace, stored)
        check_policies(args.program, folder, trace, tensors, shapes, args.seed, report)
        check_means(args.program, folder, args.seed, report)
        check_allocation(args.program, trace, tensors, report)
    print(f"{report.checked} values compared, {report.wrong} differ")
    sys.exit(1 if report.wrong or report.checked < 1000 else 0)


if __name__ == "__main__":
    main()
