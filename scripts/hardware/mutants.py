"""Mutants of the RTL's blocks by yosys `mutate`, and a copy of rtl/ that holds them all.

A mutant is one bit of one cell's port inverted, stuck, or connected elsewhere. All mutants of a target
stand in one netlist behind the input `mutsel`. In the copy, a module with the target's parameters is
that netlist; its mutsel is what gradpath_mutant_number() (a C function) says, counted over all targets,
0 for none. Modules with other parameters are as they were.
"""
import dataclasses
import json
import re

import blocks
from blocks import Instance
from tools import read, write_atomically, yosys

PACKAGE = """package mutant_select;
  import "DPI-C" pure function int gradpath_mutant_number();

  // Which of `count` mutants, the first of which has the number `first`; 0: none of them.
  function automatic logic [7:0] among(int first, int count);
    int chosen;
    chosen = gradpath_mutant_number() - first + 1;
    return chosen > 0 && chosen <= count ? 8'(chosen) : 8'd0;
  endfunction
endpackage
"""


@dataclasses.dataclass(frozen=True)
class Target:
    """An instance that stands in the tables of sim/verify/banks, how many mutants of it, and the
    arguments of `gradpath verify` that look at every module in which it stands."""
    instance: Instance
    mutants: int
    verify: tuple

    @property
    def name(self):
        return self.instance.name


def targets():
    """The rows "mutants" of rtl/blocks.json, combinational blocks first. The smallest parameters that a table
    has, since proofs of what survives grow with them, but what stands inside another target is not there: that
    is a netlist."""
    made = [(name, Target(instance, row["count"], tuple(row["verify"].split())))
            for name, block in blocks.registry().items() for row in block.get("mutants", [])
            for instance in blocks.instances(name, row)]
    return [t for _, t in sorted(made, key=lambda m: "clk_i" in (blocks.RTL / f"{m[0]}.sv").read_text())]


def make_netlist(job):
    """Writes mutated.il (top `mutated`, for proofs), mutated.v (top NAME) and ports.json into `folder`;
    returns the mutants as yosys names them, in order."""
    target, seed, folder, name = job
    folder.mkdir(parents=True, exist_ok=True)
    begin = read(target.instance, "-DSYNTHESIS") + "proc; flatten; memory; opt -full; rename -top mutated; "
    log = yosys(f"{begin}mutate -list {target.mutants} -seed {seed} -ctrl mutsel 8 1 -o mutants.txt", folder)
    assert "Warning: Latch" not in log
    lines = (folder / "mutants.txt").read_text().splitlines()
    # A gated clock is no fault of the logic, and the provers below know one clock.
    lines = [re.sub(r"mutsel 8 \d+", f"mutsel 8 {k}", line) for k, line in
             enumerate((x for x in lines if not re.search(r"-port (CLK|\w+_CLK) ", x)), start=1)]
    (folder / "mutants.txt").write_text("\n".join(lines) + "\n")
    yosys(f"{begin}script mutants.txt; write_json ports.json; write_rtlil mutated.il; rename mutated {name}; "
          "write_verilog -noattr mutated.v", folder)
    return lines


def ports_of(folder):
    """[(name, width)] of inputs, without clock and mutsel, and of outputs; whether there is a clock."""
    ports = json.loads((folder / "ports.json").read_text())["modules"]["mutated"]["ports"]
    sides = {"input": [], "output": []}
    for name, port in ports.items():
        if name not in ("clk_i", "mutsel"):
            sides[port["direction"]].append((name, len(port["bits"])))
    return sides["input"], sides["output"], "clk_i" in ports


def place(line):
    """Where in rtl/ a mutant is, and what it does."""
    mode = re.search(r"-mode (\S+)", line)[1]
    port = re.search(r"-port (\S+) -portbit (\d+)", line)
    sources = [s for s in re.findall(r"-src \S*?([\w]+\.sv:\d+)", line)]
    return f"{sources[-1] if sources else '?'} {mode} of {port[1]}[{port[2]}]" if port else line


def with_netlists(text, netlists):
    """A module's text with its body behind a choice by parameters; netlists: (target, name, first
    number, mutants, ports)."""
    head_end = re.search(r"^\);$", text, re.MULTILINE).end()
    head, body = text[:head_end], text[head_end:]
    defaults = re.findall(r"^\s+parameter\s+[\w\[\]: ]*?(\w+)\s*=\s*([\w':]+)", head, re.MULTILINE)
    made = []
    for target, name, first, count, (inputs, outputs, has_clock) in netlists:
        values = {**dict(defaults), **dict(target.instance.parameters)}
        chosen = " && ".join(f"{parameter} == {value}" for parameter, value in values.items()) or "1"
        connections = [*(n for n, _ in inputs), *(n for n, _ in outputs), *(["clk_i"] if has_clock else [])]
        made.append(f"  if ({chosen}) begin : gen_{name}\n"
                    "    logic [7:0] mutsel;\n"
                    f"    initial mutsel = mutant_select::among({first}, {count});\n"
                    f"    {name} u_mutated (\n"
                    + "".join(f"        .{n}({n}),\n" for n in connections) +
                    "        .mutsel(mutsel)\n    );\n  end else ")
    body, end = body.rsplit("endmodule", 1)
    return f"{head}\n{''.join(made)}begin : gen_whole\n{body}\nend\nendmodule{end}"


def write_copy(netlists, folder):
    """Writes the copy of rtl/; netlists: of all targets, (target, name, first number, mutants, its folder)."""
    written = {"mutant_select.sv": PACKAGE,
               # Thousands of nameless wires: no waveform of them, or the build is long.
               "mutated.vlt": '`verilator_config\ntracing_off -file "*/mutated_*.v"\n'}
    for _, name, _, _, made in netlists:
        written[f"{name}.v"] = (made / "mutated.v").read_text()
    for path in blocks.sources():
        text = path.read_text()
        own = [(*n[:4], ports_of(n[4])) for n in netlists if n[0].instance.block == path.stem]
        written[path.name] = with_netlists(text, own) if own else text
    folder.mkdir(parents=True, exist_ok=True)
    for path in folder.iterdir():
        if path.name not in written:
            path.unlink()
    for name, text in written.items():  # what is there already keeps its time, or all is built again
        if not (folder / name).exists() or (folder / name).read_text() != text:
            write_atomically(folder / name, text)
