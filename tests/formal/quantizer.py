"""quantizer_lane against the definition of a cast, for every fp32 input and random number.

The definition is written over SMT-LIB's theory of floating-point numbers. x is scaled by a power of
two (on its exponent, exactly) so that the format's smallest normal is that of a wide format
FloatingPoint(10, M+1), which never overflows. Magnitude codes are then bit patterns of the wide
format, past the largest finite too. Two ways to the rounded value:
- `conversion`: SMT-LIB's own rounding, ((_ to_fp 10 M+1) RNE x) and so on;
- `neighbours` (to odd, stochastic, and formats without mantissa bits, which SMT-LIB lacks): c is the
  code with value(c) <= |x| < value(c + 1), and |x| is compared with a point between the two. With K
  bits more of precision the codes between them are (c << K) + j, j of 2^K parts of the way.
"""
import dataclasses

import blocks
from smt import Proof, bits, holds, netlist, port

WIDE = 10  # exponent bits of the wide format
RM = {"rne": "RNE", "rna": "RNA", "rtz": "RTZ", "rup": "RTP", "rdn": "RTN"}


@dataclasses.dataclass(frozen=True)
class Codes:
    """What the codes of a format mean (docs/numerics.md, "Formats")."""
    format: blocks.Format

    @property
    def width(self):
        return self.format.bits

    @property
    def all_ones(self):
        return 2 ** (self.width - 1) - 1

    @property
    def largest(self):
        m = self.format.mantissa_bits
        return {"": ((self.all_ones >> m) << m) - 1, "fn": self.all_ones - 1,
                "f": self.all_ones, "fnuz": self.all_ones}[self.format.ending]

    @property
    def nan(self):
        m = self.format.mantissa_bits
        return {"": self.largest + 1 + 2 ** (m - 1) if m else None, "fn": self.all_ones,
                "f": None, "fnuz": self.all_ones + 1}[self.format.ending]

    @property
    def infinity(self):
        return self.largest + 1 if self.format.ending == "" else None


def scaled_input(fmt, scaled=False):
    """x as a number `v`, and |v| as `a`, scaled to the wide format, of the sort FloatingPoint(11, 24).
    scaled: times 2^scale_exponent_i too, without a rounding."""
    field, fraction = "((_ extract 30 23) x)", "((_ extract 22 0) x)"
    # fp32's subnormals are normal here: by the place of the leading one.
    subnormal = bits(0, 34)
    for k in range(23):
        rest = f"(concat ((_ extract {k - 1} 0) x) {bits(0, 23 - k)})" if k else bits(0, 23)
        subnormal = (f"(ite (= ((_ extract {k} {k}) x) #b1) (concat {bits(k - 149 + 1023, 11)} {rest}) "
                     f"{subnormal})")
    offset = (2 - 2 ** (WIDE - 1)) - (1 - fmt.bias)
    scale = "((_ sign_extend 3) scale_exponent_i_s)" if scaled else bits(0, 11)
    return f"""
(define-fun x () (_ BitVec 32) x_i_s)
(define-fun negative () Bool (= ((_ extract 31 31) x) #b1))
(define-fun v () (_ FloatingPoint 8 24) ((_ to_fp 8 24) x))
(define-fun w () (_ BitVec 34) (ite (= {field} #x00) {subnormal}
  (concat (bvadd (concat #b000 {field}) {bits(1023 - 127, 11)}) {fraction})))
(define-fun a () (_ FloatingPoint 11 24) ((_ to_fp 11 24) (concat #b0 (ite (fp.isZero v) {bits(0, 34)}
  (concat (bvadd ((_ extract 33 23) w) {bits(offset % 2 ** 11, 11)} {scale}) ((_ extract 22 0) w))))))
"""


def conversion(fmt, rounding):
    """`rounded`: the wide format's pattern that SMT-LIB rounds a to, as a constraint on it."""
    m = fmt.mantissa_bits
    width = WIDE + m
    mode = RM[rounding]
    if rounding in ("rup", "rdn"):  # a is the magnitude
        away, toward = ("RTP", "RTN")
        mode = f"(ite negative {toward} {away})" if rounding == "rup" else f"(ite negative {away} {toward})"
    sort = f"(_ to_fp {WIDE} {m + 1})"
    return f"""
(declare-const rounded (_ BitVec {width}))
(assert (=> finite (= ({sort} (concat #b0 rounded)) ({sort} {mode} a))))
"""


