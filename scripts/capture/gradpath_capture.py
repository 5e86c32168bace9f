"""Capture the tensors of a PyTorch backward pass as a gradpath trace.

A trace is one safetensors file. For every captured step and every Conv1d, Conv2d,
ConvTranspose2d and Linear layer and each projection of a MultiheadAttention it holds up to
three tensors, in PyTorch's own layouts:

    step{S}/{layer}/grad_output   gradient of the (scaled) loss w.r.t. the layer's output
    step{S}/{layer}/input         what the layer was given
    step{S}/{layer}/weight        its weight before the step's update

Usage, in any training loop:

    with Capture(model, "trace.safetensors", steps=[0, 100]) as capture:
        for step, (x, y) in enumerate(batches):
            with capture.step(step):
                loss = criterion(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                capture.record_loss(loss)
            optimizer.step()

Capturing never changes a training's results: it copies, and the model carries hooks only
inside a step that is captured. Works with PyTorch 1.13 and 2.x; see README.md beside this
file for what is recorded when a layer is used twice, frozen, or given micro-batches.
"""

from __future__ import annotations

import contextlib
import fnmatch
import json
import math
import os
import signal
import sys
import threading
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType, TracebackType
from typing import Any, BinaryIO, Callable, Iterable, Iterator, Mapping, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

__version__ = "1.0"

#: The tensors that can be captured of a layer, in the order in which they are written.
TENSORS = ("grad_output", "input", "weight")

#: Storage types by name: the torch type and safetensors' name for it.
DTYPES = {
    "f32": (torch.float32, "F32"),
    "bf16": (torch.bfloat16, "BF16"),
    "f16": (torch.float16, "F16"),
}
_SAFETENSORS_NAMES = {torch_type: name for torch_type, name in DTYPES.values()}

# Room reserved in the header for one tensor's entry beside its name: six dimensions of ten
# digits and two offsets of twenty digits fit.
_ENTRY_BYTES = 160


class CaptureError(Exception):
    """Something the user can put right; the message says what and how."""


def format_bytes(count: int) -> str:
    """`count` bytes in the unit a person would choose, e.g. "10.3 MiB"."""
    size = float(count)
    for unit in ("bytes", "KiB", "MiB"):
        if size < 1024:
            return f"{count} bytes" if unit == "bytes" else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.2f} GiB"


# --- the file ---------------------------------------------------------------------------


