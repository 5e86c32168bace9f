"""Shapes and geometry whose products no machine holds: one line that names file, tensor and field,
at once, from `replay` and from `replay --timing-only` alike."""
import json
import math
import resource
import struct

import harness

BIG = 1 << 30
GIGABYTE = 1 << 30


def zeros(*shape):
    return ("F32", list(shape), bytes(4 * math.prod(shape)))


def ones(*shape):
    return ("F32", list(shape), struct.pack("<f", 1.0) * math.prod(shape))


class Geometry(harness.CommandTest):
    def layer(self, tensors, geometry):
        return self.write("t", {f"step0/l/{part}": tensor for part, tensor in tensors.items()},
                          {"layers": json.dumps({"l": geometry})})

    def refused_alike(self, name, *words):
        """Refused in the same words with and without values, in 4 GB."""
        lines = set()
        for more in ([], ["--timing-only"]):
            done = self.run_program("replay", name, *more, preexec_fn=lambda: resource.setrlimit(
                resource.RLIMIT_AS, (4 * GIGABYTE, 4 * GIGABYTE)))
            self.assertEqual((done.returncode, done.stdout), (2, ""), done.stderr)
            self.assertRegex(done.stderr, r"\Agradpath: [^\n]+\n\Z")
            lines.add(done.stderr)
        self.assertEqual(len(lines), 1, lines)
        for word in ("t: ", *words):
            self.assertIn(word, done.stderr)
        self.assertNotIn("internal error", done.stderr)

    def test_a_derived_input_beyond_all_memory(self):
        for geometry in ({"stride": BIG}, {"stride": [1, BIG]}, {"stride": BIG, "dilation": BIG - 1},
                         {"dilation": BIG, "stride": BIG}, {"stride": BIG // 2}, {"stride": [BIG // 3 + 9, 7]}):
            name = self.layer({"grad_output": ones(1, 1, 4, 4), "weight": ones(1, 1, 2, 2)},
                              {"op": "conv2d", **geometry})
            self.refused_alike(name, "step0/l/grad_output", "stride", "2^30")
        # Each extent is possible, their product is not.
        name = self.layer({"grad_output": ones(1, 1, 4, 4), "weight": ones(1, 1, 2, 2)},
                          {"op": "conv2d", "stride": 100_000_000})
        self.refused_alike(name, "step0/l/grad_output", "2^48")
        name = self.layer({"grad_output": ones(1, 1, 1, 2), "weight": ones(1, 1, 1, 1)},
                          {"op": "conv2d", "padding": [0, 50]})
        self.refused_alike(name, "step0/l/grad_output", "padding", "less than 1")

    def test_values_beyond_memory_are_refused_and_their_time_is_not(self):
        # 2^18 x 2^18 values are 256 GB, from two tensors of 1 MB.
        name = self.layer({"grad_output": ones(1 << 18, 1), "weight": ones(1, 1 << 18)}, {"op": "linear"})
        done = self.run_program("replay", name, "--quiet", preexec_fn=lambda: resource.setrlimit(
            resource.RLIMIT_AS, (4 * GIGABYTE, 4 * GIGABYTE)))
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"\Agradpath: t: tensor 'step0/l/grad_output': [^\n]*memory[^\n]*\n\Z")

    def test_products_beyond_64_bits(self):
        wide = self.layer({"grad_output": zeros(1 << 25, 1), "weight": zeros(1, 1 << 25)}, {"op": "linear"})
        self.refused_alike(wide, "step0/l/grad_output", "2^48")

    def test_tensors_that_hold_nothing(self):
        full = {"grad_output": ones(1, 2, 1, 1), "weight": ones(2, 1, 1, 1), "input": ones(1, 1, 1, 1)}
        for part, shape in (("weight", (2, 0, 1, 1)), ("input", (1, 0, 1, 1)), ("input", (1, 1, 0, 0))):
            geometry = {"op": "conv2d"} if shape != (1, 1, 0, 0) else {"op": "conv2d", "padding": 1}
            for left_out in ({}, {"input"}, {"weight"}):
                if part in left_out:
                    continue
                tensors = {**full, part: zeros(*shape)}
                if shape == (1, 1, 0, 0):
                    tensors["grad_output"] = ones(1, 2, 2, 2)
                name = self.layer({k: v for k, v in tensors.items() if k not in left_out}, geometry)
                self.refused_alike(name, "step0/l/")
        for part, shape in (("weight", (3, 0)), ("input", (2, 0))):
            tensors = {"grad_output": ones(2, 3), "weight": ones(3, 4), "input": ones(2, 4)}
            tensors[part] = zeros(*shape)
            self.refused_alike(self.layer(tensors, {"op": "linear"}), "step0/l/")

    def test_dimensions_beside_a_zero(self):
        for shape in ([0, 1 << 40, 1 << 40], [1 << 62, 0], [0, 1 << 31, 1 << 31]):
            self.write("t", {"step0/l/grad_output": ("F32", shape, b"")})
            for verb in (["fit", "t"], ["profile", "t", "--blocks", "4", "--axis", "0"],
                         ["sweep", "t", "--formats", "e4m3fn", "--scale", "mx:32", "--axis", "0"]):
                done = self.run_program(*verb)
                self.assertIn(done.returncode, (0, 2), (shape, verb, done.stderr))
                self.assertNotIn("internal error", done.stderr)

    def test_numbers_that_are_none(self):
        for text in ("1e400", "-1e999", "[1,1e400]", "1e309", "123456789012345678901234567890e5000"):
            for field in ("stride", "padding", "dilation", "groups", "other"):
                self.write("t", {"step0/l/grad_output": ones(1, 1, 1, 1)},
                           {"layers": '{"l":{"op":"conv2d","%s":%s}}' % (field, text)})
                self.refused_alike("t", "'l'", field)

    def test_machines_beyond_all_size(self):
        name = self.layer({"grad_output": ones(4, 4), "weight": ones(4, 4)}, {"op": "linear"})
        for array in ("1000000x1000000", "4294967295x4294967295", "4097x1", "0x4", "18446744073709551617x1"):
            self.refused_saying(["replay", name, "--array", array], "--array")
        for option in ("lanes", "burst-beats", "fifo-depth", "dram-burst-bytes", "gradient-buffer-bytes"):
            for value in ("0", "9999999999999", "18446744073709551615", "1e30", "-1"):
                self.refused_saying(["replay", name, f"--{option}={value}"], f"--{option}")

    def test_networks_beyond_all_size(self):
        for batch in ("0", "18446744073709551615", "9223372036854775807", "4294967296", "1e9", "-3"):
            self.refused_saying(["synth", "--network", "resnet18", "--batch", batch, "-o", "x"], "--batch")


if __name__ == "__main__":
    harness.main()
