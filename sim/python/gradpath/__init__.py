"""gradpath: numerics of gradients, bit for bit as the program `gradpath` computes them.

Arrays are numpy arrays or torch CPU tensors of float32, contiguous; they are read without a copy,
and results are of the same kind and shape. Every function releases the GIL while it works. What is
wrong is a ValueError or TypeError that says what would be right. `name` is a tensor's name: with the
same name and seed, random words are those that the program draws for that tensor of a trace.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Mapping

import numpy as np

from gradpath import _gradpath
from gradpath._arrays import empty_like, is_tensor, view
from gradpath._gradpath import Format as _Format

__version__ = _gradpath.version
__all__ = ["Format", "Profile", "Trace", "cast", "cast_by_scheme", "decode", "encode", "fit",
           "formats", "gemm", "load_profiles", "prune", "sweep", "theory", "write_trace"]


class Format(_Format):
    """A number format by its name: Format("e4m3fn"), Format("e3m2b4f").

    Fields: name, bits, exponent_bits, mantissa_bits, bias, max_finite, min_normal, min_subnormal
    (floats; NaN where there is none), has_infinity, has_nan. ValueError names the nearest name.
    """

    def values(self) -> np.ndarray:
        """The value of every code, float64, by code. ValueError above 16 bits."""
        if self.bits > 16:
            raise ValueError(f"{self.name} has 2^{self.bits} codes; values() is for up to 16 bits")
        out = np.empty(1 << self.bits)
        self.decode_all(out)
        return out

    def __repr__(self) -> str:
        return f'Format("{self.name}")'

    def _repr_svg_(self) -> str:
        """The positive values on a line of octaves, for notebooks."""
        if self.bits > 12:
            return None
        values = self.values()
        octaves = np.log2(np.unique(values[np.isfinite(values) & (values > 0)]))
        low, high = math.floor(octaves[0]), math.ceil(octaves[-1] + 1e-9)
        place = {o: 20 + 600 * (o - low) / max(high - low, 1) for o in [*octaves, *range(low, high + 1)]}
        step = max(1, (high - low) // 12)
        ticks = "".join(f'<path d="M{place[o]:.1f} 20v16" stroke="#246"/>' for o in octaves)
        labels = "".join(f'<text x="{place[o]:.1f}" y="52" font-size="10" text-anchor="middle">2^{o}'
                         "</text>" for o in range(low, high + 1, step))
        return ('<svg xmlns="http://www.w3.org/2000/svg" width="640" height="60">'
                f'<text x="20" y="12" font-size="12">{self.name}: {self.bits} bits, '
                f'{len(octaves)} positive values</text><path d="M20 36h600" stroke="#888"/>'
                f"{ticks}{labels}</svg>")


def formats() -> list[Format]:
    """The formats with a name of their own, as `gradpath formats` lists them."""
    return [Format(name) for name in _gradpath.formats()]


def _format(format) -> Format:
    return format if isinstance(format, _Format) else Format(format)


def _request(format, rounding, overflow, scale, nan, flush, axis, seed, name):
    return _gradpath.CastRequest(_format(format), rounding, overflow, nan, flush, str(scale), axis,
                                 seed, name)


def cast(x, format, rounding: str = "rne", overflow: str = "standard", scale="none",
         nan: str = "error", seed: int = 0, name: str = "", axis: int = -1, flush: str = "none"):
    """The values of x rounded to a format: float32, of x's shape.

    scale: none, a number, amax, amax-po2, expected-max, mean-log, s2fp8, or by blocks along `axis`
    mx[:BLOCK[:RULE]], nvfp4[:BLOCK]. ValueError on a NaN where the format has none, naming the
    element, unless nan is zero or max.
    """
    array = view(x)
    request = _request(format, rounding, overflow, scale, nan, flush, axis, seed, name)
    result, out = empty_like(x)
    _gradpath.cast(request, array, array.shape, out, False)
    return result


def encode(x, format, rounding: str = "rne", overflow: str = "standard", scale="none",
           nan: str = "error", seed: int = 0, name: str = "", axis: int = -1, flush: str = "none"):
    """(codes, scale): the codes that `cast` rounds to, and what x was multiplied by.

    Codes are uint8, uint16 or uint32 as the format's bits need (of a torch tensor: uint8 or int32).
    scale is a float; by blocks an array with an element a block, of s2fp8 [alpha, beta].
    """
    array = view(x)
    format = _format(format)
    request = _request(format, rounding, overflow, scale, nan, flush, axis, seed, name)
    codes = np.empty(array.shape, _code_dtype(format))
    scales, shape = _gradpath.cast(request, array, array.shape, codes, True)
    found = np.array(scales, np.float32).reshape(shape)
    if is_tensor(x):
        import torch
        codes = torch.from_numpy(codes if format.bits <= 8 else codes.view(np.int32)
                                 if format.bits > 16 else codes.astype(np.int32))
        found = torch.from_numpy(found)
    return codes, found if shape else scales[0]


def _code_dtype(format: Format):
    return np.uint8 if format.bits <= 8 else np.uint16 if format.bits <= 16 else np.uint32


def decode(codes, format, scale=1.0):
    """The values of codes divided by `scale`, a number or an array that broadcasts: float32."""
    format = _format(format)
    dtype = _code_dtype(format)
    if is_tensor(codes):
        import torch
        values = decode(view(codes, "codes", (np.uint8, np.int32)).astype(dtype), format, 1.0)
        return torch.from_numpy(values) / scale
    array = view(codes, "codes", (dtype,))
    out = np.empty(array.shape, np.float32)
    is_number = np.ndim(scale) == 0
    _gradpath.decode(format, array, out, float(scale) if is_number else 1.0)
    return out if is_number else (out / np.asarray(scale, np.float32))


def cast_by_scheme(x, scheme: str, nan: str = "error", seed: int = 0, name: str = ""):
    """(values, row): a quantizer of the literature, as `gradpath cast --scheme`; row holds its
    scale and code book (empty where the codes are integers or a format's)."""
    array = view(x)
    result, out = empty_like(x)
    scale, book = _gradpath.cast_by_scheme(scheme, nan, seed, name, array, out)
    return result, {"scale": scale, "codebook": np.array(book, np.float32)}


def prune(x, sparsity: float | None = None, policy: str = "stochastic", alpha: str = "exact",
          seed: int = 0, name: str = "", last_alpha: float | None = None):
    """(pruned, row): x pruned to a target fraction of zeros, and the columns of `gradpath prune`."""
    array = view(x)
    result, out = empty_like(x)
    return result, _gradpath.prune(array, array.shape, out, policy, sparsity, alpha, last_alpha,
                                   seed, name)


class Fit(dict):
    """The columns of `gradpath fit` by name; in a notebook with its picture."""

    def _repr_svg_(self) -> str:
        """The lognormal law of log2|x| between the smallest and largest magnitude."""
        mu, sigma = self["mu_log2"], self["sigma_log2"]
        if not sigma > 0:
            return None
        xs = np.linspace(mu - 4 * sigma, mu + 4 * sigma, 121)
        place = lambda o: 20 + 600 * (o - xs[0]) / (xs[-1] - xs[0])
        curve = " ".join(f"{place(o):.1f},{110 - 80 * math.exp(-((o - mu) / sigma) ** 2 / 2):.1f}"
                         for o in xs)
        ends = "".join(f'<path d="M{place(o):.1f} 30v80" stroke="#a33" stroke-dasharray="3"/>'
                       for o in map(math.log2, (self["abs_min"], self["abs_max"]))
                       if xs[0] <= o <= xs[-1])
        labels = "".join(f'<text x="{place(mu + k * sigma):.1f}" y="124" font-size="10" '
                         f'text-anchor="middle">2^{mu + k * sigma:.1f}</text>' for k in range(-3, 4))
        return ('<svg xmlns="http://www.w3.org/2000/svg" width="640" height="130">'
                f'<text x="20" y="14" font-size="12">log2|x|: mean {mu:.3f}, sigma {sigma:.3f}, KS '
                f'{self["ks_lognormal"]:.4f}, {self["zeros"]} zeros of {self["numel"]}</text>'
                f'<polyline points="{curve}" fill="none" stroke="#246"/>{ends}{labels}</svg>')


def fit(x) -> Fit:
    """The lognormal fit of x and its distances to five laws: the columns of `gradpath fit`."""
    return Fit(_gradpath.fit(view(x)))


class Profile:
    """An exact, mergeable summary of one or many tensors: Profile(x), p + q, sum(...).

    Answers `sweep` without the tensor. `row()` has the columns of `gradpath profile`.
    """

    def __init__(self, x=None):
        self._profile = _gradpath.Profile() if x is None else _gradpath.profile(view(x))

    @classmethod
    def _of(cls, profile) -> "Profile":
        made = cls()
        made._profile = profile
        return made

    def __add__(self, other: "Profile") -> "Profile":
        return Profile._of(self._profile.merged(other._profile))

    def __radd__(self, zero: int) -> "Profile":
        return self  # sum() begins with 0

    def __eq__(self, other) -> bool:
        return isinstance(other, Profile) and self._profile == other._profile

    __hash__ = None

    def row(self) -> dict:
        return self._profile.counts()

    def save(self, path, name: str = "tensor") -> None:
        """Writes a file that `gradpath sweep` and `gradpath profile` read."""
        _gradpath.save_profile(self._profile, str(path), name)

    @classmethod
    def load(cls, path, name: str | None = None) -> "Profile":
        """The profile of a tensor in a file; `name` may be left out where there is one tensor."""
        found = load_profiles(path)
        if name is None and len(found) == 1:
            return next(iter(found.values()))
        if name not in found:
            raise ValueError(f"{path}: give the name of one of its {len(found)} tensors, e.g. "
                             f"{next(iter(found), None)!r}; found {name!r}")
        return found[name]

    def __repr__(self) -> str:
        return f"<Profile of {self.row()['numel']} elements, {self._profile.buckets} buckets>"


def load_profiles(path) -> dict[str, Profile]:
    """The profiles of a file by tensor name."""
    return {name: Profile._of(p) for name, p in _gradpath.load_profiles(str(path)).items()}


def _list(values) -> list:
    return [values] if isinstance(values, (str, int, float)) else list(values)


def sweep(x_or_profile, formats, rounding="rne", overflow="standard", scale="none", sparsity=0.0,
          axis: int = -1, seed: int = 0, name: str = "") -> list[dict]:
    """The errors of every combination, a dict a row: the columns of `gradpath sweep`.

    formats: a list, or text as the program reads it ("e{2..6}m{1..5}f,e4m3fn"); rounding, overflow,
    scale, sparsity: one each or a list. ValueError where a profile cannot answer.
    """
    if isinstance(x_or_profile, Profile):
        profile, array, shape = x_or_profile._profile, None, ()
    else:
        array = view(x_or_profile)
        profile, shape = _gradpath.profile(array), array.shape
    return _gradpath.sweep(profile, array, shape, _list(formats), _list(rounding), _list(overflow),
                           [str(s) for s in _list(scale)], [float(s) for s in _list(sparsity)], axis,
                           seed, name)


def gemm(a, b, a_format="fp32", b_format="fp32", accumulator: str = "fp32", rounding: str = "rne",
         overflow: str = "standard", a_scale="none", b_scale="none", nan: str = "error",
         seed: int = 0, a_name: str = "", b_name: str = ""):
    """D [M, N] = A [M, K] B [K, N], float32: operands cast, summed as the accumulator does, and
    divided by both scales, bit for bit as `gradpath gemm`."""
    left, right = view(a, "a"), view(b, "b")
    if left.ndim != 2 or right.ndim != 2 or left.shape[1] != right.shape[0]:
        raise ValueError(f"a is {list(left.shape)} and b is {list(right.shape)}: expected [M, K] and "
                         "[K, N]")
    d = np.empty((left.shape[0], right.shape[1]), np.float32)
    _gradpath.gemm(
        _request(a_format, rounding, overflow, a_scale, nan, "none", -1, seed, a_name), left,
        left.shape,
        _request(b_format, rounding, overflow, b_scale, nan, "none", -1, seed, b_name), right,
        right.shape, accumulator, d)
    if is_tensor(a):
        import torch
        return torch.from_numpy(d)
    return d


def theory(what: str, **values) -> list[dict]:
    """Closed forms as rows, the columns of `gradpath theory WHAT`: each keyword a number or a list.

    prune: mu=0, sigma, sparsity; error: sigma_log2, exponent_bits, mantissa_bits; split: sigma_log2,
    bits; max: sigma, n.
    """
    def prune_row(mu, sigma, sparsity):
        if sparsity == 0:
            return {"alpha": 0.0, "promoted_fraction": 0.0, "cosine": 1.0, "topk_cosine": 1.0}
        u = _gradpath.standard_threshold(sparsity, sigma)
        return {"alpha": math.exp(mu + sigma * u),
                "promoted_fraction": _gradpath.promoted_fraction(u, sigma),
                "cosine": _gradpath.pruning_cosine(u, sigma),
                "topk_cosine": _gradpath.topk_cosine(sparsity, sigma)}

    def error_row(*point):
        return dict(zip(("mean_relative_error", "mean_relative_error_exact"),
                        _gradpath.split_error(*point)))

    def split_row(*point):
        return dict(zip(("best_exponent_bits", "mean_relative_error"), _gradpath.best_split(*point)))

    def max_row(sigma, n):
        return {"expected_max": _gradpath.expected_max(sigma, n),
                "expected_max_bound": _gradpath.expected_max_bound(sigma, n)}

    tables = {"prune": (("mu", "sigma", "sparsity"), prune_row),
              "error": (("sigma_log2", "exponent_bits", "mantissa_bits"), error_row),
              "split": (("sigma_log2", "bits"), split_row),
              "max": (("sigma", "n"), max_row)}
    if what not in tables:
        raise ValueError(f"no table {what!r}; expected one of {', '.join(tables)}")
    names, row = tables[what]
    if what == "prune":
        values.setdefault("mu", 0.0)
    if set(values) != set(names):
        raise ValueError(f"theory({what!r}) takes {', '.join(names)}; found {', '.join(values) or 'none'}")
    points = itertools.product(*(_list(values[name]) for name in names))
    return [{**dict(zip(names, point)), **row(*point)} for point in points]


class Trace(Mapping):
    """A trace (any safetensors file) as a mapping from tensor names to arrays.

    F32 tensors are read-only views of the mapped file; BF16, F16 and F64 are converted to float32
    as the program reads them; others keep their bytes' type. `metadata` is the file's.
    """

    _VIEWS = {"F32": np.float32, "U8": np.uint8, "I8": np.int8, "U16": np.uint16, "I16": np.int16,
              "U32": np.uint32, "I32": np.int32, "U64": np.uint64, "I64": np.int64, "BOOL": np.bool_,
              "F8_E4M3": np.uint8, "F8_E5M2": np.uint8}

    def __init__(self, path):
        self._trace = _gradpath.Trace(str(path))
        self._names = self._trace.names

    @property
    def metadata(self) -> dict[str, str]:
        return self._trace.metadata

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __getitem__(self, name: str) -> np.ndarray:
        shape, dtype = self._trace.shape(name), self._trace.dtype(name)
        if dtype not in self._VIEWS:
            out = np.empty(shape, np.float32)
            self._trace.read_floats(name, out)
            return out
        if 0 in shape:
            return np.empty(shape, self._VIEWS[dtype])
        return np.frombuffer(self._trace.bytes(name), self._VIEWS[dtype]).reshape(shape)


def write_trace(path, tensors: Mapping, metadata: Mapping[str, str] | None = None) -> None:
    """Writes a safetensors file of numpy arrays or torch CPU tensors; it appears whole or not."""
    names = {"float32": "F32", "float64": "F64", "float16": "F16", "uint8": "U8", "int8": "I8",
             "uint16": "U16", "int16": "I16", "uint32": "U32", "int32": "I32", "uint64": "U64",
             "int64": "I64", "bool": "BOOL"}
    dtypes = tuple(np.dtype(name) for name in names)
    arrays = [(name, view(x, name, dtypes)) for name, x in tensors.items()]
    arrays.sort(key=lambda item: -item[1].dtype.itemsize)  # keeps every tensor aligned
    _gradpath.write_tensors(str(path), [(name, names[a.dtype.name], a.shape, a) for name, a in arrays],
                            dict(metadata or {}))
