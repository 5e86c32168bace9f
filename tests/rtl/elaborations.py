"""Lint and synthesis checks of rtl/: every module, with the sets of parameters in rtl/blocks.json.

usage: elaborations.py lint|synth RTL_DIR TOOL
  lint   `verilator --lint-only -Wall` must be silent.
  synth  `yosys` must elaborate it, flattened, to coarse cells (scripts/synth maps them) with `check
         -assert` clean (no combinational loop, none through another module) and without a latch.
"""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts/hardware"))
import blocks  # noqa: E402


def lint(tool, sources, folder, top, parameters):
    return [tool, "--lint-only", "-Wall", "--assert", "--top-module", top, "-y", str(folder),
            *(f"-G{name}={value}" for name, value in parameters.items()), str(folder / f"{top}.sv")]


def synth(tool, sources, folder, top, parameters):
    parameters = "".join(f" -chparam {name} {value}" for name, value in parameters.items())
    script = (f"read_verilog -sv {' '.join(map(str, sources))}; hierarchy -check -top {top}{parameters}; "
              "proc; select -assert-none t:$dlatch; synth -flatten -run begin:fine; check -assert; "
              "select -assert-none t:$_DLATCH*; select -assert-none t:$dlatch*")
    return [tool, "-q", "-p", script]


def main():
    what, folder, tool = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    sources = sorted(folder.glob("*.sv"))
    listed, found = sorted(blocks.registry()), [s.stem for s in sources]
    if listed != found:
        sys.exit(f"modules in {folder}: {found}, in blocks.json: {listed}")
    command = {"lint": lint, "synth": synth}[what]
    failures = runs = 0
    for top, block in blocks.registry().items():
        for instance in (i for row in block["elaborations"] for i in blocks.instances(top, row)):
            parameters = dict(instance.parameters)
            done = subprocess.run(command(tool, sources, folder, top, parameters), text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            runs += 1
            if done.returncode != 0 or done.stdout.strip():
                failures += 1
                print(f"{top} {parameters}: exit code {done.returncode}\n{done.stdout}")
    print(f"{runs} elaborations, {failures} failed")
    sys.exit(1 if failures or runs == 0 else 0)


main()
