"""Read a settings file, TOML or YAML, into a plain tree, and tell on which line each setting stands."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path as FilePath
from typing import Any

from cex.config.core.validation import Fault, Path

__all__ = ["LARGEST_FILE", "Source", "leaves", "parse_toml", "parse_yaml", "read_source", "read_text"]

LARGEST_FILE = 1_048_576
"""Bytes; a settings file that is larger is a mistake."""
_DEEPEST = 32
_TRUTH = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_MOST_NODES = 50_000


class Source:
    """One origin of settings: the tree it contributes, and where each path stands. Prints without values."""

    __slots__ = ("kind", "place", "tree")

    def __init__(self, kind: str, tree: Mapping[str, object], place: Callable[[Path], str | None]) -> None:
        self.kind = kind
        self.tree = tree
        self.place = place

    def __repr__(self) -> str:
        return f"<Source {self.kind}: {len(self.tree)} sections>"

    def holds(self, path: Path) -> bool:
        """Whether this source itself says something at ``path``."""
        return self.value(path, _NOTHING) is not _NOTHING

    def value(self, path: Path, default: object = None) -> object:
        """What this source says at ``path``, as it stands there."""
        here: object = self.tree
        for step in path:
            if isinstance(here, list):
                here = dict(enumerate(here))
            if not isinstance(here, Mapping) or step not in here:
                return default
            here = here[step]
        return here


_NOTHING = object()


def leaves(tree: Mapping[str, object], path: Path = ()) -> Iterator[tuple[Path, object]]:
    """Every setting of a tree that is not a table, with its path."""
    for name, value in tree.items():
        if isinstance(value, Mapping):
            yield from leaves(value, (*path, name))
        else:
            yield (*path, name), value


def read_text(path: FilePath) -> tuple[str, list[Fault]]:
    """The text of a file, or the fault that keeps it from being read."""
    try:
        with path.open("rb") as file:
            data = file.read(LARGEST_FILE + 1)
    except OSError as error:
        reason = "there is no such file" if isinstance(error, FileNotFoundError) else error.strerror or "cannot be read"
        return "", [Fault((), reason, str(path))]
    if len(data) > LARGEST_FILE:
        return "", [Fault((), f"larger than {LARGEST_FILE} bytes", str(path))]
    try:
        return data.decode("utf-8-sig"), []
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        return "", [Fault((), f"expected UTF-8 text; byte {error.start} is not", f"{path}:{line}")]


def read_source(path: FilePath) -> tuple[Source, list[Fault]]:
    """Read ``.toml``, ``.yaml`` or ``.yml``; whatever is wrong with it comes back as faults."""
    parse = {".toml": parse_toml, ".yaml": parse_yaml, ".yml": parse_yaml}.get(path.suffix.lower())
    if parse is None:
        return _empty(), [Fault((), "expected a file that ends in .toml, .yaml or .yml", str(path))]
    text, faults = read_text(path)
    return (_empty(), faults) if faults else parse(text, str(path))


def _empty() -> Source:
    return Source("file", {}, lambda _path: None)


def parse_toml(text: str, name: str) -> tuple[Source, list[Fault]]:
    """TOML 1.0. The lines of the settings are looked for only when someone asks for one."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        message = str(error)
        at = re.search(r" \(at (?:line (\d+), column \d+|end of document)\)$", message)
        line = (at and at[1]) or text.rstrip().count("\n") + 1
        return _empty(), [Fault((), f"not TOML: {_quiet(message[: at.start()] if at else message)}", f"{name}:{line}")]
    except (ValueError, RecursionError, OverflowError):
        return _empty(), [Fault((), "not TOML: a number is too long, or values are nested too deeply", name)]
    lines: dict[Path, int] = {}

    def place(path: Path) -> str | None:
        if not lines:
            from cex.config.core.toml_lines import toml_lines

            lines.update(toml_lines(text))
        return _place(name, lines, path)

    return Source("file", tree, place), []


def _place(name: str, lines: Mapping[Path, int], path: Path) -> str | None:
    """The line of the setting, else of the nearest section around it."""
    for length in range(len(path), -1, -1):
        if path[:length] in lines:
            return f"{name}:{lines[path[:length]]}"
    return name


def _quiet(message: str) -> str:
    """A parser's message without the pieces of the file that it quotes: one of them might be a secret."""
    return re.sub(r"""(['"])(?:(?!\1).){2,}\1""", "'...'", message)


