"""Claims about gradpath_capture.Capture."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import unittest
import unittest.mock
import warnings
from contextlib import nullcontext
from pathlib import Path

from support import SCRIPTS, import_error, needs_torch, parse

if not import_error:
    import numpy as np
    import torch
    from torch import nn
    from torch.nn import functional as F

    import models
    from gradpath_capture import Capture, CaptureError, SafetensorsWriter, read_safetensors
    from support import NETS, InPlaceNet, SharedNet

STEPS = 4


class CaptureTestCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = Path(folder.name)
        self.path = self.folder / "trace.safetensors"
        if not import_error:
            torch.manual_seed(1)

    def files(self):
        return sorted(f.name for f in self.folder.iterdir())

    def backward(self, capture, step, model, x, scale=1.0):
        """One captured step with the loss sum(y^2); returns the loss."""
        with capture.step(step, scale):
            loss = model(x).pow(2).sum()
            (loss * scale).backward()
            capture.record_loss(loss)
        return float(loss.detach())


@needs_torch
class CapturingDoesNotChangeTraining(CaptureTestCase):
    def train(self, net, captured, amp=False, accumulate=1, frozen=(), evaluate=False):
        """Losses and final state of a short training, as bytes."""
        factory, shape, classes = NETS[net]
        torch.manual_seed(3)
        model = factory()
        for name in frozen:
            model.get_submodule(name).requires_grad_(False)
        optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1,
                                    momentum=0.9)
        context = (Capture(model, self.path, steps=range(0, STEPS, 2), dtype="bf16", samples=2,
                           max_bytes=10**6)
                   if captured else nullcontext())
        losses = []
        with context as capture, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for step in range(STEPS):
                with capture.step(step) if capture else nullcontext():
                    optimizer.zero_grad()
                    for _ in range(accumulate):
                        x = torch.randn(6, *shape)
                        target = torch.randint(0, classes, (6,))
                        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=amp):
                            loss = F.cross_entropy(model(x).float(), target) / accumulate
                        loss.backward()
                        losses.append(loss.detach().numpy().tobytes())
                    if capture:
                        capture.record_loss(loss)
                    if evaluate:
                        with torch.no_grad():
                            model(x)
                optimizer.step()
                if evaluate:
                    model.eval()
                    with torch.no_grad():
                        losses.append(model(torch.randn(3, *shape)).numpy().tobytes())
                    model.train()
        if captured:
            self.assertTrue(self.path.exists())
        return losses, {k: v.numpy().tobytes() for k, v in model.state_dict().items()}

    def check(self, net, **options):
        self.assertEqual(self.train(net, True, **options), self.train(net, False, **options))

    def test_in_place_operations_dropout_and_batch_norm(self):
        self.check("in-place")

    def test_in_place_operation_on_a_view(self):
        self.check("sequence")

    def test_convolutions_of_one_dimension_and_transposed_ones(self):
        self.check("signal")
        self.check("signal", amp=True, evaluate=True)

    def test_attention(self):
        linear = F.linear
        self.check("attention")
        self.check("attention", amp=True, accumulate=2)
        self.check("attention", evaluate=True, frozen=["own", "three"])
        self.assertIs(F.linear, linear)

    def test_layer_used_three_times(self):
        self.check("shared")

    def test_frozen_beginning_and_frozen_middle(self):
        self.check("in-place", frozen=["first", "norm"])
        self.check("in-place", frozen=["grouped"])

    def test_evaluation_inside_and_between_steps(self):
        self.check("in-place", evaluate=True)

    def test_gradient_accumulation(self):
        self.check("in-place", accumulate=3)

    def test_bf16_autocast(self):
        self.check("in-place", amp=True)

    def test_hooks_of_the_user_see_the_same(self):
        seen = []
        for captured in (False, True):
            torch.manual_seed(0)
            layer = nn.Linear(3, 2)
            context = Capture(layer, self.path, steps=[0]) if captured else nullcontext()
            with context as capture, capture.step(0) if captured else nullcontext():
                y = layer(torch.ones(4, 3))
                y.mul_(10)
                y.register_hook(lambda g: seen.append(g.clone()))  # behind the in-place operation
                y.sum().backward()
        self.assertTrue(torch.equal(seen[0], seen[1]))

    def test_no_hook_is_left_on_the_model(self):
        model = InPlaceNet()
        with Capture(model, self.path, steps=[0]) as capture:
            self.backward(capture, 0, model, torch.randn(2, 3, 9, 9))
        self.assertTrue(all(not m._forward_hooks for m in model.modules()))


@needs_torch
class CapturedValues(CaptureTestCase):
    def test_equal_an_independent_gradient(self):
        """Zeros added to each layer's result, in a rewritten forward pass without modules,
        have the layer's grad_output as their gradient."""
        model = InPlaceNet().eval()  # eval: no dropout, fixed norm
        x = torch.randn(4, 3, 9, 9)
        with Capture(model, self.path, steps=[7]) as capture:
            self.backward(capture, 7, model, x)
        _, tensors = parse(self.path)

        p = {k: v.detach().double() for k, v in model.state_dict().items()}
        z = {"first": torch.zeros(4, 8, 9, 9), "grouped": torch.zeros(4, 8, 4, 4),
             "wide": torch.zeros(4, 6, 4, 4), "fc": torch.zeros(4, 5)}
        z = {k: v.double().requires_grad_() for k, v in z.items()}
        inputs = {"first": x.double()}
        y = F.conv2d(inputs["first"], p["first.weight"], p["first.bias"], padding=1) + z["first"]
        y = (2 * y - p["norm.running_mean"].view(8, 1, 1)) / torch.sqrt(
            p["norm.running_var"].view(8, 1, 1) + 1e-5)
        inputs["grouped"] = torch.clamp(
            y * p["norm.weight"].view(8, 1, 1) + p["norm.bias"].view(8, 1, 1), min=0)
        y = F.conv2d(inputs["grouped"], p["grouped.weight"], stride=2, groups=4) + z["grouped"]
        inputs["wide"] = torch.clamp(y, min=0)
        y = F.conv2d(inputs["wide"], p["wide.weight"], p["wide.bias"], padding=(2, 0),
                     dilation=(2, 1)) + z["wide"] + 0.5
        inputs["fc"] = y.mean(dim=(2, 3))
        y = inputs["fc"] @ p["fc.weight"].T + p["fc.bias"] + z["fc"]
        expected = torch.autograd.grad(y.pow(2).sum(), list(z.values()))

        self.assertEqual(len(tensors), 12)
        for layer, gradient in zip(z, expected):
            np.testing.assert_allclose(tensors[f"step7/{layer}/grad_output"][2], gradient.numpy(),
                                       rtol=1e-4, atol=1e-5, err_msg=layer)
            np.testing.assert_allclose(tensors[f"step7/{layer}/input"][2],
                                       inputs[layer].detach().numpy(), rtol=1e-4, atol=1e-5)
            np.testing.assert_array_equal(tensors[f"step7/{layer}/weight"][2],
                                          p[f"{layer}.weight"].numpy())

    def check_weight_gradients(self, model, batches):
        """A layer's weight gradient follows from its captured input and grad_output: redone in
        float64 from the trace alone, it must be the one that autograd left on the parameter."""
        with Capture(model, self.path, steps=[0]) as capture, capture.step(0):
            for x, target in batches:
                F.cross_entropy(model(x).flatten(0, -2), target.flatten()).backward()
        metadata, tensors = parse(self.path)
        layers = json.loads(metadata["layers"])
        for layer, geometry in layers.items():
            x = torch.from_numpy(tensors[f"step0/{layer}/input"][2])
            g = torch.from_numpy(tensors[f"step0/{layer}/grad_output"][2])
            w = torch.from_numpy(tensors[f"step0/{layer}/weight"][2]).requires_grad_()
            common = {key: geometry.get(key, 1) for key in ("stride", "dilation", "groups")}
            if geometry["op"] == "linear":
                redone = g.flatten(0, -2).T @ x.flatten(0, -2)
            elif geometry["op"] == "conv2d":
                y = F.conv2d(x, w, None, padding=geometry["padding"], **common)
                (redone,) = torch.autograd.grad(y, w, g)
            else:
                y = F.conv_transpose2d(x, w, None, padding=geometry["padding"],
                                       output_padding=geometry["output_padding"], **common)
                (redone,) = torch.autograd.grad(y, w, g)
            weight, expected = self.parameter(model, layer)
            self.assertEqual(weight.detach().double().flatten().tolist(), w.flatten().tolist())
            error = (redone.flatten() - expected.flatten()).norm() / expected.norm()
            self.assertLess(float(error), 1e-4, layer)
        return layers

    @staticmethod
    def parameter(model, layer):
        """A layer's weight and its gradient, attention's out of what PyTorch packs them into."""
        path, _, part = layer.rpartition(".")
        attention = model.get_submodule(path) if path else None
        if not isinstance(attention, nn.MultiheadAttention) or part == "out_proj":
            weight = model.get_submodule(layer).weight
        elif attention.in_proj_weight is None:
            weight = getattr(attention, f"{part}_weight")
        else:
            third = ("q_proj", "k_proj", "v_proj").index(part)
            packed = attention.in_proj_weight
            return packed.chunk(3)[third], packed.grad.double().chunk(3)[third]
        return weight, weight.grad.double()

    def test_explain_the_weight_gradients_of_every_network(self):
        images, labels = torch.randn(4, 3, 32, 32), torch.randint(0, 10, (4,))
        text = torch.randint(0, 30, (2, 2, 16))
        for model, count, batch in ((models.ResNet18(width=8), 21, (images, labels)),
                                    (models.VGG11(), 10, (images, labels)),
                                    (models.DenseNet(), 40, (images, labels)),
                                    (models.CharTransformer(30, 16, 32), 17, text)):
            with self.subTest(type(model).__name__):
                self.assertEqual(len(self.check_weight_gradients(model, [batch])), count)

    def test_explain_the_weight_gradients_where_outputs_change_in_place(self):
        for net in ("sequence", "in-place", "signal"):
            factory, shape, classes = NETS[net]
            self.check_weight_gradients(
                factory(), [(torch.randn(3, *shape), torch.randint(0, classes, (3,)))])

    def test_explain_the_weight_gradients_of_attention(self):
        factory, shape, classes = NETS["attention"]
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # every projection is captured
            layers = self.check_weight_gradients(
                factory().train(), [(torch.randn(3, *shape), torch.randint(0, classes, (3,)))])
        self.assertEqual(len(layers), 5 * 4 + 1)
        shapes = {name: shape for name, (_, shape, _) in parse(self.path)[1].items()}
        self.assertEqual(shapes["step0/own.q_proj/input"], [3, 7, 8])  # batch, positions, features
        self.assertEqual(shapes["step0/cross.k_proj/grad_output"], [3, 3, 8])
        self.assertEqual(shapes["step0/cross.out_proj/grad_output"], [3, 7, 8])
        self.assertEqual(shapes["step0/sizes.v_proj/weight"], [8, 4])
        self.assertEqual(shapes["step0/alone.out_proj/input"], [1, 7, 8])
        model = factory()
        with Capture(model, self.path, steps=[0], layers=["own.out_proj", "three.k*"],
                     samples=2) as capture:
            self.backward(capture, 0, model, torch.randn(3, *shape))
        self.assertEqual({name: shape for name, (_, shape, _) in parse(self.path)[1].items()
                          if name.endswith("input")},
                         {"step0/own.out_proj/input": [2, 7, 8],
                          "step0/three.k_proj/input": [2, 7, 8]})

    def test_of_micro_batches_explain_the_accumulated_gradient(self):
        factory, shape, classes = NETS["in-place"]
        self.check_weight_gradients(
            factory(), [(torch.randn(n, *shape), torch.randint(0, classes, (n,)))
                        for n in (4, 3)])
        self.assertEqual(parse(self.path)[1]["step0/fc/input"][1], [7, 6])

    def test_of_a_layer_used_thrice_are_joined_in_forward_order(self):
        model, x = SharedNet(), torch.randn(4, 5)
        with Capture(model, self.path, steps=[0], samples=2) as capture:
            self.backward(capture, 0, model, x)
        _, tensors = parse(self.path)
        weight, bias = model.shared.weight.detach(), model.shared.bias.detach()
        values, inputs, outputs = x, [], []
        for _ in range(3):
            inputs.append(values)
            outputs.append((values @ weight.T + bias).requires_grad_())
            values = torch.tanh(outputs[-1])
        gradients = torch.autograd.grad(values.pow(2).sum(), outputs)
        for kind, parts in (("input", inputs), ("grad_output", gradients)):
            self.assertEqual(tensors[f"step0/shared/{kind}"][1], [6, 5])  # 3 uses, 2 samples each
            np.testing.assert_allclose(tensors[f"step0/shared/{kind}"][2],
                                       torch.cat([p[:2] for p in parts]).detach().numpy(),
                                       rtol=1e-5, atol=1e-6)

    def test_leave_out_uses_without_a_gradient(self):
        model, x = SharedNet(), torch.randn(2, 5)
        with Capture(model, self.path, steps=[0]) as capture, capture.step(0):
            with torch.no_grad():
                model(x)
            model(x)  # a graph, but no backward pass
            model(x).sum().backward()
        self.assertEqual(parse(self.path)[1]["step0/shared/grad_output"][1], [6, 5])

    def test_are_the_scaled_ones_with_the_scale_in_the_metadata(self):
        model, x = nn.Sequential(nn.Linear(3, 2)), torch.randn(4, 3)
        loss = None
        for scale in (1.0, 1024.0):
            with Capture(model, self.folder / f"{scale:g}", steps=[0]) as capture:
                loss = self.backward(capture, 0, model, x, scale)
        plain, scaled = parse(self.folder / "1"), parse(self.folder / "1024")
        self.assertEqual((plain[0]["loss_scale"], scaled[0]["loss_scale"]), ("1", "1024"))
        self.assertEqual(json.loads(scaled[0]["loss"]), {"0": loss})
        np.testing.assert_array_equal(scaled[1]["step0/0/grad_output"][2],
                                      1024 * plain[1]["step0/0/grad_output"][2])

    def test_are_rounded_to_nearest_even(self):
        # Ties in bf16: 1 + 2^-8 goes down, 1 + 3 * 2^-8 up; 65520 in fp16 goes to infinity.
        values = [1.0, 1.00390625, 1.01171875, 3e38, float("nan"), 65520.0, 1e-45]
        x = torch.tensor([values])
        expected = {
            "f32": x[0].double().tolist(),
            "bf16": [1.0, 1.0, 1.015625, float.fromhex("0x1.c4p127"), float("nan"), 65536.0, 0.0],
            "f16": [1.0, 1.00390625, 1.01171875, float("inf"), float("nan"), float("inf"), 0.0],
        }
        model = nn.Linear(7, 1)
        for dtype, rounded in expected.items():
            with Capture(model, self.path, steps=[0], dtype=dtype, tensors=["input"]) as capture:
                self.backward(capture, 0, model, x)
            (name, (stored, shape, got)), = parse(self.path)[1].items()
            self.assertEqual((name, stored, shape), ("step0/model/input", dtype.upper(), [1, 7]))
            np.testing.assert_array_equal(got[0], rounded, err_msg=dtype)

    def test_of_a_single_sample_without_batch_get_one(self):
        model = nn.Sequential(nn.Conv2d(2, 3, 3), nn.Flatten(0), nn.Linear(12, 2))
        with Capture(model, self.path, steps=[0]) as capture:
            self.backward(capture, 0, model, torch.randn(2, 4, 4))
        shapes = {name: shape for name, (_, shape, _) in parse(self.path)[1].items()}
        self.assertEqual(shapes, {
            "step0/0/grad_output": [1, 3, 2, 2], "step0/0/input": [1, 2, 4, 4],
            "step0/0/weight": [3, 2, 3, 3], "step0/2/grad_output": [1, 2],
            "step0/2/input": [1, 12], "step0/2/weight": [2, 12]})

    def test_weights_are_those_before_the_update(self):
        model = nn.Sequential(nn.Linear(3, 3))
        optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
        before = model[0].weight.detach().clone().numpy()
        with Capture(model, self.path, steps=[0]) as capture, capture.step(0):
            model(torch.randn(2, 3)).pow(2).sum().backward()
            optimizer.step()
        np.testing.assert_array_equal(parse(self.path)[1]["step0/0/weight"][2], before)

    def test_are_laid_out_as_nchw_whatever_the_memory_format(self):
        x = torch.randn(2, 3, 5, 5)
        model = nn.Conv2d(3, 4, 3)
        traces = []
        for memory_format in (torch.contiguous_format, torch.channels_last):
            with Capture(model, self.path, steps=[0]) as capture:
                self.backward(capture, 0, model, x.contiguous(memory_format=memory_format))
            traces.append(parse(self.path)[1])
        for name in traces[0]:
            np.testing.assert_allclose(traces[0][name][2], traces[1][name][2], rtol=1e-4,
                                       atol=1e-5)


