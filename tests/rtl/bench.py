"""rtl/bench/bench.sv under Verilator, with vectors of the program: a bench passes, and fails on an answer that is
wrong on purpose.

usage: bench.py PROGRAM RTL_DIR VERILATOR SET...    SET: a folder that `verify --vectors` writes; none: all
"""
import pathlib
import subprocess
import sys
import tempfile

program, rtl, verilator, *wanted = sys.argv[1:]
rtl = pathlib.Path(rtl)


def run(*command, folder):
    return subprocess.run([str(c) for c in command], cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


with tempfile.TemporaryDirectory() as scratch:
    made = run(program, "verify", "--vectors", "v", "--quiet", folder=scratch)
    if made.returncode:
        sys.exit(f"no vectors: exit code {made.returncode}\n{made.stdout}")
    sets = sorted(p for p in pathlib.Path(scratch, "v").iterdir() if not wanted or p.name in wanted)
    failures = len(set(wanted) - {p.name for p in sets})
    for folder in sets:
        # Wide buses are slow to compile, and these run for milliseconds.
        built = run(verilator, "--binary", "--timing", "-Wno-fatal", "-Wno-lint", "-Wno-WIDTH", "-O0", "-CFLAGS", "-O0", "-I.",
                    "-F", rtl / "gradpath.f", rtl / "bench/bench.sv", "--top-module", "bench", folder=folder)
        good = run("obj_dir/Vbench", folder=folder) if built.returncode == 0 else built
        answers = folder / "out0.hex"
        lines = answers.read_text().splitlines()
        lines[-1] = lines[-1][:-1] + ("1" if lines[-1][-1] == "0" else "0")
        answers.write_text("\n".join(lines) + "\n")
        bad = run("obj_dir/Vbench", folder=folder) if built.returncode == 0 else built
        passed = good.returncode == 0 and "PASS" in good.stdout and bad.returncode != 0 and "expected 0x" in bad.stdout
        failures += not passed
        print(folder.name, "passes" if passed else f"FAILED\n{good.stdout[-800:]}\nwith a wrong answer:\n{bad.stdout[-400:]}")
print(f"{len(sets)} benches, {failures} failed")
sys.exit(1 if failures or not sets else 0)