class SafetensorsWriter:
    """Writes a safetensors file tensor by tensor, and under its own name only when complete.

    The bytes go to `.NAME.PID.partial` in the same directory; `finish` syncs that file and
    renames it over `path` in one step, `discard` deletes it. Whatever stood at `path` is
    untouched until then. The header goes in last, into `header_bytes` reserved at the front
    and padded with spaces (the format allows that), so no tensor is kept or copied.
    """

    def __init__(self, path: str | os.PathLike[str], header_bytes: int,
                 max_bytes: int | None = None) -> None:
        if sys.byteorder != "little":
            raise CaptureError("safetensors files are little-endian; this machine is not")
        self.path = Path(path)
        self._header_bytes = -(-header_bytes // 8) * 8
        self._max_bytes = max_bytes
        self._entries: dict[str, dict[str, Any]] = {}
        self._data_bytes = 0
        self._file: BinaryIO | None = None
        self._partial = self.path.with_name(f".{self.path.name}.{os.getpid()}.partial")
        if self.path.is_dir():
            raise CaptureError(f"{self.path}: is a directory; name the trace file to write")
        try:
            self._file = open(self._partial, "xb")
            self._file.seek(8 + self._header_bytes)
        except OSError as error:
            raise CaptureError(f"{self.path}: cannot write here: {error.strerror}") from error

    @property
    def total_bytes(self) -> int:
        """Size that the file would have if it were finished now."""
        return 8 + self._header_bytes + self._data_bytes

    def add(self, name: str, tensor: Tensor) -> None:
        """Appends a CPU tensor of dtype float32, bfloat16 or float16."""
        assert self._file is not None, "writer is closed"
        if name in self._entries:
            raise CaptureError(f"{self.path}: tensor {name} was written already")
        size = tensor.numel() * tensor.element_size()
        if self._max_bytes is not None and self.total_bytes + size > self._max_bytes:
            raise CaptureError(
                f"{self.path}: {name} ({format_bytes(size)}) would make the trace larger than "
                f"{format_bytes(self._max_bytes)}; raise the maximum size, or capture fewer "
                "samples, layers, tensors or steps")
        entry = {
            "dtype": _SAFETENSORS_NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [self._data_bytes, self._data_bytes + size],
        }
        if len(json.dumps(entry)) > _ENTRY_BYTES - 8:
            raise CaptureError(f"{self.path}: {name} has too many dimensions ({tensor.dim()})")
        if size:
            integers = torch.int32 if tensor.element_size() == 4 else torch.int16
            self._file.write(tensor.contiguous().view(integers).numpy().data)
        self._entries[name] = entry
        self._data_bytes += size

    def finish(self, metadata: Mapping[str, str]) -> None:
        """Writes the header and puts the file in its place, durably."""
        assert self._file is not None, "writer is closed"
        header = json.dumps({"__metadata__": dict(metadata), **self._entries},
                            separators=(",", ":")).encode()
        if len(header) > self._header_bytes:
            raise CaptureError(f"{self.path}: the header needs {len(header)} bytes, "
                               f"{self._header_bytes} were reserved")
        self._file.seek(0)
        self._file.write(self._header_bytes.to_bytes(8, "little"))
        self._file.write(header.ljust(self._header_bytes))
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        os.replace(self._partial, self.path)
        self._file = None
        with contextlib.suppress(OSError):  # not every file system can sync a directory
            directory = os.open(self.path.parent, os.O_RDONLY)
            try:
                os.fsync(directory)
            finally:
                os.close(directory)

    def discard(self) -> None:
        """Deletes what was written so far; does nothing after `finish`."""
        if self._file is not None:
            self._file.close()
            self._file = None
            self._partial.unlink(missing_ok=True)


def read_safetensors(path: str | os.PathLike[str]) -> tuple[dict[str, str], dict[str, Tensor]]:
    """Metadata and tensors of a safetensors file with F32, BF16 or F16 tensors."""
    by_name = {name: torch_type for torch_type, name in DTYPES.values()}
    raw = bytearray(Path(path).read_bytes())
    start = 8 + int.from_bytes(raw[:8], "little")
    header = json.loads(raw[8:start])
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        dtype = by_name[entry["dtype"]]
        begin, end = entry["data_offsets"]
        if begin == end:
            tensors[name] = torch.empty(entry["shape"], dtype=dtype)
            continue
        flat = torch.frombuffer(raw, dtype=torch.uint8, offset=start + begin, count=end - begin)
        tensors[name] = flat.clone().view(dtype).reshape(entry["shape"])
    return metadata, tensors


# --- the layers -------------------------------------------------------------------------


#: What a trace holds; said wherever something else is met.
_KINDS = "Conv1d, Conv2d, ConvTranspose2d, Linear and MultiheadAttention's projections"
_CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.ConvTranspose2d)


@dataclass
class Layer:
    """One matrix product of the model with a weight: a layer, or a projection of attention."""

    module: nn.Module
    geometry: dict[str, Any]  #: its entry in the trace's `layers` metadata
    parameter: str = "weight"  #: the module's parameter that is its weight,
    rows: slice = field(default_factory=lambda: slice(None))  #: or these rows of it
    attention: nn.MultiheadAttention | None = None  #: whose projection it is

    @property
    def weight(self) -> Tensor:
        return self.arrange(getattr(self.module, self.parameter).detach()[self.rows], False)

    def arrange(self, tensor: Tensor, is_data: bool = True) -> Tensor:
        """A weight, or an input or gradient (`is_data`), as the trace stores it: a batch dimension
        in front, and a Conv1d as the Conv2d of height 1 that it is."""
        if is_data and tensor.dim() < (2 if self.geometry["op"] == "linear" else
                                       getattr(self.module, self.parameter).dim()):
            tensor = tensor.unsqueeze(0)
        return tensor.unsqueeze(2) if isinstance(self.module, nn.Conv1d) else tensor


