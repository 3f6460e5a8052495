"""The checks in tools/ pass on a small tree that is right, and name each fault that is planted in it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import pytest

TOOLS = Path(__file__).resolve().parent.parent / "tools"

PROJECT = """
[project]
name = "{name}"
version = "0.1.0"
description = "An example"
readme = "README.md"
requires-python = ">=3.11"
license = "Apache-2.0"
dependencies = {dependencies}
{more}
[tool.hatch.build.targets.wheel]
packages = ["src/cex"]
"""

MODULE = '"""An example."""\n__all__ = ["X"]\nX = 1\n'


def write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def write_package(root: Path, name: str, portion: str, dependencies: str, body: str, more: str = "") -> None:
    folder = root / "packages" / name
    write(folder / "pyproject.toml", PROJECT.format(name=name, dependencies=dependencies, more=more))
    write(folder / "README.md", "An example")
    write(folder / "CHANGELOG.md", "0.1.0")
    write(folder / "LICENSE", "Apache")
    write(folder / "src" / portion / "__init__.py", MODULE)
    write(folder / "src" / portion / "py.typed", "")
    write(folder / "src" / portion / "room.py", MODULE + body)
    write(folder / "tests" / f"test_{name.replace('-', '_')}.py", "")


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Two distributions, one in the inner namespace, that declare exactly what they import."""
    write(tmp_path / "LICENSE", "Apache")
    write_package(tmp_path, "cex-low", "cex/low", '["msgspec>=0.19"]', "import json\nimport msgspec\n")
    write_package(
        tmp_path,
        "cex-exchanges-toy",
        "cex/exchanges/toy",
        '["cex-low>=0.1,<0.2"]',
        "from cex import low\nfrom . import room\nfrom typing import TYPE_CHECKING\n",
        '[project.optional-dependencies]\nplugins = ["nothing-imports-this"]\n'
        '[project.entry-points."cex.exchanges"]\ntoy = "cex.exchanges.toy.room:X"\n',
    )
    return tmp_path


