#!/usr/bin/env python3
"""`gradpath cast --scheme` on tensors made here, against numpy and exact fractions.

  schemes_oracle.py GRADPATH [--seed N] [--elements N]

Written from docs/numerics.md, "Schemes". Codes and values are compared element by element. Where a
scheme's parameters come from means and deviations, which float64 sums in another order give
differently in the last bits, the code book is compared within 2e-6 of its largest entry, and codes
may differ only where the element lies within 1e-9 (of the range) of a boundary. ACIQ's clip and the
breakpoint of the piecewise scheme are found by minimising the expected error itself.
Exit code 1 names the first mismatch of each kind.
"""
import argparse
import bisect
import math
import subprocess
import sys
import tempfile
from fractions import Fraction
from pathlib import Path

try:
    import numpy as np
    from scipy import integrate, optimize, stats
except ImportError as error:
    sys.exit(f"{sys.executable}: {error}; install numpy and scipy (scripts/setup test)")

import first_principles
import random_words
import safetensors

TYPES = {"I8": np.int8, "I16": np.int16, "U8": np.uint8, "U16": np.uint16, "F32": np.float32}
NF4 = """# NF4, arXiv 2305.14314, in no order; decimal numbers are rounded to fp32
1.0, -1.0 0  0.33791524171829224 0.44070982933044434,0.5626170039176941 0.7229568362236023
-0.6961928009986877, -0.5250730514526367 -0.39491748809814453 -0.28444138169288635
-0.18477343022823334 -0.09105003625154495 +0.07958029955625534 .16093020141124725 2.46112301945686e-1
"""
# Places 0..6: middles that are fp32 (ties to the even place), and one that no double holds.
TIES = "-4\n-2\n-1\n1e-30\n1\n2\n4\n"

SPECS = ["int8", "int:2", "int:4:po2", "int:8:po2:sr", "int:5:real:sr", "int:16", "int:12:sr",
         "wage:8", "wage:3", "wage:8:rne", "wage:2:rne", "banner:8", "banner:4:rne", "banner:1", "banner:16",
         "aciq:2", "aciq:4", "aciq:8", "aciq:3:gauss", "aciq:4:gauss", "piecewise:4", "piecewise:2",
         "piecewise:6:gauss", "luq:6", "luq:4", "luq:0", "luq:30", "luq:6:nearest", "signsgd", "signsgd:mean",
         "codebook:nf4.txt", "codebook:amax:nf4.txt", "codebook:ties.txt", "hfp8:forward", "hfp8:backward"]


