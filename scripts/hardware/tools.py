"""Running yosys and OpenSTA, and work spread over the cores."""
import concurrent.futures
import functools
import os
import pathlib
import re
import subprocess
import sys
import time

from blocks import sources, sources_of


class ToolError(Exception):
    """A tool failed: its last words."""


def run(command, text=None, folder=None, timeout=None):
    """Standard output and error of a command; ToolError if it fails."""
    done = subprocess.run([str(c) for c in command], input=text, text=True, cwd=folder,
                          timeout=timeout, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if done.returncode != 0:
        raise ToolError(f"{command[0]} failed ({done.returncode}):\n{done.stdout[-2000:]}")
    return done.stdout


def yosys(script, folder, timeout=None):
    """Runs a script of commands in `folder`; returns its log."""
    return run(["yosys", "-Q", "-T", "-p", script], folder=folder, timeout=timeout)


def read(instance, defines="", extra=(), top=None):
    """Yosys commands that read what `instance` is made of and make it (or `top`, with its parameters)
    the top."""
    files = " ".join(str(f) for f in [*sources_of(instance.block), *extra])
    parameters = "".join(f" -chparam {name} {value}" for name, value in instance.parameters)
    return (f"read_verilog -sv {defines} {files}; "
            f"hierarchy -check -top {top or instance.block}{parameters}; ")


def version(command):
    return run(command).strip().splitlines()[0]


@functools.cache
def rtl_text(block=None):
    """What a block (default: any) is made of, without comments and blank space, for keys of caches."""
    return "".join(re.sub(r"//.*|\s+", " ", p.read_text()) for p in (sources_of(block) if block else sources()))


def parallel(function, items, jobs=None, what="", quiet=False):
    """[function(item)] in order, on processes; shows progress on a terminal's standard error."""
    jobs = jobs or os.cpu_count()
    started = time.monotonic()
    results = [None] * len(items)
    show = sys.stderr.isatty() and not quiet
    with concurrent.futures.ProcessPoolExecutor(jobs) as pool:
        futures = {pool.submit(function, item): i for i, item in enumerate(items)}
        for done, future in enumerate(concurrent.futures.as_completed(futures), start=1):
            results[futures[future]] = future.result()
            if show:
                print(f"\r{what} {done}/{len(items)} ({time.monotonic() - started:.0f} s)", end="",
                      file=sys.stderr, flush=True)
    if show:
        print(file=sys.stderr)
    return results


def write_atomically(path, text):
    path = pathlib.Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    scratch = path.with_name(f".{path.name}.{os.getpid()}")
    scratch.write_text(text)
    scratch.replace(path)
