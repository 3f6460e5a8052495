"""The files for the public forge call what is there, and the release workflow's own steps build what a tag names."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.version import Version

from check_deps import find_members
from release import tag_of

ROOT = Path(__file__).resolve().parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
ON = True  # how YAML 1.1 reads the key `on`


def read(name: str) -> dict[Any, Any]:
    document = yaml.safe_load((ROOT / ".github" / "workflows" / name).read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def steps_of(path: Path) -> Iterator[dict[str, Any]]:
    for job in read(path.name)["jobs"].values():
        assert job["timeout-minutes"] <= 60
        yield from job["steps"]


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_major_version(path: Path) -> None:
    used = [step["uses"] for step in steps_of(path) if "uses" in step]
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w.-]+/[\w.-]+@(v\d+|release/v\d+)", action)] == []


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_command_exists(path: Path) -> None:
    usage = subprocess.run(
        [sys.executable, str(ROOT / "tools" / "dev.py"), "--help"], capture_output=True, text=True, check=True
    ).stdout
    tasks = set(re.findall(r"^  (\w+)", usage, re.MULTILINE))
    assert {"test", "check", "build", "run"} <= tasks
    called = 0
    for script in [step["run"] for step in steps_of(path) if "run" in step]:
        assert subprocess.run(["bash", "-n", "-c", script], check=False).returncode == 0, script
        assert "${{" not in script  # values reach a script through its environment only
        for tool in re.findall(r"[\w./-]+\.py\b", script):
            called += 1
            assert (ROOT / tool.removeprefix("../../")).is_file(), tool
        assert set(re.findall(r"dev\.py (\w+)", script)) <= tasks, script
    assert called


def test_what_is_released_was_tested_on_every_supported_python() -> None:
    jobs = read("ci.yml")["jobs"]
    assert jobs["test"]["strategy"]["matrix"]["python"] == ["3.11", "3.12", "3.13", "3.14"]
    scripts = "\n".join(step["run"] for job in jobs.values() for step in job["steps"] if "run" in step)
    for command in ("dev.py check", "dev.py test", "check_wheels.py --tests", "check_lowest.py"):
        assert command in scripts


def test_the_tag_of_every_distribution_starts_a_release() -> None:
    patterns = read("release.yml")[ON]["push"]["tags"]
    regex = "|".join(pattern.replace(".", r"\.").replace("*", "[^/]*") for pattern in patterns)
    tags = [tag_of(member.name, Version(member.version)) for member in find_members(ROOT / "packages")]
    assert [tag for tag in tags if not re.fullmatch(regex, tag)] == []
    assert [tag for tag in ("v0.1.0", "cex-common-0.1.0", "cex-common-v0.1") if re.fullmatch(regex, tag)] == []


def test_only_the_job_that_publishes_may_prove_who_it_is() -> None:
    for path in WORKFLOWS:
        document = read(path.name)
        assert document["permissions"] == {"contents": "read"}
        granted = {name: job["permissions"] for name, job in document["jobs"].items() if "permissions" in job}
        assert granted == ({"publish": {"id-token": "write"}} if path.name == "release.yml" else {})
    publish = read("release.yml")["jobs"]["publish"]
    assert publish["needs"] == "build"
    assert [step for step in publish["steps"] if "run" in step] == []  # runs nothing of ours


PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "cex-low"
version = "0.1.0"
requires-python = ">=3.11"

[tool.hatch.build.targets.wheel]
packages = ["src/cex"]
"""


@pytest.fixture
def tagged_tree(tmp_path: Path) -> Path:
    (tmp_path / "tools").mkdir()
    for tool in ("check_tag.py", "dev.py"):
        shutil.copy(ROOT / "tools" / tool, tmp_path / "tools")
    folder = tmp_path / "packages" / "cex-low"
    (folder / "src" / "cex" / "low").mkdir(parents=True)
    (folder / "src" / "cex" / "low" / "__init__.py").write_text("X = 1\n", encoding="utf-8")
    (folder / "pyproject.toml").write_text(PROJECT, encoding="utf-8")
    (folder / "CHANGELOG.md").write_text("# Changelog\n\n## 0.1.0 (2026-01-02)\n", encoding="utf-8")
    return tmp_path


def carry_out(tree: Path, tag: str) -> tuple[bool, str, str]:
    """Run the build job's own commands one after the other, as the forge does: passed, printed, outputs."""
    outputs = tree / "outputs"
    outputs.touch()
    variables = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "COV_"))}
    variables |= {
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
        "CEX_DEV_ENV": sys.prefix,
        "PIP_NO_INDEX": "1",
        "GITHUB_REF_NAME": tag,
        "GITHUB_OUTPUT": str(outputs),
    }
    printed = ""
    for step in read("release.yml")["jobs"]["build"]["steps"]:
        if "run" not in step:
            continue
        values = dict(line.split("=", 1) for line in outputs.read_text(encoding="utf-8").splitlines())
        place = step.get("working-directory", ".")
        for name, value in values.items():
            place = place.replace(f"${{{{ steps.tag.outputs.{name} }}}}", value)
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
        done = subprocess.run(
            command, cwd=tree / place, env=variables, capture_output=True, text=True, timeout=120, check=False
        )
        printed += done.stdout + done.stderr
        if done.returncode != 0:
            return False, printed, outputs.read_text(encoding="utf-8")
    return True, printed, outputs.read_text(encoding="utf-8")


def test_the_steps_build_what_the_tag_names(tagged_tree: Path) -> None:
    passed, printed, outputs = carry_out(tagged_tree, "cex-low-v0.1.0")
    assert passed, printed
    assert outputs == "distribution=cex-low\nversion=0.1.0\nfolder=packages/cex-low\n"
    assert sorted(path.name for path in (tagged_tree / "dist").iterdir()) == [
        "cex_low-0.1.0-py3-none-any.whl",
        "cex_low-0.1.0.tar.gz",
    ]
    assert "Successfully installed cex-low-0.1.0" in printed


def test_the_steps_stop_at_a_tag_that_names_another_version(tagged_tree: Path) -> None:
    passed, printed, outputs = carry_out(tagged_tree, "cex-low-v0.2.0")
    assert (passed, outputs) == (False, "")
    assert "names version 0.2.0, and packages/cex-low/pyproject.toml says 0.1.0" in printed
    assert not (tagged_tree / "dist").exists()
