"""Area, delay and power proxy of every block and format: results/synth/cost.csv and cost.md.

usage: scripts/synth [--jobs N] [--fresh] [--only BLOCK] [--output FOLDER]

The definitions of the columns are in the head of cost.md, which this writes.
"""
import argparse
import csv
import hashlib
import io
import json
import pathlib
import re
import sys
import tempfile
import time

import blocks
import expectations
from tools import ToolError, parallel, read, rtl_text, run, version, write_atomically, yosys

LIBERTY = pathlib.Path("/usr/share/qflow/tech/osu018/osu018_stdcells.lib")
# Area first (the default script scatters by a third, which hides every trend), then fanouts buffered
# and gates sized.
ABC = "+strash;ifraig;scorr;dc2;dch,-f;map,-a;topo;buffer,-c;topo;upsize;dnsize"
PERIOD_NS = 100.0
ACTIVITY = 0.1
COLUMNS = ["block", "format", "exponent_bits", "mantissa_bits", "bias", "rounding", "overflow",
           "parameters", "cells", "flip_flops", "area_ge", "delay_ns", "delay_fo4", "power_proxy"]


def sta_script(top, verilog, clock, inputs):
    """Inputs arrive at time 0 behind a strong inverter; every output drives four inverters."""
    clock_port = f"create_clock -name clk -period {PERIOD_NS}" + (f" [get_ports {clock}]" if clock else "")
    return f"""
read_liberty {LIBERTY}
read_verilog {verilog}
link_design {top}
{clock_port}
foreach port {{{" ".join(inputs)}}} {{
  set_input_delay 0 -clock clk [get_ports $port]
  set_driving_cell -lib_cell INVX4 [get_ports $port]
}}
set_output_delay 0 -clock clk [all_outputs]
set_load {4 * 0.00932456} [all_outputs]
puts "slack [sta::worst_slack]"
set_power_activity -global -activity {ACTIVITY} -duty 0.5
report_power -digits 9
"""


def timing(top, verilog, clock, inputs, folder):
    """(critical path in ns, power in W) by OpenSTA."""
    script = folder / f"{top}.tcl"
    script.write_text(sta_script(top, verilog, clock, inputs))
    text = run(["sta", "-no_splash", "-no_init", "-exit", script])
    slack = re.search(r"^slack (\S+)", text, re.MULTILINE)
    power = re.search(r"^Total(?:\s+(\S+)){4}", text, re.MULTILINE)
    if "Error" in text or not slack or not power:
        raise ToolError(f"OpenSTA on {top}:\n{text[-2000:]}")
    return PERIOD_NS - float(slack[1]), float(power[1])


def fanout_four_delay(folder):
    """The mean of rise and fall delay of an inverter that drives four of its kind, in ns: the slope
    of a chain's delay over its length."""
    def chain(length):
        lines = ["module chain(input a, output y);", f"  wire [{length}:0] n;"]
        for i in range(length):
            source = f"n[{i}]" if i else "a"
            lines.append(f"  INVX1 stage{i} (.A({source}), .Y(n[{i + 1}]));")
            for k in range(3):
                lines += [f"  wire d{i}_{k};", f"  INVX1 load{i}_{k} (.A(n[{i + 1}]), .Y(d{i}_{k}));"]
        lines += [f"  BUFX2 last (.A(n[{length}]), .Y(y));", "endmodule"]
        path = folder / f"chain{length}.v"
        path.write_text("\n".join(lines))
        return timing("chain", path, None, ["a"], folder)[0]
    return (chain(40) - chain(20)) / 20


