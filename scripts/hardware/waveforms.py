"""Waveform pictures: a short Verilator run of one module, its pins cycle by cycle, as SVG."""
import dataclasses
import pathlib
import struct
import subprocess
import tempfile
import xml.etree.ElementTree as tree

from blocks import registry


@dataclasses.dataclass
class Run:
    caption: str
    show: list  # pins, top to bottom
    inputs: dict  # pin: its value, {cycle: value from then on}, or the pin that it is wired to
    parameters: dict = dataclasses.field(default_factory=dict)
    cycles: int = 12
    skip: int = 0  # cycles run before the picture


def number(value, width):
    """Of JSON: an integer, hex text, or the fp32 values of lanes, lane 0 lowest; as that many bits."""
    if isinstance(value, list):
        value = sum(struct.unpack("<I", struct.pack("<f", v))[0] << (32 * i) for i, v in enumerate(value))
    return (int(value, 16) if isinstance(value, str) else value) % (1 << width)


def run_of(name):
    """The picture of a module, a row of rtl/blocks.json."""
    row = dict(registry()[name]["waveform"])
    return Run(**{**row, "show": row["show"].split()})


def testbench(name, run, widths):
    """Drives the pins after each edge and prints them before the next."""
    ports = ", ".join(f".{pin}({pin})" for pin in widths)
    wired = {pin: to for pin, to in run.inputs.items() if isinstance(to, str) and to in widths}
    declarations = "".join(f"  logic [{width - 1}:0] {pin}{'' if pin in wired else ' = 0'};\n"
                           for pin, width in widths.items() if pin not in ("clk_i", "rst_ni"))
    parameters = ", ".join(f".{key}({value})" for key, value in run.parameters.items())
    drives = []
    for cycle in range(run.skip + run.cycles):
        for pin, values in run.inputs.items():
            if pin in wired:
                continue
            values = values if isinstance(values, dict) else {"0": values}
            if str(cycle) in values:
                drives.append(f"    if (cycle == {cycle}) {pin} = {widths[pin]}'h{number(values[str(cycle)], widths[pin]):x};\n")
    wires = "".join(f"  assign {pin} = {to};\n" for pin, to in wired.items())
    shown = ", ".join(run.show)
    pattern = " ".join("%h" for _ in run.show)
    return (f"module tb;\n  logic clk_i = 0, rst_ni = 0;\n{declarations}  int cycle = -3;\n"
            f"  {name} #({parameters}) u_block ({ports});\n{wires}"
            "  always #5 clk_i = !clk_i;\n"
            "  always @(negedge clk_i) begin\n    cycle = cycle + 1;\n    rst_ni = cycle >= 0;\n" + "".join(drives) +
            f"    #4;\n    if (cycle >= {run.skip}) $display(\"WAVE {pattern}\", {shown});\n"
            f"    if (cycle == {run.skip + run.cycles - 1}) $finish;\n  end\nendmodule\n")


def port_widths(name, rtl, parameters, folder):
    """Widths of the pins, from Verilator's own reading of the module."""
    xml = pathlib.Path(folder) / "ports.xml"
    subprocess.run(["verilator", "--xml-only", "--xml-output", str(xml), "-Wno-fatal", "-F", str(rtl / "gradpath.f"),
                    "--top-module", name, *(f"-G{key}={value}" for key, value in parameters.items())],
                   check=True, capture_output=True)
    root = tree.parse(xml).getroot()
    types = {t.get("id"): t for t in root.iter("basicdtype")}
    widths = {}
    for module in root.iter("module"):
        if module.get("topModule") == "1":
            for var in module.findall("var"):
                if var.get("dir") in ("input", "output"):
                    kind = types[var.get("dtype_id")]
                    widths[var.get("name")] = abs(int(kind.get("left", 0)) - int(kind.get("right", 0))) + 1
    return widths


def simulate(name, rtl):
    run = run_of(name)
    with tempfile.TemporaryDirectory() as folder:
        widths = port_widths(name, rtl, run.parameters, folder)
        bench = pathlib.Path(folder) / "tb.sv"
        bench.write_text(testbench(name, run, widths))
        subprocess.run(["verilator", "--binary", "--timing", "-Wno-fatal", "-Wno-lint", "-Wno-WIDTH", "--Mdir", f"{folder}/obj", "-F",
                        str(rtl / "gradpath.f"), "--top-module", "tb", "-o", "tb", str(bench)], check=True, capture_output=True)
        out = subprocess.run([f"{folder}/obj/tb"], check=True, capture_output=True, text=True).stdout
    lines = [line.split()[1:] for line in out.splitlines() if line.startswith("WAVE ")]
    return {pin: [line[i] for line in lines] for i, pin in enumerate(run.show)}, widths


def draw(name, rtl):
    pins, widths = simulate(name, rtl)
    left, row, top = 150, 26, 26
    count = len(next(iter(pins.values())))
    longest = max(len(v) for pin, values in pins.items() if widths[pin] > 1 for v in values)
    cell = max(28, 7 * longest + 10)
    width, height = left + cell * count + 10, top + row * (len(pins) + 1) + 6
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" font-family="monospace" font-size="11">',
           f'<rect width="{width}" height="{height}" fill="white"/>']
    line = lambda points, colour="#222": out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.2"/>')
    for cycle in range(count + 1):
        x = left + cycle * cell
        line(f"{x},{top - 8} {x},{height - 6}", "#ddd")
        if cycle < count:
            out.append(f'<text x="{x + cell / 2}" y="{top - 12}" text-anchor="middle" fill="#888">{cycle}</text>')
    clock = "".join(f"{left + c * cell},{top + row - 6} {left + c * cell},{top + 6} {left + (c + .5) * cell},{top + 6} "
                    f"{left + (c + .5) * cell},{top + row - 6} " for c in range(count))
    clocks = [("clk_i", None)] if "clk_i" in widths else []
    for index, (pin, values) in enumerate([*clocks, *pins.items()]):
        high, low = top + index * row + 6, top + (index + 1) * row - 6
        out.append(f'<text x="{left - 8}" y="{low - 2}" text-anchor="end" fill="#222">{pin}</text>')
        if values is None:
            line(clock + f"{left + count * cell},{low}")
        elif widths[pin] == 1:
            line(" ".join(f"{left + c * cell},{high if v == '1' else low} {left + (c + 1) * cell},{high if v == '1' else low}"
                          for c, v in enumerate(values)), "#0a5")
        else:
            begin = 0
            for c in range(1, count + 1):
                if c < count and values[c] == values[begin]:
                    continue
                x0, x1, mid = left + begin * cell, left + c * cell, (high + low) / 2
                line(f"{x0},{mid} {x0 + 4},{high} {x1 - 4},{high} {x1},{mid} {x1 - 4},{low} {x0 + 4},{low} {x0},{mid}", "#05a")
                out.append(f'<text x="{(x0 + x1) / 2}" y="{low - 3}" text-anchor="middle" fill="#222">{values[begin]}</text>')
                begin = c
    return "\n".join(out) + "\n</svg>\n"
