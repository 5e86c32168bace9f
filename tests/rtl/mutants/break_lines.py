"""Copies rtl/ with the lines of mutants.json made breakable: number k of the list is broken where
gradpath_mutant_number() (a C function) says k + 1. Fails if a line is not there exactly once.

usage: break_lines.py MUTANTS.json RTL_DIR OUT_DIR    writes OUT_DIR/*.sv and OUT_DIR/mutants.txt
"""
import json
import pathlib
import sys

PACKAGE = """package mutant_select;
  import "DPI-C" pure function int gradpath_mutant_number();
endpackage
"""


def breakable(line, alternatives):
    """The statement or assignment `line`, with each (number, broken text) behind its number."""
    for number, broken in alternatives:
        chosen = f"mutant_select::gradpath_mutant_number() == {number}"
        if line.startswith("assign "):
            target, right = line.removesuffix(";").split("=", 1)
            line = f"{target}= ({chosen}) ? ({broken.removesuffix(';').split('=', 1)[1]}) : ({right});"
        else:
            line = f"begin if ({chosen}) begin {broken} end else begin {line} end end"
    return line


def main():
    mutants = json.loads(pathlib.Path(sys.argv[1]).read_text())
    source, out = pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
    out.mkdir(parents=True, exist_ok=True)
    texts = {path.name: path.read_text() for path in source.glob("*.sv")}
    places = {}
    for number, mutant in enumerate(mutants, start=1):
        places.setdefault((mutant["file"], mutant["line"]), []).append((number, mutant["broken"]))
    for (file, line), alternatives in places.items():
        if texts[file].count(line) != 1:
            sys.exit(f"{file}: expected once, found {texts[file].count(line)} times: {line}")
        texts[file] = texts[file].replace(line, breakable(line, alternatives))
    texts["mutant_select.sv"] = PACKAGE
    texts["mutants.txt"] = "".join("|".join([m["name"], *m["args"]]) + "\n" for m in mutants)
    for name, text in texts.items():
        if not (out / name).exists() or (out / name).read_text() != text:
            (out / name).write_text(text)


main()