def measure(instance):
    """The columns of one instance, without delay_fo4."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = pathlib.Path(scratch)
        log = yosys(
            read(instance) + "rename -top measured; synth -flatten; "
            f"dfflibmap -liberty {LIBERTY}; abc -liberty {LIBERTY} -script {ABC}; "
            "splitnets -ports; opt_clean -purge; "
            f"read_liberty -lib {LIBERTY}; check -assert; stat -liberty {LIBERTY}; "
            "select -assert-none t:$_* ; write_verilog -noattr measured.v; write_json measured.json",
            folder)
        area = re.findall(r"Chip area for (?:top )?module '\\measured': (\S+)", log)
        netlist = json.loads((folder / "measured.json").read_text())["modules"]["measured"]
        if not area:
            raise ToolError(f"{instance.name}: yosys reports no area:\n{log[-1000:]}")
        ports = netlist["ports"]
        inputs = [p for p, d in ports.items() if d["direction"] == "input"]
        clock = next((p for p in inputs if p == "clk_i"), None)
        delay, watts = timing("measured", folder / "measured.v", clock,
                              [p for p in inputs if p != clock], folder)
        kinds = [cell["type"] for cell in netlist["cells"].values()]
        unknown = {k for k in kinds if k.startswith("$")}
        if unknown:
            raise ToolError(f"{instance.name}: not mapped: {unknown}")
        fmt = instance.format
        return {
            "block": instance.block,
            "format": fmt.name if fmt else "", "exponent_bits": fmt.exponent_bits if fmt else "",
            "mantissa_bits": fmt.mantissa_bits if fmt else "", "bias": fmt.bias if fmt else "",
            "rounding": instance.rounding, "overflow": instance.overflow,
            "parameters": " ".join(f"{k}={v}" for k, v in instance.parameters),
            "cells": len(kinds), "flip_flops": sum(k.startswith("DFF") for k in kinds),
            "area_ge": float(area[-1]) / nand2_area(), "delay_ns": delay,
            "power_proxy": watts * PERIOD_NS * 1e3,  # W ns = nJ; in pJ
        }


def nand2_area():
    return float(re.search(r"cell \(NAND2X1\) \{\s*area : (\d+)", LIBERTY.read_text())[1])


def cached_measure(job):
    instance, cache = job
    key = hashlib.sha256(f"{rtl_text(instance.block)}{sta_script('', '', '', [])}{ABC}{instance}".encode())
    path = cache / f"{key.hexdigest()}.json"
    if path.exists():
        return json.loads(path.read_text())
    try:
        row = measure(instance)
    except ToolError as error:
        raise ToolError(f"{instance.name}: {error}") from None
    write_atomically(path, json.dumps(row))
    return row


def shorten(value):
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def csv_text(rows):
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    writer.writeheader()
    for row in rows:
        writer.writerow({c: f"{row[c]:.6g}" if isinstance(row[c], float) else row[c] for c in COLUMNS})
    return text.getvalue()


def main():
    parser = argparse.ArgumentParser(prog="scripts/synth", description=__doc__.splitlines()[0],
                                     epilog="Writes cost.csv and cost.md; exit code 1 if a "
                                            "required expectation of a designer (cost.md) fails.")
    parser.add_argument("--jobs", type=int, help="processes at a time (default: all cores)")
    parser.add_argument("--fresh", action="store_true", help="measure again what is known already")
    parser.add_argument("--only", metavar="BLOCK", help="this block alone, printed and not written")
    parser.add_argument("--output", type=pathlib.Path, default=blocks.ROOT / "results/synth",
                        metavar="FOLDER", help="where cost.csv and cost.md go (default: results/synth)")
    arguments = parser.parse_args()
    if not LIBERTY.exists():
        parser.exit(2, f"scripts/synth: {LIBERTY} is not there; run scripts/setup synth\n")
    instances = [i for i in blocks.cost_instances() if arguments.only in (None, i.block)]
    if not instances:
        parser.exit(2, f"scripts/synth: no block '{arguments.only}'; expected one of "
                       f"{' '.join(dict.fromkeys(i.block for i in blocks.cost_instances()))}\n")
    begun = time.monotonic()
    cache = blocks.ROOT / "build/synth-cache"
    if arguments.fresh and cache.exists():
        for path in cache.iterdir():
            path.unlink()
    with tempfile.TemporaryDirectory() as scratch:
        fo4 = fanout_four_delay(pathlib.Path(scratch))
    rows = parallel(cached_measure, [(i, cache) for i in instances], arguments.jobs, "synth")
    for row in rows:
        row["delay_fo4"] = row["delay_ns"] / fo4
    checks = expectations.check(rows)
    if arguments.only:
        print(csv_text(rows), end="")
        return 0
    seconds = time.monotonic() - begun
    write_atomically(arguments.output / "cost.csv", csv_text(rows))
    write_atomically(arguments.output / "cost.md", expectations.report(
        rows, checks, fo4_ns=fo4, nand2_area=nand2_area(), abc=ABC, activity=ACTIVITY,
        seconds=seconds, versions=[version(["yosys", "-V"]), "OpenSTA " + version(["sta", "-version"])]))
    unmet = [c for c in checks if c.failures]
    failed = [c for c in unmet if c.required]
    print(f"{len(rows)} instances, {len(checks)} expectations, {len(failed)} required ones fail; "
          f"{arguments.output / 'cost.md'}")
    for expectation in unmet:
        print(f"  {'FAILS' if expectation.required else 'not met'}: {expectation.text}: "
              f"{expectation.worst}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
