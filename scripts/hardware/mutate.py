"""Mutants of every block, killed by `gradpath verify` or explained: results/mutation.md.

usage: scripts/mutate [BLOCK...] [--jobs N] [--seed N] [--scale X] [--seconds S] [--fresh] [--output FILE]

The program is built once over a copy of the RTL that holds all mutants (mutants.py) and runs the quick
`gradpath verify` with each. What that does not notice is put beside the block for a solver
(equivalence.py).
"""
import argparse
import dataclasses
import hashlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import time

import blocks
from equivalence import explain, miter
from mutants import make_netlist, place, ports_of, targets, write_copy
from tools import ToolError, parallel, rtl_text, run, version, write_atomically

FOLDER = blocks.ROOT / "build/mutants"
PROGRAM = blocks.ROOT / "build/mutation/bin/gradpath-mutants"
REASONS = blocks.ROOT / "scripts/hardware/mutant_reasons.txt"


def text_of(*patterns):
    return "".join(p.read_text() for pattern in patterns for p in sorted(blocks.ROOT.glob(pattern)))


def path_of(key_text, cache):
    return cache / f"{hashlib.sha256(key_text.encode()).hexdigest()}.json"


def known_or(key_text, cache, make):
    """What is in the cache under the key's text, or what make() says, which is put there."""
    path = path_of(key_text, cache)
    if not path.exists():
        write_atomically(path, json.dumps(make()))
    return json.loads(path.read_text())


def build(netlists):
    """The program over the copy of the RTL with all mutants."""
    write_copy(netlists, FOLDER / "rtl")
    run([blocks.ROOT / "scripts/build", "mutation", PROGRAM.name])


