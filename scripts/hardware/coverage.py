"""The report of scripts/coverage, from what `verilator_coverage --write` merged.

usage: coverage.py MERGED.dat WAIVERS REPORT.md

A point counts once per place in the source (file, line, column, kind, signal and bit), reached if it is
in any instance with any parameters. Writes REPORT.md and REPORT.csv. Exit code 1 if what is not reached
and what is waived differ, or if fewer than 99 % of the line points are reached.
"""
import collections
import csv
import dataclasses
import io
import pathlib
import re
import sys

from blocks import ROOT, RTL
from tools import version, write_atomically

LEAST_LINES = 0.99
KINDS = ("line", "toggle", "user")


@dataclasses.dataclass(frozen=True, order=True)
class Point:
    module: str
    kind: str    # of KINDS
    line: int
    column: int
    what: str    # if, else, block, ...; a signal; the label of a user point
    bit: str = ""


@dataclasses.dataclass
class Waiver:
    number: int  # its line in the file
    kind: str
    module: str
    at: str      # part of the source line, a signal, or a label
    bits: set    # of a toggle; empty: all
    reason: str
    used: int = 0


def labels():
    """{(line): label} of the cover points, and the module that each line's is bound to."""
    path = ROOT / "sim/verify/banks/cover_points.sv"
    module, found, bound, last = None, {}, collections.defaultdict(list), ""
    for number, text in enumerate(path.read_text().splitlines(), start=1):
        if match := re.match(r"module (\w+)", text):
            module = match[1]
        if match := re.match(r"bind (\w+) (\w+)", text):
            bound[match[2]].append(match[1])
        # The label stands on the line of `cover`, or, of a long condition, on the line before.
        label = re.search(r"(\w+)_C :", text)
        last = label[1] if label else last
        if re.search(r"\bcover \(", text):
            found[number] = (module, last)
    return found, bound


def points(path):
    """{Point: times reached}."""
    user, bound = labels()
    reached = collections.Counter()
    for text in path.read_text().splitlines():
        if not text.startswith("C '"):
            continue
        keys, count = text[3:].rsplit("' ", 1)
        key = dict(part.split("\x02", 1) for part in keys.split("\x01") if part)
        kind, _, page = key["page"].partition("/")
        page = page.split("__")[0]
        line, column, what = int(key["l"]), int(key.get("n", 0)), key.get("o", "")
        if kind == "v_user":
            if pathlib.Path(key["f"]).name != "cover_points.sv":
                continue
            module, label = user[line]
            targets = bound[module]
            if len(targets) > 1:  # shared by several: told apart by the instance
                targets = [t for t in targets if f"u_{t}." in key["h"] + "."] or targets
            for target in targets:
                reached[Point(target, "user", line, 0, label)] += int(count)
            continue
        source = pathlib.Path(key["f"])
        if source.parent.name != "rtl":
            continue
        if kind == "v_toggle":
            signal, _, bit = what.partition("[")
            reached[Point(source.stem, "toggle", line, column, signal, bit.rstrip("]"))] += int(count)
        else:
            reached[Point(source.stem, "line", line, column, what)] += int(count)
    return reached


def waivers(path):
    """kind | module | where | reason, a line each; where: the source line, signal[bits] or label."""
    result = []
    for number, text in enumerate(path.read_text().splitlines(), start=1):
        if not text.strip() or text.startswith("#"):
            continue
        fields = [f.strip() for f in text.split(" | ")]
        if len(fields) != 4 or fields[0] not in KINDS or not fields[3]:
            sys.exit(f"{path.name}:{number}: expected 'line|toggle|user | module | where | reason'")
        kind, module, at, reason = fields
        bits = set()
        if kind == "toggle" and "[" in at:
            at, _, ranges = at.rstrip("]").partition("[")
            for part in ranges.split(","):
                high, _, low = part.partition(":")
                bits |= set(map(str, range(int(low or high), int(high) + 1)))
        result.append(Waiver(number, kind, module, at, bits, reason))
    return result


def source_line(point):
    return (RTL / f"{point.module}.sv").read_text().splitlines()[point.line - 1].strip()


def covers(waiver, point):
    if (waiver.kind, waiver.module) != (point.kind, point.module):
        return False
    if point.kind == "line":
        text, _, branch = waiver.at.partition(" -> ")
        return text in source_line(point) and branch in ("", point.what)
    if waiver.at != point.what:
        return False
    return not waiver.bits or point.bit in waiver.bits


def bit_ranges(bits):
    """'7:5,2' of {'2', '5', '6', '7'}; '' of one without number."""
    numbers = sorted((int(b) for b in bits if b.isdigit()), reverse=True)
    runs = []
    for n in numbers:
        if runs and runs[-1][1] == n + 1:
            runs[-1][1] = n
        else:
            runs.append([n, n])
    return ",".join(f"{h}" if h == l else f"{h}:{l}" for h, l in runs)


