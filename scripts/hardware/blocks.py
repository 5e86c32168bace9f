"""The blocks of rtl/ and the parameter sets that are elaborated, synthesised, proven, mutated: rtl/blocks.json,
the one list of them, as Python. One more block or parameter is a row there (rtl/README.md).
"""
import dataclasses
import functools
import itertools
import json
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
        text = re.sub(r"//.*", "", path.read_text())
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
    parameters = (*format_parameters(fmt), ("Saturate", f"1'b{int(overflow == 'saturate')}"), *chosen, *more.items())
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


@functools.cache
def registry():
    """The rows of rtl/blocks.json by name."""
    return {row["name"]: row for row in json.loads((RTL / "blocks.json").read_text())}


def choices(key, value):
    """What stands for several in a row: a list; formats of an ending, "*fn"; all roundings, "*"."""
    for one in value if isinstance(value, list) else [value]:
        if key == "format":
            yield from formats(ending=one[1:]) if one[0] == "*" else [format_of(one)]
        elif key == "rounding" and one == "*":
            yield from ROUNDED
        else:
            yield one


def instances(block, row):
    """The instances of a row: every combination of its values, the last key's fastest. Format, rounding and
    overflow stand for those of their parameters that the module has."""
    keys = [k for k in row if k not in ("count", "verify")]
    for values in itertools.product(*(list(choices(k, row[k])) for k in keys)):
        named, parameters = dict(zip(keys, values)), []
        for key, value in named.items():
            made = {"format": format_parameters, "rounding": rounding_parameters,
                    "overflow": lambda o: (("Saturate", f"1'b{int(o == 'saturate')}"),)}.get(key)
            parameters += [p for p in made(value) if p[0] in modules()[block]] if made else [(key, value)]
        yield Instance(block, tuple(parameters), named.get("format"), named.get("rounding", ""),
                       named.get("overflow", ""))


def cost_instances():
    """What scripts/synth measures."""
    return list(dict.fromkeys(i for name, block in registry().items() for row in block.get("cost", [])
                              for i in instances(name, row)))
