"""What holds for every verb: help, exit codes, options, --config, tables, output files."""
import json
import os
import re
import shlex
import signal
import subprocess
import time

import harness
from harness import PROGRAM, f32

# Enough of a command line for each verb to get as far as its options and its trace.
TRACE_VERBS = {
    "cast": ["--format", "e5m2", "-o", "out.safetensors"],
    "fit": [],
    "profile": [],
    "prune": ["--sparsity", "0.5"],
    "sweep": ["--formats", "e5m2"],
}


class Help(harness.CommandTest):
    def test_program_lists_every_verb(self):
        text = self.good("--help")
        for verb in ("formats", *TRACE_VERBS):
            self.assertRegex(text, rf"(?m)^  {verb}  +\S")
        self.assertIn("Exit codes: 0 good, 1 a check failed, 2 bad input", text)

    def test_every_verb_has_a_summary_groups_and_two_examples(self):
        verbs = re.findall(r"(?m)^  (\w+)  +\S", self.good("--help").split("Verbs:")[1].split("Exit codes")[0])
        self.assertGreaterEqual(set(verbs), {"formats", *TRACE_VERBS})
        for verb in verbs:
            text = self.good(verb, "--help")
            self.assertTrue(text.startswith(f"gradpath {verb}: "), text)
            self.assertEqual(text.split("Examples:")[1].count(f"\n  gradpath {verb}"), 2, text)
            for option in ("--csv", "--json", "--threads", "--seed", "--config", "--quiet", "--help"):
                self.assertIn(option, text)
            self.assertIn("\nCommon:\n", text)
            self.assertLessEqual(max(map(len, text.split("Examples:")[0].splitlines())), 100)

    def test_help_comes_before_any_complaint(self):
        self.assertIn("Usage:", self.good("cast", "--help", "--nonsense", "missing.safetensors"))

    def test_is_given_on_a_verb_in_each_of_its_ways(self):
        text = self.good("cast", "--help")
        self.assertEqual(self.good("cast", "-h"), text)
        self.assertEqual(self.good("help", "cast"), text)
        self.assertEqual(self.good("help"), self.good("--help"))

    def test_is_given_on_what_may_be_written(self):
        text = self.good("help", "scale")
        for words in ("mx[:BLOCK[:RULE]]", "BLOCK: block size, 1 to 1099511627776 (default: 32)",
                      "floor, round, ceil", "s2fp8", "a positive number", "arXiv 1710.03740"):
            self.assertIn(words, text)
        for option in ("round", "overflow", "flush", "nan", "policy", "alpha", "accumulator", "scheme"):
            self.assertRegex(self.good("help", option), r"(?m)^  \w+.*  \w")
        self.refused_saying(["help", "polcy"], "'polcy'", "'policy'")

    def test_format_and_formats_are_one_option(self):
        self.write("t.safetensors", {"grad_output": f32(1.5)})
        many = self.rows("sweep", "t.safetensors", "--formats", "e5m2")
        self.assertEqual(self.rows("sweep", "t.safetensors", "--format", "e5m2"), many)
        (self.folder / "c.ini").write_text("format = e5m2\n")
        self.assertEqual(self.rows("sweep", "t.safetensors", "--config", "c.ini"), many)
        self.refused_saying(["sweep", "t.safetensors", "--format", "e5m2", "--formats", "e4m3"], "twice")

    def test_version(self):
        self.assertRegex(self.good("--version"), r"\Agradpath \d+\.\d+\.\d+\n\Z")


