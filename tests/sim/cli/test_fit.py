"""The verb `fit`. Its numbers on random data are tests/oracle/fit_prune_oracle.py's question."""
import math
import struct

import harness
from harness import f32

COLUMNS = ("trace,tensor,numel,zeros,subnormals,infs,nans,abs_min,abs_max,mu_ln,sigma_ln,mu_log2,"
           "sigma_log2,skewness,excess_kurtosis,ks_lognormal,ks_normal,ks_laplace,ks_halfnormal,"
           "ks_exponential,expected_max")


class Fit(harness.CommandTest):
    def test_columns_are_the_contract(self):
        name = self.write_gradients()
        self.assertEqual(self.good("fit", name, "--csv", "-").splitlines()[0], COLUMNS)

    def test_counts_and_moments_of_a_tensor_done_by_hand(self):
        # ln|x| of the finite nonzeros is -ln 2, ln 2, twice: mean 0, deviation ln 2.
        values = [0.5, -2.0, 2.0, -0.5, 0.0, -0.0, math.inf, -math.inf, math.nan]
        row = self.json_rows("fit", self.write("t", {"grad_output": f32(*values)}))[0]
        self.assertEqual([row[c] for c in ("numel", "zeros", "subnormals", "infs", "nans")], [9, 2, 0, 2, 1])
        self.assertEqual((row["abs_min"], row["abs_max"]), (0.5, 2.0))
        for column, expected in (("mu_ln", 0), ("sigma_ln", math.log(2)), ("mu_log2", 0), ("sigma_log2", 1),
                                 ("skewness", 0), ("excess_kurtosis", -2),
                                 ("expected_max", math.exp(math.log(2) * math.sqrt(2 * math.log(4))))):
            self.assertAlmostEqual(row[column], expected, places=12, msg=column)
        # The ECDF of ln|x| steps from 0 to 1/2 at z = -1 and to 1 at z = 1.
        below = 0.5 * math.erfc(1 / math.sqrt(2))
        self.assertAlmostEqual(row["ks_lognormal"], 0.5 - below, places=12)

    def test_subnormals_are_counted_as_nonzeros(self):
        data = struct.pack("<3I", 1, 0x007fffff, 0x00800000)
        row = self.json_rows("fit", self.write("t", {"grad_output": ("F32", [3], data)}))[0]
        self.assertEqual((row["subnormals"], row["zeros"], row["abs_min"]), (2, 0, 2.0**-149))

    def test_a_row_a_tensor_in_the_order_of_traces_and_files(self):
        first, second = self.write_gradients("b"), self.write_gradients("a")
        rows = self.rows("fit", first, second)
        self.assertEqual([(row["trace"], row["tensor"]) for row in rows],
                         [(t, f"step0/l{i}/grad_output") for t in "ba" for i in range(3)])


if __name__ == "__main__":
    harness.main()
