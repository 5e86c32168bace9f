"""The verb `prune`. Its numbers on random data are tests/oracle/fit_prune_oracle.py's question."""
import math

import harness
from harness import f32, floats


class Prune(harness.CommandTest):
    def test_memory_does_not_grow_with_the_tensor(self):
        name = self.write_large(64)
        for policy in ("stochastic", "topk", "nm:2:4"):
            self.assertLess(self.peak_megabytes("prune", name, "--sparsity", 0.5, "--policy", policy, "--quiet",
                                                "--threads", 1, "-o", "out.safetensors"), 60)

    def test_columns_are_the_contract(self):
        name = self.write_gradients()
        self.assertEqual(self.good("prune", name, "--sparsity", "0.5", "--csv", "-").splitlines()[0],
                         "trace,tensor,policy,target_sparsity,alpha,predicted_sparsity,"
                         "reached_sparsity,cosine,mse,bias,bias_error")

    def test_exact_threshold_of_a_tensor_done_by_hand(self):
        # Half of the elements are zero; for 3/4: 1 - 1/alpha = 1/2 of the others, so alpha = 2.
        name = self.write("t", {"grad_output": f32(*[0.0] * 500, *[1.0, -1.0] * 250)})
        row = self.json_rows("prune", name, "--sparsity", "0.75")[0]
        self.assertEqual((row["policy"], row["target_sparsity"], row["alpha"], row["predicted_sparsity"]),
                         ("stochastic", 0.75, 2.0, 0.75))
        # 500 fair coins: 6 standard deviations are 67 of 1000, a false alarm in 5e8 runs.
        self.assertAlmostEqual(row["reached_sparsity"], 0.75, delta=0.067)
        # What is kept becomes 2: k survivors give (500 - k) * 1 + k * 1 over 1000, whatever k.
        self.assertEqual(row["mse"], 0.5)

    def test_nothing_is_done_where_zeros_suffice(self):
        name = self.write("t", {"grad_output": f32(0.0, 0.0, 1.0, -3.0)})
        row = self.json_rows("prune", name, "--sparsity", "0.5")[0]
        self.assertEqual((row["alpha"], row["reached_sparsity"], row["mse"]), (0.0, 0.5, 0.0))
        self.assertAlmostEqual(row["cosine"], 1.0, places=12)

    def test_a_row_a_target_and_tensor(self):
        name = self.write_gradients()
        rows = self.rows("prune", name, "--sparsity", "0.9,0.5,0.7")
        self.assertEqual([float(row["target_sparsity"]) for row in rows], [0.9, 0.5, 0.7] * 3)
        alphas = [float(row["alpha"]) for row in rows]
        self.assertTrue(alphas[0] > alphas[2] > alphas[1] > 0)

    def test_seed_changes_what_is_kept_and_not_the_threshold(self):
        name = self.write_gradients()
        one, two = (self.rows("prune", name, "--sparsity", "0.8", "--seed", seed)[0] for seed in "12")
        self.assertEqual(one["alpha"], two["alpha"])
        self.assertNotEqual(one["cosine"], two["cosine"])

    def test_lognormal_threshold_differs_from_the_exact_one(self):
        name = self.write_gradients()
        exact, closed = (self.rows("prune", name, "--sparsity", "0.8", "--alpha", mode)[0]
                         for mode in ("exact", "lognormal"))
        self.assertNotEqual(exact["alpha"], closed["alpha"])
        # The data are lognormal: both thresholds are near each other.
        self.assertLess(abs(math.log(float(exact["alpha"]) / float(closed["alpha"]))), 0.2)

    def test_policies_side_by_side(self):
        name = self.write_gradients(tensors=1)
        specifications = ["stochastic", "stochastic:histogram:1", "topk", "ye", "swat", "dithered", "hard",
                          "random", "nm:1:2"]
        rows = self.rows("prune", name, "--sparsity", "0.6,0.9", "--policy", ",".join(specifications))
        self.assertEqual([row["policy"] for row in rows], 2 * specifications)
        self.assertEqual([row["target_sparsity"] for row in rows], 9 * ["0.6"] + 9 * ["0.9"])
        by_name = {row["policy"]: {k: float(v) for k, v in list(row.items())[3:]} for row in rows[:9]}
        for policy, row in by_name.items():
            # 5000 elements: 7 standard deviations of a count of coins, a false alarm in 4e11.
            self.assertAlmostEqual(row["reached_sparsity"], row["predicted_sparsity"], delta=7 * (0.25 / 5000) ** 0.5,
                                   msg=policy)
        for policy in ("stochastic", "topk", "dithered", "hard", "random"):
            self.assertAlmostEqual(by_name[policy]["predicted_sparsity"], 0.6, delta=1 / 5000, msg=policy)
        self.assertLess(by_name["topk"]["bias"], -1e-4)
        self.assertEqual(by_name["topk"]["bias_error"], 0)
        self.assertGreater(by_name["topk"]["cosine"], by_name["stochastic"]["cosine"])
        self.assertGreater(by_name["stochastic"]["cosine"], by_name["random"]["cosine"])
        self.assertEqual(by_name["swat"]["mse"], 0)  # a gradient

    def test_policies_without_a_target_need_none(self):
        name = self.write("t", {"grad_output": f32(3.0, -1.0, 0.0, 2.0)})
        rows = self.json_rows("prune", name, "--policy", "nm:1:2,hard:1.5")
        self.assertEqual([row["target_sparsity"] for row in rows], [None, None])
        self.assertEqual([row["predicted_sparsity"] for row in rows], [0.5, 0.5])
        self.assertEqual([row["reached_sparsity"] for row in rows], [0.5, 0.5])
        self.refused_saying(["prune", name, "--policy", "nm:1:2,topk"], "--sparsity", "required")
        self.refused_saying(["prune", name, "--policy", "nm:1:2", "--allocate", "cosine"], "--allocate",
                            "--sparsity")

    def test_topk_by_example_takes_the_first_dimension(self):
        values = f32(1, 2, 3, 4, 50, 60, 70, 80)
        name = self.write("t", {"grad_output": ("F32", [2, 2, 2], values[2])})
        self.good("prune", name, "--sparsity", "0.5", "--policy", "topk:example", "-o", "out")
        self.assertEqual(floats(self.read("out")[0]["grad_output"]), [0, 0, 3, 4, 0, 0, 70, 80])
        self.good("prune", name, "--sparsity", "0.5", "--policy", "topk", "-o", "out")
        self.assertEqual(floats(self.read("out")[0]["grad_output"]), [0, 0, 0, 0, 50, 60, 70, 80])

    def test_swat_prunes_weights_and_inputs(self):
        name = self.write("t", {f"step0/l/{part}": f32(1, 2, 3, 4) for part in ("grad_output", "input", "weight")})
        rows = self.rows("prune", name, "--tensors", "*", "--sparsity", "0.5", "--policy", "swat")
        self.assertEqual({row["tensor"].split("/")[-1]: float(row["reached_sparsity"]) for row in rows},
                         {"grad_output": 0, "input": 0.5, "weight": 0.5})

    def test_output_holds_the_pruned_tensors_for_any_number_of_threads(self):
        name = self.write_gradients(tensors=5)
        files = []
        for threads in (1, 2, 5):
            self.good("prune", name, "--sparsity", "0.9", "-o", "out", "--threads", threads)
            files.append((self.folder / "out").read_bytes())
        self.assertTrue(files[0] == files[1] == files[2])
        tensors, metadata = self.read("out")
        self.assertEqual(sorted(tensors), [f"step0/l{i}/grad_output" for i in range(5)])
        self.assertEqual((metadata["model"], metadata["prune_policy"], metadata["prune_sparsity"]),
                         ("m", "stochastic", "0.9"))
        for row in self.rows("prune", name, "--sparsity", "0.9"):
            values = floats(tensors[row["tensor"]])
            self.assertEqual(values.count(0.0) / len(values), float(row["reached_sparsity"]))

    def test_output_keeps_shapes_and_widens_to_fp32(self):
        name = self.write("t", {"grad_output": ("BF16", [2, 1, 2], bytes.fromhex("803f00408040c040"))})
        self.good("prune", name, "--sparsity", "0.25", "--policy", "topk", "-o", name)  # in its own place
        dtype, shape, _ = self.read(name)[0]["grad_output"]
        self.assertEqual((dtype, shape), ("F32", [2, 1, 2]))
        self.assertEqual(floats(self.read(name)[0]["grad_output"]), [0, 2, 4, 6])

    def test_output_is_of_one_result_and_left_alone_by_a_failure(self):
        name = self.write("t", {"grad_output": f32(1.0, math.inf)})
        other = self.write_gradients("u")
        (self.folder / "out").write_bytes(b"before")
        for more in (["--sparsity", "0.5,0.6"], ["--sparsity", "0.5", "--policy", "topk,hard"],
                     ["--sparsity", "0.5", other]):
            self.refused_saying(["prune", name, "-o", "out", *more], "--output", "one")
        self.refused_saying(["prune", name, "-o", "out", "--sparsity", "0.5"], "cannot be reached")
        self.assertEqual((self.folder / "out").read_bytes(), b"before")
        self.assertEqual(self.files(), ["out", "t", "u"])

    def test_last_step_takes_the_threshold_of_the_step_before(self):
        tensors = {"step3/l/grad_output": f32(4, -2, 3, 1), "step12/l/grad_output": f32(8, 8, 1, 1),
                   "step12/other/grad_output": f32(2, 4, 6, 8)}
        name = self.write("t", tensors)
        rows = self.rows("prune", name, "--sparsity", "0.5", "--alpha", "last-step")
        # 4 - 10 / alpha = 2 at 5; the second step has that; `other` has no step before: 4 - 20 / alpha.
        alphas = {row["tensor"]: float(row["alpha"]) for row in rows}
        self.assertEqual(list(alphas.values()), [5, 5, 10])
        # Also in another file of the same run, whatever --tensors selects; not in another run's.
        first, second = ({k: v for k, v in tensors.items() if step in k} for step in ("step3", "step12"))
        self.write("a", first, {"model": "m"})
        self.write("b", second, {"model": "m"})
        self.write("c", second, {"model": "n"})
        rows = self.rows("prune", "a", "b", "c", "--sparsity", "0.5", "--policy", "stochastic:last-step")
        self.assertEqual([float(row["alpha"]) for row in rows if "/l/" in row["tensor"]], [5, 5, 9])
        rows = self.rows("prune", name, "--tensors", "step12/l/*", "--sparsity", "0.5", "--alpha", "last-step")
        self.assertEqual([float(row["alpha"]) for row in rows], [5])

    def test_allocation_by_cosine_spends_the_budget_at_one_cosine(self):
        name = self.write_gradients(tensors=4)
        rows = self.rows("prune", name, "--sparsity", "0.8", "--allocate", "cosine")
        sizes = [5000 + i for i in range(4)]
        targets = [float(row["target_sparsity"]) for row in rows]
        self.assertAlmostEqual(sum(n * s for n, s in zip(sizes, targets)) / sum(sizes), 0.8, places=12)
        cosines = [float(row["expected_cosine"]) for row in rows]
        self.assertAlmostEqual(min(cosines), max(cosines), places=6)
        self.assertEqual({row["budget"] for row in rows}, {"0.8"})
        closed = self.rows("prune", name, "--sparsity", "0.8", "--allocate", "cosine", "--alpha", "lognormal")
        self.assertEqual([row["target_sparsity"] for row in closed], [row["target_sparsity"] for row in rows])
        self.assertNotEqual([row["alpha"] for row in closed], [row["alpha"] for row in rows])

    def test_allocation_as_the_authors_finds_the_last_blocks(self):
        layers = ["conv1", "layer1.0.conv1", "layer2.0.conv1", "layer2.0.downsample.0", "layer2.1.conv1",
                  "layer10.0.conv1", "fc"]
        name = self.write("t", {f"step0/{layer}/grad_output": f32(*[1.0, 2.0] * 50) for layer in layers})
        rows = self.rows("prune", name, "--sparsity", "0.9", "--allocate", "authors", "--tensors", "*")
        targets = {row["tensor"].split("/")[1]: float(row["target_sparsity"]) for row in rows}
        share = (0.9 * 7 - 2 * 0.95 - 2 * 0.98) / 3
        for layer, expected in zip(layers, [share, share, 0.95, 0.95, 0.98, 0.98, share]):
            self.assertAlmostEqual(targets[layer], expected, places=12, msg=layer)
        done = self.run_program("prune", name, "--sparsity", "0.95", "--allocate", "authors")
        self.assertEqual(done.returncode, 0)
        self.assertIn("--allocate authors", done.stderr)

    def test_time_is_a_column_only_when_asked_for(self):
        name = self.write_gradients()
        rows = self.rows("prune", name, "--sparsity", "0.9", "--policy", "topk,random", "--time")
        self.assertTrue(all(0 < float(row["seconds"]) < 60 for row in rows))
        self.assertEqual(self.rows("prune", name, "--sparsity", "0.9", "--policy", "topk,random"),
                         [{k: v for k, v in row.items() if k != "seconds"} for row in rows])

    def test_bad_options(self):
        name = self.write_gradients()
        self.refused_saying(["prune", name], "--sparsity", "required")
        for bad in ("1", "-0.1", "x", "nan", "1e9"):
            self.refused_saying(["prune", name, f"--sparsity={bad}"], "--sparsity", f"'{bad}'")
        self.refused_saying(["prune", name, "--sparsity", "0.5,"], "--sparsity", "empty item")
        self.refused_saying(["prune", name, "--sparsity", ""], "--sparsity", "empty item")
        self.refused_saying(["prune", name, "--sparsity", "0.5", "--policy", "topkk"], "'topkk'", "stochastic")
        self.refused_saying(["prune", name, "--sparsity", "0.5", "--alpha", "normal"], "'normal'", "lognormal")
        for bad, right in (("histogram:3", "0 to 2"), ("sample:0", "1 to 1073741824"), ("sample", "sample:N"),
                           ("last", "histogram:M")):
            self.refused_saying(["prune", name, "--sparsity", "0.5", "--alpha", bad], f"'{bad}'", right)
        for bad in ("nm:2:2", "topk:row", "dithered:x", "random:0.5"):
            self.refused_saying(["prune", name, "--sparsity", "0.5", "--policy", f"ye,{bad}"], f"'{bad}'", "expected")
        self.refused_saying(["prune", name, "--sparsity", "0.5", "--policy", "topk,"], "--policy", "empty item")
        self.refused_saying(["prune", name, "--sparsity", "0.5", "--allocate", "fair"], "--allocate", "cosine")

    def test_unreachable_target_names_file_and_tensor(self):
        name = self.write("t", {"grad_output": f32(1.0, math.inf, math.inf, math.nan)})
        self.refused_saying(["prune", name, "--sparsity", "0.5"], "t: tensor 'grad_output': ")


if __name__ == "__main__":
    harness.main()
