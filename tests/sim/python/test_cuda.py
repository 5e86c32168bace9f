"""The GPU's kernels equal the golden model on every 16-bit and 2^24 32-bit inputs. Skipped, and said
so, where PyTorch finds no GPU."""
import numpy as np
import pytest

torch = pytest.importorskip("torch")
if not torch.cuda.is_available():
    pytest.skip("no GPU at hand", allow_module_level=True)

from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import gradpath  # noqa: E402
import gradpath.torch  # noqa: E402
from gradpath.torch._host import Host  # noqa: E402

DEVICE = torch.device("cuda")
FORMATS = ["e5m2", "e4m3", "e4m3fn", "e3m4", "e5m2fnuz", "e4m3fnuz", "e4m3b11fnuz", "e3m2fn", "e2m3fn",
           "e2m1fn", "fp16", "bf16", "e6m9", "e3m0f", "e1m6f"]
ROUNDINGS = ["rne", "rna", "rtz", "rup", "rdn", "rto", "sr", "sr:8", "sru:5"]


def inputs():
    """All bf16 values, and 2^24 fp32 bit patterns an odd stride apart: every exponent and sign."""
    bf16 = np.arange(1 << 16, dtype=np.uint32) << 16
    fp32 = (np.arange(1 << 24, dtype=np.uint64) * 2654435761 % (1 << 32)).astype(np.uint32)
    for bits in (bf16, fp32):
        yield torch.from_numpy(bits.view(np.float32))


def equal_bits(found, expected):
    """Every bit, but that a NaN is a NaN."""
    a, b = found.to(DEVICE), expected.to(DEVICE)
    differ = (a.view(torch.int32) != b.view(torch.int32)) & ~(a.isnan() & b.isnan())
    return not bool(differ.any()) or [t[differ][:3].tolist() for t in (a, b)]


@pytest.mark.parametrize("name", FORMATS)
def test_casts_equal_the_golden_model(name):
    backend, host = gradpath.torch._backend(DEVICE), Host()
    for x in inputs():
        on_gpu = x.to(DEVICE)
        for rounding in ROUNDINGS:
            for overflow in ("standard", "saturate"):
                operand = gradpath.torch.Operand(name, rounding, overflow, nan="max")
                found, _ = backend.cast(on_gpu, operand, 3, "layer")
                expected, _ = host.cast(x, operand, 3, "layer")
                assert equal_bits(found, expected) is True, (rounding, overflow)


@pytest.mark.parametrize("scale", ["0.37", "amax", "amax-po2"])
def test_scales_equal_the_golden_model(scale):
    backend, host = gradpath.torch._backend(DEVICE), Host()
    for seed in range(20):
        x = torch.from_numpy((np.exp(np.random.default_rng(seed).normal(-20, 9, (3, 5, 7, 11)))
                              * 10.0 ** (seed - 10)).astype(np.float32))
        for name in ("e5m2", "e4m3fn", "e2m1fn"):
            operand = gradpath.torch.Operand(name, "sr", scale=scale)
            for memory in (torch.contiguous_format, torch.channels_last):
                found, _ = backend.cast(x.to(DEVICE, memory_format=memory), operand, seed, "x")
                assert equal_bits(found.contiguous(), host.cast(x, operand, seed, "x")[0]) is True


def test_pruning_equals_the_golden_model():
    backend = gradpath.torch._backend(DEVICE)
    for x in inputs():
        for alpha in (0.0, 2.0 ** -140, 1e-30, 0.37, 1.0, 3e38):
            on_gpu = torch.tensor([alpha], dtype=torch.float32, device=DEVICE)
            found = backend.prune_at(x.to(DEVICE), on_gpu, 5, "layer")
            expected = np.empty(x.shape, np.float32)
            gradpath._gradpath.prune_at(x.numpy(), expected, alpha, 5, "layer")
            assert equal_bits(found, torch.from_numpy(expected)) is True, alpha
    random = np.random.default_rng(1)
    for sparsity in (0.3, 0.85, 0.99):
        x = torch.from_numpy((np.exp(random.normal(-9, 2, (8, 16, 10, 10)))
                              * random.choice([-1, 1], (8, 16, 10, 10))).astype(np.float32))
        expected, row = gradpath.prune(x, sparsity, seed=4, name="g")
        alpha = backend.threshold(x.to(DEVICE), sparsity)
        assert abs(float(alpha) / row["alpha"] - 1) < 2e-7
        exact = torch.tensor([row["alpha"]], dtype=torch.float32, device=DEVICE)
        for memory in (torch.contiguous_format, torch.channels_last):
            found = backend.prune_at(x.to(DEVICE, memory_format=memory), exact, 4, "g").contiguous()
            assert equal_bits(found, expected) is True
        largest = backend.prune(x.to(DEVICE), gradpath.torch.Operand(sparsity=sparsity, policy="topk"),
                                0, "g")
        assert equal_bits(largest, gradpath.prune(x, sparsity, "topk")[0]) is True


def test_nothing_is_pruned_where_zeros_suffice():
    backend = gradpath.torch._backend(DEVICE)
    x = torch.zeros(1000, device=DEVICE)
    x[:100] = torch.rand(100, device=DEVICE) + 0.1
    assert float(backend.threshold(x, 0.9)) == 0.0
    assert torch.equal(backend.prune(x, gradpath.torch.Operand(sparsity=0.9), 0, "x"), x)


def test_a_layers_operands_and_statistics_equal_the_cpus():
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = False
    rows = {}
    for device in ("cpu", "cuda"):
        torch.manual_seed(0)
        model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.Flatten(), nn.Linear(8 * 36, 10)).to(device)
        emulation = gradpath.torch.emulate(model, {"*": {
            "X": {"format": "e4m3fn", "scale": "amax"}, "W": {"format": "e3m2f", "rounding": "sr"}}},
            seed=8, statistics=True)
        x = torch.randn(16, 3, 8, 8, generator=torch.Generator().manual_seed(1)).to(device)
        F.cross_entropy(model(x), torch.zeros(16, dtype=torch.long, device=device)).backward()
        rows[device] = {(r["layer"], r["operand"]): r for r in emulation.statistics()}
    for key in (("0", "X"), ("0", "W"), ("2", "W")):
        for column, value in rows["cpu"][key].items():
            if isinstance(value, float):
                assert rows["cuda"][key][column] == pytest.approx(value, rel=1e-9, abs=1e-12), column


def test_a_nan_without_a_code_is_reported():
    model = nn.Sequential(nn.Linear(2, 2)).to(DEVICE)
    emulation = gradpath.torch.emulate(model, {"*": {"X": {"format": "e2m1fn"}}})
    model(torch.tensor([[1.0, float("nan")]], device=DEVICE))
    with pytest.raises(ValueError, match="NaN"):
        emulation.check()
    with pytest.raises(ValueError, match="gradpath.torch.emulate"):
        gradpath.cast(torch.ones(3, device=DEVICE), "e5m2")
