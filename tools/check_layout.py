"""Proves what no other tool looks at: the shape that every distribution under packages/ has.

`cex` and `cex.exchanges` are namespaces that no distribution may claim with an __init__.py, or the others disappear.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

__all__ = ["find_problems", "main"]

ROOT = Path(__file__).resolve().parent.parent
NAMESPACES = ("cex", "cex/exchanges")
GENERATED = re.compile(r"_pb2(_grpc)?\.py$")


def find_problems(root: Path) -> list[str]:
    """Everything in the packages and the tests of this tree that departs from the layout."""
    problems: list[str] = []
    licence = root / "LICENSE"
    for folder in sorted(path for path in (root / "packages").glob("[!.]*") if path.is_dir()):
        problems.extend(f"packages/{folder.name}: {problem}" for problem in _package_problems(folder))
        if not licence.is_file() or not _equal(licence, folder / "LICENSE"):
            problems.append(
                f"packages/{folder.name}: LICENSE is not a copy of the root's, which every wheel must bring"
            )
    problems.extend(_test_name_problems(root))
    return problems


def _equal(one: Path, other: Path) -> bool:
    return other.is_file() and not other.is_symlink() and one.read_bytes() == other.read_bytes()


def _package_problems(folder: Path) -> Iterator[str]:
    yield from _metadata_problems(folder)
    for name in ("README.md", "CHANGELOG.md"):
        if not (folder / name).is_file():
            yield f"has no {name}"
    if not any((folder / "tests").glob("test_*.py")):
        yield "has no tests"
    source = folder / "src"
    for namespace in NAMESPACES:
        if (source / namespace / "__init__.py").exists():
            yield f"src/{namespace}/__init__.py claims the namespace for this distribution alone"
    portions = list(_portions(source, source))
    if not portions:
        yield "ships nothing under src/cex"
    for portion in portions:
        if not (portion / "py.typed").is_file():
            yield f"{portion.relative_to(folder)} has no py.typed"
        for below in sorted({path.parent for path in portion.rglob("*.py")}):
            if not (below / "__init__.py").exists():  # import-linter and mypy would pass over it in silence
                yield f"{below.relative_to(folder)} has modules and no __init__.py"
    for path in sorted(source.rglob("*.py")):
        if not GENERATED.search(path.name):
            yield from (f"{path.relative_to(folder)} {problem}" for problem in _module_problems(path))


def _metadata_problems(folder: Path) -> Iterator[str]:
    path = folder / "pyproject.toml"
    if not path.is_file():
        yield "has no pyproject.toml"
        return
    document = tomllib.loads(path.read_text(encoding="utf-8"))
    project = document.get("project", {})
    if project.get("name") != folder.name:
        yield f"is named {project.get('name')!r} in its pyproject.toml"
    for field in ("version", "description", "readme", "license", "requires-python"):
        if not project.get(field):
            yield f"pyproject.toml has no project.{field}"
    shipped = document.get("tool", {}).get("hatch", {}).get("build", {}).get("targets", {}).get("wheel", {})
    if shipped.get("packages") != ["src/cex"]:
        yield 'pyproject.toml does not ship packages = ["src/cex"] in its wheel'


def _portions(source: Path, folder: Path) -> Iterator[Path]:
    """The shallowest packages below the namespaces."""
    if not folder.is_dir():
        return
    for below in sorted(path for path in folder.iterdir() if path.is_dir() and path.name != "__pycache__"):
        if (below / "__init__.py").exists() and below.relative_to(source).as_posix() not in NAMESPACES:
            yield below
        else:
            yield from _portions(source, below)


def _module_problems(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text(encoding="utf-8"), str(path))
    if not ast.get_docstring(tree):
        yield "has no docstring that says why it exists"
    if all(isinstance(node, ast.Expr | ast.ImportFrom) for node in tree.body) and path.name == "__init__.py":
        return  # only marks a folder: nothing to expose
    targets = [
        target
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    ]
    if not any(isinstance(target, ast.Name) and target.id == "__all__" for target in targets):
        yield "has no __all__"


def _test_name_problems(root: Path) -> Iterator[str]:
    """One name, one test module: the type checker and a reader of a test report know them by their names."""
    places = defaultdict(list)
    for pattern in ("packages/*/tests/**/test_*.py", "tests-integration/**/test_*.py"):
        for path in sorted(root.glob(pattern)):
            places[path.name].append(str(path.relative_to(root)))
    for name, paths in sorted(places.items()):
        if len(paths) > 1:
            yield f"{name} is the name of several test modules: {', '.join(paths)}"


def main(arguments: list[str]) -> int:
    """Check this tree, or the root that is given."""
    problems = find_problems(Path(arguments[0]) if arguments else ROOT)
    for problem in problems:
        print(problem)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
