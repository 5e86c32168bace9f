"""Lint and synthesis checks of rtl/: every module, with several sets of parameters each.

usage: elaborations.py lint|synth RTL_DIR TOOL
  lint   `verilator --lint-only -Wall` must be silent.
  synth  `yosys` must elaborate it, flattened, to coarse cells (scripts/synth maps them) with `check
         -assert` clean (no combinational loop, none through another module) and without a latch.
"""
import pathlib
import subprocess
import sys

IEEE, FN, FINITE, FNUZ = range(4)


RNE, RNA, RTZ, RUP, RDN, RTO, SR, SRU = range(8)


def quantizer(exponent_bits, mantissa_bits, bias, non_finite, saturate, rounding, random_bits=1, scaled=0):
    return {"ExponentBits": f"{exponent_bits}", "MantissaBits": f"{mantissa_bits}", "Bias": f"{bias}",
            "NonFinite": f"{non_finite}", "Saturate": f"1'b{saturate}", "Rounding": f"{rounding}",
            "RandomBits": f"{random_bits}", "Scaled": f"1'b{scaled}"}


# The ends of every parameter, each kind of non-finite codes, each rounding, and a bias above fp32's.
QUANTIZERS = [
    quantizer(5, 2, 15, IEEE, 0, RNE),
    quantizer(4, 3, 7, FN, 1, SR, 24),
    quantizer(2, 1, 1, FINITE, 0, SR, 1, scaled=1),
    quantizer(4, 3, 8, FNUZ, 0, SRU, 16),
    quantizer(3, 0, 3, IEEE, 0, SRU, 1, scaled=1),
    quantizer(7, 0, 255, FINITE, 1, SRU, 32),
    quantizer(1, 6, 0, IEEE, 1, RNE, scaled=1),
    quantizer(5, 2, 15, IEEE, 0, RNA),
    quantizer(4, 3, 7, FN, 0, RTZ, scaled=1),
    quantizer(5, 2, 15, IEEE, 0, RUP),
    quantizer(3, 2, 3, FINITE, 1, RDN),
    quantizer(5, 2, 16, FNUZ, 0, RTO),
]
ELABORATIONS = {
    "amax_unit": [{"Lanes": "8"}, {"Lanes": "1", "ExponentBits": "1", "MantissaBits": "6", "Bias": "0"},
                  {"Lanes": "2", "ExponentBits": "7", "MantissaBits": "0", "Bias": "255", "NonFinite": "2"}],
    "exp2_table": [{}],
    "front_end": [{"Lanes": "2", "Binades": "8", "FirstField": "100", "CountBits": "8"},
                  {"Lanes": "1", "UsesLogs": "1'b1", "NonFinite": "3", "Rounding": "7", "CountBits": "8"}],
    "histogram_bank": [{"Buckets": "5", "CountBits": "6"}],
    "log2_table": [{}],
    "threshold_histogram": [
        {"Lanes": "2", "MantissaBits": "0", "FirstField": "1", "Binades": "9", "CountBits": "6"},
        {"Lanes": "2", "MantissaBits": "2", "FirstField": "252", "Binades": "2", "CountBits": "8"},
        {"Lanes": "1", "MantissaBits": "2", "FirstField": "120", "Binades": "4", "CountBits": "28"}],
    "threshold_log": [{"Lanes": "2", "CountBits": "6"}, {"Lanes": "1", "CountBits": "28"}],
    "threshold_table": [{}],
    "compactor": [{"Lanes": "8", "CodeBits": "8", "NegativeZero": "1'b1"},
                  {"Lanes": "3", "CodeBits": "4", "NegativeZero": "1'b0"},
                  {"Lanes": "1", "CodeBits": "2", "NegativeZero": "1'b1"}],
    "decompactor": [{"Lanes": "8", "CodeBits": "8"}, {"Lanes": "3", "CodeBits": "4"},
                    {"Lanes": "1", "CodeBits": "2"}],
    "lfsr": [{}],
    "lane_words": [{"Lanes": "3", "RandomBits": "32"}, {"Lanes": "1", "RandomBits": "1"}],
    "stream_buffer": [{"Width": "1"}, {"Width": "73"}],
    "stream_stage": [{"OperandWidth": "1", "ResultWidth": "1"}, {"OperandWidth": "9", "ResultWidth": "4"}],
    "quantizer_lane": QUANTIZERS,
    "quantizer": [{"Lanes": lanes, **q} for q, lanes in zip(QUANTIZERS, "831111111111")],
    "multiplier": [{"ExponentBits": e, "MantissaBits": m} for e, m in ("52", "30", "16")],
    "pruner_lane": [{"RandomBits": "24"}, {"RandomBits": "1"}],
    "pruner": [{"Lanes": "2", "RandomBits": "16"}, {"Lanes": "1", "RandomBits": "1"}],
}


def lint(tool, sources, folder, top, parameters):
    return [tool, "--lint-only", "-Wall", "--assert", "--top-module", top, "-y", str(folder),
            *(f"-G{name}={value}" for name, value in parameters.items()), str(folder / f"{top}.sv")]


def synth(tool, sources, folder, top, parameters):
    parameters = "".join(f" -chparam {name} {value}" for name, value in parameters.items())
    script = (f"read_verilog -sv {' '.join(map(str, sources))}; hierarchy -check -top {top}{parameters}; "
              "proc; select -assert-none t:$dlatch; synth -flatten -run begin:fine; check -assert; "
              "select -assert-none t:$_DLATCH*; select -assert-none t:$dlatch*")
    return [tool, "-q", "-p", script]


def main():
    what, folder, tool = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
    sources = sorted(folder.glob("*.sv"))
    listed, found = sorted(ELABORATIONS), [s.stem for s in sources]
    if listed != found:
        sys.exit(f"modules in {folder}: {found}, elaborated here: {listed}")
    command = {"lint": lint, "synth": synth}[what]
    failures = runs = 0
    for top, sets in ELABORATIONS.items():
        for parameters in sets:
            done = subprocess.run(command(tool, sources, folder, top, parameters), text=True,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            runs += 1
            if done.returncode != 0 or done.stdout.strip():
                failures += 1
                print(f"{top} {parameters}: exit code {done.returncode}\n{done.stdout}")
    print(f"{runs} elaborations, {failures} failed")
    sys.exit(1 if failures or runs == 0 else 0)


main()
