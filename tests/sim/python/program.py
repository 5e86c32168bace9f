"""The built program, run on arrays: what the module is compared with."""
import csv
import os
import subprocess
from pathlib import Path

import numpy as np

import gradpath

PROGRAM = os.environ["GRADPATH"]
NAME = "step3/layer1.0.conv2/grad_output"


def run(*arguments):
    done = subprocess.run([PROGRAM, *map(str, arguments)], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def rows(*arguments):
    """The table of a verb, numbers as floats."""
    def value(text):
        try:
            return float(text)
        except ValueError:
            return text
    return [{k: value(v) for k, v in row.items()}
            for row in csv.DictReader(run(*arguments, "--csv", "-", "--quiet").splitlines())]


def trace(path: Path, x, name=NAME):
    gradpath.write_trace(path, {name: x})
    return path


def gradients(seed, shape=(4, 16, 9, 7)):
    """Wide magnitudes with zeros, subnormals and ties among them."""
    random = np.random.default_rng(seed)
    x = (np.exp(random.normal(-6, 2.5, shape)) * random.choice([-1, 1], shape)).astype(np.float32)
    x[random.random(shape) < 0.2] = 0
    flat = x.reshape(-1)
    flat[::97] = np.float32(2.0 ** -130)
    flat[::89] = np.float32(0.0625)
    return x


def same_bits(a, b):
    a, b = np.ascontiguousarray(a), np.ascontiguousarray(b)
    assert a.dtype == b.dtype and a.shape == b.shape
    assert a.tobytes() == b.tobytes()


def same_row(found, expected, columns=None):
    for column in columns or found:
        a, b = found[column], expected[column]
        if isinstance(a, float) and a != a:
            assert b != b, column
        else:
            assert a == b, (column, a, b)
