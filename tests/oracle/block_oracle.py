#!/usr/bin/env python3
"""Block scaling and scaling policies of `gradpath cast` against exact arithmetic.

  block_oracle.py GRADPATH [--tensors N] [--seed N]

The definitions are written here from docs/numerics.md, OCP MX v1.0 and the papers, in rational
numbers; only a rounding that the definition names rounds. Exit code 1 names the first mismatches.
"""
import argparse
import math
import random
import struct
import subprocess
import sys
import tempfile
from decimal import Decimal, getcontext
from fractions import Fraction
from pathlib import Path

import first_principles as exact
import random_words
import safetensors

getcontext().prec = 60
RULES = ["floor", "round", "ceil", "even", "fit", "mse"]
ELEMENTS = ["e4m3fn", "e5m2", "e3m2fn", "e2m3fn", "e2m1fn", "e4m3", "e3m0f", "e5m10", "e4m3b0"]
SHAPES = [([70], -1, 32), ([4, 64], -1, 32), ([3, 37], -1, 16), ([37, 3], 0, 16), ([2, 33, 5], 1, 8),
          ([3, 2, 3, 3], 1, 32), ([2, 3, 40], -1, 7), ([5000], 0, 5000), ([2, 2100], 0, 2),
          ([2200], 0, 1), ([], -1, 32), ([0, 4], -1, 4), ([3, 64, 1], 1, 16)]
wrong = 0
checked = 0


def compare(what, found, expected):
    global wrong, checked
    checked += 1
    if found != expected:
        wrong += 1
        if wrong <= 12:
            print(f"{what}: found {found!r}, expected {expected!r}")


def round_to_float(q):
    """A rational to the nearest fp32, ties to even; the result as a rational (None: infinity)."""
    if q == 0:
        return Fraction(0)
    sign, a = (-1, -q) if q < 0 else (1, q)
    quantum = Fraction(2) ** (max(floor_log2(a), -126) - 23)
    n, rest = divmod(a, quantum)
    if rest * 2 > quantum or (rest * 2 == quantum and n % 2):
        n += 1
    result = n * quantum
    return None if result >= Fraction(2) ** 128 else sign * result


def floor_log2(a):
    k = a.numerator.bit_length() - a.denominator.bit_length()
    while Fraction(2) ** k > a:
        k -= 1
    while Fraction(2) ** (k + 1) <= a:
        k += 1
    return k


def largest(fmt):
    return Fraction(fmt.grid[-1], 2**exact.SHIFT)


def to_float(q, like):
    """fp32 bits of a rational; the sign of a zero is `like`'s."""
    rounded = round_to_float(q)
    x = math.inf if rounded is None else float(abs(rounded))
    return struct.unpack("<f", struct.pack("<f", math.copysign(x, like)))[0]


class Caster:
    def __init__(self, fmt, rounding, seed):
        self.fmt, self.seed = fmt, seed
        self.rounding = ("sr", int(rounding[3:])) if rounding.startswith("sr") else rounding

    def scaled(self, x, multiplier):
        """What enters the cast: the product in fp32, finite ones cut to the largest finite."""
        if math.isnan(x) or math.isinf(x):
            return x
        y = to_float(Fraction(x) * multiplier, x)
        top = float(largest(self.fmt))
        return math.copysign(min(abs(y), top), x)

    def code(self, x, multiplier, index):
        word = random_words.counter_word(self.seed, index) if isinstance(self.rounding, tuple) else 0
        return self.fmt.encode(self.scaled(x, multiplier), self.rounding, "standard", "zero", word)

    def value(self, code, multiplier):
        v = self.fmt.decode(code)
        if math.isnan(v) or math.isinf(v):
            return v
        return to_float(Fraction(v) / multiplier, v)


