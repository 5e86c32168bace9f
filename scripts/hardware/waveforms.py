"""Waveform pictures: a short Verilator run of one module, its pins cycle by cycle, as SVG."""
import dataclasses
import pathlib
import struct
import subprocess
import tempfile


@dataclasses.dataclass
class Run:
    caption: str
    show: list  # pins, top to bottom
    inputs: dict  # pin: its value, a list of them, one a cycle (the last stays), or the pin that it is wired to
    parameters: dict = dataclasses.field(default_factory=dict)
    cycles: int = 12
    skip: int = 0  # cycles run before the picture


def f32(*values):
    """Lanes of fp32 values as one number, lane 0 lowest."""
    return sum(struct.unpack("<I", struct.pack("<f", v))[0] << (32 * i) for i, v in enumerate(values))


STREAM = ["valid_i", "ready_o", "data_i", "mask_i", "last_i"]
OUT = ["valid_o", "ready_i", "data_o", "mask_o", "last_o"]
BEATS = [f32(1.0, -0.3), f32(0.02, 5.0), f32(-7.0, 0.7), f32(0.25, 0.0)]
PACKED = ["bitmap_valid_o", "bitmap_o", "bitmap_last_o", "codes_valid_o", "codes_o", "codes_mask_o", "codes_last_o"]
RUNS = {
    "quantizer": Run(
        "Four beats of two values to e5m2; the output stalls for two cycles, and the fourth beat waits",
        [*STREAM, *OUT], {"valid_i": [1, 1, 1, 1, 1, 1, 0], "data_i": [BEATS[0], BEATS[1], BEATS[2], BEATS[3], BEATS[3], BEATS[3], 0],
                          "mask_i": 3, "last_i": [0, 0, 0, 1, 1, 1, 0], "ready_i": [1, 1, 0, 0, 1]}, {"Lanes": 2}),
    "pruner": Run(
        "Four beats of two values against a threshold of 1: small ones become 0 or plus or minus 1",
        [*STREAM, "alpha_i", *OUT], {"valid_i": [1, 1, 1, 1, 0], "data_i": [*BEATS, 0], "mask_i": 3, "last_i": [0, 0, 0, 1, 0],
                                     "alpha_i": f32(1.0), "seed_i": 0x9e3779b97f4a7c15, "ready_i": 1}, {"Lanes": 2}, 9),
    "compactor": Run(
        "A run of four beats with five codes, and a run of one beat: each bitmap leaves after two cycles, codes when more than two are there or their run ends",
        [*STREAM, *PACKED], {"valid_i": [1, 1, 1, 1, 1, 0], "data_i": [0x0031, 0x3200, 0x3433, 0x0035, 0x0041, 0], "mask_i": 3,
                             "last_i": [0, 0, 0, 1, 1, 0], "bitmap_ready_i": 1, "codes_ready_i": 1}, {"Lanes": 2}, 11),
    "decompactor": Run(
        "The same runs back: a beat of bits waits for the codes that it needs",
        ["bitmap_valid_i", "bitmap_ready_o", "bitmap_i", "bitmap_last_i", "codes_valid_i", "codes_ready_o", "codes_i", "codes_mask_i",
         "codes_last_i", "valid_o", "data_o", "last_o"],
        {"bitmap_valid_i": [1, 1, 1, 1, 1, 1, 0], "bitmap_i": [1, 2, 2, 3, 1, 1, 0], "bitmap_mask_i": 3, "bitmap_last_i": [0, 0, 0, 0, 1, 1, 0],
         "codes_valid_i": [0, 1, 1, 1, 1, 1, 0], "codes_i": [0, 0x3231, 0x3433, 0x0035, 0x0035, 0x0041, 0],
         "codes_mask_i": [3, 3, 3, 1, 1, 1], "codes_last_i": [0, 0, 0, 1, 1, 1, 0], "ready_i": 1}, {"Lanes": 2}, 11),
    "amax_unit": Run(
        "A stream of three beats: its amax, 7, two cycles after the last beat; e5m2 scales it by 2^13",
        [*STREAM, "valid_o", "ready_i", "amax_o", "scale_exponent_o"],
        {"valid_i": [1, 1, 1, 0], "data_i": [BEATS[0], BEATS[1], BEATS[2], 0], "mask_i": 3, "last_i": [0, 0, 1, 0],
         "ready_i": [0, 0, 0, 0, 0, 0, 1]}, {"Lanes": 2}, 10),
    "threshold_histogram": Run(
        "Eight buckets: two beats, the scan, nine steps of the solution, then the threshold for half zeros",
        [*STREAM, "valid_o", "alpha_o"],
        {"valid_i": [0] * 10 + [1, 1, 0], "data_i": [0] * 10 + [BEATS[0], BEATS[2], 0], "mask_i": 3, "last_i": [0] * 11 + [1, 0],
         "target_i": 0x8000, "ready_i": 1}, {"Lanes": 2, "FirstField": 125, "Binades": 4}, 26, 8),
    "threshold_log": Run(
        "The end of the calculation: 87 cycles after the last of two beats (in cycle 1, left of the picture) the threshold is there",
        ["valid_i", "ready_o", "valid_o", "ready_i", "alpha_o"],
        {"valid_i": [1, 1, 0], "data_i": [BEATS[0], BEATS[2], 0], "mask_i": 3, "last_i": [0, 1, 0], "target_i": 0x8000,
         "ready_i": 1}, {"Lanes": 2, "CountBits": 6}, 14, 79),
    "front_end": Run(
        "Four beats against a threshold of 1 that load_i has set: six cycles to the first bitmap",
        ["load_i", "alpha_o", *STREAM, *PACKED],
        {"load_i": [0] * 20 + [1, 0], "alpha_i": f32(1.0), "valid_i": [0] * 22 + [1, 1, 1, 1, 0],
         "data_i": [0] * 22 + [*BEATS, 0], "mask_i": 3, "last_i": [0] * 25 + [1, 0], "pruner_seed_i": 0x9e3779b97f4a7c15,
         "quantizer_seed_i": 1, "bitmap_ready_i": 1, "codes_ready_i": 1},
        {"Lanes": 2, "FirstField": 120, "Binades": 4}, 18, 19),
    "stream_buffer": Run(
        "Five beats; the output stalls for two cycles, in which a second beat enters and then no more",
        ["valid_i", "ready_o", "data_i", "valid_o", "ready_i", "data_o"],
        {"valid_i": [1, 1, 1, 1, 1, 1, 0], "data_i": [0xa1, 0xa2, 0xa3, 0xa4, 0xa4, 0xa5, 0], "ready_i": [1, 1, 0, 0, 1]}, {"Width": 8}, 10),
    "stream_stage": Run(
        "Four beats through a stage whose logic passes its operand on; the output stalls for three cycles, and three beats are inside",
        ["valid_i", "ready_o", "data_i", "accepts_o", "operand_o", "result_i", "valid_o", "ready_i", "data_o"],
        {"valid_i": [1] * 7 + [0], "data_i": [0xa1, 0xa2, 0xa3, 0xa4, 0xa4, 0xa4, 0xa4, 0], "ready_i": [0, 0, 0, 0, 0, 1],
         "result_i": "operand_o"}, {"OperandWidth": 8, "ResultWidth": 8}, 11),
    "lfsr": Run("From the seed 1; the word stands still while `step_i` is low", ["step_i", "word_o"],
                {"seed_i": 1, "step_i": [1, 1, 0, 0, 1]}, {}, 8),
    "lane_words": Run("The top eight bits of two lanes' words, lane 0 in the lower two digits", ["step_i", "words_o"],
                      {"seed_i": 0x9e3779b97f4a7c15, "step_i": [1, 1, 0, 1]}, {"Lanes": 2, "RandomBits": 8}, 8),
    "histogram_bank": Run(
        "Bucket 2 is counted twice, bucket 1 once; then both are read, and bucket 2 is cleared",
        ["index_i", "add_i", "clear_i", "count_o"],
        {"index_i": [0, 1, 2, 3, 2, 2, 1, 1, 2, 2, 2], "clear_i": [1, 1, 1, 1, 0, 0, 0, 0, 0, 1, 0],
         "add_i": [0, 0, 0, 0, 1, 1, 1, 0]}, {"Buckets": 4, "CountBits": 8}, 7, 4),
    "quantizer_lane": Run(
        "To e5m2, to nearest even: 1, 1.125 and 1.375 (ties), -0.3, 3e-5 (subnormal), 60000 (rounds to the largest finite), 61440 (overflows), NaN",
        ["x_i", "code_o"],
        {"x_i": [f32(v) for v in (1.0, 1.125, 1.375, -0.3, 3e-5, 60000.0, 61440.0)] + [0x7fc00000]}, {}, 8),
    "pruner_lane": Run(
        "Against a threshold of 1 with eight random bits: 2 passes; 0.5 is kept as 1 while the number is below half, -0.25 below a quarter",
        ["x_i", "alpha_i", "random_i", "y_o"],
        {"x_i": [f32(v) for v in (2.0, 0.5, 0.5, -0.25, -0.25, 1e-6)], "alpha_i": f32(1.0),
         "random_i": [255, 0x7f, 0x80, 0x3f, 0x40, 0]}, {"RandomBits": 8}, 6),
    "multiplier": Run(
        "e5m2: 1 times 1, 1.75 times -1.5, the smallest subnormal times 1, zero",
        ["a_i", "b_i", "sign_o", "exponent_o", "significand_o"],
        {"a_i": [0x3c, 0x3f, 0x01, 0x00], "b_i": [0x3c, 0xbe, 0x3c, 0x3c]}, {"ExponentBits": 5, "MantissaBits": 2}, 4),
    **{name: Run("The first entries", ["index_i", "value_o"], {"index_i": list(range(8))}, {}, 8)
       for name in ("log2_table", "exp2_table", "threshold_table")},
}