class Completion(harness.CommandTest):
    """In a real bash, with the words and the place as it gives them."""

    def complete(self, *words):
        script = self.good("completion", "bash")
        line = " ".join(shlex.quote(word) for word in ("gradpath", *words))
        done = subprocess.run(
            ["bash", "--norc", "-c", f"{script}\nCOMP_WORDS=({line}); COMP_CWORD={len(words)}; _gradpath; "
             "printf '%s\\n' \"${COMPREPLY[@]}\""], capture_output=True, text=True, check=True, timeout=60)
        self.assertEqual(done.stderr, "")
        return done.stdout.split()

    def test_verbs_options_and_values(self):
        self.assertEqual(self.complete("pru"), ["prune"])
        self.assertIn("sweep", self.complete(""))
        self.assertIn("policy", self.complete("help", "pol"))
        self.assertEqual(self.complete("prune", "t.safetensors", "--pol"), ["--policy"])
        self.assertEqual(self.complete("prune", "--policy", "st"), ["stochastic"])
        self.assertEqual(self.complete("cast", "--scale", "=", "amax-"), ["amax-po2"])
        self.assertEqual(set(self.complete("cast", "--as", "=")), {"codes", "values"})
        self.assertIn("e4m3fn", self.complete("cast", "--format", "e4"))

    def test_the_last_of_a_list(self):
        self.assertEqual(self.complete("prune", "--policy", "ye,to"), ["ye,topk"])

    def test_files_are_left_to_the_shell(self):
        self.assertEqual(self.complete("cast", "--output", ""), [])
        self.assertEqual(self.complete("fit", "tr"), [])

    def test_other_shells_are_refused(self):
        self.refused_saying(["completion", "fish"], "'fish'", "bash or zsh")
        self.refused_saying(["completion"], "bash or zsh")
        self.assertIn("bashcompinit", self.good("completion", "zsh"))


class BadUsage(harness.CommandTest):
    def test_no_verb(self):
        self.refused_saying([], "no verb", "--help")

    def test_unknown_verb_names_the_nearest(self):
        self.refused_saying(["formast"], "'formast'", "'formats'")
        self.refused_saying(["ft"], "'fit'")

    def test_unknown_option_names_the_nearest(self):
        for verb, rest in TRACE_VERBS.items():
            self.refused_saying([verb, "t", *rest, "--tensor", "x"], "'--tensor'", "'tensors'")
        self.refused_saying(["formats", "--jsn", "x"], "'json'")
        self.refused_saying(["formats", "-z"], "-z")

    def test_options_are_not_abbreviated(self):
        self.refused_saying(["fit", "t", "--tens", "x"], "'tensors'")

    def test_missing_value_repeated_option_and_surplus_argument(self):
        self.refused_saying(["fit", "t", "--csv"], "--csv", "missing")
        self.refused_saying(["fit", "t", "--csv", "--quiet"], "--csv", "missing")
        self.refused_saying(["fit", "t", "--seed", "1", "--seed", "2"], "seed", "twice")
        self.refused_saying(["formats", "e5m2", "e4m3"], "'e4m3'")
        self.refused_saying(["fit", "t", "--quiet=yes"], "quiet")

    def test_numbers_are_read_strictly(self):
        self.refused_saying(["fit", "t", "--seed="], "--seed")
        for bad in ("x", "1x", "1.5", "-1", " 1", "0x10", "1e3", "18446744073709551616"):
            self.refused_saying(["fit", "t", f"--seed={bad}"], "--seed", f"'{bad}'")
        for bad in ("0", "-1", "1025", "two"):
            self.refused_saying(["fit", "t", f"--threads={bad}"], "--threads", f"'{bad}'", "1 to 1024")

    def test_no_trace(self):
        for verb, rest in TRACE_VERBS.items():
            self.refused_saying([verb, *rest], "no trace")

    def test_csv_and_json_into_one_file(self):
        self.refused_saying(["fit", "t", "--csv", "x", "--json", "x"], "--csv 'x'", "--json 'x'", "two different files")
        self.refused_saying(["fit", "t", "--csv", "-", "--json", "-"], "'-'")
        self.refused_saying(["cast", "t", "--format", "e5m2", "-o", "x", "--csv", "x"], "'x'")


