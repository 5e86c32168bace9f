"""Runs a command and compares its exit code: ctest's WILL_FAIL would take a crash for a finding.

usage: expect_exit_code.py CODE COMMAND...
"""
import subprocess
import sys

done = subprocess.run(sys.argv[2:], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
print(done.stdout)
print(f"exit code {done.returncode}, expected {sys.argv[1]}")
sys.exit(0 if done.returncode == int(sys.argv[1]) else 1)
