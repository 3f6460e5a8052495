"""Releases are made and refused on copies: of this tree, and of a small one that has no third parties.

No index is asked: a folder of wheels made from what is installed here takes its place.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.tags import sys_tags
from packaging.version import Version

from check_deps import Member, find_members, find_problems
from dev import HATCH
from release import find_fragments

ROOT = Path(__file__).resolve().parent.parent
TOOLS = ROOT / "tools"
MEMBERS = {member.name: member for member in find_members(ROOT / "packages")}
TEST_TOOLS = ("pytest", "pytest-asyncio", "hypothesis")


# Without an index


def installed_closure(names: Iterable[str]) -> set[str]:
    """The names, and what their installed distributions need."""
    found: set[str] = set()
    waiting = [Requirement(name) for name in names]
    while waiting:
        wanted = waiting.pop()
        if wanted.name not in found:
            found.add(wanted.name)
            needs = [Requirement(text) for text in distribution(wanted.name).requires or []]
            waiting += [need for need in needs if need.marker is None or need.marker.evaluate({"extra": ""})]
    return found


def pack(name: str, folder: Path) -> None:
    """Make a wheel of a distribution as it is installed."""
    here = {str(tag) for tag in sys_tags()}
    found = distribution(name)
    lines = (found.read_text("WHEEL") or "").splitlines()
    tag = next(line.split()[1] for line in lines if line.startswith("Tag:") and line.split()[1] in here)
    left_out = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"}
    paths = [path for path in found.files or [] if not str(path).startswith("..") and "__pycache__" not in path.parts]
    stem = f"{name.replace('-', '_')}-{found.version}"
    with ZipFile(folder / f"{stem}-{tag}.whl", "w") as wheel:
        for path in paths:
            if path.name not in left_out:
                wheel.write(path.locate(), str(path))
        record = next(str(path) for path in paths if path.name == "RECORD")
        wheel.writestr(record, "".join(f"{path},,\n" for path in [*wheel.namelist(), record]))


@pytest.fixture(scope="module")
def variables(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment of the commands: a name for git, and a folder of wheels in place of an index."""
    wheels = tmp_path_factory.mktemp("third-parties")
    parties = {name for member in MEMBERS.values() for name in {**member.required, **member.extras}} - MEMBERS.keys()
    for name in installed_closure([*parties, *TEST_TOOLS]):
        pack(name, wheels)
    settings = wheels.parent / f"{wheels.name}.toml"
    settings.write_text(f'no-index = true\nfind-links = ["{wheels}"]\n', encoding="utf-8")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("PIP_", "UV_", "GIT_", "COV_"))}
    people = {f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    return {
        **kept,
        **people,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(wheels),
        "UV_CONFIG_FILE": str(settings),
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), str(HATCH / "bin"), os.environ["PATH"]]),
    }


