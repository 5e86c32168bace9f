"""From a Verilog module to SMT-LIB, and the questions put to z3 about it."""
import dataclasses
import pathlib
import subprocess
import tempfile
import typing

from tools import ToolError, read, yosys

# To single gates: z3 proves a lane over gates in a second and fails over shifters of words.
GATES = "proc; flatten; opt -full; techmap; opt; aigmap; opt_clean; "
WORDS = "proc; flatten; opt_clean; "


@dataclasses.dataclass(frozen=True)
class Proof:
    """A claim and how it is shown. `prove` answers two questions: whether the claim holds, and
    whether a version of it that is false is found out (the negative control)."""
    block: str
    claim: str
    name: str  # of the parameters
    prove: typing.Callable[[], tuple]
    method: str
    control: str  # what is false in the control
    quick: bool = False
    reach: str = "every input"  # what it holds for
    format: typing.Any = None  # blocks.Format
    rounding: str = ""
    overflow: str = ""
    parts: tuple = ()  # the modules that it is about, if not `block` alone

    @property
    def title(self):
        return f"{self.block} {self.claim}: {self.name}"


def netlist(instance, prepare=GATES, extra=()):
    """SMT-LIB text of the module: functions |lane_n PORT| of a state of sort |lane_s|."""
    with tempfile.TemporaryDirectory() as folder:
        yosys(read(instance, "-D SYNTHESIS", extra) + prepare +
              "rename -top lane; write_smt2 -stbv -wires lane.smt2", folder)
        return (pathlib.Path(folder) / "lane.smt2").read_text()


def ask(questions, seconds=600):
    """z3's answers, `sat` or `unsat`, to texts without (check-sat), one process for all."""
    text = "(reset)\n".join(q + "\n(check-sat)\n" for q in questions)
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "question.smt2"
        path.write_text(text)
        done = subprocess.run(["z3", f"-T:{seconds}", str(path)], text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    answers = done.stdout.split("\n")[:-1]
    if len(answers) != len(questions) or not set(answers) <= {"sat", "unsat"}:
        raise ToolError(f"z3: expected {len(questions)} answers, found: {done.stdout[:600]}")
    return answers


def holds(claim, control):
    """(the claim holds, the control is found out): texts that z3 must find unsat and sat."""
    answers = ask([claim, control])
    return answers[0] == "unsat", answers[1] == "sat"


def bits(value, width):
    return f"(_ bv{value} {width})"


def port(state, name, width):
    value = f"(|lane_n {name}| {state})"
    if width == 1:  # write_smt2 gives a single bit as a Bool
        value = f"(ite {value} #b1 #b0)"
    return f"(define-fun {name}_{state} () (_ BitVec {width}) {value})\n"
