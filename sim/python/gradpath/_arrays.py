"""What users hand in, as arrays the module can read; results of the same kind."""

from __future__ import annotations

import sys

import numpy as np


def is_tensor(x) -> bool:
    torch = sys.modules.get("torch")
    return torch is not None and isinstance(x, torch.Tensor)


def _refuse_layout(what: str, remedy: str) -> None:
    raise ValueError(f"{what} is not contiguous, and nothing is copied behind your back: pass {remedy}")


def view(x, what: str = "x", dtypes: tuple = (np.float32,)) -> np.ndarray:
    """x as a contiguous numpy array on the same memory.

    TypeError for what is no array, or of another dtype; ValueError for a layout with gaps and for a
    tensor that is not on the CPU. The message says what to pass instead.
    """
    if is_tensor(x):
        if x.device.type != "cpu":
            raise ValueError(f"{what} is on {x.device}: pass {what}.cpu(), or prune and cast on the "
                             "GPU with gradpath.torch.emulate")
        if str(x.dtype) in ("torch.bfloat16", "torch.float16", "torch.float64"):
            raise TypeError(f"{what} is {x.dtype}, expected torch.float32: pass {what}.float()")
        if not x.is_contiguous():
            _refuse_layout(what, f"{what}.contiguous()")
        array = x.detach().numpy()
    elif isinstance(x, np.ndarray):
        array = x
        if not array.flags.c_contiguous:
            _refuse_layout(what, f"np.ascontiguousarray({what})")
    else:
        raise TypeError(f"{what} is a {type(x).__name__}, expected a numpy array or a torch CPU "
                        f"tensor: pass np.asarray({what}, dtype=np.float32)")
    if array.dtype not in [np.dtype(d) for d in dtypes]:
        names = " or ".join(np.dtype(d).name for d in dtypes)
        raise TypeError(f"{what} has dtype {array.dtype}, expected {names}: pass "
                        f"{what}.astype(np.{np.dtype(dtypes[0]).name})")
    return array


def empty_like(x, dtype=np.float32) -> tuple:
    """(an array or tensor of x's kind and shape, the same memory as numpy array)."""
    if not is_tensor(x):
        result = np.empty(x.shape, dtype)
        return result, result
    torch = sys.modules["torch"]
    result = torch.empty(x.shape, dtype=getattr(torch, np.dtype(dtype).name))
    return result, result.numpy()
