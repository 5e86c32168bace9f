"""Every function of `gradpath` equals the program on random inputs, bit for bit."""
import gc
import itertools
import threading
import time

import numpy as np
import pytest

import gradpath
from program import NAME, gradients, rows, run, same_bits, same_row, trace

SCALES = ["none", "0.37", "amax", "amax-po2", "expected-max", "mean-log", "s2fp8", "mx", "mx:7:ceil",
          "mx:16:mse", "nvfp4"]
FORMATS = ["e5m2", "e4m3fn", "e2m1fn", "e3m2f", "e4m3fnuz", "bf16", "fp16", "dlfloat16", "e6m9", "fp32"]
ROUNDINGS = ["rne", "rna", "rtz", "rup", "rdn", "rto", "sr", "sr:7", "sru:5"]


def cases():
    random = np.random.default_rng(20)
    for seed in range(40):
        yield (seed, random.choice(FORMATS), random.choice(ROUNDINGS), random.choice(SCALES),
               random.choice(["standard", "saturate"]), random.choice(["none", "output", "both"]))


@pytest.mark.parametrize("seed,format,rounding,scale,overflow,flush", cases())
def test_cast_and_encode_equal_the_program(tmp_path, seed, format, rounding, scale, overflow, flush):
    if scale == "nvfp4" and gradpath.Format(format).bits > 16:
        scale = "amax"
    x = gradients(seed)
    source = trace(tmp_path / "in.safetensors", x)
    options = ["--format", format, "--round", rounding, "--scale", scale, "--overflow", overflow,
               "--flush", flush, "--seed", seed, "--axis", 1, "--quiet"]
    settings = dict(format=str(format), rounding=str(rounding), scale=str(scale), flush=str(flush),
                    overflow=str(overflow), seed=seed, name=NAME, axis=1)
    try:
        values = gradpath.cast(x, **settings)
    except ValueError as error:  # then the program refuses too, for the same reason
        with pytest.raises(AssertionError, match=str(error)[:20]):
            run("cast", source, *options, "-o", tmp_path / "out.safetensors")
        return
    run("cast", source, *options, "--as", "values", "-o", tmp_path / "values.safetensors")
    same_bits(values, gradpath.Trace(tmp_path / "values.safetensors")[NAME])
    run("cast", source, *options, "-o", tmp_path / "codes.safetensors")
    written = gradpath.Trace(tmp_path / "codes.safetensors")
    codes, found = gradpath.encode(x, **settings)
    same_bits(codes, written[NAME])
    side = NAME + (".shift_squeeze" if scale == "s2fp8" else ".scale")
    if side in written:
        same_bits(np.float32(found).reshape(-1), written[side].reshape(-1))
    if isinstance(found, float):
        same_bits(gradpath.decode(codes, str(format), found), values)


@pytest.mark.parametrize("scheme", ["int8", "luq:4", "aciq:4", "wage:8", "hfp8"])
def test_schemes_equal_the_program(tmp_path, scheme):
    x = gradients(3)
    source = trace(tmp_path / "in.safetensors", x)
    run("cast", source, "--scheme", scheme, "--as", "values", "--seed", 5, "-o", tmp_path / "out",
        "--quiet")
    same_bits(gradpath.cast_by_scheme(x, scheme, seed=5, name=NAME)[0],
              gradpath.Trace(tmp_path / "out")[NAME])


POLICIES = ["stochastic", "topk", "topk:example", "random", "swat", "ye", "dithered:1.5", "nm:2:4",
            "hard:0.01"]


@pytest.mark.parametrize("policy,alpha", [*((p, "exact") for p in POLICIES), ("stochastic", "lognormal"),
                                          ("stochastic", "histogram:1"), ("stochastic", "sample:256")])
def test_prune_equals_the_program(tmp_path, policy, alpha):
    x = gradients(len(policy))
    source = trace(tmp_path / "in.safetensors", x)
    out = tmp_path / "out.safetensors"
    expected, = rows("prune", source, "--sparsity", 0.85, "--policy", policy, "--alpha", alpha,
                     "--seed", 9, "-o", out)
    pruned, row = gradpath.prune(x, 0.85, policy, alpha, seed=9, name=NAME)
    same_bits(pruned, gradpath.Trace(out)[NAME])
    same_row(row, expected)


def test_fit_equals_the_program(tmp_path):
    for seed in range(4):
        x = gradients(seed, (3, 1000))
        expected, = rows("fit", trace(tmp_path / "in.safetensors", x))
        same_row(gradpath.fit(x), expected)


