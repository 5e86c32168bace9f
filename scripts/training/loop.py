"""Trains networks under gradpath.torch.emulate, in pairs: see scripts/train-in-loop --help."""

from __future__ import annotations

import argparse
import contextlib
import csv
import math
import os
import sys
import time
from pathlib import Path

import torch
from torch.nn import functional as F

sys.path[:0] = [str(Path(__file__).resolve().parent), str(Path(__file__).resolve().parent.parent / "capture")]
import gradpath.torch  # noqa: E402
from gradpath_capture import Capture, CaptureError  # noqa: E402
from tasks import NETWORKS, make_task  # noqa: E402

COLUMNS = ("network", "method", "seed", "steps", "device", "train_loss", "test_loss", "test_accuracy",
           "zeros", "cosine", "bias", "seconds", "curve")


def both(**operand) -> dict:
    return {"dX": operand, "dW": operand}


#: Operands of the forward products as FP8 training has them.
FP8 = {"X": {"format": "e4m3fn", "scale": "amax-po2"}, "W": {"format": "e4m3fn", "scale": "amax-po2"}}


def _methods() -> dict[str, dict]:
    methods: dict[str, dict] = {"fp32": {}, "null": {}}
    for percent in (50, 70, 85, 90, 95):
        methods[f"prune{percent}"] = both(sparsity=percent / 100)
    methods["redraw85"] = methods["prune85"]
    methods["lognormal85"] = both(sparsity=0.85, alpha="lognormal")
    methods["histogram85"] = both(sparsity=0.85, alpha="histogram:1")
    for percent in (50, 85, 95):
        methods[f"topk{percent}"] = both(sparsity=percent / 100, policy="topk")
    methods["prune85-dX"] = {"dX": {"sparsity": 0.85}}
    methods["prune85-dW"] = {"dW": {"sparsity": 0.85}}
    for name in ("e5m2", "e4m3fn"):
        for rounding in ("rne", "sr"):
            cast = {"format": name, "rounding": rounding, "scale": "amax-po2"}
            methods[f"{name}-{rounding}"] = both(**cast)
    for bits in (4, 6, 8):
        for exponent in range(1, bits):
            for rounding in ("rne", "sr"):
                name = f"e{exponent}m{bits - 1 - exponent}f"
                methods[f"{name}-{rounding}"] = both(format=name, rounding=rounding,
                                                     overflow="saturate", scale="amax-po2")
    methods["fp8"] = {**FP8, **both(format="e5m2", scale="amax-po2")}
    methods["prune85-fp8"] = {**FP8, **both(sparsity=0.85, format="e5m2", scale="amax-po2")}
    return methods


#: What is done to every layer's operands, by name. null: initial weights larger by a millionth, so
#: what a pair differs by where nothing was done; redraw85: prune85 with other random words.
METHODS = _methods()
DEFAULT_METHODS = ("fp32,null,prune50,prune85,redraw85,prune95,topk85,prune85-dX,prune85-dW,e5m2-rne,"
                   "e5m2-sr,fp8,prune85-fp8")


def capture_of(network: str, method: str, task, args: argparse.Namespace):
    """The capture that --trace asks for of the first training of fp32; else a context of None."""
    if args.trace is None or method != "fp32" or args.trace.exists():
        return contextlib.nullcontext()
    steps = [task.steps - 1 if s == "last" else int(s) for s in args.capture.split(",")]
    data = args.images if NETWORKS[network][1] == "images" else args.text
    device = next(task.model.parameters()).device
    return Capture(task.model, args.trace, steps=steps, layers=args.layers.split(","), dtype="bf16",
                   samples=args.samples, metadata={
                       "model": network, "dataset": "none" if data is None else data.name.split(".")[0],
                       "optimizer": type(task.optimizer).__name__, "captured_by": "scripts/train-in-loop",
                       "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu"})


def run(network: str, method: str, seed: int, args: argparse.Namespace, device: torch.device) -> dict:
    """One training; the row of the table."""
    task = make_task(network, seed, device, args.images, args.text, args.steps)
    if method == "null":
        with torch.no_grad():
            for p in task.model.parameters():
                p.mul_(1 + 1e-6)
    # fp32 goes the same way as the others, so that a difference is the method's.
    emulation = gradpath.torch.emulate(task.model, {"*": METHODS[method]},
                                       seed + (1000 if method == "redraw85" else 0))
    rates = [group["lr"] for group in task.optimizer.param_groups]
    losses = []
    begun = time.monotonic()
    with capture_of(network, method, task, args) as capture:
        for step in range(task.steps):
            for group, rate in zip(task.optimizer.param_groups, rates):
                group["lr"] = rate * task.rate(step)
            x, y = task.batch(step)
            emulation.measures = step == task.steps // 2
            with capture.step(step) if capture else contextlib.nullcontext():
                loss = F.cross_entropy(task.model(x).flatten(0, -2), y.flatten())
                task.optimizer.zero_grad(set_to_none=True)
                loss.backward()
                if capture:
                    capture.record_loss(loss)
            task.optimizer.step()
            emulation.next_step()
            losses.append(loss.detach())
    curve = torch.stack(losses).float().cpu()
    seconds = time.monotonic() - begun
    measured = [r for r in emulation.statistics() if r["operand"] in ("dX", "dW")]
    emulation.remove()
    test_loss, accuracy = task.evaluate(task.model)

    def mean(column: str) -> float:
        total = sum(r["numel"] for r in measured)
        return sum(r[column] * r["numel"] for r in measured) / total if total else math.nan

    parts = [p.mean().item() for p in curve.tensor_split(min(20, len(curve)))]
    return {"network": network, "method": method, "seed": seed, "steps": task.steps,
            "device": torch.cuda.get_device_name() if device.type == "cuda" else "cpu",
            "train_loss": curve[len(curve) // 2:].mean().item(), "test_loss": test_loss,
            "test_accuracy": accuracy, "zeros": mean("zeros"), "cosine": mean("cosine"),
            "bias": mean("bias"), "seconds": round(seconds, 2),
            "curve": ";".join(f"{p:.4f}" for p in parts)}


def read_rows(path: Path) -> list[dict]:
    if not path.exists():
        return []
    with open(path, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def append_row(path: Path, row: dict) -> None:
    """Durable before the next training begins: an interrupted run goes on where it stopped."""
    is_new = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "a", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, COLUMNS)
        if is_new:
            writer.writeheader()
        writer.writerow(row)
        file.flush()
        os.fsync(file.fileno())


# 97.5 % points of Student's t by degrees of freedom.
_T = (math.nan, 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228)


def interval(values: list[float]) -> tuple[float, float]:
    """Mean and half width of its 95 % interval; NaN for one value."""
    n = len(values)
    mean = sum(values) / n
    if n < 2:
        return mean, math.nan
    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / (n - 1))
    return mean, (_T[n - 1] if n <= len(_T) else 1.96) * deviation / math.sqrt(n)


