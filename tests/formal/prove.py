"""Proofs about the RTL, each with a negative control: yosys, z3 and abc (docs/verification.md).

usage: prove.py [--quick] [--only REGEX] [--jobs N] [--report FILE] [--list]
"""
import argparse
import os
import pathlib
import re
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts/hardware"))
import pruner  # noqa: E402
import quantizer  # noqa: E402
import streams  # noqa: E402
from tools import ToolError, parallel, version, write_atomically  # noqa: E402

FAMILIES = (quantizer, pruner, streams)


def all_proofs():
    return [proof for family in FAMILIES for proof in family.proofs()]


def attempt(name):
    """Runs the proof of this name: (holds, control is found out, seconds, what went wrong)."""
    proof = next(p for p in all_proofs() if f"{p.group}: {p.name}" == name)
    begun = time.monotonic()
    try:
        holds, refuted = proof.prove()
        trouble = "" if holds and refuted else ("the claim does not hold" if not holds else
                                                "the negative control passed: the proof proves nothing")
    except ToolError as error:
        holds, refuted, trouble = False, False, f"undecided: {error}"
    return holds, refuted, time.monotonic() - begun, trouble


def report(proofs, results, seconds, quick):
    text = f"""# Proofs about the RTL

Made by `scripts/formal{' --quick' if quick else ''}`: {len(proofs)} proofs in {seconds:.0f} s on {os.cpu_count()} cores ({version(['yosys', '-V'])}, {version(['z3', '--version'])}). Each has a negative control, a claim a little off or a line of RTL broken, that must be found out. What they mean, and what is only bounded: [docs/verification.md](../docs/verification.md).

| claim | for | method | proven | controls found out | seconds |
| --- | --- | --- | --- | --- | --- |
"""
    groups = {}
    for proof, result in zip(proofs, results):
        groups.setdefault((proof.group, proof.method), []).append((proof, result))
    for (group, method), members in groups.items():
        names = ", ".join(p.name for p, _ in members) if len(members) <= 12 else f"{len(members)} parameter sets"
        text += (f"| {group} | {names} | {method} | {sum(r[0] for _, r in members)} of {len(members)} | "
                 f"{sum(r[1] for _, r in members)} of {len(members)} | {sum(r[2] for _, r in members):.0f} |\n")
    failed = [(p, r) for p, r in zip(proofs, results) if r[3]]
    if failed:
        text += "\n## Not proven\n" + "".join(f"- {p.group}: {p.name}: {r[3].splitlines()[0]}\n" for p, r in failed)
    text += "\n## All\n" + "".join(
        f"- {group}: " + ", ".join(p.name for p, r in members if not r[3]) + "\n"
        for (group, _), members in groups.items() if len(members) > 12)
    return text


def main():
    parser = argparse.ArgumentParser(prog="prove.py", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the quick suite's part")
    parser.add_argument("--only", metavar="REGEX", help="proofs whose name this is found in")
    parser.add_argument("--jobs", type=int, help="processes at a time (default: all cores)")
    parser.add_argument("--report", metavar="FILE", help="write a Markdown table")
    parser.add_argument("--list", action="store_true", help="names, without running")
    arguments = parser.parse_args()
    proofs = [p for p in all_proofs() if (p.quick or not arguments.quick) and
              re.search(arguments.only or "", f"{p.group}: {p.name}")]
    if not proofs:
        parser.exit(2, f"prove.py: no proof matches --only {arguments.only!r}; --list shows all\n")
    names = [f"{p.group}: {p.name}" for p in proofs]
    if arguments.list:
        print("\n".join(names))
        return 0
    # The long ones (streams) first, so that no core idles at the end.
    order = sorted(range(len(names)), key=lambda i: -i)
    begun = time.monotonic()
    done = parallel(attempt, [names[i] for i in order], arguments.jobs, "proofs")
    results = [result for _, result in sorted(zip(order, done))]
    seconds = time.monotonic() - begun
    for name, (_, _, took, trouble) in zip(names, results):
        if trouble or arguments.quick or arguments.only:
            print(f"{'FAILED' if trouble else 'proven'} {took:6.1f} s  {name}  {trouble}")
    failed = sum(bool(r[3]) for r in results)
    print(f"{len(names)} proofs, {failed} failed, {seconds:.0f} s")
    if arguments.report:
        write_atomically(arguments.report, report(proofs, results, seconds, arguments.quick))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
