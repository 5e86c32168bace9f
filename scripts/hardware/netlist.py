"""A netlist after synthesis beside its source, for a solver."""
import subprocess

from tools import ToolError, read, yosys

SECONDS = 10
# To a netlist of gates and flip-flops that begin at 0.
TO_AIGER = ("setundef -init -zero; opt -full -nosdff -nodffe; memory_map; techmap; dffunmap; simplemap; "
            "setundef -undriven -zero; setundef -zero; aigmap; opt_clean; write_aiger -zinit")


def netlist_proof(instance, folder, liberty):
    """The netlist measured.il (top `measured`) in `folder` beside what it was made from, every output in
    every cycle from registers at 0 on: "source" if it equals the source as elaborated; "words" if that was
    too hard, and it equals words.il (top `gold`), what yosys had made of it before it chose gates;
    "undecided". ToolError if a difference exists."""
    gate_level = (f"read_liberty -ignore_miss_func {liberty}; read_rtlil measured.il; hierarchy -top measured; "
                  "flatten; rename -top gate; opt_clean; design -stash gate; ")
    join = ("design -stash gold; design -copy-from gold gold; design -copy-from gate gate; "
            f"miter -equiv -flatten gold gate miter; hierarchy -top miter; {TO_AIGER} miter.aig")
    for kind, made in (("source", f"{read(instance)} proc; flatten; opt -full; memory; rename -top gold; "),
                       ("words", "read_rtlil words.il; ")):
        yosys(gate_level + made + join, folder)
        try:
            proof = ["yosys-abc", "-c", "read miter.aig; strash; scorr; fraig; pdr"]
            log = subprocess.run(proof, cwd=folder, text=True, timeout=SECONDS, stdout=subprocess.PIPE,
                                 stderr=subprocess.STDOUT).stdout
        except subprocess.TimeoutExpired:
            continue
        if "Property proved" in log or "Networks are equivalent" in log:
            return kind
        if "was asserted" in log:
            raise ToolError(f"the netlist is not equal to the {kind}: {log.strip().splitlines()[-1]}")
    return "undecided"
