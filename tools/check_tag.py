"""Proves that a tag names what stands in the tree, and tells the release workflow what to build: `check_tag.py TAG`.

Prints `distribution=...`, `version=...` and `folder=...`, a line each, as the workflow's outputs are written. Needs
nothing but the standard library.
"""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

__all__ = ["main", "read_tag"]

ROOT = Path(__file__).resolve().parent.parent


def read_tag(root: Path, tag: str) -> tuple[str, str]:
    """The distribution and the version that a tag names.

    Raises:
        ValueError: the tag has another form, or the tree holds another version or no changes to tell of this one.
    """
    match = re.fullmatch(r"([a-z][a-z0-9-]*)-v(\d+\.\d+\.\d+)", tag)
    if not match:
        raise ValueError(f"{tag!r} is not of the form DISTRIBUTION-vX.Y.Z")
    name, version = match.groups()
    folder = root / "packages" / name
    if not (folder / "pyproject.toml").is_file():
        raise ValueError(f"{tag} names {name}, and there is no packages/{name}")
    standing = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    if standing != version:
        raise ValueError(f"{tag} names version {version}, and packages/{name}/pyproject.toml says {standing}")
    if f"\n## {version} (" not in (folder / "CHANGELOG.md").read_text(encoding="utf-8"):
        raise ValueError(f"packages/{name}/CHANGELOG.md does not tell of {version}: release with tools/release.py")
    return name, version


def main(arguments: list[str]) -> int:
    """Check one tag against this tree."""
    if len(arguments) != 1:
        print("usage: check_tag.py TAG", file=sys.stderr)
        return 2
    try:
        name, version = read_tag(ROOT, arguments[0])
    except ValueError as error:
        print(f"check_tag: {error}", file=sys.stderr)
        return 1
    print(f"distribution={name}\nversion={version}\nfolder=packages/{name}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
