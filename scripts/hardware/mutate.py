"""Mutants of every block, killed by the vectors of the quick suite or explained: results/mutation.md.

usage: scripts/mutate [BLOCK...] [--jobs N] [--seed N] [--scale X] [--fresh] [--output FILE]

A mutant is one bit of one cell's port inverted, stuck, or connected elsewhere (yosys `mutate`). All
mutants of a block stand in one netlist behind the input `mutsel`; the driver (mutation/driver.cpp)
replays the stimulus with each until an output differs from the block's own.
"""
import argparse
import dataclasses
import hashlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import time

import blocks
from blocks import Instance, format_of, multiplier, pruner, quantizer
from tools import ToolError, parallel, read, rtl_text, run, version, write_atomically, yosys

MUTATION = pathlib.Path(__file__).resolve().parent / "mutation"
VECTORS = blocks.ROOT / "build/release/bin/gradpath-lane-vectors"
ABC_SECONDS = 60
# Outputs that count in every cycle, with or without a valid beat.
UNGATED = ("ready_o", "accepts_o", "operand_o")


@dataclasses.dataclass(frozen=True)
class Target:
    """An instance, its mutants, and what drives it: "lane" (the vectors of `verify`), "all" inputs,
    or "clocked" random streams; sparse: with many zero codes among them. cycles: of those streams."""
    instance: Instance
    mutants: int
    drive: str = "clocked"
    sparse: bool = False
    cycles: int = 300000


def targets():
    """One more block is a row here."""
    def lane(fmt, rounding, overflow="standard", mutants=60, **more):
        return Target(quantizer(format_of(fmt), rounding, overflow, **more), mutants, "lane")

    def module(name, mutants, drive="clocked", sparse=False, cycles=300000, **parameters):
        return Target(Instance(name, tuple(parameters.items())), mutants, drive, sparse, cycles)

    # What a whole stream decides needs many of them.
    many, most = 2000000, 8000000

    return [
        lane("e5m2", "rne"), lane("e4m3fn", "sr:8", "saturate"), lane("e2m1f", "rne", "saturate"),
        lane("e4m3b8fnuz", "rne"), lane("e3m4f", "sru:8"), lane("e5m2", "rdn", Scaled="1'b1"),
        Target(pruner(8), 50, "lane"), Target(pruner(24), 50, "lane"),
        Target(multiplier(format_of("e5m2")), 30, "all"),
        Target(multiplier(format_of("e4m3")), 30, "all"),
        module("log2_table", 15, "all"), module("exp2_table", 15, "all"),
        module("threshold_table", 15, "all"),
        module("lfsr", 30), module("stream_buffer", 40, Width=5),
        module("stream_stage", 30, OperandWidth=6, ResultWidth=4),
        module("lane_words", 20, Lanes=2, RandomBits=9),
        Target(quantizer(format_of("e3m2"), "sr:4", "standard", "quantizer", Lanes=2), 50),
        Target(pruner(8, "pruner", Lanes=2), 50, cycles=many),
        module("compactor", 70, sparse=True, Lanes=4, CodeBits=4),
        module("decompactor", 70, sparse=True, Lanes=4, CodeBits=4),
        module("amax_unit", 50, cycles=many, Lanes=2),
        module("threshold_histogram", 60, cycles=most, Lanes=2, MantissaBits=1, FirstField=100, Binades=8,
               CountBits=8),
        module("threshold_log", 60, cycles=most, Lanes=2, CountBits=8),
        module("front_end", 60, cycles=most, Lanes=2, ExponentBits=4, MantissaBits=3, Bias=7, NonFinite=1,
               Rounding=6, RandomBits=8, PrunerRandomBits=8, FirstField=100, Binades=8, CountBits=8),
    ]