def notices(job):
    """(Whether `verify` with these arguments notices this mutant, seconds.)"""
    number, arguments = job
    begun = time.monotonic()
    command = [PROGRAM, "verify", "--quiet", "--fail-fast", "--threads", "1", *arguments]
    done = subprocess.run(command, env={**os.environ, "GRADPATH_MUTANT": str(number)}, timeout=1800,
                          stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    if done.returncode not in (0, 1):
        raise ToolError(f"GRADPATH_MUTANT={number} {' '.join(map(str, command))}: exit code "
                        f"{done.returncode}\n{done.stderr[-500:]}")
    return done.returncode == 1, time.monotonic() - begun


def explain_survivor(job):
    """("equivalent" | "bounded" | "survived" | "undecided", how, where it is, seconds)."""
    k, line, folder, miter_text, seconds = job
    if seconds == 0:
        return "undecided", "no solver was asked", place(line), 0.0
    begun = time.monotonic()
    write_atomically(folder / "miter.v", miter_text)
    has_clock = ports_of(folder)[2]
    return (*explain(k, folder, has_clock, seconds), place(line), time.monotonic() - begun)


def reasons():
    """{(block, mutant): why it changes nothing}, of those that no solver decides."""
    found = {}
    for number, line in enumerate(REASONS.read_text().splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = [f.strip() for f in line.split(" | ")]
        if len(fields) != 3 or not all(fields):
            raise ToolError(f"{REASONS.name}:{number}: expected 'block | mutant | reason'")
        found[tuple(fields[:2])] = fields[2]
    return found


def with_reasons(rows):
    """Marks what is explained by hand; returns the reasons that no mutant of these rows asks for."""
    given = {k: r for k, r in reasons().items() if k[0] in [row["name"] for row in rows]}
    unused = set(given)
    for row in rows:
        for i, (kind, how, where, seconds) in enumerate(row["explained"]):
            key = row["name"], where
            if key in given and kind in ("bounded", "undecided"):
                unused.discard(key)
                row["explained"][i] = "by hand", f"{given[key]} ({how})", where, seconds
    return [" | ".join(key) for key in sorted(unused)]


def report(rows, command, seconds):
    kinds = ["equivalent", "by hand", "bounded", "survived", "undecided"]
    def count(row, kind):
        return sum(e[0] == kind for e in row["explained"])
    lines = [
        "# Mutation", "",
        f"`{command}`: {seconds / 60:.0f} core minutes ({version(['yosys', '-V']).split(' (')[0]}, "
        f"{' '.join(version(['verilator', '--version']).split()[:2])}).", "",
        "A mutant is one bit of one cell of the block's netlist inverted, stuck, or connected elsewhere (yosys "
        "`mutate`; clock pins left out). It stands in the place of the block in the program that the quick suite "
        "runs, wherever the block has the parameters named, without the block's own assertions. It is *killed* if "
        "`gradpath verify` with the arguments in the table, a part of the quick suite's `gradpath verify`, exits "
        "with 1: `GRADPATH_MUTANT=k build/mutation/bin/gradpath-mutants verify ...`.", "",
        "*Equivalent*: proven for all inputs, by SAT, or of a clocked block by property-directed reachability (ABC), "
        "for every sender that keeps the protocol, from the first reset on, registers 0 before it. *By hand*: no "
        "solver decides it, and a person gives a reason (`scripts/hardware/mutant_reasons.txt`). *Bounded*: no "
        "difference within the cycles stated. *Survived*: a difference exists that `verify` does not notice. "
        "*Undecided*: neither in the time given.", "",
        "| block | `gradpath verify` | mutants | killed | equivalent | by hand | bounded | survived | undecided | s |",
        "| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"]
    for row in rows:
        lines.append(f"| {row['name']} | `{row['verify']}` | {row['mutants']} | {row['killed']} | "
                     + " | ".join(str(count(row, k)) for k in kinds) + f" | {row['seconds']:.0f} |")
    totals = [sum(count(row, k) for row in rows) for k in kinds]
    lines.append(f"| all | | {sum(r['mutants'] for r in rows)} | {sum(r['killed'] for r in rows)} | "
                 + " | ".join(map(str, totals)) + f" | {seconds:.0f} |")
    lines += ["", "## Not killed", "", "| block | k | mutant | is | by |", "| --- | ---: | --- | --- | --- |"]
    for row in rows:
        for number, (kind, how, where, _) in zip(row["numbers"], row["explained"]):
            lines.append(f"| {row['name']} | {number} | {where} | {kind} | {how} |")
    return "\n".join(lines) + "\n"


def parse_arguments():
    parser = argparse.ArgumentParser(prog="scripts/mutate", description=__doc__.splitlines()[0],
                                     epilog="Exit code 1 if a mutant is neither killed nor proven equivalent nor "
                                            "explained in mutant_reasons.txt. With blocks named, the report is "
                                            "printed and not written.")
    parser.add_argument("blocks", nargs="*", metavar="BLOCK", help="these blocks alone, e.g. pruner_lane")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="at a time (default: every core)")
    parser.add_argument("--seed", type=int, default=1, help="chooses the mutants (default: 1)")
    parser.add_argument("--scale", type=float, default=1, metavar="X",
                        help="X times the mutants of each block, at most 255 (default: 1)")
    parser.add_argument("--seconds", type=int, default=60, metavar="S",
                        help="for each of two solvers and each survivor of a clocked block (default: 60; 0: ask "
                             "none, of any block)")
    parser.add_argument("--fresh", action="store_true", help="do again what is known already")
    parser.add_argument("--output", type=pathlib.Path, default=blocks.ROOT / "results/mutation.md",
                        metavar="FILE", help="default: results/mutation.md")
    arguments = parser.parse_args()
    names = list(dict.fromkeys(t.instance.block for t in targets()))
    for name in arguments.blocks:
        if name not in names:
            parser.exit(2, f"scripts/mutate: no block '{name}'; expected one of {' '.join(names)}\n")
    return arguments


def main():
    arguments = parse_arguments()
    cache = FOLDER / "known"
    if arguments.fresh and cache.exists():
        shutil.rmtree(cache)
    # All targets are in the program, whichever are run: it is built once.
    chosen = [dataclasses.replace(t, mutants=max(1, min(255, round(t.mutants * arguments.scale)))) for t in targets()]
    made = [FOLDER / "netlists" / t.name for t in chosen]
    names = [f"mutated_{i}" for i in range(len(chosen))]
    lines = parallel(make_netlist, [(t, arguments.seed, f, n) for t, f, n in zip(chosen, made, names)],
                     arguments.jobs, "netlists")
    firsts = [1 + sum(map(len, lines[:i])) for i in range(len(lines))]
    print("building the program over the mutants (minutes the first time)", file=sys.stderr)
    build([(t, n, first, len(l), f) for t, n, first, l, f in zip(chosen, names, firsts, lines, made)])

    run_now = [i for i, t in enumerate(chosen) if not arguments.blocks or t.instance.block in arguments.blocks]
    for i, (noticed, _) in zip(run_now, parallel(notices, [(0, chosen[i].verify) for i in run_now], arguments.jobs,
                                                 "without a mutant")):
        if noticed:
            raise ToolError(f"gradpath-mutants verify {' '.join(chosen[i].verify)} fails without a mutant")

    program_text = rtl_text() + text_of("models/**/*.[ch]pp", "sim/verify/**/*.[ch]pp", "sim/verify/**/*.sv",
                                          "scripts/hardware/mutants.py")
    jobs = [(i, k) for i in run_now for k in range(1, len(lines[i]) + 1)]
    noticed = parallel(known_notice, [(f"{program_text}{chosen[i]}{lines[i][k - 1]}", cache, firsts[i] + k - 1,
                                       chosen[i].verify) for i, k in jobs], arguments.jobs, "mutants")
    survivors = [job for job, (is_noticed, _) in zip(jobs, noticed) if not is_noticed]
    miters = [miter(*ports_of(folder)) for folder in made]
    explained = parallel(known_explanation, [(f"{miters[i]}{rtl_text(chosen[i].instance.block)}"
                                              f"{chosen[i].instance}{lines[i][k - 1]}", cache, k,
                                              lines[i][k - 1], made[i], miters[i], arguments.seconds)
                                             for i, k in survivors], arguments.jobs, "survivors")
    rows = []
    for i in run_now:
        own = [e for (j, _), e in zip(survivors, explained) if j == i]
        numbers = [firsts[i] + k - 1 for j, k in survivors if j == i]
        seconds = sum(s for (j, _), (_, s) in zip(jobs, noticed) if j == i) + sum(e[3] for e in own)
        rows.append({"name": chosen[i].name, "verify": " ".join(chosen[i].verify), "mutants": len(lines[i]),
                     "killed": len(lines[i]) - len(own), "explained": own, "numbers": numbers,
                     "seconds": seconds})
    # The reasons are about the mutants that this seed and scale draw.
    unused = with_reasons(rows) if arguments.seed == 1 and arguments.scale == 1 else []
    text = report(rows, " ".join(["scripts/mutate", *sys.argv[1:]]), sum(row["seconds"] for row in rows))
    if arguments.blocks:
        print(text, end="")
    else:
        write_atomically(arguments.output, text)
    unexplained = [e for row in rows for e in row["explained"] if e[0] not in ("equivalent", "by hand")]
    print(f"{sum(r['mutants'] for r in rows)} mutants, {sum(r['killed'] for r in rows)} killed, "
          f"{len(unexplained)} unexplained", file=sys.stderr)
    for key in unused:
        print(f"{REASONS.name}: no mutant needs the reason of {key}", file=sys.stderr)
    return 1 if unexplained or unused else 0


def known_notice(job):
    key_text, cache, *rest = job
    return known_or(key_text, cache, lambda: notices(rest))


def known_explanation(job):
    """What is proven or shown is so whatever time it took; the rest depends on the time given."""
    key_text, cache, *rest = job
    decided = path_of(key_text, cache)
    if decided.exists():
        return json.loads(decided.read_text())
    made = known_or(f"{rest[-1]}{key_text}", cache, lambda: explain_survivor(rest))
    if made[0] in ("equivalent", "survived"):
        write_atomically(decided, json.dumps(made))
    return made


if __name__ == "__main__":
    sys.exit(main())
