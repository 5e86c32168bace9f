"""A build with -DGRADPATH_WITH_HARDWARE=OFF: every verb but replay and verify, without SystemC and
Verilator. NUMERIC is the program as that build makes it, GRADPATH the whole one."""
import os
import subprocess
from pathlib import Path

import harness

WHOLE, NUMERIC = harness.PROGRAM, os.environ["NUMERIC"]
ROOT = Path(__file__).resolve().parents[4]


class WithoutHardware(harness.CommandTest):
    def setUp(self):
        super().setUp()
        harness.PROGRAM = NUMERIC
        self.addCleanup(setattr, harness, "PROGRAM", WHOLE)

    def test_replay_and_verify_say_how_to_get_them(self):
        for arguments in (["replay", "x.safetensors", "--array", "4x4"], ["verify", "--help"]):
            self.refused_saying(arguments, f"gradpath: {arguments[0]} is not in this build",
                                "libsystemc-dev, verilator", "-DGRADPATH_WITH_HARDWARE=ON")
        self.assertIn("\n  replay ", self.good("--help"))

    def test_the_other_verbs_say_what_the_whole_program_says(self):
        trace = self.write_gradients()
        for arguments in (["fit", trace, "--csv", "-"], ["prune", trace, "--sparsity", "0.8"],
                          ["formats", "e4m3fn"], ["sweep", trace, "--formats", "e5m2", "--json", "-"],
                          ["theory", "prune", "--sigma", "2", "--sparsity", "0.9"]):
            whole = subprocess.run([WHOLE, *arguments], capture_output=True, text=True, check=True,
                                   cwd=self.folder)
            self.assertEqual(self.good(*arguments), whole.stdout)

    def test_it_needs_no_systemc(self):
        libraries = subprocess.run(["ldd", NUMERIC], capture_output=True, text=True, check=True)
        self.assertIn("libfmt", libraries.stdout)
        self.assertNotIn("systemc", libraries.stdout)

    def test_it_configures_where_neither_is_installed(self):
        done = subprocess.run(
            [os.environ["CMAKE"], "-S", ROOT, "-B", self.folder / "build",
             "-DGRADPATH_WITH_HARDWARE=OFF", "-DCMAKE_DISABLE_FIND_PACKAGE_verilator=ON",
             "-DCMAKE_DISABLE_FIND_PACKAGE_PkgConfig=ON"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)


if __name__ == "__main__":
    harness.main()
