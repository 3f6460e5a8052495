"""Releases one distribution: `python3 tools/dev.py run python tools/release.py DISTRIBUTION major|minor|patch`.

The version is raised, the fragments in packages/DISTRIBUTION/changes become a section of its changelog, source
distribution and wheel are built, and the wheel is installed in an empty environment beside those of its siblings. All
of this happens on an export of the last commit; only when it holds is it written into this tree and into dist/.
"""

from __future__ import annotations

import argparse
import io
import json
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.version import Version

from check_deps import Member, find_members
from check_wheels import Bench, ProofError, find_ours

__all__ = ["Refusal", "Release", "build", "export", "find_fragments", "main", "plan", "tag_of", "tagged"]

ROOT = Path(__file__).resolve().parent.parent
PARTS = ("major", "minor", "patch")
NOTHING = Version("0.0.0")


class Refusal(Exception):
    """Why there is no release: one line, with the remedy."""


@dataclass(frozen=True)
class Release:
    """One release as it is going to be; `narrow` are the siblings whose bounds leave the version out."""

    member: Member
    before: Version
    version: Version
    narrow: tuple[Member, ...]

    @property
    def name(self) -> str:
        return self.member.name

    @property
    def tag(self) -> str:
        return tag_of(self.name, self.version)

    @property
    def commands(self) -> list[list[str]]:
        """What makes the release of the changed tree; the last one publishes."""
        told = f"{self.name} {self.version}"
        changed = [f"packages/{member.name}" for member in (self.member, *self.narrow)]
        return [
            ["git", "add", "--all", "--", *changed],
            ["git", "commit", "--quiet", "--message", f"Release {told}"],
            ["git", "tag", "--annotate", self.tag, "--message", told],
            ["git", "push", "origin", "HEAD", self.tag],
        ]


# Versions and tags


def tag_of(name: str, version: Version) -> str:
    return f"{name}-v{version}"


def tagged(root: Path, name: str) -> list[Version]:
    """The versions of one distribution that are released in the history of HEAD, the newest last."""
    tags = _git(root, "tag", "--merged", "HEAD", "--list", f"{name}-v*").split()
    found = [re.fullmatch(rf"{re.escape(name)}-v(\d+\.\d+\.\d+)", tag) for tag in tags]
    return sorted(Version(match[1]) for match in found if match)


def _raised(version: Version, part: str) -> Version:
    numbers = list(version.release)
    place = PARTS.index(part)
    return Version(".".join(map(str, [*numbers[:place], numbers[place] + 1, *[0] * (2 - place)])))


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        reason = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
        raise Refusal(f"git {arguments[0]}: {reason[-1]}")
    return done.stdout


# What stands in the way


def plan(root: Path, name: str, part: str, *, widen: bool = False) -> Release:
    """What the release would be.

    Raises:
        Refusal: the tree, the fragments, the versions or the bounds of siblings do not allow it.
    """
    dirty = _git(root, "status", "--porcelain").splitlines()
    if dirty:
        others = f" and {len(dirty) - 1} more" if len(dirty) > 1 else ""
        raise Refusal(f"not committed: {dirty[0][3:]}{others}; commit or stash that first")
    members = {member.name: member for member in find_members(root / "packages")}
    if name not in members:
        raise Refusal(f"there is no packages/{name}: choose one of {', '.join(members)}")
    member = members[name]
    before = (tagged(root, name) or [NOTHING])[-1]
    version = _raised(before, part)
    _check_version(root, member, part, version)
    _check_fragments(root, member, part, before)
    narrow = tuple(
        other
        for other in members.values()
        if other is not member and any(version not in text.specifier for text in _bounds(other, name))
    )
    if narrow and not widen:
        places = ", ".join(f"packages/{other.name}/pyproject.toml" for other in narrow)
        raise Refusal(f"{name} {version} is outside the bounds in {places}: widen them there, or use --widen")
    for other in narrow:
        _widened(other, name, version)
    return Release(member, before, version, narrow)


def _check_version(root: Path, member: Member, part: str, version: Version) -> None:
    if version < Version(member.version):
        raise Refusal(
            f"{part} makes {member.name} {version}, and its pyproject.toml says {member.version} already: "
            "fetch the missing tags (git fetch --tags) or choose a greater part"
        )
    changelog = (member.folder / "CHANGELOG.md").read_text(encoding="utf-8")
    if _git(root, "tag", "--list", tag_of(member.name, version)) or f"\n## {version} (" in changelog:
        raise Refusal(
            f"{member.name} {version} is released already, by its tag or its CHANGELOG.md: "
            "fetch the missing tags (git fetch --tags) or choose a greater part"
        )


def find_fragments(root: Path, member: Member) -> dict[str, str]:
    """The file names of the fragments of one package, with their kinds; Refusal for a name that has no kind."""
    settings = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["towncrier"]
    kinds = [kind["directory"] for kind in settings["type"]]
    found = {}
    for path in sorted((member.folder / settings["directory"]).glob("*")):
        match = re.fullmatch(rf"(?:\+[a-z0-9-]+|\d+)\.({'|'.join(kinds)})\.md", path.name)
        if not match:
            raise Refusal(f"{path.relative_to(root)} is no fragment: call it +word.kind.md, the kind {_either(kinds)}")
        found[path.name] = match[1]
    return found


