"""Lint and synthesis checks of rtl/: every module, with the sets of parameters in rtl/blocks.json.

usage: elaborations.py lint|synth|refused RTL_DIR TOOL [MODULE...]
  lint   `verilator --lint-only -Wall` must be silent.
  synth  `yosys` must elaborate it, flattened, to coarse cells (scripts/synth maps them) with `check
         -assert` clean (no combinational loop, none through another module) and without a latch.
  refused  parameters that a module cannot have stop `verilator`, or `yosys`, with what it expects.
"""
import pathlib
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts/hardware"))
import blocks  # noqa: E402


def lint(tool, sources, folder, top, parameters):
    return [tool, "--lint-only", "-Wall", "--assert", "--top-module", top, "-F", str(folder / "gradpath.f"),
            *(f"-G{name}={value}" for name, value in parameters.items())]


def synth(tool, sources, folder, top, parameters):
    parameters = "".join(f" -chparam {name} {value}" for name, value in parameters.items())
    script = (f"read_verilog -sv {' '.join(map(str, sources))}; hierarchy -check -top {top}{parameters}; "
              "proc; select -assert-none t:$dlatch; synth -flatten -run begin:fine; check -assert; "
              "select -assert-none t:$_DLATCH*; select -assert-none t:$dlatch*")
    return [tool, "-q", "-p", script]


def main():
    what, folder, tool = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    sources = blocks.sources()
    listed, found = sorted(blocks.registry()), sorted(blocks.modules())
    if listed != found:
        sys.exit(f"modules in {folder}: {found}, in blocks.json: {listed}")
    listed = [line for line in (folder / "gradpath.f").read_text().splitlines() if not line.startswith("//")]
    if sorted(listed) != sorted(s.name for s in sources):
        sys.exit(f"files in {folder}: {[s.name for s in sources]}, in gradpath.f: {listed}")
    refuses, is_yosys = what == "refused", pathlib.Path(tool).name == "yosys"
    command = synth if what == "synth" or (refuses and is_yosys) else lint
    failures = runs = 0
    for top, block in blocks.registry().items():
        if sys.argv[4:] and top not in sys.argv[4:]:
            continue
        rows = block.get("refused", []) if refuses else block["elaborations"]
        for parameters in (dict(i.parameters) for row in rows for i in blocks.instances(top, row)):
            done = subprocess.run(command(tool, sources, folder, top, parameters), text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            runs += 1
            if refuses:
                good = done.returncode != 0 and ": expected " in done.stdout
            else:
                good = done.returncode == 0 and not done.stdout.strip()
            if not good:
                failures += 1
                print(f"{top} {parameters}: exit code {done.returncode}\n{done.stdout}")
    print(f"{runs} elaborations, {failures} failed")
    sys.exit(1 if failures or runs == 0 else 0)


main()