class Tree:
    """A repository that a test may change."""

    def __init__(self, root: Path, variables: dict[str, str]) -> None:
        self.root = root
        self._variables = variables

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command,
            cwd=self.root,
            env=self._variables,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    def git(self, *arguments: str) -> str:
        done = self.run("git", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def tool(self, name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run(sys.executable, str(self.root / "tools" / name), *arguments)

    def write(self, path: str, text: str) -> None:
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, encoding="utf-8")

    def read(self, path: str) -> str:
        return (self.root / path).read_text(encoding="utf-8")

    def swap(self, path: str, old: str, new: str) -> None:
        assert old in self.read(path)
        self.write(path, self.read(path).replace(old, new))

    def commit(self) -> None:
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--message", "a change")

    def state(self) -> tuple[str, str, bool]:
        return self.git("status", "--porcelain"), self.git("rev-parse", "HEAD"), (self.root / "dist").exists()

    def project(self, name: str) -> Member:
        return next(member for member in find_members(self.root / "packages") if member.name == name)


def started(root: Path, variables: dict[str, str]) -> Tree:
    """Make the first commit of a tree with the tools and settings of this one."""
    tree = Tree(root, variables)
    (root / "tools").mkdir()
    for path in TOOLS.glob("*.py"):
        shutil.copy(path, root / "tools")
    for name in ("pyproject.toml", ".gitignore", "LICENSE"):
        shutil.copy(ROOT / name, root)
    tree.git("init", "--quiet", "--initial-branch=main")
    tree.commit()
    return tree


def cloned(tree: Tree, root: Path, variables: dict[str, str]) -> Tree:
    tree.git("clone", "--quiet", str(tree.root), str(root))
    return Tree(root, variables)


def told(done: subprocess.CompletedProcess[str]) -> dict[str, object]:
    assert done.returncode == 0, done.stderr
    answer: dict[str, object] = json.loads(done.stdout)
    return answer


def refused(tree: Tree, *arguments: str) -> str:
    """Why, in one line; nothing in the tree has changed."""
    before = tree.state()
    done = tree.tool("release.py", *arguments, "--json")
    assert done.returncode == 1, done.stdout
    *_, line = done.stderr.splitlines()
    reason = line.removeprefix("release.py: ")
    assert json.loads(done.stdout) == {"refused": reason}
    assert "Traceback" not in done.stderr
    assert tree.state() == before
    return reason


# This tree


@pytest.fixture(scope="module")
def released(tmp_path_factory: pytest.TempPathFactory, variables: dict[str, str]) -> Tree:
    """This tree, its lowest package being released as it stands."""
    root = tmp_path_factory.mktemp("released")
    ignored = shutil.ignore_patterns("__pycache__", ".*_cache", "*.egg-info")
    shutil.copytree(ROOT / "packages", root / "packages", ignore=ignored)
    shutil.rmtree(root / "packages/cex-common/changes", ignore_errors=True)
    tree = started(root, variables)
    tree.git("tag", f"cex-common-v{MEMBERS['cex-common'].version}")
    return tree


FRAGMENT = "packages/cex-common/changes/+depth.feature.md"


@pytest.fixture
def ours(released: Tree, tmp_path: Path, variables: dict[str, str]) -> Tree:
    """A copy with something to tell of cex-common."""
    tree = cloned(released, tmp_path / "copy", variables)
    tree.write(FRAGMENT, "`OrderBook.depth` counts levels.\n")
    tree.commit()
    return tree


def test_every_changelog_can_take_a_release_and_every_fragment_can_be_read() -> None:
    for member in MEMBERS.values():
        assert (member.folder / "CHANGELOG.md").read_text().count("\n<!-- changelog follows -->\n") == 1, member.name
        find_fragments(ROOT, member)
    template = ROOT / "tests-integration" / "toy_exchange"
    assert (template / "CHANGELOG.md").read_text().count("\n<!-- changelog follows -->\n") == 1
    assert list((template / "changes").glob("+*.feature.md"))


def test_a_minor_release_of_the_lowest_package_takes_its_siblings_along(ours: Tree) -> None:
    before = Version(MEMBERS["cex-common"].version)
    version = f"{before.major}.{before.minor + 1}.0"
    answer = told(ours.tool("release.py", "cex-common", "minor", "--widen", "--json"))
    siblings = sorted(MEMBERS.keys() - {"cex-common"})
    assert (answer["before"], answer["version"], answer["beside"]) == (str(before), version, siblings)
    assert answer["tag"] == f"cex-common-v{version}"

    assert answer["artifacts"] == [f"dist/cex_common-{version}-py3-none-any.whl", f"dist/cex_common-{version}.tar.gz"]
    with ZipFile(ours.root / f"dist/cex_common-{version}-py3-none-any.whl") as wheel:
        assert f"\nVersion: {version}\n" in wheel.read(f"cex_common-{version}.dist-info/METADATA").decode()
        assert "cex/common/__init__.py" in wheel.namelist()

    assert ours.project("cex-common").version == version
    changelog = ours.read("packages/cex-common/CHANGELOG.md")
    assert f"\n## {version} (" in changelog
    assert "\n- `OrderBook.depth` counts levels.\n" in changelog
    assert not (ours.root / FRAGMENT).exists()

    widened = [name for name in siblings if "cex-common" in MEMBERS[name].required] if before.major == 0 else []
    assert answer["widened"] == widened
    assert find_problems(ours.root / "packages") == []
    for name in widened:
        fragments = find_fragments(ours.root, ours.project(name))
        assert fragments[f"+cex-common-{before.major}-{before.minor + 1}.fix.md"] == "fix"

    commands = answer["commands"]
    assert isinstance(commands, list)
    for command in commands[:-1]:
        done = ours.run("sh", "-c", command)
        assert done.returncode == 0, done.stderr
    assert commands[-1] == f"git push origin HEAD cex-common-v{version}"
    assert ours.state()[0] == ""
    checked = ours.tool("check_tag.py", f"cex-common-v{version}")
    assert checked.stdout == f"distribution=cex-common\nversion={version}\nfolder=packages/cex-common\n"


def test_a_tree_that_is_not_committed_is_refused(ours: Tree) -> None:
    ours.write("packages/cex-common/README.md", "other\n")
    ours.write("packages/cex-common/src/cex/common/more.py", "")
    reason = refused(ours, "cex-common", "minor", "--widen")
    assert reason == "not committed: packages/cex-common/README.md and 1 more; commit or stash that first"


def test_a_change_of_which_no_fragment_tells_is_refused(ours: Tree) -> None:
    ours.git("rm", "--quiet", FRAGMENT)
    ours.commit()
    assert refused(ours, "cex-common", "minor").endswith("there is nothing to release")
    ours.write("packages/cex-common/src/cex/common/more.py", "")
    ours.commit()
    tag = f"cex-common-v{MEMBERS['cex-common'].version}"
    reason = refused(ours, "cex-common", "minor", "--widen")
    assert reason == (
        f"no fragment tells what is new in cex-common since {tag}: add packages/cex-common/changes/+word.kind.md"
    )


def test_bounds_of_siblings_that_no_longer_hold_are_refused_and_named(ours: Tree) -> None:
    reason = refused(ours, "cex-common", "major")
    assert "cex-common 1.0.0 is outside the bounds in packages/cex-cli/pyproject.toml, packages/" in reason
    assert reason.endswith("/pyproject.toml: widen them there, or use --widen")
    needing = [member for member in MEMBERS.values() if "cex-common" in member.required]
    assert reason.count("/pyproject.toml") == len(needing)


# A small tree

PROJECT = """
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "{name}"
version = "0.1.0"
description = "An example"
readme = "README.md"
requires-python = ">=3.11"
license = "Apache-2.0"
dependencies = {needs}

[tool.hatch.build.targets.wheel]
packages = ["src/cex"]
"""


def write_package(tree: Path, name: str, needs: str, body: str) -> None:
    portion = name.removeprefix("cex-")
    files = {
        "pyproject.toml": PROJECT.format(name=name, needs=needs),
        "README.md": "An example\n",
        "CHANGELOG.md": f"# Changelog of {name}\n\n<!-- changelog follows -->\n",
        "changes/+first.feature.md": "All of it.\n",
        f"src/cex/{portion}/__init__.py": body,
        f"tests/test_{portion}.py": f"from cex.{portion} import X\n\n\ndef test_it() -> None:\n    assert X == 1\n",
    }
    for path, text in files.items():
        (tree / "packages" / name / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / "packages" / name / path).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory, variables: dict[str, str]) -> Tree:
    root = tmp_path_factory.mktemp("small")
    write_package(root, "cex-low", "[]", "X = 1\n")
    write_package(root, "cex-high", '["cex-low>=0.1,<0.2"]', "from cex.low import X\n")
    return started(root, variables)


