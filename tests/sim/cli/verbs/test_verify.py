"""`gradpath verify`: the program itself; what it compares is tested in tests/rtl and tests/sim/verify."""
import csv
import json
import pathlib

import harness
from harness import f32

COLUMNS = ["module", "format", "rounding", "vectors", "mismatches", "first_mismatch"]


class Verify(harness.CommandTest):
    def test_the_columns_begin_as_the_contract_has_them(self):
        rows = self.rows("verify", "--module", "lfsr", "--quiet")
        self.assertEqual(list(rows[0])[:len(COLUMNS)], COLUMNS)
        self.assertEqual((rows[0]["module"], rows[0]["mismatches"]), ("lfsr", "0"))
        self.assertGreater(int(rows[0]["vectors"]), 0)

    def test_modules_formats_and_roundings_select(self):
        rows = self.rows("verify", "--module", "quantizer_lane", "--format", "e2m1fn,e5m2", "--round",
                         "rtz,sru:8", "--overflow", "saturate", "--quiet")
        got = {(r["format"], r["rounding"], r["overflow"]) for r in rows if r["scale"] == ""}
        self.assertEqual(got, {(f, r, "saturate") for f in ("e2m1fn", "e5m2") for r in ("rtz", "sru:8")})
        self.assertEqual({r["mismatches"] for r in rows}, {"0"})

    def test_every_module_says_what_it_compared_on_a_trace(self):
        trace = self.write_gradients(elements=300)
        modules = "quantizer,pruner,amax_unit,threshold_histogram,threshold_log"
        plain = self.rows("verify", "--module", modules, "--format", "e5m2", "--quiet")
        rows = self.rows("verify", trace, "--module", modules, "--format", "e5m2", "--quiet")
        self.assertEqual({r["module"] for r in rows}, set(modules.split(",")))
        for before, after in zip(plain, rows):
            self.assertGreater(int(after["vectors"]), int(before["vectors"]))
            self.assertEqual(after["mismatches"], "0")

    def test_results_do_not_depend_on_threads_but_on_the_seed(self):
        arguments = ("verify", "--module", "compactor", "--format", "e5m2", "--quiet", "--csv", "-")
        self.assertEqual(self.good(*arguments, "--threads", "1"), self.good(*arguments, "--threads", "3"))
        self.assertNotEqual(self.good(*arguments), self.good(*arguments, "--seed", "5"))

    def test_failing_fast_changes_nothing_where_all_is_equal(self):
        arguments = ("verify", "--module", "compactor,pruner", "--quiet", "--csv", "-")
        self.assertEqual(self.good(*arguments), self.good(*arguments, "--fail-fast"))

    def test_what_was_not_built_is_refused_naming_what_was(self):
        self.refused_saying(["verify", "--module", "divider"], "divider", "quantizer_lane")
        self.refused_saying(["verify", "--format", "e2m2b9f"], "e2m2b9f", "e5m2")
        self.refused_saying(["verify", "--round", "sr:3"], "sr:3", "sr:24")
        self.refused_saying(["verify", "missing.safetensors"], "missing.safetensors")

    def test_the_threshold_units_reach_about_their_targets(self):
        # Lognormal magnitudes: both units are made for them.
        values = [self.random.choice((-1, 1)) * self.random.lognormvariate(-9, 1.5) for _ in range(20000)]
        trace = self.write("t.safetensors", {"step0/l/grad_output": f32(*values)})
        self.good("verify", trace, "--module", "threshold_log,threshold_histogram", "--thresholds", "t.csv",
                  "--sparsity", "0.5,0.9", "--quiet")
        rows = list(csv.DictReader((self.folder / "t.csv").read_text().splitlines()))
        self.assertEqual([(r["unit"], r["mantissa_bits"]) for r in rows[::2]],
                         [("threshold_log", "")] + [("threshold_histogram", b) for b in "012"])
        for row in rows:
            target, alpha = float(row["target_sparsity"]), float(row["alpha"])
            # Expected zeros, from the definition of stochastic pruning.
            reached = sum(max(0.0, 1 - abs(x) / alpha) for x in values) / len(values)
            self.assertAlmostEqual(float(row["reached_sparsity"]), reached, delta=1e-5)
            self.assertAlmostEqual(float(row["error"]), reached - target, delta=1e-5)
            self.assertLess(abs(reached - target), 0.02)

    def test_thresholds_need_a_trace_and_a_file(self):
        self.refused_saying(["verify", "--thresholds", "t.csv"], "--thresholds", "trace")
        trace = self.write_gradients()
        self.refused_saying(["verify", trace, "--thresholds", "-"], "--thresholds")
        self.refused_saying(["verify", trace, "--thresholds", "t.csv", "--sparsity", "1"], "sparsity")

    def test_a_waveform_of_what_is_equal_is_short_whatever_the_module(self):
        blocks = json.loads((pathlib.Path(__file__).parents[4] / "rtl/blocks.json").read_text())
        verified = [(block["name"], block["verify"]) for block in blocks if "verify" in block]
        self.assertGreater(len(verified), 10)
        for module, bank in verified:
            self.good("verify", "--module", module, "--quiet", "--trace-fst", "w.fst")
            wave = (self.folder / "w.fst").read_bytes()
            self.assertIn(f"{bank}_bank".encode(), wave, module)  # the first name of the hierarchy
            self.assertLess(len(wave), 1 << 20)
            self.assertEqual(self.files(), ["w.fst"])

    def test_a_waveform_of_a_trace_holds_what_the_trace_does(self):
        trace = self.write_gradients(elements=300)
        self.good("verify", trace, "--module", "amax_unit", "--quiet", "--trace-fst", "w.fst")
        self.assertEqual(self.files(), [trace, "w.fst"])

    def test_a_waveform_that_cannot_be_is_refused(self):
        for module, path, words in (("pruner", "no/w.fst", ["no/w.fst"]), ("pruner", "-", ["file"]),
                                    ("pruner", ".", ["."])):
            self.refused_saying(["verify", "--module", module, "--trace-fst", path], *words)
        self.assertEqual(self.files(), [])


if __name__ == "__main__":
    harness.main()