def testbench(name, run, widths):
    """Drives the pins after each edge and prints them before the next."""
    ports = ", ".join(f".{pin}({pin})" for pin in widths)
    wired = {pin: to for pin, to in run.inputs.items() if isinstance(to, str)}
    declarations = "".join(f"  logic [{width - 1}:0] {pin}{'' if pin in wired else ' = 0'};\n"
                           for pin, width in widths.items() if pin not in ("clk_i", "rst_ni"))
    parameters = ", ".join(f".{key}({value})" for key, value in run.parameters.items())
    drives = []
    for cycle in range(run.skip + run.cycles):
        for pin, values in run.inputs.items():
            if pin in wired:
                continue
            values = values if isinstance(values, list) else [values]
            if cycle < len(values):
                drives.append(f"    if (cycle == {cycle}) {pin} = {widths[pin]}'h{values[cycle] % (1 << widths[pin]):x};\n")
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
    subprocess.run(["verilator", "--xml-only", "--xml-output", str(xml), "-Wno-fatal", "-y", str(rtl), "--top-module", name,
                    *(f"-G{key}={value}" for key, value in parameters.items()), str(rtl / f"{name}.sv")],
                   check=True, capture_output=True)
    import xml.etree.ElementTree as tree
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
    run = RUNS[name]
    with tempfile.TemporaryDirectory() as folder:
        widths = port_widths(name, rtl, run.parameters, folder)
        bench = pathlib.Path(folder) / "tb.sv"
        bench.write_text(testbench(name, run, widths))
        subprocess.run(["verilator", "--binary", "--timing", "-Wno-fatal", "-Wno-lint", "-Wno-WIDTH", "--Mdir", f"{folder}/obj", "-y",
                        str(rtl), "--top-module", "tb", "-o", "tb", str(bench)], check=True, capture_output=True)
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
