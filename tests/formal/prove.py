"""Proofs about the RTL, each with a negative control: yosys, z3 and abc (docs/verification.md).

usage: prove.py [--quick | --known] [--fresh] [--only REGEX] [--jobs N] [--report FILE] [--list]
"""
import argparse
import functools
import hashlib
import inspect
import json
import pathlib
import re
import shutil
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "scripts/hardware"))
import blocks  # noqa: E402
import pruner  # noqa: E402
import quantizer  # noqa: E402
import report  # noqa: E402
import smt  # noqa: E402
import streams  # noqa: E402
from tools import ToolError, parallel, rtl_text, version, write_atomically  # noqa: E402

FAMILIES = (quantizer, pruner, streams)
KNOWN = blocks.ROOT / "build/formal-cache"  # answers, by all that they depend on


@functools.cache
def by_title():
    return {proof.title: (family, proof) for family in FAMILIES for proof in family.proofs()}


def all_proofs():
    return [proof for _, proof in by_title().values()]


@functools.cache
def source(*things):
    return "".join(inspect.getsource(thing) for thing in things)


def key(family, proof):
    """The file of a proof's answer, named by all that the answer depends on."""
    text = proof.title + source(
        family, smt.netlist, smt.ask, smt.holds, smt.bits, smt.port, blocks.Format, blocks.formats,
        blocks.rounding_parameters, blocks.quantizer, blocks.pruner, blocks.multiplier)
    text += "".join(rtl_text(part) for part in proof.parts or (proof.block,)) + smt.GATES + smt.WORDS
    if family is streams:
        text += "".join(p.read_text() for p in sorted(streams.HERE.glob("*.sv")))
    return KNOWN / (hashlib.sha256(text.encode()).hexdigest() + ".json")


def attempt(job):
    """Runs the proof of this title: (holds, control is found out, seconds, what went wrong)."""
    title, fresh, known_only = job
    family, proof = by_title()[title]
    known = key(family, proof)
    if known.exists() and not fresh:
        return tuple(json.loads(known.read_text()))
    if known_only:
        return False, False, 0.0, report.NOT_RUN
    begun = time.monotonic()
    try:
        holds, refuted = proof.prove()
        trouble = "" if holds and refuted else ("the claim does not hold" if not holds else
                                                "the negative control passed: the proof proves nothing")
    except ToolError as error:
        holds, refuted, trouble = False, False, f"undecided: {error}"
    result = (holds, refuted, time.monotonic() - begun, trouble)
    if not trouble:
        write_atomically(known, json.dumps(result))
    return result


def main():
    for tool in ("yosys", "z3"):
        if shutil.which(tool) is None:
            sys.exit(f"prove.py: {tool} is not installed; scripts/setup formal installs it")
    parser = argparse.ArgumentParser(prog="prove.py", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the quick suite's part; proves all of it again")
    parser.add_argument("--fresh", action="store_true", help="prove again what is proven already (build/formal-cache)")
    parser.add_argument("--known", action="store_true", help="prove nothing: report what is proven already")
    parser.add_argument("--only", metavar="REGEX", help="proofs whose name this is found in")
    parser.add_argument("--jobs", type=int, help="processes at a time (default: all cores)")
    parser.add_argument("--report", metavar="FILE", help="write a Markdown table")
    parser.add_argument("--list", action="store_true", help="names, without running")
    arguments = parser.parse_args()
    proofs = [p for p in all_proofs() if (p.quick or not arguments.quick) and
              re.search(arguments.only or "", p.title)]
    if not proofs:
        parser.exit(2, f"prove.py: no proof matches --only {arguments.only!r}; --list shows all\n")
    if arguments.list:
        print("\n".join(p.title for p in proofs))
        return 0
    # The long ones (streams) first, so that no core idles at the end.
    jobs = [(p.title, arguments.fresh or arguments.quick, arguments.known) for p in reversed(proofs)]
    begun = time.monotonic()
    results = parallel(attempt, jobs, arguments.jobs, "proofs")[::-1]
    seconds = time.monotonic() - begun
    for proof, (_, _, took, trouble) in zip(proofs, results):
        if trouble not in ("", report.NOT_RUN) or arguments.quick or arguments.only:
            print(f"{'FAILED' if trouble else 'proven'} {took:6.1f} s  {proof.title}  {trouble}")
    not_run = sum(r[3] == report.NOT_RUN for r in results)
    failed = sum(bool(r[3]) for r in results) - not_run
    print(f"{len(proofs)} proofs, {failed} failed, {not_run} not run, {seconds:.0f} s")
    if arguments.report:
        write_atomically(arguments.report, report.text(proofs, results, [
            version(["yosys", "-V"]), version(["z3", "--version"])]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
