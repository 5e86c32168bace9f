"""What the capture tests share: the modules under test, a reader of their own, small networks."""

import json
import struct
import sys
import unittest
from pathlib import Path

import_error = ""
try:
    import numpy as np
    import torch
    from torch import nn
except ImportError as error:
    import_error = str(error)

SCRIPTS = Path(__file__).resolve().parents[3] / "scripts" / "capture"
sys.path.insert(0, str(SCRIPTS))

#: For every test class: without PyTorch the tests are skipped, and say so.
needs_torch = unittest.skipIf(import_error, f"PyTorch is not usable here: {import_error}")


def parse(path):
    """(metadata, {name: (dtype, shape, float64 values)}, size of header and data) of a trace.

    Written from the safetensors format's description, with NumPy alone, and strict: offsets
    must cover the data without holes, the data must begin at a multiple of 8.
    """
    raw = Path(path).read_bytes()
    (length,) = struct.unpack("<Q", raw[:8])
    assert length % 8 == 0 and raw[8:9] == b"{", "header"
    header = json.loads(raw[8:8 + length].decode("utf-8"))
    metadata = header.pop("__metadata__")
    data = raw[8 + length:]
    tensors = {}
    at = 0
    for name, entry in sorted(header.items(), key=lambda item: item[1]["data_offsets"]):
        begin, end = entry["data_offsets"]
        assert begin == at, f"hole before {name}"
        at = end
        if entry["dtype"] == "F32":
            values = np.frombuffer(data[begin:end], "<f4")
        elif entry["dtype"] == "F16":
            values = np.frombuffer(data[begin:end], "<f2")
        elif entry["dtype"] == "BF16":
            codes = np.frombuffer(data[begin:end], "<u2").astype(np.uint32) << 16
            values = codes.view(np.float32)
        else:
            raise AssertionError(f"{name}: dtype {entry['dtype']}")
        tensors[name] = (entry["dtype"], entry["shape"],
                         values.astype(np.float64).reshape(entry["shape"]))
    assert at == len(data), "bytes behind the last tensor"
    return metadata, tensors


if not import_error:
    class InPlaceNet(nn.Module):
        """Convolutions of several geometries, each changed in place after its use."""

        def __init__(self):
            super().__init__()
            self.first = nn.Conv2d(3, 8, 3, padding=1)
            self.norm = nn.BatchNorm2d(8)
            self.relu = nn.ReLU(inplace=True)
            self.grouped = nn.Conv2d(8, 8, 3, stride=2, padding="valid", groups=4, bias=False)
            self.wide = nn.Conv2d(8, 6, (3, 1), padding="same", dilation=(2, 1))
            self.drop = nn.Dropout(0.25)
            self.fc = nn.Linear(6, 5)

        def forward(self, x):
            x = self.first(x)
            x.mul_(2.0)  # directly on the layer's output
            x = self.relu(self.norm(x))
            x = self.relu(self.grouped(x))
            x = self.wide(x).add_(0.5)
            return self.fc(self.drop(x).mean(dim=(2, 3)))

    class SequenceNet(nn.Module):
        """Linears on three dimensions with an in-place ReLU on the (view) result."""

        def __init__(self):
            super().__init__()
            self.up = nn.Linear(6, 12)
            self.plain = nn.Linear(12, 12, bias=False)
            self.down = nn.Linear(12, 5)

        def forward(self, x):
            x = torch.relu_(self.up(x))
            x = torch.relu_(self.plain(x))
            return self.down(x).mean(dim=1)

    class SharedNet(nn.Module):
        """One layer applied three times in a pass."""

        def __init__(self):
            super().__init__()
            self.shared = nn.Linear(5, 5)

        def forward(self, x):
            for _ in range(3):
                x = torch.tanh(self.shared(x))
            return x

    class SignalNet(nn.Module):
        """Convolutions of one dimension and transposed ones, in samples of a plane and a signal."""

        def __init__(self):
            super().__init__()
            self.up = nn.ConvTranspose2d(2, 6, (3, 2), stride=2, padding=1, output_padding=(1, 0),
                                         groups=2)
            self.signal = nn.Conv1d(6, 8, 3, stride=2, padding=1, dilation=2, groups=2)
            self.same = nn.Conv1d(8, 4, 5, padding="same", bias=False)
            self.fc = nn.Linear(4, 5)

        def forward(self, x):
            x = torch.relu_(self.up(x)).flatten(2)
            return self.fc(torch.relu_(self.same(self.signal(x))).mean(dim=2))

    class AttentionNet(nn.Module):
        """Attention in each of the ways in which its inner products are packed: to itself, of one
        sequence to another, with three sources, with sources of other sizes, without a batch."""

        def __init__(self):
            super().__init__()
            self.own = nn.MultiheadAttention(8, 2, batch_first=True)
            self.cross = nn.MultiheadAttention(8, 4, bias=False, dropout=0.25)
            self.three = nn.MultiheadAttention(8, 1, add_bias_kv=True)
            self.sizes = nn.MultiheadAttention(8, 2, kdim=6, vdim=4, batch_first=True)
            self.alone = nn.MultiheadAttention(8, 2)
            self.fc = nn.Linear(8, 5)

        def forward(self, x):
            y, _ = self.own(x, x, x)
            other = x[:, :3]
            z, _ = self.cross(y.transpose(0, 1), other.transpose(0, 1), other.transpose(0, 1),
                              need_weights=False)
            z, _ = self.three(z, z * 2, z + 1)
            y, _ = self.sizes(z.transpose(0, 1), other[..., :6], other[..., 2:6])
            w, _ = self.alone(y[0], y[0], y[0])
            return self.fc(y.mean(dim=1) + w.mean(dim=0))

    #: Name: (network, shape of one sample, classes).
    NETS = {"in-place": (InPlaceNet, (3, 9, 9), 5), "sequence": (SequenceNet, (4, 6), 5),
            "shared": (SharedNet, (5,), 5), "signal": (SignalNet, (2, 4, 5), 5),
            "attention": (AttentionNet, (7, 8), 5)}
