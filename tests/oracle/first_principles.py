"""Float formats from first principles, in exact integer arithmetic: the oracle for codes and casts.

Independent of models/: written from the contract's table of endings and the rounding modes' textbook
definitions. Every number is an integer multiple of 2^-SHIFT, so nothing is ever rounded.
"""
import bisect
import math
import re
import struct

SHIFT = 480  # below every grid point: bias 255, 23 mantissa bits, and fp32's own 2^-149

# name: (exponent bits, mantissa bits, bias, ending); e8m0fnu and dlfloat16 have rules of their own
STANDARD = {
    "tf32": (8, 10, 127, ""), "fp16": (5, 10, 15, ""), "bf16": (8, 7, 127, ""),
    "e5m2": (5, 2, 15, ""), "e4m3": (4, 3, 7, ""), "e4m3fn": (4, 3, 7, "fn"),
    "e3m4": (3, 4, 3, ""), "e5m2fnuz": (5, 2, 16, "fnuz"), "e4m3fnuz": (4, 3, 8, "fnuz"),
    "e4m3b11fnuz": (4, 3, 11, "fnuz"), "e3m2fn": (3, 2, 3, "f"), "e2m3fn": (2, 3, 1, "f"),
    "e2m1fn": (2, 1, 1, "f"),
}


class Format:
    """All magnitudes of a format in code order, with what lies beyond the largest finite."""

    def __init__(self, name):
        self.name = name
        self.signed = name != "e8m0fnu"
        self.zero = name != "e8m0fnu"
        p3109 = re.fullmatch(r"binary(\d+)p(\d+)([su])([ef])", name)
        subnormals = name not in ("e8m0fnu", "dlfloat16")
        if name == "e8m0fnu":
            e, m, bias, ending = 8, 0, 127, "fn"
        elif name == "dlfloat16":
            e, m, bias, ending = 6, 9, 31, "fn"
        elif p3109:  # IEEE P3109 interim report, section on value sets
            k, p, sign, domain = p3109.groups()
            self.signed = sign == "s"
            e, m = int(k) - int(p) + (0 if self.signed else 1), int(p) - 1
            bias, ending = 2 ** (e - 1), sign + domain
        elif name in STANDARD:
            e, m, bias, ending = STANDARD[name]
        else:
            e, m, b, ending = re.fullmatch(r"e(\d)m(\d+)(?:b(\d+))?(|fn|f|fnuz)", name).groups()
            e, m = int(e), int(m)
            half = 2 ** (e - 1)
            bias = int(b) if b else (half if ending == "fnuz" else half - 1)
        self.e, self.m, self.ending = e, m, ending
        self.magnitude_bits = e + m
        self.bits = e + m + self.signed
        codes = 2 ** (e + m)
        last = {"": codes - 2**m - 1, "fn": codes - 2, "f": codes - 1, "fnuz": codes - 1,
                "se": codes - 2, "sf": codes - 1, "ue": codes - 3, "uf": codes - 2}[ending]
        self.last = last
        self.one_zero = ending in ("fnuz", "se", "sf")
        self.infinity = last + 1 if ending in ("", "se", "ue") else None
        self.nan = {"": codes - 2**m + 2 ** (m - 1) if m else None, "fn": codes - 1, "f": None,
                    "fnuz": codes, "se": codes, "sf": codes, "ue": codes - 1, "uf": codes - 1}[ending]

        def value(code):
            field, fraction = divmod(code, 2**m)
            if code == 0 and self.zero:
                return 0
            if field == 0 and subnormals:
                significand, exponent = fraction, 1 - bias
            else:
                significand, exponent = 2**m + fraction, field - bias
            return significand << (exponent - m + SHIFT)

        # Two binades past the end, as if the exponent went on.
        self.grid = [value(code) for code in range(last + 1)]
        self.beyond = [value(code) for code in range(last + 1, last + 2 + 2 * 2**m)]

    def decode(self, code):
        """The value as a float (exact), infinity or NaN."""
        magnitude = code & (2**self.magnitude_bits - 1)
        negative = self.signed and code >> self.magnitude_bits
        if code == self.nan:
            return math.nan
        if magnitude > self.last:
            if magnitude != self.infinity:
                return math.nan
            return -math.inf if negative else math.inf
        x = math.ldexp(self.grid[magnitude] >> (SHIFT - 300), -300)
        return -x if negative else x

    def encode(self, x, rounding, overflow, nan_policy="error", random_word=0, flush=False):
        """The code of float x; rounding: 'rne' ... or ('sr', R)."""
        negative = math.copysign(1.0, x) < 0
        sign = 2**self.magnitude_bits if negative and self.signed else 0
        flushed = flush and abs(x) < 2.0**-126
        if math.isnan(x) or (negative and not self.signed and x != 0 and not flushed):
            if self.nan is not None:
                return self.nan
            return 0 if nan_policy == "zero" else self.last | sign
        if math.isinf(x):
            return self._past_the_end(overflow, sign)
        numerator, denominator = abs(x).as_integer_ratio()
        a = (numerator << SHIFT) // denominator
        if flush and a < 1 << (SHIFT - 126):
            a = 0
        rounded = self._round(a, rounding, negative, random_word)
        if rounded > self.last:
            if rounding == "rtz" or rounding == ("rdn" if not negative else "rup"):
                return self.last | sign
            return self._past_the_end(overflow, sign)
        if flush and self.zero and rounded < 2**self.m and self.name != "dlfloat16":
            rounded = 0
        if rounded == 0 and (self.one_zero or not self.zero):
            return 0
        return rounded | sign

    def _past_the_end(self, overflow, sign):
        if overflow == "standard":
            if self.infinity is not None:
                return self.infinity | sign
            if self.nan is not None:
                return self.nan
        return self.last | sign

    def _round(self, a, rounding, negative, random_word):
        if a <= self.grid[0]:
            return 0
        if a >= self.beyond[-1]:
            return self.last + len(self.beyond)
        code = bisect.bisect_right(self.grid, a) - 1
        lo = self.grid[code]
        if code == self.last:
            code += bisect.bisect_right(self.beyond, a)
            lo = self.grid[code] if code <= self.last else self.beyond[code - self.last - 1]
        if a == lo:
            return code
        up = code + 1
        hi = self.grid[up] if up <= self.last else self.beyond[up - self.last - 1]
        below, above = a - lo, hi - a
        if rounding in ("rne", "rna"):
            if below != above:
                return up if below > above else code
            return up if rounding == "rna" or up % 2 == 0 else code
        if rounding == "rtz":
            return code
        if rounding == "rup":
            return code if negative else up
        if rounding == "rdn":
            return up if negative else code
        if rounding == "rto":
            return up if up % 2 else code
        kind, random_bits = rounding
        top, rest = divmod(below << random_bits, hi - lo)
        if kind == "sru" and (2 * rest > hi - lo or (2 * rest == hi - lo and top % 2)):
            top += 1
        u = random_word >> (32 - random_bits)
        return up if top + u >= 2**random_bits else code


