"""Operands on a GPU: kernels.cu, compiled by nvcc at first use from the headers of the golden model.

The library is kept in $XDG_CACHE_HOME/gradpath (~/.cache/gradpath), named by its sources and GPU.
"""

from __future__ import annotations

import ctypes
import functools
import hashlib
import math
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import torch

import gradpath

_FOLDER = Path(__file__).resolve().parent
_SCALE_KINDS = {"amax": 1, "amax-po2": 2}
_NEWTON_STEPS = 24  # two or three more than any captured gradient took; the rest return at once


class _Cast(ctypes.Structure):
    _fields_ = [(field, ctypes.c_int) for field in (
        "exponent_bits", "mantissa_bits", "bias", "non_finite", "rounding", "random_bits",
        "saturate", "nan")]


def _compiler() -> str:
    home = os.environ.get("CUDA_HOME", "/usr/local/cuda")
    found = shutil.which("nvcc") or shutil.which("nvcc", path=f"{home}/bin")
    if found is None:
        raise RuntimeError("the model is on a GPU, and nvcc is not found: install CUDA's compiler or "
                           "set CUDA_HOME, or move the model to the CPU")
    return found


@functools.cache
def _library(capability: tuple[int, int]) -> ctypes.CDLL:
    include = Path(__file__).parent / "include"
    sources = [_FOLDER / "kernels.cu", *sorted(include.rglob("*.hpp"))]
    arch = f"sm_{capability[0]}{capability[1]}"
    digest = hashlib.sha256(arch.encode() + b"".join(s.read_bytes() for s in sources)).hexdigest()
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "gradpath"
    library = cache / f"kernels-{digest[:16]}.so"
    if not library.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            made = Path(folder) / "kernels.so"
            # Contraction would round once where the model rounds twice.
            subprocess.run([_compiler(), "-O3", "-std=c++20", "--expt-relaxed-constexpr",
                            "--fmad=false", f"-arch={arch}", "-shared", "-Xcompiler", "-fPIC", "-I",
                            str(include), str(sources[0]), "-o", str(made)], check=True)
            os.replace(made, library)
    loaded = ctypes.CDLL(str(library))
    loaded.gradpath_scratch_bytes.restype = ctypes.c_uint64
    return loaded


def _pointer(x: torch.Tensor) -> ctypes.c_void_p:
    return ctypes.c_void_p(x.data_ptr())


