#!/usr/bin/env python3
"""`gradpath theory` against mpmath with 30 digits: theory_oracle.py GRADPATH

prune: S(alpha) and the promoted fraction as integrals of their definitions over the lognormal.
error: the sum over every code's cell of lognormal partial moments, with differences of 30-digit
normal probabilities; the smooth form with the error function. split: the least of those sums.
max: the integral of the survival function, E[M] = int_0^inf P(M > y) dy.
Everything within 1e-9 relative (1e-12 where noted), for sigmas from 1e-6 to 1e3, exponents of 1 to
8 bits and up to 10^12 elements. No random numbers. Exit code 1 names each mismatch.
"""
import csv
import io
import subprocess
import sys

try:
    from mpmath import erf, erfc, exp, expm1, inf, log, mp, mpf, quad, sqrt
except ImportError as error:
    sys.exit(f"{sys.executable}: {error}; install python3-mpmath (scripts/setup test)")

mp.dps = 30


class Report:
    def __init__(self):
        self.checked, self.wrong = 0, 0

    def near(self, what, found, expected, relative=1e-9):
        self.checked += 1
        error = abs(mpf(float(found)) - expected)
        if not error <= relative * abs(expected):
            self.wrong += 1
            print(f"{what}: found {found}, expected {mp.nstr(expected, 17)}")


def tail(z):
    """P(Z > z)"""
    return erfc(z / sqrt(mpf(2))) / 2


def density(z):
    return exp(-z * z / 2) / sqrt(2 * mp.pi)