def make_tensors(rng, n):
    sign = rng.choice([-1.0, 1.0], n)
    odd = np.array([np.inf, -np.inf, np.nan, -np.nan, 0.0, -0.0])
    lognormal = sign * np.exp(rng.normal(-9, 2, n))
    mixed = lognormal.copy()
    mixed[rng.choice(n, n // 3, replace=False)] = 0.0
    with_odd = lognormal.copy()
    with_odd[rng.choice(n, 60, replace=False)] = np.tile(odd, 10)
    power = 2.0 ** rng.integers(-12, 3, n) * rng.choice([1.0, 1.5, 1.25, 0.75], n) * sign
    made = {
        "lognormal": lognormal, "zeros": mixed, "odd": with_odd, "laplace": rng.laplace(0.5, 1.5, n),
        "normal": rng.normal(0, 3e-4, n), "powers": power, "grid": rng.integers(-14, 15, n) / 4.0,
        "huge": rng.uniform(-3.4e38, 3.4e38, n), "tiny": sign * rng.integers(0, 900, n) * 2.0**-149,
        "positive": rng.exponential(2.0, n), "constant": np.full(9, -0.7), "one": np.array([3e-41]),
        "all_zero": np.zeros(5), "empty": np.zeros(0), "only_odd": odd,
    }
    return {name: values.astype(np.float32) for name, values in made.items()}


class Random:
    """The words of a tensor, once."""

    def __init__(self, seed):
        self.seed, self.known = seed, {}

    def up(self, name, fraction24):
        """Which elements go up: floor(f 2^24) + the word's top 24 bits >= 2^24."""
        if name not in self.known:
            seed = random_words.tensor_seed(self.seed, random_words.QUANTIZER, name)
            words = [random_words.counter_word(seed, i) for i in range(len(fraction24))]
            self.known[name] = np.array(words, np.int64) >> 8
        return (np.asarray(fraction24, np.int64) + self.known[name]) >= 2**24


def f32(x):
    return np.float32(x)


def integers(x, name, scale, bits, stochastic, rnd):
    limit = 2 ** (bits - 1) - 1
    y = np.clip(x * f32(scale), f32(-limit), f32(limit)).astype(np.float64)
    if not stochastic:
        return np.round(y).astype(np.int64)  # to even
    below = np.floor(np.abs(y))
    q = below + rnd.up(name, np.floor((np.abs(y) - below) * 2**24))
    return (np.sign(y) * q).astype(np.int64)


def affine(x, name, offset, step, last, how, rnd, origin=0.0):
    with np.errstate(invalid="ignore"):
        y = (x.astype(np.float64) - offset) * (1 / step if step > 0 else 0.0) + origin
    y = np.clip(np.nan_to_num(y, nan=0.0, posinf=last, neginf=0.0), 0, last)
    if how == "rne":
        return np.round(y).astype(np.int64), y
    below = np.floor(y)
    if how == "sr":
        below += rnd.up(name, np.floor((y - below) * 2**24))
    return below.astype(np.int64), y


def nearest(x, book):
    """Exact: fractions; ties to the even place. Infinities to the ends."""
    exact = [Fraction(float(v)) for v in book]
    codes = []
    for value in x.tolist():
        if math.isinf(value):
            codes.append(0 if value < 0 else len(book) - 1)
            continue
        v = Fraction(value)
        right = bisect.bisect_left(exact, v)
        if right == len(exact):
            codes.append(len(exact) - 1)
        elif right == 0:
            codes.append(0)
        else:
            below, above = v - exact[right - 1], exact[right] - v
            codes.append(right if above < below or (above == below and right % 2 == 0) else right - 1)
    return np.array(codes, np.int64)


def shift(amax):
    """The power of two nearest to amax on the log scale."""
    return 2.0 ** round(math.log2(amax))


def aciq_clip(bits, law):
    """Minimises clipping plus rounding error numerically, from the densities."""
    density = {"laplace": stats.laplace.pdf, "gauss": stats.norm.pdf}[law]

    def error(c):
        lost = integrate.quad(lambda t: density(t) * (t - c) ** 2, c, c + 60, epsabs=1e-16, limit=200)[0]
        return 2 * lost + c * c / (3 * 4.0**bits)

    return optimize.minimize_scalar(error, bounds=(0.1, 30), method="bounded", options={"xatol": 1e-10}).x


def breakpoint_of(m, law):
    cdf = stats.norm.cdf if law == "gauss" else lambda t: stats.laplace.cdf(t, scale=math.sqrt(0.5))
    error = lambda p: (m - p) ** 2 + m * (2 * p - m) * (2 * cdf(p) - 1)
    grid = np.linspace(0, m, 4001)
    best = grid[np.argmin(error(grid))]
    step = grid[1]
    return optimize.minimize_scalar(error, bounds=(max(0, best - step), min(m, best + step)), method="bounded",
                                    options={"xatol": 1e-12}).x


class Expected:
    """Codes, values of codes (a function), scale or book; `loose`: elements near a boundary."""

    def __init__(self, codes, value, bits, scale=None, book=None, loose=None, tolerance=0.0):
        self.codes, self.value, self.bits, self.scale, self.book = codes, value, bits, scale, book
        self.loose = np.zeros(len(codes), bool) if loose is None else loose
        self.tolerance = tolerance


def expect_book(codes, book, bits, **keywords):
    book = np.asarray(book, np.float32)
    return Expected(codes, lambda c: book[c], bits, book=book, **keywords)


def expect(spec, x, kept, name, rnd, folder):
    """x: the elements with NaNs replaced; kept: the finite ones of the tensor, for its statistics."""
    parts = spec.split(":")
    kind, amax = parts[0], np.abs(kept).max(initial=0.0)
    if kind == "int8":
        kind, parts = "int", ["int", "8"]
    if kind in ("int", "wage"):
        bits = int(parts[1])
        stochastic = "sr" in parts or (kind == "wage" and "rne" not in parts)
        limit = 2 ** (bits - 1) - 1
        if amax == 0:
            scale = 1.0
        elif kind == "wage":
            scale = 2.0 ** (bits - 1) / shift(amax)
        else:
            scale = limit / amax
            if "po2" in parts:
                power = Fraction(limit) / Fraction(amax)
                exponent = math.floor(math.log2(scale))
                exponent += (Fraction(2) ** (exponent + 1) <= power) - (Fraction(2) ** exponent > power)
                scale = 2.0**exponent
        scale = f32(min(max(scale, 2.0**-126), 2.0**127))
        return Expected(integers(x, name, scale, bits, stochastic, rnd), lambda c: c.astype(np.float32) / scale,
                        bits, scale=scale)
    if kind == "banner":
        bits = int(parts[1])
        last = 2**bits - 1
        lo, hi = (kept.min(), kept.max()) if kept.size else (0.0, 0.0)
        step = (hi - lo) / last
        # The product is defined with last / (hi - lo), not 1 / step.
        codes, _ = affine(x, name, lo, (hi - lo) / last if hi > lo else 0.0, last, parts[-1] if "rne" in parts
                          else "sr", rnd)
        _, y = affine(x, name, lo, step, last, "rne", rnd)
        near = np.abs(y * 2**25 - np.round(y * 2**25)) < 1e-3 if "rne" not in parts else np.abs(
            y - np.floor(y) - 0.5) < 1e-9
        return expect_book(codes, lo + np.arange(last + 1) * step, bits, loose=near)
    if kind == "aciq":
        bits, law = int(parts[1]), parts[2] if len(parts) > 2 else "laplace"
        mean = kept.mean() if kept.size else 0.0
        spread = 0.0
        if kept.size:
            spread = kept.std() if law == "gauss" else np.abs(kept - mean).mean()
        clip = min(aciq_clip(bits, law) * spread, max(kept.max() - mean, mean - kept.min()) if kept.size else 0)
        step = 2 * clip / 2**bits
        codes, y = affine(x, name, mean, step, 2**bits - 1, "floor", rnd, 2.0 ** (bits - 1))
        near = np.abs(y - np.round(y)) < 1e-4  # the clip is a numerical minimum: 1e-7 at best
        return expect_book(codes, mean + (np.arange(2**bits) + 0.5 - 2 ** (bits - 1)) * step, bits, loose=near,
                           tolerance=2e-6)
    if kind == "piecewise":
        bits, law = int(parts[1]), parts[2] if len(parts) > 2 else "laplace"
        spread = kept.std() if kept.size else 0.0
        p = spread * breakpoint_of(amax / spread, law) if spread > 1e-12 * amax else amax / 2
        n = 2 ** (bits - 1) - 1
        half = np.concatenate([np.arange(1, n + 1) * p / n, p + np.arange(1, n + 1) * (amax - p) / n])
        book = np.concatenate([-half[::-1], [0.0], half]).astype(np.float32)
        middles = (book[1:].astype(np.float64) + book[:-1]) / 2
        with np.errstate(invalid="ignore"):
            near = np.abs(x.astype(np.float64)[:, None] - middles[None, :]).min(axis=1) < 1e-6 * amax
        return expect_book(nearest(x, book), book, bits + 1, loose=near, tolerance=2e-6)
    if kind == "luq":
        levels = int(parts[1])
        alpha = max(amax * 2.0**-levels, 2.0**-126)
        grid = np.concatenate([[0.0], alpha * 2.0 ** np.arange(levels + 1)])
        y = np.minimum((np.abs(x) / f32(alpha)).astype(np.float64), 2.0**levels)
        units = grid / alpha
        below = np.searchsorted(units, y, side="right") - 1
        above = np.minimum(below + 1, levels + 1)
        gap = np.where(above > below, units[above] - units[below], 1.0)
        fraction = (y - units[below]) / gap
        up = fraction >= 0.5 if "nearest" in parts else rnd.up(name, np.floor(fraction * 2**24))
        level = below + up
        codes = levels + 1 + np.where(np.signbit(x), -level, level)
        return expect_book(codes, np.concatenate([-grid[:0:-1], grid]), 1 + math.ceil(math.log2(levels + 2)))
    if kind == "signsgd":
        size = 1.0 if len(parts) == 1 else (np.abs(kept).mean() if kept.size else 0.0)
        return expect_book(1 - np.signbit(x).astype(np.int64), [-size, size], 1, tolerance=2e-7)
    if kind == "codebook":
        text = "\n".join(line.split("#")[0] for line in (folder / parts[-1]).read_text().splitlines())
        book = np.sort(np.array([float(word) for word in text.replace(",", " ").split()], np.float32))
        if "amax" in parts and amax > 0:
            book = (book.astype(np.float64) * amax / np.abs(book).max()).astype(np.float32)
        codes = nearest(x, book)
        same = np.zeros(len(x), bool) if len(set(book.tolist())) == len(book) else np.ones(len(x), bool)
        return expect_book(codes, book, math.ceil(math.log2(len(book))), loose=same)
    fmt = first_principles.Format({"forward": "e4m3b11", "backward": "e5m2"}[parts[1]])
    codes = np.array([fmt.encode(v, "rne", "standard") for v in x.tolist()], np.int64)
    decoded = np.array([fmt.decode(c) for c in range(256)], np.float32)
    return Expected(codes, lambda c: decoded[c], 8)


class Checker:
    def __init__(self):
        self.checked = self.wrong = self.loose = 0

    def claim(self, good, text):
        self.checked += 1
        if not good:
            self.wrong += 1
            if self.wrong <= 20:
                print(text)

    def compare(self, where, expected, found_tensors, values, name, x):
        dtype, _, data = found_tensors[name]
        codes = np.frombuffer(data, TYPES[dtype]).astype(np.int64)
        wanted = ("I" if expected.scale is not None else "U") + ("8" if expected.bits <= 8 else "16")
        self.claim(dtype == wanted, f"{where}: codes are {dtype}, expected {wanted}")
        if expected.scale is not None:
            scale = np.frombuffer(found_tensors[name + ".scale"][2], np.float32)[0]
            self.claim(scale == expected.scale, f"{where}: scale {scale!r}, expected {expected.scale!r}")
        value_of = expected.value
        if expected.book is not None:
            book = np.frombuffer(found_tensors[name + ".codebook"][2], np.float32)
            close = len(book) == len(expected.book) and np.allclose(
                book, expected.book, rtol=1.2e-7 if expected.tolerance == 0 else 0,
                atol=max(expected.tolerance * np.abs(expected.book).max(initial=0), 2.0**-149))
            self.claim(close, f"{where}: code book {book[:8]}, expected {expected.book[:8]}")
            self.claim(bool((book[1:] >= book[:-1]).all()), f"{where}: code book does not ascend")
            value_of = lambda c: book[c]
        differ = codes != expected.codes
        self.loose += int((differ & expected.loose).sum())
        bad = np.flatnonzero(differ & ~expected.loose)
        self.checked += len(codes)
        self.wrong += len(bad)
        for i in bad[:3]:
            print(f"{where} element {i}: {x[i]!r} has code {codes[i]}, expected {expected.codes[i]}")
        found = np.frombuffer(values[name][2], np.float32)
        want = np.asarray(value_of(codes), np.float32)
        same = (found.view(np.uint32) == want.view(np.uint32)) | (np.isnan(found) & np.isnan(want))
        self.claim(bool(same.all()), f"{where}: value {found[~same][:3]}, its code means {want[~same][:3]}")


def without_nans(x, policy):
    return np.where(np.isnan(x), f32(0) if policy == "zero" else np.copysign(f32(np.inf), x), x).astype(np.float32)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--seed", type=int, default=20240607)
    parser.add_argument("--elements", type=int, default=700)
    args = parser.parse_args()
    print(f"seed {args.seed}")
    program = str(Path(args.program).resolve())
    rng = np.random.default_rng(args.seed)
    tensors = make_tensors(rng, args.elements)
    rnd, checker = Random(args.seed), Checker()
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        safetensors.write(folder / "in", {k: ("F32", [len(v)], v.tobytes()) for k, v in tensors.items()})
        (folder / "nf4.txt").write_text(NF4)
        (folder / "ties.txt").write_text(TIES)
        for spec in SPECS:
            nan = "max" if len(spec) % 2 else "zero"
            read = {}
            for what in ("codes", "values"):
                done = subprocess.run(
                    [program, "cast", "in", "--tensors", "*", "--scheme", spec, "--nan", nan, "--as", what,
                     "--seed", str(args.seed), "--quiet", "-o", what], cwd=folder, capture_output=True, text=True,
                    check=False)
                if done.returncode != 0:
                    sys.exit(f"{spec}: exit code {done.returncode}: {done.stderr}")
                read[what] = safetensors.read(folder / what)[0]
            for name, original in tensors.items():
                x = original if spec.startswith("hfp8") else without_nans(original, nan)
                kept = original[np.isfinite(original)].astype(np.float64)
                with np.errstate(over="ignore", under="ignore", divide="ignore", invalid="ignore"):
                    expected = expect(spec, x, kept, name, rnd, folder)
                    checker.compare(f"{spec} {name}", expected, read["codes"], read["values"], name, x)
    print(f"{checker.checked} comparisons, {checker.wrong} differ; {checker.loose} near a boundary left open")
    sys.exit(1 if checker.wrong or checker.checked < 10 * args.elements
             or checker.loose > 0.002 * checker.checked else 0)


if __name__ == "__main__":
    main()
