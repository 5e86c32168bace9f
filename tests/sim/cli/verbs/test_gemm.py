"""The verb `gemm`. Bit-exactness of the arithmetic is tests/oracle/gemm_oracle.py's question."""
import csv
import math
import struct

import harness
from harness import floats


def matrix(rows):
    return ("F32", [len(rows), len(rows[0])], struct.pack(f"<{len(rows) * len(rows[0])}f", *sum(rows, [])))


class Gemm(harness.CommandTest):
    A = [[1.0, 2.0, 3.0], [-1.0, 0.5, 0.0]]
    B = [[1.0, 0.0], [0.0, 1.0], [2.0, -1.0]]
    D = [7.0, -1.0, -1.0, 0.5]

    def product(self, *arguments):
        self.good("gemm", *arguments, "-o", "out")
        dtype, shape, data = self.read("out")[0]["D"]
        return shape, floats((dtype, shape, data))

    def both(self):
        return self.write("t", {"a": matrix(self.A), "b": matrix(self.B)})

    def test_multiplies_matrices_of_one_file_or_two(self):
        name = self.both()
        self.assertEqual(self.product(name, "--a", "a", "--b", "b"), ([2, 2], self.D))
        one = self.write("one", {"x": matrix(self.A)})
        two = self.write("two", {"x": matrix(self.B)})
        self.assertEqual(self.product(one, two, "--a", "x", "--b", "x"), ([2, 2], self.D))

    def test_transposes(self):
        name = self.write("t", {"a": matrix([list(c) for c in zip(*self.A)]),
                                "b": matrix([list(c) for c in zip(*self.B)])})
        self.assertEqual(self.product(name, "--a", "a", "--b", "b", "--transpose-a", "--transpose-b"),
                         ([2, 2], self.D))
        # Shapes fit only with the transposition; A A^T by hand.
        name = self.both()
        self.assertEqual(self.product(name, "--a", "a", "--b", "a", "--transpose-b"),
                         ([2, 2], [14.0, 0.0, 0.0, 1.25]))

    def test_a_transposed_operand_is_cast_like_the_stored_one(self):
        rows = [[self.random.gauss(0, 1) for _ in range(40)] for _ in range(30)]
        name = self.write("t", {"x": matrix(rows), "i": matrix([[float(i == j) for j in range(40)] for i in range(40)])})
        options = ["--a-format", "e4m3fn", "--b-format", "e4m3fn", "--round", "sr"]
        _, straight = self.product(name, "--a", "x", "--b", "i", *options)
        _, turned = self.product(name, "--a", "i", "--b", "x", "--transpose-b", *options)
        self.assertEqual(turned, [straight[r * 40 + c] for c in range(40) for r in range(30)])
        self.good("cast", name, "--tensors", "x", "--format", "e4m3fn", "--round", "sr", "--as", "values", "-o", "cast")
        self.assertEqual(straight, floats(self.read("cast")[0]["x"]))

    def test_operands_are_cast_and_sums_rounded(self):
        # 1.1 is 1 in e5m2; 2048 + 1 + 1 stays 2048 in fp16, where ties go to even.
        name = self.write("t", {"a": matrix([[2048.0, 1.1, 1.1]]), "b": matrix([[1.0], [1.0], [1.0]])})
        base = [name, "--a", "a", "--b", "b", "--a-format", "e5m2", "--b-format", "e5m2"]
        self.assertEqual(self.product(*base, "--accumulator", "fp16")[1], [2048.0])
        self.assertEqual(self.product(*base, "--accumulator", "fp32")[1], [2050.0])
        self.assertEqual(self.product(*base, "--accumulator", "chunk:2:fp32:fp16")[1], [2048.0])
        self.assertEqual(self.product(*base, "--accumulator", "exact")[1], [2050.0])
        # Hopper: 13 fraction bits below 2^11 end at 1/4, those of volta at 2^-12.
        name = self.write("t", {"a": matrix([[2048.0, 0.1875]]), "b": matrix([[1.0], [1.0]])})
        base = [name, "--a", "a", "--b", "b", "--a-format", "e5m2", "--b-format", "e5m2"]
        self.assertEqual(self.product(*base, "--accumulator", "hopper-fp8")[1], [2048.0])
        self.assertEqual(self.product(*base, "--accumulator", "volta-fp16")[1], [2048.1875])

    def test_scales_are_undone(self):
        # amax-po2 in e4m3fn (largest 448): of 3: 128; of 2^-20: 2^28.
        name = self.write("t", {"a": matrix([[3.0, 0.001]]), "b": matrix([[2.0**-20], [0.0]])})
        base = [name, "--a", "a", "--b", "b", "--a-format", "e4m3fn", "--b-format", "e4m3fn"]
        self.assertEqual(self.product(*base)[1], [0.0])
        self.assertEqual(self.product(*base, "--scale", "amax-po2")[1], [3 * 2.0**-20])
        row = self.rows("gemm", *base, "--scale", "amax-po2", "--b-scale", "4096", "-o", "out")[0]
        self.assertEqual((row["a_scale"], row["b_scale"]), ("128", "4096"))
        self.assertEqual(floats(self.read("out")[0]["D"]), [3 * 2.0**-20])

    def test_the_product_is_recorded(self):
        name = self.both()
        self.good("gemm", name, "--a", "a", "--b", "b", "--a-format", "e5m2", "--accumulator", "hopper-fp8", "-o", "out")
        metadata = self.read("out")[1]
        for key, value in (("gemm_a", "a"), ("gemm_b", "b"), ("gemm_a_format", "e5m2"), ("gemm_b_format", "fp32"),
                           ("gemm_accumulator", "fused:32:13:13"), ("gemm_round", "rne")):
            self.assertEqual(metadata[key], value)
        row = self.rows("gemm", name, "--a", "a", "--b", "b", "-o", "out")[0]
        self.assertEqual((row["trace"], row["tensor"], row["m"], row["n"], row["k"]), ("t", "D", "2", "2", "3"))

    def test_report_compares_with_double(self):
        # Cast: 1.1 -> 1 in e5m2. D = 2048; sums of the cast 2050, of the inputs 2050.2.
        name = self.write("t", {"a": matrix([[2048.0, 1.1, 1.1]]), "b": matrix([[1.0], [1.0], [1.0]])})
        base = ["gemm", name, "--a", "a", "--b", "b", "--a-format", "e5m2", "--accumulator", "fp16", "-o", "out",
                "--report"]
        cast, inputs = self.rows(*base)
        self.assertEqual((cast["reference"], inputs["reference"]), ("cast", "inputs"))
        self.assertEqual(float(cast["max_absolute_error"]), 2.0)
        self.assertEqual(float(cast["mean_ulp_error"]), 1.0)  # fp16's spacing at 2050 is 2
        self.assertEqual(float(cast["max_relative_error"]), 2 / 2050)
        x = struct.unpack("<f", struct.pack("<f", 1.1))[0]
        self.assertAlmostEqual(float(inputs["mean_absolute_error"]), 2 * x, places=12)
        self.good(*base, "--histogram", "h.csv")
        with open(self.folder / "h.csv") as file:
            bins = [row for row in csv.DictReader(file) if row["reference"] == "cast"]
        self.assertEqual(sum(int(row["count"]) for row in bins), 1)
        self.assertEqual([(row["ulp_from"], row["ulp_to"]) for row in bins if row["count"] == "1"], [("0.5", "1")])

    def test_the_number_of_threads_changes_nothing(self):
        a = [[self.random.gauss(0, 1) for _ in range(70)] for _ in range(140)]
        b = [[self.random.gauss(0, 1) for _ in range(90)] for _ in range(70)]
        name = self.write("t", {"a": matrix(a), "b": matrix(b)})
        base = [name, "--a", "a", "--b", "b", "--a-format", "e4m3fn", "--b-format", "e5m2", "--round", "sr",
                "--accumulator", "hopper-fp8"]
        one = self.product(*base, "--threads", "1")
        self.assertEqual(self.product(*base, "--threads", "4"), one)
        self.assertNotEqual(self.product(*base, "--seed", "7"), one)

    def test_empty_sums_are_zero(self):
        name = self.write("t", {"a": ("F32", [2, 0], b""), "b": ("F32", [0, 3], b"")})
        for accumulator in ("fp32", "hopper-fp8", "exact", "chunk:4:fp16:fp32"):
            self.assertEqual(self.product(name, "--a", "a", "--b", "b", "--accumulator", accumulator, "--report"),
                             ([2, 3], [0.0] * 6))

    def test_bad_input_is_named(self):
        name = self.both()
        base = ["gemm", name, "-o", "out"]
        self.refused_saying([*base, "--b", "b"], "--a", "required")
        self.refused_saying([*base, "--a", "x", "--b", "b"], "t: ", "'x'", "--a", "'a'")
        self.refused_saying([*base, "--a", "a", "--b", "a"], "[2, 3]", "--transpose-b")
        flat = self.write("flat", {"a": harness.f32(1.0, 2.0), "i": ("U8", [1, 1], b"\0")})
        self.refused_saying(["gemm", flat, "--a", "a", "--b", "a", "-o", "out"], "flat: ", "'a'", "[2]", "two dimensions")
        self.refused_saying(["gemm", flat, "--a", "i", "--b", "i", "-o", "out"], "U8", "F32")
        good = [*base, "--a", "a", "--b", "b"]
        self.refused_saying([*good, "--accumulator", "hopper"], "'hopper'", "hopper-fp8")
        self.refused_saying([*good, "--accumulator", "fused:0:1:1"], "'0'")
        self.refused_saying([*good, "--a-format", "e9m9"], "e9m9")
        self.refused_saying([*good, "--histogram", "h"], "--report")
        self.refused_saying([*good, "--report", "--histogram", "out"], "--histogram", "--output")
        nan = self.write("nan", {"a": matrix([[1.0, math.nan]]), "b": matrix([[1.0], [math.inf]])})
        self.refused_saying(["gemm", nan, "--a", "a", "--b", "b", "--a-format", "e2m1fn", "-o", "out"],
                            "nan: ", "'a'", "element 1", "--nan zero")
        self.refused_saying(["gemm", nan, "--a", "a", "--b", "b", "--accumulator", "e4m3f", "-o", "out"],
                            "D[0, 0]", "e4m3f")
        self.assertEqual(self.files(), ["flat", "nan", "t"])


if __name__ == "__main__":
    harness.main()
