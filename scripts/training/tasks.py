"""What train-in-loop trains: networks, their data and schedules, all on one device.

A task's weights depend on its seed, and its batches on (seed, step) alone, so that two trainings of
one seed are a pair.
"""

from __future__ import annotations

import dataclasses
import io
import sys
import tarfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Callable

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "capture"))  # its networks
from models import CharTransformer, ResNet18, _conv3x3  # noqa: E402


@dataclasses.dataclass
class Task:
    """A network in training. batch(step): inputs and targets; evaluate(model): test loss, accuracy."""

    model: nn.Module
    optimizer: torch.optim.Optimizer
    steps: int
    batch: Callable[[int], tuple[Tensor, Tensor]]
    evaluate: Callable[[nn.Module], tuple[float, float]]

    def rate(self, step: int) -> float:
        """The learning rate's factor: up over a sixth of the steps, then down to zero."""
        warm = max(1, self.steps // 6)
        return min((step + 1) / warm, (self.steps - step) / (self.steps - warm))


def _generator(device: torch.device, *words: int) -> torch.Generator:
    state = np.random.SeedSequence(words).generate_state(1, np.uint64)
    return torch.Generator(device).manual_seed(int(state[0] >> np.uint64(1)))


class Mlp(nn.Sequential):
    def __init__(self, inputs: int, width: int, classes: int, depth: int = 3) -> None:
        sizes = [inputs] + depth * [width]
        layers: list[nn.Module] = [nn.Flatten()]
        for a, b in zip(sizes, sizes[1:]):
            layers += [nn.Linear(a, b), nn.ReLU()]
        super().__init__(*layers, nn.Linear(width, classes))


class SmallResNet(nn.Module):
    """ResNet-8 for tiny images: a stem and three residual blocks of two convolutions."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.stem = _conv3x3(3, width)
        self.norm = nn.BatchNorm2d(width)
        self.blocks = nn.ModuleList()
        for i in range(3):
            a, b = width << max(i - 1, 0), width << i
            self.blocks.append(nn.ModuleDict({
                "conv1": _conv3x3(a, b, 2 if i else 1), "norm1": nn.BatchNorm2d(b),
                "conv2": _conv3x3(b, b), "norm2": nn.BatchNorm2d(b),
                "shortcut": nn.Conv2d(a, b, 1, 2 if i else 1, bias=False)}))
        self.fc = nn.Linear(width << 2, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm(self.stem(x)))
        for b in self.blocks:
            y = b["norm2"](b["conv2"](F.relu(b["norm1"](b["conv1"](x)))))
            x = F.relu(y + b["shortcut"](x))
        return self.fc(x.mean((2, 3)))


class Images:
    """CIFAR-10 from a tar of {train,test}/<class>/*.jpg, on the device as bytes."""

    def __init__(self, path: Path, device: torch.device, size: int = 32) -> None:
        from PIL import Image

        def decode(content: bytes) -> np.ndarray:
            return np.asarray(Image.open(io.BytesIO(content)).convert("RGB"))

        files: dict[str, list[tuple[str, str, bytes]]] = {"train": [], "test": []}
        with tarfile.open(path) as tar:
            for member in tar:
                parts = Path(member.name).parts
                if member.isfile() and len(parts) >= 3 and parts[-3] in files:
                    files[parts[-3]].append((parts[-2], parts[-1], tar.extractfile(member).read()))
        self.sets = {}
        for name, entries in files.items():
            entries.sort()
            classes = sorted({e[0] for e in entries})
            with ThreadPoolExecutor() as pool:
                pixels = np.stack(list(pool.map(lambda e: decode(e[2]), entries)))
            images = torch.from_numpy(pixels).permute(0, 3, 1, 2).to(device)
            if size < 32:
                images = F.avg_pool2d(images.float(), 32 // size).round().byte()
            labels = torch.tensor([classes.index(e[0]) for e in entries], device=device)
            self.sets[name] = (images.contiguous(), labels)
        self.device = device
        self._mean = torch.tensor((0.4914, 0.4822, 0.4465), device=device).view(1, 3, 1, 1)
        self._std = torch.tensor((0.2470, 0.2435, 0.2616), device=device).view(1, 3, 1, 1)

    def normalised(self, images: Tensor) -> Tensor:
        return (images.float() / 255 - self._mean) / self._std

    def batch(self, step: int, size: int, seed: int, augment: bool) -> tuple[Tensor, Tensor]:
        images, labels = self.sets["train"]
        epoch, place = divmod(step, len(labels) // size)
        order = torch.randperm(len(labels), generator=_generator(self.device, seed, 0, epoch),
                               device=self.device)
        chosen = order[place * size:(place + 1) * size]
        x = self.normalised(images[chosen])
        if augment:  # crops of the padded image, and mirrored ones
            random = _generator(self.device, seed, 1, step)
            padded = F.pad(x, (4, 4, 4, 4))
            corner = torch.randint(0, 9, (2, size, 1), generator=random, device=self.device)
            mirror = torch.randint(0, 2, (size, 1), generator=random, device=self.device).bool()
            along = torch.arange(32, device=self.device).expand(size, 32)
            rows = corner[0] + along
            columns = corner[1] + torch.where(mirror, 31 - along, along)
            n = torch.arange(size, device=self.device).view(-1, 1, 1)
            x = padded.permute(0, 2, 3, 1)[n, rows.unsqueeze(2), columns.unsqueeze(1)]
            x = x.permute(0, 3, 1, 2)
        return x, labels[chosen]

    def evaluate(self, model: nn.Module) -> tuple[float, float]:
        images, labels = self.sets["test"]
        return _evaluate(model, lambda i: (self.normalised(images[i:i + 1000]), labels[i:i + 1000]),
                         range(0, len(labels), 1000))


@torch.no_grad()
def _evaluate(model: nn.Module, batch: Callable, places) -> tuple[float, float]:
    model.eval()
    loss, right, count = 0.0, 0, 0
    for place in places:
        x, y = batch(place)
        out = model(x).flatten(0, -2).float()
        loss += F.cross_entropy(out, y.flatten(), reduction="sum").item()
        right += int((out.argmax(1) == y.flatten()).sum())
        count += y.numel()
    model.train()
    return loss / count, right / count


class Text:
    """Characters; the last tenth is for tests."""

    def __init__(self, path: Path, device: torch.device) -> None:
        text = path.read_text(encoding="utf-8")
        self.vocabulary = sorted(set(text))
        number = {c: i for i, c in enumerate(self.vocabulary)}
        tokens = torch.tensor([number[c] for c in text], device=device)
        self.train, self.test = tokens[:len(tokens) * 9 // 10], tokens[len(tokens) * 9 // 10:]

    @staticmethod
    def _windows(tokens: Tensor, starts: Tensor, context: int) -> tuple[Tensor, Tensor]:
        places = starts.view(-1, 1) + torch.arange(context + 1, device=tokens.device)
        windows = tokens[places]
        return windows[:, :-1], windows[:, 1:]

    def batch(self, step: int, size: int, seed: int, context: int) -> tuple[Tensor, Tensor]:
        starts = torch.randint(0, len(self.train) - context, (size,), device=self.train.device,
                               generator=_generator(self.train.device, seed, 2, step))
        return self._windows(self.train, starts, context)

    def evaluate(self, model: nn.Module, context: int, most: int) -> tuple[float, float]:
        starts = torch.arange(0, len(self.test) - context, context, device=self.test.device)[:most]
        return _evaluate(model, lambda i: self._windows(self.test, starts[i:i + 64], context),
                         range(0, len(starts), 64))


class Blobs:
    """Data that need no file: labels by a random teacher network, so that there is much to learn."""

    def __init__(self, device: torch.device) -> None:
        random = _generator(device, 7)
        self.x = torch.randn(6144, 48, generator=random, device=device)
        w1 = torch.randn(48, 64, generator=random, device=device) / 48 ** 0.5
        w2 = torch.randn(64, 10, generator=random, device=device)
        self.y = (torch.relu(self.x @ w1) @ w2).argmax(1)

    def batch(self, step: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
        chosen = torch.randint(0, 4096, (size,), device=self.x.device,
                               generator=_generator(self.x.device, seed, 3, step))
        return self.x[chosen], self.y[chosen]

    def evaluate(self, model: nn.Module) -> tuple[float, float]:
        return _evaluate(model, lambda i: (self.x[i:i + 1024], self.y[i:i + 1024]), (4096, 5120))


#: Networks by name: default steps, what data they take.
NETWORKS = {"teacher": (300, None), "mlp": (600, "images"), "resnet8": (400, "images"),
            "char": (500, "text"), "resnet18": (20 * 97, "images"), "transformer": (600, "text")}
_data: dict = {}


def make_task(network: str, seed: int, device: torch.device, images: Path | None,
              text: Path | None, steps: int | None) -> Task:
    """The task, its weights drawn from the seed. Data are read once a process."""
    default, source = NETWORKS[network]
    steps = steps or default
    size = 32 if network == "resnet18" else 8
    path = {"images": images, "text": text, None: None}[source]
    if source and path is None:
        raise ValueError(f"{network} needs --{source}")
    key = (source, size if source == "images" else 0)
    if key not in _data:
        _data[key] = (Blobs(device) if source is None else Text(path, device) if source == "text"
                      else Images(path, device, size))
    data = _data[key]
    torch.manual_seed(seed)
    if network in ("teacher", "mlp"):
        model = Mlp(48, 128, 10) if network == "teacher" else Mlp(192, 256, 10)
        model = model.to(device)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        batch = ((lambda s: data.batch(s, 64, seed)) if network == "teacher"
                 else (lambda s: data.batch(s, 128, seed, False)))
        return Task(model, optimizer, steps, batch, data.evaluate)
    if network == "resnet8":
        model = SmallResNet().to(device)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9, weight_decay=5e-4)
        return Task(model, optimizer, steps, lambda s: data.batch(s, 128, seed, False), data.evaluate)
    if network == "resnet18":
        model = ResNet18().to(device, memory_format=torch.channels_last)
        optimizer = torch.optim.SGD(model.parameters(), lr=0.4, momentum=0.9, weight_decay=5e-4,
                                    nesterov=True)
        return Task(model, optimizer, steps, lambda s: data.batch(s, 512, seed, True), data.evaluate)
    if network == "char":
        model = CharTransformer(len(data.vocabulary), 32, 32, 4, 2).to(device)
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
        return Task(model, optimizer, steps, lambda s: data.batch(s, 32, seed, 32),
                    lambda m: data.evaluate(m, 32, 256))
    model = CharTransformer(len(data.vocabulary), 256, 384, 6, 6).to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, betas=(0.9, 0.99), weight_decay=0.1)
    return Task(model, optimizer, steps, lambda s: data.batch(s, 64, seed, 256),
                lambda m: data.evaluate(m, 256, 400))
