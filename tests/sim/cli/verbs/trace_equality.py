"""replay with Verilated modules against replay with their models: every value, counter and cycle.

usage: trace_equality.py GRADPATH [--quick] TRACE...

Every machine below starves or stalls the front end in another way; every way to mix models and RTL is
compared with models alone: the table of products and the counters of all modules must be the same
text. A trace that replay refuses is named. Exit code 1 if anything differs or nothing was compared.
--quick: a few layers of the first step.
"""
import argparse
import csv
import itertools
import pathlib
import subprocess
import sys
import tempfile

MODULES = ("pruner", "quantizer", "compactor")
STOCHASTIC = ["--sparsity", "0.85", "--round", "sr", "--random", "lanes"]
# name: options. Which of them starve (input) and stall (output) is in the report.
MACHINES = {
    "default": STOCHASTIC,
    "slow memory": [*STOCHASTIC, "--dram-bytes-per-cycle", "8"],
    "short bursts": [*STOCHASTIC, "--dram-bytes-per-cycle", "24", "--dram-burst-bytes", "64",
                     "--fifo-depth", "1", "--burst-beats", "3"],
    "slow array, 4 lanes": [*STOCHASTIC, "--lanes", "4", "--array", "4x4"],
    "dense array, no pruning": ["--format", "e4m3fn", "--array", "8x8", "--dispatch", "dense"],
    "small gradient buffer": [*STOCHASTIC, "--format", "e4m3fn", "--array", "8x8",
                              "--gradient-buffer-bytes", "4096"],
}
QUICK = ["--steps", "10", "--layers", "layer2.0*"]


def mixes():
    """Each module alone, each two, all."""
    return [m for n in (1, 2, 3) for m in itertools.combinations(MODULES, n)]


def replay(program, trace, options, folder):
    """(what went wrong, the products, the modules' counters), the last two as text."""
    done = subprocess.run([program, "replay", trace, *options, "--timing-only", "--quiet", "--csv", "-",
                           "--modules", folder / "modules.csv"], text=True, capture_output=True, check=False)
    if done.returncode != 0:
        return done.stderr.strip() or f"exit code {done.returncode}", "", ""
    return "", done.stdout, (folder / "modules.csv").read_text()


def costs(products):
    """The rows without the products' errors, which a run without values does not know."""
    return [{k: v for k, v in row.items() if not k.startswith("product_")}
            for row in csv.DictReader(products.splitlines())]


def compare(program, trace, name, options, folder):
    """A row of the report, the number of differing runs; (refusal, None) where replay refuses."""
    refusal, products, modules = replay(program, trace, options, folder)
    if refusal:
        return refusal, None
    front_end = [r for r in csv.DictReader(modules.splitlines()) if r["module"] in MODULES]
    rows = list(csv.DictReader(products.splitlines()))
    wrong = []
    for mix in mixes():
        trouble, other, counters = replay(program, trace, [*options, "--rtl", ",".join(mix)], folder)
        if trouble or (other, counters) != (products, modules):
            wrong.append(f"{'+'.join(mix)}: {trouble or 'differs'}")
    # The values too, with all modules: --check compares them with a plain loop.
    checked = subprocess.run([program, "replay", trace, *options, "--rtl", ",".join(MODULES), "--check", "--quiet",
                              "--csv", "-"], text=True, capture_output=True, check=False)
    if checked.returncode != 0 or costs(checked.stdout) != costs(products):
        wrong.append(f"--check: {checked.stderr.strip() or 'differs'}")
    total = {c: sum(int(r[c]) for r in front_end) for c in ("stalled_in_cycles", "stalled_out_cycles")}
    return (f"{name:25} {len(rows):4} products {sum(int(r['cycles']) for r in rows):11} cycles, front end "
            f"starved {total['stalled_in_cycles']:9}, stalled {total['stalled_out_cycles']:9}; "
            f"{len(mixes())} mixes of RTL, {len(wrong)} differ {'; '.join(wrong)}".rstrip()), (wrong, total)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program")
    parser.add_argument("traces", nargs="+", metavar="TRACE")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    compared = differing = starved = stalled = 0
    with tempfile.TemporaryDirectory() as scratch:
        for trace in arguments.traces:
            print(pathlib.Path(trace).name)
            for name, options in MACHINES.items():
                line, found = compare(arguments.program, trace, name,
                                      [*options, *(QUICK if arguments.quick else [])], pathlib.Path(scratch))
                if found is None:
                    print("  not replayed: " + line.split(": ", 2)[-1])
                    break
                print("  " + line, flush=True)
                compared += 1
                differing += len(found[0])
                starved += found[1]["stalled_in_cycles"]
                stalled += found[1]["stalled_out_cycles"]
    good = compared and not differing and starved and stalled
    print(f"{compared} machines on traces, {differing} differences"
          + ("" if compared else ": nothing was compared")
          + ("" if not compared or starved and stalled else ": the front end was never stalled on one side"))
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
