"""The stream protocol, unbounded: the modules behind the trackers of streams/*.sv, and the assertions
in the modules themselves, proven by abc's property-directed reachability (it finds the inductive
invariant; `pdr` answers for runs of any length) or, where it is asked of each assertion alone, by
k-induction before it."""
import pathlib
import re
import subprocess
import tempfile

from blocks import sources, sources_of
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


LOSES = ("stream_buffer.sv", "tail_d       = data_i;", "tail_d       = head_q;")
STEPS = ("stream_stage.sv", "assign accepts_o = accepts;", "assign accepts_o = valid_i;")
UNREADY = ("stream_stage.sv", "assign ready_o   = !valid_q || buffer_ready;", "assign ready_o   = !valid_q;")
OVERRUN = ("stream_stage.sv", "assign ready_o   = !valid_q || buffer_ready;", "assign ready_o   = 1'b1;")
NO_FLUSH = ("compactor.sv", "flushes_d = last_q;", "flushes_d = 1'b0;")
LATER = ("amax_unit.sv", "peak_q > amax_q", "peak_q != '0")
FINER = ("threshold_histogram.sv", "- 2 * MantissaBits - 2)", "- 2 * MantissaBits - 3)")
OVERSHOT = ("threshold_log.sv", "StepBits'(WideBits - KeptBits)", "StepBits'(WideBits - KeptBits + 1)")
STREAM = "loses nothing, keeps order and handshake"
OWN = "keeps a result until it is taken, and its registers within the bounds that it asserts"
# Block and its parts, what is proven, of what, the checker, parameters, whether simple lanes do, the
# line broken for the control, whether it is quick; whether each assertion is shown alone.
ROWS = [
    (("stream_buffer",), STREAM, "2 bits", "buffer_check", {}, False, LOSES, True),
    (("stream_stage",), STREAM, "2 bits", "buffer_check", {"Stage": "1'b1"}, False, OVERRUN, True),
    (("quantizer",), STREAM, "2 lanes, rne, any lane logic", "quantizer_check",
     {"Rounding": 0, "RandomBits": 1}, True, LOSES, True),
    (("quantizer",), STREAM, "2 lanes, sr:2, any lane logic", "quantizer_check", {}, True, STEPS, True),
    (("quantizer",), STREAM, "1 lane, e2m1f sr:2", "quantizer_check", {"Lanes": 1}, False, LOSES, False),
    (("pruner",), STREAM, "1 lane, sr:2, any lane logic", "pruner_check", {"RandomBits": 2}, True, UNREADY, True),
    (("compactor",), STREAM, "2 lanes of 2 bits", "compactor_check", {}, False, NO_FLUSH, True),
    (("compactor",), STREAM, "3 lanes of 3 bits", "compactor_check", {"Lanes": 3, "CodeBits": 3}, False, LOSES, False),
    (("compactor", "decompactor"), "give back the beats that entered", "2 lanes of 2 bits", "round_trip_check", {},
     False, LOSES, False),
    (("amax_unit",), "answers the largest finite magnitude and keeps it until it is taken", "2 lanes", "amax_check",
     {}, False, LATER, True, True),
    (("amax_unit",), "answers the largest finite magnitude and keeps it until it is taken", "8 lanes", "amax_check",
     {"Lanes": 8}, False, LATER, False, True),
    (("threshold_histogram",), OWN, "2 lanes, 8 binades, 8 bits of count", "threshold_check", {}, False, FINER, False,
     True),
    (("threshold_log",), OWN, "2 lanes, 8 bits of count", "threshold_check", {"Log": "1'b1"}, False, OVERSHOT, False,
     True),
]


def proof(parts, claim, name, top, parameters, simple_lanes, control, quick, alone=False):
    method = "property-directed reachability"
    return Proof(
        " to ".join(parts), claim, name,
        lambda: prove(top, parts, parameters, simple_lanes, alone, control),
        f"k-induction or {method}" if alone else method,
        f"{control[0]}: `{control[1]}` becomes `{control[2]}`", quick,
        "any stalls and resets, runs of any length", parts=parts)


def proofs():
    return [proof(*row) for row in ROWS]