def mutated_netlist(target, seed, folder):
    """Writes mutated.v, mutated.json; returns the mutants, as yosys names them, in order."""
    log = yosys(read(target.instance, "-DSYNTHESIS") +
                "proc; flatten; memory; opt -full; rename -top mutated; "
                f"mutate -list {target.mutants} -seed {seed} -ctrl mutsel 8 1 -o mutants.txt", folder)
    assert "Warning: Latch" not in log
    lines = (folder / "mutants.txt").read_text().splitlines()
    # A gated clock is no fault of the logic, and the provers below know one clock.
    lines = [re.sub(r"mutsel 8 \d+", f"mutsel 8 {k}", line) for k, line in
             enumerate((x for x in lines if not re.search(r"-port (CLK|\w+_CLK) ", x)), start=1)]
    (folder / "mutants.txt").write_text("\n".join(lines) + "\n")
    yosys(read(target.instance, "-DSYNTHESIS") +
          "proc; flatten; memory; opt -full; rename -top mutated; script mutants.txt; "
          "write_json mutated.json; write_verilog -noattr mutated.v; write_rtlil mutated.il", folder)
    return lines


def ports_of(folder):
    """[(name, width)] of inputs, without clock and mutsel, and of outputs."""
    ports = json.loads((folder / "mutated.json").read_text())["modules"]["mutated"]["ports"]
    sides = {"input": [], "output": []}
    for name, port in ports.items():
        if name not in ("clk_i", "mutsel"):
            sides[port["direction"]].append((name, len(port["bits"])))
    return sides["input"], sides["output"], "clk_i" in ports


def gate(name, outputs):
    """The valid flag that says when an output counts: that with the longest prefix; None: always."""
    if name.endswith("valid_o") or name.endswith(UNGATED):
        return None
    flags = [o for o, _ in outputs if o.endswith("valid_o") and name.startswith(o[:-7])]
    return max(flags, key=len, default=None)


def ports_header(inputs, outputs, has_clock):
    def rows(ports, gates):
        lines, at = [], 0
        names = [name for name, _ in ports]
        for name, width in ports:
            flag = gate(name, ports) if gates else None
            lines.append(f'    {{"{name}", {width}, {at}, {names.index(flag) if flag else -1}}},')
            at += (width + 31) // 32
        return "\n".join(lines), at

    def calls(function, ports):
        at, lines = 0, []
        for name, width in ports:
            lines.append(f"  {function}(m.{name}, words + {at}, {width});")
            at += (width + 31) // 32
        return "\n".join(lines)

    ins, in_words = rows(inputs, False)
    outs, out_words = rows(outputs, True)
    clock = "m.clk_i = value;" if has_clock else "(void)m, (void)value;"
    return f"""const Port kInputs[] = {{
{ins}
}};
const Port kOutputs[] = {{
{outs}
}};
constexpr int kInputWords = {in_words};
constexpr int kOutputWords = {out_words};
constexpr bool kHasClock = {str(has_clock).lower()};
constexpr bool kHasReset = {str(any(n == "rst_ni" for n, _ in inputs)).lower()};
void put_inputs(Vmutated& m, const Word* words) {{
{calls("put", inputs)}
}}
void take_outputs(const Vmutated& m, Word* words) {{
{calls("take", outputs)}
}}
void set_clock(Vmutated& m, int value) {{ {clock} }}
"""


def replay(target, count, seed, folder, ports):
    """(vectors, {mutant: vector that killed it, or None})."""
    write_atomically(folder / "ports.hpp", ports_header(*ports))
    for name in ("driver.cpp", "stimulus.hpp"):
        (folder / name).write_text((MUTATION / name).read_text())
    run(["verilator", "--cc", "--exe", "--build", "-Wno-fatal", "-Wno-lint", "-Wno-UNOPTFLAT", "-O3",
         "--x-assign", "0", "--x-initial", "0", "--top-module", "mutated", "-CFLAGS", "-std=c++20 -O1 -I..",
         "-MAKEFLAGS", "OPT_FAST=-O1", "mutated.v", "driver.cpp"], folder=folder)
    arguments = [target.drive]
    if target.drive == "lane":
        file = folder / "vectors.bin"
        if target.instance.block == "pruner_lane":
            run([VECTORS, "pruner", dict(target.instance.parameters)["RandomBits"], file])
        else:
            scaled = int("Scaled" in dict(target.instance.parameters))
            run([VECTORS, "quantizer", target.instance.format.name, target.instance.rounding, scaled, file])
        arguments = ["vectors", file]
    elif target.drive == "clocked":
        arguments = ["clocked", target.cycles, seed] + (["sparse"] if target.sparse else [])
    lines = run([folder / "obj_dir/Vmutated", count, *arguments]).splitlines()
    killed = {int(k): None if at == "-" else int(at) for k, at in map(str.split, lines[1:])}
    return int(lines[0]), killed


