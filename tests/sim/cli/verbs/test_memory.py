"""The verb `memory`. The model itself: tests/sim/datapath/memory_test.cpp."""
import harness


class Memory(harness.CommandTest):
    def test_prints_a_row_for_each_combination(self):
        rows = self.rows("memory", "ddr4-3200", "--pattern", "seqr,streams3", "--param", "0,32768", "--window", "4,32",
                         "--requests", "2000")
        self.assertEqual(list(rows[0]), ["memory", "pattern", "param", "mapping", "window", "refresh",
                                         "bandwidth_gbps", "peak_fraction", "mean_latency_ns", "row_hit_rate"])
        self.assertEqual([(r["pattern"], r["param"], r["window"]) for r in rows],
                         [("seqr", "0", "4"), ("seqr", "0", "32"), ("streams3", "0", "4"), ("streams3", "0", "32"),
                          ("streams3", "32768", "4"), ("streams3", "32768", "32")])
        self.assertLess(float(rows[3]["bandwidth_gbps"]), 0.7 * float(rows[5]["bandwidth_gbps"]))

    def test_refresh_costs_what_the_interval_says(self):
        on, off = self.rows("memory", "lpddr4-3200", "--pattern", "seqr", "--refresh", "on,off")
        self.assertAlmostEqual(float(on["bandwidth_gbps"]) / float(off["bandwidth_gbps"]), 0.921, delta=0.01)

    def test_an_ideal_memory_delivers_its_bytes(self):
        (row,) = self.rows("memory", "ideal:16", "--pattern", "seqr", "--clock-ghz", "2")
        self.assertEqual((row["bandwidth_gbps"], row["mapping"]), ("32", "none"))

    def test_threads_change_nothing(self):
        arguments = ["hbm2", "--pattern", "random,rate", "--requests", "1000"]
        self.assertEqual(self.rows("memory", *arguments, "--threads", "1"), self.rows("memory", *arguments, "--threads", "4"))

    def test_bad_usage_is_one_line(self):
        for arguments, words in [
            ([], ["memory", "ddr4-3200"]),
            (["ddr5"], ["ddr5", "hbm2"]),
            (["hbm2", "--pattern", "seq"], ["seq", "seqr"]),
            (["hbm2", "--mapping", "abc"], ["abc", "bgi"]),
            (["ideal:8", "--mapping", "bgi"], ["--mapping", "ideal:8"]),
            (["hbm2", "--refresh", "maybe"], ["--refresh", "off"]),
            (["hbm2", "--pattern", "rate", "--param", "2"], ["--param", "2"]),
        ]:
            self.refused_saying(["memory", *arguments], *words)


if __name__ == "__main__":
    harness.main()
