"""Signals, descriptors, limits and inputs that are no files: one line on stderr, exit code 2 (130 and
143 for the signals), and earlier results as they were."""
import os
import resource
import signal
import subprocess
import time

import harness
from harness import PROGRAM, f32

LINE = r"\Agradpath: [ -~\u00a0-\U0010ffff]+\n\Z"


class Inputs(harness.CommandTest):
    def inputs(self):
        """Every way that a file comes into the program."""
        name = self.write_gradients("t", tensors=1, elements=8)
        return [lambda path: ["fit", path], lambda path: ["profile", path],
                lambda path: ["sweep", path, "--formats", "e5m2"], lambda path: ["replay", path],
                lambda path: ["gemm", path, "--a", "a", "--b", "b", "-o", "x"], lambda path: ["fit", name, "--config", path],
                lambda path: ["cast", name, "--scheme", f"codebook:{path}", "-o", "x"],
                lambda path: ["sweep", name, "--formats", "e5m2", "--cost", path],
                lambda path: ["sweep", name, "--formats", "e5m2", "--db", path],
                lambda path: ["report", "--db", path, "-o", "x"],
                lambda path: ["verify", "--module", "pruner", "--trace", path]]

    def test_pipes_and_devices_are_refused_and_not_waited_for(self):
        os.mkfifo(self.folder / "pipe")
        os.symlink("pipe", self.folder / "link")
        for make in self.inputs():
            for path in ("pipe", "link", "/dev/zero", "/dev/null", "/dev/stdin", ".", "/proc/self/fd/0"):
                begin = time.monotonic()
                done = subprocess.run([PROGRAM, *make(path)], cwd=self.folder, capture_output=True, text=True,
                                      check=False, timeout=20, stdin=subprocess.PIPE)
                self.assertEqual(done.returncode, 2, (make(path), done.stderr))
                self.assertRegex(done.stderr, LINE, make(path))
                self.assertIn(path, done.stderr)
                self.assertLess(time.monotonic() - begin, 10, make(path))
        self.assertNotIn("x", self.files())

    def test_a_trace_that_shrinks_while_it_is_read(self):
        size = 80_000_000
        name = self.write("t", {f"grad_output{i}": ("F32", [size // 4], bytes(size)) for i in range(2)})
        (self.folder / "out").write_text("old")
        process = subprocess.Popen([PROGRAM, "cast", name, "--format", "tf32", "--round", "sr", "--threads", "1",
                                    "-o", "out"], cwd=self.folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   text=True)
        while process.poll() is None and not self.is_writing(process.pid):  # then the header is read
            time.sleep(0.001)
        os.truncate(self.folder / name, 4096)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 2, errors)
        self.assertRegex(errors, r"\Agradpath: t: [^\n]*shorter[^\n]*\n\Z")
        self.assertEqual((self.folder / "out").read_text(), "old")
        self.assertEqual(self.files(), ["out", "t"])


class OneLine(harness.CommandTest):
    WORDS = ["a\nb", "\x1b[31mred", "a\rb", "\x7f", "\u0085next", "\u2028", b"\xff\xfe", b"\xc3(", b"caf\xc3\xa9\n"]

    def test_every_argument_and_name(self):
        name = self.write_gradients("t", tensors=1, elements=8)
        for word in self.WORDS:
            for arguments in ([word], [word, "x"], ["fit", word], ["fit", name, word], ["fit", name, b"--" + self.bytes(word)],
                              ["fit", name, "--tensors", word], ["fit", name, "--threads", word], ["fit", name, "--config", word],
                              ["fit", name, "--csv", b"none/" + self.bytes(word)], ["formats", word], ["theory", word],
                              ["cast", name, "--format", word, "-o", "x"], ["cast", name, "--format", "e5m2", "--scale", word, "-o", "x"],
                              ["prune", name, "--sparsity", word], ["prune", name, "--sparsity", "0.5", "--policy", word],
                              ["prune", name, "--sparsity", "0.5", "--alpha", word], ["sweep", name, "--formats", word],
                              ["sweep", name, "--formats", "e5m2", "--cost", word], ["replay", name, "--dispatch", word],
                              ["gemm", name, "--a", word, "--b", "b"], ["report", "--db", word, "-o", "x"],
                              ["synth", "--network", word], ["verify", "--module", word]):
                done = subprocess.run([PROGRAM, *arguments], cwd=self.folder, capture_output=True, check=False, timeout=60)
                self.assertEqual(done.returncode, 2, (arguments, done.stderr))
                self.assertRegex(done.stderr.decode("utf-8"), LINE, arguments)

    @staticmethod
    def bytes(word):
        return word if isinstance(word, bytes) else word.encode()

    def test_tables_keep_their_lines(self):
        name = self.write("t", {"grad_output\n\x1b[31m": f32(1.0, 2.0), "grad_output\u2028b": f32(1.0, 2.0)})
        for arguments in ([], ["--wide"], ["--columns", "trace,tensor"]):
            lines = self.good("fit", name, *arguments).split("\n")
            self.assertTrue(all(line.isprintable() for line in lines), lines)
            self.assertEqual(sum("grad_output" in line for line in lines), 2)

    def test_notes_too(self):
        name = self.write("t", {"step0/a\nb/grad_output": f32(1.0, 2.0), "step0/l/grad_output": f32(1.0, 2.0),
                                "step0/l/weight": ("F32", [2, 1], bytes(8))},
                          {"layers": '{"a\\nb":{"op":"linear"},"l":{"op":"linear"}}'})
        done = self.run_program("replay", name)
        self.assertEqual(done.returncode, 0, done.stderr)
        for line in done.stderr.splitlines():
            self.assertTrue(line.startswith("gradpath: "), done.stderr)


class Descriptors(harness.CommandTest):
    def test_closed_ones_are_never_a_file_of_ours(self):
        name = self.write("t", {"step0/l/grad_output": f32(1.0, 2.0), "step0/l/weight": ("F32", [2, 1], bytes(8))},
                          {"layers": '{"l":{"op":"linear"}}'})
        self.good("replay", name, "--modules", "want.csv", "--quiet")
        want = (self.folder / "want.csv").read_text()
        for closed in ((1,), (2,), (0, 1), (0, 1, 2), (0,), (1, 2)):
            redirect = " ".join("<&-" if fd == 0 else f"{fd}>&-" for fd in closed)
            for verb in ("replay t --modules m.csv", "fit t --csv m.csv", "profile t -o m.csv --csv m2.csv",
                         "cast t --format e5m2 -o m.csv", "sweep t --formats e5m2 --db m.csv"):
                for stale in self.folder.glob("m*"):
                    stale.unlink()
                done = subprocess.run(["bash", "-c", f'"{PROGRAM}" {verb} {redirect}'], cwd=self.folder,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, check=False)
                # What stdout cannot take is no success.
                self.assertEqual(done.returncode, 2 if 1 in closed else 0, (verb, redirect, done.stderr))
                made = (self.folder / "m.csv").read_bytes()
                self.assertNotIn(b"gradpath:", made)
                if verb.startswith("replay"):
                    self.assertEqual(made.decode(), want)
                if verb.startswith("fit"):
                    self.assertEqual(made.count(b"\n"), 2)


class Limits(harness.CommandTest):
    def limited(self, which, value, *arguments):
        return self.run_program(*arguments, preexec_fn=lambda: resource.setrlimit(which, (value, value)))

    def test_a_limit_of_file_sizes(self):
        name = self.write("t", {"grad_output": ("F32", [100_000], bytes(400_000))})
        self.write("r", {"step0/l/grad_output": f32(*[1.0] * 6400), "step0/l/weight": ("F32", [6400, 1], bytes(25600))},
                   {"layers": '{"l":{"op":"linear"}}'})
        (self.folder / "out").write_text("old")
        for arguments in (["cast", name, "--format", "fp16", "-o", "out"], ["profile", name, "-o", "out"],
                          ["prune", name, "--sparsity", "0.5", "-o", "out"], ["fit", name, "--csv", "out"],
                          ["formats", "fp16", "--csv", "out"],
                          ["replay", "r", "--rtl", "quantizer", "--trace-fst", "out", "--quiet"]):
            for size in (0, 10, 1000):
                done = self.limited(resource.RLIMIT_FSIZE, size, *arguments)
                if done.returncode == 0:  # it fitted
                    (self.folder / "out").write_text("old")
                    continue
                self.assertEqual(done.returncode, 2, (arguments, size, done.stderr))
                self.assertRegex(done.stderr, LINE, arguments)
                self.assertEqual((self.folder / "out").read_text(), "old", arguments)
                self.assertEqual([f for f in self.files() if "partial" in f], [])
        done = self.limited(resource.RLIMIT_FSIZE, 100, "sweep", name, "--formats", "e5m2", "--db", "s")
        self.assertEqual(done.returncode, 2)
        self.assertRegex(done.stderr, LINE)

    def test_limits_of_memory_threads_and_descriptors(self):
        name = self.write_gradients("t", tensors=3, elements=5000)
        for which, values in ((resource.RLIMIT_AS, (60 << 20, 100 << 20, 200 << 20, 400 << 20)),
                              (resource.RLIMIT_DATA, (8 << 20, 16 << 20, 64 << 20)),
                              (resource.RLIMIT_NOFILE, (3, 4, 5, 6, 8)), (resource.RLIMIT_STACK, (256 << 10,))):
            for value in values:
                for arguments in (["fit", name, "--csv", "c", "--threads", "64"], ["cast", name, "--format", "e5m2", "-o", "o"],
                                  ["sweep", name, "--formats", "e5m2", "--db", "d", "--threads", "64"],
                                  ["prune", name, "--sparsity", "0.5"]):
                    done = self.limited(which, value, *arguments)
                    if done.returncode == 127 or "loading shared libraries" in done.stderr:
                        continue  # the program did not begin
                    self.assertIn(done.returncode, (0, 2), (arguments, which, value, done.stderr))
                    if done.returncode == 2:
                        self.assertRegex(done.stderr, LINE)
                        self.assertNotIn("internal error", done.stderr)

    def test_brace_lists_have_a_limit(self):
        name = self.write_gradients("t", tensors=1, elements=8)
        for formats in ("e{1..8}m{0..23}b{0..300}", "{e5m2,e4m3}{,f}" * 40, "e{1,2}m{1,2}" + "{,}" * 60, "{" * 5000 + "}" * 5000,
                        "e{1..8}" * 30, ",".join(["e{1..8}m{0..23}"] * 3000), "{{{a,b},{c,d}},{e,f}}" * 9):
            done = self.limited(resource.RLIMIT_AS, 2 << 30, "sweep", name, "--formats", formats)
            self.assertEqual(done.returncode, 2, formats[:60])
            self.assertRegex(done.stderr, LINE)
        self.assertEqual(len(self.rows("sweep", name, "--formats", "e{2..5}m{0..5}f", "--quiet")), 24)


class Signals(harness.CommandTest):
    """Kills at random moments of runs that replace a file: the old one stays or the whole new one is
    there, never a part, and nothing lies beside it."""
    KILLS = int(os.environ.get("GRADPATH_KILLS", "24"))

    def test_killed_at_any_moment(self):
        name = self.write("t", {f"step{i}/l/grad_output": ("F32", [400_000], self.random.randbytes(1_600_000))
                                for i in range(3)})
        jobs = [(["cast", name, "--format", "tf32", "--nan", "zero", "--as", "values", "-o", "out"], ["out"]),
                (["profile", name, "-o", "out", "--csv", "c"], ["out", "c"]),
                (["sweep", name, "--formats", "e{4..5}m{1..3}", "--db", "out"], ["out"])]
        wholes = {}
        seconds = {}
        for arguments, outputs in jobs:
            begin = time.monotonic()
            self.good(*arguments, "--quiet")
            seconds[arguments[0]] = time.monotonic() - begin
            wholes[arguments[0]] = {output: (self.folder / output).read_bytes() for output in outputs}
            for output in outputs:
                (self.folder / output).unlink()
        for number in range(self.KILLS):
            arguments, outputs = jobs[number % len(jobs)]
            which = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)[number // len(jobs) % 3]
            for output in self.files():
                if output != name:
                    (self.folder / output).unlink()
            is_store = arguments[0] == "sweep"
            if not is_store:
                for output in outputs:
                    (self.folder / output).write_text("old")
            process = subprocess.Popen([PROGRAM, *arguments], cwd=self.folder, stdout=subprocess.DEVNULL,
                                       stderr=subprocess.PIPE, text=True)
            time.sleep(self.random.random() * 1.2 * seconds[arguments[0]])
            process.send_signal(which)
            _, errors = process.communicate(timeout=60)
            ended = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGKILL: -9}[which]
            self.assertIn(process.returncode, (0, ended, -which), (arguments, errors))
            if process.returncode == ended and which != signal.SIGKILL:
                self.assertRegex(errors, LINE)
            if is_store:  # what was kept is read, the rest done
                self.good(*arguments, "--quiet")
            else:
                for output in outputs:
                    made = (self.folder / output).read_bytes()
                    self.assertIn(made, (b"old", wholes[arguments[0]][output]), (arguments, which, process.returncode))
            self.assertEqual([f for f in self.files() if "partial" in f], [], (arguments, which))

    def test_an_ignored_signal_stays_ignored(self):
        name = self.write_gradients("t", tensors=1, elements=200_000)
        process = subprocess.Popen([PROGRAM, "fit", name], cwd=self.folder, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_IGN))
        time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0)

    def test_a_waveform_is_removed(self):
        name = self.write("t", {"step0/l/grad_output": ("F32", [8000, 400], b"\0\0\x80?" * 3_200_000),
                                "step0/l/weight": ("F32", [400, 4], bytes(6400))}, {"layers": '{"l":{"op":"linear"}}'})
        (self.folder / "w.fst").write_text("old")
        process = subprocess.Popen([PROGRAM, "replay", name, "--rtl", "quantizer,compactor", "--random", "lanes",
                                    "--trace-fst", "w.fst", "--quiet"], cwd=self.folder, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.PIPE, text=True)
        while process.poll() is None and not [f for f in self.files() if "partial" in f]:
            time.sleep(0.005)
        time.sleep(0.02)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 143, errors)
        self.assertRegex(errors, LINE)
        self.assertEqual(self.files(), ["t", "w.fst"])
        self.assertEqual((self.folder / "w.fst").read_text(), "old")


if __name__ == "__main__":
    harness.main()
