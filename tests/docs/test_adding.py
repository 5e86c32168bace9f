#!/usr/bin/env python3
"""Applies a diff of docs/adding.md to a copy of what it touches, compiles that over a build, runs its check.

test_adding.py SOURCE BUILD [SECTION...]: all sections if none is named. The build's targets stay as they are.
"""
import json
import os
import pathlib
import re
import shlex
import shutil
import subprocess
import sys

# <!-- adds NAME: at most N files, builds TARGET [also FILE...], runs COMMAND -->
MARKER = re.compile(r"<!-- adds (.+?): at most (\d+) files, builds (\S+?)(?: also (.+?))?, runs (.+?) -->")
# Sources whose time goes into optimising: one instruction set, not optimised.
FLAGS = ["-O0", "-DHWY_COMPILE_ONLY_STATIC"]


def sections(page):
    """(name, limit, target, sources to compile besides, command, diff) of each with a marker; others have tests of
    their own (tests/rtl/adding_block.py)."""
    for part in re.split(r"(?m)^## ", page)[1:]:
        marker = MARKER.search(part)
        diff = re.search(r"(?s)```diff\n(.*?)```", part)
        if marker and diff:
            name, limit, target, also, command = marker.groups()
            yield name, int(limit), target, (also or "").split(), command, diff.group(1)
        elif marker:
            raise SystemExit(f"docs/adding.md: '{part.splitlines()[0]}' has no diff")


def run(command, **keywords):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **keywords)
    if done.returncode != 0:
        raise SystemExit(f"{shlex.join(map(str, command))}\n{done.stdout[-4000:]}{done.stderr[-4000:]}")
    return done.stdout


class Build:
    def __init__(self, source, build):
        self.source, self.build = source, build
        entries = json.loads((build / "compile_commands.json").read_text())
        self.commands = {os.path.relpath(e["file"], source): (e["command"], e["directory"]) for e in entries}

    def compile(self, path, overlay, objects):
        """A source of the overlay, or of the tree with the overlay's headers, as its neighbours are compiled."""
        folder = os.path.dirname(path)
        like = path if path in self.commands else next(
            p for p in self.commands if os.path.dirname(p) == folder and p.startswith(("models", "sim", "traces", "tests")))
        text, directory = self.commands[like]
        words = shlex.split(text)
        words = words[next(i for i, w in enumerate(words) if re.search(r"(\+\+|clang)[^/]*$", w)):]
        file = overlay / path if (overlay / path).exists() else self.source / path
        target = objects / (path.replace("/", "+") + ".o")
        words[words.index("-o") + 1] = str(target)
        words[words.index("-c") + 1] = str(file)
        for flag in ("-MT", "-MF"):
            if flag in words:
                del words[words.index(flag):words.index(flag) + 2]
        words = [w for w in words if w not in ("-MD", "-O2", "-O3")]
        # What is wrong must be wrong of itself: the compiler's warnings count here too.
        run([words[0], f"-I{overlay}", *words[1:], *FLAGS, "-Werror"], cwd=directory)
        return target

    def link(self, target, objects, program):
        lines = run(["ninja", "-C", self.build, "-t", "commands", target]).splitlines()
        line = next(w for w in reversed(lines) if re.search(rf" -o \S*\b{re.escape(target)}\b", w) and " -c " not in w)
        line = re.search(r"(?:^|&& )(\S*(?:\+\+|clang)\S* .*? -o .*?)(?: &&|$)", line).group(1)
        words = shlex.split(line)
        place = words.index("-o")
        words[place + 1] = str(program)
        names = {o.name.removesuffix(".o") for o in objects}
        # An object that is made anew stands in the place of the old one; those of libraries come first.
        kept = [w for w in words if not (w.endswith(".o") and any(self.is_of(w, n) for n in names))]
        kept[kept.index("-o"):kept.index("-o")] = map(str, objects)
        run(kept, cwd=self.build)

    @staticmethod
    def is_of(word, name):
        folder, _, file = name.replace("+", "/").rpartition("/")
        return re.sub(r"CMakeFiles/[^/]+\.dir/", "", word).endswith(f"{folder}/{file}.o")


def check(section, tree):
    name, limit, target, also, command, diff = section
    files = re.findall(r"(?m)^\+\+\+ b/(\S+)$", diff)
    if len(files) > limit:
        raise SystemExit(f"{name}: {len(files)} files, at most {limit}")
    overlay = tree.build / "adding" / name.replace(" ", "-")
    shutil.rmtree(overlay, ignore_errors=True)
    for path in files:
        (overlay / path).parent.mkdir(parents=True, exist_ok=True)
        if (tree.source / path).exists():
            shutil.copy(tree.source / path, overlay / path)
    done = subprocess.run(["patch", "-p1", "--no-backup-if-mismatch"], input=diff, cwd=overlay, text=True,
                          capture_output=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"{name}: the diff of docs/adding.md no longer fits:\n{done.stdout}{done.stderr}")
    objects = overlay / "objects"
    objects.mkdir()
    sources = [f for f in files if f.endswith(".cpp")] + also
    made = [tree.compile(path, overlay, objects) for path in sources]
    program = overlay / target
    if made:
        tree.link(target, made, program)
    else:
        program = tree.build / "bin" / target
    environment = {**os.environ, "GRADPATH": str(program), "PROGRAM": str(program),
                   "PYTHONPATH": str(tree.source / "tests/sim/cli")}
    out = run(["bash", "-ec", command], cwd=overlay, env=environment)
    if "GoogleTest" in out or "[==========]" in out:
        if not re.search(r"\[  PASSED  \] [1-9]", out):
            raise SystemExit(f"{name}: no test ran\n{out}")
    print(f"{name}: {len(files)} files, {len(sources)} compiled, its test passes")


def main():
    source, build = map(lambda p: pathlib.Path(p).resolve(), sys.argv[1:3])
    all_of_them = list(sections((source / "docs/adding.md").read_text()))
    wanted = [s for s in all_of_them if len(sys.argv) == 3 or s[0] in sys.argv[3:]]
    if not wanted or len(sys.argv) > 3 and len(wanted) != len(sys.argv) - 3:
        raise SystemExit(f"sections of docs/adding.md: {', '.join(s[0] for s in all_of_them)}")
    tree = Build(source, build)
    for section in wanted:
        check(section, tree)


if __name__ == "__main__":
    main()
