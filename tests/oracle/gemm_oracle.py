#!/usr/bin/env python3
"""Every accumulator of `gradpath gemm` against exact integer arithmetic, bit for bit.

  gemm_oracle.py GRADPATH [--dots N] [--only SPEC] [--seed N]

Written from docs/numerics.md ("Accumulation") alone. A number is a sign and an integer multiple of
2^-SHIFT, so nothing is rounded but where the definition says so. N dot products (100 a matrix
product) for each pair of operand formats and accumulator: random codes, cancellation, subnormals,
huge ratios, zeros of both signs, overflow, infinities and NaNs. Exit code 1 names the first
mismatches.
"""
import argparse
import math
import random
import re
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import safetensors
from first_principles import STANDARD

SHIFT = 700  # below every product of two formats here
SIDE = 10  # D is SIDE x SIDE
NAN, INFINITY = "nan", "inf"  # magnitudes that are not numbers

# operands A and B, accumulator
CASES = [
    ("e4m3fn", "e4m3fn", "hopper-fp8"), ("e4m3fn", "e5m2", "hopper-fp8"),
    ("e5m2", "e5m2", "ada-fp8"), ("e5m2", "e4m3fn", "blackwell-fp8"), ("e3m2fn", "e2m3fn", "blackwell-fp8"),
    ("fp16", "fp16", "hopper-fp16"), ("bf16", "bf16", "hopper-fp16"),
    ("fp16", "fp16", "ampere-fp16"), ("bf16", "bf16", "ampere-fp16"), ("tf32", "tf32", "fused:4:24:23"),
    ("fp16", "fp16", "turing-fp16"), ("fp16", "fp16", "volta-fp16"),
    ("e4m3b11fnuz", "e5m2fnuz", "fused:5:3:2"), ("e2m1fn", "e5m0", "fused:3:0:0"),
    ("fp32", "fp32", "fused:7:35:23"), ("fp32", "e4m3fn", "fused:300:20:10"),
    ("bf16", "bf16", "fused:3:5:20"),
    ("e5m2", "e4m3fn", "fp32"), ("bf16", "bf16", "fp32"), ("fp32", "fp32", "fp32"), ("fp16", "fp32", "fp32"),
    ("e4m3fn", "e5m2", "fp16"), ("fp16", "fp16", "fp16"), ("e5m2", "e5m2", "bf16"), ("fp32", "bf16", "bf16"),
    ("e5m2", "e4m3", "e6m9"), ("e4m3fn", "e4m3fn", "e4m3fn"), ("e5m2", "e5m2", "e5m2fnuz"),
    ("e3m2fn", "e3m2fn", "e4m3f"), ("e5m2", "e5m2", "e5m0"), ("fp32", "fp32", "e8m13"),
    ("e5m2", "e5m2", "chunk:64:e6m9:fp32"), ("e4m3fn", "e4m3fn", "chunk:3:fp16:bf16"),
    ("fp32", "fp16", "chunk:7:e5m2:fp16"), ("bf16", "e5m2", "chunk:1:fp32:e6m9"),
    ("e5m2", "e4m3fn", "exact"), ("fp16", "fp16", "exact"), ("bf16", "bf16", "exact"),
    ("fp32", "fp32", "exact"), ("fp16", "bf16", "exact:fp16"), ("e4m3fn", "e4m3fn", "exact:e4m3fn"),
]
GROUPS = {"hopper-fp8": (32, 13, 13), "ada-fp8": (16, 13, 13), "blackwell-fp8": (32, 25, 23),
          "hopper-fp16": (16, 25, 23), "ampere-fp16": (8, 24, 23), "turing-fp16": (8, 24, 23),
          "volta-fp16": (4, 23, 23)}
KINDS = ["codes", "cancel", "subnormal", "ratio", "sparse", "large", "special", "near one", "tiny"]
LENGTHS = [1, 2, 3, 4, 7, 15, 16, 17, 31, 32, 33, 64, 65, 100]


