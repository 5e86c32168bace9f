"""Claims about the training program train.py, run on tiny data made here."""

import contextlib
import hashlib
import io
import json
import os
import pickle
import signal
import subprocess
import sys
import tarfile
import tempfile
import unittest
from pathlib import Path

from support import SCRIPTS, import_error, needs_torch, parse

try:
    from PIL import Image
except ImportError:
    Image = None

if not import_error:
    import numpy as np
    import torch

    import data
    import train

CLASSES = ("cat", "dog", "ship")
TINY = ["--model", "resnet18", "--width", "4", "--batch", "4", "--quiet"]


def make_images(folder):
    """Twelve JPEGs in train/<class>/, and one in test/ that must not be taken."""
    rng = np.random.default_rng(0)
    for name in CLASSES:
        for number in range(4):
            file = folder / "train" / name / f"{number:04}.jpg"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)).save(file)
    (folder / "test" / "cat").mkdir(parents=True)
    Image.new("RGB", (32, 32)).save(folder / "test" / "cat" / "0000.jpg")


class TrainTestCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.trace = self.folder / "out" / "trace.safetensors"
        self.trace.parent.mkdir()

    def run_train(self, *argv):
        """(exit code, stdout, stderr)"""
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                code = train.main([str(a) for a in argv])
            except SystemExit as stop:
                code = stop.code
        return code, out.getvalue(), err.getvalue()

    def succeed(self, *argv):
        code, out, err = self.run_train(*argv)
        self.assertEqual(code, 0, err)
        return out

    def outputs(self):
        return sorted(f.name for f in self.trace.parent.iterdir())

    def text(self):
        path = self.folder / "text.txt"
        path.write_text("to be, or not to be: that is the question.\n" * 20)
        return path


