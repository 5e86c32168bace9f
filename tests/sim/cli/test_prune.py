"""The verb `prune`. Its numbers on random data are tests/oracle/fit_prune_oracle.py's question."""
import math

import harness
from harness import f32


class Prune(harness.CommandTest):
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

    def test_bad_options(self):
        name = self.write_gradients()
        self.refused_saying(["prune", name], "--sparsity", "required")
        for bad in ("1", "-0.1", "x", "nan", "1e9"):
            self.refused_saying(["prune", name, f"--sparsity={bad}"], "--sparsity", f"'{bad}'")
        self.refused_saying(["prune", name, "--sparsity", "0.5,"], "--sparsity", "empty item")
        self.refused_saying(["prune", name, "--sparsity", ""], "--sparsity", "empty item")
        self.refused_saying(["prune", name, "--sparsity", "0.5", "--policy", "topkk"], "'topkk'", "stochastic")
        self.refused_saying(["prune", name, "--sparsity", "0.5", "--alpha", "normal"], "'normal'", "lognormal")

    def test_unreachable_target_names_file_and_tensor(self):
        name = self.write("t", {"grad_output": f32(1.0, math.inf, math.inf, math.nan)})
        self.refused_saying(["prune", name, "--sparsity", "0.5"], "t: tensor 'grad_output': ")


if __name__ == "__main__":
    harness.main()
