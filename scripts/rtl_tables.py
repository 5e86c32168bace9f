"""Writes the tables of rtl/ from their definitions (docs/numerics.md, "Threshold units").

usage: rtl_tables.py RTL_DIR [--check]    --check writes nothing, exits with 1 if a file would change

Needs the standard library alone: the tables are computed here from the error function, apart from the
golden model, which has them from models/theory.
"""
import math
import pathlib
import sys


def pruned(u, s):
    """S(u) of arXiv 2006.08173 for lognormal magnitudes of sigma s (nats)."""
    cdf = lambda x: math.erfc(-x / math.sqrt(2)) / 2
    return cdf(u) - math.exp(s * s / 2 - s * u) * cdf(u - s)


def threshold(kept_octaves, variance_octaves):
    """log2 of threshold over median, where 2^-kept_octaves are kept and log2|x| has variance
    2^variance_octaves."""
    octaves = 2.0 ** (variance_octaves / 2)
    s = octaves * math.log(2)
    target = 1 - 2.0 ** -kept_octaves
    low, high = -12.0, 60.0
    for _ in range(200):
        middle = (low + high) / 2
        low, high = (middle, high) if pruned(middle, s) < target else (low, middle)
    return octaves * (low + high) / 2


def module(name, comment, index_bits, value_bits, values):
    def literal(value):
        return f"-{value_bits}'sd{-value}" if value < 0 else f"{value_bits}'{'s' if signed else ''}d{value}"
    signed = min(values) < 0
    kind = "logic signed" if signed else "logic"
    lines = "".join(f"      {index_bits}'d{i}: value_o = {literal(v)};\n" for i, v in enumerate(values))
    return (f"{comment}\n// Written by scripts/rtl_tables.py.\n//\n// Combinational.\nmodule {name} (\n"
            f"    input  logic [{index_bits - 1}:0] index_i,\n"
            f"    output {kind} [{value_bits - 1}:0] value_o\n);\n\n  always_comb begin\n"
            f"    unique case (index_i)\n{lines}      default: value_o = '0;\n    endcase\n  end\n\nendmodule\n")


def tables():
    half = 0.5
    log2 = [round(256 * math.log2(1 + (i + half) / 64)) for i in range(64)]
    exp2 = [round(1024 * (2 ** ((4 * i + 1.5) / 256) - 1)) for i in range(64)]
    # Rows: kept_octaves 1/32 in place of 0, 1/2, .. 6; columns: variance_octaves -4, -7/2, .. 8.
    rows = [[round(256 * threshold(max(t / 2, 1 / 32), w / 2 - 4)) for w in range(25)] for t in range(13)]
    return {
        "log2_table": module("log2_table", "// log2(1 + f) in 256ths for the top six bits of a fraction f, at the\n"
                             "// middle of what they leave open.", 6, 8, log2),
        "exp2_table": module("exp2_table", "// 2^f - 1 in 1024ths for the top six bits of a fraction f of eight, at\n"
                             "// the middle of what they leave open.", 6, 10, exp2),
        "threshold_table": module(
            "threshold_table", "// log2(threshold / median) in 256ths for stochastic pruning of lognormal magnitudes.\n"
            "// Index 25 t + w: 2^(-t/2) of the elements are kept (kept 2^(-1/32) for t = 0), the variance of\n"
            "// log2|x| is 2^(w/2 - 4).", 9, 15, [v for row in rows for v in row]),
    }


def main():
    folder, check = pathlib.Path(sys.argv[1]), "--check" in sys.argv
    stale = [name for name, text in tables().items()
             if not (folder / f"{name}.sv").exists() or (folder / f"{name}.sv").read_text() != text]
    for name in stale:
        print(f"{name}.sv {'differs from its definition' if check else 'written'}")
        if not check:
            (folder / f"{name}.sv").write_text(tables()[name])
    sys.exit(1 if check and stale else 0)


main()