@needs_torch
@unittest.skipIf(Image is None, "Pillow is not installed")
class CifarTraining(TrainTestCase):
    def setUp(self):
        super().setUp()
        self.images = self.folder / "images"
        make_images(self.images)

    def test_writes_trace_and_provenance(self):
        out = self.succeed(*TINY, "--data", self.images, "--steps", 3, "--capture", "0,last",
                           "--samples", 2, "--seed", 5, "--layers", "conv1,layer2.0.*,fc",
                           "--dtype", "bf16", "-o", self.trace)
        metadata, tensors = parse(self.trace)
        self.assertEqual(len(tensors), 2 * 5 * 3)
        self.assertEqual(tensors["step2/layer2.0.downsample.0/weight"][:2], ("BF16", [8, 4, 1, 1]))
        self.assertEqual(tensors["step0/conv1/input"][1], [2, 3, 32, 32])
        self.assertEqual((metadata["batch"], metadata["seed"], metadata["dataset"]),
                         ("4", "5", "cifar10-jpg"))
        self.assertEqual(json.loads(metadata["layers"])["layer2.0.conv1"]["stride"], [2, 2])
        self.assertIn("30 tensors", out)
        self.assertEqual(self.outputs(), ["trace.json", "trace.safetensors"])
        content = json.loads(self.trace.with_suffix(".json").read_text())
        self.assertEqual(content["trace"], {
            "file": "trace.safetensors", "bytes": self.trace.stat().st_size,
            "sha256": hashlib.sha256(self.trace.read_bytes()).hexdigest()})
        losses = dict(content["loss_curve"]["points"])
        self.assertEqual(len(losses), 3)
        self.assertAlmostEqual(losses[2], json.loads(metadata["loss"])["2"], 3)
        self.assertEqual((content["device"], content["seed"], content["steps_trained"]),
                         ("cuda" if torch.cuda.is_available() else "cpu", 5, 3))
        for name, facts in content["tensors"].items():
            values = tensors[name][2]
            self.assertEqual((facts["zeros"], facts["nonfinite"], facts["abs_max"]),
                             (int((values == 0).sum()), 0, float(np.abs(values).max())))
        self.assertNotIn(str(self.folder), json.dumps(content))
        self.assertIn("--data images", content["command"])

    def test_is_the_same_from_folder_and_tar_and_again(self):
        tar = self.folder / "images.tar.xz"
        with tarfile.open(tar, "w:xz") as archive:
            archive.add(self.images, ".")
        traces = []
        for source in (self.images, tar, self.images):
            self.succeed(*TINY, "--data", source, "--steps", 4, "-o", self.trace)
            traces.append(parse(self.trace)[1])
        for other in traces[1:]:
            self.assertEqual(set(traces[0]), set(other))
            for name, (_, _, values) in traces[0].items():
                np.testing.assert_array_equal(values, other[name][2], err_msg=name)

    def test_of_a_truncated_tar_is_refused(self):
        tar = self.folder / "images.tar.xz"
        with tarfile.open(tar, "w:xz") as archive:
            archive.add(self.images, ".")
        tar.write_bytes(tar.read_bytes()[:-1000])
        self.fails("images.tar.xz: not a readable tar file", *TINY, "--data", tar, "-o",
                   self.trace)

    def test_does_not_depend_on_what_is_captured(self):
        losses = []
        for capture in ("3", "0,1,2,3"):
            self.succeed(*TINY, "--data", self.images, "--steps", 4, "--capture", capture,
                         "-o", self.trace)
            losses.append(json.loads(self.trace.with_suffix(".json").read_text())["loss_curve"])
        self.assertEqual(losses[0], losses[1])

    def test_reads_torchvision_s_batches(self):
        folder = self.folder / "cifar-10-batches-py"
        folder.mkdir()
        rng = np.random.default_rng(1)
        pixels = rng.integers(0, 256, (10, 3072), dtype=np.uint8)
        for number in range(5):
            part = slice(2 * number, 2 * number + 2)
            (folder / f"data_batch_{number + 1}").write_bytes(pickle.dumps(
                {b"data": pixels[part], b"labels": [number, 9 - number]}, protocol=2))
        for path in (folder, self.folder):
            images = data.load_cifar10(path)
            self.assertEqual(images.labels.tolist(), [0, 9, 1, 8, 2, 7, 3, 6, 4, 5])
            self.assertEqual(images._image(7)[3, 2, 1], pixels[7, 1024 + 3 * 32 + 2])
        self.succeed(*TINY, "--data", folder, "--steps", 2, "-o", self.trace)

        class Evil:
            def __reduce__(self):
                return os.mkdir, (str(self.target),)
        Evil.target = self.folder / "made"
        (folder / "data_batch_2").write_bytes(pickle.dumps(Evil()))
        code, _, err = self.run_train(*TINY, "--data", folder, "-o", self.trace)
        self.assertEqual((code, err.count("\n")), (2, 1))
        self.assertIn("data_batch_2: not a batch", err)
        self.assertFalse(Evil.target.exists())

    def test_batches_are_crops_and_mirrors_in_a_reproducible_order(self):
        images = data.load_cifar10(self.images)
        self.assertEqual(images.labels.tolist(), [0] * 4 + [1] * 4 + [2] * 4)
        for step in (0, 2, 3):  # three batches of four an epoch
            x, labels = images.batch(step, 4, seed=1)
            again, _ = images.batch(step, 4, seed=1)
            self.assertTrue(torch.equal(x, again))
            self.assertEqual((x.dtype, x.shape), (torch.float32, (4, 3, 32, 32)))
            for image, label in zip(x, labels.tolist()):
                self.assertTrue(any(self.is_crop(image, images._image(4 * label + n))
                                    for n in range(4)))
        epoch = torch.cat([images.batch(step, 4, seed=1)[1] for step in range(3)])
        self.assertEqual(sorted(epoch.tolist()), images.labels.tolist())
        self.assertFalse(torch.equal(images.batch(0, 4, 1)[0], images.batch(0, 4, 2)[0]))

    @staticmethod
    def is_crop(image, pixels):
        mean, std = np.array(data._CIFAR_MEAN), np.array(data._CIFAR_STD)
        padded = np.pad((pixels / 255.0 - mean) / std, ((4, 4), (4, 4), (0, 0)))
        image = image.permute(1, 2, 0).numpy()
        return any(np.allclose(image, padded[y:y + 32, x:x + 32][:, ::mirror], atol=1e-5)
                   for y in range(9) for x in range(9) for mirror in (1, -1))

    def test_other_networks_amp_and_loss_scale(self):
        self.succeed("--model", "densenet", "--data", self.images, "--batch", 4, "--steps", 1,
                     "--amp", "bf16", "--loss-scale", 1024, "--samples", 1, "--quiet",
                     "--tensors", "grad_output", "-o", self.trace)
        metadata, tensors = parse(self.trace)
        self.assertEqual(metadata["loss_scale"], "1024")
        self.assertEqual(len(tensors), 40)
        self.assertEqual({dtype for dtype, _, _ in tensors.values()}, {"BF16"})
        self.succeed("--model", "vgg11", "--data", self.images, "--batch", 4, "--steps", 1,
                     "--layers", "features.0,classifier.*", "--samples", 1, "--quiet",
                     "--tensors", "grad_output", "-o", self.trace)
        self.assertEqual(sorted(parse(self.trace)[1]), [
            f"step0/{n}/grad_output" for n in ("classifier.0", "classifier.3", "features.0")])

    def test_a_power_of_two_loss_scale_scales_the_gradients_alone(self):
        traces = []
        for scale in (1, 256):
            self.succeed(*TINY, "--data", self.images, "--steps", 3, "--loss-scale", scale,
                         "--layers", "fc", "-o", self.trace)
            traces.append(parse(self.trace)[1])
        for step in (0, 2):
            np.testing.assert_array_equal(256 * traces[0][f"step{step}/fc/grad_output"][2],
                                          traces[1][f"step{step}/fc/grad_output"][2])
            np.testing.assert_array_equal(traces[0][f"step{step}/fc/weight"][2],
                                          traces[1][f"step{step}/fc/weight"][2])

    def fails(self, pattern, *argv):
        code, out, err = self.run_train(*argv)
        self.assertEqual((code, out, err.count("\n")), (2, "", 1), err)
        self.assertRegex(err, "^train.py: error: .*" + pattern)
        self.assertEqual(self.outputs(), [])

    def test_bad_input_is_one_line_and_exit_code_2(self):
        good = [*TINY, "--data", self.images, "--steps", 3, "-o", self.trace]
        self.fails("unknown model 'resnet19', nearest is 'resnet18'", *good, "--model", "resnet19")
        self.fails("none: no such file or folder; give CIFAR-10", *good, "--data",
                   self.folder / "none")
        self.fails("holds neither train", *good, "--data", self.trace.parent)
        self.fails("not a readable tar file", *good, "--data", self.text())
        self.fails(r"'nope\*' matches none of the model's layers: conv1, layer1.0.conv1", *good,
                   "--layers", "fc,nope*")
        self.fails("--capture 3: the training has steps 0 to 2", *good, "--capture", "0,3")
        self.fails("--capture 'x'", *good, "--capture", "x")
        self.fails("'12QB' is not a size", *good, "--max-size", "12QB")
        self.fails("the trace would take .* maximum size is 10.0 KiB", *good, "--max-size",
                   "10KiB")
        self.fails("weights given; choose from", *good, "--tensors", "weights")
        self.fails("batch 64 is larger than the data set", *good, "--batch", "64")
        self.fails("neither a number above 0 nor 'dynamic'", *good, "--loss-scale", "-1")
        self.fails("vgg11 has no width", *good, "--model", "vgg11")
        self.fails("cannot write here", *good, "-o", self.folder / "none" / "x.safetensors")
        self.fails("unrecognized arguments: --step5", *good, "--step5")
        if not torch.cuda.is_available():
            self.fails("finds no GPU", *good, "--device", "cuda")
            self.fails("--amp fp16: needs a GPU", *good, "--amp", "fp16")
            self.fails("--loss-scale dynamic: needs a GPU", *good, "--loss-scale", "dynamic")

    def test_interrupted_leaves_no_file(self):
        for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143)):
            child = subprocess.Popen(
                [sys.executable, SCRIPTS / "train.py", "--model", "resnet18", "--width", "4",
                 "--data", self.images, "--batch", "4", "--steps", "1000000", "--threads", "1",
                 "--capture", "0,999999", "--log-every", "1", "-o", self.trace],
                stderr=subprocess.PIPE, text=True)
            with child:
                while "step 0:" not in child.stderr.readline():
                    self.assertIsNone(child.poll())
                self.assertEqual(len(self.outputs()), 1)
                child.send_signal(number)
                child.communicate(timeout=30)
                self.assertEqual(child.returncode, code)
            self.assertEqual(self.outputs(), [])


