"""Builds the compiled sides of a book into a wheel of this platform where ``CEX_COMPILE=1`` asks for it.

Without it the wheel is plain Python and runs everywhere. ``compile_extension`` also serves `tools/compile.py`.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

__all__ = ["CompileHook", "NoCompiler", "compile_extension"]

SOURCE = Path("src/cex/common/book/_native.c")


class NoCompiler(Exception):
    """There is no C compiler here, or Python's own headers are missing."""


def compile_extension(package: Path) -> Path:
    """Compile the extension beside its source in this folder of cex-common, with the compiler that Python was made by.

    Raises:
        NoCompiler: says what is missing.
        RuntimeError: the compiler refused, in its own words.
    """
    source = package / SOURCE
    target = source.with_name(source.stem + sysconfig.get_config_var("EXT_SUFFIX"))
    headers = Path(sysconfig.get_paths()["include"])
    if not (headers / "Python.h").is_file():
        raise NoCompiler(f"{headers} has no Python.h: install Python's development files")
    linker = shlex.split(os.environ.get("LDSHARED") or sysconfig.get_config_var("LDSHARED") or "cc -shared")
    command = [*linker, "-O2", "-fPIC", f"-I{headers}", "-o", str(target), str(source), "-lm"]
    try:
        finished = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise NoCompiler(f"there is no C compiler {linker[0]!r}: install one, or stay with plain Python") from error
    if finished.returncode:
        raise RuntimeError(f"{shlex.join(command)}\n{finished.stderr}")
    return target


class CompileHook(BuildHookInterface[Any]):
    """Adds the extension to a wheel, and says that the wheel is of this platform only."""

    PLUGIN_NAME = "custom"

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if self.target_name != "wheel" or version == "editable" or os.environ.get("CEX_COMPILE") != "1":
            return
        built = compile_extension(Path(self.root))
        build_data["pure_python"] = False
        build_data["infer_tag"] = True
        build_data["force_include"][str(built)] = f"cex/common/book/{built.name}"