def neighbours(fmt, rounding):
    m = fmt.mantissa_bits
    width = WIDE + m
    mode, _, random_bits = rounding.partition(":")
    more = {"sr": int(random_bits or 0), "sru": int(random_bits or 0) + 1}.get(mode, 1)

    def value(pattern, mantissa_bits):
        """Of a pattern with so many mantissa bits; one more where there are none."""
        if mantissa_bits == 0:
            pattern, mantissa_bits = f"(concat {pattern} #b0)", 1
        return (f"((_ to_fp 11 40) RNE ((_ to_fp {WIDE} {mantissa_bits + 1}) (concat #b0 {pattern})))")

    text = f"""
(define-fun b () (_ FloatingPoint 11 40) ((_ to_fp 11 40) RNE a))
(declare-const c (_ BitVec {width}))
(define-fun next () (_ BitVec {width}) (bvadd c {bits(1, width)}))
(define-fun lo () (_ FloatingPoint 11 40) {value('c', m)})
(assert (=> finite (and (bvult c {bits(2 ** width - 2 ** m - 1, width)}) (fp.leq lo b) (fp.lt b {value('next', m)}))))
(define-fun inexact () Bool (fp.lt lo b))
(define-fun odd () Bool (= ((_ extract 0 0) c) #b1))
"""
    if mode in ("rne", "rna"):
        text += f"(define-fun point () (_ BitVec {width + 1}) (concat c #b1))\n"
    elif mode in ("sr", "sru"):
        # Up if T + u >= 2^R: if the fraction is at least n = 2^R - u parts of 2^R. sru: if it is
        # more than n - 1/2 parts, or just that and n, to which it is rounded then, is even.
        r = int(random_bits)
        text += f"""
(define-fun u () (_ BitVec {r}) random_i_s)
(define-fun n () (_ BitVec {width + more}) (bvsub {bits(2 ** r, width + more)} (concat {bits(0, width + more - r)} u)))
(define-fun point () (_ BitVec {width + more}) (bvadd (concat c {bits(0, more)}) """
        text += "n))\n" if mode == "sr" else f"(bvsub (bvadd n n) {bits(1, width + more)})))\n"
        text += "(define-fun even () Bool (= ((_ extract 0 0) u) #b0))\n"
    if mode in ("rne", "rna", "sr", "sru"):
        text += f"(define-fun p () (_ FloatingPoint 11 40) {value('point', m + more)})\n"
    up = {"rne": "(or (fp.lt p b) (and (fp.eq p b) odd))", "rna": "(fp.leq p b)", "rtz": "false",
          "rup": "(and inexact (not negative))", "rdn": "(and inexact negative)",
          "rto": "(and inexact (not odd))", "sr": "(fp.leq p b)",
          "sru": "(or (fp.lt p b) (and (fp.eq p b) even))"}[mode]
    return text + f"(define-fun rounded () (_ BitVec {width}) (ite {up} next c))\n"


def definition(fmt, rounding, overflow, largest=None):
    """The code wanted, `want`. largest: another than the format's largest finite, for a control."""
    codes = Codes(fmt)
    n, m = codes.width, fmt.mantissa_bits
    width = WIDE + m
    largest = codes.largest if largest is None else largest
    sign = "((_ extract 31 31) x)"
    to_largest = f"(concat {sign} {bits(largest, n - 1)})"
    if overflow == "saturate" or (codes.infinity is None and codes.nan is None):
        over = to_largest
    elif codes.infinity is not None:
        over = f"(concat {sign} {bits(codes.infinity, n - 1)})"
    else:
        over = bits(codes.nan, n)
    toward_zero = {"rtz": "true", "rup": "negative", "rdn": "(not negative)"}.get(rounding, "false")
    plain = f"(concat {sign} ((_ extract {n - 2} 0) rounded))"
    if fmt.ending == "fnuz":
        plain = f"(ite (= rounded {bits(0, width)}) {bits(0, n)} {plain})"
    direct = m > 0 and rounding in RM
    return f"""
(define-fun finite () Bool (not (or (fp.isNaN v) (fp.isInfinite v))))
{(conversion if direct else neighbours)(fmt, rounding)}
(define-fun want () (_ BitVec {n})
  (ite (fp.isNaN v) {bits(codes.nan or 0, n)}
  (ite (fp.isInfinite v) {over}
  (ite (bvugt rounded {bits(largest, width)}) (ite {toward_zero} {to_largest} {over})
  {plain}))))
(assert (not (= code_o_s want)))
"""


def random_width(rounding):
    return int(rounding.partition(":")[2] or 1)


def ports(state, fmt, rounding):
    return (f"(declare-const {state} |lane_s|)\n" + port(state, "x_i", 32) + port(state, "code_o", fmt.bits) +
            port(state, "random_i", random_width(rounding)))


