"""The verb `sweep`: its space, its store, its ranking. The numbers are tests/oracle/sweep_oracle.py's."""
import csv
import io
import math
import signal
import sqlite3
import subprocess
import time

import harness
from harness import PROGRAM, f32, floats

COLUMNS = ("trace,tensor,format,exponent_bits,mantissa_bits,bias,rounding,overflow,scale,sparsity,"
           "mean_relative_error,mse,cosine,zero_fraction,saturated_fraction").split(",")


class Sweep(harness.CommandTest):
    def without(self, rows, *columns):
        return [{k: v for k, v in row.items() if k not in columns} for row in rows]

    def test_columns_and_every_combination_once(self):
        name = self.write_gradients(tensors=2, elements=300)
        rows = self.rows("sweep", name, "--formats", "e5m2,e{2..3}m1f", "--round", "rne,sr:12", "--overflow",
                         "standard,saturate", "--scale", "none,amax-po2,3", "--sparsity", "0,0.5")
        self.assertEqual(list(rows[0])[:15], COLUMNS)
        combinations = {tuple(r[c] for c in ("tensor", "format", "rounding", "overflow", "scale", "sparsity"))
                        for r in rows}
        self.assertEqual((len(rows), len(combinations)), (2 * 3 * 2 * 2 * 3 * 2,) * 2)
        for row in rows:
            by_profile = row["sparsity"] == "0" and row["scale"] != "3" and row["rounding"] == "rne"
            self.assertEqual(row["method"], "profile" if by_profile else "kernel", row)
        self.assertEqual({r["bias"] for r in rows if r["format"] == "e5m2"}, {"15"})

    def test_decided_by_hand(self):
        # e2m1fn: 0 .5 1 1.5 2 3 4 6. 0.25 -> 0, 1.25 -> 1, -5 -> -4, 8 -> 6 (saturated), 0 -> 0.
        name = self.write("t", {"grad_output": f32(0.25, 1.25, -5.0, 8.0, 0.0)})
        row, = self.rows("sweep", name, "--formats", "e2m1fn")
        se = 0.0625 + 0.0625 + 1 + 4
        self.assertAlmostEqual(float(row["mse"]), se / 5, delta=1e-15)
        self.assertAlmostEqual(float(row["mean_relative_error"]), (1 + 0.2 + 0.2 + 0.25) / 4, delta=1e-12)
        self.assertAlmostEqual(float(row["bias_error"]), (-0.25 - 0.25 + 1 - 2) / 5, delta=1e-15)
        self.assertEqual((row["zero_fraction"], row["saturated_fraction"]), ("0.4", "0.2"))
        xx, qq, qx = 0.0625 + 1.5625 + 25 + 64, 1 + 16 + 36, 1.25 + 20 + 48
        self.assertAlmostEqual(float(row["cosine"]), qx / math.sqrt(xx * qq), delta=1e-12)
        self.assertAlmostEqual(float(row["sqnr_db"]), 10 * math.log10(xx / se), delta=1e-9)

    def test_profile_equals_brute_force_and_its_own_file(self):
        name = self.write_gradients()
        space = ["--formats", "e5m2,e4m3fn,e3m2f,e2m1fn", "--round", "rne,rtz,rto", "--scale", "none,amax-po2,512"]
        from_trace = self.rows("sweep", name, *space)
        self.good("profile", name, "-o", "p")
        from_file = self.rows("sweep", "p", *space)
        self.assertEqual(self.without(from_trace, "trace"), self.without(from_file, "trace"))
        brute = self.rows("sweep", name, *space, "--brute-force")
        self.assertEqual({r["method"] for r in from_trace}, {"profile"})
        self.assertEqual({r["method"] for r in brute}, {"kernel"})
        for a, b in zip(from_trace, brute, strict=True):
            for column in ("zero_fraction", "saturated_fraction"):
                self.assertEqual(a[column], b[column])
            for column in ("mse", "cosine", "mean_relative_error"):
                if a[column] != b[column]:  # nan: e2m1fn unscaled makes all of them zero
                    self.assertAlmostEqual(float(a[column]) / float(b[column]), 1, delta=1e-7)

    def test_blocks_from_profiles_equal_the_kernels(self):
        values = [self.random.choice((-1, 1, 0)) * self.random.lognormvariate(-8, 2) for _ in range(6000)]
        values[3:6] = [math.inf, -math.inf, math.nan]
        name = self.write("t", {"grad_output": ("F32", [10, 60, 10], f32(*values)[2])})
        space = ["--formats", "e4m3fn,e5m2,e2m1fn", "--round", "rne,rtz", "--scale", "mx,mx:16,mx:32:fit,nvfp4,mean-log"]
        for axis in ("-1", "1"):
            found = self.rows("sweep", name, *space, "--axis", axis)
            brute = self.rows("sweep", name, *space, "--axis", axis, "--brute-force")
            self.assertEqual({r["scale"] for r in found if r["method"] == "profile"}, {"mx", "mx:16", "mean-log"})
            for a, b in zip(found, brute, strict=True):
                for column in ("zero_fraction", "saturated_fraction", "excluded_fraction", "scale_value"):
                    self.assertEqual(a[column], b[column])
                for column, most in (("mse", 1e-12), ("cosine", 1e-12), ("mean_relative_error", 1e-7)):
                    self.assertAlmostEqual(float(a[column]) / float(b[column]), 1, delta=most)
        self.good("profile", name, "--blocks", "16,32", "--axis", "1", "-o", "p")
        space = ["--formats", "e4m3fn", "--scale", "mx,mx:16", "--axis", "1", "--db", "s.db"]
        of_trace = self.rows("sweep", name, *space)
        self.assertEqual(self.without(self.rows("sweep", "p", *space), "trace"), self.without(of_trace, "trace"))
        self.refused_saying(["sweep", "p", "--formats", "e4m3fn", "--scale", "mx"], "lacks these blocks", "--blocks")
        # The same elements in another shape are other blocks, whatever the store holds.
        self.write("other", {"grad_output": ("F32", [10, 10, 60], f32(*values)[2])})
        self.assertNotEqual(self.rows("sweep", "other", *space)[0]["mse"], of_trace[0]["mse"])

    def test_block_cast_is_that_of_cast(self):
        name = self.write_gradients(tensors=1)
        x = floats(self.read(name)[0]["step0/l0/grad_output"])
        for scale in ("mx", "nvfp4", "mean-log"):
            options = ["--scale", scale, "--round", "sr:8", "--seed", "5"]
            self.good("cast", name, "--format", "e2m1fn", *options, "--as", "values", "-o", "cast")
            q = floats(self.read("cast")[0]["step0/l0/grad_output"])
            row, = self.rows("sweep", name, "--formats", "e2m1fn", *options)
            self.assertEqual(row["method"], "kernel")
            self.assertAlmostEqual(float(row["mse"]) / (sum((a - b) ** 2 for a, b in zip(x, q)) / len(x)), 1, delta=1e-9)
            self.assertEqual(float(row["zero_fraction"]), q.count(0.0) / len(q))

    def test_expected_pruning_is_within_its_bound_of_the_kernels(self):
        name = self.write_gradients(tensors=1, elements=40_000)
        space = ["--formats", "e4m3fn,e5m2", "--scale", "amax-po2", "--round", "rne,rtz", "--sparsity", "0,0.5,0.9"]
        self.good("profile", name, "-o", "p")
        expected = self.rows("sweep", "p", *space, "--pruning", "expected", "--db", "s.db")
        self.assertEqual(self.rows("sweep", "p", *space, "--pruning", "expected", "--db", "s.db"), expected)
        for row, drawn in zip(expected, self.rows("sweep", name, *space), strict=True):
            self.assertEqual((row["method"], drawn["method"]), ("profile", "profile") if row["sparsity"] == "0" else
                             ("expected", "kernel"))
            # 40,000 draws of at most one each: a standard error below .0025; 8 of them. The relative error of a
            # promoted element has no such limit: tests/models/profile/pruned_profile_test.cpp has its expectation.
            for column, slack in (("zero_fraction", 0.02), ("cosine", 0.02)):
                self.assertLessEqual(abs(float(row[column]) - float(drawn[column])), float(row[column + "_bound"]) + slack)
                self.assertEqual(drawn[column + "_bound"], "0")
                self.assertLess(float(row[column + "_bound"]), 0.01)
        self.refused_saying(["sweep", "p", "--formats", "e4m3fn", "--sparsity", "0.5"], "--pruning expected")

    def test_stochastic_variance_decided_by_hand(self):
        # e2m1fn: 0.25 is halfway 0 and .5, 1.25 halfway 1 and 1.5, 5 halfway 4 and 6, 9 beyond, 2 is a value.
        name = self.write("t", {"grad_output": f32(0.25, 1.25, -5.0, 9.0, 2.0)})
        variance = (0.0625 + 0.0625 + 1) / 5
        for brute in ([], ["--brute-force"]):
            row, = self.rows("sweep", name, "--formats", "e2m1fn", "--round", "sr", *brute)
            self.assertAlmostEqual(float(row["sr_variance"]), variance, delta=1e-12)
        row, = self.rows("sweep", name, "--formats", "e2m1fn")
        self.assertEqual(row["sr_variance"], "0")

    def test_kernels_are_those_of_prune_and_cast(self):
        name = self.write_gradients(tensors=1)
        x = floats(self.read(name)[0]["step0/l0/grad_output"])
        options = ["--round", "sr:8", "--seed", "5", "--scale", "amax-po2"]
        self.good("cast", name, "--format", "e4m3fn", *options, "--as", "values", "-o", "cast")
        q = floats(self.read("cast")[0]["step0/l0/grad_output"])
        row, = self.rows("sweep", name, "--formats", "e4m3fn", *options)
        self.assertEqual(row["method"], "kernel")
        self.assertAlmostEqual(float(row["mse"]) / (sum((a - b) ** 2 for a, b in zip(x, q)) / len(x)), 1, delta=1e-9)
        # fp32 changes nothing, so all that is left is pruning.
        pruned, = self.rows("prune", name, "--sparsity", "0.8", "--seed", "5")
        row, = self.rows("sweep", name, "--formats", "fp32", "--sparsity", "0.8", "--seed", "5")
        self.assertEqual(row["zero_fraction"], pruned["reached_sparsity"])
        for column in ("cosine", "mse"):
            self.assertAlmostEqual(float(row[column]) / float(pruned[column]), 1, delta=1e-12)

    def test_results_do_not_depend_on_threads(self):
        name = self.write_gradients(tensors=5, elements=500)
        space = ["--formats", "e{1..5}m2f", "--round", "rne,sr", "--sparsity", "0,0.9", "--csv", "-"]
        one = self.good("sweep", name, *space, "--threads", "1")
        self.assertEqual(self.good("sweep", name, *space, "--threads", "4"), one)

    def test_store_keeps_and_is_believed(self):
        name = self.write_gradients(tensors=2, elements=500)
        space = ["--formats", "e5m2,e4m3fn", "--sparsity", "0,0.5", "--csv", "-"]
        fresh = self.good("sweep", name, *space)
        for _ in range(2):
            self.assertEqual(self.good("sweep", name, *space, "--db", "s.db"), fresh)
        with sqlite3.connect(self.folder / "s.db") as store:
            self.assertEqual(store.execute("SELECT count(*), count(DISTINCT tensor) FROM sweep").fetchone(), (8, 2))
            names = [row[1] for row in store.execute("PRAGMA table_info(sweep)")]
            self.assertLessEqual(set(COLUMNS), set(names))
            store.execute("UPDATE sweep SET mse = 123.0")
        rows = self.rows("sweep", name, *space[:-2], "--db", "s.db")
        self.assertEqual({row["mse"] for row in rows}, {"123"})
        # Another seed or other values: kernels and profiles are asked again.
        rows = self.rows("sweep", name, *space[:-2], "--db", "s.db", "--seed", "1")
        self.assertEqual({row["mse"] == "123" for row in rows if row["method"] == "kernel"}, {False})
        other = self.write_gradients("other", tensors=2, elements=500)
        self.assertNotIn("123", {row["mse"] for row in self.rows("sweep", other, *space[:-2], "--db", "s.db")})

    def test_store_does_not_decide_how_a_point_is_answered(self):
        name = self.write_gradients(tensors=1)
        space = ["--formats", "e5m2", "--db", "s.db"]
        self.assertEqual(self.rows("sweep", name, *space, "--brute-force")[0]["method"], "kernel")
        self.assertEqual(self.rows("sweep", name, *space)[0]["method"], "profile")
        self.assertEqual(self.rows("sweep", name, *space, "--brute-force")[0]["method"], "kernel")

    def test_killed_sweep_resumes(self):
        values = [self.random.choice((-1, 1)) * self.random.lognormvariate(-8, 2) for _ in range(150_000)]
        name = self.write("t", {"grad_output": f32(*values)})
        space = ["sweep", name, "--formats", "e{2..6}m{0..5}f", "--round", "rne,rtz,rna,rup,rdn,rto", "--overflow",
                 "standard,saturate", "--scale", "none,2", "--threads", "1", "--brute-force"]
        expected = self.good(*space, "--csv", "-")
        process = subprocess.Popen([PROGRAM, *space, "--db", "s.db"], cwd=self.folder, stdout=subprocess.DEVNULL)
        count = lambda: sqlite3.connect(self.folder / "s.db").execute("SELECT count(*) FROM sweep").fetchone()[0]
        found = 0
        while not found and process.poll() is None:
            time.sleep(0.05)
            try:
                found = count()
            except sqlite3.OperationalError:  # not there yet
                pass
        process.send_signal(signal.SIGKILL)
        process.wait()
        kept = count()
        self.assertGreater(kept, 0)
        self.assertEqual(process.returncode, -signal.SIGKILL, "it was over before the signal")
        self.assertLess(kept, 720)
        self.assertEqual(self.good(*space, "--db", "s.db", "--csv", "-"), expected)
        self.assertEqual(count(), 720)

    def test_best_split_and_its_margin(self):
        name = self.write_gradients(tensors=2)
        for by, better in (("mean_relative_error", min), ("mse", min), ("cosine", max), ("sqnr_db", max)):
            rows = self.rows("sweep", name, "--formats", "e{1..7}m{0..6}f", "--scale", "amax-po2")
            best = self.rows("sweep", name, "--best", "8", "--by", by, "--scale", "amax-po2")
            self.assertEqual(len(best), 2)
            for row in best:
                of_tensor = {r["format"]: float(r[by]) for r in rows if r["tensor"] == row["tensor"]
                             and int(r["exponent_bits"]) + int(r["mantissa_bits"]) == 7}
                self.assertEqual(len(of_tensor), 7)
                order = sorted(of_tensor.values(), reverse=better is max)
                self.assertEqual((float(row["value"]), float(row["second_value"])), tuple(order[:2]))
                self.assertEqual(of_tensor[row["best"]], order[0])
                self.assertGreaterEqual(float(row["margin"]), 0)

    def test_the_best_of_several_widths_says_how_many_rivals_it_had(self):
        name = self.write_gradients(tensors=2)
        rows = self.rows("sweep", name, "--best", "4:6,8", "--scale", "amax-po2")
        self.assertEqual([(r["bits"], r["candidates"]) for r in rows], [("4", "3"), ("5", "4"), ("6", "5"), ("8", "7")] * 2)
        # The widths alone are all of their splits, once.
        rows = self.rows("sweep", name, "--bits", "4:5", "--formats", "e2m1f,e5m2", "--round", "rne,rtz")
        self.assertEqual([r["format"] for r in rows[:16:2]], ["e2m1f", "e5m2", "e1m2f", "e3m0f", "e1m3f", "e2m2f", "e3m1f", "e4m0f"])
        row, _ = self.rows("sweep", name, "--formats", "e5m2,e4m0f,e3m1f", "--best", "5", "--scale", "amax-po2")
        self.assertEqual(row["candidates"], "2")
        row, _ = self.rows("sweep", name, "--formats", "e5m2", "--best", "8", "--scale", "amax-po2")
        self.assertEqual((row["candidates"], row["second"], row["margin"]), ("1", "", "nan"))

    def test_a_point_without_an_answer_is_skipped_and_says_why(self):
        name = self.write_gradients(tensors=2, elements=100)
        space = ["sweep", name, "--formats", "bf16,e4m3fn", "--scale", "amax-po2,nvfp4", "--csv", "-", "--db", "s.db"]
        for _ in range(2):  # the second time with a store
            done = self.run_program(*space)
            self.assertEqual(done.returncode, 0)
            self.assertRegex(done.stderr, r"\Agradpath: 2 of 8 points are skipped [^\n]*bf16 rne[^\n]*nvfp4[^\n]*\n\Z")
            rows = list(csv.DictReader(io.StringIO(done.stdout)))
            self.assertEqual(len(rows), 8)
            for row in rows:
                is_skipped = (row["format"], row["scale"]) == ("bf16", "nvfp4")
                self.assertEqual(row["method"] == "skipped", is_skipped, row)
                self.assertEqual("fp32's range" in row["skipped"], is_skipped, row)
                self.assertEqual({row[c] for c in ("mse", "cosine", "zero_fraction", "scale_value")} == {"nan"}, is_skipped)
        best = self.run_program(*space[:2], "--formats", "bf16,e4m3fn,fp16", "--best", "16", "--scale", "nvfp4", "--csv", "-")
        self.assertEqual({r["candidates"] for r in csv.DictReader(io.StringIO(best.stdout))}, {"1"})
        # Where nothing can be answered it is an error.
        self.refused_saying(["sweep", name, "--formats", "bf16", "--scale", "nvfp4"], "t.safetensors: tensor", "fp32's range")

    def test_profile_that_cannot_answer_says_why(self):
        name = self.write_gradients(tensors=1, elements=50)
        self.good("profile", name, "-o", "p")
        for options, why in ((["--formats", "fp16"], "finer"), (["--formats", "e5m2", "--sparsity", "0.5"], "pruning"),
                             (["--formats", "e5m2", "--scale", "3"], "power of two"),
                             (["--formats", "e5m2", "--round", "sr:4"], "random bits"),
                             (["--formats", "e5m2", "--brute-force"], "brute force")):
            self.refused_saying(["sweep", "p", *options], "p: tensor 'step0/l0/grad_output'", why, "trace")

    def test_cost_joins_by_format_and_rounding(self):
        name = self.write_gradients(tensors=1, elements=100)
        (self.folder / "cost.csv").write_text(
            "block,format,rounding,overflow,cells,area_ge,delay_fo4,power_proxy\n"
            "lane,e4m3f,rne,standard,1,10,5,0.5\n"    # for any other e4m3
            "lane,e4m3fn,rne,standard,1,11,6,0.25\n"
            "lane,e4m3fn,rne,saturate,1,12,7,0.75\n"
            "lane,e4m3f,sr:8,standard,1,40,9,2\n"
            "product,e4m3,,,1,100,20,4\n"             # of any rounding
            "clocks,,,,1,1,1,1\n")                    # of any format
        space = ["--formats", "e4m3,e4m3fn,e5m2", "--round", "rne,sr:8,rtz", "--overflow", "standard,saturate",
                 "--cost", "cost.csv"]

        def costs(*blocks):
            rows = self.rows("sweep", name, *space, "--cost-block", ",".join(blocks))
            return {(r["format"], r["rounding"], r["overflow"]):
                    tuple(r[c] for c in ("area_ge", "delay_fo4", "power_proxy")) for r in rows}
        nothing = ("nan",) * 3
        lane = costs("lane")
        self.assertEqual([lane["e4m3", "rne", "standard"], lane["e4m3fn", "rne", "standard"],
                          lane["e4m3fn", "rne", "saturate"], lane["e4m3fn", "sr:8", "saturate"]],
                         [("10", "5", "0.5"), ("11", "6", "0.25"), ("12", "7", "0.75"), ("40", "9", "2")])
        self.assertEqual((lane["e5m2", "rne", "standard"], lane["e4m3", "rtz", "standard"]), (nothing, nothing))
        both = costs("lane", "product", "clocks")
        self.assertEqual(both["e4m3fn", "rne", "saturate"], ("113", "20", "5.75"))
        self.assertEqual(both["e5m2", "rne", "standard"], nothing)
        self.assertNotIn("area_ge", self.rows("sweep", name, *space[:-2])[0])

    def test_pareto_marks_what_no_point_beats(self):
        name = self.write_gradients(tensors=2, elements=400)
        formats = ["e2m1f", "e2m2f", "e2m3f", "e3m2f", "e3m3f"]
        areas = [10, 30, 30, 20, 40]
        (self.folder / "cost.csv").write_text("format,area_ge,delay_fo4,power_proxy\n" + "".join(
            f"{f},{a},1,1\n" for f, a in zip(formats, areas)))
        rows = self.rows("sweep", name, "--formats", ",".join([*formats, "e5m2"]), "--scale", "none,amax-po2",
                         "--sparsity", "0,0.5", "--cost", "cost.csv", "--pareto", "cosine")
        for row in rows:
            rivals = [(1 - float(r["cosine"]), float(r["area_ge"])) for r in rows
                      if (r["tensor"], r["sparsity"]) == (row["tensor"], row["sparsity"]) and r["area_ge"] != "nan"]
            loss, area = 1 - float(row["cosine"]), float(row["area_ge"])
            beaten = any(x <= loss and y <= area and (x, y) != (loss, area) for x, y in rivals)
            wanted = area == area and loss == loss and not beaten
            self.assertEqual(row["pareto"], str(int(wanted)), row)
        self.assertEqual({r["pareto"] for r in rows}, {"0", "1"})

    def test_bad_cost_tables(self):
        name = self.write_gradients(tensors=1, elements=50)
        head = "block,format,rounding,area_ge,delay_fo4,power_proxy\n"
        sweep = ["sweep", name, "--formats", "e5m2", "--cost", "cost.csv"]
        for text, *words in (("", "no costs"), (head, "no costs"), ("format,area_ge\ne5m2,1\n", "'delay_fo4'"),
                             (head + "lane,e5m2,rne,1,2\n", "cost.csv:2", "5 columns", "6"),
                             (head + "lane,e5m2,rne,1,2,3\nlane,e5x,rne,1,2,3\n", "cost.csv:3", "format", "e5x"),
                             (head + "lane,e5m2,up,1,2,3\n", "cost.csv:2", "rounding", "up"),
                             (head + "lane,e5m2,rne,big,2,3\n", "cost.csv:2", "area_ge", "big"),
                             (head + "lane,e5m2,rne,1,-2,3\n", "cost.csv:2", "delay_fo4", "-2"),
                             (head + "lane,e5m2,rne,1,2,nan\n", "cost.csv:2", "power_proxy"),
                             (head + "lane,e5m2,rne,1,2,3\n", "--cost-block", "'multiplier'", "lane")):
            (self.folder / "cost.csv").write_text(text)
            self.refused_saying(sweep, "cost.csv", *words)
        self.refused_saying([*sweep[:-1], "none.csv"], "none.csv")
        self.refused_saying([*sweep[:-2], "--pareto", "mse"], "--pareto", "--cost")
        self.refused_saying([*sweep, "--pareto", "luck"], "--pareto", "'luck'")
        self.refused_saying(["sweep", name, "--best", "8", "--cost", "cost.csv"], "--cost", "--best")

    def test_bad_options_and_stores(self):
        name = self.write_gradients(tensors=1, elements=50)
        self.refused_saying(["sweep", name], "--formats", "required")
        for option, value in (("formats", "e5m3x"), ("round", "up"), ("overflow", "wrap"), ("scale", "max"), ("scale", "delayed"), ("axis", "x"),
                              ("sparsity", "1"), ("by", "luck")):
            base = [] if option == "formats" else ["--formats", "e5m2"]
            self.refused_saying(["sweep", name, *base, f"--{option}", value], f"'{value}'")
        self.refused_saying(["sweep", name, "--formats", "e5m2", "--best", "6"], "6 bits")
        (self.folder / "text.db").write_text("not a database, but long enough to be one\n" * 50)
        self.refused_saying(["sweep", name, "--formats", "e5m2", "--db", "text.db"], "text.db", "results store")
        with sqlite3.connect(self.folder / "other.db") as other:
            other.execute("CREATE TABLE t (a)")
        self.refused_saying(["sweep", name, "--formats", "e5m2", "--db", "other.db"], "other.db", "no results store")
        self.refused_saying(["sweep", name, "--formats", "e5m2", "--db", "none/s.db"], "none/s.db")


if __name__ == "__main__":
    harness.main()