def mx_exponent(fmt, rule, values):
    """Exponent of X for a block's finite values."""
    finite = [x for x in values if math.isfinite(x)]
    amax = max((abs(Fraction(x)) for x in finite), default=Fraction(0))
    if amax == 0:
        return 0
    emax = floor_log2(largest(fmt))
    k = floor_log2(amax)
    if rule == "floor":
        e = k - emax
    elif rule == "round":
        e = (k if amax * amax < Fraction(2) ** (2 * k + 1) else k + 1) - emax
    elif rule == "ceil":
        e = (k if amax == Fraction(2) ** k else k + 1) - emax
    elif rule == "even":
        quantum = Fraction(2) ** (k - fmt.m)
        rounded = math.floor(amax / quantum + Fraction(1, 2)) * quantum
        e = floor_log2(rounded) - emax
    else:
        e = k - emax - 2
        while amax > largest(fmt) * Fraction(2) ** e:
            e += 1
    e = min(max(e, -127), 127)
    if rule == "mse":
        nearest = Caster(fmt, "rne", 0)
        best = None
        for candidate in range(e, max(e - 24, -128), -1):
            multiplier = Fraction(2) ** -candidate
            error = 0.0  # in double, in memory order: part of the definition
            for x in finite:
                d = nearest.value(nearest.code(x, multiplier, 0), multiplier) - x
                error += d * d
            if best is None or error < best[0]:
                best = (error, candidate)
        e = best[1]
    return e


def blocks_of(shape, axis, block):
    """Lists of element indices, in the order of the scale tensor."""
    shape = shape or [1]
    axis %= len(shape)
    inner = math.prod(shape[axis + 1:])
    result = []
    for outer in range(math.prod(shape[:axis])):
        for begin in range(0, shape[axis], block):
            rows = range(begin, min(begin + block, shape[axis]))
            for i in range(inner):
                result.append([(outer * shape[axis] + row) * inner + i for row in rows])
    return result


def make_values(rng, count):
    kind = rng.randrange(4)
    values = []
    for _ in range(count):
        pick = rng.random()
        if pick < 0.05:
            x = rng.choice([0.0, math.inf, math.nan, 2.0**-149, 2.0**-126, 3.4028234663852886e38])
        elif kind == 0:
            x = rng.lognormvariate(-8, 2)
        elif kind == 1:
            x = 2.0 ** rng.randrange(-8, 8) * rng.choice([1, 1.5, 1.75, 1.25, 1 + 2.0**-23, 1.8749999])
        elif kind == 2:
            x = 2.0 ** rng.uniform(-149, 127.9)
        else:
            x = abs(rng.gauss(0, 1))
        values.append(struct.unpack("<f", struct.pack("<f", math.copysign(x, rng.random() - 0.5)))[0])
    if count > 64 and kind != 2:  # a stretch of zeros: whole blocks without anything
        at = rng.randrange(count - 40)
        values[at:at + 40] = [0.0, -0.0] * 20
    return values


def cast(program, folder, values, shape, options, name="x"):
    source, target = folder / "in.safetensors", folder / "out.safetensors"
    safetensors.write(source, {name: ("F32", shape, struct.pack(f"<{len(values)}f", *values))})
    return run_cast(program, source, target, options)


