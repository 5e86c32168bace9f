"""`cast --scheme`. Bit-exactness of the arithmetic is tests/oracle/schemes_oracle.py's question."""
import math
import struct

import harness
from harness import f32, floats


def signed(tensor):
    dtype, _, data = tensor
    code = {"I8": "b", "I16": "h"}[dtype]
    return list(struct.unpack(f"<{len(data) // struct.calcsize(code)}{code}", data))


class CastScheme(harness.CommandTest):
    def cast(self, name, scheme, *options):
        self.good("cast", name, "--scheme", scheme, "-o", "out", *options)
        return self.read("out")[0]

    def test_integers_are_twos_complement_with_their_scale(self):
        # 127 / 12.7 = 10: codes are tenths, half way to even.
        name = self.write("t", {"grad_output": f32(12.7, -12.7, 0.25, -0.35, 1.0)})
        tensors = self.cast(name, "int8")
        scale = floats(tensors["grad_output.scale"])[0]
        self.assertAlmostEqual(scale, 10, places=5)
        self.assertEqual(tensors["grad_output"][0], "I8")
        self.assertEqual(signed(tensors["grad_output"])[:2], [127, -127])
        self.assertEqual(signed(tensors["grad_output"])[-1], 10)
        # 127 / 12.7 rounds down to 8.
        tensors = self.cast(name, "int8:po2")
        self.assertEqual(floats(tensors["grad_output.scale"]), [8.0])
        self.assertEqual(signed(tensors["grad_output"]), [102, -102, 2, -3, 8])
        values = self.cast(name, "int8:po2", "--as", "values")
        self.assertEqual(floats(values["grad_output"]), [12.75, -12.75, 0.25, -0.375, 1.0])
        self.assertEqual(floats(values["grad_output.scale"]), [8.0])
        self.assertEqual(self.cast(name, "int:12")["grad_output"][0], "I16")

    def test_codes_of_a_book_are_places_in_it(self):
        (self.folder / "book.txt").write_text("# any order\n4 0\n-1, 1.5\n")
        name = self.write("t", {"a/grad_output": ("F32", [2, 3], f32(-9, -0.5, 0.7, 0.75, 2.75, 9)[2])})
        tensors = self.cast(name, "codebook:book.txt")
        self.assertEqual(floats(tensors["a/grad_output.codebook"]), [-1.0, 0.0, 1.5, 4.0])
        # -0.5, 0.75 and 2.75 are half way between two values: the even place.
        self.assertEqual(tensors["a/grad_output"], ("U8", [2, 3], bytes([0, 0, 1, 2, 2, 3])))
        values = self.cast(name, "codebook:book.txt", "--as", "values")
        self.assertEqual(list(values), ["a/grad_output"])
        self.assertEqual(floats(values["a/grad_output"]), [-1.0, -1.0, 0.0, 1.5, 1.5, 4.0])
        scaled = self.cast(name, "codebook:amax:book.txt")
        self.assertEqual(floats(scaled["a/grad_output.codebook"]), [-2.25, 0.0, 3.375, 9.0])

    def test_hfp8_is_the_cast_to_the_format_of_the_pass(self):
        values = [self.random.lognormvariate(-2, 3) for _ in range(3000)]
        name = self.write("t", {f"step0/l/{kind}": f32(*values) for kind in ("grad_output", "input", "weight")})
        for options in ([], ["--round", "sr:8"], ["--overflow", "saturate", "--as", "values"]):
            found = self.cast(name, "hfp8", "--tensors", "*", *options)
            for kind, fmt in (("grad_output", "e5m2"), ("input", "e4m3b11"), ("weight", "e4m3b11")):
                self.good("cast", name, "--tensors", f"*{kind}", "--format", fmt, "-o", "one", *options)
                self.assertEqual(found[f"step0/l/{kind}"], self.read("one")[0][f"step0/l/{kind}"], (kind, options))
        other = self.write("u", {"step0/l/bias": f32(1.0)})
        self.refused_saying(["cast", other, "--tensors", "*", "--scheme", "hfp8", "-o", "x"], "u: tensor 'step0/l/bias'",
                            "hfp8:forward")

    def test_table_and_metadata_tell_the_scheme(self):
        name = self.write("t", {"grad_output": f32(0.0, 1e-9, 1.0, 1.4, -math.inf)}, {"model": "m"})
        row = self.rows("cast", name, "--scheme", "wage:8:rne", "-o", "out")[0]
        self.assertEqual(row, {"trace": "t", "tensor": "grad_output", "numel": "5", "scale": "128", "zeros": "2",
                               "above_max": "2", "infs": "0", "nans": "0", "bits": "8", "levels": "255"})
        metadata = self.read("out")[1]
        for key, value in (("model", "m"), ("cast_scheme", "wage:8:rne"), ("cast_as", "codes"), ("cast_nan", "error"),
                           ("cast_seed", "0")):
            self.assertEqual(metadata[key], value)
        self.assertNotIn("cast_round", metadata)

    def test_random_schemes_follow_seed_and_name_and_neither_threads_nor_slices(self):
        values = f32(*[self.random.uniform(-1, 1) for _ in range(600_000)])
        name = self.write("t", {"a/grad_output": values, "b/grad_output": values})
        for scheme in ("int4:sr", "luq:6", "banner:4", "aciq:4"):
            one = self.cast(name, scheme, "--threads", "1")
            self.assertEqual(self.cast(name, scheme, "--threads", "5"), one)
            other = self.cast(name, scheme, "--seed", "1")
            if scheme != "aciq:4":
                self.assertNotEqual(one["a/grad_output"], one["b/grad_output"])
                self.assertNotEqual(other, one)

    def test_nan_names_tensor_and_first_element(self):
        many = [1.0] * 700_000
        many[300_001] = many[650_000] = math.nan
        name = self.write("t", {"b/grad_output": f32(*many)})
        self.refused_saying(["cast", name, "--scheme", "int8", "-o", "out", "--threads", "4"], "t: ",
                            "'b/grad_output'", "element 300001", "--nan zero")
        self.assertEqual(self.files(), ["t"])
        codes = signed(self.cast(name, "int8", "--nan", "zero")["b/grad_output"])
        self.assertEqual((codes[0], codes[300_001]), (127, 0))

    def test_empty_tensor(self):
        name = self.write("t", {"grad_output": ("F32", [0, 3], b"")})
        for scheme in ("int8", "aciq:4", "banner:8", "piecewise:4", "luq:6", "signsgd:mean"):
            self.assertEqual(self.cast(name, scheme)["grad_output"][1:], ([0, 3], b""))

    def test_bad_options(self):
        name = self.write_gradients()
        base = ["cast", name, "-o", "out"]
        self.refused_saying(base, "--format", "--scheme", "required")
        self.refused_saying([*base, "--format", "e5m2", "--scheme", "int8"], "--format", "--scheme")
        for bad in ("int8x", "luq", "fp4", "int:1", "aciq:4:cauchy"):
            self.refused_saying([*base, "--scheme", bad], f"'{bad}'")
        for option, value in (("round", "sr"), ("overflow", "saturate"), ("scale", "amax"),
                              ("flush", "output")):
            self.refused_saying([*base, "--scheme", "int8", f"--{option}", value], f"--{option}", "int:8")
        self.refused_saying([*base, "--scheme", "hfp8", "--scale", "amax"], "--scale")
        self.refused_saying([*base, "--scheme", "codebook:missing.txt"], "missing.txt")
        self.refused_saying([*base, "--scheme", "codebook:."], ".")
        for text, words in (("1 2 x", ("line 1", "'x'")), ("7", ("1 number",)), ("1\n2\n1", ("twice",)),
                            ("1 nan", ("'nan'",)), ("", ("0 numbers",))):
            (self.folder / "bad.txt").write_text(text)
            self.refused_saying([*base, "--scheme", "codebook:bad.txt"], "bad.txt", *words)
            (self.folder / "bad.txt").unlink()
        self.assertEqual(self.files(), [name])

    def test_scale_or_book_that_collides_with_a_tensor(self):
        for scheme, ending in (("int8", "scale"), ("luq:6", "codebook")):
            name = self.write("t", {"grad_output": f32(1.0), f"grad_output.{ending}": f32(1.0)})
            self.refused_saying(["cast", name, "--scheme", scheme, "-o", "out"], f"'grad_output.{ending}'", "--tensors")


if __name__ == "__main__":
    harness.main()
