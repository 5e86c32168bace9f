"""Operands on the CPU: the golden model itself."""

from __future__ import annotations

import math

import torch

import gradpath


class Host:
    """Prunes, casts and measures float32 CPU tensors."""

    def prune(self, x: torch.Tensor, operand, seed: int, name: str) -> torch.Tensor:
        return gradpath.prune(x.contiguous(), operand.sparsity, operand.policy, operand.alpha, seed,
                              name)[0]

    def cast(self, x: torch.Tensor, operand, seed: int, name: str) -> tuple[torch.Tensor, object]:
        """(values, scale); the scale is None where there is more than one."""
        x = x.contiguous()
        out = torch.empty_like(x)
        request = gradpath._request(operand.format, operand.rounding, operand.overflow,
                                    operand.scale, operand.nan, "none", -1, seed, name)
        scales, shape = gradpath._gradpath.cast(request, x.detach().numpy(), x.shape, out.numpy(),
                                                False)
        return out, None if shape else scales[0]

    def measure(self, before: torch.Tensor, after: torch.Tensor, max_finite: float, scale) -> list:
        x, q = before.double(), after.double()
        most = math.inf if scale is None else max_finite / scale
        return [float(s) for s in (
            (x * x).sum(), (q * q).sum(), (x * q).sum(), x.abs().sum(), (x.sign() * (q - x)).sum(),
            (x == 0).sum(), (q == 0).sum(), (q.abs() >= most).sum())]