@pytest.fixture
def small(template: Tree, tmp_path: Path, variables: dict[str, str]) -> Tree:
    """Two packages that are not released, cex-high on cex-low."""
    return cloned(template, tmp_path / "copy", variables)


def test_the_first_release_is_the_version_that_stands_there(small: Tree) -> None:
    code = "import sys, datetime, release; sys.exit(release.main(sys.argv[1:], today=datetime.date(2026, 1, 2)))"
    arguments = ("cex-low", "minor", "--commit")
    done = small.run(sys.executable, "-c", f"import sys; sys.path.insert(0, 'tools'); {code}", *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "cex-low 0.1.0, after no release before it",
        "  dist/cex_low-0.1.0-py3-none-any.whl",
        "  dist/cex_low-0.1.0.tar.gz",
        "  installs in an empty environment, with cex-high",
        "tag: cex-low-v0.1.0",
        "  git push origin HEAD cex-low-v0.1.0",
    ]
    assert small.read("packages/cex-low/CHANGELOG.md") == (
        "# Changelog of cex-low\n\n<!-- changelog follows -->\n\n## 0.1.0 (2026-01-02)\n\n### Added\n\n- All of it.\n"
    )
    assert small.git("tag", "--points-at", "HEAD") == "cex-low-v0.1.0\n"
    assert small.state()[0] == ""
    assert "nothing to release" in refused(small, "cex-low", "patch")


def test_what_others_could_not_install_yet_is_told(small: Tree) -> None:
    assert told(small.tool("release.py", "cex-high", "minor", "--json"))["release_first"] == ["cex-low"]


def test_a_wheel_that_does_not_work_is_not_released(small: Tree) -> None:
    small.write("packages/cex-low/src/cex/low/__init__.py", "import cex.nowhere\n")
    small.commit()
    reason = refused(small, "cex-low", "minor")
    assert (
        reason == "cex-low 0.1.0 does not work beside its siblings: ModuleNotFoundError: No module named 'cex.nowhere'"
    )