class Cuda:
    """Prunes, casts and measures float32 tensors of one GPU, on its current stream, without waiting."""

    def __init__(self, device: torch.device) -> None:
        self.device = device
        self._library = _library(torch.cuda.get_device_capability(device))
        self._values: dict[str, torch.Tensor] = {}
        self._scratch = torch.zeros(self._library.gradpath_scratch_bytes(), dtype=torch.uint8,
                                    device=device)
        self._one = torch.ones(1, device=device)
        self.nans = torch.zeros(1, dtype=torch.int32, device=device)  # without a code, so far

    def _call(self, name: str, *arguments) -> None:
        stream = ctypes.c_void_p(torch.cuda.current_stream(self.device).cuda_stream)
        error = getattr(self._library, name)(*arguments, stream)
        if error:
            raise RuntimeError(f"{name}: CUDA error {error}")

    @staticmethod
    def _dense(x: torch.Tensor) -> tuple[torch.Tensor, tuple]:
        """x without gaps, and how its elements lie: (channels, positions) of kernels.cu's Order."""
        if x.is_contiguous():
            return x, (ctypes.c_uint64(1), ctypes.c_uint64(1))
        if x.dim() == 4 and x.is_contiguous(memory_format=torch.channels_last):
            return x, (ctypes.c_uint64(x.shape[1]), ctypes.c_uint64(x.shape[2] * x.shape[3]))
        return x.contiguous(), (ctypes.c_uint64(1), ctypes.c_uint64(1))

    def threshold(self, x: torch.Tensor, sparsity: float) -> torch.Tensor:
        """The exact threshold, one float on the GPU: sums in double, so that its last bits may differ
        from the program's, whose sums are exact."""
        alpha = torch.empty(1, device=self.device)
        self._call("gradpath_threshold", _pointer(x), ctypes.c_uint64(x.numel()),
                   ctypes.c_double(sparsity), ctypes.c_int(_NEWTON_STEPS), _pointer(alpha),
                   _pointer(self._scratch))
        return alpha

    def prune_at(self, x: torch.Tensor, alpha: torch.Tensor, seed: int, name: str) -> torch.Tensor:
        x, order = self._dense(x)
        out = torch.empty_like(x)
        key = gradpath._gradpath.tensor_seed(seed, True, name)
        self._call("gradpath_prune", _pointer(x), _pointer(out), ctypes.c_uint64(x.numel()),
                   _pointer(alpha), ctypes.c_int(24), ctypes.c_uint64(key), *order)
        return out

    def prune(self, x: torch.Tensor, operand, seed: int, name: str) -> torch.Tensor:
        x, _ = self._dense(x)
        if operand.policy == "topk":
            return self._largest(x, operand.sparsity)
        if operand.policy != "stochastic" or operand.alpha != "exact":
            raise ValueError(f"policy {operand.policy!r} with alpha {operand.alpha!r}: on a GPU there "
                             "are stochastic with alpha exact, and topk; on the CPU all")
        return self.prune_at(x, self.threshold(x, operand.sparsity), seed, name)

    def _largest(self, x: torch.Tensor, sparsity: float) -> torch.Tensor:
        """All that is larger than the element of rank sparsity * numel."""
        state = torch.tensor([0, 0x7fffffff], dtype=torch.int32, device=self.device)
        rank = math.ceil(sparsity * x.numel())
        self._call("gradpath_select", _pointer(x), ctypes.c_uint64(x.numel()), ctypes.c_uint64(rank),
                   _pointer(state), _pointer(self._scratch))
        return torch.where(x.abs() > state[:1].view(torch.float32), x, 0.0)

    def cast(self, x: torch.Tensor, operand, seed: int, name: str) -> tuple:
        x, order = self._dense(x)
        format = operand.format
        if not format.is_plain or format.bits > 16:
            raise ValueError(f"format {format.name}: on a GPU there are signed formats with zero and "
                             "subnormals up to 16 bits; on the CPU all")
        out, scale = torch.empty_like(x), self._scale(x, operand)
        if format.name not in self._values:
            self._values[format.name] = torch.from_numpy(format.values()).float().to(self.device)
        mode, random_bits = gradpath._gradpath.rounding(operand.rounding)
        cast = _Cast(format.exponent_bits, format.mantissa_bits, format.bias, format.non_finite, mode,
                     random_bits, operand.overflow == "saturate",
                     ("error", "zero", "max").index(operand.nan))
        key = gradpath._gradpath.tensor_seed(seed, False, name)
        self._call("gradpath_cast", _pointer(x), _pointer(out), ctypes.c_uint64(x.numel()),
                   _pointer(scale), _pointer(self._values[format.name]), ctypes.byref(cast),
                   ctypes.c_uint64(key), *order, _pointer(self.nans))
        return out, scale

    def _scale(self, x: torch.Tensor, operand) -> torch.Tensor:
        text = str(operand.scale)
        if text == "none":
            return self._one
        scale = torch.empty(1, device=self.device)
        if text not in _SCALE_KINDS:
            try:
                return scale.fill_(float(text))
            except ValueError:
                raise ValueError(f"scale {text!r}: on a GPU there are none, a number, amax and "
                                 "amax-po2; on the CPU all") from None
        amax = torch.zeros(1, dtype=torch.int32, device=self.device)
        self._call("gradpath_scale", _pointer(x), ctypes.c_uint64(x.numel()),
                   ctypes.c_int(_SCALE_KINDS[text]), ctypes.c_float(1),
                   ctypes.c_double(operand.format.max_finite), _pointer(amax), _pointer(scale))
        return scale

    def measure(self, before: torch.Tensor, after: torch.Tensor, max_finite: float, scale):
        before, _ = self._dense(before)
        result = torch.empty(8, dtype=torch.float64, device=self.device)
        self._call("gradpath_measure", _pointer(before), _pointer(after),
                   ctypes.c_uint64(before.numel()), ctypes.c_float(max_finite),
                   _pointer(self._one if scale is None else scale), _pointer(result),
                   _pointer(self._scratch))
        return result