def family(point):
    """Where a point that is not reached is listed: toggles by signal."""
    if point.kind == "line":
        return (point.module, point.kind, f"`{source_line(point)}` ({point.what})")
    return (point.module, point.kind, point.what)


def judge(reached, given):
    """(families of missed points with their reasons, complaints)."""
    complaints, missed = [], collections.defaultdict(lambda: (set(), set()))
    for point, count in sorted(reached.items()):
        matching = [w for w in given if covers(w, point)]
        if count:
            # A waiver of a whole signal says that none of what is missed can be reached, not which it is.
            for waiver in matching:
                if point.kind != "toggle" or waiver.bits:
                    complaints.append(f"waiver {waiver.number}: {point.module} {point.what} {point.bit} is reached")
            continue
        for waiver in matching:
            waiver.used += 1
        bits, reasons = missed[family(point)]
        bits.add(point.bit)
        if not matching:
            complaints.append(f"not reached, no reason: {point.kind} | {point.module} | "
                              f"{source_line(point) if point.kind == 'line' else point.what}"
                              f"{' -> ' + point.what if point.kind == 'line' else ''}"
                              f"{'[' + point.bit + ']' if point.bit else ''}")
        reasons |= {w.reason for w in matching}
    complaints += [f"waiver {w.number}: no point that is missed is at '{w.at}' of {w.module}"
                   for w in given if not w.used]
    return missed, complaints


def table(reached):
    rows = []
    for module in sorted({p.module for p in reached}):
        counts = []
        for kind in KINDS:
            here = [c for p, c in reached.items() if p.module == module and p.kind == kind]
            counts.append((sum(map(bool, here)), len(here)))
        rows.append((module, counts))
    totals = [tuple(map(sum, zip(*(counts[k] for _, counts in rows)))) for k in range(len(KINDS))]
    return rows, totals


def report(rows, totals, missed):
    def cells(counts):
        return " | ".join(f"{a} | {n} | {100 * a / n:.1f}" if n else "0 | 0 | " for a, n in counts)
    lines = [
        "# Coverage of the RTL", "",
        f"`scripts/coverage` ({' '.join(version(['verilator', '--version']).split()[:2])}): what the quick "
        "`gradpath verify` reaches, all its modules and no other test.", "",
        "A point counts once per place in the source (file, line, column; of toggles signal and bit), reached "
        "if it is in any instance with any parameters. *Line*: Verilator's blocks and both sides of each "
        "branch. *Toggle*: a bit that has changed at all; signals wider than 256 bits, which are others put "
        "side by side, have none. *User*: the cover points of `sim/verify/banks/cover_points.sv`, named by "
        "what they ask for. The build holds every seventh row of the quantizer lanes' table and a part of the "
        "stream, statistics and front-end tables (`sim/verify/rtl_models.cmake`), which keeps it small: all "
        "rows together reach at least this.", "",
        "| module | line | of | % | toggle | of | % | user | of | % |", "| --- |" + " ---: |" * 9]
    lines += [f"| {module} | {cells(counts)} |" for module, counts in rows]
    lines += [f"| all | {cells(totals)} |", "", "## Not reached, and why", ""]
    for kind, title in zip(KINDS, ("Lines", "Toggles", "User points")):
        here = sorted((f, v) for f, v in missed.items() if f[1] == kind)
        lines += [f"### {title}", ""]
        if not here:
            lines += ["All are reached.", ""]
            continue
        lines += ["| module | point | why |", "| --- | --- | --- |"]
        for (module, _, what), (bits, reasons) in here:
            which = bit_ranges(bits)
            name = what if kind == "line" else f"`{what}{f'[{which}]' if which else ''}`"
            lines.append(f"| {module} | {name.replace('|', chr(92) + '|')} | "
                         f"{'; '.join(sorted(reasons)) or '**no reason given**'} |")
        lines.append("")
    return "\n".join(lines)


def main():
    merged, given_path, output = map(pathlib.Path, sys.argv[1:])
    reached = points(merged)
    if not reached:
        sys.exit(f"{merged} holds no point")
    missed, complaints = judge(reached, waivers(given_path))
    rows, totals = table(reached)
    share = totals[0][0] / totals[0][1]
    if share < LEAST_LINES:
        complaints.append(f"{100 * share:.2f} % of the line points are reached, fewer than {100 * LEAST_LINES:.0f} %")
    write_atomically(output, report(rows, totals, missed))
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["module", "kind", "reached", "total"])
    for module, counts in [*rows, ("all", totals)]:
        writer.writerows([module, kind, *count] for kind, count in zip(KINDS, counts))
    write_atomically(output.with_suffix(".csv"), text.getvalue())
    for kind, (a, n) in zip(KINDS, totals):
        print(f"{kind}: {a} of {n} points, {100 * a / n:.2f} %")
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main())