def release_low(tree: Tree) -> None:
    """As the tool does, without the proof."""
    tree.git("rm", "--quiet", "packages/cex-low/changes/+first.feature.md")
    tree.swap(
        "packages/cex-low/CHANGELOG.md", "follows -->\n", "follows -->\n\n## 0.1.0 (2026-01-02)\n\n- All of it.\n"
    )
    tree.commit()
    tree.git("tag", "cex-low-v0.1.0")


def change(tree: Tree, kind: str) -> None:
    tree.write(f"packages/cex-low/changes/+more.{kind}.md", "More.\n")
    tree.commit()


def break_in_a_patch(tree: Tree) -> None:
    release_low(tree)
    change(tree, "breaking")


def lose_the_tag(tree: Tree) -> None:
    release_low(tree)
    change(tree, "fix")
    tree.git("tag", "--delete", "cex-low-v0.1.0")


def bound_in_another_way(tree: Tree) -> None:
    release_low(tree)
    change(tree, "feature")
    tree.swap("packages/cex-high/pyproject.toml", "cex-low>=0.1,<0.2", "cex-low~=0.1.0")
    tree.commit()


REFUSALS: dict[str, tuple[Callable[[Tree], None], str, str]] = {
    "unknown": (
        lambda tree: None,
        "cex-lower minor",
        "there is no packages/cex-lower: choose one of cex-high, cex-low",
    ),
    "behind": (
        lambda tree: None,
        "cex-low patch",
        "patch makes cex-low 0.0.1, and its pyproject.toml says 0.1.0 already",
    ),
    "no kind": (
        lambda tree: change(tree, "new"),
        "cex-low minor",
        "+more.new.md is no fragment: call it +word.kind.md",
    ),
    "breaking patch": (break_in_a_patch, "cex-low patch", "the fragments of cex-low ask for a minor release"),
    "tag missing": (lose_the_tag, "cex-low minor", "cex-low 0.1.0 is released already"),
    "odd bound": (bound_in_another_way, "cex-low minor --widen", "cex-low~=0.1.0: widen that by hand"),
}


@pytest.mark.parametrize("name", REFUSALS)
def test_a_release_that_would_surprise_is_refused(small: Tree, name: str) -> None:
    prepare, arguments, reason = REFUSALS[name]
    prepare(small)
    assert reason in refused(small, *arguments.split())


# The lowest siblings


def test_packages_are_tested_with_the_oldest_sibling_that_they_admit(small: Tree) -> None:
    assert small.tool("check_lowest.py").stdout.count("needs no sibling that is released") == 2

    release_low(small)
    small.swap("packages/cex-low/pyproject.toml", 'version = "0.1.0"', 'version = "0.1.1"')
    small.write("packages/cex-low/src/cex/low/__init__.py", "X = Y = 1\n")
    small.commit()
    small.git("tag", "cex-low-v0.1.1")
    write_package(small.root, "cex-rash", '["cex-low>=0.1,<0.2"]', "from cex.low import Y as X\n")
    write_package(small.root, "cex-right", '["cex-low>=0.1.1,<0.2"]', "from cex.low import Y as X\n")
    done = small.tool("check_lowest.py")
    assert done.returncode == 1
    assert "cex-low needs no sibling that is released" in done.stdout
    assert "cex-high with cex-low==0.1.0: 1 passed" in done.stdout
    assert "cex-rash FAILED: its tests fail with cex-low==0.1.0, which its bounds admit" in done.stdout
    assert "cannot import name 'Y' from 'cex.low'" in done.stdout
    assert "cex-right with cex-low==0.1.1: 1 passed" in done.stdout


# Tags


@pytest.mark.parametrize(
    ("tag", "reason"),
    [
        ("v0.1.0", "'v0.1.0' is not of the form DISTRIBUTION-vX.Y.Z"),
        ("cex-lower-v0.1.0", "there is no packages/cex-lower"),
        ("cex-low-v0.2.0", "names version 0.2.0, and packages/cex-low/pyproject.toml says 0.1.0"),
        ("cex-low-v0.1.0", "packages/cex-low/CHANGELOG.md does not tell of 0.1.0"),
    ],
)
def test_a_tag_that_names_something_else_is_refused(template: Tree, tag: str, reason: str) -> None:
    done = template.tool("check_tag.py", tag)
    assert (done.returncode, done.stdout) == (1, "")
    assert reason in done.stderr
