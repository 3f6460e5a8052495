"""Compiles the sides of a book in place, for this tree's own environment: `python3 tools/dev.py compile`."""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "packages" / "cex-common"


def main(arguments: list[str]) -> int:
    """Exit code 0 when compiled, or when there is no compiler and ``--if-possible`` was said; otherwise 1."""
    parser = argparse.ArgumentParser(prog="compile", description="Compile the sides of a book for this environment.")
    parser.add_argument("--if-possible", action="store_true", help="no compiler is no failure")
    parser.add_argument("--remove", action="store_true", help="go back to plain Python")
    chosen = parser.parse_args(arguments)
    for built in PACKAGE.glob("src/**/_native.*.so"):
        built.unlink()
    if chosen.remove:
        print("plain Python")
        return 0
    hook = _hook()
    try:
        print(f"compiled {hook.compile_extension(PACKAGE).relative_to(ROOT)}")
    except hook.NoCompiler as error:
        print(f"not compiled: {error}")
        return 0 if chosen.if_possible else 1
    return 0


def _hook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("hatch_build", PACKAGE / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
