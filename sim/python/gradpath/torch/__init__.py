"""gradpath in a PyTorch training: `emulate` prunes and casts what a network multiplies, `observe`
keeps exact profiles of it.

    import gradpath.torch
    emulation = gradpath.torch.emulate(model, {"*": {"dX": {"sparsity": 0.85},
                                                     "dW": {"format": "e5m2", "scale": "amax-po2"}}})
    for batch in batches:
        loss(model(batch)).backward(); optimizer.step()
        emulation.next_step()

Convolutions (1 to 3 dimensions, transposed too) and Linear layers are covered; other modules with
weight matrices of their own (LSTM, MultiheadAttention) and products without a module (attention's
q k^T) stay as they are: the former are named by a warning.
"""

from __future__ import annotations

import configparser
import dataclasses
import fnmatch
import functools
import math
import os
import warnings
from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional as F

import gradpath
from gradpath.torch._host import Host

__all__ = ["Emulation", "Observation", "Operand", "emulate", "observe"]

_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d, nn.ConvTranspose1d, nn.ConvTranspose2d,
                 nn.ConvTranspose3d)
_LAYERS = (*_CONVOLUTIONS, nn.Linear)


@dataclasses.dataclass(frozen=True)
class Operand:
    """What is done to one operand of a product before it is multiplied: pruned, then cast.

    Fields as the arguments of gradpath.prune (sparsity 0: not pruned) and gradpath.cast (format
    None: not cast). ValueError for what the program would refuse.
    """

    format: gradpath.Format | None = None
    rounding: str = "rne"
    overflow: str = "standard"
    scale: str = "none"
    nan: str = "error"
    sparsity: float = 0.0
    policy: str = "stochastic"
    alpha: str = "exact"

    def __post_init__(self) -> None:
        if isinstance(self.format, str):
            object.__setattr__(self, "format", gradpath.Format(self.format))
        object.__setattr__(self, "sparsity", float(self.sparsity))
        # A wrong word is refused now and not in the middle of a training.
        probe = torch.tensor([1.0, -2.0, 3.0, 4.0])
        if self.sparsity:
            gradpath.prune(probe, self.sparsity, self.policy, self.alpha, last_alpha=1.0)
        if self.format is not None:
            gradpath.cast(probe, self.format, self.rounding, self.overflow, self.scale, self.nan)

    @property
    def is_identity(self) -> bool:
        return self.format is None and not self.sparsity


#: The operands of a layer's three products Y = X W, dX = dY W, dW = dY^T X: dX and dW are what those
#: products see of dY.
OPERANDS = ("X", "W", "dX", "dW")


@dataclasses.dataclass(frozen=True)
class _LayerSpec:
    X: Operand = Operand()
    W: Operand = Operand()
    dX: Operand = Operand()
    dW: Operand = Operand()
    accumulator: str = "fp32"

    @classmethod
    def of(cls, glob: str, fields: Mapping) -> "_LayerSpec":
        made = {}
        for key, value in fields.items():
            if key == "accumulator":
                if value not in ("fp32", "fp64"):
                    raise ValueError(f"{glob}: accumulator {value!r}; expected fp32 or fp64")
                made[key] = value
            elif key in OPERANDS:
                try:
                    made[key] = value if isinstance(value, Operand) else Operand(**value)
                except TypeError:
                    names = [f.name for f in dataclasses.fields(Operand)]
                    raise ValueError(f"{glob}: {key} has {', '.join(value)}; expected of "
                                     f"{', '.join(names)}") from None
            else:
                raise ValueError(f"{glob}: {key!r} is unknown; expected {', '.join(OPERANDS)} or "
                                 "accumulator")
        return cls(**made)


def _read_spec(spec) -> dict[str, _LayerSpec]:
    """spec: a mapping, or the path of an INI file: sections are globs, keys OPERAND.FIELD."""
    if isinstance(spec, (str, os.PathLike)):
        parser = configparser.ConfigParser(delimiters=("=",), interpolation=None)
        parser.optionxform = str
        with open(spec, encoding="utf-8") as file:
            parser.read_file(file)
        spec = {}
        for glob in parser.sections():
            spec[glob] = {}
            for key, value in parser[glob].items():
                operand, dot, field = key.partition(".")
                if dot:
                    spec[glob].setdefault(operand, {})[field] = value
                else:
                    spec[glob][key] = value
    return {glob: _LayerSpec.of(glob, fields) for glob, fields in spec.items()}


@functools.cache
def _gpu(device: torch.device):
    from gradpath.torch._cuda import Cuda
    return Cuda(device)


def _backend(device: torch.device):
    if device.type == "cpu":
        return Host()
    if device.type == "cuda":
        return _gpu(device)
    raise ValueError(f"the model is on {device}; emulation runs on a CPU or a CUDA GPU")


