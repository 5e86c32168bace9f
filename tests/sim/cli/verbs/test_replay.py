"""The verb `replay`. What the datapath computes and how long it takes is tested in tests/sim/datapath;
here: the contract of the table, selection, files, and what is refused."""
import csv
import io
import json
import struct

import harness

COLUMNS = ("trace,tensor,layer,gemm,m,n,k,density,cycles,dense_cycles,compute_bound,memory_bound,"
           "utilization,macs,bytes_read,bytes_written,energy_pj")


class Replay(harness.CommandTest):
    def tensor(self, *shape, zeros=0.3):
        count = 1
        for size in shape:
            count *= size
        values = [0.0 if self.random.random() < zeros else
                  self.random.choice((-1, 1)) * self.random.lognormvariate(-4, 1.5)
                  for _ in range(count)]
        return ("F32", list(shape), struct.pack(f"<{count}f", *values))

    def write_trace(self, name="t.safetensors", leave_out=(), layers=True):
        """Two steps of a strided convolution and a linear layer."""
        tensors = {}
        for step in (0, 7):
            tensors[f"step{step}/conv/grad_output"] = self.tensor(2, 6, 4, 3)
            tensors[f"step{step}/conv/input"] = self.tensor(2, 4, 8, 6)
            tensors[f"step{step}/conv/weight"] = self.tensor(6, 4, 3, 3)
            tensors[f"step{step}/head.fc/grad_output"] = self.tensor(2, 4, 10)
            tensors[f"step{step}/head.fc/input"] = self.tensor(2, 4, 20)
            tensors[f"step{step}/head.fc/weight"] = self.tensor(10, 20)
        for part in leave_out:
            del tensors[part]
        geometry = {"conv": {"op": "conv2d", "stride": [2, 2], "padding": [1, 1]},
                    "head.fc": {"op": "linear"}}
        return self.write(name, tensors, {"layers": json.dumps(geometry)} if layers else {})

    def test_columns_are_the_contract(self):
        header = self.good("replay", self.write_trace(), "--csv", "-").splitlines()[0]
        self.assertTrue(header.startswith(COLUMNS), header)

    def test_a_row_a_product_with_its_sizes(self):
        rows = self.rows("replay", self.write_trace())
        sizes = [(r["tensor"], r["gemm"], int(r["m"]), int(r["n"]), int(r["k"])) for r in rows]
        self.assertEqual(sizes, [(f"step{s}/{layer}/grad_output", gemm, m, n, k)
                                 for s in (0, 7)
                                 for layer, gemm, m, n, k in (("conv", "dX", 24, 36, 6),
                                                              ("conv", "dW", 6, 36, 24),
                                                              ("head.fc", "dX", 8, 20, 10),
                                                              ("head.fc", "dW", 10, 20, 8))])

    def test_bounds_hold_and_bytes_are_those_of_the_tensors(self):
        for row in self.json_rows("replay", self.write_trace(), "--array", "4x8"):
            self.assertGreaterEqual(row["cycles"], max(row["compute_bound"], row["memory_bound"]))
            self.assertLess(row["density"], 1)
            self.assertEqual(row["macs"], round(row["density"] * row["m"] * row["k"]) * row["n"])
            self.assertAlmostEqual(row["utilization"], row["macs"] / (row["cycles"] * 32))
            self.assertGreater(row["energy_pj"], 0)
            # No two of gradient, input and weight have one size, so none can stand for another.
            gradient, held, weight = {"conv": (2 * 6 * 4 * 3, 2 * 4 * 8 * 6, 6 * 4 * 3 * 3),
                                      "head.fc": (8 * 10, 8 * 20, 10 * 20)}[row["layer"]]
            operand, result = (weight, held) if row["gemm"] == "dX" else (held, weight)
            self.assertEqual(row["bytes_read"], gradient * 4 + operand)  # fp32; fp8 codes
            self.assertEqual(row["bytes_written"], result * 4)

    def test_check_compares_every_value(self):
        name = self.write_trace()
        # conv: dX 2*4*8*6, dW 6*4*3*3; head.fc: dX 8*20, dW 10*20; two steps.
        values = 2 * (2 * 4 * 8 * 6 + 6 * 4 * 3 * 3 + 160 + 200)
        for extra in ([], ["--sparsity", "0.8", "--round", "sr:8"],
                      ["--sparsity", "0.8", "--random", "lanes", "--lanes", "5"],
                      ["--dispatch", "tensordash"], ["--format", "e3m4", "--scale", "amax"]):
            done = self.run_program("replay", name, "--check", *extra)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(f"all {values} values of 8 products", done.stderr)

    def test_sparsity_thins_the_gradient_the_same_for_both_products_and_every_machine(self):
        name = self.write_trace()
        reference = None
        for machine in ([], ["--array", "8x32", "--lanes", "3"], ["--dispatch", "dense"]):
            rows = self.rows("replay", name, "--sparsity", "0.9", *machine)
            densities = [r["density"] for r in rows]
            self.assertEqual(densities[0::2], densities[1::2])
            reference = reference or densities
            self.assertEqual(densities, reference)
        # 144 and 100 elements: 6 standard deviations of 10 % are below 0.18.
        self.assertTrue(all(float(d) < 0.28 for d in reference), reference)

    def test_dense_dispatch_equals_its_dense_cycles(self):
        for row in self.rows("replay", self.write_trace(), "--dispatch", "dense"):
            self.assertEqual(row["cycles"], row["dense_cycles"])
            self.assertEqual(int(row["macs"]), int(row["m"]) * int(row["n"]) * int(row["k"]))

    def test_modules_file_accounts_for_every_cycle(self):
        name = self.write_trace()
        rows = self.rows("replay", name, "--modules", "m.csv")
        total = {(r["tensor"], r["gemm"]): int(r["cycles"]) for r in rows}
        with open(self.folder / "m.csv", encoding="ascii") as file:
            modules = list(csv.DictReader(file))
        self.assertEqual(len(modules), 10 * len(rows))
        for m in modules:
            states = sum(int(m[f"{s}_cycles"]) for s in ("busy", "stalled_in", "stalled_out", "idle"))
            self.assertEqual(states, int(m["total_cycles"]))
            self.assertEqual(states, total[m["tensor"], m["gemm"]])

    def test_timeline_is_a_trace_event_file(self):
        self.good("replay", self.write_trace(), "--timeline", "t.json")
        with open(self.folder / "t.json", encoding="ascii") as file:
            events = json.load(file)["traceEvents"]
        self.assertIn("step 7 head.fc dW", {e["name"] for e in events})
        self.assertTrue(all(e["dur"] > 0 for e in events if e["ph"] == "X"))

    def test_timing_does_not_need_the_values(self):
        name = self.write_trace()
        whole, timed = self.rows("replay", name), self.rows("replay", name, "--timing-only")
        for row in timed:  # an error needs values
            self.assertEqual([row.pop("product_error"), row.pop("product_cosine")], ["nan", "nan"])
        for row in whole:
            self.assertLess(float(row.pop("product_error")), 0.2)
            self.assertGreater(float(row.pop("product_cosine")), 0.98)
        self.assertEqual(whole, timed)

    def test_layers_and_steps_select(self):
        name = self.write_trace()
        rows = self.rows("replay", name, "--layers", "head*", "--steps", "7")
        self.assertEqual([r["tensor"] for r in rows], ["step7/head.fc/grad_output"] * 2)
        self.refused_saying(["replay", name, "--layers", "nope"], "--layers", "nope")

    def test_pruned_and_cast_gradients_replay_with_the_inputs_of_their_trace(self):
        name = self.write_trace()
        of = ("layer", "gemm", "m", "n", "k", "bytes_read", "bytes_written")
        whole = self.rows("replay", name)
        for verb in (["cast", name, "--as", "values", "--format", "e5m2", "--scale", "amax-po2"],
                     ["prune", name, "--sparsity", "0.9"]):
            self.good(*verb, "-o", "g")
            self.refused_saying(["replay", "g"], "g: step", "nothing to replay", "--inputs-from")
            done = self.run_program("replay", "g", "--inputs-from", name, "--check", "--csv", "-")
            self.assertEqual(done.returncode, 0, done.stderr)
            rows = list(csv.DictReader(io.StringIO(done.stdout)))
            self.assertEqual([[r[c] for c in of] for r in rows], [[r[c] for c in of] for r in whole])
            gradients, _ = self.read("g")
            for row in rows:
                _, shape, data = gradients[row["tensor"]]
                values = struct.unpack(f"<{len(data) // 4}f", data)
                # What rounds to zero on its way into the array may be less still.
                self.assertLessEqual(float(row["density"]), sum(v != 0 for v in values) / len(values))
                self.assertGreater(float(row["density"]), 0)
        # Geometry too is lent.
        self.write("bare", {k: v for k, v in gradients.items()})
        self.assertEqual(self.rows("replay", "bare", "--inputs-from", name),
                         [{**row, "trace": "bare"} for row in self.rows("replay", "g", "--inputs-from", name)])
        self.refused_saying(["replay", "bare", "--inputs-from", "none"], "none")

    def test_a_missing_tensor_skips_its_product_with_a_note(self):
        name = self.write_trace(leave_out=["step0/conv/input", "step0/head.fc/weight"])
        done = self.run_program("replay", name, "--steps", "0", "--csv", "-", "--check")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual([line.split(",")[2:4] for line in done.stdout.splitlines()[1:]],
                         [["conv", "dX"], ["head.fc", "dW"]])
        self.assertIn("dW is skipped: the trace has no input", done.stderr)
        self.assertIn("dX is skipped: the trace has no weight", done.stderr)

    def test_a_transposed_convolution_is_skipped_with_a_note(self):
        layers = {"up": {"op": "conv_transpose2d", "stride": [2, 2], "output_padding": [1, 1]},
                  "fc": {"op": "linear"}}
        up = {f"step0/up/{part}": self.tensor(*shape) for part, shape in
              (("grad_output", (1, 3, 8, 8)), ("input", (1, 2, 4, 4)), ("weight", (2, 3, 2, 2)))}
        fc = {f"step0/fc/{part}": self.tensor(4, 4) for part in ("grad_output", "input", "weight")}
        both = self.write("both", {**up, **fc}, {"layers": json.dumps(layers)})
        done = self.run_program("replay", both, "--csv", "-")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(len(done.stdout.splitlines()), 1 + 2)
        self.assertIn("layer up: dX is skipped: the products of a transposed convolution", done.stderr)
        alone = self.write("alone", up, {"layers": json.dumps(layers)})
        self.refused_saying(["replay", alone], "transposed convolution", "nothing to replay")

    def test_a_trace_with_nothing_to_replay_is_refused(self):
        left_out = [f"step{step}/{layer}/{kind}" for step in (0, 7) for layer in ("conv", "head.fc")
                    for kind in ("input", "weight")]
        name = self.write_trace(leave_out=left_out)
        self.refused_saying(["replay", name], "nothing to replay", "capture the tensors")

    def test_readable_output_ends_with_the_speed_up(self):
        text = self.good("replay", self.write_trace())
        self.assertRegex(text.splitlines()[-1], r"8 products on 16x16 .* dense, .* times as fast")

    def test_the_machine_can_come_from_a_config_file(self):
        name = self.write_trace()
        (self.folder / "machine.ini").write_text("[replay]\narray = 4x4\nsparsity = 0.5\n")
        self.assertEqual(self.rows("replay", name, "--config", "machine.ini"),
                         self.rows("replay", name, "--array", "4x4", "--sparsity", "0.5"))

    def test_rtl_in_place_of_the_models_changes_no_value_and_no_cycle(self):
        name = self.write_trace()
        base = ["replay", name, "--sparsity", "0.8", "--round", "sr", "--random", "lanes"]
        expected = self.good(*base, "--csv", "-", "--modules", "a.csv")
        for modules in ("pruner,quantizer,compactor", "quantizer", "pruner,compactor"):
            done = self.run_program(*base, "--check", "--rtl", modules, "--csv", "-",
                                    "--modules", "b.csv")
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(done.stdout, expected)
            self.assertEqual((self.folder / "b.csv").read_text(),
                             (self.folder / "a.csv").read_text())

    def test_rtl_writes_a_waveform(self):
        name = self.write_trace()
        self.good("replay", name, "--rtl", "pruner,compactor", "--trace-fst", "w.fst")
        wave = (self.folder / "w.fst").read_bytes()
        self.assertGreater(len(wave), 1000)
        self.assertIn(b"drop_in_bank", wave)  # the first name of the hierarchy
        self.assertEqual([f for f in self.files() if f.startswith("w.fst")], ["w.fst"])

    def test_rtl_that_cannot_follow_is_refused(self):
        name = self.write_trace()
        for extra, words in ((["--rtl", "mac_array"], ["mac_array", "pruner,quantizer,compactor"]),
                             (["--rtl", "pruner", "--sparsity", "0.5"], ["--random lanes"]),
                             (["--rtl", "quantizer", "--round", "sr"], ["--random lanes"]),
                             (["--rtl", "quantizer", "--format", "e3m4"], ["built", "e5m2"]),
                             (["--rtl", "compactor", "--lanes", "5"], ["built", "16 lanes"]),
                             (["--rtl", "quantizer", "--scale", "3"], ["power of two", "amax-po2"]),
                             (["--trace-fst", "w.fst"], ["--rtl"]),
                             (["--rtl", "pruner", "--trace-fst", "no/w.fst"], ["no/w.fst"])):
            self.refused_saying(["replay", name, *extra], *words)

    def test_bad_options_and_traces(self):
        name = self.write_trace()
        for option, bad in (("--array", "16"), ("--array", "0x4"), ("--dispatch", "fast"),
                            ("--dispatch", "row-skip:0"), ("--sparsity", "1"), ("--lanes", "0"),
                            ("--format", "e9m9"), ("--format", "e8m0fnu"),
                            ("--operand-round", "sr"), ("--policy", "meprop"),
                            ("--random", "dice"), ("--dram-bytes-per-cycle", "0"),
                            ("--sram-byte-pj", "-1"), ("--steps", "x"),
                            ("--gradient-buffer-bytes", "20")):
            self.refused_saying(["replay", name, f"{option}={bad}"], bad)
        self.refused_saying(["replay", name, "--check", "--timing-only"], "--check")
        self.refused_saying(["replay", self.write_trace("n.safetensors", layers=False)], "layers")


if __name__ == "__main__":
    harness.main()
