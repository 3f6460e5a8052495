"""The compiled sides of a book: built by tool and by wheel where there is a compiler, and done without where not."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def package(tmp_path: Path) -> Path:
    copy = tmp_path / "cex-common"
    shutil.copytree(ROOT / "packages" / "cex-common", copy, ignore=shutil.ignore_patterns("*.so", "__pycache__"))
    return copy


@pytest.fixture(scope="module")
def hook() -> Any:
    spec = importlib.util.spec_from_file_location("hatch_build", ROOT / "packages" / "cex-common" / "hatch_build.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def compiled(hook: Any, package: Path) -> Path:
    try:
        built: Path = hook.compile_extension(package)
    except hook.NoCompiler as error:
        pytest.skip(str(error))
    return built


def wheel(package: Path, folder: Path, **variables: str) -> Path:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)],
        cwd=package,
        env={**os.environ, **variables},
        check=True,
        capture_output=True,
    )
    (built,) = folder.glob("*.whl")
    return built


def test_what_is_compiled_can_be_imported(hook: Any, package: Path) -> None:
    built = compiled(hook, package)
    spec = importlib.util.spec_from_file_location("_native", built)
    assert spec is not None
    assert spec.loader is not None
    native = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(native)
    side = native.BookSide(descending=True, window=None, windowed_stream=False)
    side.update([(1.0, 2.0)])
    assert side.best == (1.0, 2.0)


def test_a_missing_compiler_is_named(hook: Any, package: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LDSHARED", "no-such-compiler -shared")
    with pytest.raises(hook.NoCompiler, match="no-such-compiler"):
        hook.compile_extension(package)


def test_what_the_compiler_says_is_told(hook: Any, package: Path) -> None:
    compiled(hook, package)
    (package / hook.SOURCE).write_text("this is no C\n")
    with pytest.raises(RuntimeError, match=r"this is no C|error"):
        hook.compile_extension(package)


def test_a_wheel_is_plain_unless_asked_for(hook: Any, package: Path, tmp_path: Path) -> None:
    compiled(hook, package)
    plain = wheel(package, tmp_path / "plain")
    assert plain.name.endswith("-py3-none-any.whl")
    assert not [name for name in zipfile.ZipFile(plain).namelist() if name.endswith((".so", ".c"))]
    made = wheel(package, tmp_path / "made", CEX_COMPILE="1")
    assert not made.name.endswith("-any.whl")
    assert [name for name in zipfile.ZipFile(made).namelist() if "/book/_native." in name]