@needs_torch
class TheTraceFile(CaptureTestCase):
    def test_has_the_contract_s_names_and_metadata(self):
        model = InPlaceNet()
        given = {"dataset": "noise", "optimizer": "none", "model": "in-place"}
        with Capture(model, self.path, steps=[2, 0], layers=["first", "g*", "wide", "fc"],
                     tensors=["input", "grad_output"], dtype="bf16", samples=3,
                     metadata=given) as capture:
            losses = {str(s): self.backward(capture, s, model, torch.randn(4, 3, 9, 9))
                      for s in range(3)}
        metadata, tensors = parse(self.path)
        self.assertEqual(
            set(tensors), {f"step{s}/{layer}/{t}" for s in (0, 2)
                           for layer in ("first", "grouped", "wide", "fc")
                           for t in ("grad_output", "input")})
        self.assertEqual(tensors["step0/grouped/grad_output"][:2], ("BF16", [3, 8, 4, 4]))
        self.assertTrue(all(isinstance(v, str) for v in metadata.values()))
        self.assertEqual({k: metadata[k] for k in given}, given)
        self.assertEqual(metadata["batch"], "4")
        self.assertEqual(metadata["samples"], "3")
        self.assertEqual(metadata["device"], "cpu")
        self.assertEqual(metadata["framework"], f"pytorch {torch.__version__}")
        self.assertIn("gradpath", metadata["captured_by"])
        del losses["1"]
        self.assertEqual(json.loads(metadata["loss"]), losses)
        conv = {"op": "conv2d", "stride": [1, 1], "padding": [1, 1], "dilation": [1, 1],
                "groups": 1}
        self.assertEqual(json.loads(metadata["layers"]), {
            "first": conv,
            "grouped": {**conv, "stride": [2, 2], "padding": [0, 0], "groups": 4},
            "wide": {**conv, "padding": [2, 0], "dilation": [2, 1]},
            "fc": {"op": "linear"}})

    def test_reads_back_with_the_module_s_own_reader(self):
        model = nn.Sequential(nn.Linear(3, 2))
        for dtype in ("f32", "bf16", "f16"):
            with Capture(model, self.path, steps=[0], dtype=dtype) as capture:
                self.backward(capture, 0, model, torch.randn(2, 3))
            metadata, tensors = read_safetensors(self.path)
            strict = parse(self.path)
            self.assertEqual(metadata, strict[0])
            self.assertEqual(set(tensors), set(strict[1]))
            for name, tensor in tensors.items():
                np.testing.assert_array_equal(tensor.double().numpy(), strict[1][name][2])

    def test_is_there_once_the_last_step_is_captured(self):
        model = nn.Sequential(nn.Linear(3, 2))
        with self.assertRaises(ZeroDivisionError), \
                Capture(model, self.path, steps=[1]) as capture:
            self.backward(capture, 0, model, torch.randn(2, 3))
            self.assertFalse(self.path.exists())
            self.backward(capture, 1, model, torch.randn(2, 3))
            self.assertTrue(capture.done)
            self.assertEqual(self.files(), ["trace.safetensors"])
            self.backward(capture, 2, model, torch.randn(2, 3))
            raise ZeroDivisionError  # comes too late to matter
        self.assertEqual(len(parse(self.path)[1]), 3)

    def test_of_a_loss_that_is_not_finite_has_valid_json(self):
        model = nn.Sequential(nn.Linear(3, 2))
        with Capture(model, self.path, steps=[0]) as capture:
            self.backward(capture, 0, model, torch.full((2, 3), float("inf")))
        self.assertEqual(parse(self.path)[0]["loss"], '{"0": null}')

    def test_of_a_changing_loss_scale_names_it_by_step(self):
        model = nn.Sequential(nn.Linear(3, 2))
        with Capture(model, self.path, steps=[0, 1]) as capture:
            for step, scale in enumerate((8.0, 16.0)):
                self.backward(capture, step, model, torch.randn(2, 3), scale)
        self.assertEqual(json.loads(parse(self.path)[0]["loss_scale"]), {"0": 8.0, "1": 16.0})

    def test_of_steps_that_never_came_is_complete_and_warned_of(self):
        model = nn.Sequential(nn.Linear(3, 2))
        with self.assertWarnsRegex(UserWarning, "before step 5"), \
                Capture(model, self.path, steps=[0, 5]) as capture:
            self.backward(capture, 0, model, torch.randn(2, 3))
        self.assertEqual(len(parse(self.path)[1]), 3)

    def test_of_a_model_with_other_layers_says_which_are_missing(self):
        class Mine(nn.Module):
            def __init__(self):
                super().__init__()
                self.matrix = nn.Parameter(torch.randn(3, 3))

            def forward(self, x):
                return x @ self.matrix

        model = nn.Sequential(nn.Embedding(9, 4), nn.LayerNorm(4), nn.Linear(4, 3), Mine())
        rnn = nn.ModuleDict({"rnn": nn.LSTM(4, 4), "conv": nn.Conv3d(1, 1, 1), "model": model})
        tokens = torch.randint(0, 9, (2, 5))
        with self.assertWarnsRegex(UserWarning, r"not captured: rnn \(LSTM\), conv \(Conv3d\), "
                                   r"model\.3 \(Mine\); a trace holds Conv1d"), \
                Capture(rnn, self.path, steps=[0]) as capture:
            self.backward(capture, 0, model, tokens)
        metadata, _ = parse(self.path)
        self.assertEqual(json.loads(metadata["not_captured"]),
                         {"rnn": "LSTM", "conv": "Conv3d", "model.3": "Mine"})
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # who names layers has chosen
            with Capture(rnn, self.path, steps=[0], layers=["model.2"]) as capture:
                self.backward(capture, 0, model, tokens)

    def test_lacks_a_frozen_beginning_with_a_warning(self):
        model = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 2), nn.Linear(2, 2))
        model[0].requires_grad_(False)
        model[2].requires_grad_(False)  # passes a gradient on, so it is captured
        with self.assertWarnsRegex(UserWarning, "no gradient reached layer 0"), \
                Capture(model, self.path, steps=[0], tensors=["grad_output"]) as capture:
            self.backward(capture, 0, model, torch.randn(2, 3))
        self.assertEqual(sorted(parse(self.path)[1]), ["step0/1/grad_output",
                                                       "step0/2/grad_output"])