class _Layer:
    """One layer's products. Names are those of a trace: the same words as the program draws."""

    def __init__(self, emulation: "Emulation", name: str, module: nn.Module, spec: _LayerSpec) -> None:
        self.emulation, self.name, self.module, self.spec = emulation, name, module, spec
        self.uses = 0
        if isinstance(module, nn.Linear):
            self.geometry = None
            return
        if module.padding_mode != "zeros" or isinstance(module.padding, str):
            raise ValueError(f"layer {name}: padding {module.padding!r} with mode "
                             f"{module.padding_mode!r}; only numbers of zeros are emulated: leave "
                             "the layer out of the globs")
        self.geometry = (list(module.stride), list(module.padding), list(module.dilation),
                         module.transposed, list(module.output_padding), module.groups)

    def apply(self, operand: str, part: str, x: Tensor, use: int) -> Tensor:
        spec = getattr(self.spec, operand)
        if spec.is_identity or x.numel() == 0:
            return x
        emulation = self.emulation
        backend = _backend(x.device)
        name = f"step{emulation.step}/{self.name}/{part}" + (f"#{use}" if use else "")
        result, scale = x.detach(), None
        if spec.sparsity:
            result = backend.prune(result, spec, emulation.seed, name)
        if spec.format is not None:
            result, scale = backend.cast(result, spec, emulation.seed, name)
        if emulation.measures:
            most = math.inf if spec.format is None else spec.format.max_finite
            sums = backend.measure(x.detach(), result, most, scale)
            emulation._measured.append((emulation.step, self.name, operand, x.numel(), sums))
        return result

    def product(self, x: Tensor, w: Tensor, bias: Tensor | None) -> Tensor:
        if self.geometry is None:
            return F.linear(x, w, bias)
        stride, padding, dilation, transposed, output_padding, groups = self.geometry
        return torch.convolution(x, w, bias, stride, padding, dilation, transposed, output_padding,
                                 groups)

    def gradients(self, g: Tensor, x: Tensor, w: Tensor, wanted: list[bool]) -> list[Tensor | None]:
        """dX, dW, db as far as wanted."""
        if self.geometry is None:
            flat = g.reshape(-1, g.shape[-1])
            return [g.matmul(w) if wanted[0] else None,
                    flat.t().mm(x.reshape(-1, x.shape[-1])) if wanted[1] else None,
                    flat.sum(0) if wanted[2] else None]
        stride, padding, dilation, transposed, output_padding, groups = self.geometry
        outputs = w.shape[1] * groups if transposed else w.shape[0]
        return torch.ops.aten.convolution_backward(
            g, x, w, [outputs] if wanted[2] else None, stride, padding, dilation, transposed,
            output_padding, groups, wanted)


class _Product(torch.autograd.Function):
    """A layer's three products, each with operands of its own."""

    @staticmethod
    def forward(ctx, x, w, bias, layer, use):
        ctx.layer, ctx.use = layer, use
        with torch.autocast(x.device.type, enabled=False):
            x_cast = layer.apply("X", "input", x.float(), use)
            w_cast = layer.apply("W", "weight", w.float(), use)
            ctx.save_for_backward(x_cast, w_cast)
            ctx.dtype = x.dtype
            if layer.spec.accumulator == "fp64":
                wide = None if bias is None else bias.double()
                return layer.product(x_cast.double(), w_cast.double(), wide).float()
            return layer.product(x_cast, w_cast, bias)

    @staticmethod
    def backward(ctx, g):
        x, w = ctx.saved_tensors
        layer = ctx.layer
        g = g.float()
        wanted = list(ctx.needs_input_grad[:3])
        for_x = layer.apply("dX", "grad_output", g, ctx.use) if wanted[0] else g
        same = layer.spec.dX == layer.spec.dW and wanted[0]
        for_w = for_x if same else layer.apply("dW", "grad_output", g, ctx.use) if wanted[1] else g

        def products(gradient, mask):
            if not any(mask):
                return [None, None, None]
            if layer.spec.accumulator == "fp64":
                made = layer.gradients(gradient.double(), x.double(), w.double(), mask)
                return [None if m is None else m.float() for m in made]
            return layer.gradients(gradient, x, w, mask)

        if for_x is g and for_w is g:
            dx, dw, db = products(g, wanted)
        else:
            if same:
                dx, dw, _ = products(for_x, [*wanted[:2], False])
            else:
                dx = products(for_x, [wanted[0], False, False])[0]
                dw = products(for_w, [False, wanted[1], False])[1]
            db = products(g, [False, False, wanted[2]])[2]  # no product: of dY as it is
        return None if dx is None else dx.to(ctx.dtype), dw, db, None, None