class BadTrace(harness.CommandTest):
    def every(self, trace, *words, options=()):
        for verb, rest in TRACE_VERBS.items():
            self.refused_saying([verb, trace, *rest, *options], *words)
            self.assertNotIn("out.safetensors", self.files())

    def test_missing_file_and_folder(self):
        self.every("none.safetensors", "none.safetensors", "No such file")
        self.every(".", "is a directory")

    def test_truncated_file(self):
        name = self.write_gradients()
        whole = (self.folder / name).read_bytes()
        for size in (0, 7, 8, 100, len(whole) - 1):
            (self.folder / "cut").write_bytes(whole[:size])
            self.every("cut", "cut: ")

    def test_no_tensor_matches(self):
        self.write("t", {"weight": f32(1)})
        self.every("t", "--tensors '*grad_output*'", "1 tensors", "'weight'")

    def test_tensor_that_holds_no_floats(self):
        self.write("t", {"grad_output": ("U8", [2], b"ab")})
        self.every("t", "'grad_output'", "U8", "--tensors")

    def test_control_characters_in_names_stay_on_one_line(self):
        self.write("t", {"grad_output\n\x1b[31m": ("U8", [2], b"ab")})
        self.every("t", r"grad_output\x0a\x1b[31m")


class Config(harness.CommandTest):
    def config(self, text):
        (self.folder / "c.ini").write_text(text)
        return "c.ini"

    def test_gives_any_option_and_the_command_line_comes_first(self):
        name = self.write_gradients()
        by_options = self.good("prune", name, "--sparsity", "0.5", "--seed", "7", "--csv", "-")
        self.config("# comment\n; another\n\n seed = 7 \n[prune]\nsparsity=0.5\ncsv = -\nquiet = true\n"
                    "[fit]\ntensors = nothing\n")
        self.assertEqual(self.good("prune", name, "--config", "c.ini"), by_options)
        self.assertNotEqual(self.good("prune", name, "--config", "c.ini", "--seed", "8"), by_options)

    def test_may_name_the_traces(self):
        name = self.write_gradients()
        self.config(f"trace = {name}\n")
        self.assertEqual(self.good("fit", "--config", "c.ini"), self.good("fit", name))

    def test_unknown_key_names_line_and_nearest(self):
        self.refused_saying(["fit", "t", "--config", self.config("seed = 1\n\ntensor = x\n")],
                            "c.ini:3", "'tensor'", "'tensors'")

    def test_option_of_another_verb_is_unknown(self):
        self.refused_saying(["fit", "t", "--config", self.config("sparsity = 0.5\n")],
                            "c.ini:1", "'sparsity'")

    def test_unknown_section_repeated_key_and_junk(self):
        self.refused_saying(["fit", "t", "--config", self.config("[ift]\n seed = 1\n")],
                            "c.ini:2", "[ift]", "'fit'")
        self.refused_saying(["fit", "t", "--config", self.config("seed = 1\nseed = 2\n")],
                            "c.ini:2", "'seed'", "twice")
        self.refused_saying(["fit", "t", "--config", self.config("seed\n")], "c.ini:1", "key = value")
        self.refused_saying(["fit", "t", "--config", self.config("= 3\n")], "c.ini:1", "key = value")
        self.refused_saying(["fit", "t", "--config", self.config("quiet = maybe\n")], "c.ini:1", "'maybe'")
        self.refused_saying(["fit", "t", "--config", self.config("config = c.ini\n")], "c.ini:1")

    def test_bad_value_is_refused_like_an_option(self):
        self.refused_saying(["fit", "t", "--config", self.config("threads = many\n")], "--threads", "'many'")

    def test_missing_file(self):
        self.refused_saying(["fit", "t", "--config", "none.ini"], "none.ini")

    def test_recorded_configuration_repeats_the_run(self):
        name = self.write_gradients()
        self.good("prune", name, "--sparsity", "0.5,0.9", "--seed", "3", "--csv", "a.csv")
        recorded = (self.folder / "a.csv.config.ini").read_text()
        self.assertRegex(recorded, r"gradpath \d+\.\d+\.\d+")
        for line in ("[prune]", f"trace = {name}", "sparsity = 0.5,0.9", "seed = 3", "alpha = exact"):
            self.assertIn(line + "\n", recorded)
        first = (self.folder / "a.csv").read_text()
        os.rename(self.folder / "a.csv", self.folder / "old.csv")
        self.good("prune", "--config", "a.csv.config.ini")
        self.assertEqual((self.folder / "a.csv").read_text(), first)


