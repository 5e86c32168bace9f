"""Copies rtl/ with the lines of the lists made breakable: number k of all their entries is broken where
gradpath_mutant_number() (a C function) says k + 1. An entry: the text `line` of a file, there once (behind the
text `after`, if it has one), and what stands in its place: a statement, an assignment, the connection of a port,
or the head of an `if`. Fails if a line is not there exactly once.

usage: break_lines.py LIST.json... RTL_DIR OUT_DIR    writes OUT_DIR/*.sv and OUT_DIR/mutants.txt, of the first list
"""
import json
import pathlib
import re
import sys

PACKAGE = """package mutant_select;
  import "DPI-C" pure function int gradpath_mutant_number();
endpackage
"""
# What stands around the one expression in a line: an assignment, a connection, a condition.
AROUND = (r"(assign .*?=)(?!=)(.*)(;)", r"(\.\w+\s*\()(.*)(\),)", r"((?:else )?if \()(.*)(\))")


def breakable(line, alternatives):
    """The line, with each (number, broken text) behind its number."""
    for number, broken in alternatives:
        chosen = f"mutant_select::gradpath_mutant_number() == {number}"
        if short := re.fullmatch(r"\.(\w+),", line):
            line = f".{short[1]}({short[1]}),"
        for around in AROUND:
            if parts := re.fullmatch(around, line, re.DOTALL):
                line = f"{parts[1]} ({chosen}) ? ({re.fullmatch(around, broken, re.DOTALL)[2]}) : ({parts[2]}){parts[3]}"
                break
        else:
            line = f"begin if ({chosen}) begin {broken} end else begin {line} end end"
    return line


def main():
    lists = [json.loads(pathlib.Path(path).read_text()) for path in sys.argv[1:-2]]
    source, out = map(pathlib.Path, sys.argv[-2:])
    out.mkdir(parents=True, exist_ok=True)
    texts = {path.name: path.read_text() for path in source.glob("*.sv")}
    places = {}
    for number, mutant in enumerate((m for one in lists for m in one), start=1):
        text, after = mutant.get("after", "") + mutant["line"], len(mutant.get("after", ""))
        if texts[mutant["file"]].count(text) != 1:
            sys.exit(f"{mutant['file']}: expected once, found {texts[mutant['file']].count(text)} times: {text}")
        place = mutant["file"], texts[mutant["file"]].index(text) + after, mutant["line"]
        places.setdefault(place, []).append((number, mutant["broken"]))
    for (file, begin, line), alternatives in sorted(places.items(), reverse=True):
        texts[file] = texts[file][:begin] + breakable(line, alternatives) + texts[file][begin + len(line):]
    texts["mutant_select.sv"] = PACKAGE
    texts["mutants.txt"] = "".join("|".join([m["name"], *m["args"]]) + "\n" for m in lists[0])
    for name, text in texts.items():
        if not (out / name).exists() or (out / name).read_text() != text:
            (out / name).write_text(text)


main()