def _either(words: Sequence[str]) -> str:
    return f"{', '.join(words[:-1])} or {words[-1]}"


def _check_fragments(root: Path, member: Member, part: str, before: Version) -> None:
    kinds = set(find_fragments(root, member).values())
    if not kinds:
        folder, tag = f"packages/{member.name}", tag_of(member.name, before)
        paths = ("--", f"{folder}/src", f"{folder}/pyproject.toml")
        if before != NOTHING and not _git(root, "diff", "--name-only", tag, "HEAD", *paths):
            raise Refusal(f"{member.name} is what {tag} released: there is nothing to release")
        since = f"since {tag}" if before != NOTHING else "for the first release"
        raise Refusal(f"no fragment tells what is new in {member.name} {since}: add {folder}/changes/+word.kind.md")
    stable = before.major > 0
    wanted = "patch"
    if "breaking" in kinds:
        wanted = "major" if stable else "minor"
    elif "feature" in kinds and stable:
        wanted = "minor"
    if PARTS.index(part) > PARTS.index(wanted):
        raise Refusal(f"the fragments of {member.name} ask for a {wanted} release: {part} would surprise its users")


# The bounds of siblings


def _bounds(member: Member, name: str) -> list[Requirement]:
    return [requirements[name] for requirements in (member.required, member.extras) if name in requirements]


def _widened(member: Member, name: str, version: Version) -> str:
    """The sibling's pyproject.toml, every bound on `name` raised to the end of the series of `version`."""
    path = member.folder / "pyproject.toml"
    series = _raised(version, "major" if version.major > 0 else "minor")
    end = ".".join(map(str, series.release[: 1 if version.major > 0 else 2]))
    bound = re.compile(rf'(?P<before>"{re.escape(name)}\b[^"<]*<)[0-9.]+(?P<after>")')
    text = bound.sub(rf"\g<before>{end}\g<after>", path.read_text(encoding="utf-8"))
    project: dict[str, Any] = tomllib.loads(text)["project"]
    groups = [project.get("dependencies", []), *project.get("optional-dependencies", {}).values()]
    for requirement in (Requirement(line) for lines in groups for line in lines):
        if requirement.name == name and version not in requirement.specifier:
            raise Refusal(f"packages/{member.name}/pyproject.toml bounds {requirement}: widen that by hand")
    return text


# The release


def write(tree: Path, release: Release, today: date) -> None:
    """Raise the version and the bounds, and make the section of the changelog, in the tree that is given."""
    folder = tree / "packages" / release.name
    project = folder / "pyproject.toml"
    text = project.read_text(encoding="utf-8")
    text = re.sub(r'(?m)^version = "[^"]*"$', f'version = "{release.version}"', text, count=1)
    if tomllib.loads(text)["project"]["version"] != str(release.version):
        raise Refusal(f"packages/{release.name}/pyproject.toml has no line `version = ...` of its own: give it one")
    project.write_text(text, encoding="utf-8")
    for other in find_members(tree / "packages"):
        if other.name in {sibling.name for sibling in release.narrow}:
            text = _widened(other, release.name, release.version)
            (other.folder / "pyproject.toml").write_text(text, encoding="utf-8")
            fragment = (
                other.folder / "changes" / f"+{release.name}-{release.version.major}-{release.version.minor}.fix.md"
            )
            fragment.parent.mkdir(exist_ok=True)
            fragment.write_text(f"{release.name} {release.version} may be installed beside it.\n", encoding="utf-8")
    towncrier = [sys.executable, "-m", "towncrier", "build", "--yes", "--config", str(tree / "pyproject.toml")]
    told = ["--version", str(release.version), "--date", today.isoformat(), "--dir", str(folder)]
    _quietly([*towncrier, *told], tree)


def export(root: Path, ref: str, into: Path, *paths: str) -> None:
    """Write what the commit holds, or only the paths, into a folder."""
    command = ["git", "archive", "--format=zip", ref, "--", *paths]
    done = subprocess.run(command, cwd=root, capture_output=True, check=False)
    if done.returncode != 0:
        raise Refusal(f"git archive {ref}: {done.stderr.decode(errors='replace').strip()}")
    zipfile.ZipFile(io.BytesIO(done.stdout)).extractall(into)


def build(folder: Path, into: Path, *targets: str) -> None:
    """Build one distribution: `wheel`, `sdist` or both."""
    chosen = [option for target in targets for option in ("--target", target)]
    _quietly([sys.executable, "-m", "hatchling", "build", "--directory", str(into), *chosen], folder)


def _quietly(command: list[str], folder: Path) -> None:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        lines = (done.stderr or done.stdout).strip().splitlines() or ["no output"]
        raise Refusal(f"{command[2]} failed: {lines[-1]}")