class Steps(harness.CommandTest):
    def test_every_verb_that_reads_a_trace_selects_steps(self):
        tensors = {f"step{s}/l/grad_output": harness.f32(*[0.5 + s, -1.5, 2.25, 0.0]) for s in (0, 5, 10, 15)}
        name = self.write("t", {**tensors, "grad_output": harness.f32(1.0, 2.0)}, {})
        self.good("profile", name, "-o", "p")
        for verb in (["fit", name], ["profile", name], ["profile", "p"], ["prune", name, "--sparsity", "0.5"],
                     ["cast", name, "--format", "e4m3fn", "-o", "c"], ["sweep", name, "--formats", "e4m3fn"],
                     ["sweep", "p", "--formats", "e4m3fn"]):
            rows = self.rows(*verb, "--steps", "0,10:20:5")
            self.assertEqual([r["tensor"] for r in rows], [f"step{s}/l/grad_output" for s in (0, 10, 15)] if "p" not in verb
                             else sorted(f"step{s}/l/grad_output" for s in (0, 10, 15)), verb)
            self.refused_saying([*verb, "--steps", "3"], "--steps", "grad_output")
            self.refused_saying([*verb, "--steps", "x"], "--steps", "'x'")


class Tables(harness.CommandTest):
    def test_files_hold_what_stdout_would_and_the_readable_table_is_printed_beside(self):
        name = self.write_gradients()
        printed = self.good("fit", name, "--csv", "f.csv", "--json", "f.json")
        self.assertTrue(printed.startswith("trace"), printed)
        self.assertEqual((self.folder / "f.csv").read_text(), self.good("fit", name, "--csv", "-"))
        self.assertEqual((self.folder / "f.json").read_text(), self.good("fit", name, "--json", "-"))
        self.assertEqual(self.files(), ["f.csv", "f.csv.config.ini", "f.json", "f.json.config.ini", name])

    def test_csv_and_json_hold_the_same_rows(self):
        name = self.write_gradients()
        for verb, rest in TRACE_VERBS.items():
            texts, values = self.rows(verb, name, *rest), self.json_rows(verb, name, *rest)
            self.assertEqual(len(texts), 3)
            self.assertEqual(list(texts[0])[:2], ["trace", "tensor"])
            for text, value in zip(texts, values, strict=True):
                self.assertEqual(list(text), list(value))
                for column, cell in value.items():
                    found = text[column]
                    self.assertEqual(type(cell)(found) if cell is not None else None,
                                     cell if cell is not None else None, (verb, column))

    def test_undefined_numbers_are_nan_in_csv_and_null_in_json(self):
        name = self.write("t", {"grad_output": f32(0.0, 0.0)})
        self.assertEqual(self.rows("fit", name)[0]["mu_ln"], "nan")
        self.assertIsNone(self.json_rows("fit", name)[0]["mu_ln"])
        self.assertNotIn("NaN", self.good("fit", name, "--json", "-"))

    def test_text_is_quoted_as_rfc_4180_demands(self):
        tensor = 'a,"b"\ngrad_output'
        name = self.write("t,1", {tensor: f32(1.0, 2.0)})
        row = self.rows("fit", name)[0]
        self.assertEqual((row["trace"], row["tensor"]), ("t,1", tensor))
        self.assertEqual(self.json_rows("fit", name)[0]["tensor"], tensor)

    def test_trace_is_the_path_as_given(self):
        name = self.write_gradients()
        rows = self.rows("fit", f"./{name}", name, "--tensors", "*l1*")
        self.assertEqual([row["trace"] for row in rows], [f"./{name}", name])

    def test_glob_selects_by_whole_name(self):
        name = self.write_gradients()
        names = lambda glob: [row["tensor"] for row in self.rows("fit", name, "--tensors", glob)]
        self.assertEqual(names("step0/l1/*"), ["step0/l1/grad_output"])
        self.assertEqual(names("*l[02]/grad*"), ["step0/l0/grad_output", "step0/l2/grad_output"])
        self.assertEqual(names("*/l?/input"), ["step0/l0/input"])
        self.assertEqual(len(names("*")), 4)

    def test_results_do_not_depend_on_threads(self):
        name = self.write_gradients(tensors=5)
        for verb, rest in (("fit", []), ("prune", ["--sparsity", "0.5,0.9"])):
            first = self.good(verb, name, *rest, "--csv", "-", "--threads", "1")
            for threads in ("2", "3", "16"):
                self.assertEqual(self.good(verb, name, *rest, "--csv", "-", "--threads", threads), first)


