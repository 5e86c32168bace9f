"""Runs a verify that must find a mismatch, once plainly and once for the waveform: both say the same,
and the first row that differs is in the waveform, where the table says.

usage: expect_waveform.py PROGRAM verify OPTION...
"""
import csv
import pathlib
import re
import subprocess
import sys
import tempfile


def verify(folder, *more):
    done = subprocess.run([*sys.argv[1:], "--quiet", "--csv", "-", *more], cwd=folder, text=True,
                          stdout=subprocess.PIPE)
    wrong = [row for row in csv.DictReader(done.stdout.splitlines()) if row["mismatches"] != "0"]
    print(f"exit code {done.returncode}", *wrong, sep="\n")
    if done.returncode != 1 or not wrong:
        sys.exit("the broken line was not found")
    return wrong


with tempfile.TemporaryDirectory() as scratch:
    plain = verify(scratch)
    shown = verify(scratch, "--trace-fst", "w.fst")
    files = {path.name: path.stat().st_size for path in pathlib.Path(scratch).iterdir()}
    print(files)
    place = re.search(r"; waveform w\.fst at (\d+) ns$", shown[0]["first_mismatch"])
    # 64 ticks before it, or the run's beginning.
    if not place or not 1 <= int(place[1]) <= 65:
        sys.exit("the table does not say where in the waveform the mismatch is")
    shown[0]["first_mismatch"] = shown[0]["first_mismatch"][:place.start()]
    if shown != plain:
        sys.exit("with a waveform, the table is another")
    if list(files) != ["w.fst"] or not 500 < files["w.fst"] < 1 << 20:
        sys.exit("the waveform is not all there is, or not a short one")
