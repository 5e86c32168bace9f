"""The verb `cast`. Bit-exactness of the arithmetic is tests/oracle/cast_oracle.py's question."""
import math
import struct

import harness
from harness import f32, floats


class Cast(harness.CommandTest):
    def cast(self, name, *options):
        self.good("cast", name, "-o", "out", *options)
        return self.read("out")[0]

    # Nearest even in e2m1: 0 .5 1 1.5 2 3 4 6, ties to the even code; decided by hand.
    VALUES = [0.0, 0.25, 0.75, 1.25, 2.5, 3.5, 5.0, 6.9, -0.3, 1.0]
    CODES = [0x0, 0x0, 0x2, 0x2, 0x4, 0x6, 0x6, 0x7, 0x9, 0x2]
    RESULTS = [0.0, 0.0, 1.0, 1.0, 2.0, 4.0, 4.0, 6.0, -0.5, 1.0]

    def test_writes_codes_or_values(self):
        name = self.write("t", {"grad_output": f32(*self.VALUES)})
        tensors = self.cast(name, "--format", "e2m1fn")
        self.assertEqual(tensors, {"grad_output": ("U8", [10], bytes(self.CODES))})
        tensors = self.cast(name, "--format", "e2m1fn", "--as", "values")
        self.assertEqual(floats(tensors["grad_output"]), self.RESULTS)

    def test_codes_have_the_narrowest_type_and_shapes_stay(self):
        dtype, shape, data = f32(1.0, -2.0, 3.0, 0.5, 0.0, -0.0)
        name = self.write("t", {"grad_output": (dtype, [2, 1, 3], data)})
        for fmt, expected, code in (("e5m2", "U8", "B"), ("e5m3", "U16", "H"), ("bf16", "U16", "H"),
                                    ("tf32", "U32", "I"), ("fp32", "U32", "I")):
            found, shape, data = self.cast(name, "--format", fmt)["grad_output"]
            self.assertEqual((found, shape), (expected, [2, 1, 3]), fmt)
            self.assertEqual(len(data), 6 * struct.calcsize(code))
        # All these are bf16 values: its code is the upper half of the fp32 bits.
        codes = struct.unpack("<6H", self.cast(name, "--format", "bf16")["grad_output"][2])
        self.assertEqual(codes, tuple(b >> 16 for b in struct.unpack("<6I", f32(1.0, -2.0, 3.0, 0.5, 0.0, -0.0)[2])))
        self.assertEqual(self.cast(name, "--format", "fp32")["grad_output"][2], f32(1.0, -2.0, 3.0, 0.5, 0.0, -0.0)[2])

    def test_native_codes_are_numbers_to_other_programs(self):
        name = self.write("t", {"grad_output": f32(1.0, -2.0, 0.5)})
        for fmt, dtype, data in (("e4m3fn", "F8_E4M3", b"\x38\xc0\x30"), ("e5m2", "F8_E5M2", b"\x3c\xc0\x38"),
                                 ("fp16", "F16", struct.pack("<3e", 1.0, -2.0, 0.5)),
                                 ("fp32", "F32", struct.pack("<3f", 1.0, -2.0, 0.5))):
            found = self.cast(name, "--format", fmt, "--dtype", "native")["grad_output"]
            self.assertEqual(found, (dtype, [3], data), fmt)
        base = ["cast", name, "-o", "out", "--dtype", "native"]
        self.refused_saying([*base, "--format", "e4m3fnuz"], "e4m3fnuz", "e5m2")
        self.refused_saying([*base, "--format", "e5m2", "--as", "values"], "--as values")
        self.refused_saying([*base, "--scheme", "int8"], "int8")

    def test_reads_bfloat16_and_float16(self):
        half = ("F16", [2], struct.pack("<2e", 1.5, -65504.0))
        bfloat = ("BF16", [2], struct.pack("<2H", 0x3fc0, 0xc000))
        name = self.write("t", {"a/grad_output": half, "b/grad_output": bfloat})
        tensors = self.cast(name, "--format", "fp32", "--as", "values")
        self.assertEqual(floats(tensors["a/grad_output"]), [1.5, -65504.0])
        self.assertEqual(floats(tensors["b/grad_output"]), [1.5, -2.0])

    def test_scale_is_written_and_undone(self):
        # e4m3fn's largest is 448: 448 / 3 = 149.3, whose power of two is 128.
        name = self.write("t", {"x/grad_output": f32(3.0, -1.0, 0.001), "y/grad_output": f32(0.0)})
        tensors = self.cast(name, "--format", "e4m3fn", "--scale", "amax-po2")
        self.assertEqual(floats(tensors["x/grad_output.scale"]), [128.0])
        self.assertEqual(floats(tensors["y/grad_output.scale"]), [1.0])
        self.assertEqual(tensors["x/grad_output.scale"][1], [1])
        # 384 = 1.5 * 2^8 and -128 = -1 * 2^7: biased exponents 15 and 14.
        self.assertEqual(tensors["x/grad_output"][2][:2], bytes([0x7c, 0xf0]))
        values = floats(self.cast(name, "--format", "e4m3fn", "--scale", "amax-po2", "--as",
                                  "values")["x/grad_output"])
        self.assertEqual(values, [3.0, -1.0, 0.125 / 128])
        self.assertEqual(floats(self.cast(name, "--format", "e4m3fn", "--scale", "0.5")
                                ["x/grad_output.scale"]), [0.5])
        self.assertNotIn("x/grad_output.scale", self.cast(name, "--format", "e4m3fn"))

    def test_amax_fills_the_range_and_ignores_what_is_not_finite(self):
        name = self.write("t", {"grad_output": f32(7.0, -3.0, math.inf, math.nan)})
        scale = floats(self.cast(name, "--format", "e5m2", "--scale", "amax")["grad_output.scale"])
        self.assertEqual(scale, [57344 / 7])

    def test_other_metadata_stay_and_the_cast_is_recorded(self):
        name = self.write("t", {"grad_output": f32(1.0)}, {"model": "m", "layers": "{}"})
        self.cast(name, "--format", "e5m2", "--round", "sr:8", "--scale", "amax-po2", "--seed", "9")
        metadata = self.read("out")[1]
        for key, value in (("model", "m"), ("layers", "{}"), ("cast_format", "e5m2"),
                           ("cast_round", "sr:8"), ("cast_scale", "amax-po2"), ("cast_seed", "9"),
                           ("cast_overflow", "standard"), ("cast_nan", "error"), ("cast_as", "codes")):
            self.assertEqual(metadata[key], value)

    def test_table_counts_what_became_of_the_elements(self):
        name = self.write("t", {"grad_output": f32(0.0, 1e-9, 1.0, 57344.0, 60000.0, 1e9, -math.inf, math.nan)})
        row = self.rows("cast", name, "--format", "e5m2", "-o", "out")[0]
        self.assertEqual(row, {"trace": "t", "tensor": "grad_output", "numel": "8", "scale": "1",
                               "zeros": "2", "above_max": "2", "infs": "2", "nans": "1"})
        row = self.rows("cast", name, "--format", "e5m2", "--overflow", "saturate", "-o", "out")[0]
        self.assertEqual((row["above_max"], row["infs"]), ("2", "0"))

    def test_casting_twice_changes_nothing(self):
        name = self.write_gradients()
        for fmt in ("e5m2", "e4m3fn", "e8m0fnu", "bf16", "e2m1fn"):
            for mode in ("rne", "rtz", "rto", "sr"):
                options = ["--format", fmt, "--round", mode, "--as", "values"]
                self.good("cast", name, *options, "-o", "once")
                self.good("cast", "once", *options, "--seed", "1", "-o", "twice")
                self.assertEqual(self.read("once")[0], self.read("twice")[0], (fmt, mode))

    def test_stochastic_rounding_follows_seed_and_name_and_neither_threads_nor_slices(self):
        values = f32(*[self.random.uniform(-1, 1) for _ in range(600_000)])
        name = self.write("t", {"a/grad_output": values, "b/grad_output": values})
        options = ["--format", "e4m3fn", "--round", "sr"]
        one = self.cast(name, *options, "--threads", "1")
        for threads in ("2", "5"):
            self.assertEqual(self.cast(name, *options, "--threads", threads), one)
        self.assertNotEqual(one["a/grad_output"], one["b/grad_output"])
        self.assertNotEqual(self.cast(name, *options, "--seed", "1"), one)
        alone = self.write("u", {"b/grad_output": values})
        self.assertEqual(self.cast(alone, *options)["b/grad_output"], one["b/grad_output"])

    def test_nan_without_a_code_names_tensor_and_first_element(self):
        many = [1.0] * 700_000
        many[300_001] = many[650_000] = math.nan
        name = self.write("t", {"a/grad_output": f32(1.0), "b/grad_output": f32(*many)})
        for threads in ("1", "4"):
            self.refused_saying(["cast", name, "--format", "e2m1fn", "-o", "out", "--threads", threads],
                                "t: ", "'b/grad_output'", "element 300001", "e2m1fn", "--nan zero")
        self.assertEqual(self.files(), ["t"])
        codes = self.cast(name, "--format", "e2m1fn", "--nan", "zero")["b/grad_output"][2]
        self.assertEqual((codes[0], codes[300_001]), (0x2, 0x0))
        codes = self.cast(name, "--format", "e2m1fn", "--nan", "max")["b/grad_output"][2]
        self.assertEqual(codes[300_001], 0x7)

    def test_output_may_be_the_input(self):
        name = self.write_gradients()
        expected = self.cast(name, "--format", "e5m2", "--as", "values")
        self.good("cast", name, "--format", "e5m2", "--as", "values", "-o", name)
        self.assertEqual(self.read(name)[0], expected)

    def test_only_selected_tensors_are_written(self):
        name = self.write_gradients()
        self.assertEqual(list(self.cast(name, "--format", "e5m2", "--tensors", "*input")), ["step0/l0/input"])

    def test_empty_tensor(self):
        name = self.write("t", {"grad_output": ("F32", [0, 3], b"")})
        tensors = self.cast(name, "--format", "e5m2", "--scale", "amax")
        self.assertEqual(tensors["grad_output"], ("U8", [0, 3], b""))

    def test_bad_options(self):
        name = self.write_gradients()
        base = ["cast", name, "-o", "out"]
        self.refused_saying(base, "--format", "required")
        self.refused_saying(["cast", name, "--format", "e5m2"], "--output", "required")
        self.refused_saying([*base, "--format", "e5m3x"], "'e5m3x'")
        good = [*base, "--format", "e5m2"]
        for option, value in (("round", "up"), ("round", "sr:0"), ("round", "sr:33"), ("round", "sr:x"),
                              ("overflow", "wrap"), ("nan", "skip"), ("as", "bits"), ("scale", "0"),
                              ("scale", "-1"), ("scale", "nan"), ("scale", "inf"), ("scale", "1x"),
                              ("scale", "max")):
            self.refused_saying([*good, f"--{option}", value], f"'{value}'")
        self.refused_saying(["cast", name, name, "--format", "e5m2", "-o", "out"], name)
        self.assertEqual(self.files(), [name])

    def test_blocks_write_their_scales(self):
        # Blocks of two along the last axis of [2, 3]: X = 2^(floor(log2 amax) - 2) in e2m1.
        dtype, _, data = f32(4.0, 1.0, 8.0, 0.0, -0.0, -16.0)
        name = self.write("t", {"grad_output": (dtype, [2, 3], data)})
        tensors = self.cast(name, "--format", "e2m1fn", "--scale", "mx:2", "--as", "values")
        self.assertEqual(tensors["grad_output.scale_e8m0"], ("U8", [2, 2], bytes([127, 128, 127, 129])))
        self.assertEqual(tensors["grad_output.scale"][1], [2, 2])
        self.assertEqual(floats(tensors["grad_output.scale"]), [1.0, 0.5, 1.0, 0.25])
        self.assertEqual(tensors["grad_output"], (dtype, [2, 3], data))
        # Along the first axis: columns {4, 0}, {1, -0}, {8, -16}.
        tensors = self.cast(name, "--format", "e2m1fn", "--scale", "mx:2", "--axis", "0")
        self.assertEqual(tensors["grad_output.scale_e8m0"], ("U8", [1, 3], bytes([127, 125, 129])))
        self.assertEqual(tensors["grad_output"], ("U8", [2, 3], bytes([6, 6, 4, 0, 8, 0xe])))
        self.assertEqual(self.read("out")[1]["cast_scale"], "mx:2:floor")
        self.assertEqual(self.read("out")[1]["cast_axis"], "0")
        tensors = self.cast(name, "--format", "e2m1fn", "--scale", "nvfp4:3")
        self.assertEqual(set(tensors), {"grad_output", *("grad_output." + suffix for suffix in
                                                         ("scale", "scale_e4m3", "tensor_scale"))})

    def test_blocks_saturate_what_is_finite(self):
        name = self.write("t", {"grad_output": f32(1.9, 1.0, math.inf)})
        tensors = self.cast(name, "--format", "e4m3fn", "--scale", "mx")
        self.assertEqual(tensors["grad_output"][2], bytes([0x7e, 0x78, 0x7f]))
        row = self.rows("cast", name, "--format", "e4m3fn", "--scale", "mx", "-o", "out")[0]
        self.assertEqual((row["scale"], row["above_max"], row["nans"]), ("nan", "1", "1"))

    def test_blocks_depend_neither_on_threads_nor_on_slices(self):
        values = f32(*[self.random.gauss(0, 1) for _ in range(700_003)])
        name = self.write("t", {"grad_output": values})
        for scale in ("mx:37", "nvfp4", "mx:500000"):
            options = ["--format", "e4m3fn", "--round", "sr", "--scale", scale]
            one = self.cast(name, *options, "--threads", "1")
            self.assertEqual(self.cast(name, *options, "--threads", "5"), one)

    def test_expected_max_says_what_it_wastes_once(self):
        name = self.write_gradients()
        done = self.run_program("cast", name, "--format", "e5m2", "--scale", "expected-max", "-o", "out")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(done.stderr.count("6.5 binades"), 1)
        self.good("cast", name, "--format", "e5m2", "--scale", "expected-max", "-o", "out", "--quiet")

    def test_loss_scaling_names_the_steps_it_skips(self):
        name = self.write("t", {f"step{s}/l/grad_output": f32(x) for s, x in ((2, 4.0), (10, 1e9), (3, 1.0))})
        done = self.run_program("cast", name, "--format", "e5m2", "--scale", "loss-scaling:1024:1", "-o", "out")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertRegex(done.stderr, r"overflow: 10\n")
        tensors = self.read("out")[0]
        self.assertEqual([floats(tensors[f"step{s}/l/grad_output.scale"]) for s in (2, 3, 10)],
                         [[1024.0], [2048.0], [4096.0]])

    def test_bad_scalings(self):
        dtype, _, data = f32(1.0, 2.0)
        name = self.write("t", {"grad_output": (dtype, [2, 1], data)})
        base = ["cast", name, "--format", "e4m3fn", "-o", "out"]
        self.refused_saying([*base, "--scale", "mx:0"], "'mx:0'", "block size", "expected 1 to 1099511627776")
        self.refused_saying([*base, "--scale", "mx:32:up"], "'up'", "floor")
        self.refused_saying([*base, "--scale", "mx", "--axis", "2"], "t: ", "'grad_output'", "axis 2", "-2 to 1")
        self.refused_saying([*base, "--scale", "mx", "--axis", "last"], "--axis", "'last'")
        self.refused_saying([*base, "--scale", "loss-scaling"], "'grad_output'", "no step")
        self.refused_saying(["cast", name, "--format", "bf16", "-o", "out", "--scale", "nvfp4"], "nvfp4", "mx")
        self.assertEqual(self.files(), ["t"])

    def test_scale_that_collides_with_a_tensor(self):
        name = self.write("t", {"grad_output": f32(1.0), "grad_output.scale": f32(1.0)})
        self.refused_saying(["cast", name, "--format", "e5m2", "--scale", "amax", "-o", "out"],
                            "'grad_output.scale'", "--tensors")


if __name__ == "__main__":
    harness.main()
