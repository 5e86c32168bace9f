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

    def test_memory_is_that_of_what_is_sorted(self):
        # 4 bytes an element here, for a tensor of 64 MB; larger ones are sorted in parts.
        name = self.write_large(64)
        self.assertLess(self.peak_megabytes("fit", name, "--quiet", "--threads", 1), 130)

    def test_subnormals_are_counted_as_nonzeros(self):
        data = struct.pack("<3I", 1, 0x007fffff, 0x00800000)
        row = self.json_rows("fit", self.write("t", {"grad_output": ("F32", [3], data)}))[0]
        self.assertEqual((row["subnormals"], row["zeros"], row["abs_min"]), (2, 0, 2.0**-149))

    def test_a_row_a_tensor_in_the_order_of_traces_and_files(self):
        first, second = self.write_gradients("b"), self.write_gradients("a")
        rows = self.rows("fit", first, second)
        self.assertEqual([(row["trace"], row["tensor"]) for row in rows],
                         [(t, f"step0/l{i}/grad_output") for t in "ba" for i in range(3)])

    def test_more_columns_stand_behind_the_contract(self):
        name = self.write_gradients()
        header = self.good("fit", name, "--generalised", "--p-values", "--quantiles", "0.5,0.99", "--csv", "-")
        self.assertEqual(header.splitlines()[0], COLUMNS + ",gen_mu,gen_sigma,gen_shape,ks_generalised,abs_q0.5,"
                         "abs_q0.99,p_lognormal,p_normal,p_laplace,p_halfnormal,p_exponential")
        header = self.good("fit", name, "--from", "sample:10", "--per-channel", "--csv", "-").splitlines()[0]
        self.assertTrue(header.startswith("trace,tensor,channel,numel,"))
        self.assertTrue(header.endswith(",ks_exponential_error,expected_max_error"))

    def test_channels_are_axis_1_of_four_and_the_last_of_fewer(self):
        values = [float(2**i) for i in range(12)]
        data = f32(*values)[2]
        name = self.write("t", {"a/grad_output": ("F32", [2, 3, 1, 2], data), "b/grad_output": ("F32", [2, 2, 3], data),
                                "c/grad_output": ("F32", [], f32(4.0)[2]), "d/grad_output": ("F32", [0, 2], b"")})
        rows = self.json_rows("fit", name, "--per-channel")
        mean = lambda *exponents: sum(exponents) / len(exponents)
        self.assertEqual([(r["tensor"][0], r["channel"], r["mu_log2"]) for r in rows],
                         [("a", 0, mean(0, 1, 6, 7)), ("a", 1, mean(2, 3, 8, 9)), ("a", 2, mean(4, 5, 10, 11)),
                          ("b", 0, mean(0, 3, 6, 9)), ("b", 1, mean(1, 4, 7, 10)), ("b", 2, mean(2, 5, 8, 11)),
                          ("c", 0, 2.0), ("d", 0, None), ("d", 1, None)])

    def test_degenerate_tensors_have_every_column_and_panel(self):
        name = self.write("t", {"a/grad_output": ("F32", [0], b""), "b/grad_output": f32(0.0, -0.0),
                                "c/grad_output": f32(3.0), "d/grad_output": f32(math.inf, math.nan, -1.0, 2.0)})
        for source in ("tensor", "sample:2", "histogram:1"):
            rows = self.json_rows("fit", name, "--generalised", "--p-values", "--quantiles", "0,1", "--from", source,
                                  "--plot", "p.svg")
            self.assertEqual([r["numel"] for r in rows], [0, 2, 1, 4])
            self.assertIsNone(rows[1]["gen_mu"])
            self.assertEqual((self.folder / "p.svg").read_text().count("<g "), 4)

    def test_the_plot_is_wellformed_and_shows_every_tensor(self):
        import xml.etree.ElementTree as ElementTree
        name = self.write_gradients(tensors=4)
        self.good("fit", name, "--plot", "fits.svg", "--quiet")
        tree = ElementTree.parse(self.folder / "fits.svg")
        text = [e.text for e in tree.iter("{http://www.w3.org/2000/svg}text")]
        for i in range(4):
            self.assertIn(f"step0/l{i}/grad_output", text)
        lines = list(tree.iter("{http://www.w3.org/2000/svg}polyline"))
        self.assertEqual(len(lines), 4 * 6)  # six laws
        self.assertEqual(self.good("fit", name, "--plot", "again.svg", "--threads", "3"), self.good("fit", name))
        self.assertEqual((self.folder / "again.svg").read_bytes(), (self.folder / "fits.svg").read_bytes())

    def test_bad_usage_says_what_would_be_right(self):
        name = self.write_gradients()
        for arguments, words in ((["--from", "half"], ("'half'", "sample:N", "histogram")),
                                 (["--from", "sample"], ("'sample'", "sample:N")),
                                 (["--from", "sample:1"], ("sample", "'1'")),
                                 (["--from", "histogram:8"], ("histogram", "'8'")),
                                 (["--quantiles", "1.5"], ("--quantiles", "1.5")),
                                 (["--plot", "p.png"], ("--plot", "p.png", ".svg"))):
            self.refused_saying(["fit", name, *arguments], *words)


if __name__ == "__main__":
    harness.main()
