"""Which environment we run in, and what the process, a ``.env`` file and ``${NAME}`` references contribute."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from cex.common.constants.system_constants import ENVIRONMENT_PREFIX
from cex.config.core.files import Source
from cex.config.core.validation import Fault, Path, dotted, nearest

__all__ = [
    "ENVIRONMENT_VARIABLE",
    "DotEnv",
    "Environment",
    "Resolved",
    "detect_environment",
    "is_plain_text",
    "parse_dotenv",
    "referenced_names",
    "resolve_references",
    "variables_source",
]

ENVIRONMENT_VARIABLE = "CEX_ENVIRONMENT"
_LONGEST_RESOLVED = 65_536


class Environment(StrEnum):
    """Where we run. PRODUCTION refuses secrets that stand in the file as plain text."""

    DEVELOPMENT = "development"
    TEST = "test"
    PRODUCTION = "production"


def detect_environment(variables: Mapping[str, str]) -> tuple[Environment, list[Fault]]:
    """The environment that ``CEX_ENVIRONMENT`` names, DEVELOPMENT where it is not set; a fault for any other word."""
    word = variables.get(ENVIRONMENT_VARIABLE, "").strip().lower()
    if not word:
        return Environment.DEVELOPMENT, []
    try:
        return Environment(word), []
    except ValueError:
        known = list(Environment)
        problem = f"expected one of {', '.join(known)}{nearest(word, known)}"
        # An environment that cannot be told is treated as the strictest one.
        return Environment.PRODUCTION, [Fault((), problem, f"variable {ENVIRONMENT_VARIABLE}")]


class DotEnv(NamedTuple):
    """The variables of a ``.env`` file, and the line of each."""

    values: dict[str, str]
    lines: dict[str, int]
    faults: list[Fault]


# Patterns are texts here, compiled (and kept) by re at their first use: most programs never get there.
_ASSIGNMENT = r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_.-]*)[ \t]*=[ \t]*"
_QUOTED = r"""(?s:'([^']*)'|"((?:[^"\\]|\\.)*)")[ \t\r]*(?:#[^\n]*)?(?=\n|\Z)"""
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}


def parse_dotenv(text: str, name: str = ".env") -> DotEnv:
    """Read ``NAME=value`` lines: ``export`` is allowed, ``#`` begins a comment, quotes keep blanks, ``#`` and lines.

    Single quotes keep everything as it is; within double quotes ``\\n``, ``\\r``, ``\\t``, ``\\"`` and ``\\\\`` are
    replaced. A name that is set twice, and a line that is none of this, is a fault; its text is never repeated.
    """
    found = DotEnv({}, {}, [])
    text = text.removeprefix("\ufeff")
    position, number = 0, 1
    while position < len(text):
        end = text.find("\n", position)
        if end < 0:
            end = len(text)
        line = text[position:end].strip()
        if line and not line.startswith("#"):
            end = _read_assignment(text, position, end, f"{name}:{number}", number, found)
        number += text.count("\n", position, end + 1)
        position = end + 1
    return found


def _read_assignment(text: str, position: int, end: int, place: str, number: int, found: DotEnv) -> int:
    """Take one assignment into ``found``; returns where its last line ends."""
    begun = re.compile(_ASSIGNMENT).match(text, position, end)
    if begun is None:
        found.faults.append(Fault((), "expected NAME=value", place))
        return end
    if text[begun.end() : begun.end() + 1] in ("'", '"'):
        quoted = re.compile(_QUOTED).match(text, begun.end())
        if quoted is None:
            found.faults.append(Fault((), "expected a closing quote, and nothing behind it", place))
            return end
        end = quoted.end()
        value = quoted[1] if quoted[1] is not None else _unescaped(quoted[2])
    else:
        value = re.split(r"(?:^|[ \t])#", text[begun.end() : end], maxsplit=1)[0].strip()
    if begun[1] in found.values:
        found.faults.append(Fault((), f"{begun[1]} is set twice, first in line {found.lines[begun[1]]}", place))
    else:
        found.values[begun[1]] = value
        found.lines[begun[1]] = number
    return end


def _unescaped(text: str) -> str:
    return re.sub(r"(?s)\\(.)", lambda escape: _ESCAPES.get(escape[1], escape[1]), text)