def run(tool: str, *arguments: object) -> tuple[int, str]:
    command = [sys.executable, str(TOOLS / tool), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.stderr == ""
    return done.returncode, done.stdout


def append(path: Path, text: str) -> None:
    write(path, path.read_text(encoding="utf-8") + text)


def swap(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    write(path, text.replace(old, new))


LOW = "packages/cex-low"
TOY = "packages/cex-exchanges-toy"
LOW_ROOM = f"{LOW}/src/cex/low/room.py"
TOY_ROOM = f"{TOY}/src/cex/exchanges/toy/room.py"

Fault = Callable[[Path], object]


def test_a_right_tree_passes_both_checks(tree: Path) -> None:
    assert run("check_deps.py", tree / "packages") == (0, "")
    assert run("check_layout.py", tree) == (0, "")


DEPENDENCY_FAULTS: dict[str, tuple[Fault, str]] = {
    "third party not declared": (
        lambda tree: append(tree / LOW_ROOM, "import aiohttp\n"),
        "cex-low: src/cex/low/room.py:6: imports aiohttp and does not declare aiohttp",
    ),
    "third party not declared, inside a function": (
        lambda tree: append(tree / LOW_ROOM, "def f() -> None:\n    import pydantic.fields\n"),
        "imports pydantic.fields and does not declare pydantic",
    ),
    "third party not declared, for type hints": (
        lambda tree: append(tree / TOY_ROOM, "if TYPE_CHECKING:\n    from aiohttp import web\n"),
        "cex-exchanges-toy: src/cex/exchanges/toy/room.py:8: imports aiohttp and does not declare aiohttp",
    ),
    "sibling not declared": (
        lambda tree: append(tree / LOW_ROOM, "import cex.exchanges.toy\n"),
        "imports cex.exchanges.toy and does not declare cex-exchanges-toy",
    ),
    "sibling not declared, imported from its namespace": (
        lambda tree: append(tree / LOW_ROOM, "from cex.exchanges import toy\n"),
        "imports cex.exchanges.toy and does not declare cex-exchanges-toy",
    ),
    "provided by nobody": (
        lambda tree: append(tree / LOW_ROOM, "import cex.nowhere\n"),
        "imports cex.nowhere, which no package here and nothing installed provides",
    ),
    "declared and not imported": (
        lambda tree: swap(tree / LOW / "pyproject.toml", '["msgspec>=0.19"]', '["msgspec>=0.19", "pydantic"]'),
        "cex-low: declares pydantic, which nothing in it imports",
    ),
    "sibling declared and not imported": (
        lambda tree: swap(tree / TOY_ROOM, "from cex import low\n", ""),
        "cex-exchanges-toy: declares cex-low, which nothing in it imports",
    ),
    "bound that leaves the sibling out": (
        lambda tree: swap(tree / LOW / "pyproject.toml", 'version = "0.1.0"', 'version = "0.2.0"'),
        "cex-exchanges-toy: cex-low<0.2,>=0.1 does not admit cex-low 0.2.0",
    ),
    "bound without an end": (
        lambda tree: swap(tree / TOY / "pyproject.toml", "cex-low>=0.1,<0.2", "cex-low>=0.1"),
        "cex-exchanges-toy: cex-low>=0.1 has no upper bound",
    ),
    "entry point to nothing": (
        lambda tree: swap(tree / TOY / "pyproject.toml", "toy.room:X", "toy.factory:X"),
        "cex-exchanges-toy: entry point toy names cex.exchanges.toy.factory, which it does not ship",
    ),
}


@pytest.mark.parametrize("name", DEPENDENCY_FAULTS)
def test_a_fault_in_the_dependencies_is_named(tree: Path, name: str) -> None:
    fault, message = DEPENDENCY_FAULTS[name]
    fault(tree)
    code, output = run("check_deps.py", tree / "packages")
    assert code == 1
    assert message in output
    assert len(output.splitlines()) == 1


def test_an_extra_covers_an_import(tree: Path) -> None:
    append(tree / TOY_ROOM, "import pydantic\n")
    swap(tree / TOY / "pyproject.toml", "nothing-imports-this", "pydantic")
    assert run("check_deps.py", tree / "packages") == (0, "")


LAYOUT_FAULTS: dict[str, tuple[Fault, str]] = {
    "root namespace claimed": (
        lambda tree: write(tree / LOW / "src/cex/__init__.py", MODULE),
        "packages/cex-low: src/cex/__init__.py claims the namespace for this distribution alone",
    ),
    "inner namespace claimed": (
        lambda tree: write(tree / TOY / "src/cex/exchanges/__init__.py", MODULE),
        "src/cex/exchanges/__init__.py claims the namespace for this distribution alone",
    ),
    "py.typed missing": (
        lambda tree: (tree / LOW / "src/cex/low/py.typed").unlink(),
        "packages/cex-low: src/cex/low has no py.typed",
    ),
    "folder that tools pass over": (
        lambda tree: write(tree / LOW / "src/cex/low/inner/deep.py", MODULE),
        "packages/cex-low: src/cex/low/inner has modules and no __init__.py",
    ),
    "readme missing": (lambda tree: (tree / LOW / "README.md").unlink(), "packages/cex-low: has no README.md"),
    "changelog missing": (lambda tree: (tree / TOY / "CHANGELOG.md").unlink(), "has no CHANGELOG.md"),
    "licence not named": (
        lambda tree: swap(tree / LOW / "pyproject.toml", 'license = "Apache-2.0"\n', ""),
        "packages/cex-low: pyproject.toml has no project.license",
    ),
    "licence text missing": (
        lambda tree: write(tree / LOW / "LICENSE", "Another"),
        "packages/cex-low: LICENSE is not a copy of the root's",
    ),
    "tests missing": (
        lambda tree: (tree / LOW / "tests/test_cex_low.py").unlink(),
        "packages/cex-low: has no tests",
    ),
    "folder named otherwise": (
        lambda tree: swap(tree / LOW / "pyproject.toml", 'name = "cex-low"', 'name = "cex-lower"'),
        "packages/cex-low: is named 'cex-lower' in its pyproject.toml",
    ),
    "module without __all__": (
        lambda tree: swap(tree / LOW_ROOM, '__all__ = ["X"]\n', ""),
        "packages/cex-low: src/cex/low/room.py has no __all__",
    ),
    "module without docstring": (
        lambda tree: swap(tree / LOW_ROOM, '"""An example."""\n', ""),
        "packages/cex-low: src/cex/low/room.py has no docstring",
    ),
    "test module named twice": (
        lambda tree: write(tree / TOY / "tests/test_cex_low.py", ""),
        "test_cex_low.py is the name of several test modules",
    ),
}


@pytest.mark.parametrize("name", LAYOUT_FAULTS)
def test_a_fault_in_the_layout_is_named(tree: Path, name: str) -> None:
    fault, message = LAYOUT_FAULTS[name]
    fault(tree)
    code, output = run("check_layout.py", tree)
    assert code == 1
    assert message in output
    assert len(output.splitlines()) == 1


SCHEMA = 'syntax = "proto3";\npackage cex.low;\nmessage Level { string price = 1; }\n'


@pytest.mark.skipif(find_spec("grpc_tools") is None, reason="the pinned grpcio-tools has no wheel for this Python")
def test_generated_code_is_compared_with_its_schema(tree: Path) -> None:
    schema = tree / LOW / "src/cex/low/schema/push.proto"
    write(schema, SCHEMA)
    modules = ["push_pb2.py", "push_pb2.pyi"]

    code, output = run("generate_protobuf.py", "--check", tree)
    assert code == 1
    assert all(f"schema/{module} is not what its schema gives" in output for module in modules)

    assert run("generate_protobuf.py", tree)[0] == 0
    assert sorted(path.name for path in schema.parent.iterdir()) == ["push.proto", *modules]
    assert run("generate_protobuf.py", "--check", tree) == (0, "")

    swap(schema, "price = 1;", "price = 2;")
    assert run("generate_protobuf.py", "--check", tree)[0] == 1

    schema.unlink()
    assert run("generate_protobuf.py", "--check", tree)[0] == 1


def test_what_a_lone_exchange_has_to_do_is_done_here_too() -> None:
    """The proof on the wheels comes late; this one notices at once that a decoder has moved."""
    code = "import check_wheels\nfor name, proof in check_wheels.PROOFS.items(): exec(proof, {}); print(name)"
    done = subprocess.run([sys.executable, "-c", code], cwd=TOOLS, capture_output=True, text=True, check=False)
    assert (done.stderr, done.stdout.split()) == ("", ["cex-exchanges-gateio", "cex-exchanges-mexc"])