class Emulation:
    """What `emulate` returns. step: counts from 0, part of the random words' key."""

    def __init__(self, seed: int, measures: bool) -> None:
        self.seed, self.measures, self.step = seed, measures, 0
        self._measured: list = []
        self._layers: list[_Layer] = []

    @property
    def layers(self) -> list[str]:
        return [layer.name for layer in self._layers]

    def next_step(self) -> None:
        """Call after every training step: the next draws other random words."""
        self.step += 1
        for layer in self._layers:
            layer.uses = 0

    def statistics(self) -> list[dict]:
        """A row for each operand measured since the last call: step, layer, operand, numel, zeros
        and results as large as the format has (shares), cosine, bias (share by which magnitudes
        grew) and the ratio |x| / |q - x|, which arXiv 2505.19115 wants above sqrt 3."""
        rows = []
        for step, layer, operand, numel, sums in self._measured:
            xx, qq, xq, magnitude, growth, zeros_before, zeros, largest = map(float, sums)
            error = xx + qq - 2 * xq
            rows.append({
                "step": step, "layer": layer, "operand": operand, "numel": numel,
                "zeros_before": zeros_before / numel, "zeros": zeros / numel,
                "saturated": largest / numel,
                "cosine": xq / math.sqrt(xx * qq) if xx * qq > 0 else math.nan,
                "bias": growth / magnitude if magnitude else math.nan,
                "ratio": math.sqrt(xx / error) if error > 0 else math.inf})
        self._measured.clear()
        self.check()
        return rows

    def check(self) -> None:
        """ValueError if a cast on a GPU met a NaN that its format has no code for (there it is found
        afterwards; on the CPU the cast itself raises)."""
        for device in {p.device for layer in self._layers for p in layer.module.parameters()}:
            if device.type == "cuda" and int(_gpu(device).nans):
                _gpu(device).nans.zero_()
                raise ValueError("a NaN was cast to a format without one; choose nan zero or max, or "
                                 "a format with NaN")

    def remove(self) -> None:
        """Makes the layers what they were."""
        for layer in self._layers:
            del layer.module.forward


def _warn_of_others(model: nn.Module, what: str) -> None:
    others = [f"{name or 'the model'} ({type(m).__name__})" for name, m in model.named_modules()
              if not isinstance(m, (*_LAYERS, nn.Embedding))
              and any(p.dim() > 1 for p in m.parameters(recurse=False))]
    if others:
        warnings.warn(f"not {what}: {', '.join(others)}", stacklevel=3)


def emulate(model: nn.Module, spec, seed: int = 0, statistics: bool = False) -> Emulation:
    """Prunes and casts the operands of the model's layers from now on, forwards and backwards.

    spec: globs over module paths (the last that matches counts) to operands (OPERANDS) to the fields
    of Operand; or the path of an INI file that says so. Random words depend on (seed, step, layer,
    element) alone and are those of the program for the tensor `step{S}/{layer}/grad_output`.
    statistics: measure every operand, for Emulation.statistics().
    ValueError for what is unknown and for a glob that matches no layer.
    """
    specs = _read_spec(spec)
    emulation = Emulation(seed, statistics)
    used: set[str] = set()
    for name, module in model.named_modules():
        if not isinstance(module, _LAYERS):
            continue
        matching = [glob for glob in specs if fnmatch.fnmatchcase(name, glob)]
        used.update(matching)
        if matching:
            emulation._layers.append(_Layer(emulation, name, module, specs[matching[-1]]))
    unused = [glob for glob in specs if glob not in used]
    if unused:
        raise ValueError(f"no convolution or Linear layer matches {unused[0]!r}")
    _warn_of_others(model, "emulated")
    for layer in emulation._layers:
        layer.module.forward = functools.partial(_forward, layer)
    return emulation


def _forward(layer: _Layer, x: Tensor) -> Tensor:
    use = layer.uses
    if torch.is_grad_enabled():
        layer.uses += 1
    return _Product.apply(x, layer.module.weight, layer.module.bias, layer, use)


class Observation:
    """What `observe` returns: profiles[(step, layer, part)], part as in a trace."""

    def __init__(self, every: int) -> None:
        self.every, self.step = every, 0
        self.profiles: dict[tuple[int, str, str], gradpath.Profile] = {}
        self._hooks: list = []

    def _add(self, layer: str, part: str, x: Tensor) -> None:
        profile = gradpath.Profile(x.detach().float().contiguous().cpu())
        key = (self.step, layer, part)
        self.profiles[key] = self.profiles[key] + profile if key in self.profiles else profile

    def next_step(self) -> None:
        self.step += 1

    def total(self, layer: str = "*", part: str = "grad_output") -> gradpath.Profile:
        """The sum over all steps and the layers that a glob matches."""
        return sum((p for (_, name, of), p in self.profiles.items()
                    if of == part and fnmatch.fnmatchcase(name, layer)), gradpath.Profile())

    def remove(self) -> None:
        for hook in self._hooks:
            hook.remove()


def observe(model: nn.Module, parts=("grad_output",), every: int = 1) -> Observation:
    """Keeps an exact, mergeable profile of what the model's layers see, kilobytes a layer and step.

    parts: of grad_output, input, weight; every: only the steps that it divides. Profiles are made on
    the CPU, so tensors of a GPU travel there in the observed steps. Call next_step() after each.
    """
    observation = Observation(every)
    _warn_of_others(model, "observed")

    def watch(name, module):
        def hook(_module, inputs, output):
            if observation.step % every or not output.requires_grad:
                return
            if "input" in parts:
                observation._add(name, "input", inputs[0])
            if "weight" in parts:
                observation._add(name, "weight", module.weight)
            if "grad_output" in parts:
                output.register_hook(lambda g: observation._add(name, "grad_output", g))
        observation._hooks.append(module.register_forward_hook(hook))

    for name, module in model.named_modules():
        if isinstance(module, _LAYERS):
            watch(name, module)
    return observation