def prove_equal(fmt, rounding, overflow, scaled=False):
    instance = blocks.quantizer(fmt, rounding, overflow, **({"Scaled": "1'b1"} if scaled else {}))
    text = netlist(instance) + ports("s", fmt, rounding)
    if scaled:
        text += port("s", "scale_exponent_i", 8)
    text += scaled_input(fmt, scaled)
    # The control: a format whose largest finite is one code less.
    return holds(text + definition(fmt, rounding, overflow),
                 text + definition(fmt, rounding, overflow, Codes(fmt).largest - 1))


def two(fmt, rounding, overflow="standard"):
    """Two copies of the lane, s and t, and what is common to claims about both."""
    text = netlist(blocks.quantizer(fmt, rounding, overflow))
    text += ports("s", fmt, rounding) + ports("t", fmt, rounding)
    n = fmt.bits
    nan = "((_ extract 30 0) {0}) (_ bv2139095040 31))"
    return text + f"""
(define-fun nan_s () Bool (bvugt {nan.format('x_i_s')})
(define-fun nan_t () Bool (bvugt {nan.format('x_i_t')})
(define-fun lost_s () Bool {lost(fmt, 's')})
(define-fun lost_t () Bool {lost(fmt, 't')})
(define-fun magnitude_s () (_ BitVec {n}) (concat #b0 ((_ extract {n - 2} 0) code_o_s)))
(define-fun magnitude_t () (_ BitVec {n}) (concat #b0 ((_ extract {n - 2} 0) code_o_t)))
(define-fun negative_s () Bool (= ((_ extract {n - 1} {n - 1}) code_o_s) #b1))
(define-fun negative_t () Bool (= ((_ extract {n - 1} {n - 1}) code_o_t) #b1))
"""


def lost(fmt, state):
    """The output is the NaN of an overflow: it has no place in the order."""
    codes = Codes(fmt)
    if codes.nan is None or codes.infinity is not None:
        return "false"
    if fmt.ending == "fnuz":
        return f"(= code_o_{state} {bits(codes.nan, fmt.bits)})"
    return f"(= ((_ extract {fmt.bits - 2} 0) code_o_{state}) {bits(codes.nan, fmt.bits - 1)})"


def prove_word_steps(fmt, rounding):
    """A larger random number gives the same magnitude or the next, and never loses what it had."""
    text = two(fmt, rounding) + """
(assert (= x_i_s x_i_t)) (assert (not nan_s)) (assert (bvule random_i_s random_i_t))
"""
    one = bits(1, fmt.bits)
    fine = (f"(or (and lost_s lost_t) (and (not lost_s) (or lost_t (and (= negative_s negative_t) (or "
            f"(= magnitude_t magnitude_s) (= magnitude_t (bvadd magnitude_s {one})))))))")
    if fmt.ending == "fnuz":  # a zero drops its sign
        fine = fine.replace("(= negative_s negative_t)", f"(or (= negative_s negative_t) (= magnitude_s {bits(0, fmt.bits)}))")
    control = "(or lost_s lost_t (= magnitude_t magnitude_s))"
    return holds(text + f"(assert (not {fine}))", text + f"(assert (not {control}))")


def prove_monotone(fmt, rounding):
    """x <= y gives code(x) <= code(y), with the same random number, for the same sign (zeros apart)."""
    text = two(fmt, rounding) + """
(assert (= random_i_s random_i_t)) (assert (not (or nan_s nan_t lost_s lost_t)))
(assert (= ((_ extract 31 31) x_i_s) ((_ extract 31 31) x_i_t)))
(assert (bvule ((_ extract 30 0) x_i_s) ((_ extract 30 0) x_i_t)))
"""
    return holds(text + "(assert (not (bvule magnitude_s magnitude_t)))",
                 text + "(assert (not (bvult magnitude_s magnitude_t)))")


def prove_odd(fmt, rounding):
    """code(-x) is code(x) with the other sign; up and down change places (a lane each)."""
    text = two(fmt, rounding) + """
(assert (= x_i_s (bvxor x_i_t #x80000000))) (assert (= random_i_s random_i_t))
(assert (not (or nan_s nan_t)))
"""
    same = ("(and (= magnitude_s magnitude_t) (or (not (= negative_s negative_t)) " +
            (f"lost_s (= magnitude_s {bits(0, fmt.bits)})" if fmt.ending == "fnuz" else
             "lost_s" if fmt.ending == "fn" else "false") + "))")
    return holds(text + f"(assert (not {same}))", text + "(assert (not (= code_o_s code_o_t)))")


