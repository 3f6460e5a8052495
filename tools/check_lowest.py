"""Proves that each package works with the oldest siblings that it admits.

    python3 tools/dev.py run python tools/check_lowest.py [DISTRIBUTION...]

Siblings are released one by one, so a user may have a package beside any sibling within its bounds. The oldest of those
are built from their tags, and the package's own tests run with them, everything else that it declares being at its
lowest too. A package whose siblings have no release yet is passed over: `check_wheels.py --tests` proves it with those
of this tree.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from packaging.version import Version

from check_deps import Member, find_members
from check_wheels import Bench, ProofError, find_ours, find_test_tools, run_pytest
from dev import HATCH
from release import Refusal, build, export, tag_of, tagged

__all__ = ["main"]

ROOT = Path(__file__).resolve().parent.parent


class Shelf:
    """A folder with a wheel of every release that a bound in this tree admits, and of what is not released yet."""

    def __init__(self, members: dict[str, Member], folder: Path) -> None:
        self.wheels = folder / "wheels"
        self.released = {name: tagged(ROOT, name) for name in members}
        for name, member in members.items():
            bounds = [other.required[name] for other in members.values() if name in other.required]
            for version in self.released[name]:
                if any(version in bound.specifier for bound in bounds):
                    export(ROOT, tag_of(name, version), folder / str(version), f"packages/{name}")
                    build(folder / str(version) / "packages" / name, self.wheels, "wheel")
            if Version(member.version) not in self.released[name]:
                build(member.folder, self.wheels, "wheel")

    def concerns(self, member: Member) -> bool:
        """Whether a release of a sibling that it needs is admitted."""
        bounds = [(bound, self.released.get(name, [])) for name, bound in member.required.items()]
        return any(version in bound.specifier for bound, versions in bounds for version in versions)


def _lowest(member: Member, shelf: Shelf) -> list[str]:
    """Pins of all that it needs, those that it declares itself at the lowest version that fits together."""
    command = [_uv(), "pip", "compile", "--quiet", "--no-annotate", "--no-header", "--resolution", "lowest-direct"]
    where = ["--python", sys.executable, "--only-binary", ":all:", "--find-links", str(shelf.wheels)]
    project = str(member.folder / "pyproject.toml")
    done = subprocess.run(
        [*command, *where, project],
        cwd=shelf.wheels,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    if done.returncode != 0:
        raise ProofError(f"no versions fit together\n{done.stderr.strip()}")
    return [line for line in done.stdout.splitlines() if "==" in line]


def _uv() -> str:
    """The uv that tools/dev.py has set up, or else that of this environment or of PATH."""
    places = [str(HATCH / "bin"), str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]
    found = shutil.which("uv", path=os.pathsep.join(places))
    if not found:
        raise ProofError("uv is missing, which finds the lowest versions: run this through tools/dev.py")
    return found


def _check(bench: Bench, member: Member, members: dict[str, Member], shelf: Shelf, folder: Path) -> str:
    """Run one package's tests with the lowest of everything; what pytest says last."""
    pins = _lowest(member, shelf)
    subject = folder / "subjects" / member.name
    build(member.folder, subject, "wheel")
    python = bench.environment(member.name)
    installed = bench.install(python, *map(str, subject.glob("*.whl")), *pins, *find_test_tools())
    find_ours(installed, members.keys() - {member.name}, shelf.wheels)
    ours = [pin for pin in pins if pin.partition("==")[0] in members]
    try:
        return f"with {', '.join(ours)}: {run_pytest(bench, python, member)}"
    except ProofError as error:
        raise ProofError(
            f"its tests fail with {', '.join(ours)}, which its bounds admit: "
            f"release the sibling that it needs and raise the lower bound to that\n{error}"
        ) from error


def main(arguments: list[str]) -> int:
    """Check all packages, or those that are named; exit code 1 when one does not work with what it admits."""
    members = {member.name: member for member in find_members(ROOT / "packages")}
    unknown = [name for name in arguments if name not in members]
    if unknown:
        print(f"usage: check_lowest.py [DISTRIBUTION...]; there is no {', '.join(unknown)}", file=sys.stderr)
        return 2
    started = time.monotonic()
    failed = False
    with tempfile.TemporaryDirectory(prefix="cex-lowest-") as name:
        folder = Path(name).resolve()
        bench: Bench | None = None
        try:
            shelf = Shelf(members, folder)
        except Refusal as refusal:
            print(f"check_lowest: {refusal}", file=sys.stderr)
            return 1
        for member in [members[name] for name in arguments or members]:
            told = "needs no sibling that is released"
            if shelf.concerns(member):
                bench = bench or Bench(folder, shelf.wheels)
                try:
                    told = _check(bench, member, members, shelf, folder)
                except (ProofError, Refusal) as error:
                    failed, told = True, f"FAILED: {error}"
            print(f"{time.monotonic() - started:5.1f} s  {member.name} {told}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # a running child ends with us
    sys.exit(main(sys.argv[1:]))