def layer_geometry(name: str, module: nn.Module) -> dict[str, Any]:
    """The entry of a convolution or Linear layer in the trace's `layers` metadata."""
    if isinstance(module, nn.Linear):
        return {"op": "linear"}
    assert isinstance(module, _CONVOLUTIONS)
    if module.padding_mode != "zeros":
        raise CaptureError(f"layer {name}: padding_mode {module.padding_mode!r} cannot be "
                           "replayed, only 'zeros' can; leave the layer out")
    if module.padding == "same":
        total = [d * (k - 1) for d, k in zip(module.dilation, module.kernel_size)]
        if any(t % 2 for t in total):
            raise CaptureError(f"layer {name}: padding='same' with kernel "
                               f"{tuple(module.kernel_size)} pads unevenly, which a trace cannot "
                               "say; leave the layer out, or pad explicitly")
        padding = [t // 2 for t in total]
    elif module.padding == "valid":
        padding = [0] * len(module.kernel_size)
    else:
        padding = list(module.padding)
    flat = isinstance(module, nn.Conv1d)
    pairs = {"stride": list(module.stride), "padding": padding, "dilation": list(module.dilation)}
    if isinstance(module, nn.ConvTranspose2d):
        pairs["output_padding"] = list(module.output_padding)
    return {"op": "conv_transpose2d" if isinstance(module, nn.ConvTranspose2d) else "conv2d",
            **{key: [0 if "padding" in key else 1] * flat + pair for key, pair in pairs.items()},
            "groups": module.groups}


def _attention_layers(name: str, module: nn.MultiheadAttention) -> dict[str, Layer]:
    """q_proj, k_proj and v_proj, which PyTorch packs into one parameter where it can, and out_proj."""
    packed = module.in_proj_weight is not None
    layers = {}
    for i, part in enumerate("qkv"):
        rows = slice(i * module.embed_dim, (i + 1) * module.embed_dim) if packed else slice(None)
        layers[f"{name}.{part}_proj"] = Layer(
            module, {"op": "linear"}, "in_proj_weight" if packed else f"{part}_proj_weight", rows,
            module)
    layers[f"{name}.out_proj"] = Layer(module.out_proj, {"op": "linear"}, attention=module)
    return layers


def find_layers(model: nn.Module, globs: Sequence[str] = ("*",)) -> tuple[dict[str, Layer],
                                                                          dict[str, str]]:
    """The model's layers whose module path matches one of `globs`, and what matches but cannot be
    captured: module path to type.

    A module that is registered under several paths has the first one. A model that is itself
    a layer is called "model". Embeddings are neither: they look up, and multiply nothing.
    """
    available: dict[str, Layer] = {}
    others: dict[str, str] = {}
    for path, module in model.named_modules():
        name = path or "model"
        if isinstance(module, nn.MultiheadAttention):
            available.update(_attention_layers(name, module))
        elif isinstance(module, (nn.Linear, *_CONVOLUTIONS)):
            if name not in available:  # attention's out_proj is there already
                available[name] = Layer(module, {})
        elif (not isinstance(module, (nn.Embedding, nn.EmbeddingBag))
              and next(module.children(), None) is None
              and any(p.dim() > 1 for p in module.parameters(recurse=False))):
            others[name] = type(module).__name__
    if not available:
        raise CaptureError(f"the model has none of {_KINDS}"
                           + "".join(f"; it has {n} ({kind})" for n, kind in others.items()))
    chosen = set()
    for glob in globs:
        matches = fnmatch.filter(available, glob)
        if not matches:
            raise CaptureError(f"layers: {glob!r} matches none of the model's layers: "
                               + ", ".join(available))
        chosen.update(matches)
    layers = {name: layer for name, layer in available.items() if name in chosen}
    for name, layer in layers.items():
        layer.geometry = layer.geometry or layer_geometry(name, layer.module)
    return layers, {name: kind for name, kind in others.items()
                    if any(fnmatch.fnmatch(name, glob) for glob in globs)}


# --- the capture ------------------------------------------------------------------------


@dataclass
class _Use:
    """One application of a layer within a step.

    Tensors are copies on the CPU in the storage type, cut to the samples kept; while the
    trace's size is only being estimated they are on the "meta" device and hold no data.
    """

    input: Tensor | None
    gradients: list[Tensor] = field(default_factory=list)


@dataclass
class _Record:
    """What was seen of one layer within a step; `uses` in forward order."""

    weight: Tensor | None = None
    uses: list[_Use] = field(default_factory=list)


class Capture:
    """Writes the chosen steps' tensors of a model's layers to a trace.

    model: any nn.Module, trained eagerly (not compiled, scripted or DataParallel).
    path: the safetensors file; it appears, complete, once the last of `steps` is captured.
    steps: numbers of the steps to capture, as later given to `step()`.
    layers: globs over module paths ("layer1.*"); each must match a layer.
    tensors: which of TENSORS.
    dtype: storage type, one of DTYPES; values are rounded to nearest even.
    samples: keep the first so many samples (dimension 0) of grad_output and input.
    max_bytes: the file never exceeds this; what would is refused within the first step seen,
        before anything is written.
    metadata: strings for the trace's `__metadata__` (model, dataset, batch, optimizer, ...);
        what is not given is filled in or says "unspecified".

    If the `with` block is left by an exception (Ctrl-C included) before the last step, no file
    is left and an older one at `path` stays. SIGTERM and SIGHUP, where the program does not
    handle them itself, are turned into SystemExit for as long as the block lasts.
    """

    def __init__(self, model: nn.Module, path: str | os.PathLike[str], *,
                 steps: Iterable[int], layers: Sequence[str] = ("*",),
                 tensors: Sequence[str] = TENSORS, dtype: str = "f32",
                 samples: int | None = None, max_bytes: int | None = None,
                 metadata: Mapping[str, str] | None = None) -> None:
        unknown = [t for t in tensors if t not in TENSORS]
        if unknown or not tensors:
            raise CaptureError(f"tensors: {','.join(unknown) or 'none'} given; choose from "
                               + ", ".join(TENSORS))
        if dtype not in DTYPES:
            raise CaptureError(f"dtype: {dtype!r} is not one of {', '.join(DTYPES)}")
        if samples is not None and samples < 1:
            raise CaptureError(f"samples: {samples} given, at least 1 is needed")
        self.path = Path(path)
        self.steps = sorted(set(steps))
        if not self.steps or self.steps[0] < 0:
            raise CaptureError("steps: name at least one step, counted from 0")
        self._tensors = tuple(t for t in TENSORS if t in tensors)
        self._dtype = DTYPES[dtype][0]
        self._samples = samples
        self._max_bytes = max_bytes
        self._layers, self._others = find_layers(model, layers)
        if "weight" in self._tensors:
            for name, layer in self._layers.items():
                if layer.parameter in getattr(layer.module, "parametrizations", {}):
                    raise CaptureError(f"layer {name}: its weight is parametrized, and reading it "
                                       "could change the training; leave the layer or weight out")
        for key, value in (metadata or {}).items():
            if not isinstance(value, str):
                raise CaptureError(f"metadata: {key} is not a string")
        self._metadata = self._base_metadata(model, metadata or {})
        self._writer: SafetensorsWriter | None = None
        self._signals: dict[int, Any] = {}
        self._pending = set(self.steps)
        self._records: dict[str, _Record] | None = None
        self._attention_batch: dict[int, int] = {}  # of each attention, as last seen
        self._measuring = False
        self._measured = max_bytes is None
        self._batch: int | None = None
        self._losses: dict[int, list[float]] = {}
        self._loss_scales: dict[int, float] = {}
        self._current: int | None = None

    # -- what the training loop calls

    def __enter__(self) -> Capture:
        names = [f"step{s}/{layer}/{t}" for s in self.steps for layer in self._layers
                 for t in self._tensors]
        header_bytes = (sum(len(json.dumps(n)) + _ENTRY_BYTES for n in names)
                        + len(json.dumps(self._metadata))
                        + 128 * len(self.steps) + 256)
        if self._others:
            warnings.warn(f"{self.path}: not captured: "
                          + ", ".join(f"{n} ({kind})" for n, kind in self._others.items())
                          + f"; a trace holds {_KINDS}", stacklevel=2)
        self._writer = SafetensorsWriter(self.path, header_bytes, self._max_bytes)
        try:
            self._catch_signals()
        except BaseException:
            self._close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None,
                 trace: TracebackType | None) -> None:
        try:
            if kind is None and self._writer is not None:
                missing = ", ".join(str(s) for s in sorted(self._pending))
                if len(self._pending) == len(self.steps):
                    raise CaptureError(f"{self.path}: not written: the training ended before "
                                       f"step {missing}")
                warnings.warn(f"{self.path}: the training ended before step {missing}")
                self._finish()
        finally:
            self._close()

    @property
    def done(self) -> bool:
        """Whether every step asked for is captured and the file is in place."""
        return not self._pending and self._writer is None

    @contextlib.contextmanager
    def step(self, number: int, loss_scale: float = 1.0) -> Iterator[None]:
        """Wraps step `number`: its forward and backward passes, not the update.

        loss_scale: what the loss was multiplied by before backward(); it is recorded, the
        gradients are stored as they flow.
        """
        if self._current is not None:
            raise CaptureError(f"step {number} begun inside step {self._current}")
        wanted = number in self._pending and self._writer is not None
        self._measuring = not wanted and not self._measured and self._writer is not None
        if not wanted and not self._measuring:
            yield
            return
        self._current = number
        self._records = {name: _Record() for name in self._layers}
        with contextlib.ExitStack() as hooks:
            self._hook_layers(hooks, self._records)
            try:
                yield
            finally:
                self._current = None
                records, self._records = self._records, None
        if not any(use.gradients for record in records.values() for use in record.uses):
            self._losses.pop(number, None)
            raise CaptureError(f"step {number}: no gradient reached a captured layer; forward and "
                               "backward() must both run inside capture.step()")
        if not self._measured:
            self._check_size(records)
            self._measured = True
        if wanted:
            self._loss_scales[number] = float(loss_scale)
            self._write(number, records)
            self._pending.discard(number)
            if not self._pending:
                self._finish()

    def record_loss(self, loss: Tensor | float) -> None:
        """Records the step's loss, before any loss scaling; outside a captured step a no-op.

        Of several in one step (micro-batches) the mean is recorded.
        """
        if self._current is not None and not self._measuring:
            value = loss.detach().float().mean().item() if isinstance(loss, Tensor) else loss
            self._losses.setdefault(self._current, []).append(float(value))

    # -- what the model calls

    def _hook_layers(self, hooks: contextlib.ExitStack, records: Mapping[str, _Record]) -> None:
        """Watches every layer until `hooks` closes."""
        for name, layer in self._layers.items():
            if layer.attention is None:
                hooks.callback(layer.module.register_forward_hook(
                    self._forward_hook(name, layer, records[name])).remove)
        # Attention multiplies without calling modules, but always through functional.linear.
        weights = {id(getattr(projection.module, projection.parameter)): layer.attention
                   for layer in self._layers.values() if layer.attention is not None
                   for projection in _attention_layers("", layer.attention).values()}
        if not weights:
            return
        original = functional.linear

        def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
            output = original(input, weight, bias)
            whole = weight if id(weight) in weights else weight._base
            if id(whole) in weights and self._records is not None and output.requires_grad:
                self._see_projections(records, weights[id(whole)], whole, input, weight, output)
            return output

        functional.linear = linear
        hooks.callback(setattr, functional, "linear", original)

    def _forward_hook(self, name: str, layer: Layer, record: _Record) -> Any:
        def hook(_: nn.Module, inputs: tuple[Any, ...], output: Tensor) -> None:
            # Without a graph no gradient can come back: an evaluation, or a frozen beginning.
            if self._records is None or not output.requires_grad:
                return
            if not inputs:
                raise CaptureError(f"layer {name}: called with keyword arguments; pass its input "
                                   "by position, or leave the layer out")
            self._see(layer, record, inputs[0], output, layer.arrange, layer.arrange)
        return hook

    def _see_projections(self, records: Mapping[str, _Record], attention: nn.MultiheadAttention,
                         whole: Tensor, x: Tensor, weight: Tensor, output: Tensor) -> None:
        """Splits one product of `attention`, by `weight`, the parameter `whole` or rows of it, into
        the projections that it computes. It works on [positions, batch, features], or on the first
        two as one; the trace has the batch in front."""
        if x.dim() == 3:
            self._attention_batch[id(attention)] = x.shape[1]
        batch = self._attention_batch[id(attention)]
        first = (weight.storage_offset() - whole.storage_offset()) // whole.stride(0)

        def batch_first(tensor: Tensor) -> Tensor:
            return tensor.reshape(-1, batch, tensor.shape[-1]).transpose(0, 1)

        for name, layer in self._layers.items():
            if getattr(layer.module, layer.parameter) is not whole:
                continue
            begin = (layer.rows.start or 0) - first
            if 0 <= begin < weight.shape[0]:
                columns = slice(begin, begin + attention.embed_dim)
                self._see(layer, records[name], x, output, batch_first,
                          lambda g, columns=columns: batch_first(g[..., columns]))

    def _see(self, layer: Layer, record: _Record, x: Tensor, output: Tensor,
             arrange: Callable[[Tensor], Tensor], arrange_gradient: Callable[[Tensor], Tensor]) -> None:
        """Notes one use of a layer: its input now, each gradient that reaches `output` later.

        The hook sits on the graph's node, not on the tensor: in PyTorch 1.13 a tensor hook set
        before an in-place operation changes what the user's own later hooks on that tensor see.
        And where the output is a view of the layer's result (a Linear on three dimensions), an
        in-place operation replaces the view's node, so the node below it is the one that lasts.
        """
        x = arrange(x.detach())
        if self._batch is None and not self._measuring:
            self._batch = x.shape[0]
        use = _Use(self._keep(x) if "input" in self._tensors else None)
        if record.weight is None and "weight" in self._tensors:
            record.weight = self._copy(layer.weight)
        record.uses.append(use)
        shape = output.shape
        base = output._base
        is_own = base is None or base.grad_fn is None or base.numel() != output.numel()
        source = output if is_own else base
        index = source.output_nr

        def hook(_: Any, grad_outputs: tuple[Tensor | None, ...]) -> None:
            gradient = grad_outputs[index]
            if gradient is not None:
                use.gradients.append(
                    self._keep(arrange_gradient(gradient.detach().reshape(shape))))

        source.grad_fn.register_hook(hook)

    def _keep(self, tensor: Tensor) -> Tensor:
        """A copy of the samples kept."""
        return self._copy(tensor if self._samples is None else tensor[:self._samples])

    def _copy(self, tensor: Tensor) -> Tensor:
        if self._measuring:
            return torch.empty(tensor.shape, dtype=self._dtype, device="meta")
        return tensor.to(device="cpu", dtype=self._dtype, copy=True,
                         memory_format=torch.contiguous_format)

    # -- from records to the file

    def _parts(self, name: str, record: _Record) -> dict[str, list[Tensor]]:
        """The layer's tensors, each as pieces to be joined along dimension 0.

        A use that no gradient came back from leaves nothing; one that several backward passes
        came back through counts once for each.
        """
        pairs = [(use.input, g) for use in record.uses for g in use.gradients]
        if not pairs:
            return {}
        parts: dict[str, list[Tensor]] = {}
        if "grad_output" in self._tensors:
            parts["grad_output"] = [gradient for _, gradient in pairs]
        if "input" in self._tensors:
            parts["input"] = [x for x, _ in pairs if x is not None]
        for kind, pieces in parts.items():
            shapes = sorted({tuple(p.shape[1:]) for p in pieces})
            if len(shapes) > 1:
                raise CaptureError(f"layer {name}: used with {kind} shapes {shapes} in one step, "
                                   "which one tensor cannot hold; leave the layer out")
        if record.weight is not None:
            parts["weight"] = [record.weight]
        return parts

    def _check_size(self, records: Mapping[str, _Record]) -> None:
        """Refuses a trace whose every step, being like this one, would exceed the maximum."""
        assert self._writer is not None and self._max_bytes is not None
        sizes = dict.fromkeys(self._tensors, 0)
        longest = 0
        for name, record in records.items():
            for kind, pieces in self._parts(name, record).items():
                sizes[kind] += sum(p.numel() * p.element_size() for p in pieces) * len(self.steps)
                if kind != "weight":
                    longest = max(longest, *(p.shape[0] for p in pieces))
        total = self._writer.total_bytes + sum(sizes.values())
        if total <= self._max_bytes:
            return
        advice = []
        per_sample = (sum(sizes.values()) - sizes.get("weight", 0)) / max(longest, 1)
        fixed = self._writer.total_bytes + sizes.get("weight", 0)
        fitting = math.floor((self._max_bytes - fixed) / per_sample) if per_sample else 0
        if fitting >= 1:
            advice.append(f"samples {fitting} would fit")
        elif "weight" in sizes and len(sizes) > 1 and fixed > self._max_bytes:
            advice.append("the weights alone are too large, leave them out of tensors")
        if self._dtype == torch.float32:
            advice.append("dtype bf16 halves it")
        advice.append("fewer layers or steps")
        raise CaptureError(
            f"{self.path}: the trace would take {format_bytes(total)}, the maximum size is "
            f"{format_bytes(self._max_bytes)} ("
            + ", ".join(f"{kind} {format_bytes(size)}" for kind, size in sizes.items())
            + f", {len(self.steps)} steps); what helps: " + "; ".join(advice))

    def _write(self, number: int, records: Mapping[str, _Record]) -> None:
        assert self._writer is not None
        for name, record in records.items():
            parts = self._parts(name, record)
            if not parts:
                warnings.warn(f"step {number}: no gradient reached layer {name}; left out")
            for kind, pieces in parts.items():
                self._writer.add(f"step{number}/{name}/{kind}",
                                 pieces[0] if len(pieces) == 1 else torch.cat(pieces))
            record.uses.clear()  # the memory is free before the next layer is joined

    def _finish(self) -> None:
        assert self._writer is not None
        metadata = dict(self._metadata)
        if self._batch is not None:
            metadata.setdefault("batch", str(self._batch))
        losses = {str(s): sum(v) / len(v) for s, v in sorted(self._losses.items())}
        metadata["loss"] = json.dumps({s: v if math.isfinite(v) else None
                                       for s, v in losses.items()})
        scales = {str(s): v for s, v in sorted(self._loss_scales.items())}
        metadata["loss_scale"] = (f"{next(iter(scales.values())):.17g}"
                                  if len(set(scales.values())) == 1 else json.dumps(scales))
        self._writer.finish(metadata)
        self._writer = None
        self._restore_signals()

    def _base_metadata(self, model: nn.Module, given: Mapping[str, str]) -> dict[str, str]:
        parameter = next(model.parameters(), None)
        device = "cpu"
        if parameter is not None and parameter.is_cuda:
            device = f"cuda ({torch.cuda.get_device_name(parameter.device)})"
        metadata = {
            "model": type(model).__name__,
            "dataset": "unspecified",
            "optimizer": "unspecified",
            "framework": f"pytorch {torch.__version__}",
            "device": device,
            "captured_by": f"gradpath scripts/capture {__version__}",
        }
        metadata.update(given)
        metadata["samples"] = "all" if self._samples is None else str(self._samples)
        metadata["layers"] = json.dumps({n: layer.geometry for n, layer in self._layers.items()},
                                        separators=(",", ":"))
        if self._others:
            metadata["not_captured"] = json.dumps(self._others, separators=(",", ":"))
        return metadata

    # -- signals and closing

    def _catch_signals(self) -> None:
        """Lets signals that would end the program at once unwind it instead."""
        if threading.current_thread() is not threading.main_thread():
            return
        for name in ("SIGTERM", "SIGHUP"):
            number = getattr(signal, name, None)
            if number is not None and signal.getsignal(number) is signal.SIG_DFL:
                self._signals[number] = signal.SIG_DFL
                signal.signal(number, _exit_on_signal)

    def _restore_signals(self) -> None:
        while self._signals:
            number, handler = self._signals.popitem()
            signal.signal(number, handler)

    def _close(self) -> None:
        if self._writer is not None:
            self._writer.discard()
            self._writer = None
        self._restore_signals()


def _exit_on_signal(number: int, _: FrameType | None) -> None:
    raise SystemExit(128 + number)
