"""pruner_lane and multiplier against their definitions, in integers and in SMT-LIB's floating point."""
import re

import blocks
from smt import GATES, WORDS, Proof, ask, bits, netlist, port
from tools import ToolError


def cut(text, wire):
    """Makes a wire of the netlist a free constant of its name; what drove it is |cut_WIRE|."""
    alias = re.search(rf"\(define-fun \|lane_n {wire}\| \(\(state \|lane_s\|\)\) (\(_ BitVec \d+\)) "
                      r"\((\|lane#\d+\|) state\)\)", text)
    if not alias:
        raise ToolError(f"the netlist has no wire {wire}")
    sort, name = alias[1], alias[2]
    driver = re.search(rf"\(define-fun {re.escape(name)} .*", text)[0]
    free = (f"(declare-const {wire} {sort})\n(define-fun {name} ((state |lane_s|)) {sort} {wire})")
    return text.replace(driver, driver.replace(name, f"|cut_{wire}|", 1) + "\n" + free, 1)


def prove_pruner(random_bits, gates=WORDS):
    """Exact integers: |x| = mx 2^sx, alpha = ma 2^sa (in 2^-149). x passes if |x| >= alpha, else it is
    kept as +-alpha if and only if (2u + 1) alpha < 2^(R+1) |x|. Four steps:
    1. sx > sa implies |x| >= alpha;
    2. the lane's product is (2u + 1) ma;  3. which is not below ma;
    4. with any product not below ma in its place, the lane is the definition, where both sides of
       every comparison are divided by 2^sx if sx <= sa.
    """
    r = random_bits
    product_bits, width = r + 25, 280 + r
    text = cut(netlist(blocks.pruner(r), gates), "drawn") + "(declare-const s |lane_s|)\n"
    for name, size in (("x_i", 32), ("alpha_i", 31), ("random_i", r), ("y_o", 32)):
        text += port("s", name, size)
    shift = "(ite (= {0} #x00) (_ bv0 9) (bvsub (concat #b0 {0}) (_ bv1 9)))"
    significand = "(concat (ite (= {0} #x00) #b0 #b1) ((_ extract 22 0) {1}))"
    text += f"""
(define-fun ex () (_ BitVec 8) ((_ extract 30 23) x_i_s))
(define-fun ea () (_ BitVec 8) ((_ extract 30 23) alpha_i_s))
(assert (not (= ea #xff)))
(define-fun mx () (_ BitVec 24) {significand.format('ex', 'x_i_s')})
(define-fun ma () (_ BitVec 24) {significand.format('ea', 'alpha_i_s')})
(define-fun sx () (_ BitVec 9) {shift.format('ex')})
(define-fun sa () (_ BitVec 9) {shift.format('ea')})
(define-fun product () (_ BitVec {product_bits})
  (bvmul (concat {bits(0, product_bits - r - 1)} random_i_s #b1) (concat {bits(0, product_bits - 24)} ma)))
"""

    def wide(term, size):
        return f"(concat {bits(0, width - size)} {term})"
    absolute = (f"(bvuge (bvshl {wide('mx', 24)} {wide('sx', 9)}) (bvshl {wide('ma', 24)} {wide('sa', 9)}))")
    steps = [f"(assert (bvugt sx sa)) (assert (not {absolute}))",
             "(assert (not (= product (|cut_drawn| s))))",
             f"(assert (not (bvuge product (concat {bits(0, product_bits - 24)} ma))))"]

    def equal(below):
        return f"""
(define-fun up () (_ BitVec {width}) {wide('(bvsub sa sx)', 9)})
(define-fun above () Bool (or (bvugt sx sa) (bvuge {wide('mx', 24)} (bvshl {wide('ma', 24)} up))))
(define-fun keep () Bool ({below} (bvshl {wide('drawn', product_bits)} up) (bvshl {wide('mx', 24)} {bits(r + 1, width)})))
(assert (bvuge drawn (concat {bits(0, product_bits - 24)} ma)))
(assert (not (= y_o_s (ite above x_i_s (ite keep (concat ((_ extract 31 31) x_i_s) alpha_i_s) #x00000000)))))
"""
    # The control keeps on equality.
    answers = ask([text + step for step in [*steps, equal("bvult"), equal("bvule")]])
    return answers[:-1] == ["unsat"] * 4, answers[-1] == "sat"


