#!/usr/bin/env python3
"""Trains a small network for real and captures chosen steps as a gradpath trace."""

from __future__ import annotations

import argparse
import contextlib
import datetime
import difflib
import hashlib
import json
import os
import platform
import re
import shlex
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, NoReturn

try:
    import torch
except ImportError:
    sys.exit("train.py: error: PyTorch is not installed (Debian: python3-torch)")
from torch import Tensor, nn
from torch.nn import functional as F

import models
from data import CharText, DataError, load_cifar10
from gradpath_capture import (DTYPES, TENSORS, Capture, CaptureError, format_bytes,
                              read_safetensors)

EXAMPLES = """\
examples:
  Two steps of ResNet-18 on CIFAR-10, four layers, two samples each, in bfloat16:
    scripts/capture/train.py --model resnet18 --data cifar10-jpg.tar.xz \\
      --steps 600 --capture 10,last --samples 2 --dtype bf16 \\
      --layers 'conv1,layer2.0.*,fc' --max-size 12MiB -o resnet18.safetensors

  Gradients alone of a character Transformer in mixed precision on a GPU, as scaled by
  dynamic loss scaling:
    scripts/capture/train.py --model transformer --data tinyshakespeare.txt \\
      --steps 2000 --capture 0,1000,last --tensors grad_output --amp fp16 \\
      --loss-scale dynamic -o transformer.safetensors

A step is counted from 0: step S has S updates behind it. Exit codes: 0 good, 2 bad input.
"""

_SIZE_UNITS = {"": 1, "b": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30,
               "kb": 10**3, "mb": 10**6, "gb": 10**9}


class UsageError(Exception):
    """Bad options; the message says which and what would be right."""


class _Parser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage text."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"{self.prog}: error: {message}\n")


# --- options ----------------------------------------------------------------------------


def _size(text: str) -> int:
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([a-z]*)", text.strip().lower())
    if not match or match[2] not in _SIZE_UNITS:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 12MiB or 500kB")
    return int(float(match[1]) * _SIZE_UNITS[match[2]])


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _list(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]


def _model(text: str) -> str:
    if text not in models.MODELS:
        near = difflib.get_close_matches(text.lower(), models.MODELS, 1, 0)
        raise argparse.ArgumentTypeError(f"unknown model {text!r}, nearest is {near[0]!r}; known: "
                                         + ", ".join(models.MODELS))
    return text


def _loss_scale(text: str) -> float | str:
    if text == "dynamic":
        return text
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is neither a number above 0 nor 'dynamic'")
    return value