def float32(bits):
    return struct.unpack("<f", struct.pack("<I", bits))[0]


def bits_of(x):
    return struct.unpack("<I", struct.pack("<f", x))[0]


def adversarial_bits(fmt, random, count):
    """At least `count` fp32 bit patterns: grid points, midpoints and quarter points with their fp32
    neighbours, overflow thresholds, subnormals, infinities, NaN payloads, random patterns."""
    magnitudes = set()

    def around(a):
        try:
            bits = bits_of(math.ldexp(a >> (SHIFT - 300), -300))
        except OverflowError:
            return
        for near in (bits - 1, bits, bits + 1):
            if 0 <= near < 0x7F800000:
                magnitudes.add(near)

    whole = fmt.grid + fmt.beyond
    step = max(1, len(whole) // (count // 6))
    for i in range(0, len(whole) - 1, step):
        lo, hi = whole[i], whole[i + 1]
        around(lo)
        around((lo + hi) // 2)
        around((3 * lo + hi) // 4)
    for i in range(len(fmt.grid) - 3, len(whole) - 1):
        around(whole[i])
        around((whole[i] + whole[i + 1]) // 2)
    for k in range(23):
        magnitudes |= {1 << k, 0x7F800000 | 1 << k, 0x7F7FFFFF - (1 << k), 0x00800000 + (1 << k)}
    magnitudes |= {0, 0x7F800000, 0x7F7FFFFF, 0x7FFFFFFF, 0x007FFFFF, 0x00800000}
    lowest, highest = bits_of_grid(fmt.grid[1]), bits_of_grid(fmt.grid[-1])
    while 2 * len(magnitudes) < count:
        near = random.randrange(max(0, lowest - (3 << 23)), min(0x7F800000, highest + (2 << 23)))
        magnitudes.add(near)
    return [bits | sign for bits in sorted(magnitudes) for sign in (0, 0x80000000)]


def bits_of_grid(a):
    """fp32 bits of a grid value, clamped to fp32's finite range."""
    x = math.ldexp(a >> (SHIFT - 300), -300)
    return bits_of(min(x, 3.4028234663852886e38))