def _prove(tree: Path, release: Release, dist: Path, scratch: Path) -> list[str]:
    """Install the wheel in an empty environment beside all siblings with all their extras, and import it; who came."""
    wheels = scratch / "wheels"
    members = find_members(tree / "packages")
    for member in members:
        if member.name != release.name:
            build(member.folder, wheels, "wheel")
    for wheel in dist.glob("*.whl"):
        wheels.mkdir(exist_ok=True)
        shutil.copy(wheel, wheels)
    try:
        bench = Bench(scratch, wheels)
        python = bench.environment("empty")
        ours = find_ours(bench.install(python, *map(_in_full, members)), [member.name for member in members], wheels)
        imports = "; ".join(f"import {portion}" for portion in release.member.portions)
        bench.output([str(python), "-I", "-c", imports])
    except ProofError as error:
        lines = [line.strip() for line in str(error).splitlines()[1:]] or [str(error)]
        telling = [line for line in lines if line.startswith("ERROR")] or lines[-1:]
        raise Refusal(f"{release.name} {release.version} does not work beside its siblings: {telling[0]}") from error
    return sorted(ours - {release.name})


def _in_full(member: Member) -> str:
    project = tomllib.loads((member.folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = ",".join(project.get("optional-dependencies", {}))
    return f"{member.name}[{extras}]=={member.version}" if extras else f"{member.name}=={member.version}"


def carry_out(root: Path, release: Release, today: date) -> dict[str, Any]:
    """Make, prove and write the release; what is to be told of it."""
    with tempfile.TemporaryDirectory(prefix="cex-release-") as folder:
        scratch = Path(folder).resolve()
        tree, dist = scratch / "tree", scratch / "dist"
        export(root, "HEAD", tree)
        write(tree, release, today)
        _say(f"building {release.name} {release.version}")
        build(tree / "packages" / release.name, dist, "sdist", "wheel")
        _say("installing it in an empty environment beside its siblings")
        siblings = _prove(tree, release, dist, scratch)
        write(root, release, today)
        (root / "dist").mkdir(exist_ok=True)
        artifacts = [f"dist/{path.name}" for path in sorted(dist.iterdir())]
        for artifact in artifacts:
            shutil.copy(scratch / artifact, root / artifact)
    return {
        "distribution": release.name,
        "before": str(release.before) if release.before != NOTHING else None,
        "version": str(release.version),
        "tag": release.tag,
        "artifacts": artifacts,
        "beside": siblings,
        "widened": [other.name for other in release.narrow],
        "release_first": _unreleased(root, release.member),
    }


def _unreleased(root: Path, member: Member) -> list[str]:
    """The siblings that it needs and that no release in the index can provide yet."""
    names = {other.name for other in find_members(root / "packages")}
    return sorted(
        name
        for name, bound in member.required.items()
        if name in names and not any(version in bound.specifier for version in tagged(root, name))
    )


# The command


def _say(text: str) -> None:
    print(f"release.py: {text}", file=sys.stderr, flush=True)


def _tell(told: dict[str, Any], commands: list[list[str]]) -> None:
    print(f"{told['distribution']} {told['version']}, after {told['before'] or 'no release before it'}")
    for artifact in told["artifacts"]:
        print(f"  {artifact}")
    print(f"  installs in an empty environment, with {', '.join(told['beside']) or 'no sibling'}")
    if told["widened"]:
        print(f"bounds widened, a patch release each when you are ready: {', '.join(told['widened'])}")
    if told["release_first"]:
        print(f"not installable by others before these are released: {', '.join(told['release_first'])}")
    print(f"tag: {told['tag']}")
    for command in commands:
        print(f"  {shlex.join(command)}")


def main(arguments: list[str], root: Path = ROOT, today: date | None = None) -> int:
    """Release, or say in one line on standard error why not (exit code 1); with --json standard output is JSON only."""
    parser = argparse.ArgumentParser(prog="release.py", description="Release one distribution.")
    parser.add_argument("distribution", help="for example cex-common")
    parser.add_argument("part", choices=PARTS, help="counted from the last tag; before the first one from 0.0.0")
    parser.add_argument("--widen", action="store_true", help="widen the bounds of siblings that leave the version out")
    parser.add_argument("--commit", action="store_true", help="commit and tag as well; nothing is pushed")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    chosen = parser.parse_args(arguments)
    try:
        release = plan(root, chosen.distribution, chosen.part, widen=chosen.widen)
        told = carry_out(root, release, today or datetime.now(UTC).date())
        commands = release.commands
        while chosen.commit and len(commands) > 1:
            _git(root, *commands.pop(0)[1:])
    except Refusal as refusal:
        _say(str(refusal))
        if chosen.json:
            print(json.dumps({"refused": str(refusal)}))
        return 1
    if chosen.json:
        print(json.dumps({**told, "committed": chosen.commit, "commands": [*map(shlex.join, commands)]}))
    else:
        _tell(told, commands)
    return 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # a running child ends with us
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
