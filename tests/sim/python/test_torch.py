"""gradpath.torch on the CPU: what training sees is what the program computes on the same tensors."""
import numpy as np
import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import gradpath  # noqa: E402
import gradpath.torch  # noqa: E402
from program import run, same_bits  # noqa: E402


def network(seed=0):
    torch.manual_seed(seed)
    return nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 6, 3, 2, 1, groups=2),
                         nn.Flatten(), nn.Linear(6 * 16, 10))


def data(seed=1, n=4):
    generator = torch.Generator().manual_seed(seed)
    return (torch.randn(n, 3, 8, 8, generator=generator),
            torch.randint(0, 10, (n,), generator=generator))


def backward(model, x, y):
    model.zero_grad()
    F.cross_entropy(model(x), y).backward()
    return [p.grad.clone() for p in model.parameters()]


LAYERS = [(nn.Conv1d(4, 6, 3, padding=1), (2, 4, 9)), (nn.Conv2d(4, 6, 3, 2, 1, groups=2), (2, 4, 9, 7)),
          (nn.Conv3d(2, 3, 2), (2, 2, 4, 5, 3)), (nn.ConvTranspose1d(4, 2, 3), (2, 4, 6)),
          (nn.ConvTranspose2d(4, 6, 3, 2, 1, 1, 2), (2, 4, 5, 5)), (nn.Linear(7, 5), (3, 2, 7)),
          (nn.Linear(7, 5, bias=False), (3, 7))]


@pytest.mark.parametrize("layer,shape", LAYERS, ids=lambda v: type(v).__name__)
def test_nothing_to_do_is_native_bit_for_bit(layer, shape):
    x = torch.randn(shape, requires_grad=True)

    def products():
        layer.zero_grad()
        x.grad = None
        y = layer(x)
        (y * torch.arange(y.numel()).reshape(y.shape).sin()).sum().backward()
        return [y, x.grad, *(p.grad for p in layer.parameters())]
    native = products()
    emulation = gradpath.torch.emulate(nn.Sequential(layer), {"0": {}})
    for a, b in zip(native, products()):
        same_bits(a.detach().numpy(), b.detach().numpy())
    emulation.remove()
    assert "forward" not in vars(layer)


def test_operands_are_those_of_the_program(tmp_path):
    """The gradient that reaches the last layer, through the program: dW = pruned and cast dY^T X."""
    model, (x, y) = network(), data()
    seen = {}
    hook = model[4].register_forward_hook(
        lambda m, i, o: (seen.update(x=i[0].detach()), o.register_hook(lambda g: seen.update(g=g)))[0])
    spec = {"4": {"dX": {"format": "e5m2", "rounding": "sr", "scale": "amax-po2"},
                  "dW": {"sparsity": "0.7", "format": "e4m3fn", "scale": "amax"},
                  "X": {"format": "e4m3fn"}}}
    emulation = gradpath.torch.emulate(model, spec, seed=11)
    emulation.step = 5
    backward(model, x, y)
    hook.remove()
    name = "step5/4/grad_output"
    gradpath.write_trace(tmp_path / "g", {name: seen["g"]})
    run("prune", tmp_path / "g", "--sparsity", 0.7, "--seed", 11, "-o", tmp_path / "p", "--quiet")
    run("cast", tmp_path / "p", "--format", "e4m3fn", "--scale", "amax", "--seed", 11, "--as", "values",
        "-o", tmp_path / "q", "--quiet")
    g = torch.from_numpy(gradpath.Trace(tmp_path / "q")[name].copy())
    expected = g.t().mm(gradpath.cast(seen["x"], "e4m3fn"))
    same_bits(model[4].weight.grad.numpy(), expected.numpy())


def test_steps_uses_layers_and_seeds_draw_other_words():
    model, (x, y) = network(), data()
    first = None
    for change in ("none", "again", "step", "seed"):
        emulation = gradpath.torch.emulate(model, {"*": {"dW": {"sparsity": 0.8}}},
                                           seed=1 if change == "seed" else 0)
        emulation.step = 1 if change == "step" else 0
        grads = backward(model, x, y)
        emulation.remove()
        first = first or grads
        same = [torch.equal(a, b) for a, b in zip(first, grads)][::2]  # of the weights
        assert all(same) if change in ("none", "again") else not any(same), change
    shared = nn.Sequential(nn.Linear(8, 8))
    emulation = gradpath.torch.emulate(shared, {"0": {"X": {"format": "e2m1fn", "rounding": "sr"}}})
    z = torch.rand(64, 8)
    assert not torch.equal(shared(z), shared(z))  # two uses in a step
    emulation.next_step()


