"""One error for all faults: setting, place, what was found, what was expected, and the nearest name."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import UnionType
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple, Union, get_args, get_origin

from cex.common.constants.exchange_constants import KNOWN_EXCHANGES
from cex.common.exceptions import ConfigurationException
from cex.common.redaction import is_sensitive, redact

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

__all__ = [
    "Fault",
    "InvalidSettings",
    "Path",
    "dotted",
    "faults_of",
    "is_secret",
    "nearest",
    "not_installed",
    "setting_type",
    "shown",
]

Path = tuple[str | int, ...]
"""Where a setting stands in the tree of settings, from the root."""

_LONGEST_SHOWN = 60
_MOST_LISTED = 50
_NOT_A_TABLE = ("model_type", "model_attributes_type", "dict_type", "mapping_type")
_ABOUT_THE_NAME = ("endpoint_name",)


class Fault(NamedTuple):
    """One thing that is wrong. ``place`` is a file and line, a variable or an argument; empty where there is none."""

    path: Path
    problem: str
    place: str = ""

    def __str__(self) -> str:
        subject = dotted(self.path)
        where = f"{subject} ({self.place})" if subject and self.place else subject or self.place
        return f"{where} - {self.problem}" if where else self.problem


class InvalidSettings(ConfigurationException):
    """Settings do not fit; ``faults`` holds every fault, and the message lists them (at most 50 of them)."""

    def __init__(self, faults: Iterable[Fault], subject: str = "the configuration", **facts: Any) -> None:
        self.faults = tuple(faults)
        lines = [str(fault) for fault in self.faults[:_MOST_LISTED]]
        if len(self.faults) == 1:
            message = f"{subject}: {lines[0]}"
        else:
            left_out = len(self.faults) - len(lines)
            if left_out:
                lines.append(f"... and {left_out} more")
            message = f"{len(self.faults)} faults in {subject}:" + "".join(f"\n  - {line}" for line in lines)
        super().__init__(message, operation="configuration", **facts)


def dotted(path: Path) -> str:
    """``("exchanges", "mexc")`` as ``exchanges.mexc``; odd names are quoted, long ones cut."""
    return ".".join(_step(step) for step in path)


def _step(step: str | int) -> str:
    text = str(step)
    if text.replace("_", "").replace("-", "").isalnum() and len(text) <= _LONGEST_SHOWN:
        return text
    return repr(text[:_LONGEST_SHOWN])


def nearest(word: object, known: Iterable[str]) -> str:
    """``"; did you mean 'x'?"`` for the known name closest to ``word``, or nothing when none is close."""
    close = _closest(word, known)
    return f"; did you mean {close!r}?" if close else ""


def _closest(word: object, known: Iterable[str]) -> str | None:
    from difflib import get_close_matches

    return next(iter(get_close_matches(str(word)[:_LONGEST_SHOWN], list(map(str, known)), n=1)), None)


def not_installed(name: str, installed: Iterable[str]) -> str:
    """What to tell someone who asks for an exchange that is not there: what there is, and how to install this one."""
    there = sorted(installed)
    problem = f"no exchange of that name is installed (installed: {', '.join(there) or 'none'})"
    close = None if name in KNOWN_EXCHANGES else _closest(name, {*there, *KNOWN_EXCHANGES})
    if close is not None:
        problem += f"; did you mean {close!r}?"
    wanted = close or name
    if wanted not in there and re.fullmatch(r"[a-z][a-z0-9_-]{0,40}", wanted):
        problem += f" To install it, run 'pip install cex-exchanges-{wanted}'"
    return problem


def setting_type(model: type[BaseModel], path: Path) -> Any:
    """The annotation of the setting at ``path`` inside ``model``; None where there is no such setting."""
    here: Any = model
    for step in path:
        here = _plain(here)
        fields: Mapping[str, Any] = getattr(here, "model_fields", {})
        if step in fields:
            here = fields[str(step)].annotation
        elif get_origin(here) is dict:
            here = get_args(here)[1]
        else:
            return None
    return _plain(here)


def _plain(annotation: Any) -> Any:
    """The annotation without ``Annotated`` and without ``| None``."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif get_origin(annotation) in (Union, UnionType):
            annotation = next((part for part in get_args(annotation) if part is not type(None)), None)
        else:
            return annotation


def is_secret(model: type[BaseModel], path: Path) -> bool:
    """Whether the setting at ``path`` holds a secret by its type."""
    return hasattr(setting_type(model, path), "get_secret_value")


def shown(model: type[BaseModel], path: Path, value: object) -> str:
    """What was found, fit for a message: masked unless the setting is known and harmless, cut when long."""
    if isinstance(value, Mapping):
        return "a table"
    if isinstance(value, (list, tuple)):
        return "a list"
    harmless = (
        setting_type(model, path) is not None
        and not is_secret(model, path)
        and "accounts" not in path
        and not any(is_sensitive(str(step)) for step in path)
    )
    if not harmless or not isinstance(value, (str, int, float)):
        return "nothing" if value is None else f"a value of type {type(value).__name__} (not shown)"
    if isinstance(value, str):
        text = "a URL with a user name (not shown)" if "@" in value else repr(redact(value[: 4 * _LONGEST_SHOWN]))
    elif isinstance(value, bool):
        text = str(value).lower()
    else:
        text = "a very large number" if isinstance(value, int) and value.bit_length() > 200 else repr(value)
    return text if len(text) <= _LONGEST_SHOWN else text[: _LONGEST_SHOWN - 3] + "..."


def faults_of(
    model: type[BaseModel],
    error: ValidationError,
    found: Callable[[Path], object] | None = None,
) -> list[Fault]:
    """What pydantic found, in our words; paths are relative to ``model``.

    ``found`` gives the text that stood at a path before references were resolved; without it the refused value is
    shown. Values of secret and of unknown settings are never shown.
    """
    faults = []
    for detail in error.errors(include_url=False):
        path: Path = tuple(step for step in detail["loc"] if step != "[key]")
        kind = detail["type"]
        if kind == "extra_forbidden":
            problem = _unknown(model, path)
        elif kind == "missing":
            problem = "missing"
            parent = setting_type(model, path[:-1])
            help_text = getattr(parent, "model_fields", {})[str(path[-1])].description if path else None
            problem = f"missing ({help_text})" if help_text else problem
        elif kind in _NOT_A_TABLE:
            problem = f"expected a table of settings; found {shown(model, path, detail['input'])}"
        else:
            problem = detail["msg"].replace("Input should be", "expected", 1)
            if "[key]" not in detail["loc"] and kind not in _ABOUT_THE_NAME:
                value = found(path) if found is not None else detail["input"]
                problem += f"; found {shown(model, path, value)}"
                if kind == "string_type" and isinstance(value, (int, float)):
                    problem += "; put it in quotes"
        faults.append(Fault(path, problem))
    return faults


def _unknown(model: type[BaseModel], path: Path) -> str:
    parent = setting_type(model, path[:-1])
    known: Sequence[str] = list(getattr(parent, "model_fields", ()))
    return f"unknown name; known here: {', '.join(known)}{nearest(path[-1], known)}"
