"""The data that train.py trains on, as batches that depend on (seed, step) alone.

Nothing is downloaded and nothing is cached on disk: JPEGs are decoded when a batch needs
them (64 of them take about ten milliseconds), so a short training reads only what it uses.
"""

from __future__ import annotations

import io
import lzma
import pickle
import tarfile
import zlib
from pathlib import Path
from typing import Callable, Sequence

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

# Mean and standard deviation of CIFAR-10's training pixels, by channel, of values in [0, 1].
_CIFAR_MEAN = (0.4914, 0.4822, 0.4465)
_CIFAR_STD = (0.2470, 0.2435, 0.2616)


class DataError(Exception):
    """Missing or unusable data; the message says what was expected."""


def _generator(seed: int, stream: int, index: int) -> torch.Generator:
    """A random source of its own for each (seed, stream, index)."""
    words = np.random.SeedSequence([seed, stream, index]).generate_state(1, np.uint64)
    generator = torch.Generator()
    generator.manual_seed(int(words[0] >> np.uint64(1)))
    return generator


class Cifar10:
    """CIFAR-10's training images, whichever way they are stored.

    labels: class numbers, in the dataset's own order of classes (which is alphabetical).
    """

    def __init__(self, name: str, labels: Sequence[int], image: Callable[[int], np.ndarray]):
        self.name = name
        self.labels = torch.tensor(labels, dtype=torch.int64)
        self._image = image

    def __len__(self) -> int:
        return len(self.labels)

    def batch(self, step: int, size: int, seed: int) -> tuple[Tensor, Tensor]:
        """The step's images [size, 3, 32, 32], normalised, and labels [size].

        Epochs are random permutations without their incomplete last batch; each image is
        padded by 4, cropped at random and mirrored with probability 1/2.
        """
        per_epoch = len(self) // size
        if per_epoch == 0:
            raise DataError(f"batch {size} is larger than the data set ({len(self)} images)")
        epoch, position = divmod(step, per_epoch)
        order = torch.randperm(len(self), generator=_generator(seed, 0, epoch))
        chosen = order[position * size:(position + 1) * size]
        pixels = np.stack([self._image(i) for i in chosen.tolist()])  # [N, 32, 32, 3] uint8
        images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float().div_(255)
        mean = torch.tensor(_CIFAR_MEAN).view(3, 1, 1)
        std = torch.tensor(_CIFAR_STD).view(3, 1, 1)
        padded = F.pad((images - mean) / std, (4, 4, 4, 4))
        generator = _generator(seed, 1, step)
        corner = torch.randint(0, 9, (size, 2), generator=generator).tolist()
        mirror = torch.randint(0, 2, (size,), generator=generator).tolist()
        crops = [image[:, y:y + 32, x:x + 32] for image, (y, x) in zip(padded, corner)]
        return (torch.stack([c.flip(2) if m else c for c, m in zip(crops, mirror)]),
                self.labels[chosen])


def load_cifar10(path: Path) -> Cifar10:
    """CIFAR-10 from a folder with train/<class>/*.jpg, from a tar file of such a folder, or from
    torchvision's cifar-10-batches-py (the folder itself or the one that holds it)."""
    for folder in (path, path / "cifar-10-batches-py"):
        if (folder / "data_batch_1").is_file():
            return _from_batches(folder)
    if path.is_file():
        return _from_tar(path)
    if not path.exists():
        raise DataError(f"{path}: no such file or folder; give CIFAR-10 as a folder with "
                        "train/<class>/*.jpg, a tar.xz of one, or cifar-10-batches-py")
    files = {f"{f.parent.name}/{f.name}": f for f in path.glob("train/*/*.jpg")}
    return _from_jpegs(path, files, lambda file: file.read_bytes())


