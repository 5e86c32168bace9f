"""Mistakes of the kind people make, a line of RTL each, against `gradpath verify`: results/mutation-human.md.

usage: scripts/mutate --human [--jobs N] [--only REGEX] [--output FILE]

The list is tests/rtl/mutants/human.json; it stands in one program with that of the quick suite (mutants.json).
Exit code 1 if `verify` does not notice one that no reason explains, or notices one that a reason does.
"""
import argparse
import csv
import json
import os
import pathlib
import re
import subprocess
import sys
import time

from blocks import ROOT
from tools import ToolError, parallel, run, version, write_atomically

LISTS = [ROOT / "tests/rtl/mutants" / name for name in ("mutants.json", "human.json")]
PROGRAM = ROOT / "build/release/tests/gradpath-broken-rtl"


def notices(job):
    """(What `verify` says first about this mutant, or "", seconds.)"""
    number, arguments = job
    begun = time.monotonic()
    command = [PROGRAM, "verify", "--quiet", "--fail-fast", "--threads", "1", "--csv", "-", *arguments]
    done = subprocess.run(command, env={**os.environ, "GRADPATH_MUTANT": str(number)}, timeout=1800,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    if done.returncode not in (0, 1):
        raise ToolError(f"GRADPATH_MUTANT={number} {' '.join(map(str, command))}: exit code {done.returncode}\n"
                        f"{done.stderr[-500:]}")
    wrong = [row for row in csv.DictReader(done.stdout.splitlines()) if row["mismatches"] != "0"]
    said = f"{wrong[0]['module']} {wrong[0]['format']}: {wrong[0]['first_mismatch']}" if wrong else ""
    return said if done.returncode == 1 else "", time.monotonic() - begun


def report(rows, seconds):
    def cell(text):
        return " ".join(text.split()).replace("|", "\\|")
    killed = sum(bool(said) for _, said, _ in rows)
    lines = [
        "# Mutation by hand", "",
        f"`scripts/mutate --human`: {len(rows)} mistakes of the kind people make, {killed} noticed by `gradpath verify`; "
        f"{seconds / 60:.1f} core minutes ({' '.join(version(['verilator', '--version']).split()[:2])}).", "",
        "A comparison off by one, a register that reset or back-pressure forgets, two events in one cycle in the wrong "
        "order, a bound one too small, a wrong slice, a sign left out, an operand taken a cycle too early or too late. "
        "Each is a line of [human.json](../tests/rtl/mutants/human.json), with the arguments of `verify` that must "
        "notice it.", "",
        "| mistake | in | instead of | stands | `verify` says first | s |", "| --- | --- | --- | --- | --- | ---: |"]
    for mutant, said, took in rows:
        said = f"{said[:90]}..." if len(said) > 93 else said
        lines.append(f"| {mutant['name']} | {mutant['file']} | `{cell(mutant['line'])}` | `{cell(mutant['broken'])}` | "
                     f"{cell(said) or 'nothing: ' + mutant.get('reason', 'SURVIVED')} | {took:.1f} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(prog="scripts/mutate --human", description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="at a time (default: every core)")
    parser.add_argument("--only", metavar="REGEX", help="mistakes with such a name; the report is printed")
    parser.add_argument("--output", type=pathlib.Path, default=ROOT / "results/mutation-human.md", metavar="FILE",
                        help="default: results/mutation-human.md")
    arguments = parser.parse_args()
    first, human = (json.loads(path.read_text()) for path in LISTS)
    chosen = [(len(first) + i, m) for i, m in enumerate(human, start=1) if re.search(arguments.only or "", m["name"])]
    print("building the program over the mutants (minutes the first time)", file=sys.stderr)
    run([ROOT / "scripts/build", "release", PROGRAM.name])
    results = parallel(notices, [(number, m["args"]) for number, m in chosen], arguments.jobs, "mistakes")
    rows = [(mutant, *result) for (_, mutant), result in zip(chosen, results)]
    text = report(rows, sum(took for _, _, took in rows))
    if arguments.only:
        print(text, end="")
    else:
        write_atomically(arguments.output, text)
    wrong = [m["name"] for m, said, _ in rows if bool(said) == ("reason" in m)]
    print(f"{len(rows)} mistakes, {sum(bool(said) for _, said, _ in rows)} noticed, {len(wrong)} not as the list says",
          *wrong, sep="\n  ", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