def miter(inputs, outputs, has_clock):
    """The block beside its mutant K; `bad` if an output that counts ever differs. Clocked: after the
    first reset, for senders that hold a beat until it is taken; registers begin at 0 in both."""
    has_reset = any(n == "rst_ni" for n, _ in inputs)
    lines = [f"  input [{w - 1}:0] {n}," for n, w in inputs]
    if has_clock:
        lines.append("  input clk_i,")
    body = []
    for side, select in (("a", "8'd0"), ("b", "K")):
        connections = [f".{n}({n})" for n, _ in inputs] + ([".clk_i(clk_i)"] if has_clock else [])
        for name, width in outputs:
            body.append(f"  wire [{width - 1}:0] {side}_{name};")
            connections.append(f".{name}({side}_{name})")
        body.append(f"  mutated {side} ({', '.join(connections)}, .mutsel({select}));")
    differs = []
    for name, _ in outputs:
        flag = gate(name, outputs)
        differs.append(f"(a_{name} != b_{name})" + (f" & a_{flag}" if flag else ""))
    bad = " | ".join(f"({d})" for d in differs)
    if has_clock and has_reset:
        keeps = ["1'b1"]
        for name, _ in inputs:
            if not name.endswith("valid_i"):
                continue
            prefix = name[:-7]
            others = [n[:-7] for n, _ in inputs if n.endswith("valid_i") and n != name and len(n) > len(name)]
            held = [(n, w) for n, w in inputs if n.startswith(prefix) and n != "rst_ni"
                    and not n.endswith(("ready_i", "seed_i")) and n not in ("load_i", "adapt_i", "result_i", "step_i")
                    and not any(n.startswith(o) for o in others)]
            if name == "valid_i" and any(n == "load_i" for n, _ in inputs):
                held = [(n, w) for n, w in held if n not in ("alpha_i", "scale_exponent_i", "target_i")]
            total = sum(w for _, w in held)
            now = "{" + ", ".join(n for n, _ in held) + "}"
            body += [f"  reg [{total - 1}:0] held_{prefix}q; reg stalls_{prefix}q;",
                     f"  always @(posedge clk_i) held_{prefix}q <= {now};",
                     f"  always @(posedge clk_i) stalls_{prefix}q <= rst_ni & {name} & ~a_{prefix}ready_o;"]
            keeps.append(f"(~stalls_{prefix}q | held_{prefix}q == {now})")
        body += ["  reg started_q; reg broken_q;", f"  wire keeps = {' & '.join(keeps)};",
                 "  always @(posedge clk_i) started_q <= started_q | ~rst_ni;",
                 "  always @(posedge clk_i) broken_q <= broken_q | ~keeps;"]
        bad = f"started_q & ~broken_q & keeps & ({bad})"
    return ("module miter #(parameter [7:0] K = 0) (\n" + "\n".join(lines) + "\n  output bad);\n" +
            "\n".join(body) + f"\n  assign bad = {bad};\nendmodule\n")


