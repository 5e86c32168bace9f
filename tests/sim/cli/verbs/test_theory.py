"""The verb `theory`. Its numbers are tests/oracle/theory_oracle.py's question."""
import math

import harness

COLUMNS = {
    "prune": "mu,sigma,sparsity,alpha,promoted_fraction,cosine,topk_cosine",
    "error": "sigma_log2,exponent_bits,mantissa_bits,mean_relative_error,mean_relative_error_exact",
    "split": "sigma_log2,bits,best_exponent_bits,mean_relative_error",
    "max": "sigma,n,expected_max,expected_max_bound",
}


class Theory(harness.CommandTest):
    def test_columns_are_the_contract(self):
        for what, columns in COLUMNS.items():
            self.assertEqual(self.good("theory", what, "--csv", "-").splitlines()[0], columns)

    def test_a_row_for_each_combination_the_last_option_fastest(self):
        rows = self.rows("theory", "error", "--sigma-log2", "1,2", "--exponent-bits", "2:4:2", "--mantissa-bits", "0:1")
        self.assertEqual([(r["sigma_log2"], r["exponent_bits"], r["mantissa_bits"]) for r in rows],
                         [(s, e, m) for s in "12" for e in "24" for m in "01"])

    def test_ranges_hold_their_end_and_round_decimal_numbers(self):
        rows = self.rows("theory", "prune", "--sigma", "0.1:0.5:0.1", "--sparsity", "0.9")
        self.assertEqual([r["sigma"] for r in rows], ["0.1", "0.2", "0.3", "0.4", "0.5"])
        rows = self.rows("theory", "max", "--n", "1:1000:x10,7")
        self.assertEqual([r["n"] for r in rows], ["1", "10", "100", "1000", "7"])
        self.assertEqual(len(self.rows("theory", "split", "--sigma-log2", "1:2:0.3", "--bits", "8")), 4)

    def test_either_unit_of_sigma_serves_every_table(self):
        ln2 = math.log(2)
        row = self.json_rows("theory", "prune", "--sigma-log2", "2", "--sparsity", "0.5")[0]
        self.assertAlmostEqual(row["sigma"], 2 * ln2, places=14)
        row = self.json_rows("theory", "split", "--sigma", "1", "--bits", "8")[0]
        self.assertAlmostEqual(row["sigma_log2"], 1 / ln2, places=14)

    def test_nothing_to_prune_leaves_everything(self):
        row = self.json_rows("theory", "prune", "--sparsity", "0")[0]
        self.assertEqual([row[c] for c in ("alpha", "promoted_fraction", "cosine", "topk_cosine")], [0, 0, 1, 1])

    def test_alpha_and_cosine_ask_the_other_way_round(self):
        given = self.json_rows("theory", "prune", "--mu", "-2", "--sigma", "1.5", "--sparsity", "0.85")[0]
        for option in ("alpha", "cosine"):
            row = self.json_rows("theory", "prune", "--mu", "-2", "--sigma", "1.5", f"--{option}", repr(given[option]))[0]
            for column, value in given.items():
                self.assertAlmostEqual(row[column], value, delta=1e-9 * abs(value), msg=(option, column))

    def test_crossings_stand_between_the_splits_they_separate(self):
        for row in self.json_rows("theory", "split", "--bits", "5", "--crossings"):
            at = row["sigma_log2"]
            for factor, column in ((0.99, "from_exponent_bits"), (1.01, "to_exponent_bits")):
                best = self.json_rows("theory", "split", "--bits", "5", "--sigma-log2", repr(at * factor))[0]
                self.assertEqual(best["best_exponent_bits"], row[column])

    def test_bad_usage_says_what_would_be_right(self):
        for arguments, words in (
                ([], ("prune, error, split, max",)),
                (["prum"], ("'prum'", "'prune'")),
                (["max", "--bits", "8"], ("--bits", "'max'", "--sigma, --n")),
                (["error", "--crossings"], ("--crossings", "split")),
                (["split", "--crossings", "--sigma", "1"], ("--sigma", "--bits")),
                (["prune", "--sparsity", "0.5", "--alpha", "2"], ("--sparsity", "--alpha")),
                (["prune", "--sparsity", "1"], ("--sparsity", "'1'")),
                (["prune", "--sigma", "0"], ("--sigma", "'0'")),
                (["prune", "--sigma", "1", "--sigma-log2", "1"], ("--sigma-log2", "one of them")),
                (["max", "--n", "0"], ("--n", "'0'")),
                (["max", "--n", "2.5"], ("--n", "2.5", "integers")),
                (["error", "--exponent-bits", "9"], ("--exponent-bits", "1 to 8")),
                (["error", "--mantissa-bits", "3:1"], ("3:1", "FIRST:LAST:STEP")),
                (["error", "--sigma-log2", "1:2:0"], ("1:2:0", "step")),
                (["error", "--sigma-log2", "1:2:0.5:1"], ("three parts",)),
                (["error", "--sigma-log2", "1,,2"], ("empty item",)),
                (["max", "--sigma", "1:2:1e-9"], ("--sigma", "larger step"))):
            self.refused_saying(["theory", *arguments], *words)

    def test_threads_change_nothing(self):
        one, three = (self.good("theory", "split", "--sigma-log2", "0.2:9:0.1", "--threads", t, "--csv", "-")
                      for t in (1, 3))
        self.assertEqual(one, three)


if __name__ == "__main__":
    harness.main()