# The quick suite's formats: every ending, no mantissa bits, no normals, the widest exponent.
QUICK = [("e5m2", "rne", "standard"), ("e5m2", "rup", "saturate"), ("e4m3fn", "rne", "standard"),
         ("e4m3fn", "rto", "standard"), ("e4m3fn", "rna", "saturate"), ("e4m3fnuz", "rne", "standard"),
         ("e4m3fnuz", "rdn", "standard"), ("e2m1f", "rne", "standard"), ("e3m0", "rne", "standard"),
         ("e5m0f", "rna", "standard"), ("e1m6", "rtz", "standard"), ("e7m0", "rto", "standard"),
         ("e3m4", "rne", "saturate"), ("e5m2b140", "rne", "standard"), ("e5m2", "sr:8", "standard"),
         ("e4m3fn", "sr:24", "saturate"), ("e2m1f", "sr:1", "standard"), ("e4m3fnuz", "sru:4", "standard"),
         ("e3m0f", "sru:8", "standard")]


def proofs():
    listed = [(blocks.format_of(f), r, o) for f, r, o in QUICK]
    quick = set(listed)
    for ending in blocks.ENDINGS:
        for fmt in blocks.formats(ending=ending):
            overflows = ("standard",) if ending == "f" else ("standard", "saturate")
            listed += [(fmt, r, o) for r in blocks.DETERMINISTIC for o in overflows]
            listed += [(fmt, r, "standard") for r in ("sr:1", "sr:8", "sr:24", "sru:1", "sru:8", "sru:24")
                       if ending == "f" or fmt.bits == 8]
    for name in ("e5m2b127", "e5m2b128f", "e5m2b140", "e4m3b160fn", "e6m1b210", "e4m3b0", "e2m1b200f",
                 "e4m3b11fnuz"):
        listed += [(blocks.format_of(name), r, "standard") for r in blocks.DETERMINISTIC]
    # Every input but zero overflows: only a rounding toward zero meets the largest code, which the
    # control is about.
    listed += [(blocks.format_of("e6m1b255"), r, "standard") for r in ("rtz", "rup", "rdn")]
    made = []
    for key in dict.fromkeys(listed):
        fmt, rounding, overflow = key
        direct = fmt.mantissa_bits > 0 and rounding in RM
        made.append(proof(
            "equals the cast", fmt, rounding, lambda key=key: prove_equal(*key),
            "SMT-LIB's own rounding" if direct else "neighbours in SMT-LIB's floating point",
            LESS, key in quick, overflow))
    for name, rounding in [(n, r) for n in ("e5m2", "e4m3fn", "e2m1f", "e4m3fnuz", "e3m0f")
                           for r in blocks.DETERMINISTIC] + [("e5m2", "sr:8"), ("e4m3fn", "sru:8")]:
        key = (blocks.format_of(name), rounding, "standard", True)
        made.append(proof("with a scale equals the cast of x 2^k, rounded once", key[0], rounding,
                          lambda key=key: prove_equal(*key), "SMT-LIB's floating point, every k of 8 bits",
                          LESS))
    for name, rounding in [("e5m2", "sr:8"), ("e4m3fn", "sr:24"), ("e4m3fnuz", "sru:4"), ("e2m1f", "sr:1"),
                           ("e3m0", "sr:24"), ("e5m2", "sru:24")]:
        key = (blocks.format_of(name), rounding)
        made.append(proof("moves up by one code at most as the random number grows", *key,
                          lambda key=key: prove_word_steps(*key), "two lanes",
                          "a larger number changes nothing", True))
    for rounding in blocks.DETERMINISTIC + ["sr:8", "sru:8"]:
        for name in ("e5m2", "e4m3fn", "e4m3fnuz", "e2m1f", "e3m0", "e1m6"):
            key = (blocks.format_of(name), rounding)
            quick_here = name in ("e4m3fn", "e5m2") and rounding in ("rne", "sr:8", "rup")
            made.append(proof("is monotone in |x|", *key, lambda key=key: prove_monotone(*key), "two lanes",
                              "strictly monotone", quick_here))
            if rounding not in ("rup", "rdn"):
                made.append(proof("is odd in x", *key, lambda key=key: prove_odd(*key), "two lanes",
                                  "code(-x) is never code(x)", quick_here))
    return made


LESS = "the largest finite code one less"


def proof(claim, fmt, rounding, prove, method, control, quick=False, overflow=""):
    stochastic = rounding.startswith("sr")
    return Proof(block="quantizer_lane", claim=claim, name=f"{fmt.name} {rounding} {overflow}".strip(),
                 prove=prove, method=method, control=control, quick=quick,
                 reach="every fp32 input and random number" if stochastic else "every fp32 input",
                 format=fmt, rounding=rounding, overflow=overflow)
