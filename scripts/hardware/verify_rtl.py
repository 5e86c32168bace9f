"""`gradpath verify` of one module with any parameters: scripts/verify-rtl.

The banks of sim/verify/banks read their rows from *_table.sv; this writes one with the row that is asked for
and builds the program over it (-DGRADPATH_RTL_TABLES), in a folder of its own.
"""
import argparse
import os
import re
import shutil
import subprocess
import sys

import blocks
from tools import write_atomically

FOLDER = blocks.ROOT / "build/verify-rtl"
BANKS = blocks.ROOT / "sim/verify/banks"
FORMAT = ["format", "round", "overflow", "scaled"]
COUNTS = ["count_bits"]
# What a module's row is made of: the options that it takes, and its fields (value, bits) from the top.
ROWS = {
    "quantizer_lane": (["format", "round", "scaled"], None),
    "pruner_lane": (["random_bits"], lambda a: [(a.random_bits, 8)]),
    "multiplier": (["format"], lambda a: quantizer(a)),
    "quantizer": (["lanes", *FORMAT], lambda a: [(0, 4), (a.overflow == "saturate", 4), (a.lanes, 8), *quantizer(a)]),
    "pruner": (["lanes", "random_bits"], lambda a: [(1, 4), (0, 4), (a.lanes, 8), (a.random_bits, 32)]),
    "compactor": (["lanes", "format"], lambda a: [*quantizer(a)[:-1], (a.lanes, 8)]),
    "decompactor": (["lanes", "format"], lambda a: [*quantizer(a)[:-1], (a.lanes, 8)]),
    "amax_unit": (["lanes", "format"], lambda a: [(0, 8), (a.lanes, 8), *quantizer(a)]),
    "threshold_histogram": (["lanes", "first_field", "binades", "mantissa_bits", *COUNTS], lambda a: [
        (1, 8), (a.lanes, 8), (a.first_field, 8), (a.binades, 8), (a.mantissa_bits, 8), (a.count_bits, 8)]),
    "threshold_log": (["lanes", *COUNTS], lambda a: [(2, 8), (a.lanes, 8), (0, 24), (a.count_bits, 8)]),
    "front_end": (["lanes", "format", "round", "random_bits", "logs", "first_field", "binades", *COUNTS], lambda a: [
        (a.logs, 8), (a.first_field, 8), (a.binades, 8), (a.count_bits, 8), (a.random_bits, 8), (a.lanes, 8),
        *quantizer(a, scaled=1)]),
}
OPTIONS = {
    "lanes": dict(type=int, default=4, choices=range(1, 9), help="1 to 8 (default: 4)"),
    "format": dict(type=blocks.format_of, default="e5m2", help="a signed format of 2 to 8 bits (default: e5m2)"),
    "round": dict(default="rne", help="rne, rna, rtz, rup, rdn, rto, sr:R, sru:R (default: rne)"),
    "overflow": dict(default="standard", choices=("standard", "saturate"), help="(default: standard)"),
    "scaled": dict(action="store_true", help="with a scale exponent"),
    "random_bits": dict(type=int, default=24, choices=range(1, 25), help="of a pruner, 1 to 24 (default: 24)"),
    "logs": dict(action="store_true", help="threshold_log in place of threshold_histogram"),
    "first_field": dict(type=int, default=80, help="of the histogram's lowest binade (default: 80)"),
    "binades": dict(type=int, default=64, help="of the histogram (default: 64)"),
    "mantissa_bits": dict(type=int, default=1, choices=range(3), help="of the histogram (default: 1)"),
    "count_bits": dict(type=int, default=13, choices=range(6, 29), help="6 to 28 (default: 13)"),
}


def fields_of_rounding(text):
    return tuple(value for _, value in blocks.rounding_parameters(text))


def quantizer(a, scaled=None):
    """A row as in quantizer_lane_table.sv."""
    mode, random_bits = fields_of_rounding(getattr(a, "round", "rne"))
    fmt = a.format
    return [(fmt.exponent_bits, 4), (fmt.mantissa_bits, 4), (fmt.bias, 8), (mode, 4),
            (getattr(a, "scaled", False) if scaled is None else scaled, 1), (blocks.ENDINGS[fmt.ending], 3),
            (random_bits, 8)]


def literal(fields):
    value = bits = 0
    for field, width in fields:
        if not 0 <= field < 1 << width:
            raise ValueError(f"{int(field)} does not fit into {width} bits")
        value, bits = value << width | int(field), bits + width
    return f"{bits}'h{value:x}"


def table(module, arguments):
    """(The table's file name, its text with the one row.)"""
    family = blocks.registry()[module]["verify"]
    path = BANKS / family / f"{family}_table.sv"
    text = path.read_text()
    if module == "quantizer_lane":
        row = quantizer(arguments)
        lists = {"Formats": [row[0], row[1], row[2], row[5]], "Roundings": [row[3], row[6]], "Others": row}
    else:
        lists = {"Rows": ROWS[module][1](arguments)}
    for name, fields in lists.items():
        text, found = re.subn(rf"localparam {name} = \{{.*?\n?\s*\}};", f"localparam {name} = {literal(fields)};", text,
                              count=1, flags=re.DOTALL)
        assert found == 1, (path, name)
    return path.name, text


def main():
    parser = argparse.ArgumentParser(prog="scripts/verify-rtl", description=__doc__.splitlines()[0])
    modules = parser.add_subparsers(dest="module", required=True, metavar="MODULE")
    own, rest = sys.argv[1:], []
    if "--" in own:
        own, rest = own[:own.index("--")], own[own.index("--") + 1:]
    for module, (options, _) in ROWS.items():
        of_module = modules.add_parser(module)
        for option in options:
            of_module.add_argument(f"--{option.replace('_', '-')}", **OPTIONS[option])
    arguments = parser.parse_args(own)
    if isinstance(getattr(arguments, "format", None), str):
        arguments.format = blocks.format_of(arguments.format)
    try:
        name, text = table(arguments.module, arguments)
    except (ValueError, KeyError) as error:
        parser.error(str(error))
    # What another run wrote stays as it is built; a table that did not change keeps its time.
    path = FOLDER / "tables" / name
    if not path.exists() or path.read_text() != text:
        write_atomically(path, text)
    build = FOLDER / "build"
    print("building (minutes the first time)", file=sys.stderr)
    launcher = [f"-DCMAKE_{language}_COMPILER_LAUNCHER=ccache" for language in ("C", "CXX") if shutil.which("ccache")]
    for command in (["cmake", "--preset", "release", "-B", build, "-DGRADPATH_BUILD_TESTS=OFF", *launcher,
                     f"-DGRADPATH_RTL_TABLES={path.parent}"],
                    ["cmake", "--build", build, "--parallel", str(os.cpu_count()), "--target", "gradpath"]):
        done = subprocess.run(command, cwd=blocks.ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if done.returncode:
            # A parameter that a module refuses says so in its own words.
            print(*[line for line in done.stdout.splitlines() if "rror" in line][:8], sep="\n", file=sys.stderr)
            return 2
    return subprocess.run([build / "bin/gradpath", "verify", "--module", arguments.module, *rest]).returncode


if __name__ == "__main__":
    sys.exit(main())