def parse_yaml(text: str, name: str) -> tuple[Source, list[Fault]]:
    """YAML 1.1 without tags; a key that stands twice is a fault, anchors and merge keys are fine."""
    import yaml

    # The compiled parser recurses on the C stack; what could nest deeply goes to the one that fails in Python.
    openings = text.count("[") + text.count("{") + max(map(len, text.split("\n")))
    loader_type: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader) if openings < 1500 else yaml.SafeLoader
    try:
        node = loader_type(text).get_single_node()
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        place = f"{name}:{mark.line + 1}" if mark else name
        problem = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be parsed"
        return _empty(), [Fault((), f"not YAML: {_quiet(str(problem))}", place)]
    except (RecursionError, ValueError):
        return _empty(), [Fault((), "not YAML: values are nested too deeply", name)]
    if node is None:
        return _empty(), []
    reader = _YamlReader(name)
    tree = reader.value(node, ())
    if tree is None:
        return _empty(), reader.faults
    if not isinstance(tree, dict):
        if not reader.faults:
            reader.faults.append(Fault((), "expected sections, such as 'exchanges:'", f"{name}:1"))
        return _empty(), reader.faults
    return Source("file", tree, lambda path: _place(name, reader.lines, path)), reader.faults


class _YamlReader:
    """Nodes become plain values; lines and faults are gathered on the way."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.lines: dict[Path, int] = {(): 1}
        self.faults: list[Fault] = []
        self._nodes = 0
        self._open: set[int] = set()

    def _fault(self, path: Path, problem: str, node: Any) -> None:
        self.faults.append(Fault(path, problem, f"{self.name}:{node.start_mark.line + 1}"))

    def value(self, node: Any, path: Path) -> object:
        self._nodes += 1
        if self._nodes > _MOST_NODES or len(path) > _DEEPEST:
            if not any(fault.problem.startswith("too much") for fault in self.faults):
                self._fault(path[:_DEEPEST], f"too much: over {_MOST_NODES} values, or over {_DEEPEST} deep", node)
            return None
        kind: str = node.id
        if kind == "scalar":
            return self._scalar(node, path)
        if node.tag not in ("tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"):
            self._fault(path, "tags are not supported", node)
        if kind == "sequence":
            return [self._noted(item, (*path, index), item) for index, item in enumerate(node.value)]
        return self._table(node, path)

    def _noted(self, node: Any, path: Path, key: Any) -> object:
        self.lines[path] = key.start_mark.line + 1
        return self.value(node, path)

    def _table(self, node: Any, path: Path) -> dict[str, object]:
        table: dict[str, object] = {}
        merged: list[tuple[Any, Any]] = []
        self._open.add(id(node))
        for key, value in node.value:
            if key.tag == "tag:yaml.org,2002:merge":
                merged += [(key, source) for source in (value.value if value.id == "sequence" else [value])]
            elif key.id != "scalar":
                self._fault(path, "expected a name as key, not a list or table", key)
            elif key.value in table:
                first = self.lines[(*path, key.value)]
                self._fault((*path, key.value), f"stands twice, first in line {first}", key)
            else:
                table[key.value] = self._noted(value, (*path, key.value), key)
        for key, source in merged:
            if source.id != "mapping" or id(source) in self._open:
                self._fault(path, "expected a table to merge, and not one around this", key)
                continue
            own = dict(self.lines)
            added = self._table(source, path)
            self.lines.update(own)
            table = {**added, **table}
        self._open.discard(id(node))
        return table

    def _scalar(self, node: Any, path: Path) -> object:
        text: str = node.value
        kind = node.tag.removeprefix("tag:yaml.org,2002:")
        if kind in ("str", "timestamp", "value", "merge"):
            return text
        if kind == "null":
            return None
        if kind == "bool" and text.lower() in _TRUTH:
            return _TRUTH[text.lower()]
        if kind in ("int", "float"):
            try:
                return _numbers()[kind](node)
            except (ValueError, OverflowError, LookupError):
                self._fault(path, "expected a number that fits", node)
                return None
        self._fault(path, "tags are not supported", node)
        return None


@cache
def _numbers() -> Mapping[str, Callable[[Any], object]]:
    from yaml.constructor import SafeConstructor

    constructor = SafeConstructor()
    return {"int": constructor.construct_yaml_int, "float": constructor.construct_yaml_float}
