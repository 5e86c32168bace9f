"""The stream protocol, unbounded: the modules behind the trackers of streams/*.sv, and the assertions
in the modules themselves, proven by abc's property-directed reachability (it finds the inductive
invariant; `pdr` answers for runs of any length) or, where it is asked of each assertion alone, by
k-induction before it."""
import pathlib
import re
import subprocess
import tempfile

from blocks import registry, sources, sources_of
from smt import Proof
from tools import ToolError, yosys

HERE = pathlib.Path(__file__).resolve().parent / "streams"


def run(top, parts, parameters, folder, simple_lanes, alone, replace=None, seconds=900):
    """'proved' or 'violated'. top: a checker of streams/. parts: the modules of rtl/ in it. alone: each
    assertion by itself. replace: (file, line, broken line) of rtl/."""
    folder = pathlib.Path(folder)
    files = [f"{HERE}/tracker.sv", f"{HERE}/{top}.sv"]
    if simple_lanes:
        files.append(str(HERE / "simple_lanes.sv"))
    for path in sources():
        if not any(path in sources_of(part) for part in parts) or (
                simple_lanes and path.stem in ("quantizer_lane", "pruner_lane")):
            continue
        text = path.read_text()
        if replace and path.name == replace[0]:
            if text.count(replace[1]) != 1:
                raise ToolError(f"{path.name}: expected once, found {text.count(replace[1])} times: {replace[1]}")
            text = text.replace(replace[1], replace[2])
        (folder / path.name).write_text(text)
        files.append(path.name)
    chparam = "".join(f" -chparam {k} {v}" for k, v in parameters.items())
    yosys(f"read_verilog -sv -formal {' '.join(files)}; "
          f"hierarchy -check -top {top}{chparam}; proc; flatten; memory; opt -full; async2sync; dffunmap; "
          "techmap; opt; dfflegalize -cell $_DFF_P_ 01; opt_clean; abc -fast -g AND; opt_clean; "
          "write_aiger -zinit check.aig", folder)
    # What is broken shows in a few cycles; a search forward finds it at once.
    if replace:
        engines = [f"orpos; bmc3 -F 80 -T {seconds}"]
    elif alone:
        assertions = int((folder / "check.aig").read_bytes().split(maxsplit=7)[6])
        # `ind` is the step of the induction alone: its base are the first frames, of which it takes 4 at most.
        engines = [f"cone -s -O {i}; scorr; bmc3 -F 8; ind -F 4; pdr -T {seconds}" for i in range(assertions)]
    else:
        engines = [f"orpos; scorr; pdr -T {seconds}"]
    return "violated" if "violated" in [decide(engine, folder, top) for engine in engines] else "proved"


def decide(engine, folder, top):
    done = subprocess.run(["yosys-abc", "-c", f"read_aiger check.aig; fold; {engine}"],
                          cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if "was asserted in frame" in done.stdout:
        return "violated"
    if re.search(r"Property proved|[Nn]etworks are equivalent", done.stdout):
        return "proved"
    raise ToolError(f"abc decided nothing about {top}: {done.stdout[-400:]}")


def prove(top, parts, parameters, simple_lanes, alone, control):
    answers = []
    for replace in (None, control):
        with tempfile.TemporaryDirectory() as folder:
            answers.append(run(top, parts, parameters, folder, simple_lanes, alone, replace))
    return answers[0] == "proved", answers[1] == "violated"


def proof(name, row):
    """A row "proofs" of rtl/blocks.json: what is claimed (`claim`) of a block with its `parts` and of which
    parameters (`of`), the checker, whether simple lanes do, whether each assertion is shown alone, and the line
    broken for the control."""
    parts, control, alone = tuple(row.get("parts", [name])), row["control"], row.get("alone", False)
    method = "property-directed reachability"
    return Proof(
        " to ".join(parts), row["claim"], row["of"],
        lambda: prove(row["checker"], parts, row.get("parameters", {}), row.get("simple_lanes", False), alone, control),
        f"k-induction or {method}" if alone else method,
        f"{control[0]}: `{control[1]}` becomes `{control[2]}`", row.get("quick", False),
        "any stalls and resets, runs of any length", parts=parts)


def proofs():
    return [proof(name, row) for name, block in registry().items() for row in block.get("proofs", [])]