def explain(k, folder, has_clock):
    """A survivor: ("equivalent" | "bounded" | "survived" | "undecided", how)."""
    yosys(f"read_rtlil mutated.il; read_verilog miter.v; hierarchy -top miter -chparam K {k}; proc; "
          "flatten; setundef -init -zero; opt -full -nosdff -nodffe; memory_map; techmap; dffunmap; "
          f"simplemap; setundef -undriven -zero; setundef -zero; aigmap; opt_clean; write_aiger -zinit miter{k}.aig",
          folder)
    if not has_clock:
        proof = f"read miter{k}.aig; strash; fraig; iprove"
        log = subprocess.run(["yosys-abc", "-c", proof], cwd=folder, text=True, timeout=600,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
        if "UNSATISFIABLE" in log:
            return "equivalent", "SAT"
        return ("survived", "counterexample by SAT") if "SATISFIABLE" in log else ("undecided", log[-200:])
    proof = f"read miter{k}.aig; strash; scorr; pdr -T {ABC_SECONDS}; bmc3 -T {ABC_SECONDS} -F 1000"
    log = subprocess.run(["yosys-abc", "-c", proof], cwd=folder, text=True, timeout=600,
                         stdout=subprocess.PIPE, stderr=subprocess.STDOUT).stdout
    if "Property proved" in log or "Networks are equivalent" in log:
        return "equivalent", "property-directed reachability"
    failed = re.search(r"was asserted in frame (\d+)", log)
    if failed:
        return "survived", f"counterexample of {int(failed[1]) + 1} cycles"
    frames = re.findall(r"No output (?:was )?asserted in (\d+) frames", log)
    if frames:
        return "bounded", f"no difference within {max(map(int, frames))} cycles"
    return "undecided", log.strip().splitlines()[-1] if log.strip() else "no answer"


def place(line):
    """Where in rtl/ a mutant is, and what it does."""
    mode = re.search(r"-mode (\S+)", line)[1]
    port = re.search(r"-port (\S+) -portbit (\d+)", line)
    sources = [s for s in re.findall(r"-src \S*?([\w]+\.sv:\d+)", line)]
    return f"{sources[-1] if sources else '?'} {mode} of {port[1]}[{port[2]}]" if port else line


def mutate(job):
    """All of one target: a dictionary for the report."""
    target, seed = job
    begun = time.monotonic()
    try:
        with tempfile.TemporaryDirectory() as scratch:
            folder = pathlib.Path(scratch)
            lines = mutated_netlist(target, seed, folder)
            ports = ports_of(folder)
            vectors, killed = replay(target, len(lines), seed, folder, ports)
            survivors = [k for k, at in killed.items() if at is None]
            (folder / "miter.v").write_text(miter(*ports))
            explained = [(*explain(k, folder, ports[2]), place(lines[k - 1])) for k in survivors]
    except (ToolError, subprocess.TimeoutExpired) as error:
        raise ToolError(f"{target.instance.name}: {error}") from None
    return {"name": target.instance.name, "mutants": len(lines), "vectors": vectors, "explained": explained,
            "killed": len(lines) - len(survivors), "seconds": time.monotonic() - begun}


def cached_mutate(job):
    """mutate(), or what it said of the same RTL, vectors, streams and mutants before."""
    target, seed, cache = job
    here = [pathlib.Path(__file__), MUTATION / "driver.cpp", MUTATION / "stimulus.hpp",
            *sorted((blocks.ROOT / "sim/verify").glob("*vectors.cpp"))]
    text = "".join(path.read_text() for path in here)
    key = hashlib.sha256(f"{rtl_text()}{text}{target}{seed}".encode()).hexdigest()
    path = cache / f"{key}.json"
    if path.exists():
        return json.loads(path.read_text())
    row = mutate((target, seed))
    write_atomically(path, json.dumps(row))
    return row


def report(rows, command):
    kinds = ["equivalent", "bounded", "survived", "undecided"]
    def count(row, kind):
        return sum(e[0] == kind for e in row["explained"])
    lines = [
        "# Mutation", "",
        f"`{command}`, {sum(row['seconds'] for row in rows):.0f} s summed over the blocks ({version(['yosys', '-V']).split(' (')[0]}, "
        f"{' '.join(version(['verilator', '--version']).split()[:2])}).", "",
        "A mutant is one bit of one cell of the block's netlist inverted, stuck, or connected elsewhere "
        "(yosys `mutate`; clock pins left out). It is *killed* if an output that counts (data only with "
        "its valid flag) differs from the unmutated block, which `gradpath verify` compares with the "
        "golden model. Lanes get the quick vectors of `gradpath verify` (bf16 with the pruner's first "
        "threshold alone), tables and multipliers every input, clocked blocks "
        "random streams with stalls on both sides and resets, as many cycles as the table says "
        "(scripts/hardware/mutation/stimulus.hpp): these stand in for the streams of the quick suite, "
        "they are not the same.", "",
        "*Equivalent*: proven for all inputs, by SAT, or of a clocked block by property-directed "
        "reachability (ABC), for every sender that keeps the protocol, from the first reset on, "
        "registers 0 before it. *Bounded*: no difference within the cycles stated. *Survived*: a "
        "difference exists that the stimulus does not show. *Undecided*: neither in the time given.", "",
        "| block | vectors | mutants | killed | equivalent | bounded | survived | undecided | s |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for row in rows:
        lines.append(f"| {row['name']} | {row['vectors']:,} | {row['mutants']} | {row['killed']} | "
                     + " | ".join(str(count(row, k)) for k in kinds) + f" | {row['seconds']:.0f} |")
    totals = [sum(count(row, k) for row in rows) for k in kinds]
    lines.append(f"| all | | {sum(r['mutants'] for r in rows)} | {sum(r['killed'] for r in rows)} | "
                 + " | ".join(map(str, totals)) + " | |")
    left_out = [t.instance.name for t in targets() if t.instance.name not in {row["name"] for row in rows}]
    if left_out:
        lines += ["", f"Not in this run: {', '.join(left_out)}."]
    lines += ["", "## Not killed", "", "| block | mutant | is | by |", "| --- | --- | --- | --- |"]
    for row in rows:
        for kind, how, where in row["explained"]:
            lines.append(f"| {row['name']} | {where} | {kind} | {how} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="scripts/mutate", description=__doc__.splitlines()[0],
                                     epilog="Exit code 1 if a mutant survived, or stayed undecided. With "
                                            "blocks named, the report is printed and not written.")
    parser.add_argument("blocks", nargs="*", metavar="BLOCK", help="these blocks alone, e.g. pruner_lane")
    parser.add_argument("--jobs", type=int, default=2, help="blocks at a time (default: 2)")
    parser.add_argument("--seed", type=int, default=1, help="chooses the mutants and the streams (default: 1)")
    parser.add_argument("--scale", type=float, default=1, metavar="X",
                        help="X times the mutants of each block, at most 255 (default: 1)")
    parser.add_argument("--fresh", action="store_true", help="do again what is known already")
    parser.add_argument("--output", type=pathlib.Path, default=blocks.ROOT / "results/mutation.md",
                        metavar="FILE", help="default: results/mutation.md")
    arguments = parser.parse_args()
    known = list(dict.fromkeys(t.instance.block for t in targets()))
    for name in arguments.blocks:
        if name not in known:
            parser.exit(2, f"scripts/mutate: no block '{name}'; expected one of {' '.join(known)}\n")
    cache = blocks.ROOT / "build/mutation-cache"
    if arguments.fresh and cache.exists():
        shutil.rmtree(cache)
    jobs = [(dataclasses.replace(t, mutants=max(1, min(255, round(t.mutants * arguments.scale)))),
             arguments.seed, cache)
            for t in targets() if not arguments.blocks or t.instance.block in arguments.blocks]
    if shutil.which("ccache"):
        os.environ.setdefault("OBJCACHE", "ccache")  # Verilator's own part is the same every time
    rows = parallel(cached_mutate, jobs, arguments.jobs, "mutate")
    text = report(rows, " ".join(["scripts/mutate", *sys.argv[1:]]))
    if arguments.blocks:
        print(text, end="")
    else:
        write_atomically(arguments.output, text)
    unexplained = [e for row in rows for e in row["explained"] if e[0] in ("survived", "undecided")]
    print(f"{sum(r['mutants'] for r in rows)} mutants, {sum(r['killed'] for r in rows)} killed, "
          f"{len(unexplained)} unexplained", file=sys.stderr)
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
