"""What the tests of the program share: running it, and making small traces.

The program is the value of the environment variable GRADPATH.
"""
import csv
import io
import json
import os
import random
import struct
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "oracle"))
import safetensors  # noqa: E402

PROGRAM = os.environ["GRADPATH"]
SEED = int(os.environ.get("GRADPATH_TEST_SEED", "20240607"))
main = unittest.main


def f32(*values):
    return ("F32", [len(values)], struct.pack(f"<{len(values)}f", *values))


def floats(tensor):
    dtype, _, data = tensor
    assert dtype == "F32", dtype
    return list(struct.unpack(f"<{len(data) // 4}f", data))


class CommandTest(unittest.TestCase):
    """A test with a folder of its own, the program's working directory."""

    def setUp(self):
        scratch = tempfile.TemporaryDirectory()
        self.addCleanup(scratch.cleanup)
        self.folder = Path(scratch.name)
        self.random = random.Random(SEED)
        print(f"{self.id()}: GRADPATH_TEST_SEED={SEED}", file=sys.stderr)

    def run_program(self, *arguments, **keywords):
        return subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True,
                              check=False, cwd=self.folder, timeout=120, **keywords)

    def good(self, *arguments):
        """Runs, expects exit code 0 and nothing on stderr; gives stdout."""
        done = self.run_program(*arguments)
        self.assertEqual((done.returncode, done.stderr), (0, ""), arguments)
        return done.stdout

    def peak_megabytes(self, *arguments):
        """Runs, expects exit code 0; gives the most memory that was resident, mapped files included."""
        with open(os.devnull, "w", encoding="utf-8") as nothing:
            child = subprocess.Popen([PROGRAM, *map(str, arguments)], cwd=self.folder, stdout=nothing)
            _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        self.assertEqual(child.returncode, 0, arguments)
        return usage.ru_maxrss / 1024

    def write_large(self, megabytes):
        """A file of one tensor of random bits: nearly all magnitudes differ, NaNs are among them. Written piece by
        piece, as a child's peak counts what its parent had in memory."""
        size = megabytes * 2**20
        header = json.dumps({"grad_output": {"dtype": "F32", "shape": [size // 4], "data_offsets": [0, size]}})
        header = header.ljust(-(-len(header) // 8) * 8).encode()
        with open(self.folder / "large", "wb") as file:
            file.write(struct.pack("<Q", len(header)) + header)
            for _ in range(megabytes):
                file.write(self.random.randbytes(2**20))
        return "large"

    def refused(self, *arguments):
        """Runs, expects exit code 2, one line on stderr, nothing on stdout; gives that line."""
        done = self.run_program(*arguments)
        self.assertEqual(done.returncode, 2, f"{arguments}: {done.stderr}")
        self.assertEqual(done.stdout, "", arguments)
        self.assertRegex(done.stderr, r"\Agradpath: [^\n]+\n\Z", arguments)
        self.assertNotIn("internal error", done.stderr)
        return done.stderr

    def refused_saying(self, arguments, *words):
        line = self.refused(*arguments)
        for word in words:
            self.assertIn(word, line, arguments)

    def rows(self, *arguments):
        """The rows that --csv - prints, as dictionaries of text."""
        return list(csv.DictReader(io.StringIO(self.good(*arguments, "--csv", "-"))))

    def json_rows(self, *arguments):
        return json.loads(self.good(*arguments, "--json", "-"))

    def write(self, name, tensors, metadata=None):
        safetensors.write(self.folder / name, tensors, metadata)
        return name

    def read(self, name):
        return safetensors.read(self.folder / name)

    def write_gradients(self, name="t.safetensors", tensors=3, elements=5000):
        """A trace of lognormal gradients with some zeros."""
        made = {}
        for i in range(tensors):
            values = [self.random.choice((-1, 1)) * self.random.lognormvariate(-8, 2)
                      if self.random.random() > 0.1 else 0.0 for _ in range(elements + i)]
            made[f"step0/l{i}/grad_output"] = f32(*values)
        made["step0/l0/input"] = f32(1.0, 2.0)
        return self.write(name, made, {"model": "m"})

    def is_writing(self, pid):
        """True once the program holds an unfinished file of this folder open for writing."""
        for entry in os.listdir(f"/proc/{pid}/fd"):
            try:
                target = os.readlink(f"/proc/{pid}/fd/{entry}")
            except FileNotFoundError:
                continue
            if target.startswith(str(self.folder)) and ("deleted" in target or ".partial-" in target):
                return True
        return False

    def files(self):
        return sorted(path.name for path in self.folder.iterdir())