def make_parser() -> argparse.ArgumentParser:
    parser = _Parser(prog="train.py", description=__doc__, epilog=EXAMPLES,
                     formatter_class=argparse.RawDescriptionHelpFormatter)
    train = parser.add_argument_group("training")
    train.add_argument("--model", type=_model, required=True, metavar="NAME",
                       help="resnet18, vgg11 or densenet (CIFAR-10), or transformer (text)")
    train.add_argument("--data", type=Path, required=True, metavar="PATH",
                       help="CIFAR-10: a folder with train/<class>/*.jpg, a tar of one, or "
                            "cifar-10-batches-py; transformer: a text file")
    train.add_argument("--steps", type=_positive, default=500, metavar="N",
                       help="steps to train (default 500)")
    train.add_argument("--batch", type=_positive, default=64, metavar="N",
                       help="samples a step (default 64)")
    train.add_argument("--lr", type=float, metavar="X",
                       help="learning rate (default 0.05 with SGD, 0.001 with AdamW)")
    train.add_argument("--schedule", choices=("constant", "linear"), default="constant",
                       help="learning rate over the steps; linear: up over the first 5 %%, then "
                            "down to 0 (default constant)")
    train.add_argument("--width", type=_positive, metavar="N",
                       help="channels of resnet18's first stage (default 64) or width of the "
                            "transformer (default 128, a multiple of 4)")
    train.add_argument("--context", type=_positive, default=128, metavar="N",
                       help="characters a sample, for the transformer (default 128)")
    train.add_argument("--amp", choices=("none", "bf16", "fp16"), default="none",
                       help="mixed precision by autocast; fp16 needs a GPU (default none)")
    train.add_argument("--loss-scale", type=_loss_scale, default=1.0, metavar="X|dynamic",
                       help="multiply the loss by X before the backward pass, or scale it "
                            "dynamically (needs a GPU) (default 1)")
    train.add_argument("--seed", type=int, default=0, metavar="N",
                       help="of weights, data order and augmentation (default 0)")
    train.add_argument("--device", choices=("auto", "cpu", "cuda"), default="auto",
                       help="auto takes a GPU if there is one (default)")
    train.add_argument("--threads", type=_positive, metavar="N",
                       help="CPU threads (default: PyTorch's own choice)")

    trace = parser.add_argument_group("trace")
    trace.add_argument("-o", "--output", type=Path, required=True, metavar="FILE",
                       help="the safetensors file to write")
    trace.add_argument("--capture", type=_list, default=["0", "last"], metavar="S[,S]",
                       help="steps to capture, numbers or 'last' (default 0,last)")
    trace.add_argument("--layers", type=_list, default=["*"], metavar="GLOB[,GLOB]",
                       help="module paths to capture (default all)")
    trace.add_argument("--tensors", type=_list, default=list(TENSORS), metavar="LIST",
                       help=f"of {','.join(TENSORS)} (default all)")
    trace.add_argument("--samples", type=_positive, metavar="K",
                       help="keep the first K samples of the batch (default all)")
    trace.add_argument("--dtype", choices=tuple(DTYPES), metavar="TYPE",
                       help="storage type f32, bf16 or f16 (default f32, with --amp the same "
                            "type as it)")
    trace.add_argument("--max-size", type=_size, metavar="SIZE",
                       help="refuse to write a larger file, e.g. 12MiB; found out in the first "
                            "step (default no limit)")
    trace.add_argument("--provenance", metavar="FILE",
                       help="JSON with the command, machine, loss curve and checksum (default: "
                            "the output with the ending .json; 'none' for no such file)")

    other = parser.add_argument_group("other")
    other.add_argument("--log-every", type=_positive, default=20, metavar="N",
                       help="steps between progress lines on stderr (default 20)")
    other.add_argument("--quiet", action="store_true", help="no progress lines")
    return parser


# --- what is trained --------------------------------------------------------------------


@dataclass
class Task:
    """A network, its data and its loss. batch(step) gives inputs and targets on the CPU."""

    model: nn.Module
    model_name: str
    dataset: str
    batch: Callable[[int], tuple[Tensor, Tensor]]
    batch_name: str
    optimizer: torch.optim.Optimizer
    optimizer_name: str


def make_task(args: argparse.Namespace, device: torch.device) -> Task:
    if args.width is not None and args.model not in ("resnet18", "transformer"):
        raise UsageError(f"--width: {args.model} has no width to choose")
    if args.model == "transformer":
        if args.width is not None and args.width % 4:
            raise UsageError(f"--width {args.width}: the transformer needs a multiple of 4")
        text = CharText(args.data)
        torch.manual_seed(args.seed)
        width = args.width or 128
        model: nn.Module = models.CharTransformer(len(text.vocabulary), args.context, width)
        lr = 1e-3 if args.lr is None else args.lr
        model.to(device)
        return Task(model, f"transformer (4 blocks, width {width}, context {args.context})",
                    text.name, lambda s: text.batch(s, args.batch, args.seed, args.context),
                    f"{args.batch} x {args.context} characters",
                    torch.optim.AdamW(model.parameters(), lr=lr, weight_decay=0.01),
                    f"AdamW lr={lr:g} betas=0.9,0.999 weight_decay=0.01")
    images = load_cifar10(args.data)
    torch.manual_seed(args.seed)
    if args.model == "resnet18":
        model = models.ResNet18(width=args.width or 64)
        name = f"resnet18 (CIFAR stem, width {args.width or 64})"
    else:
        model = models.IMAGE_MODELS[args.model]()
        name = args.model
    lr = 0.05 if args.lr is None else args.lr
    model.to(device)
    return Task(model, name, images.name, lambda s: images.batch(s, args.batch, args.seed),
                str(args.batch),
                torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, weight_decay=5e-4),
                f"SGD lr={lr:g} momentum=0.9 weight_decay=0.0005")