class Format:
    def __init__(self, name):
        if name == "fp32":
            self.e, self.m, self.bias, ending = 8, 23, 127, ""
        elif name in STANDARD:
            self.e, self.m, self.bias, ending = STANDARD[name]
        else:
            e, m, ending = re.fullmatch(r"e(\d)m(\d+)(|fn|f|fnuz)", name).groups()
            self.e, self.m = int(e), int(m)
            self.bias = 2 ** (self.e - 1) - (ending != "fnuz")
        self.ending = ending
        top = 2 ** (self.e + self.m)
        self.last = {"": top - 2**self.m - 1, "fn": top - 2, "f": top - 1, "fnuz": top - 1}[ending]
        self.min_exponent = 1 - self.bias
        self.max_finite = self.number(self.last)[1]

    def number(self, code):
        """(sign, magnitude) of a code."""
        magnitude, negative = code % 2 ** (self.e + self.m), code >> (self.e + self.m)
        if self.ending == "fnuz" and negative and not magnitude:
            return 0, NAN
        if magnitude > self.last:
            infinite = self.ending == "" and magnitude == self.last + 1
            return negative, INFINITY if infinite else NAN
        field, fraction = divmod(magnitude, 2**self.m)
        significand = fraction + (2**self.m if field else 0)
        return negative, significand << (max(field, 1) - self.bias - self.m + SHIFT)

    def nearest(self, number):
        """Rounded to nearest, ties to the even code."""
        negative, magnitude = number
        if magnitude == NAN:
            return 0, NAN
        if magnitude != INFINITY and magnitude:
            exponent = max(magnitude.bit_length() - 1 - SHIFT, self.min_exponent)
            quantum = exponent - self.m + SHIFT
            steps, rest = divmod(magnitude, 1 << quantum)
            code = ((exponent + self.bias - 1) << self.m) + steps
            if 2 * rest > 1 << quantum or (2 * rest == 1 << quantum and code % 2):
                steps += 1
            magnitude = steps << quantum
        if magnitude == INFINITY or magnitude > self.max_finite:
            magnitude = {"": INFINITY, "fn": NAN, "f": self.max_finite, "fnuz": NAN}[self.ending]
        if self.ending == "fnuz" and magnitude == 0:
            negative = 0
        return negative, magnitude


def product(x, y):
    negative = x[0] ^ y[0]
    if NAN in (x[1], y[1]):
        return 0, NAN
    if INFINITY in (x[1], y[1]):
        return (0, NAN) if 0 in (x[1], y[1]) else (negative, INFINITY)
    return negative, x[1] * y[1] >> SHIFT  # exact: both are multiples of 2^(-SHIFT/2) or coarser


def add(x, y):
    """Exact; an exact zero is +0 unless both are -0 (IEEE 754, to nearest)."""
    if NAN in (x[1], y[1]):
        return 0, NAN
    if INFINITY in (x[1], y[1]):
        if x[1] == y[1]:
            return x if x[0] == y[0] else (0, NAN)
        return x if x[1] == INFINITY else y
    total = (-x[1] if x[0] else x[1]) + (-y[1] if y[0] else y[1])
    if total == 0:
        return x[0] & y[0], 0
    return int(total < 0), abs(total)


def rounded(fmt, products):
    total = (0, 0)
    for p in products:
        total = fmt.nearest(add(total, p))
    return total


