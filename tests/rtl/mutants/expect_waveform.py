"""Runs a verify that must find a mismatch: its window must be in the waveform, where the table says.

usage: expect_waveform.py PROGRAM verify OPTION...
"""
import csv
import pathlib
import re
import subprocess
import sys
import tempfile

with tempfile.TemporaryDirectory() as folder:
    done = subprocess.run([*sys.argv[1:], "--quiet", "--trace-fst", "w.fst", "--csv", "-"], cwd=folder,
                          text=True, stdout=subprocess.PIPE)
    print(done.stdout)
    wrong = [row for row in csv.DictReader(done.stdout.splitlines()) if row["mismatches"] != "0"]
    files = {path.name: path.stat().st_size for path in pathlib.Path(folder).iterdir()}
    print(f"exit code {done.returncode}, files {files}")
    named = all(re.search(r"; waveform w\.fst at \d+ ns$", row["first_mismatch"]) for row in wrong)
    sys.exit(0 if done.returncode == 1 and wrong and named and list(files) == ["w.fst"]
             and 500 < files["w.fst"] < 1 << 20 else 1)
