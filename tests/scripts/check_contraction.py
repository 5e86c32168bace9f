#!/usr/bin/env python3
"""No arithmetic in a header of models/ is left to its consumer's flags: check_contraction.py ROOT COMPILER.

The library is built with -ffp-contract=off; code inlined into a program built otherwise would round differently, and
the linker may even take that copy for the library's own. All headers are compiled as such a program would compile
them, every inline function kept, and none of ours may hold a fused multiply-add.
"""
import pathlib
import re
import subprocess
import sys

root, compiler = pathlib.Path(sys.argv[1]), sys.argv[2]
# Not installed: vectors of one source file of the library.
INTERNAL = {"models/synth/elementary.hpp"}

headers = sorted(str(path.relative_to(root)) for path in (root / "models").rglob("*.hpp"))
source = "".join(f'#include "{header}"\n' for header in headers if header not in INTERNAL)
done = subprocess.run([compiler, "-std=c++20", f"-I{root}", "-O2", "-fkeep-inline-functions", "-ffp-contract=fast",
                       "-march=haswell", "-S", "-o", "-", "-x", "c++", "-"],
                      input=source, capture_output=True, text=True, check=False)
if done.returncode != 0:
    sys.exit(done.stderr)
functions, function = set(), ""
for line in done.stdout.splitlines():
    if label := re.match(r"(_Z\w+):", line):
        function = label.group(1)
        functions.add(function)
    elif re.match(r"\s+vfn?m(add|sub)", line) and re.search(r"\d+gradpath", function):
        print(f"contracted: {function}")
        sys.exit(1)
ours = sum("8gradpath" in name for name in functions)
print(f"{ours} inline functions of {len(headers)} headers hold nothing to contract")
sys.exit(0 if ours > 50 else 1)
