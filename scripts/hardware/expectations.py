"""What a designer expects of the cost table, checked pair by pair; and the table's readable form."""
import dataclasses

# Differences below this are the mapper's: abc's result moves by so much with the order of its input.
NOISE = 0.03
NOISE_GE = 4.0


@dataclasses.dataclass
class Expectation:
    text: str
    required: bool = True  # follows from what the hardware is; else what one might expect
    pairs: int = 0
    inversions: int = 0  # the other way round, if only by a cell
    failures: int = 0  # beyond the noise
    worst: str = ""
    worst_ratio: float = 1.0

    def add(self, small, large, column="area_ge"):
        self.pairs += 1
        if large[column] >= small[column]:
            return
        self.inversions += 1
        slack = NOISE * small[column] + (NOISE_GE if column == "area_ge" else 0)
        if small[column] - large[column] <= slack:
            return
        self.failures += 1
        ratio = large[column] / small[column]
        if ratio < self.worst_ratio:
            self.worst_ratio = ratio
            self.worst = f"{label(small)}: {small[column]:.4g}, {label(large)}: {large[column]:.4g}"


def label(row):
    return " ".join(str(row[c]) for c in ("block", "format", "rounding", "overflow") if row[c])


def random_bits(row):
    mode, _, bits = row["rounding"].partition(":")
    return (mode, int(bits)) if bits else (row["rounding"], 0)


def ending(row):
    return row["format"].lstrip("eb0123456789m")


def check(rows):
    """Every expectation with what it found. Rows are keyed by all that may differ."""
    def key(row, **changes):
        values = {"block": row["block"], "e": row["exponent_bits"], "m": row["mantissa_bits"],
                  "ending": ending(row), "scaled": "Scaled=1'b1" in row["parameters"],
                  "rounding": row["rounding"], "overflow": row["overflow"]}
        return tuple({**values, **changes}.values())

    default_bias = [r for r in rows if not r["format"].startswith("e4m3b11")]
    index = {key(r): r for r in default_bias}
    checks = []

    def compared(row):
        """Blocks without formats or roundings are told apart by their parameters."""
        return row["format"] or row["rounding"]

    def expect(text, partner, column="area_ge", blocks=None, required=True):
        expectation = Expectation(text, required)
        for row in filter(compared, default_bias):
            if blocks and row["block"] not in blocks:
                continue
            larger = index.get(partner(row)) if partner(row) else None
            if larger:
                expectation.add(row, larger, column)
        if expectation.pairs:
            checks.append(expectation)

    def one_more(name):
        column = {"m": "mantissa_bits", "e": "exponent_bits"}[name]
        return lambda r: key(r, **{name: r[column] + 1}) if r["format"] else None

    lanes = ("quantizer_lane", "quantizer")
    for block in lanes:
        # Not required: a mantissa bit more is a bit less to find out whether anything is left.
        expect(f"{block}: one mantissa bit more is not smaller", one_more("m"), blocks=(block,),
               required=False)
    expect("multiplier: one mantissa bit more is not smaller", one_more("m"), blocks=("multiplier",))
    expect("multiplier: one mantissa bit more is not faster", one_more("m"), "delay_ns", ("multiplier",),
           required=False)  # mapped for area: nobody asked for speed
    expect("multiplier: one exponent bit more is not smaller", one_more("e"), blocks=("multiplier",))
    expect("multiplier: one mantissa bit more does not take less power", one_more("m"), "power_proxy",
           ("multiplier",))
    expect("stochastic rounding (24 bits) is not smaller than to nearest even",
           lambda r: key(r, rounding="sr:24") if r["rounding"] == "rne" else None, blocks=lanes)
    expect("to nearest even is not smaller than toward zero",
           lambda r: key(r, rounding="rne") if r["rounding"] == "rtz" else None, blocks=lanes)
    expect("sru:R is not smaller than sr:R",
           lambda r: key(r, rounding="sru" + r["rounding"][2:])
           if r["rounding"].startswith("sr:") else None, blocks=lanes)
    steps = {1: 4, 4: 8, 8: 16, 16: 24}

    def more_random_bits(row):
        mode, bits = random_bits(row)
        return key(row, rounding=f"{mode}:{steps[bits]}") if bits in steps else None
    expect("more random bits are not smaller (lanes)", more_random_bits,
           blocks=("quantizer_lane", "pruner_lane"))
    expect("a scale exponent is not smaller than none",
           lambda r: key(r, scaled=True) if not key(r)[4] else None, blocks=("quantizer_lane",))
    expect("the stream is larger than its lane",
           lambda r: key(r, block=r["block"].removesuffix("_lane"))
           if r["block"].endswith("_lane") else None)
    return checks