@needs_torch
class AnInterruptedCapture(CaptureTestCase):
    def interrupted(self, error):
        model = nn.Sequential(nn.Linear(3, 2))
        with self.assertRaises(error), Capture(model, self.path, steps=[0, 1]) as capture:
            self.backward(capture, 0, model, torch.randn(2, 3))
            self.assertEqual(len([f for f in self.files() if f.endswith(".partial")]), 1)
            with capture.step(1):
                model(torch.randn(2, 3))
                raise error

    def test_leaves_nothing(self):
        for error in (ZeroDivisionError, KeyboardInterrupt, SystemExit, GeneratorExit):
            self.interrupted(error)
            self.assertEqual(self.files(), [])

    def test_keeps_the_older_file(self):
        self.path.write_bytes(b"older")
        self.interrupted(KeyboardInterrupt)
        self.assertEqual(self.files(), ["trace.safetensors"])
        self.assertEqual(self.path.read_bytes(), b"older")

    def test_while_it_writes_leaves_nothing(self):
        model = nn.Sequential(nn.Linear(3, 2))
        for method in ("add", "finish"):
            with self.subTest(method), self.assertRaises(KeyboardInterrupt), \
                    unittest.mock.patch.object(SafetensorsWriter, method,
                                               side_effect=KeyboardInterrupt), \
                    Capture(model, self.path, steps=[0]) as capture:
                self.backward(capture, 0, model, torch.randn(2, 3))
            self.assertEqual(self.files(), [])

    def test_by_sigterm_or_sighup_leaves_nothing_and_keeps_the_older_file(self):
        program = """if True:
            import signal, sys, torch
            from gradpath_capture import Capture
            model = torch.nn.Linear(3, 2)
            with Capture(model, sys.argv[1], steps=[0, 1]) as capture:
                with capture.step(0):
                    model(torch.randn(2, 3)).sum().backward()
                print("ready", flush=True)
                while True:
                    signal.pause()
        """
        self.path.write_bytes(b"older")
        for number in (signal.SIGTERM, signal.SIGHUP):
            child = subprocess.Popen([sys.executable, "-c", program, str(self.path)],
                                     stdout=subprocess.PIPE, text=True,
                                     env={**os.environ, "PYTHONPATH": str(SCRIPTS)})
            with child:
                self.assertEqual(child.stdout.readline(), "ready\n")
                self.assertEqual(len(self.files()), 2)
                child.send_signal(number)
                self.assertEqual(child.wait(30), 128 + number)
            self.assertEqual(self.files(), ["trace.safetensors"])
            self.assertEqual(self.path.read_bytes(), b"older")

    def test_signal_handlers_are_as_before(self):
        model = nn.Sequential(nn.Linear(3, 2))
        with Capture(model, self.path, steps=[0]) as capture:
            self.assertNotEqual(signal.getsignal(signal.SIGTERM), signal.SIG_DFL)
            self.backward(capture, 0, model, torch.randn(2, 3))
        self.assertEqual(signal.getsignal(signal.SIGTERM), signal.SIG_DFL)
        mine = lambda *_: None  # noqa: E731
        signal.signal(signal.SIGTERM, mine)
        try:
            with Capture(model, self.path, steps=[0]) as capture:
                self.assertIs(signal.getsignal(signal.SIGTERM), mine)
                self.backward(capture, 0, model, torch.randn(2, 3))
        finally:
            signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def test_works_outside_the_main_thread(self):
        model = nn.Sequential(nn.Linear(3, 2))

        def work():
            with Capture(model, self.path, steps=[0]) as capture:
                self.backward(capture, 0, model, torch.randn(2, 3))

        thread = threading.Thread(target=work)
        thread.start()
        thread.join()
        self.assertEqual(len(parse(self.path)[1]), 3)


