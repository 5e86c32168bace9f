"""The verb `synth`. The distributions are tests/models/synth's question, the networks' shapes those
of tests/traces/networks; here the trace as a whole."""
import json
import math
import resource
import struct

import harness

SMALL = ["--network", "resnet18", "--image", "32", "--layers", "layer1.*"]


class Synth(harness.CommandTest):
    def synth(self, *arguments, name="s.safetensors"):
        self.good("synth", *arguments, "-o", name, "--quiet")
        return name

    def bytes_of(self, name):
        return (self.folder / name).read_bytes()

    def test_a_trace_of_names_shapes_and_geometry(self):
        name = self.synth("--network", "resnet18", "--image", "64", "--batch", "2", "--layers", "layer2.0.*",
                          "--steps", "3,10")
        tensors, metadata = self.read(name)
        self.assertEqual(
            {key: value[1] for key, value in tensors.items() if "step3/" in key},
            {"step3/layer2.0.conv1/grad_output": [2, 128, 8, 8], "step3/layer2.0.conv1/input": [2, 64, 16, 16],
             "step3/layer2.0.conv1/weight": [128, 64, 3, 3], "step3/layer2.0.conv2/grad_output": [2, 128, 8, 8],
             "step3/layer2.0.conv2/input": [2, 128, 8, 8], "step3/layer2.0.conv2/weight": [128, 128, 3, 3],
             "step3/layer2.0.downsample.0/grad_output": [2, 128, 8, 8],
             "step3/layer2.0.downsample.0/input": [2, 64, 16, 16],
             "step3/layer2.0.downsample.0/weight": [128, 64, 1, 1]})
        self.assertEqual(len(tensors), 18)
        layers = json.loads(metadata["layers"])
        self.assertEqual(layers["layer2.0.conv1"], {"op": "conv2d", "stride": [2, 2], "padding": [1, 1],
                                                    "dilation": [1, 1], "groups": 1})
        self.assertEqual((metadata["model"], metadata["dataset"], metadata["batch"]), ("resnet18", "synthetic", "2"))

    def test_every_network_replays(self):
        for network, layers, options in (
                ("resnet18", "fc", ["--image", "32"]), ("resnet50", "layer4.0.conv2", ["--image", "32"]),
                ("vgg16", "features.0", ["--image", "32"]), ("densenet121", "features.conv0", ["--image", "32"]),
                ("mobilenet_v2", "features.1.conv.0.0", ["--image", "32"]),
                ("bert_base", "encoder.layer.3.attention.self.key", ["--sequence", "4"]),
                ("gpt2", "transformer.h.0.attn.c_proj", ["--sequence", "4"])):
            name = self.synth("--network", network, "--layers", layers, *options, name=network)
            rows = self.rows("replay", name, "--quiet")
            self.assertGreater(len(rows), 0, network)
            self.assertEqual({row["layer"] for row in rows}, {layers})

    def test_the_seed_decides_and_threads_and_selection_do_not(self):
        one = self.synth(*SMALL, "--threads", "1", name="one")
        self.synth(*SMALL, "--threads", "3", name="three")
        self.assertEqual(self.bytes_of(one), self.bytes_of("three"))
        self.synth(*SMALL, "--seed", "1", name="other")
        self.assertNotEqual(self.bytes_of(one), self.bytes_of("other"))
        self.synth("--network", "resnet18", "--image", "32", "--layers", "layer1.1.conv2", "--parts", "grad_output",
                   name="part")
        tensor = "step0/layer1.1.conv2/grad_output"
        self.assertEqual(self.read("part")[0][tensor], self.read(one)[0][tensor])

    def test_fit_finds_the_gradients_that_were_asked_for(self):
        # 36,864 elements of each tensor and more. Means to 7 standard errors, distances to D sqrt(n) < 3.6
        # (2 exp(-2 3.6^2) = 1e-11 with known parameters, less with fitted ones).
        for distribution, mu, sigma, column in (("lognormal", -7.0, 1.5, "ks_lognormal"),
                                                ("normal", 0.0, 0.01, "ks_normal"),
                                                ("laplace", 0.0, 0.01, "ks_laplace")):
            name = self.synth("--network", "resnet18", "--image", "64", "--layers", "layer1.0.*", "--zeros", "0.25",
                              "--distribution", distribution, "--mu", mu, "--sigma", sigma, name=distribution)
            for row in self.json_rows("fit", name, "--quiet"):
                n = row["numel"] - row["zeros"]
                self.assertLess(abs(row["zeros"] / row["numel"] - 0.25), 7 * math.sqrt(0.1875 / row["numel"]))
                self.assertLess(row[column] * math.sqrt(n), 3.6)
                if distribution == "lognormal":
                    self.assertLess(abs(row["mu_ln"] - mu), 7 * sigma / math.sqrt(n))
                    self.assertLess(abs(row["sigma_ln"] - sigma), 7 * sigma / math.sqrt(2 * n))
                if distribution == "laplace":
                    self.assertGreater(row["ks_normal"] * math.sqrt(n), 3.6)

    def test_mixed_takes_the_three_laws_in_turn_with_one_median(self):
        name = self.synth("--network", "resnet18", "--image", "64", "--layers", "layer1.*", "--distribution", "mixed",
                          "--mu", "-5", "--sigma", "1", "--parts", "grad_output")
        tensors, _ = self.read(name)
        best = []
        for row in self.json_rows("fit", name, "--quiet"):
            best.append(min(("lognormal", "laplace", "normal"), key=lambda law: row[f"ks_{law}"]))
            magnitudes = sorted(abs(x) for x in harness.floats(tensors[row["tensor"]]))
            # The median's standard error is at most exp(-5) 1.26/sqrt(n) for these laws: 8 of them.
            self.assertLess(abs(magnitudes[len(magnitudes) // 2] * math.exp(5) - 1), 10 / math.sqrt(len(magnitudes)))
        self.assertEqual(best, ["laplace", "normal", "lognormal", "laplace"])  # layers 1 to 4 of the network

    def test_activations_are_half_zero_behind_a_relu_and_weights_have_he_variance(self):
        tensors, _ = self.read(self.synth("--network", "resnet18", "--image", "64", "--layers", "layer1.0.conv1"))
        inputs = harness.floats(tensors["step0/layer1.0.conv1/input"])
        self.assertGreaterEqual(min(inputs), 0)
        self.assertAlmostEqual(inputs.count(0) / len(inputs), 0.5, delta=7 * 0.5 / math.sqrt(len(inputs)))
        weights = harness.floats(tensors["step0/layer1.0.conv1/weight"])
        variance = sum(w * w for w in weights) / len(weights)
        self.assertAlmostEqual(variance * 576 / 2, 1, delta=7 * math.sqrt(2 / len(weights)))

    def test_narrow_types_are_the_rounded_values(self):
        exact, _ = self.read(self.synth(*SMALL, "--parts", "grad_output", name="f32"))
        for dtype, code, narrow in (("f16", "e", None), ("bf16", None, 16)):
            tensors, _ = self.read(self.synth(*SMALL, "--parts", "grad_output", "--dtype", dtype, name=dtype))
            for name, (stored_type, _, data) in tensors.items():
                self.assertEqual(stored_type, dtype.upper())
                values = harness.floats(exact[name])
                if narrow is None:
                    expected = struct.pack(f"<{len(values)}{code}", *values)
                else:
                    expected = b"".join(struct.pack("<H", round_to_bf16(x)) for x in values)
                self.assertEqual(data, expected)

    def test_memory_does_not_grow_with_the_trace(self):
        # 28 MB of data memory for a trace of 64 MB; one thread, as stacks count.
        limit = 28 * 2**20
        done = self.run_program("synth", "--network", "resnet18", "--parts", "weight,grad_output", "--batch", "2", "-o",
                                "big", "--threads", "1", "--quiet",
                                preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_DATA, (limit, limit)))
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertGreater((self.folder / "big").stat().st_size, 2 * limit)

    def test_without_a_file_the_table_alone(self):
        rows = self.rows("synth", "--network", "gpt2", "--batch", "4", "--parts", "weight,grad_output")
        self.assertEqual(len(rows), 98)
        self.assertEqual((rows[-1]["tensor"], rows[-1]["shape"], rows[-1]["numel"]),
                         ("step0/lm_head/grad_output", "4x128x50257", str(4 * 128 * 50257)))
        self.assertEqual(self.files(), [])

    def test_bad_usage_says_what_would_be_right(self):
        for arguments, words in (
                ([], ("--network", "required")),
                (["--network", "resnet34"], ("'resnet34'", "resnet18")),
                (["--network", "resnet18", "--layers", "layer9*"], ("'layer9*'", "none", "layer")),
                (["--network", "resnet18", "--batch", "0"], ("--batch", "'0'")),
                (["--network", "gpt2", "--sequence", "2000"], ("--sequence", "1024")),
                (["--network", "resnet18", "--distribution", "cauchy"], ("cauchy", "lognormal, laplace")),
                (["--network", "resnet18", "--zeros", "1.5"], ("--zeros", "1.5")),
                (["--network", "resnet18", "--sigma", "-1"], ("--sigma", "-1")),
                (["--network", "resnet18", "--sigma", "11"], ("--sigma", "11")),
                (["--network", "resnet18", "--dtype", "f64"], ("f64", "bf16")),
                (["--network", "resnet18", "--parts", "bias"], ("bias", "grad_output")),
                (["--network", "resnet18", "--steps", "1,1"], ("twice", "--steps")),
                (["--network", "resnet18", "--steps", "-1"], ("--steps", "-1")),
                (["--network", "resnet18", "-o", "missing/folder"], ("missing/folder",))):
            self.refused_saying(["synth", *arguments], *words)


def round_to_bf16(x):
    bits = struct.unpack("<I", struct.pack("<f", x))[0]
    return (bits + 0x7FFF + ((bits >> 16) & 1)) >> 16


class Room(harness.CommandTest):
    def test_a_trace_larger_than_the_disk_is_refused_before_anything_is_written(self):
        self.refused_saying(["synth", "--network", "vgg16", "--batch", str(2**20), "-o", "big"],
                            "big: needs", "MiB free", str(self.folder.resolve()), "another disk")
        self.assertEqual(self.files(), [])
        self.good("synth", "--network", "vgg16", "--layers", "*.0", "--batch", "1", "--image", "32",
                  "-o", "small")


if __name__ == "__main__":
    harness.main()