def test_a_training_repeats_on_any_number_of_threads():
    def train(threads):
        torch.set_num_threads(threads)
        model = network()
        spec = {"*": {"dX": {"sparsity": 0.8}, "dW": {"format": "e5m2", "rounding": "sr"},
                      "accumulator": "fp64"}}
        emulation = gradpath.torch.emulate(model, spec, seed=2)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
        for step in range(5):
            backward(model, *data(step, 16))
            optimizer.step()
            emulation.next_step()
        return torch.cat([p.detach().flatten() for p in model.parameters()])
    before = torch.get_num_threads()
    try:
        assert torch.equal(train(1), train(2))
    finally:
        torch.set_num_threads(before)


def test_statistics_are_those_of_the_tensors():
    model, (x, y) = network(), data()
    emulation = gradpath.torch.emulate(model, {"*": {"dX": {"sparsity": 0.6}, "dW": {"format": "e2m1fn"},
                                                     "W": {"format": "e3m2f"}}}, statistics=True)
    backward(model, x, y)
    rows = emulation.statistics()
    assert [r["operand"] for r in rows].count("W") == 3 and not emulation.statistics()
    weight = model[0].weight.detach()
    cast = gradpath.cast(weight, "e3m2f").numpy().astype(float)
    row = next(r for r in rows if r["layer"] == "0" and r["operand"] == "W")
    exact = weight.numpy().astype(float)
    assert row["numel"] == exact.size and row["zeros"] == (cast == 0).mean()
    assert row["cosine"] == pytest.approx(
        (cast * exact).sum() / np.sqrt((cast ** 2).sum() * (exact ** 2).sum()), rel=1e-12)
    assert row["ratio"] == pytest.approx(np.linalg.norm(exact) / np.linalg.norm(cast - exact), rel=1e-9)
    pruned = [r for r in rows if r["operand"] == "dX"]
    assert all(abs(r["zeros"] - 0.6) < 0.1 for r in pruned)


def test_spec_files_say_the_same(tmp_path):
    (tmp_path / "spec.ini").write_text("[*]\ndW.sparsity = 0.5\naccumulator = fp64\n"
                                       "[4]\ndX.format = e5m2\ndX.scale = amax-po2\n")
    model, (x, y) = network(), data()
    gradpath.torch.emulate(model, tmp_path / "spec.ini", seed=3)
    found = backward(model, x, y)
    other = network()
    gradpath.torch.emulate(other, {"*": {"dW": {"sparsity": 0.5}, "accumulator": "fp64"},
                                   "4": {"dX": {"format": "e5m2", "scale": "amax-po2"}}}, seed=3)
    assert all(torch.equal(a, b) for a, b in zip(found, backward(other, x, y)))


@pytest.mark.parametrize("spec,message", [
    ({"nowhere": {}}, "nowhere"), ({"*": {"dY": {}}}, "dY"), ({"*": {"dX": {"format": "e9m1"}}}, "e9m1"),
    ({"*": {"dX": {"bits": 8}}}, "bits"), ({"*": {"dX": {"sparsity": 2}}}, "2"),
    ({"*": {"accumulator": "fp8"}}, "fp8"), ({"*": {"dX": {"sparsity": 0.5, "policy": "x"}}}, "policy")])
def test_wrong_specs_are_refused_at_once(spec, message):
    with pytest.raises(ValueError, match=message):
        gradpath.torch.emulate(network(), spec)


def test_what_is_not_covered_is_named():
    model = nn.ModuleDict({"rnn": nn.LSTM(4, 4), "fc": nn.Linear(4, 4)})
    with pytest.warns(UserWarning, match="rnn.*LSTM"):
        gradpath.torch.emulate(model, {"*": {}})
    with pytest.warns(UserWarning, match="rnn.*LSTM"):
        gradpath.torch.observe(model)
    with pytest.raises(ValueError, match="padding"):
        gradpath.torch.emulate(nn.Sequential(nn.Conv2d(1, 1, 3, padding="same")), {"*": {}})


def test_a_nan_without_a_code_is_refused():
    model = nn.Sequential(nn.Linear(2, 2))
    gradpath.torch.emulate(model, {"*": {"X": {"format": "e2m1fn"}}})
    with pytest.raises(ValueError, match="element 1 is NaN"):
        model(torch.tensor([[1.0, float("nan")]]))


def test_observation_is_the_sum_of_the_profiles():
    model = network()
    observation = gradpath.torch.observe(model, ("grad_output", "input", "weight"), every=2)
    expected = gradpath.Profile()
    for step in range(4):
        seen = []
        hook = model[2].register_forward_hook(lambda m, i, o: (o.register_hook(seen.append), None)[1])
        backward(model, *data(step))
        hook.remove()
        if step % 2 == 0:
            expected += gradpath.Profile(seen[0].contiguous())
        observation.next_step()
    assert observation.total("2") == expected
    assert {key[0] for key in observation.profiles} == {0, 2}
    assert observation.total("2", "weight").row()["numel"] == 2 * model[2].weight.numel()
    observation.remove()
    backward(model, *data())
    assert observation.total("2") == expected
