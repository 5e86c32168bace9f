"""The stream protocol, unbounded: the modules behind the trackers of streams/*.sv, and the assertions
in the modules themselves, proven by abc's property-directed reachability (it finds the inductive
invariant; `pdr` answers for runs of any length)."""
import pathlib
import re
import subprocess
import tempfile

from blocks import sources
from smt import Proof
from tools import ToolError, yosys

HERE = pathlib.Path(__file__).resolve().parent / "streams"


def run_pdr(top, parameters, folder, simple_lanes, replace=None, seconds=300):
    """'proved' or 'violated'. replace: (file, line, broken line) of rtl/."""
    folder = pathlib.Path(folder)
    files = []
    for path in sources():
        if simple_lanes and path.stem in ("quantizer_lane", "pruner_lane"):
            continue
        text = path.read_text()
        if replace and path.name == replace[0]:
            if text.count(replace[1]) != 1:
                raise ToolError(f"{path.name}: expected once, found {text.count(replace[1])} times: {replace[1]}")
            text = text.replace(replace[1], replace[2])
        (folder / path.name).write_text(text)
        files.append(path.name)
    chparam = "".join(f" -chparam {k} {v}" for k, v in parameters.items())
    yosys(f"read_verilog -sv -formal {' '.join(files)} {HERE}/tracker.sv {HERE}/{top}.sv "
          f"{HERE / 'simple_lanes.sv' if simple_lanes else ''}; "
          f"hierarchy -check -top {top}{chparam}; proc; flatten; opt -full; async2sync; dffunmap; "
          "techmap; opt; dfflegalize -cell $_DFF_P_ 01; opt_clean; abc -fast -g AND; opt_clean; "
          "write_aiger -zinit check.aig", folder)
    # What is broken shows in a few cycles; a search forward finds it at once.
    engine = f"bmc3 -F 25 -T {seconds}" if replace else f"scorr; pdr -T {seconds}"
    done = subprocess.run(["yosys-abc", "-c", f"read_aiger check.aig; fold; orpos; {engine}"],
                          cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if re.search(r"Property proved|networks are equivalent", done.stdout):
        return "proved"
    if "was asserted in frame" in done.stdout:
        return "violated"
    raise ToolError(f"abc decided nothing about {top}: {done.stdout[-400:]}")


def prove(top, parameters, simple_lanes, control):
    answers = []
    for replace in (None, control):
        with tempfile.TemporaryDirectory() as folder:
            answers.append(run_pdr(top, parameters, folder, simple_lanes, replace))
    return answers[0] == "proved", answers[1] == "violated"


LOSES = ("stream_buffer.sv", "tail_d       = data_i;", "tail_d       = head_q;")
STEPS = ("stream_stage.sv", "assign accepts_o = accepts;", "assign accepts_o = valid_i;")
UNREADY = ("stream_stage.sv", "assign ready_o   = !valid_q || buffer_ready;", "assign ready_o   = !valid_q;")
OVERRUN = ("stream_stage.sv", "assign ready_o   = !valid_q || buffer_ready;", "assign ready_o   = 1'b1;")
NO_FLUSH = ("compactor.sv", "flushes_d = last_q;", "flushes_d = 1'b0;")
# What is proven, the checker, parameters, whether simple lanes do, the line broken for the control,
# whether it is quick.
ROWS = [
    ("stream_buffer", "buffer_check", {}, False, LOSES, True),
    ("stream_stage", "buffer_check", {"Stage": "1'b1"}, False, OVERRUN, True),
    ("quantizer's shell, 2 lanes, rne", "quantizer_check", {"Rounding": 0, "RandomBits": 1}, True, LOSES, True),
    ("quantizer's shell, 2 lanes, sr:2", "quantizer_check", {}, True, STEPS, True),
    ("quantizer with its lane, e2m1f sr:2", "quantizer_check", {"Lanes": 1}, False, LOSES, False),
    ("pruner's shell, 1 lane, sr:2", "pruner_check", {"RandomBits": 2}, True, UNREADY, True),
    ("compactor, 2 lanes of 2 bits", "compactor_check", {}, False, NO_FLUSH, True),
    ("compactor, 3 lanes of 3 bits", "compactor_check", {"Lanes": 3, "CodeBits": 3}, False, LOSES, False),
    ("compactor to decompactor, 2 lanes of 2 bits", "round_trip_check", {}, False, LOSES, False),
]


def proofs():
    return [Proof("streams: nothing lost, order kept, handshake", name,
                  lambda row=tuple(row): prove(*row), "property-directed reachability", quick)
            for name, *row, quick in ROWS]
