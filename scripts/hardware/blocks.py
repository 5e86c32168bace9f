"""The blocks of rtl/ and the parameter sets that are synthesised, proven, mutated: the one list of
them for scripts/synth, scripts/formal, scripts/mutate. One more block or parameter is a row here.
"""
import dataclasses
import functools
import os
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
RTL = pathlib.Path(os.environ.get("GRADPATH_RTL", ROOT / "rtl"))  # another copy, for trials
# The kinds of non-finite codes, numbered as quantizer_lane's parameter NonFinite.
ENDINGS = {"": 0, "fn": 1, "f": 2, "fnuz": 3}
# As its parameter Rounding counts them.
ROUNDINGS = ["rne", "rna", "rtz", "rup", "rdn", "rto", "sr", "sru"]


@dataclasses.dataclass(frozen=True)
class Format:
    """A signed format with subnormals (contract: e{E}m{M}[b{B}][ending])."""
    exponent_bits: int
    mantissa_bits: int
    ending: str = ""
    bias: int = -1  # -1: the default

    def __post_init__(self):
        if self.bias < 0:
            object.__setattr__(self, "bias", self.default_bias)

    @property
    def default_bias(self):
        return 2 ** (self.exponent_bits - 1) - (self.ending != "fnuz")

    @property
    def bits(self):
        return 1 + self.exponent_bits + self.mantissa_bits

    @property
    def name(self):
        bias = "" if self.bias == self.default_bias else f"b{self.bias}"
        return f"e{self.exponent_bits}m{self.mantissa_bits}{bias}{self.ending}"


def formats(bits=range(4, 9), ending=""):
    """Every split of so many bits; exponents of 1 to 7 bits, which is what the RTL takes."""
    return [Format(e, b - 1 - e, ending) for b in bits for e in range(1, min(7, b - 1) + 1)]


def format_of(name):
    match = re.fullmatch(r"e(\d)m(\d)(?:b(\d+))?(fnuz|fn|f|)", name)
    return Format(int(match[1]), int(match[2]), match[4], int(match[3] or -1))


@dataclasses.dataclass(frozen=True)
class Instance:
    """A module with its parameters, and what they mean as columns of a table."""
    block: str
    parameters: tuple  # of (name, value)
    format: Format = None
    rounding: str = ""
    overflow: str = ""

    @property
    def name(self):
        words = [self.block, self.format.name if self.format else "", self.rounding, self.overflow]
        values = "_".join(f"{k}{v}" for k, v in self.parameters if k in ("Lanes", "Width", "Scaled", "CodeBits", "HistogramBits", "UsesLogs"))
        return "-".join(w for w in [*words, values] if w).replace(":", "")


@functools.cache
def modules():
    """Module names of rtl/, each with its parameter names (packages are not modules)."""
    found = {}
    for path in sorted(RTL.glob("*.sv")):
        text = path.read_text()
        if not re.search(rf"^module {path.stem}\b", text, re.MULTILINE):
            continue
        header = text[:text.index(");")]
        found[path.stem] = re.findall(r"\bparameter\s+[\w\[\]:. ]*?(\w+)\s*=", header)
    return found


def sources():
    """All files, packages first."""
    paths = sorted(RTL.glob("*.sv"))
    return sorted(paths, key=lambda p: (p.stem in modules(), p.name))


@functools.cache
def sources_of(block):
    """The files that `block` is made of, packages first: its own, and those of what it names."""
    found, new = {}, [block]
    while new:
        name = new.pop()
        code = found[name] = re.sub(r"//.*", "", (RTL / f"{name}.sv").read_text())
        new += [p.stem for p in sources() if p.stem not in found and re.search(rf"\b{p.stem}\b", code)]
    return [p for p in sources() if p.stem in found]


def rounding_parameters(rounding):
    """quantizer_lane's parameters of a rounding in the contract's notation."""
    mode, _, bits = rounding.partition(":")
    random_bits = int(bits or (24 if mode in ("sr", "sru") else 1))
    return (("Rounding", ROUNDINGS.index(mode)), ("RandomBits", random_bits))