def test_fit_of_special_tensors_equals_the_program(tmp_path):
    for x in (np.zeros(5), np.ones(7), np.array([np.nan, np.inf, 1, 2]), np.zeros(0)):
        x = x.astype(np.float32)
        expected, = rows("fit", trace(tmp_path / "in.safetensors", x))
        same_row(gradpath.fit(x), expected)


def test_profiles_merge_and_files_equal_the_programs(tmp_path):
    x, y = gradients(1), gradients(2)
    run("profile", trace(tmp_path / "x.safetensors", x), trace(tmp_path / "y.safetensors", y), "-o",
        tmp_path / "both.profile", "--quiet")
    (gradpath.Profile(x) + gradpath.Profile(y)).save(tmp_path / "ours.profile", NAME)
    assert (tmp_path / "ours.profile").read_bytes() == (tmp_path / "both.profile").read_bytes()
    loaded = gradpath.Profile.load(tmp_path / "both.profile")
    assert loaded == sum([gradpath.Profile(y), gradpath.Profile(x)])
    same_row(loaded.row(), rows("profile", tmp_path / "both.profile")[0])
    with pytest.raises(ValueError, match="give the name"):
        gradpath.Profile.load(tmp_path / "both.profile", "elsewhere")


def test_sweep_equals_the_program(tmp_path):
    x = gradients(7)
    source = trace(tmp_path / "in.safetensors", x)
    options = dict(formats="e{2..5}m{1..3}f,e4m3fn", round="rne,sr:8", scale="none,amax-po2,amax,mx",
                   sparsity="0,0.8", overflow="standard,saturate")
    expected = rows("sweep", source, *itertools.chain(*((f"--{k}", v) for k, v in options.items())))
    found = gradpath.sweep(x, options["formats"], rounding=["rne", "sr:8"],
                           scale=["none", "amax-po2", "amax", "mx"], sparsity=[0, 0.8],
                           overflow=["standard", "saturate"], name=NAME)
    assert len(found) == len(expected) > 200
    for a, b in zip(found, expected):
        same_row(a, b)
    by_profile = gradpath.sweep(gradpath.Profile(x), "e4m3fn", scale="amax-po2")
    same_row(by_profile[0], gradpath.sweep(x, "e4m3fn", scale="amax-po2")[0])
    with pytest.raises(ValueError, match="cannot be answered from a profile"):
        gradpath.sweep(gradpath.Profile(x), "e4m3fn", scale="amax")


@pytest.mark.parametrize("accumulator", ["fp32", "exact", "chunk:8:e6m9:fp32", "hopper-fp8", "bf16"])
def test_gemm_equals_the_program(tmp_path, accumulator):
    a, b = gradients(4, (13, 70)), gradients(5, (70, 9))
    gradpath.write_trace(tmp_path / "in.safetensors", {"a": a, "b": b})
    run("gemm", tmp_path / "in.safetensors", "--a", "a", "--b", "b", "--a-format", "e5m2", "--b-format",
        "e4m3fn", "--scale", "amax-po2", "--round", "sr", "--seed", 3, "--accumulator", accumulator,
        "-o", tmp_path / "d.safetensors", "--quiet")
    same_bits(gradpath.gemm(a, b, "e5m2", "e4m3fn", accumulator, "sr", a_scale="amax-po2",
                            b_scale="amax-po2", seed=3, a_name="a", b_name="b"),
              gradpath.Trace(tmp_path / "d.safetensors")["D"])


@pytest.mark.parametrize("what,values", [
    ("prune", dict(mu=[0, -3.5], sigma=[0.5, 2], sparsity=[0, 0.5, 0.9])),
    ("error", dict(sigma_log2=[1, 4.5], exponent_bits=[2, 5], mantissa_bits=[0, 3])),
    ("split", dict(sigma_log2=[0.7, 3], bits=[4, 8])),
    ("max", dict(sigma=[1, 2.5], n=[10, 100000]))])
def test_theory_equals_the_program(what, values):
    options = [("--" + k.replace("_", "-"), ",".join(map(str, v))) for k, v in values.items()]
    expected = rows("theory", what, *itertools.chain(*options))
    found = gradpath.theory(what, **values)
    assert len(found) == len(expected)
    for a, b in zip(found, expected):
        same_row(a, b)
    with pytest.raises(ValueError, match="takes"):
        gradpath.theory(what, other=1)


