"""Datasheets of the RTL: ports and parameters from the heads of the modules, waveforms from runs; and the list of
its files.

usage: datasheets.py RTL_DIR DOCS_DIR [--check | --text]
"""
import pathlib
import re
import sys

import waveforms
from blocks import registry, sources


def head(text):
    """The comment over the module, as paragraphs."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("//"):
            break
        lines.append(line[2:].removeprefix(" "))
    return "\n".join(lines)


def split_items(block):
    """(declaration, comment) of a comma-separated list, a line each; lines of comment alone are left out."""
    for line in block.splitlines():
        code, _, comment = line.partition("//")
        if code.strip(" ,"):
            yield code.strip().rstrip(","), comment.strip()


def parameters(text):
    found = re.search(r"\nmodule \w+ #\(\n(.*?)\n\) \(\n", text, re.S)
    rows = []
    for code, comment in split_items(found.group(1)) if found else []:
        name, default = re.fullmatch(r"parameter .*?(\w+)\s*=\s*(.*)", code).groups()
        rows.append(f"| `{name}` | `{default}` | {comment.replace('|', chr(92) + '|')} |")
    return rows


def ports(text):
    block = re.search(r"\nmodule \w+ (?:#\(\n.*?\n\) )?\(\n(.*?)\n\);", text, re.S).group(1)
    rows = []
    for code, comment in split_items(block):
        direction, signed, width, name = re.fullmatch(
            r"(input|output)\s+logic\s*(signed)?\s*(?:\[(.*?)\])?\s*(\w+)", code).groups()
        width = re.sub(r"\s+", "", width or "0:0").removesuffix(":0")
        width = re.sub(r"(.+)-1$", r"\1", width) if not width.isdigit() else str(int(width) + 1)
        rows.append(f"| `{name}` | {direction[:-3]} | {width}{', signed' if signed else ''} | {comment.replace('|', chr(92) + '|')} |")
    return rows


def page(name, text):
    parts = [f"# `{name}`", "", head(text).replace("|", "\\|").replace("*", "\\*").replace("_", "\\_"), ""]
    # A drawing in the comment stays as it is.
    parts[2] = "\n".join("    " + line.strip().replace("\\", "") if line.startswith("  ") else line
                         for line in parts[2].splitlines())
    rows = parameters(text)
    if rows:
        parts += ["| parameter | default | |", "| --- | --- | --- |", *rows, ""]
    parts += ["| port | | bits | |", "| --- | --- | --- | --- |", *ports(text), ""]
    caption = registry()[name]["waveform"]["caption"]
    parts += [f"![{name}: {caption}]({name}.svg)", "", caption + ".", ""]
    return "\n".join(parts)


FILE_LIST = """// Every file of rtl/, packages first; written by scripts/datasheets in the order of blocks.json.
// Paths are relative to this file: verilator -F rtl/gradpath.f. Tools that take them from where they run: from
// this folder.
"""


def main():
    rtl, docs, check = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), "--check" in sys.argv
    pages = {name: page(name, (rtl / f"{name}.sv").read_text()) for name in sorted(registry())}
    index = ["# Datasheets of the RTL", "",
             "Written by `scripts/datasheets` from the modules themselves. Protocol and beats: [rtl/README.md](../../rtl/README.md); "
             "arithmetic: [numerics.md](../numerics.md), \"Hardware\"; area and timing: [results/synth](../../results/synth/cost.md); "
             "what is proven and what simulated: [verification.md](../verification.md).", "",
             "Common to all clocked modules: reset is synchronous and active low, empties the module and loads the seeds; "
             "a beat moves where `valid` and `ready` are both high, stays until then, and `ready` never waits for `valid`; "
             "`ready` comes from registers alone; a stream is flushed by its last beat, which may have an empty mask. "
             "A page says where a module differs.", "",
             "| module | |", "| --- | --- |"]
    for name in pages:
        first = re.split(r"(?<=[a-z\)|])(?:[.:](?:\s|$)| \((?:beat|docs))", head((rtl / f"{name}.sv").read_text()).replace("\n", " "))[0]
        index.append(f"| [{name}]({name}.md) | {first.replace('|', chr(92) + '|')} |")
    pages["README"] = "\n".join(index) + "\n"
    files = {docs / f"{name}.md": text for name, text in pages.items()}
    packages = [p.stem for p in sources() if p.stem not in registry()]
    files[rtl / "gradpath.f"] = FILE_LIST + "".join(f"{name}.sv\n" for name in [*packages, *registry()])
    stale = [path for path, text in files.items() if not path.exists() or path.read_text() != text]
    stale += [path for path in docs.glob("*.md") if path.stem not in pages]
    if check:
        print(*(f"{path.parent.name}/{path.name} is not what scripts/datasheets writes" for path in stale), sep="\n", end="")
        sys.exit(1 if stale else 0)
    docs.mkdir(parents=True, exist_ok=True)
    for path in stale:
        path.write_text(files[path]) if path in files else path.unlink()
    if "--text" in sys.argv:
        return
    for name in registry():
        (docs / f"{name}.svg").write_text(waveforms.draw(name, rtl))
        print(f"{name}.svg")


main()