def rows(program, *arguments):
    done = subprocess.run([program, "theory", *arguments, "--csv", "-"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"{arguments}: exit code {done.returncode}: {done.stderr}")
    return list(csv.DictReader(io.StringIO(done.stdout)))


def pieces(low, high, width=2):
    count = max(1, int(mp.ceil((high - low) / width)))
    return [low + (high - low) * i / count for i in range(count + 1)]


def check_prune(program, report):
    for sigma in ("1e-6", "0.01", "0.5", "1", "3", "20", "100"):
        for row in rows(program, "prune", "--mu", "-3", "--sigma", sigma, "--sparsity",
                        "1e-12,0.001,0.4,0.9,0.999999,0.999999999999"):
            what = f"prune {row}"
            s, target = mpf(float(row["sigma"])), mpf(float(row["sparsity"]))
            # Through ln alpha: alpha of a wide sigma is beyond double, and then so be it.
            if row["alpha"] in ("inf", "0"):
                continue
            u = (log(mpf(float(row["alpha"]))) + 3) / s
            edge = [x for x in pieces(mpf(-14), min(u, mpf(14)))]
            zeros = quad(lambda z: -expm1(s * (z - u)) * density(z), edge)
            kept = tail(u) + quad(lambda z: exp(s * (z - u)) * density(z), pieces(min(u, s) - 14, min(u, s + 14)))
            # alpha is rounded: u is known to half an ulp / sigma only.
            doubt = 4e-16 * abs(u + 1 / s)
            if target < 0.5:
                report.near(what + " S", target, zeros, 1e-9 + doubt / float(target) * (1 if s < 1e-3 else 0))
            else:
                report.near(what + " 1-S", 1 - target, kept, 1e-9)
            report.near(what + " promoted", row["promoted_fraction"], kept - tail(u), 1e-9)
            energy = (quad(lambda z: exp(s * (u + z) - 2 * s * s) * density(z), pieces(min(u, s) - 14, min(u, s + 14)))
                      + tail(u - 2 * s))
            report.near(what + " cosine", row["cosine"], 1 / sqrt(energy))
            cut = mp.findroot(lambda z: log(tail(z)) - log(1 - target), float(mp.sqrt(2) * mp.erfinv(2 * target - 1)))
            report.near(what + " top-k", row["topk_cosine"], sqrt(tail(cut - 2 * s)))


def check_prune_inverses(program, report):
    for sigma in ("0.01", "1", "5"):
        for row in rows(program, "prune", "--sigma", sigma, "--cosine", "0.2,0.9,0.999"):
            again = rows(program, "prune", "--sigma", sigma, "--alpha", row["alpha"])[0]
            report.near(f"alpha of cosine {row}", again["cosine"], mpf(float(row["cosine"])))
            report.near(f"alpha of cosine {row}", again["sparsity"], mpf(float(row["sparsity"])))
        for cosine, row in zip((0.2, 0.9, 0.999), rows(program, "prune", "--sigma", sigma, "--cosine", "0.2,0.9,0.999")):
            report.near(f"cosine asked for {row}", row["cosine"], mpf(cosine))


def split_error(sigma_log2, exponent_bits, mantissa_bits):
    s = mpf(float(sigma_log2)) * log(mpf(2))
    span = 2 ** (exponent_bits - 1)
    codes = [mpf(2) ** e * (1 + mpf(k) / 2**mantissa_bits) for e in range(-span, span) for k in range(2**mantissa_bits)]

    def moments(a, b):
        """P(a < x < b) and E[1/x; a < x < b] for x = exp(s Z)."""
        za, zb = log(a) / s, (log(b) / s if b != inf else inf)
        return tail(za) - tail(zb), exp(s * s / 2) * (tail(za + s) - tail(zb + s))

    error = 1 - tail(log(codes[0]) / s)
    for i, code in enumerate(codes):
        last = i + 1 == len(codes)
        above_p, above_r = moments(code, inf if last else (code + codes[i + 1]) / 2)
        error += above_p - code * above_r
        if i > 0:
            below_p, below_r = moments((codes[i - 1] + code) / 2, code)
            error += code * below_r - below_p
    return error


def smooth_error(sigma_log2, exponent_bits, mantissa_bits):
    s = mpf(float(sigma_log2)) * log(mpf(2))
    span = mpf(2) ** (exponent_bits - 1)
    t = span / mpf(float(sigma_log2))
    return ((2 * (1 - tail(t)) - 1) / (8 * log(mpf(2)) * 2**mantissa_bits) + (1 - erf(t / sqrt(mpf(2))))
            - mpf(2) ** (span - 1) * exp(s * s / 2) * erfc((t + s) / sqrt(mpf(2))))


def check_error(program, report):
    for bits, mantissas in (("1,2,4", "0,3"), ("5", "1"), ("8", "0"), ("2", "7")):
        sigmas = "1e-6,0.01,0.3,1,2.5,8" if bits != "8" else "0.1,3,60,1000"
        for row in rows(program, "error", "--sigma-log2", sigmas, "--exponent-bits", bits, "--mantissa-bits", mantissas):
            given = row["sigma_log2"], int(row["exponent_bits"]), int(row["mantissa_bits"])
            mp.dps = 30 if float(given[0]) > 1e-3 else 50
            report.near(f"smooth {given}", row["mean_relative_error"], smooth_error(*given), 1e-11)
            report.near(f"exact {given}", row["mean_relative_error_exact"], split_error(*given), 1e-11)
            mp.dps = 30


def check_many_mantissa_bits(program, report):
    """Where many cells are summed at once, with the density cut off inside a binade."""
    for row in rows(program, "error", "--sigma-log2", "4", "--exponent-bits", "1", "--mantissa-bits", "11"):
        given = row["sigma_log2"], int(row["exponent_bits"]), int(row["mantissa_bits"])
        report.near(f"exact {given}", row["mean_relative_error_exact"], split_error(*given), 1e-11)


def check_split(program, report):
    for row in rows(program, "split", "--sigma-log2", "0.3,1,1.7,3.6,3.8", "--bits", "3:7"):
        bits = int(row["bits"])
        errors = {n: split_error(row["sigma_log2"], n, bits - 1 - n) for n in range(1, min(bits - 1, 5) + 1)}
        best = min(errors, key=errors.get)
        report.near(f"split {row}", row["best_exponent_bits"], mpf(best), 0)
        report.near(f"split {row}", row["mean_relative_error"], errors[best])


def check_max(program, report):
    mp.dps = 20
    for sigma, sizes in (("1e-6", "1,1e12"), ("0.5", "2,37,1e12"), ("2", "1,1e4,1e12"), ("6", "2,1e9"), ("30", "37,1e12")):
        for row in rows(program, "max", "--sigma", sigma, "--n", sizes):
            s, n = mpf(float(sigma)), int(row["n"])
            # E[M] = int P(M > y) dy over y = exp(s z). Below z = -9 all n elements exceed, to 1e-19.
            exceeds = lambda z: -expm1(n * mp.log1p(-tail(z)))
            high = s + 10 + sqrt(2 * log(mpf(n)))
            expected = exp(-9 * s) + quad(lambda z: s * exp(s * z) * exceeds(z), pieces(mpf(-9), high, 1),
                                          method="gauss-legendre", maxdegree=4)
            report.near(f"max {row}", row["expected_max"], expected)
            report.near(f"max bound {row}", row["expected_max_bound"], exp(s * sqrt(2 * log(mpf(n)))), 1e-12)
    mp.dps = 30


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    program, report = sys.argv[1], Report()
    for check in (check_prune, check_prune_inverses, check_error, check_many_mantissa_bits, check_split, check_max):
        check(program, report)
    print(f"{report.checked} values compared, {report.wrong} differ")
    sys.exit(1 if report.wrong or report.checked < 200 else 0)


if __name__ == "__main__":
    main()