def fused(group, fmt_a, fmt_b, a, b):
    length, fraction_bits, out_bits = group

    def exponent(number, least):
        return max(number[1].bit_length() - 1 - SHIFT, least)

    running = (0, 0)
    for begin in range(0, len(a), length):
        pairs = list(zip(a[begin:begin + length], b[begin:begin + length]))
        terms = [running] + [product(x, y) for x, y in pairs]
        if any(t[1] in (NAN, INFINITY) for t in terms):
            total = (0, 0)
            for t in terms:
                total = add(total, t)
            running = total
            continue
        exponents = [-126 if not running[1] else exponent(running, -126)]
        exponents += [-126 if not x[1] or not y[1] else
                      exponent(x, fmt_a.min_exponent) + exponent(y, fmt_b.min_exponent) for x, y in pairs]
        quantum = max(exponents) - fraction_bits + SHIFT
        total = sum((-1 if t[0] else 1) * (t[1] >> quantum << quantum) for t in terms)
        magnitude = abs(total)
        if magnitude:
            quantum = max(magnitude.bit_length() - 1 - SHIFT, -126) - out_bits + SHIFT
            magnitude = magnitude >> quantum << quantum
            if magnitude >= 1 << (128 + SHIFT):
                magnitude = INFINITY
        running = (int(total < 0), magnitude)
    return running


def expected(spec, fmt_a, fmt_b, a, b):
    if spec in GROUPS or spec.startswith("fused"):
        group = GROUPS.get(spec) or tuple(int(n) for n in spec.split(":")[1:])
        return fused(group, fmt_a, fmt_b, a, b)
    products = [product(x, y) for x, y in zip(a, b)]
    parts = spec.split(":")
    if parts[0] == "exact":
        total = (0, 0)
        for p in products:
            total = add(total, p)
        if total[1] == 0:
            total = (0, 0)
        return Format(parts[1] if len(parts) > 1 else "fp32").nearest(total)
    if parts[0] == "chunk":
        n, inner, outer = int(parts[1]), Format(parts[2]), Format(parts[3])
        return rounded(outer, [rounded(inner, products[i:i + n]) for i in range(0, len(products), n)])
    return rounded(Format(spec), products)


def float_bits(number, is_fused):
    negative, magnitude = number
    if magnitude == NAN:
        return 0x7FFFFFFF if is_fused else 0x7FC00000
    if magnitude == INFINITY:
        return 0x7F800000 | negative << 31
    x = math.ldexp(magnitude >> (SHIFT - 160), -160)  # exact: results are multiples of 2^-149
    assert int(math.ldexp(x, 160)) << (SHIFT - 160) == magnitude
    return struct.unpack("<I", struct.pack("<f", x))[0] | negative << 31


def random_codes(fmt, kind, rng, count):
    sign = 1 << (fmt.e + fmt.m)
    one = fmt.bias << fmt.m  # the code of 1.0, or the largest below the end
    one = min(one, fmt.last)
    codes = []
    for _ in range(count):
        if kind == "subnormal":
            code = rng.randrange(min(fmt.last, 2 << fmt.m) + 1)
        elif kind == "ratio":
            small = rng.randrange(min(fmt.last, 3 << fmt.m) + 1)
            code = rng.choice((small, fmt.last - small, one))
        elif kind == "tiny":  # zeros, the smallest numbers, and products on both sides of 2^-126
            code = rng.randrange(3)
            if rng.random() < 0.8:
                code = max(fmt.bias - 63 - rng.randrange(14), 0) << fmt.m | rng.randrange(1 << fmt.m)
        elif kind == "large":
            code = fmt.last - rng.randrange(min(fmt.last, 3 << fmt.m) + 1)
        elif kind == "sparse":
            code = rng.randrange(fmt.last + 1) if rng.random() < 0.3 else 0
        elif kind in ("near one", "cancel"):
            code = min(max(one + rng.randrange(-2 << fmt.m, 2 << fmt.m), 0), fmt.last)
        elif kind == "special" and rng.random() < 0.02:
            code = rng.randrange(sign)  # the top codes, mostly infinities and NaNs
            code = max(code, min(sign - 1, fmt.last + rng.randrange(3)))
        else:
            code = rng.randrange(fmt.last + 1)
        if rng.random() < 0.5 and not (fmt.ending == "fnuz" and code == 0):
            code |= sign
        codes.append(code)
    return codes