@needs_torch
class TextTraining(TrainTestCase):
    def test_captures_the_transformer(self):
        self.succeed("--model", "transformer", "--data", self.text(), "--batch", 4, "--context", 8,
                     "--width", 16, "--steps", 2, "--capture", "last", "--samples", 2, "--quiet",
                     "--provenance", "none", "-o", self.trace)
        metadata, tensors = parse(self.trace)
        self.assertEqual(len(tensors), 17 * 3)
        self.assertEqual(tensors["step1/blocks.3.attn.qkv/grad_output"][1], [2, 8, 48])
        self.assertEqual(tensors["step1/blocks.0.mlp.fc2/input"][1], [2, 8, 64])
        self.assertEqual(json.loads(metadata["layers"])["blocks.1.attn.proj"], {"op": "linear"})
        self.assertEqual(metadata["dataset"], "text")
        self.assertEqual(self.outputs(), ["trace.safetensors"])

    def test_targets_are_the_next_characters(self):
        text = data.CharText(self.text())
        inputs, targets = text.batch(3, 5, seed=0, context=10)
        self.assertTrue(torch.equal(inputs[:, 1:], targets[:, :-1]))
        whole = "".join(text.vocabulary[t] for t in [*inputs[0].tolist(), targets[0, -1]])
        self.assertIn(whole, self.text().read_text())

    def test_a_model_cannot_see_the_future(self):
        import models
        torch.manual_seed(0)
        model = models.CharTransformer(9, 12, 16)
        tokens = torch.randint(0, 9, (1, 12))
        other = tokens.clone()
        other[0, 7:] = (other[0, 7:] + 1) % 9
        a, b = model(tokens), model(other)
        self.assertTrue(torch.allclose(a[:, :7], b[:, :7], atol=1e-6))
        self.assertFalse(torch.allclose(a[:, 7:], b[:, 7:], atol=1e-3))

    def test_help_teaches_with_two_examples(self):
        code, out, _ = self.run_train("--help")
        self.assertEqual(code, 0)
        self.assertEqual(out.count("    scripts/capture/train.py --model"), 2)


@needs_torch
class LearningRate(unittest.TestCase):
    def test_rises_then_falls_and_never_is_zero(self):
        rates = [train.learning_rate_factor("linear", s, 100) for s in range(100)]
        self.assertEqual(max(rates), rates[4])
        self.assertEqual(rates[:5], sorted(rates[:5]))
        self.assertEqual(rates[4:], sorted(rates[4:], reverse=True))
        self.assertGreater(min(rates), 0)
        self.assertLessEqual(max(rates), 1)


if __name__ == "__main__":
    unittest.main()