def format_parameters(fmt):
    return (("ExponentBits", fmt.exponent_bits), ("MantissaBits", fmt.mantissa_bits),
            ("Bias", fmt.bias), ("NonFinite", ENDINGS[fmt.ending]))


def quantizer(fmt, rounding="rne", overflow="standard", block="quantizer_lane", **more):
    chosen = rounding_parameters(rounding)
    parameters = (("ExponentBits", fmt.exponent_bits), ("MantissaBits", fmt.mantissa_bits),
                  ("Bias", fmt.bias), ("NonFinite", ENDINGS[fmt.ending]),
                  ("Saturate", f"1'b{int(overflow == 'saturate')}"), *chosen, *more.items())
    return Instance(block, parameters, fmt, rounding, overflow)


def pruner(random_bits, block="pruner_lane", **more):
    return Instance(block, (("RandomBits", random_bits), *more.items()), rounding=f"sr:{random_bits}")


def multiplier(fmt):
    return Instance("multiplier", (("ExponentBits", fmt.exponent_bits),
                                   ("MantissaBits", fmt.mantissa_bits)), fmt)


DETERMINISTIC = ROUNDINGS[:6]
RANDOM_BITS = [1, 4, 8, 16, 24]
STOCHASTIC = [f"{mode}:{bits}" for mode in ("sr", "sru") for bits in RANDOM_BITS]
ROUNDED = DETERMINISTIC + STOCHASTIC


def cost_instances():
    """What scripts/synth measures."""
    rows = [Instance("lfsr", ()), Instance("stream_buffer", (("Width", 33),))]
    rows += [quantizer(f, r, "standard") for f in formats(ending="f") for r in ROUNDED]
    rows += [quantizer(f, "rne", o) for e in ("", "fn", "fnuz") for f in formats(ending=e)
             for o in ("standard", "saturate")]
    named = [format_of(n) for n in ("e5m2", "e4m3fn", "e4m3b11fnuz")]
    rows += [quantizer(f, r, "standard") for f in named for r in ROUNDED]
    rows += [multiplier(f) for f in formats()]
    rows += [pruner(bits) for bits in RANDOM_BITS]
    rows += [quantizer(f, "rne", Scaled="1'b1") for f in formats(ending="f")]
    rows += [Instance(block, (("Lanes", lanes), ("CodeBits", bits)))
             for block in ("compactor", "decompactor") for bits in (4, 8) for lanes in (4, 8)]
    rows += [Instance("amax_unit", (("Lanes", 2), *format_parameters(f)), f)
             for f in (format_of("e5m2"), format_of("e4m3fn"), format_of("e2m1f"))]
    # The two rival threshold units, side by side: streams of up to 2^24 elements, 64 binades.
    counts = (("FirstField", 80), ("Binades", 64), ("CountBits", 24))
    rows += [Instance("threshold_histogram", (("Lanes", lanes), ("MantissaBits", bits), *counts))
             for lanes, bits in ((1, 0), (1, 1), (1, 2), (2, 0))]
    rows += [Instance("histogram_bank", (("Buckets", buckets), ("CountBits", 24))) for buckets in (64, 128, 256)]
    rows += [Instance("threshold_log", (("Lanes", lanes), ("CountBits", 24))) for lanes in (1, 2)]
    rows += [quantizer(f, r, "standard", "quantizer", Lanes=2)
             for f in formats(ending="f") for r in ("rne", "sr:8")]
    rows += [pruner(bits, "pruner", Lanes=2) for bits in (8, 24)]
    rows += [quantizer(f, "sr:8", "saturate", "front_end", Lanes=2, PrunerRandomBits=8, UsesLogs=f"1'b{logs}",
                       HistogramBits=0, **dict(counts)) for f in (*named, format_of("e2m1f")) for logs in (0, 1)]
    return list(dict.fromkeys(rows))