def learning_rate_factor(schedule: str, step: int, steps: int) -> float:
    """What the learning rate is multiplied by in `step`, in (0, 1]."""
    if schedule == "constant":
        return 1.0
    warmup = max(1, steps // 20)
    if step < warmup:
        return (step + 1) / warmup
    return (steps - step) / (steps - warmup)


class LossScaler:
    """Static or dynamic loss scaling behind one face; a scale of 1 changes no bit."""

    def __init__(self, scale: float | str) -> None:
        self._static = scale if isinstance(scale, float) else 1.0
        self._dynamic: Any = None
        if scale == "dynamic":
            # PyTorch 2.3 moved the class; the old place warns there.
            scaler = getattr(torch.amp, "GradScaler", None)
            self._dynamic = scaler("cuda") if scaler else torch.cuda.amp.GradScaler()

    @property
    def scale(self) -> float:
        return float(self._dynamic.get_scale()) if self._dynamic else self._static

    def backward(self, loss: Tensor) -> None:
        (self._dynamic.scale(loss) if self._dynamic else loss * self._static).backward()

    def step(self, optimizer: torch.optim.Optimizer) -> None:
        if self._dynamic:
            self._dynamic.step(optimizer)
            self._dynamic.update()
            return
        if self._static != 1.0:
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        parameter.grad.div_(self._static)
        optimizer.step()


def train(task: Task, capture: Capture, args: argparse.Namespace, device: torch.device,
          losses: list[float], say: Callable[[str], None]) -> None:
    """Trains for args.steps steps; appends each step's (unscaled) loss to `losses`."""
    task.model.train()
    scaler = LossScaler(args.loss_scale)
    base_rates = [group["lr"] for group in task.optimizer.param_groups]
    dtype = torch.float16 if args.amp == "fp16" else torch.bfloat16
    begun = time.monotonic()
    for step in range(args.steps):
        inputs, targets = (t.to(device) for t in task.batch(step))
        for group, rate in zip(task.optimizer.param_groups, base_rates):
            group["lr"] = rate * learning_rate_factor(args.schedule, step, args.steps)
        with capture.step(step, scaler.scale):
            with torch.autocast(device.type, dtype=dtype, enabled=args.amp != "none"):
                outputs = task.model(inputs)
                loss = F.cross_entropy(outputs.flatten(0, -2), targets.flatten())
            task.optimizer.zero_grad(set_to_none=True)
            scaler.backward(loss)
            capture.record_loss(loss)
        scaler.step(task.optimizer)
        losses.append(loss.item())
        if (step + 1) % args.log_every == 0 or step + 1 == args.steps:
            recent = losses[-args.log_every:]
            rate = (step + 1) * args.batch / (time.monotonic() - begun)
            say(f"step {step}: loss {sum(recent) / len(recent):.4f} "
                f"(mean of {len(recent)}), {rate:.1f} samples/s")


# --- provenance -------------------------------------------------------------------------


def _shown_command(argv: list[str]) -> str:
    """The command line with absolute paths cut to their last part: they tell of one machine."""
    shown = ["scripts/capture/train.py"]
    for argument in argv:
        option, equals, value = argument.rpartition("=")
        shown.append(option + equals + (Path(value).name if os.path.isabs(value) else value))
    return shlex.join(shown)


def _processor() -> str:
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _tensor_facts(tensor: Tensor) -> dict[str, Any]:
    values = tensor.float().flatten()
    finite = values[torch.isfinite(values)]
    return {"shape": list(tensor.shape), "zeros": int((values == 0).sum()),
            "nonfinite": values.numel() - finite.numel(),
            "abs_max": float(finite.abs().max()) if finite.numel() else 0.0}


def provenance(args: argparse.Namespace, argv: list[str], device: torch.device,
               losses: list[float], seconds: float) -> dict[str, Any]:
    """How the finished trace came to be, and what reading it back shows."""
    metadata, tensors = read_safetensors(args.output)
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "none at hand"
    stride = max(1, -(-len(losses) // 50))
    curve = [[start, round(sum(part) / len(part), 4)]
             for start in range(0, len(losses), stride)
             for part in [losses[start:start + stride]]]
    return {
        "trace": {"file": args.output.name, "bytes": args.output.stat().st_size,
                  "sha256": hashlib.sha256(args.output.read_bytes()).hexdigest()},
        "command": _shown_command(argv),
        "date": datetime.date.today().isoformat(),
        "framework": metadata["framework"],
        "python": platform.python_version(),
        "device": device.type,
        "gpu": gpu,
        "processor": _processor(),
        "threads": torch.get_num_threads(),
        "seed": args.seed,
        "steps_trained": len(losses),
        "seconds": round(seconds, 1),
        "samples_per_second": round(len(losses) * args.batch / seconds, 1),
        "captured_loss": json.loads(metadata["loss"]),
        "loss_curve": {"columns": ["first_step", "mean_loss"], "steps_per_point": stride,
                       "points": curve},
        "tensors": {name: _tensor_facts(tensor) for name, tensor in tensors.items()},
    }


def write_json(path: Path, content: Any) -> None:
    """Writes `content` in one step: the file is whole or not there.

    An object or list takes one line where it fits, so that the file reads like a table.
    """
    def lay_out(value: Any, indent: str) -> str:
        line = json.dumps(value)
        if not isinstance(value, (dict, list)) or len(indent) + len(line) <= 120:
            return line
        inner = indent + "  "
        if isinstance(value, dict):
            rows = [f"{json.dumps(k)}: {lay_out(v, inner)}" for k, v in value.items()]
            return "{\n" + ",\n".join(inner + r for r in rows) + f"\n{indent}}}"
        rows = [lay_out(v, inner) for v in value]
        return "[\n" + ",\n".join(inner + r for r in rows) + f"\n{indent}]"

    text = lay_out(content, "")
    partial = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(text + "\n", encoding="utf-8")
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


# --- the program ------------------------------------------------------------------------


def _captured_steps(args: argparse.Namespace) -> list[int]:
    steps = []
    for text in args.capture:
        if text != "last" and not text.isdecimal():
            raise UsageError(f"--capture {text!r}: give step numbers or 'last'")
        step = args.steps - 1 if text == "last" else int(text)
        if step >= args.steps:
            raise UsageError(f"--capture {step}: the training has steps 0 to {args.steps - 1}; "
                             "see --steps")
        steps.append(step)
    return steps


def _device(args: argparse.Namespace) -> torch.device:
    if args.device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: PyTorch finds no GPU here; use cpu or auto")
    name = "cuda" if args.device != "cpu" and torch.cuda.is_available() else "cpu"
    if name == "cpu" and args.amp == "fp16":
        raise UsageError("--amp fp16: needs a GPU; use bf16 on the CPU")
    if name == "cpu" and args.loss_scale == "dynamic":
        raise UsageError("--loss-scale dynamic: needs a GPU; give a number on the CPU")
    return torch.device(name)


def run(argv: list[str]) -> None:
    args = make_parser().parse_args(argv)
    steps = _captured_steps(args)
    device = _device(args)
    if args.threads is not None:
        torch.set_num_threads(args.threads)
    if device.type == "cuda":  # the same seed, the same trace
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
        torch.backends.cudnn.benchmark = False
        torch.use_deterministic_algorithms(True, warn_only=True)
    dtype = args.dtype or {"none": "f32", "bf16": "bf16", "fp16": "f16"}[args.amp]
    task = make_task(args, device)

    def say(line: str) -> None:
        if not args.quiet:
            print(line, file=sys.stderr, flush=True)

    metadata = {
        "model": task.model_name,
        "dataset": task.dataset,
        "batch": task.batch_name,
        "optimizer": f"{task.optimizer_name} schedule={args.schedule}",
        "amp": args.amp,
        "seed": str(args.seed),
        "date": datetime.date.today().isoformat(),
    }
    parameters = sum(p.numel() for p in task.model.parameters())
    say(f"{task.model_name}: {parameters / 1e6:.2f} M parameters, on {device.type}")
    losses: list[float] = []
    begun = time.monotonic()
    capture = Capture(task.model, args.output, steps=steps, layers=args.layers,
                      tensors=args.tensors, dtype=dtype, samples=args.samples,
                      max_bytes=args.max_size, metadata=metadata)
    try:
        with capture:
            train(task, capture, args, device, losses, say)
    finally:
        # A training cut short after its last captured step leaves a complete trace.
        if capture.done and args.provenance != "none":
            path = Path(args.provenance or args.output.with_suffix(".json"))
            write_json(path, provenance(args, argv, device, losses, time.monotonic() - begun))
    captured, tensors = read_safetensors(args.output)
    print(f"{args.output}: {len(tensors)} tensors, {format_bytes(args.output.stat().st_size)}, "
          f"loss {captured['loss']}")


def main(argv: list[str]) -> int:
    def show_warning(message: Warning | str, *_: Any, **__: Any) -> None:
        print(f"train.py: warning: {message}", file=sys.stderr)

    warnings.showwarning = show_warning
    try:
        run(argv)
    except (UsageError, DataError, CaptureError) as error:
        print(f"train.py: error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("train.py: interrupted", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
