"""`pip install .`: CMake builds the package's files, setuptools packs them (pyproject.toml).

Without SystemC and Verilator; what CMake needs is in sim/python/README.md.
"""
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_ext import build_ext

ROOT = Path(__file__).resolve().parent
VERSION = re.search(r"project\(gradpath\s+VERSION\s+([\d.]+)", (ROOT / "CMakeLists.txt").read_text())[1]


class CMakeBuild(build_ext):
    def run(self) -> None:
        build = Path(self.build_temp).resolve()
        destination = ROOT / "sim/python" if self.inplace else Path(self.build_lib).resolve()
        settings = {"CMAKE_BUILD_TYPE": "Release", "GRADPATH_WITH_HARDWARE": "OFF",
                    "GRADPATH_BUILD_TESTS": "OFF", "CMAKE_POSITION_INDEPENDENT_CODE": "ON",
                    "Python_EXECUTABLE": sys.executable, "CMAKE_INSTALL_PREFIX": str(destination)}
        subprocess.run(["cmake", "-S", str(ROOT), "-B", str(build), "-G", "Ninja",
                        *(f"-D{key}={value}" for key, value in settings.items()),
                        *shlex.split(os.environ.get("CMAKE_ARGS", ""))], check=True)
        subprocess.run(["cmake", "--build", str(build), "--target", "gradpath_python",
                        "--parallel", str(os.cpu_count())], check=True)
        subprocess.run(["cmake", "--install", str(build), "--component", "python"], check=True)


setup(version=VERSION, packages=[], ext_modules=[Extension("gradpath._gradpath", [])],
      cmdclass={"build_ext": CMakeBuild})
