#!/usr/bin/env python3
"""Every #include follows the arrows of docs/architecture.md: check_includes.py ROOT."""
import pathlib
import re
import sys

# folder -> folders it may include from (longest prefix wins)
MAY_USE = {
    "models": ["models"],
    "traces": ["traces", "models"],
    "sim/datapath": ["sim/datapath", "traces", "models"],
    "sim/verify": ["sim/verify", "models"],
    "sim/verify/banks": ["sim/verify/banks", "models"],
    "sim/verify/stimulus": ["sim/verify/stimulus", "sim/verify/banks", "models"],
    "sim/cosim": ["sim/cosim", "sim/datapath", "sim/verify/banks", "traces", "models"],
    "sim/explore": ["sim/explore", "traces", "models"],
    "sim/python": ["sim/python", "sim/explore", "traces", "models"],
    "sim/report": ["sim/report", "sim/explore", "models"],
    "sim/cli": ["sim", "traces", "models"],
}
# The rooms of models: each may include from itself and from those before it.
ROOMS = ("specification", "round", "format", "theory", "stats", "synth", "quantize", "sparse", "mac", "scale", "schemes",
         "profile", "prune")
# Only these folders may know SystemC or Verilated code.
KNOWS_HARDWARE = ("sim/datapath", "sim/verify", "sim/verify/banks", "sim/cosim")

root = pathlib.Path(sys.argv[1])
problems, checked = [], 0
for folder, allowed in MAY_USE.items():
    for path in sorted((root / folder).rglob("*.[ch]pp")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = re.match(r'\s*#\s*include\s*(["<])([^">]+)[">]', line)
            if not match:
                continue
            checked += 1
            kind, target = match.groups()
            where = f"{path.relative_to(root)}:{number}"
            if kind == '"' and not any(target.startswith(a + "/") for a in allowed):
                if not (target.startswith("V") and folder in KNOWS_HARDWARE):
                    problems.append(f"{where}: {folder} may not include {target}")
            room, needed = (p.split("/")[1] for p in (str(path.relative_to(root)), f"{target}/."))
            if folder == "models" and kind == '"' and needed in ROOMS:
                if room not in ROOMS or ROOMS.index(room) < ROOMS.index(needed):
                    problems.append(f"{where}: models/{room} may not include {target}; the order is "
                                    + ", ".join(ROOMS))
            if re.match(r"systemc|verilated", target) and folder not in KNOWS_HARDWARE:
                problems.append(f"{where}: {folder} may not know {target}")
print("\n".join(problems) or f"{checked} includes follow the arrows")
sys.exit(1 if problems or checked == 0 else 0)