def run_cast(program, source, target, options):
    command = [program, "cast", str(source), "--tensors", "*", "--nan", "zero", "--quiet", "-o", str(target), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\nexit code {done.returncode}: {done.stderr}")
    return safetensors.read(target)[0]


def unpack(tensor):
    dtype, _, data = tensor
    letter = {"U8": "B", "U16": "H", "U32": "I", "F32": "f"}[dtype]
    return list(struct.unpack(f"<{len(data) // struct.calcsize(letter)}{letter}", data))


def same_float_bits(a):
    return "nan" if math.isnan(a) else struct.pack("<f", a)


def check_blocks(program, folder, rng, fmt_name, scheme, block, shape, axis, rounding, seed):
    fmt = exact.Format(fmt_name)
    values = make_values(rng, math.prod(shape))
    options = ["--format", fmt_name, "--scale", scheme, "--axis", str(axis), "--round", rounding,
               "--seed", str(seed)]
    caster = Caster(fmt, rounding, random_words.tensor_seed(seed, random_words.QUANTIZER, "x"))
    blocks = blocks_of(shape, axis, block)
    finite = [abs(Fraction(x)) for x in values if math.isfinite(x)]
    where = f"{fmt_name} {scheme} {shape} axis {axis} {rounding} seed {seed}"
    if scheme.startswith("nvfp4"):
        scale_codes, multipliers, tensor_scale = nvfp4_scales(fmt, values, blocks, max(finite, default=0))
    else:
        exponents = [mx_exponent(fmt, scheme.split(":")[2], [values[i] for i in b]) for b in blocks]
        scale_codes = [e + 127 for e in exponents]
        multipliers = [Fraction(2) ** -e for e in exponents]
    codes, results = [0] * len(values), [0.0] * len(values)
    for b, multiplier in zip(blocks, multipliers):
        for i in b:
            codes[i] = caster.code(values[i], multiplier, i)
            results[i] = caster.value(codes[i], multiplier)
    out = cast(program, folder, values, shape, options)
    scale_shape = list(shape) or [1]
    scale_shape[axis % len(scale_shape)] = -(-scale_shape[axis % len(scale_shape)] // block)
    suffix = "scale_e4m3" if scheme.startswith("nvfp4") else "scale_e8m0"
    compare(f"{where}: shapes", [out["x.scale"][1], out[f"x.{suffix}"][1], out["x"][1]],
            [scale_shape, scale_shape, list(shape)])
    if scheme.startswith("nvfp4"):
        compare(f"{where}: tensor scale", unpack(out["x.tensor_scale"]), [float(tensor_scale)])
    for b, (found, expected) in enumerate(zip(unpack(out[f"x.{suffix}"]), scale_codes, strict=True)):
        compare(f"{where}: stored scale of block {b} {[values[i] for i in blocks[b]][:40]}", found, expected)
    for b, (found, expected) in enumerate(zip(unpack(out["x.scale"]), multipliers, strict=True)):
        compare(f"{where}: multiplier of block {b}", Fraction(found), expected)
    for i, (found, expected) in enumerate(zip(unpack(out["x"]), codes, strict=True)):
        compare(f"{where}: code of element {i}, {values[i]!r}", found, expected)
    out = cast(program, folder, values, shape, [*options, "--as", "values"])
    for i, (found, expected) in enumerate(zip(unpack(out["x"]), results, strict=True)):
        compare(f"{where}: value of element {i}, {values[i]!r}", same_float_bits(found), same_float_bits(expected))


def nvfp4_scales(fmt, values, blocks, amax):
    e4m3 = exact.Format("e4m3fn")
    top = largest(fmt)
    tensor_scale = Fraction(1)
    if amax:
        tensor_scale = round_to_float(amax / round_to_float(448 * top))
        tensor_scale = min(max(tensor_scale, Fraction(2) ** -117), Fraction(2) ** 117)
    codes, multipliers = [], []
    for b in blocks:
        block_amax = max((abs(Fraction(values[i])) for i in b if math.isfinite(values[i])), default=Fraction(0))
        wanted = round_to_float(round_to_float(block_amax / top) / tensor_scale)
        code = max(e4m3.encode(float(wanted), "rne", "saturate"), 1)
        codes.append(code)
        multipliers.append(round_to_float(1 / round_to_float(tensor_scale * Fraction(e4m3.decode(code)))))
    return codes, multipliers, tensor_scale


def log2(x):
    return Decimal(x).ln() / Decimal(2).ln()


def check_shift_squeeze(program, folder, rng, fmt_name, values):
    """S2FP8 with 60 decimal digits: y = 2^beta |x|^alpha and its inverse, rounded once each."""
    fmt = exact.Format(fmt_name)
    logs = [log2(abs(x)) for x in values if x and math.isfinite(x)]
    mean = sum(logs, Decimal(0)) / len(logs)
    emax = floor_log2(largest(fmt))
    alpha = to_float(Fraction(Decimal(emax) / (max(logs) - mean)), 1.0)
    beta = to_float(Fraction(-Decimal(emax) / (max(logs) - mean) * mean), 1.0 if mean < 0 else -1.0)
    out = cast(program, folder, values, [len(values)], ["--format", fmt_name, "--scale", "s2fp8"])
    compare(f"s2fp8 {fmt_name}: alpha and beta", unpack(out["x.shift_squeeze"]), [alpha, beta])
    back = unpack(cast(program, folder, values, [len(values)],
                       ["--format", fmt_name, "--scale", "s2fp8", "--as", "values"])["x"])
    for i, (x, found) in enumerate(zip(values, unpack(out["x"]))):
        y = x
        if x and math.isfinite(x):
            y = to_float(Fraction(Decimal(2) ** (Decimal(alpha) * log2(abs(x)) + Decimal(beta))), x)
        code = fmt.encode(y, "rne", "standard", "zero")
        compare(f"s2fp8 {fmt_name}: code of {x!r}", found, code)
        v = fmt.decode(code)
        if v and math.isfinite(v):
            v = to_float(Fraction(Decimal(2) ** ((log2(abs(v)) - Decimal(beta)) / Decimal(alpha))), v)
        compare(f"s2fp8 {fmt_name}: value of {x!r}", same_float_bits(back[i]), same_float_bits(v))


def check_steps(program, folder, rng):
    """Scales that depend on the steps of a trace, stored out of order."""
    fmt_name, top, steps = "e4m3fn", Fraction(448), 9
    amaxes, tensors = {}, {}
    for step in rng.sample(range(steps), steps):
        for layer in ("a", "b"):
            values = [rng.gauss(0, 1) * 2.0 ** rng.randrange(-6, 7) for _ in range(50)]
            if step == 3 and layer == "a":
                values = [0.0] * 50
            data = struct.pack("<50f", *values)
            name = f"step{step * 10}/{layer}/grad_output"
            tensors[name] = ("F32", [50], data)
            amaxes[step, layer] = max(abs(Fraction(x)) for x in struct.unpack("<50f", data))
    source, target = folder / "steps.safetensors", folder / "steps_out.safetensors"
    safetensors.write(source, tensors)

    def scales(*options):
        out = run_cast(program, source, target, ["--format", fmt_name, *options])
        return {(s, l): Fraction(unpack(out[f"step{s * 10}/{l}/grad_output.scale"])[0])
                for s in range(steps) for l in ("a", "b")}

    for history, margin in ((1, 0), (3, 1), (16, 0)):
        found = scales("--scale", f"delayed:{history}:{margin}")
        for (step, layer), scale in found.items():
            window = [amaxes[s, layer] for s in range(max(0, step - history), step)]
            amax = max(window, default=0) or amaxes[step, layer]
            expected = round_to_float(top / (amax * 2**margin)) if amax else 1
            compare(f"delayed:{history}:{margin} step {step} layer {layer}", scale, expected)
    for start, interval in ((32, 2), (2**15, 2000), (1, 3)):
        found = scales("--scale", f"loss-scaling:{start}:{interval}")
        scale, good = Fraction(start), 0
        for step in range(steps):
            compare(f"loss-scaling:{start}:{interval} step {step}",
                    (found[step, "a"], found[step, "b"]), (scale, scale))
            if max(amaxes[step, "a"], amaxes[step, "b"]) * scale > top:
                scale, good = scale / 2, 0
            else:
                good += 1
                if good == interval:
                    scale, good = scale * 2, 0


def check_mean_log(program, folder, values):
    logs = [log2(abs(x)) for x in values if x and math.isfinite(x)]
    mean = sum(logs, Decimal(0)) / len(logs)
    out = cast(program, folder, values, [len(values)], ["--format", "e5m2", "--scale", "mean-log"])
    compare("mean-log", unpack(out["x.scale"]), [2.0 ** (int((-mean).to_integral_value("ROUND_HALF_EVEN")) - 3)])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--tensors", type=int, default=150, help="number of random block casts")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    args = parser.parse_args()
    print(f"seed {args.seed}")
    rng = random.Random(args.seed)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        for n in range(args.tensors):
            shape, axis, block = SHAPES[n % len(SHAPES)]
            fmt = rng.choice(ELEMENTS)
            if rng.random() < 0.25:
                scheme, fmt = f"nvfp4:{block}", rng.choice(ELEMENTS[:7])
            else:
                rules = RULES if math.prod(shape) < 300 else RULES[:-1]
                scheme = f"mx:{block}:{rng.choice(rules)}"
            rounding = rng.choice(["rne", "rne", "rup", "rtz", "sr:8", "sr:24"])
            check_blocks(args.program, folder, rng, fmt, scheme, block, shape, axis, rounding, args.seed)
        gradients = [struct.unpack("<f", struct.pack("<f", x))[0]
                     for x in (rng.choice((-1, 1)) * rng.lognormvariate(-9, 2.5) for _ in range(300))]
        check_shift_squeeze(args.program, folder, rng, "e5m2", gradients + [0.0, -0.0, math.inf])
        check_shift_squeeze(args.program, folder, rng, "e4m3fn", gradients)
        check_mean_log(args.program, folder, gradients + [0.0, math.nan])
        check_steps(args.program, folder, rng)
    print(f"{checked} comparisons, {wrong} differ")
    sys.exit(1 if wrong or not checked else 0)


if __name__ == "__main__":
    main()
