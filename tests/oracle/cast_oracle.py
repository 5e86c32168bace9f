#!/usr/bin/env python3
"""Every code of every format, and every cast of inputs chosen to hurt, against exact arithmetic.

  cast_oracle.py GRADPATH [--inputs N] [--formats a,b,...] [--seed N]

Runs `gradpath formats NAME` and `gradpath cast` and compares with first_principles.py. Exit code 1
names the first mismatch of each kind.
"""
import argparse
import csv
import io
import math
import random
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import first_principles as exact
import random_words
import safetensors

NAMED = ["e5m2", "e4m3", "e4m3fn", "e3m4", "e5m2fnuz", "e4m3fnuz", "e4m3b11fnuz", "e8m0fnu",
         "e3m2fn", "e2m3fn", "e2m1fn", "fp16", "bf16", "dlfloat16"]
# Every split of 4 to 8 bits with every ending, and some odd biases.
SPLITS = [f"e{e}m{m}{ending}" for bits in range(2, 9) for e in range(1, bits) for m in [bits - 1 - e]
          for ending in ("", "fn", "f", "fnuz") if (e, m, ending) not in ((1, 0, ""), (1, 0, "fn"))]
P3109 = ["binary8p3se", "binary8p4sf", "binary8p1se", "binary8p4ue", "binary6p3uf", "binary4p2se"]
ODD = ["e4m3b0", "e4m3b15fn", "e5m2b31f", "e8m3b140", "e2m5b3fnuz", "tf32"]
ROUNDINGS = ["rne", "rna", "rtz", "rup", "rdn", "rto", "sr:1", "sr:8", "sr:24", "sru:3", "sru:24"]


def run(command):
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{' '.join(command)}\nexit code {done.returncode}: {done.stderr}")
    return done.stdout


def check_codes(program, name):
    fmt = exact.Format(name)
    rows = list(csv.DictReader(io.StringIO(run([program, "formats", name, "--csv", "-"]))))
    assert len(rows) == 2**fmt.bits, f"{name}: {len(rows)} codes listed, expected {2**fmt.bits}"
    wrong = 0
    for code, row in enumerate(rows):
        assert int(row["code"], 16) == code, f"{name}: row {code} is code {row['code']}"
        expected, found = fmt.decode(code), float.fromhex(row["value"])
        same = (math.isnan(expected) and math.isnan(found)) or (
            expected == found and math.copysign(1, expected) == math.copysign(1, found))
        if not same:
            wrong += 1
            if wrong == 1:
                print(f"{name} code {code:#x}: found {found!r}, expected {expected!r}")
    return len(rows), wrong


def check_casts(program, name, args, folder):
    fmt = exact.Format(name)
    inputs = exact.adversarial_bits(fmt, random.Random(args.seed), args.inputs)
    values = [exact.float32(bits) for bits in inputs]
    source, target = folder / "in.safetensors", folder / "out.safetensors"
    safetensors.write(source, {"x": ("F32", [len(inputs)], struct.pack(f"<{len(inputs)}I", *inputs))})
    seed = random_words.tensor_seed(args.seed, random_words.QUANTIZER, "x")
    checked = wrong = 0
    for rounding in ROUNDINGS:
        kind, _, random_bits = rounding.partition(":")
        mode = (kind, int(random_bits)) if random_bits else rounding
        for overflow, flush in (("standard", "none"), ("saturate", "none"), ("standard", "both")):
            run([program, "cast", str(source), "--tensors", "x", "--format", name, "--round", rounding,
                 "--overflow", overflow, "--flush", flush, "--nan", "zero", "--as", "codes", "--seed", str(args.seed),
                 "--quiet", "-o", str(target)])
            dtype, _, data = safetensors.read(target)[0]["x"]
            codes = struct.unpack(f"<{len(inputs)}{ {'U8': 'B', 'U16': 'H', 'U32': 'I'}[dtype] }", data)
            for i, (bits, x, code) in enumerate(zip(inputs, values, codes)):
                word = random_words.counter_word(seed, i) if rounding.startswith("sr") else 0
                expected = fmt.encode(x, mode, overflow, "zero", word, flush == "both")
                checked += 1
                if code != expected:
                    wrong += 1
                    if wrong <= 3:
                        print(f"{name} {rounding} {overflow} flush {flush}: input {bits:#010x} ({x!r}) word {word:#x}: "
                              f"found code {code:#x}, expected {expected:#x}")
    return checked, wrong


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("program")
    parser.add_argument("--inputs", type=int, default=1800, help="least number of inputs a format")
    parser.add_argument("--formats", help="comma-separated; default: the named ones and odd biases")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    args = parser.parse_args()
    print(f"seed {args.seed}")
    formats = args.formats.split(",") if args.formats else NAMED + P3109 + ODD
    codes = casts = wrong = 0
    for name in dict.fromkeys(formats if args.formats else NAMED + SPLITS + P3109 + ODD):
        checked, bad = check_codes(args.program, name)
        codes, wrong = codes + checked, wrong + bad
    with tempfile.TemporaryDirectory() as folder:
        for name in formats:
            checked, bad = check_casts(args.program, name, args, Path(folder))
            casts, wrong = casts + checked, wrong + bad
    print(f"{codes} codes and {casts} casts compared, {wrong} differ")
    sys.exit(1 if wrong or not codes or not casts else 0)


if __name__ == "__main__":
    main()