def prove_pruner_monotone(random_bits):
    """A larger random number never keeps what a smaller one dropped."""
    text = netlist(blocks.pruner(random_bits), WORDS)
    for state in "st":
        text += f"(declare-const {state} |lane_s|)\n"
        for name, size in (("x_i", 32), ("alpha_i", 31), ("random_i", random_bits), ("y_o", 32)):
            text += port(state, name, size)
    text += """
(assert (= x_i_s x_i_t)) (assert (= alpha_i_s alpha_i_t)) (assert (bvule random_i_s random_i_t))
"""
    claim = "(or (= y_o_t y_o_s) (= y_o_t #x00000000))"
    answers = ask([text + f"(assert (not {claim}))", text + "(assert (not (= y_o_t y_o_s)))"])
    return answers[0] == "unsat", answers[1] == "sat"


def prove_multiplier(fmt):
    """The product of the two values, multiplied by SMT-LIB in FloatingPoint(11, 2M + 12), where it is
    exact, is significand * 2^(exponent - 2 bias - 2M); the scale of the format left out on both sides:
    values in units of 2^(1 - bias - M), so that a code is significand * 2^(field - 1)."""
    m, n = fmt.mantissa_bits, fmt.bits
    precision = 2 * m + 12
    number = f"(_ to_fp 11 {precision})"
    unsigned = f"(_ to_fp_unsigned 11 {precision}) RNE"

    def power(exponent, size, less):
        """2^(exponent - less)"""
        field = f"(bvadd (concat {bits(0, 11 - size)} {exponent}) {bits(1023 - less, 11)})"
        return f"({number} (concat #b0 {field} {bits(0, precision - 1)}))"

    text = netlist(blocks.multiplier(fmt), GATES) + "(declare-const s |lane_s|)\n"
    for name, size in (("a_i", n), ("b_i", n), ("sign_o", 1), ("exponent_o", fmt.exponent_bits + 1),
                       ("significand_o", 2 * m + 2)):
        text += port("s", name, size)
    for name in "ab":
        field = f"((_ extract {n - 2} {m}) {name}_i_s)"
        zero = bits(0, fmt.exponent_bits)
        fraction = f"((_ extract {m - 1} 0) {name}_i_s)" if m else ""
        text += f"""
(define-fun {name}_field () (_ BitVec {fmt.exponent_bits}) (ite (= {field} {zero}) {bits(1, fmt.exponent_bits)} {field}))
(define-fun {name}_significand () (_ BitVec {m + 1}) {f'(concat (ite (= {field} {zero}) #b0 #b1) {fraction})' if m else f'(ite (= {field} {zero}) #b0 #b1)'})
(define-fun {name}_value () (_ FloatingPoint 11 {precision})
  (fp.mul RNE ({unsigned} {name}_significand) {power(f'{name}_field', fmt.exponent_bits, 1)}))
"""
    sign = f"(= sign_o_s (bvxor ((_ extract {n - 1} {n - 1}) a_i_s) ((_ extract {n - 1} {n - 1}) b_i_s)))"

    def equal(less):
        got = f"(fp.mul RNE ({unsigned} significand_o_s) {power('exponent_o_s', fmt.exponent_bits + 1, less)})"
        return f"(assert (not (and {sign} (fp.eq {got} (fp.mul RNE a_value b_value)))))"
    answers = ask([text + equal(2), text + equal(1)])
    return answers[0] == "unsat", answers[1] == "sat"


def proofs():
    made = []
    for r in (1, 2, 4, 8, 12, 16, 20, 24):
        made.append(Proof("pruner_lane", "equals its definition", f"sr:{r}", lambda r=r: prove_pruner(r),
                          "exact integers, with the product cut out", "keeps on equality", r in (1, 8, 24),
                          "every fp32 input, threshold and random number", rounding=f"sr:{r}"))
    # z3 needs 0.6, 9 and 90 s for 1, 2 and 3 bits; for more of them the claim follows from the definition.
    for r in (1, 2, 3):
        made.append(Proof("pruner_lane", "never keeps more for a larger random number", f"sr:{r}",
                          lambda r=r: prove_pruner_monotone(r), "two lanes",
                          "a larger number changes nothing", r == 1,
                          "every fp32 input, threshold and random number", rounding=f"sr:{r}"))
    for fmt in blocks.formats():
        made.append(Proof("multiplier", "equals the exact product", fmt.name,
                          lambda fmt=fmt: prove_multiplier(fmt), "SMT-LIB's own product",
                          "the exponent one more", fmt.name in ("e2m1", "e4m0"),
                          "every pair of finite codes", format=fmt))
    return made
