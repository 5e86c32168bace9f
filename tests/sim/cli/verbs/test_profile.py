"""The verb `profile`. What can be asked of a profile is tests/models/profile's question."""
import math
import random
import struct

import harness
from harness import f32, floats


class Profile(harness.CommandTest):
    def contents(self, path):
        return (self.folder / path).read_bytes()

    def test_table_equals_that_of_fit(self):
        name = self.write_gradients()
        self.write("odd", {"grad_output": f32(0.0, -0.0, math.inf, -math.inf, math.nan, 1e-45, -3.5, 2.0),
                           "b/grad_output": f32(), "c/grad_output": f32(0.0)})
        columns = ("trace", "tensor", "numel", "zeros", "subnormals", "infs", "nans", "abs_min", "abs_max")
        for path in (name, "odd"):
            fits, profiles = self.rows("fit", path), self.rows("profile", path)
            self.assertEqual(list(profiles[0])[:9], list(columns))
            for fit, profile in zip(fits, profiles, strict=True):
                self.assertEqual({c: fit[c] for c in columns}, {c: profile[c] for c in columns})

    def test_file_shows_the_same_rows_as_the_trace(self):
        name = self.write_gradients()
        first = self.good("profile", name, "-o", "p", "--csv", "-")
        self.assertEqual(self.good("profile", "p", "--csv", "-").replace("p,step", f"{name},step"), first)

    def test_any_partition_merges_to_the_same_bytes_as_one_pass(self):
        values = [self.random.choice((-1, 1, 0)) * self.random.lognormvariate(-8, 2) for _ in range(20_000)]
        values += [math.inf, math.nan, 1e-42, -1e-44]
        self.write("whole", {"grad_output": f32(*values), "b/grad_output": f32(*values[:99])})
        self.good("profile", "whole", "-o", "whole.profile", "--threads", "1")
        shuffled = list(values)
        self.random.shuffle(shuffled)
        for round_number in range(3):
            cuts = sorted(self.random.randrange(len(values)) for _ in range(4))
            shards = []
            for i, (begin, end) in enumerate(zip([0, *cuts], [*cuts, len(values)])):
                tensors = {"grad_output": f32(*shuffled[begin:end])}
                if i == round_number:
                    tensors["b/grad_output"] = f32(*values[:99])
                shards.append(self.write(f"shard{i}", tensors))
                if i % 2:
                    self.good("profile", shards[-1], "-o", f"p{i}")
                    shards[-1] = f"p{i}"
            self.random.shuffle(shards)
            self.good("profile", *shards, "-o", "merged", "--threads", "2")
            self.assertEqual(self.contents("merged"), self.contents("whole.profile"))
            # As a tree, and into one of the inputs.
            self.good("profile", *shards[:2], "-o", "left")
            self.good("profile", *shards[2:], "-o", "right")
            self.good("profile", "left", "right", "-o", "left")
            self.assertEqual(self.contents("left"), self.contents("whole.profile"))

    def test_threads_make_no_difference(self):
        values = struct.pack("<9000000H", *random.Random(3).choices(range(65536), k=9_000_000))
        name = self.write("big", {"grad_output": ("BF16", [9_000_000], values)})
        for threads in ("1", "3"):
            self.good("profile", name, "-o", f"p{threads}", "--threads", threads)
        self.assertEqual(self.contents("p1"), self.contents("p3"))

    def test_dtypes_are_read_as_their_values(self):
        values = [1.5, -0.25, 0.0, 3.0]
        self.write("f", {"grad_output": f32(*values)})
        self.write("h", {"grad_output": ("F16", [4], struct.pack("<4e", *values))})
        self.write("b", {"grad_output": ("BF16", [4], b"".join(f32(v)[2][2:] for v in values))})
        for name in "fhb":
            self.good("profile", name, "-o", name + ".profile")
        self.assertEqual(self.contents("f.profile"), self.contents("h.profile"))
        self.assertEqual(self.contents("f.profile"), self.contents("b.profile"))

    def test_into_merges_all_tensors_under_one_name(self):
        name = self.write_gradients(tensors=3)
        read = self.read(name)[0]
        together = [x for i in range(3) for x in floats(read[f"step0/l{i}/grad_output"])]
        self.write("one", {"all/grad_output": f32(*together)})
        self.good("profile", "one", "-o", "expected")
        row, = self.rows("profile", name, "--into", "all/grad_output", "-o", "found")
        self.assertEqual((row["tensor"], row["numel"]), ("all/grad_output", str(len(together))))
        self.assertEqual(self.contents("found"), self.contents("expected"))

    def test_rows_of_merged_tensors_name_their_files(self):
        self.write("a", {"grad_output": f32(1.0)})
        self.write("b", {"grad_output": f32(2.0), "x/grad_output": f32(0.0)})
        rows = self.rows("profile", "a", "b")
        self.assertEqual([(r["trace"], r["tensor"], r["numel"]) for r in rows],
                         [("a+b", "grad_output", "2"), ("b", "x/grad_output", "1")])

    def test_damaged_files_are_refused(self):
        name = self.write_gradients(tensors=1, elements=50)
        self.good("profile", name, "-o", "good")
        good = self.contents("good")
        for size in (8, 9, 12, 20, len(good) // 2, len(good) - 1):
            (self.folder / "bad").write_bytes(good[:size])
            self.refused_saying(["profile", "bad"], "bad: byte", "gradpath profile")
        for at in self.random.sample(range(12, len(good)), 40):
            changed = bytearray(good)
            changed[at] ^= 1 << self.random.randrange(8)
            (self.folder / "bad").write_bytes(changed)
            self.refused_saying(["profile", "bad"], "bad: byte", "checksum")
        (self.folder / "bad").write_bytes(good[:8] + b"\x01" + good[9:])
        self.refused_saying(["profile", "bad"], "version 1", "expected 2")

    def test_blocks_merge_to_the_same_bytes_and_only_with_their_like(self):
        values = [self.random.choice((-1, 1, 0)) * self.random.lognormvariate(-8, 2) for _ in range(2000)]
        values[5:7] = [math.inf, math.nan]
        data = lambda part: ("F32", [len(part) // 50, 50], struct.pack(f"<{len(part)}f", *part))
        self.write("whole", {"grad_output": data(values)})
        self.write("a", {"grad_output": data(values[:750])})
        self.write("b", {"grad_output": data(values[750:])})
        blocks = ["--blocks", "16,32"]
        self.good("profile", "whole", *blocks, "-o", "whole.profile", "--threads", "1")
        self.good("profile", "a", *blocks, "-o", "a.profile")
        self.good("profile", "b", "a.profile", *blocks, "-o", "merged", "--threads", "2")
        self.assertEqual(self.contents("merged"), self.contents("whole.profile"))
        self.good("profile", "a", "-o", "plain")
        self.refused_saying(["profile", "plain", "a.profile"], "grad_output", "--blocks")
        self.refused_saying(["profile", "a", "--axis", "0"], "--axis", "--blocks")
        self.refused_saying(["profile", "a", "--blocks", "32", "--axis", "2"], "axis 2", "grad_output")
        self.refused_saying(["profile", "a", "--blocks", "0"], "'0'")

    def test_failed_run_leaves_no_profile(self):
        self.write("t", {"grad_output": f32(1.0)})
        (self.folder / "p").write_text("old")
        self.refused("profile", "t", "none", "-o", "p")
        self.assertEqual(self.contents("p"), b"old")
        self.refused_saying(["profile", "t", "-o", "none/p"], "none/p")
        self.refused_saying(["profile", "t", "--tensors", "x"], "'x'", "'grad_output'")


if __name__ == "__main__":
    harness.main()