class OutputFiles(harness.CommandTest):
    def test_failed_run_leaves_existing_files_and_nothing_else(self):
        name = self.write("t", {"grad_output": f32(1.0, float("nan"))})
        (self.folder / "out").write_text("old")
        (self.folder / "t.csv").write_text("old")
        self.refused_saying(["cast", name, "--format", "e2m1fn", "-o", "out", "--csv", "t.csv"], "NaN")
        self.assertEqual(self.files(), ["out", "t", "t.csv"])
        self.assertEqual((self.folder / "out").read_text(), "old")
        self.assertEqual((self.folder / "t.csv").read_text(), "old")

    def test_unwritable_output(self):
        name = self.write_gradients()
        for verb, rest in TRACE_VERBS.items():
            self.refused_saying([verb, name, *rest, "--csv", "none/x.csv"], "none/x.csv", "No such file")
            self.refused_saying([verb, name, *rest, "--json", "."], "is a directory")
        self.refused_saying(["cast", name, "--format", "e5m2", "-o", "none/x"], "none/x")
        self.refused_saying(["formats", "--csv", "/dev/full"], "/dev/full", "No space left")
        self.assertEqual(self.files(), [name])

    def test_stdout_that_cannot_be_written_is_no_success(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run([PROGRAM, "formats"], stdout=full, stderr=subprocess.PIPE, text=True,
                                  check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("cannot write to stdout", done.stderr)

    def test_a_table_never_replaces_its_input(self):
        name = self.write_gradients()
        before = (self.folder / name).read_bytes()
        os.symlink(name, self.folder / "link")
        for path in (name, f"./{name}", "link"):
            self.refused_saying(["fit", name, "--csv", path], path, "is an input")
        self.assertEqual((self.folder / name).read_bytes(), before)

    def test_device_gets_the_table_and_no_configuration(self):
        self.assertIn("format,bits", self.good("formats", "--csv", "/dev/stdout", "--quiet"))
        self.assertEqual(self.files(), [])

    def test_interrupted_run_leaves_the_old_file_and_nothing_else(self):
        values = ("F32", [6_000_000], bytes(24_000_000))
        name = self.write("big", {f"grad_output{i}": values for i in range(4)})
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
            (self.folder / "out").write_text("old")
            process = subprocess.Popen([PROGRAM, "cast", name, "--format", "tf32", "--round", "sr",
                                        "--threads", "1", "-o", "out"], cwd=self.folder,
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            while process.poll() is None and not self.is_writing(process.pid):
                time.sleep(0.001)
            process.send_signal(number)
            process.wait()
            # Handled, except the one that cannot be.
            code = -number if number == signal.SIGKILL else 128 + number
            self.assertEqual(process.returncode, code, "it was over before the signal")
            self.assertEqual((self.folder / "out").read_text(), "old")
            self.assertEqual(self.files(), ["big", "out"])

    def test_nothing_but_results_on_stdout_and_no_progress_into_a_pipe(self):
        name = self.write_gradients()
        done = self.run_program("fit", name, "--json", "-")
        self.assertEqual(len(json.loads(done.stdout)), 3)
        self.assertEqual(done.stderr, "")


if __name__ == "__main__":
    harness.main()
