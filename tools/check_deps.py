"""Proves that every distribution declares exactly what it imports, siblings included.

Finders of undeclared dependencies know import names by their first part, and here that is `cex` for all: so the portion
of the namespace decides. Imports under TYPE_CHECKING count, since annotations are part of a published package. Extras
may name what nothing imports (plug-ins) and cover what is imported; required dependencies must be imported.
"""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

__all__ = ["Member", "find_members", "find_problems", "main"]

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Member:
    """One distribution of the workspace and the portions of the namespace that it ships."""

    name: str
    version: str
    folder: Path
    portions: tuple[str, ...]
    required: Mapping[str, Requirement]
    extras: Mapping[str, Requirement]
    entry_points: Mapping[str, str]

    @property
    def source(self) -> Path:
        return self.folder / "src"


def find_members(packages: Path) -> list[Member]:
    """Read every packages/*/pyproject.toml."""
    return [_read_member(path.parent) for path in sorted(packages.glob("*/pyproject.toml"))]


def _read_member(folder: Path) -> Member:
    project: dict[str, Any] = tomllib.loads((folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = [text for texts in project.get("optional-dependencies", {}).values() for text in texts]
    groups = [project.get("scripts", {}), project.get("gui-scripts", {}), *project.get("entry-points", {}).values()]
    return Member(
        name=canonicalize_name(project["name"]),
        version=project.get("version", ""),
        folder=folder,
        portions=tuple(sorted(_find_portions(folder / "src"))),
        required=_by_name(project.get("dependencies", [])),
        extras=_by_name(extras),
        entry_points={name: target for group in groups for name, target in group.items()},
    )


def _by_name(texts: list[str]) -> dict[str, Requirement]:
    return {canonicalize_name(requirement.name): requirement for requirement in map(Requirement, texts)}


def _find_portions(source: Path) -> Iterator[str]:
    """The shallowest folders with an __init__.py: above them is only the namespace."""
    if not source.is_dir():
        return
    for folder in sorted(path for path in source.iterdir() if path.is_dir()):
        if (folder / "__init__.py").exists():
            yield folder.name
        else:
            yield from (f"{folder.name}.{below}" for below in _find_portions(folder))


def find_problems(packages: Path, installed: Mapping[str, list[str]] | None = None) -> list[str]:
    """Everything that is declared and not imported, imported and not declared, or declared in a way that cannot last.

    `installed` maps an import name to the distributions that provide it; by default those of this environment.
    """
    members = find_members(packages)
    providers = packages_distributions() if installed is None else installed
    problems: list[str] = []
    for member in members:
        imported = _imported_distributions(member, members, providers, problems)
        problems.extend(
            f"{member.name}: declares {name}, which nothing in it imports"
            for name in sorted(member.required.keys() - imported - {member.name})
        )
        problems.extend(_sibling_problems(member, members))
        problems.extend(_entry_point_problems(member))
    return problems


def _imported_distributions(
    member: Member, members: list[Member], providers: Mapping[str, list[str]], problems: list[str]
) -> set[str]:
    declared = member.required.keys() | member.extras.keys()
    namespaces = {name for other in members for portion in other.portions for name in _above(portion)}
    found: set[str] = set()
    for path in sorted(member.source.rglob("*.py")):
        for module, line in _imports(path, namespaces):
            top = module.split(".")[0]
            place = f"{member.name}: {path.relative_to(member.folder)}:{line}"
            if top in sys.stdlib_module_names:
                continue
            owner = _owner(module, members)
            owners = {owner} if owner else {canonicalize_name(name) for name in providers.get(top, [])}
            if member.name in owners:
                continue
            if not owners:
                problems.append(f"{place}: imports {module}, which no package here and nothing installed provides")
            elif not owners & declared:
                problems.append(f"{place}: imports {module} and does not declare {' or '.join(sorted(owners))}")
            found |= owners & declared or owners
    return found


def _above(portion: str) -> Iterator[str]:
    while "." in portion:
        portion = portion.rpartition(".")[0]
        yield portion


def _imports(path: Path, namespaces: set[str]) -> Iterator[tuple[str, int]]:
    """Absolute imports with their lines, wherever they stand; `from cex import networking` names `cex.networking`."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"), str(path))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name, node.lineno
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            if node.module in namespaces:
                for alias in node.names:
                    yield f"{node.module}.{alias.name}", node.lineno
            else:
                yield node.module, node.lineno


def _owner(module: str, members: list[Member]) -> str | None:
    matches = [
        (len(portion), member.name)
        for member in members
        for portion in member.portions
        if module == portion or module.startswith(f"{portion}.")
    ]
    return max(matches)[1] if matches else None


def _sibling_problems(member: Member, members: list[Member]) -> Iterator[str]:
    """Siblings are released one by one: a bound must admit the one beside it and stop before the next minor version."""
    versions = {other.name: other.version for other in members}
    for name, requirement in [*member.required.items(), *member.extras.items()]:
        if name not in versions or name == member.name:
            continue
        if versions[name] not in requirement.specifier:
            yield f"{member.name}: {requirement} does not admit {name} {versions[name]}"
        if not any(clause.operator in ("<", "<=", "==", "~=") for clause in requirement.specifier):
            yield f"{member.name}: {requirement} has no upper bound"


def _entry_point_problems(member: Member) -> Iterator[str]:
    for name, target in member.entry_points.items():
        module = target.split(":")[0].strip()
        base = member.source.joinpath(*module.split("."))
        if not (base.with_suffix(".py").exists() or (base / "__init__.py").exists()):
            yield f"{member.name}: entry point {name} names {module}, which it does not ship"


def main(arguments: list[str]) -> int:
    """Check the workspace, or the packages folder that is given."""
    packages = Path(arguments[0]) if arguments else ROOT / "packages"
    problems = find_problems(packages)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