@needs_torch
class TheMaximumSize(CaptureTestCase):
    def capture(self, max_bytes, steps=(1, 2), **options):
        """Steps 0 to 2 of a Linear(100, 50), batch 8, f32."""
        torch.manual_seed(0)
        model = nn.Sequential(nn.Linear(100, 50))
        with Capture(model, self.path, steps=steps, max_bytes=max_bytes, **options) as capture:
            for step in range(3):
                self.step = step
                self.backward(capture, step, model, torch.randn(8, 100))

    def test_is_exact(self):
        self.capture(None)
        size = self.path.stat().st_size
        self.path.unlink()
        self.capture(size)
        self.assertEqual(self.path.stat().st_size, size)
        self.path.unlink()
        with self.assertRaisesRegex(CaptureError, "would take"):
            self.capture(size - 1)
        self.assertEqual(self.step, 0)  # though step 0 was not to be captured
        self.assertEqual(self.files(), [])

    def test_error_says_what_helps(self):
        with self.assertRaisesRegex(CaptureError, r"50\.2 KiB.*46\.9 KiB.*weight 39\.1 KiB.*"
                                    "2 steps.*samples 5 would fit.*dtype bf16"):
            self.capture(48000)
        with self.assertRaisesRegex(CaptureError, "weights alone are too large"):
            self.capture(30000)
        self.capture(48000, samples=5)
        with self.assertRaises(CaptureError):
            self.capture(48000, samples=6)
        self.capture(30000, dtype="bf16")
        self.capture(30000, tensors=["grad_output", "input"])
        self.assertLess(self.path.stat().st_size, 30000)

    def test_holds_for_a_later_larger_step(self):
        model = nn.Sequential(nn.Linear(100, 50))
        self.path.write_bytes(b"older")
        with self.assertRaisesRegex(CaptureError, "step1/0/input .* larger than"), \
                Capture(model, self.path, steps=[0, 1], max_bytes=60000) as capture:
            self.backward(capture, 0, model, torch.randn(8, 100))
            self.backward(capture, 1, model, torch.randn(80, 100))
        self.assertEqual(self.path.read_bytes(), b"older")
        self.assertEqual(self.files(), ["trace.safetensors"])