def _from_jpegs(path: Path, files: dict[str, object],
                read: Callable[[object], bytes]) -> Cifar10:
    """files: "class/name.jpg" to whatever `read` turns into the JPEG's bytes."""
    try:
        from PIL import Image
    except ImportError as error:
        raise DataError("reading JPEGs needs Pillow (Debian: python3-pil)") from error
    if not files:
        raise DataError(f"{path}: holds neither train/<class>/*.jpg nor data_batch_1")
    names = sorted(files)
    classes = sorted({name.split("/")[0] for name in names})

    def image(index: int) -> np.ndarray:
        with Image.open(io.BytesIO(read(files[names[index]]))) as jpeg:
            pixels = np.asarray(jpeg.convert("RGB"))
        if pixels.shape != (32, 32, 3):
            raise DataError(f"{path}: train/{names[index]} is "
                            f"{pixels.shape[1]}x{pixels.shape[0]}, not 32x32")
        return pixels

    return Cifar10("cifar10-jpg", [classes.index(n.split("/")[0]) for n in names], image)


def _from_tar(path: Path) -> Cifar10:
    files: dict[str, object] = {}
    try:
        with tarfile.open(path) as tar:
            for member in tar:
                parts = Path(member.name).parts
                if member.isfile() and parts[-3:-2] == ("train",) and parts[-1].endswith(".jpg"):
                    files[f"{parts[-2]}/{parts[-1]}"] = tar.extractfile(member).read()
    except (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError) as error:
        reason = str(error).splitlines()[0].rstrip(":")
        raise DataError(f"{path}: not a readable tar file: {reason}") from error
    return _from_jpegs(path, files, lambda content: content)


class _ArrayUnpickler(pickle.Unpickler):
    """Reads pickles of plain values and NumPy arrays; anything else could run code."""

    _ALLOWED = {("numpy", "ndarray"), ("numpy", "dtype"), ("_codecs", "encode"),
                ("numpy.core.multiarray", "_reconstruct"),
                ("numpy._core.multiarray", "_reconstruct")}

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in self._ALLOWED:
            raise pickle.UnpicklingError(f"holds a {module}.{name}")
        return super().find_class(module, name)


def _from_batches(folder: Path) -> Cifar10:
    pixels, labels = [], []
    for number in range(1, 6):
        file = folder / f"data_batch_{number}"
        try:
            with open(file, "rb") as stream:
                content = _ArrayUnpickler(stream, encoding="bytes").load()
            pixels.append(np.asarray(content[b"data"], dtype=np.uint8).reshape(-1, 3, 32, 32))
            labels += [int(label) for label in content[b"labels"]]
        except (OSError, pickle.UnpicklingError, KeyError, ValueError) as error:
            raise DataError(f"{file}: not a batch of cifar-10-batches-py: {error}") from error
    images = np.concatenate(pixels).transpose(0, 2, 3, 1)
    return Cifar10("cifar10", labels, lambda index: images[index])


class CharText:
    """A text as characters; the first 90 % are trained on.

    vocabulary: the text's distinct characters, sorted; a character's token is its place there.
    """

    def __init__(self, path: Path) -> None:
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"{path}: not a readable text file; give tinyshakespeare.txt or any "
                            f"other text in UTF-8 ({error})") from error
        self.name = path.stem
        self.vocabulary = sorted(set(text))
        number = {character: i for i, character in enumerate(self.vocabulary)}
        tokens = torch.tensor([number[c] for c in text], dtype=torch.int64)
        self._tokens = tokens[:len(tokens) * 9 // 10]

    def batch(self, step: int, size: int, seed: int, context: int) -> tuple[Tensor, Tensor]:
        """Token windows [size, context] from random places, and the same one character on."""
        last = len(self._tokens) - context
        if last < 1:
            raise DataError(f"the text is shorter than {context + 1} characters")
        starts = torch.randint(0, last, (size,), generator=_generator(seed, 2, step)).tolist()
        windows = torch.stack([self._tokens[s:s + context + 1] for s in starts])
        return windows[:, :-1].contiguous(), windows[:, 1:].contiguous()