def test_formats_equal_the_program():
    table = rows("formats")
    assert [f.name for f in gradpath.formats()] == [r["format"] for r in table]
    for found, row in zip(gradpath.formats(), table):
        for column in ("bits", "exponent_bits", "mantissa_bits", "bias", "max_finite", "min_normal",
                       "min_subnormal"):
            same_row({column: getattr(found, column)}, row)
    codes = rows("formats", "e3m2b4fn")
    values = gradpath.Format("e3m2b4fn").values()
    for value, row in zip(values, codes):
        text = str(row["value"])
        expected = float.fromhex(text) if "x" in text else float(text)
        assert value == expected or (value != value and expected != expected)
    assert gradpath.Format("e4m3fn") == gradpath.Format("e4m3fn") != gradpath.Format("e5m2")
    with pytest.raises(ValueError, match="nearest"):
        gradpath.Format("fp61")


def test_traces_read_back_and_stay_open(tmp_path):
    x = gradients(8)
    arrays = {NAME: x, "codes": np.arange(7, dtype=np.uint8), "half": np.float16([1.5, -2]),
              "none": np.empty((0, 3), np.float32), "wide": np.arange(3, dtype=np.int64)}
    gradpath.write_trace(tmp_path / "t.safetensors", arrays, {"model": "m"})
    opened = gradpath.Trace(tmp_path / "t.safetensors")
    assert dict(opened.metadata) == {"model": "m"} and set(opened) == set(arrays)
    for name, array in arrays.items():
        expected = array.astype(np.float32) if array.dtype == np.float16 else array
        same_bits(opened[name], expected)
    view = opened[NAME]
    assert not view.flags.writeable
    del opened
    gc.collect()
    same_bits(view, x)
    with pytest.raises(KeyError):
        gradpath.Trace(tmp_path / "t.safetensors")["absent"]
    with pytest.raises(ValueError, match="absent.safetensors"):
        gradpath.Trace(tmp_path / "absent.safetensors")


def test_torch_tensors_in_torch_tensors_out_on_the_same_memory():
    torch = pytest.importorskip("torch")
    x = gradients(2)
    tensor = torch.from_numpy(x)
    for function in (lambda v: gradpath.cast(v, "e4m3fn", "sr"), lambda v: gradpath.prune(v, 0.9)[0],
                     lambda v: gradpath.decode(gradpath.encode(v, "fp16")[0], "fp16")):
        found = function(tensor)
        assert isinstance(found, torch.Tensor)
        same_bits(found.numpy(), function(x))
    assert gradpath.fit(tensor) == gradpath.fit(x)
    grown = torch.nn.Parameter(tensor.clone())
    same_bits(gradpath.cast(grown, "e5m2").numpy(), gradpath.cast(x, "e5m2"))


@pytest.mark.parametrize("value,error,remedy", [
    (np.ones(4), TypeError, "astype"), (np.ones((4, 4), np.float32).T[1:], ValueError, "ascontiguous"),
    ([1.0, 2.0], TypeError, "np.asarray"), (np.ones(3, np.int32), TypeError, "float32"),
    (np.float32([1, np.nan, 2]), ValueError, "element 1 is NaN")])
def test_misuse_says_what_to_do(value, error, remedy):
    with pytest.raises(error, match=remedy):
        gradpath.cast(value, "e2m1fn")


def test_wrong_words_are_refused_with_the_programs_message():
    x = gradients(0)
    for arguments, message in ((dict(format="e4m3fx"), "e4m3fn"), (dict(rounding="up"), "rne"),
                               (dict(scale="big"), "amax"), (dict(scale="delayed"), "earlier steps"),
                               (dict(overflow="wrap"), "saturate"), (dict(axis=9), "axis")):
        settings = {"format": "e4m3fn", **arguments}
        if "axis" in arguments:
            settings["scale"] = "mx"
        with pytest.raises(ValueError, match=message):
            gradpath.cast(x, **settings)
    with pytest.raises(ValueError, match="sparsity"):
        gradpath.prune(x)
    with pytest.raises(ValueError):
        gradpath.prune(x, 1.0)
    with pytest.raises(ValueError, match="code"):
        gradpath.decode(np.uint8([200]), "e2m1fn")
    with pytest.raises(ValueError, match="expected"):
        gradpath.gemm(x[0, 0], x[0, 0])


def test_the_interpreter_runs_on_meanwhile():
    x = gradients(0, (1 << 21,))
    ticks, done = [], threading.Event()

    def work():
        for _ in range(3):
            gradpath.fit(x)
        done.set()
    worker = threading.Thread(target=work)
    worker.start()
    while not done.is_set():
        ticks.append(time.monotonic())
        time.sleep(0.001)
    worker.join()
    assert len(ticks) > 20  # held, it would be a tick a call


def test_pictures_are_whole_svg():
    from xml.dom import minidom
    for text in (gradpath.Format("e4m3fn")._repr_svg_(), gradpath.fit(gradients(1))._repr_svg_()):
        assert minidom.parseString(text).documentElement.tagName == "svg"