@needs_torch
class AMistake(CaptureTestCase):
    def fails(self, pattern, model=None, **options):
        with self.assertRaisesRegex(CaptureError, pattern):
            Capture(model or nn.Sequential(nn.Linear(2, 2)), options.pop("path", self.path),
                    **{"steps": [0], **options}).__enter__()
        self.assertEqual(self.files(), [])

    def test_in_an_option_is_named_before_anything_is_written(self):
        self.fails(r"'conv\*' matches none of the model's layers: 0", layers=["conv*"])
        self.fails("has none of Conv1d, .*; it has 0 .LSTM.", nn.Sequential(nn.LSTM(2, 2)))
        self.fails("weights given; choose from grad_output", tensors=["weights"])
        self.fails("'fp8' is not one of f32, bf16, f16", dtype="fp8")
        self.fails("at least 1", samples=0)
        self.fails("at least one step", steps=[])
        self.fails("seed is not a string", metadata={"seed": 1})
        self.fails("cannot write here", path=self.folder / "none" / "trace.safetensors")
        self.fails("is a directory", path=self.folder)

    def test_layers_that_a_trace_cannot_describe_are_refused(self):
        self.fails("layer 0: padding_mode 'circular'",
                   nn.Sequential(nn.Conv2d(1, 1, 3, padding=1, padding_mode="circular")))
        self.fails("layer 0: padding='same' with kernel .2, 3. pads unevenly",
                   nn.Sequential(nn.Conv2d(1, 1, (2, 3), padding="same")))
        from torch.nn.utils import parametrizations
        self.fails("layer 0: its weight is parametrized",
                   nn.Sequential(parametrizations.spectral_norm(nn.Linear(2, 2))))

    def test_in_the_training_loop_is_explained(self):
        model = nn.Sequential(nn.Linear(2, 2))
        x = torch.randn(2, 2)
        with self.assertRaisesRegex(CaptureError, "no gradient reached"), \
                Capture(model, self.path, steps=[0]) as capture, capture.step(0):
            model(x)
        with self.assertRaisesRegex(CaptureError, "step 1 begun inside step 0"), \
                Capture(model, self.path, steps=[0]) as capture, capture.step(0), capture.step(1):
            pass
        with self.assertRaisesRegex(CaptureError, "ended before step 3"), \
                Capture(model, self.path, steps=[3]) as capture:
            self.backward(capture, 0, model, x)
        with self.assertRaisesRegex(CaptureError, "layer 0: called with keyword"), \
                Capture(model, self.path, steps=[0]) as capture, capture.step(0):
            model[0](input=x)
        model = nn.Sequential(nn.Conv2d(1, 1, 1))
        with self.assertRaisesRegex(CaptureError, "layer 0: used with grad_output shapes"), \
                Capture(model, self.path, steps=[0]) as capture, capture.step(0):
            (model(torch.ones(1, 1, 2, 2)).sum() + model(torch.ones(1, 1, 3, 3)).sum()).backward()
        self.assertEqual(self.files(), [])


if __name__ == "__main__":
    unittest.main()