def variables_source(
    kind: str, variables: Mapping[str, str], places: Mapping[str, str] | None = None
) -> tuple[Source, list[Fault]]:
    """Settings from variables such as ``CEX__EXCHANGES__MEXC__PROFILE``: the prefix, then the path, by two underscores.

    Names are compared without regard to case. Two variables of which one would stand inside the other's value, and a
    name with an empty part, are faults.
    """
    tree: dict[str, object] = {}
    known: dict[Path, str] = {}
    faults = []
    for name in sorted(variables):
        if not name.upper().startswith(ENVIRONMENT_PREFIX):
            continue
        place = places[name] if places else f"variable {dotted((name,))}"
        path: tuple[str, ...] = tuple(name[len(ENVIRONMENT_PREFIX) :].lower().split("__"))
        here = tree
        for step in path[:-1]:
            branch = here.setdefault(step, {})
            if not isinstance(branch, dict):
                break
            here = branch
        else:
            if all(path) and path[-1] not in here:
                here[path[-1]] = variables[name]
                known[path] = place
                continue
        problem = "contradicts another variable" if all(path) else "expected CEX__SECTION__NAME, no part empty"
        faults.append(Fault((), problem, place))
    return Source(kind, tree, lambda path: _longest(known, path)), faults


def _longest(known: Mapping[Path, str], path: Path) -> str | None:
    """The place of ``path``, or of any setting inside it, for a fault about a whole section."""
    exact = known.get(path)
    if exact is not None:
        return exact
    return next((place for inner, place in known.items() if inner[: len(path)] == path), None)


class Resolved(NamedTuple):
    """A tree of settings without references, and what could not be resolved."""

    tree: dict[str, object]
    faults: list[Fault]


_REFERENCE = r"\$\$\{|\$\{([^}]*)(\}|\Z)"
_NAME = r"[A-Za-z_][A-Za-z0-9_]*"


def is_plain_text(text: str) -> bool:
    """Whether a text of the file is its own value: without a reference, or with a default written beside the name."""
    references = [match[1] for match in re.finditer(_REFERENCE, text) if match[1] is not None]
    return bool(text) and (not references or any(reference.partition(":")[2] for reference in references))


def referenced_names(text: str) -> list[str]:
    """The variables that a text refers to."""
    return [match[1].partition(":")[0] for match in re.finditer(_REFERENCE, text) if match[1] is not None]


def resolve_references(tree: Mapping[str, object], variables: Mapping[str, str]) -> Resolved:
    """Replace ``${NAME}`` and ``${NAME:default}`` in every text of ``tree`` by the variable's value.

    ``$${`` stands for a literal ``${``. What a variable holds is taken as it is, also when empty; it is not searched
    for references again. A name without a value and without a default, or a reference that is malformed, is a fault,
    and its setting is left out of the result.
    """
    result = Resolved({}, [])
    result.tree.update(_resolve_table(tree, (), variables, result))
    return result


def _resolve_table(
    table: Mapping[str, object], path: Path, variables: Mapping[str, str], result: Resolved
) -> dict[str, object]:
    pairs = ((name, _resolve(value, (*path, name), variables, result)) for name, value in table.items())
    return {name: value for name, value in pairs if value is not _LEFT_OUT}


_LEFT_OUT = object()


def _resolve(value: object, path: Path, variables: Mapping[str, str], result: Resolved) -> object:
    if isinstance(value, str):
        return value if "${" not in value else _resolve_text(value, path, variables, result)
    if isinstance(value, dict):
        return _resolve_table(value, path, variables, result)
    if isinstance(value, list):
        items = [_resolve(item, (*path, index), variables, result) for index, item in enumerate(value)]
        return [item for item in items if item is not _LEFT_OUT]
    return value


def _resolve_text(text: str, path: Path, variables: Mapping[str, str], result: Resolved) -> object:
    parts: list[str] = []
    problems: list[str] = []
    end = 0
    for match in re.finditer(_REFERENCE, text):
        parts.append(text[end : match.start()])
        end = match.end()
        if match[1] is None:
            parts.append("${")
            continue
        name, given, default = match[1].partition(":")
        if not match[2]:
            problems.append("a reference ${...} is not closed")
        elif re.fullmatch(_NAME, name) is None or "${" in default:
            problems.append("expected ${NAME} or ${NAME:default}, not nested; write $${ for a literal ${")
        elif name in variables:
            parts.append(variables[name])
        elif given:
            parts.append(default)
        else:
            problems.append(f"variable {name[:64]} is not set, and the reference gives no default (${{NAME:default}})")
    parts.append(text[end:])
    resolved = "".join(parts)
    if not problems and len(resolved) > _LONGEST_RESOLVED:
        problems.append(f"the references expand to more than {_LONGEST_RESOLVED} characters")
    if problems:
        result.faults.extend(Fault(path, problem) for problem in problems)
        return _LEFT_OUT
    return resolved