HEAD = """# Cost of every block and format

Made by `scripts/synth` ({versions}; osu018 cells of the package qflow-tech-osu018, typical corner; {seconds:.0f} s, of which known results cost nothing). All rows: [cost.csv](cost.csv), which `gradpath sweep --cost results/synth/cost.csv` joins to its errors.

- **area_ge**: cell area over NAND2X1's ({nand2_area:.0f} um^2), before layout. `synth -flatten`, flip-flops mapped by `dfflibmap`, logic by `abc -script {abc}` (area first, since the default script scatters by a third and hides the trends; then fanouts buffered and gates sized).
- **delay_fo4**: OpenSTA's longest path (from inputs driven by INVX4, or a register, to outputs that drive four INVX1, or a register) over the delay of an INVX1 that drives four of its kind, measured by OpenSTA as the slope of a chain: {fo4_ns:.4f} ns here. Nobody asked the mapper for speed: compare formats, don't expect a timed design's clock.
- **power_proxy**: energy a cycle in pJ, OpenSTA `report_power` with every net toggling with probability {activity} a cycle, whatever the data. It ranks; it does not predict.
- Lanes are combinational; `quantizer` and `pruner` are the streams, with their registers and LFSRs (lanes in `parameters`).
"""


def table(header, lines):
    text = ["| " + " | ".join(header) + " |", "| " + " | ".join("---" for _ in header) + " |"]
    return "\n".join(text + ["| " + " | ".join(str(c) for c in line) + " |" for line in lines]) + "\n"


def report(rows, checks, versions, **facts):
    text = HEAD.format(versions=", ".join(versions), **facts)
    text += ("\n## What a designer expects\nA pair fails if it is the wrong way round by more than "
             f"{NOISE:.0%} (and {NOISE_GE:.0f} GE for areas), the mapper's noise; smaller inversions "
             "are counted beside it. Those not required are what one might expect: a mantissa bit more "
             "also leaves a bit less to look at for `is anything left?`, and speed was not asked for.\n\n")
    text += table(["expectation", "required", "pairs", "inverted", "beyond the noise", "worst"],
                  [[c.text, "yes" if c.required else "no", c.pairs, c.inversions, c.failures, c.worst or "-"] for c in checks])
    for block in dict.fromkeys(r["block"] for r in rows):
        text += "\n" + block_section(block, [r for r in rows if r["block"] == block])
    return text


def block_section(block, rows):
    """Formats down, roundings across, where a block has both; else a row an instance."""
    def cell(row):
        return f"{row['area_ge']:.0f} / {row['delay_fo4']:.1f} / {row['power_proxy']:.2f}"
    text = f"## {block}\narea_ge / delay_fo4 / power_proxy\n\n"
    def variant(row):
        chosen = {"Scaled=1'b1": "scaled", "UsesLogs=1'b0": "histogram", "UsesLogs=1'b1": "logs"}
        words = [word for parameter, word in chosen.items() if parameter in row["parameters"]]
        return row["rounding"], row["overflow"], " ".join(words)
    variants = list(dict.fromkeys(variant(r) for r in rows))
    formats = list(dict.fromkeys(r["format"] for r in rows))
    if formats == [""]:
        return text + table(["rounding", "parameters", "cost"],
                            [[r["rounding"], r["parameters"], cell(r)] for r in rows])
    index = {(r["format"], *variant(r)): r for r in rows}
    names = [" ".join(w for w in v if w).replace(" standard", "") or "cost" for v in variants]
    return text + table(["format", *names],
                        [[f, *(cell(index[(f, *v)]) if (f, *v) in index else "" for v in variants)]
                         for f in formats])