def summary(rows: list[dict], column: str = "train_loss") -> list[dict]:
    """By network and method: the paired difference from fp32 of the same seed and steps."""
    by_key = {(r["network"], r["steps"], r["method"], r["seed"]): r for r in rows}
    gaps: dict[tuple, list[float]] = {}
    for (network, steps, method, seed), row in by_key.items():
        base = by_key.get((network, steps, "fp32", seed))
        if base is not None and method != "fp32":
            gaps.setdefault((network, steps, method), []).append(float(row[column]) - float(base[column]))
    table = []
    for (network, steps, method), values in sorted(gaps.items()):
        mean, half = interval(values)
        table.append({"network": network, "steps": steps, "method": method, "pairs": len(values),
                      "gap": mean, "half_width": half})
    return table


def print_summary(rows: list[dict]) -> None:
    print(f"{'network':12} {'steps':>6} {'method':14} {'pairs':>5} {'loss - fp32':>12} {'95 %':>9}")
    for r in summary(rows):
        print(f"{r['network']:12} {r['steps']:>6} {r['method']:14} {r['pairs']:5} {r['gap']:12.4f} "
              f"{'+-' + format(r['half_width'], '.4f'):>9}")


def make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="train-in-loop", description="Trains networks whose gradients are pruned and cast, in "
        "pairs: a method against fp32 from the same initial weights on the same batches. Rows go to "
        "a CSV file; what is in it is not trained again.")
    parser.add_argument("--networks", default="teacher", help=f"of {', '.join(NETWORKS)}")
    parser.add_argument("--methods", default=DEFAULT_METHODS, help=f"of {', '.join(METHODS)}")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, help="of each training; default: the network's")
    parser.add_argument("--images", type=Path, help="tar of CIFAR-10 as {train,test}/CLASS/*.jpg")
    parser.add_argument("--text", type=Path, help="a text, for the character networks")
    parser.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    parser.add_argument("--threads", type=int)
    parser.add_argument("--time-limit", type=float, default=math.inf, metavar="SECONDS",
                        help="begin no training after so long")
    parser.add_argument("--trace", type=Path, help="capture the first fp32 training to this trace")
    parser.add_argument("--capture", default="10,last", help="its steps: numbers or last")
    parser.add_argument("--layers", default="*", help="its layers: globs over module paths")
    parser.add_argument("--samples", type=int, default=2, help="its samples of each batch")
    parser.add_argument("-o", "--output", type=Path, default=Path("train-in-loop.csv"))
    return parser


def main(argv: list[str]) -> int:
    args = make_parser().parse_args(argv)
    networks, methods = args.networks.split(","), args.methods.split(",")
    for name, known in [(n, NETWORKS) for n in networks] + [(m, METHODS) for m in methods]:
        if name not in known:
            print(f"train-in-loop: {name!r} is unknown; expected of {', '.join(known)}", file=sys.stderr)
            return 2
    if args.threads:
        torch.set_num_threads(args.threads)
    on_gpu = args.device != "cpu" and torch.cuda.is_available()
    if args.device == "cuda" and not on_gpu:
        print("train-in-loop: --device cuda: PyTorch finds no GPU here; use cpu", file=sys.stderr)
        return 2
    if on_gpu:  # products of fp32 operands in tf32, sums in fp32
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        torch.backends.cudnn.benchmark = True
    device = torch.device("cuda" if on_gpu else "cpu")
    done = {(r["network"], r["method"], int(r["seed"]), int(r["steps"])) for r in read_rows(args.output)}
    begun = time.monotonic()
    for network in networks:
        for seed in range(args.seeds):
            for method in methods:
                steps = args.steps or NETWORKS[network][0]
                if (network, method, seed, steps) in done:
                    continue
                if time.monotonic() - begun > args.time_limit:
                    break
                try:
                    row = run(network, method, seed, args, device)
                except (ValueError, CaptureError) as error:
                    print(f"train-in-loop: {error}", file=sys.stderr)
                    return 2
                append_row(args.output, row)
                print(f"{network} {method} seed {seed}: loss {row['train_loss']:.4f}, test "
                      f"{row['test_loss']:.4f} ({row['test_accuracy']:.4f}), {row['seconds']} s",
                      file=sys.stderr, flush=True)
    print_summary(read_rows(args.output))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