def matrices(fmt_a, fmt_b, kind, rng, length):
    """Codes of SIDE rows of A and SIDE columns of B."""
    a = [random_codes(fmt_a, kind, rng, length) for _ in range(SIDE)]
    b = [random_codes(fmt_b, kind, rng, length) for _ in range(SIDE)]
    if kind == "cancel":  # the second half takes the first away, but for a stray element
        half = length // 2
        for row in a:
            for k in range(half):
                if row[k] % (1 << (fmt_a.e + fmt_a.m)):
                    row[half + k] = row[k] ^ (1 << (fmt_a.e + fmt_a.m))
            if rng.random() < 0.7:
                row[rng.randrange(length)] = random_codes(fmt_a, "codes", rng, 1)[0]
        for column in b:
            column[half:2 * half] = column[:half]
    return a, b


def matrix_bytes(fmt, rows):
    return struct.pack(f"<{len(rows) * len(rows[0])}I",
                       *(float_bits(fmt.number(code), False) for row in rows for code in row))


def check(program, case, args, rng, folder):
    name_a, name_b, spec = case
    fmt_a, fmt_b = Format(name_a), Format(name_b)
    is_fused = spec in GROUPS or spec.startswith("fused")
    no_nan = re.fullmatch(r"e\dm\d+f|e\dm0", spec) is not None  # the sum's format; never NaN then
    path, out = folder / "in.safetensors", folder / "out.safetensors"
    checked = wrong = 0
    while checked < args.dots:
        kind = KINDS[checked // (SIDE * SIDE) % len(KINDS)]
        if no_nan and kind in ("special", "large"):
            kind = "codes"
        length = rng.choice(LENGTHS)
        a, b = matrices(fmt_a, fmt_b, kind, rng, length)
        safetensors.write(path, {"a": ("F32", [SIDE, length], matrix_bytes(fmt_a, a)),
                                 "b": ("F32", [SIDE, length], matrix_bytes(fmt_b, b))})
        command = [program, "gemm", str(path), "--a", "a", "--b", "b", "--transpose-b", "--a-format", name_a,
                   "--b-format", name_b, "--accumulator", spec, "--quiet", "--threads", "1", "-o", str(out)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{' '.join(command)}\nexit code {done.returncode}: {done.stderr}")
        dtype, shape, data = safetensors.read(out)[0]["D"]
        assert (dtype, shape) == ("F32", [SIDE, SIDE])
        found = struct.unpack(f"<{SIDE * SIDE}I", data)
        rows = [[fmt_a.number(code) for code in row] for row in a]
        columns = [[fmt_b.number(code) for code in column] for column in b]
        for i in range(SIDE * SIDE):
            x, y = rows[i // SIDE], columns[i % SIDE]
            want = float_bits(expected(spec, fmt_a, fmt_b, x, y), is_fused)
            checked += 1
            if found[i] != want:
                wrong += 1
                if wrong <= 3:
                    print(f"{name_a} x {name_b}, {spec}, {kind}, K = {length}: found {found[i]:#010x}, expected "
                          f"{want:#010x}\n  a codes {a[i // SIDE]}\n  b codes {b[i % SIDE]}")
    return checked, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--dots", type=int, default=10_000, help="dot products a case (default 10000)")
    parser.add_argument("--only", help="the cases of this accumulator alone")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    args = parser.parse_args()
    print(f"seed {args.seed}")
    rng = random.Random(args.seed)
    cases = [case for case in CASES if args.only in (None, case[2])]
    checked = wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            more, bad = check(args.program, case, args, rng, Path(folder))
            checked, wrong = checked + more, wrong + bad
    print(f"{checked} dot products of {len(cases)} cases compared, {wrong} differ")
    sys.exit(1 if wrong or not checked else 0)


if __name__ == "__main__":
    main()
