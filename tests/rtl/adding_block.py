"""The diff of docs/adding.md, "An RTL block", applied to a copy: six files at most by hand, the rest written by
scripts/datasheets; every set of parameters is lint-clean, those that it refuses are refused.

usage: adding_block.py ROOT VERILATOR [BUILD_DIR]    BUILD_DIR: also compile its bank and checks and run them
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

MAIN = """#include <cstdio>
#include "sim/verify/checks/checks.hpp"
namespace gradpath::verify { extern const Family k_BLOCK; }
int main() {
  std::vector<std::vector<gradpath::verify::Result>> parts;
  for (const auto& check : gradpath::verify::k_BLOCK.checks("BLOCK", {})) parts.push_back(check(nullptr));
  const auto results = gradpath::verify::merge(parts);
  for (const auto& r : results) std::printf("%zu vectors, %zu mismatches %s\\n", r.vectors, r.mismatches, r.first_mismatch.c_str());
  return gradpath::verify::all_equal(results) ? 0 : 1;
}
"""


def run(*command, folder, **more):
    done = subprocess.run([str(c) for c in command], cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **more)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}: exit code {done.returncode}\n{done.stdout[-3000:]}")
    return done.stdout


root, verilator = pathlib.Path(sys.argv[1]).resolve(), sys.argv[2]
page = (root / "docs/adding.md").read_text()
diff = re.search(r"^## An RTL block$.*?^```diff\n(.*?)^```$", page, re.MULTILINE | re.DOTALL)[1]
touched = re.findall(r"^\+\+\+ b/(\S+)", diff, re.MULTILINE)
block = next(pathlib.Path(name).stem for name in touched if re.fullmatch(r"rtl/\w+\.sv", name))
with tempfile.TemporaryDirectory() as scratch:
    copy = pathlib.Path(scratch)
    for folder in ("rtl", "docs/rtl", "sim/verify", "scripts/hardware", "tests/rtl"):
        shutil.copytree(root / folder, copy / folder, ignore=shutil.ignore_patterns("*.svg", "__pycache__"))
    run("patch", "-p1", "--no-backup-if-mismatch", folder=copy, input=diff)
    run(sys.executable, "-B", "scripts/hardware/datasheets.py", "rtl", "docs/rtl", "--text", folder=copy)
    for what in ("lint", "refused"):
        print(run(sys.executable, "-B", "tests/rtl/elaborations.py", what, "rtl", verilator, block, folder=copy), end="")
    if len(sys.argv) > 3:
        build = pathlib.Path(sys.argv[3]).resolve()
        (copy / "main.cpp").write_text(MAIN.replace("BLOCK", block))
        banks, checks = copy / "sim/verify/banks", copy / "sim/verify/checks"
        run(verilator, "--cc", "--exe", "--build", "--assert", "--trace-fst", "-Wno-fatal", "--top-module", f"{block}_bank",
            "-CFLAGS", f"-std=c++20 -I{copy} -I{root} -I{build}/sim/verify", "-LDFLAGS",
            f"{build}/models/libgradpath_models.a -lfmt -lhwy", "-F", "rtl/gradpath.f",
            *sorted((banks / block).glob("*.sv")), "main.cpp", banks / block / f"{block}.cpp", banks / "waveform.cpp",
            checks / f"{block}_checks.cpp", checks / "result.cpp", folder=copy)
        print(run(f"obj_dir/V{block}_bank", folder=copy), end="")
print(f"{block}: {len(touched)} files by hand")
sys.exit(0 if len(touched) <= 6 else 1)
