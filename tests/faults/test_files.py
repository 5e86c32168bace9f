"""No output is another file of the run: not an input, a store, a table of costs, a code book, a
configuration, another output or what stdout goes to, by whatever name. And outputs come whole."""
import json
import os
import stat
import struct
import subprocess
import unittest

import harness
from harness import f32


class SameFile(harness.CommandTest):
    def setUp(self):
        super().setUp()
        self.trace = self.write_gradients("t", tensors=2, elements=64)
        (self.folder / "sub").mkdir()

    def untouched(self, *arguments, words=()):
        """Refused, and every file is as it was."""
        before = {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        line = self.refused(*arguments)
        after = {path: path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        self.assertEqual(before, after, arguments)
        for word in words:
            self.assertIn(word, line, arguments)
        return line

    def names_of(self, name):
        """Other names of a file that exists or does not."""
        path = self.folder / name
        os.symlink(name, self.folder / f"{name}.soft")
        os.symlink(f"{name}.soft", self.folder / f"{name}.softer")
        names = [name, f"./{name}", f"sub/../{name}", str(path), f".//{name}", f"{name}.soft", f"{name}.softer",
                 f"{self.folder}/sub/.././{name}"]
        if path.exists():
            os.link(path, self.folder / f"{name}.hard")
            names.append(f"{name}.hard")
        return names

    def test_an_output_is_no_other_output(self):
        for name in self.names_of("new"):
            for pair in ((["fit", "t"], "--csv", "--json"), (["fit", "t"], "--json", "--csv"),
                         (["profile", "t"], "-o", "--csv"), (["cast", "t", "--format", "e5m2"], "--csv", "-o"),
                         (["prune", "t", "--sparsity", "0.5"], "-o", "--json"),
                         (["synth", "--network", "resnet18", "--batch", "1", "--layers", "fc"], "-o", "--csv")):
                verb, one, other = pair
                self.untouched(*verb, one, "new", other, name, words=("new", name))
        self.untouched("fit", "t", "--plot", "p.svg", "--csv", "./p.svg")
        # Also what lies beside a table.
        self.untouched("fit", "t", "--csv", "a", "--json", "a.config.ini", words=("a.config.ini",))

    def test_replay_writes_five_files(self):
        name = self.write("r", {"step0/l/grad_output": f32(*[1.0] * 4), "step0/l/weight": ("F32", [4, 1], bytes(16))},
                          {"layers": '{"l":{"op":"linear"}}'})
        options = ["--csv", "--json", "--modules", "--timeline"]
        for one in options:
            for other in options:
                if one != other:
                    self.untouched("replay", name, one, "x", other, "./x", words=("x",))
            self.untouched("replay", name, one, "./r", words=("r", "is an input"))

    def test_an_output_is_no_input(self):
        for name in self.names_of("t"):
            self.untouched("fit", "t", "--csv", name, words=(name, "is an input"))
            self.untouched("sweep", "t", "--formats", "e5m2", "--db", name, words=(name, "is an input"))
        (self.folder / "c.ini").write_text("seed = 3\n")
        (self.folder / "book").write_text("-1 0 1\n")
        (self.folder / "cost").write_text("format,area_ge,delay_fo4,power_proxy\ne5m2,1,1,1\n")
        for name in self.names_of("c.ini"):
            self.untouched("fit", "t", "--config", "c.ini", "--csv", name, words=("is an input", name))
            self.untouched("cast", "t", "--config", "c.ini", "--format", "e5m2", "-o", name, words=("is an input",))
        for name in self.names_of("book"):
            self.untouched("cast", "t", "--scheme", "codebook:book", "-o", name, words=("is an input", name))
        for name in self.names_of("cost"):
            for option in ("--csv", "--json", "--db"):
                self.untouched("sweep", "t", "--formats", "e5m2", "--cost", "cost", option, name,
                               words=("is an input", name))

    def test_an_output_is_no_store(self):
        self.good("sweep", "t", "--formats", "e5m2", "--db", "s", "--quiet")
        for name in self.names_of("s"):
            self.untouched("sweep", "t", "--formats", "e5m2", "--db", "s", "--csv", name, words=(name,))
            self.untouched("report", "--db", "s", "-o", name, words=(name, "is an input"))
        for name in self.names_of("other"):  # neither exists yet
            self.untouched("sweep", "t", "--formats", "e5m2", "--db", "other", "--json", name, words=(name,))
        self.untouched("sweep", "t", "--formats", "e5m2", "--db", "s", "--csv", "s-journal", words=("s-journal",))

    def test_an_output_is_not_where_stdout_goes(self):
        for name in self.names_of("out"):
            with open(self.folder / "out", "w", encoding="ascii") as out:
                done = subprocess.run([harness.PROGRAM, "fit", "t", "--csv", name], cwd=self.folder, stdout=out,
                                      stderr=subprocess.PIPE, text=True, check=False)
            self.assertEqual(done.returncode, 2, name)
            self.assertIn("standard output", done.stderr)
            self.assertEqual((self.folder / "out").read_text(), "")

    def test_what_may_be_the_same(self):
        self.good("fit", "t", "--csv", "/dev/null", "--json", "/dev/null")
        self.good("cast", "t", "--format", "e5m2", "--as", "values", "-o", "./t", "--quiet")  # in its place
        self.good("fit", "t", "t", "--csv", "-")
        self.good("formats", "e5m2", "--csv", "e5m2")  # a format's name is no file

    def test_a_dangling_link_is_followed_and_stays(self):
        os.symlink("real", self.folder / "link")
        self.good("fit", "t", "--csv", "link")
        self.assertTrue((self.folder / "link").is_symlink())
        self.assertTrue((self.folder / "real").read_text().startswith("trace,tensor"))


@unittest.skipUnless(os.geteuid() == 0, "mounting a small file system needs root")
class FullDisk(harness.CommandTest):
    """On a file system of 64 kB, most of it taken."""

    def setUp(self):
        super().setUp()
        self.disk = self.folder / "disk"
        self.disk.mkdir()
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(self.disk)],
                                 capture_output=True, text=True, check=False)
        if mounted.returncode != 0:
            self.skipTest(f"no mount here: {mounted.stderr.strip()}")
        self.addCleanup(subprocess.run, ["umount", str(self.disk)], check=True)
        elements = 20_000
        self.write("t", {"step0/l/grad_output": ("F32", [100, elements // 100], struct.pack("<f", 1.5) * elements),
                         "step0/l/weight": ("F32", [elements // 100, 2], bytes(8 * elements // 100))},
                   {"layers": json.dumps({"l": {"op": "linear"}})})
        (self.disk / "ballast").write_bytes(bytes(40_000))

    def stays(self, *arguments):
        """The output, which is there already, does not fit: it stays, and nothing is added."""
        (self.disk / "out").write_text("old")
        before = sorted(os.listdir(self.disk))
        line = self.refused(*arguments, "--quiet")
        self.assertIn("disk/", line)
        self.assertEqual(sorted(os.listdir(self.disk)), before, arguments)
        self.assertEqual((self.disk / "out").read_text(), "old", arguments)
        return line

    def test_every_kind_of_output(self):
        for arguments in (["cast", "t", "--format", "fp16", "-o", "disk/out"],
                          ["prune", "t", "--sparsity", "0.5", "-o", "disk/out"],
                          ["synth", "--network", "resnet18", "--batch", "1", "-o", "disk/out"]):
            self.assertRegex(self.stays(*arguments), "No space left|room")

    def test_waveform(self):
        self.stays("replay", "t", "--rtl", "quantizer,compactor", "--random", "lanes", "--trace-fst", "disk/out")

    def test_store(self):
        (self.disk / "more").write_bytes(bytes(24_000))
        done = self.run_program("sweep", "t", "--formats", "e{2..5}m{1..5}", "--db", "disk/s", "--quiet")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, r"\Agradpath: disk/s: [^\n]*full[^\n]*\n\Z")
        (self.disk / "more").unlink()  # and with room it goes on
        (self.disk / "ballast").unlink()
        self.good("sweep", "t", "--formats", "e5m2", "--db", "disk/s", "--quiet")

    def test_read_only(self):
        subprocess.run(["mount", "-o", "remount,ro", str(self.disk)], check=True)
        for arguments in (["fit", "t", "--csv", "disk/x"], ["cast", "t", "--format", "e5m2", "-o", "disk/x"],
                          ["sweep", "t", "--formats", "e5m2", "--db", "disk/x"]):
            self.assertIn("disk/x", self.refused(*arguments))


class Whole(harness.CommandTest):
    def test_bystanders_of_any_name_stay(self):
        name = self.write("t", {"step0/l/grad_output": f32(*[1.0] * 64), "step0/l/weight": ("F32", [64, 1], bytes(256))},
                          {"layers": '{"l":{"op":"linear"}}'})
        for ending in (".partial", ".partial.hier", ".hier", ".tmp"):
            (self.folder / f"w.fst{ending}").write_text("mine")
        self.good("replay", name, "--rtl", "compactor", "--trace-fst", "w.fst", "--quiet")
        for ending in (".partial", ".partial.hier", ".hier", ".tmp"):
            self.assertEqual((self.folder / f"w.fst{ending}").read_text(), "mine")
        self.assertEqual(len(self.files()), 6)
        self.assertGreater((self.folder / "w.fst").stat().st_size, 300)
        # The mode of what is replaced stays, a new file has the user's.
        os.chmod(self.folder / "w.fst", 0o640)
        self.good("replay", name, "--rtl", "compactor", "--trace-fst", "w.fst", "--quiet")
        self.assertEqual(stat.S_IMODE((self.folder / "w.fst").stat().st_mode), 0o640)

    def test_a_waveform_is_no_device(self):
        name = self.write("t", {"step0/l/grad_output": f32(*[1.0] * 64), "step0/l/weight": ("F32", [64, 1], bytes(256))},
                          {"layers": '{"l":{"op":"linear"}}'})
        for device in ("/dev/null", "/dev/full"):
            self.refused_saying(["replay", name, "--rtl", "compactor", "--trace-fst", device, "--quiet"], device)

    def test_names_as_long_as_the_file_system_takes(self):
        name = self.write_gradients("t", tensors=1, elements=8)
        self.good("cast", name, "--format", "e5m2", "-o", "x" * 255, "--quiet")
        self.refused("cast", name, "--format", "e5m2", "-o", "x" * 256, "--quiet")


if __name__ == "__main__":
    harness.main()
