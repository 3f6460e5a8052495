"""What tools/new_exchange.py writes works at once and passes every check, whatever the exchange is called."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TOOL = ROOT / "tools" / "new_exchange.py"
ROOMS = ["config", "constants", "decode", "errors", "factory", "public", "rest", "symbols", "websocket", "wire"]

CONTRACT = """
[importlinter]
root_package = cex
include_external_packages = True

[importlinter:contract:exchange-rooms]
name = Every exchange has the same rooms in the same order
type = layers
containers = cex.exchanges.alpacasecurities2x24
exhaustive = True
layers =
    factory
    public | (private)
    rest | websocket
    decode
    wire | symbols | (signing) | errors | config
    constants
"""
NAME = "alpacasecurities2x24"
"""As long as a name may be, and before ``base`` in the alphabet, so that imports have to be sorted anew."""
TITLE = "Alpaca Securities 24"


def run(*command: str, source: Path | None = None, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    paths = {"PYTHONPATH": str(source), "MYPYPATH": str(source)} if source else {}
    return subprocess.run(
        command, cwd=cwd, env={**os.environ, **paths}, capture_output=True, text=True, timeout=200, check=False
    )


def passes(*command: str, source: Path | None = None, cwd: Path = ROOT) -> None:
    done = run(*command, source=source, cwd=cwd)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The distribution, written into a tree that has the same packages and settings as this one."""
    root = tmp_path_factory.mktemp("tree")
    (root / "packages").mkdir()
    for package in ROOT.glob("packages/cex-*"):
        (root / "packages" / package.name).symlink_to(package)
    shutil.copy(ROOT / "pyproject.toml", root)
    code = "import sys, pathlib, new_exchange; sys.exit(new_exchange.main(sys.argv[2:], pathlib.Path(sys.argv[1])))"
    done = subprocess.run(
        [sys.executable, "-c", code, str(root), NAME, "--title", TITLE],
        cwd=TOOL.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert f"cex.exchanges.{NAME} as a container" in done.stdout
    return root / "packages" / f"cex-exchanges-{NAME}"


def test_every_room_is_there_and_nothing_of_the_toy_is_left(written: Path) -> None:
    rooms = written / "src" / "cex" / "exchanges" / NAME
    assert sorted(path.stem for path in rooms.glob("[!_]*.py")) == ROOMS
    assert (written / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    for path in written.rglob("*"):
        assert "toy" not in path.name.lower()
        if path.is_file():
            assert "toy" not in path.read_text(encoding="utf-8").lower(), path
    assert TITLE in (rooms / "public.py").read_text()


def test_it_passes_format_and_lint(written: Path) -> None:
    root = written.parent.parent
    passes(sys.executable, "-m", "ruff", "format", "--check", str(written), cwd=root)
    passes(sys.executable, "-m", "ruff", "check", str(written), cwd=root)


def test_it_passes_the_type_checker(written: Path) -> None:
    source = written / "src"
    tests = [str(path) for path in sorted(written.glob("tests/test_*.py"))]
    passes(sys.executable, "-m", "mypy", str(source), *tests, source=source)


def test_its_rooms_keep_the_contract(written: Path, tmp_path: Path) -> None:
    (tmp_path / "contract.ini").write_text(CONTRACT)
    linter = [
        str(Path(sys.executable).parent / "lint-imports"),
        "--no-logo",
        "--config",
        str(tmp_path / "contract.ini"),
    ]
    passes(*linter, source=written / "src", cwd=tmp_path)
    planted = written / "src" / "cex" / "exchanges" / NAME / "constants.py"
    before = planted.read_text()
    planted.write_text(f"{before}\nfrom cex.exchanges.{NAME} import rest\n")
    try:
        assert run(*linter, source=written / "src", cwd=tmp_path).returncode == 1
    finally:
        planted.write_text(before)


def test_its_own_tests_pass(written: Path) -> None:
    tests = str(written / "tests")
    passes(
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-c",
        "pyproject.toml",
        tests,
        source=written / "src",
    )


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["Kraken"], "lower-case letters and digits"),
        (["import"], "no word of Python's"),
        (["base"], "cannot be used"),
        (["x" * 21], "2 to 20"),
        (["../etc"], "cannot be used"),
        (["kraken", "--title", '"""'], "the title"),
        (["mexc"], "is there already"),
    ],
)
def test_a_name_that_cannot_be_used_is_refused(arguments: list[str], told: str) -> None:
    done = run(sys.executable, str(TOOL), *arguments)
    assert done.returncode == 1
    assert told in done.stderr
