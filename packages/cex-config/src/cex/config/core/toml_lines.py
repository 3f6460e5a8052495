"""On which line each key of a TOML text stands: a token walk over text that a real parser has already accepted."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from itertools import count

from cex.config.core.validation import Path

__all__ = ["toml_lines"]

_KEY = re.compile(r"""[ \t]*(?:([A-Za-z0-9_-]+)|"((?:[^"\\\n]|\\.)*)"|'([^'\n]*)')[ \t]*""")
_BLANK = re.compile(r"(?:[ \t\r\n]+|#[^\n]*)+")
_SPACE = re.compile(r"[ \t]*")
_STRING = re.compile(
    r"""
    \"{3}(?:[^\\]|\\.)*?\"{3,5} | '{3}.*?'{3,5} | "(?:[^"\\\n]|\\.)*" | '[^'\n]*'
    """,
    re.DOTALL | re.VERBOSE,
)
_BARE = re.compile(r"[^\s,\]}#]+(?:[ \t][^\s,\]}#]+)?")


def toml_lines(text: str) -> dict[Path, int]:
    """The line of every key of a text that is known to be valid TOML, tables and array items included."""
    return _TomlLines(text).lines


class _TomlLines:
    """Walks over valid TOML by its tokens, and stops quietly where it does not understand it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.lines: dict[Path, int] = {(): 1}
        self._arrays: dict[Path, int] = {}
        self._at = self._counted = 0
        self._line = 1
        table: Path = ()
        while self._skip(_BLANK) or self._at < len(text):
            if self._at >= len(text):
                break
            begin = self._at
            if text.startswith("[[", begin):
                table = self._header(2)
            elif text.startswith("[", begin):
                table = self._header(1)
            else:
                self._pair(table)
            if self._at == begin:
                break

    def _skip(self, pattern: re.Pattern[str]) -> bool:
        match = pattern.match(self.text, self._at)
        if match is None or match.end() == self._at:
            return False
        self._at = match.end()
        return True

    def _note(self, path: Path) -> None:
        self._line += self.text.count("\n", self._counted, self._at)
        self._counted = self._at
        self.lines.setdefault(path, self._line)

    def _key(self, prefix: Path) -> Path:
        """A dotted key; every step of it is noted."""
        path = prefix
        while (match := _KEY.match(self.text, self._at)) is not None:
            bare, basic, literal = match.groups()
            step = bare if bare is not None else literal if literal is not None else _unescaped(basic)
            if path in self._arrays:
                path = (*path, self._arrays[path])
            path = (*path, step)
            self._note(path)
            self._at = match.end()
            if not self.text.startswith(".", self._at):
                break
            self._at += 1
        return path

    def _header(self, brackets: int) -> Path:
        self._at += brackets
        path = self._key(())
        if brackets == 2:
            self._arrays[path] = self._arrays.get(path, -1) + 1
        if path in self._arrays:
            path = (*path, self._arrays[path])
            self._note(path)
        self._at += brackets
        return path

    def _pair(self, table: Path) -> None:
        path = self._key(table)
        if path != table and self.text.startswith("=", self._at):
            self._at += 1
            self._value(path)

    def _value(self, path: Path) -> None:
        self._skip(_SPACE)
        opening = self.text[self._at : self._at + 1]
        if opening == "[":
            for index in self._items("]"):
                self._note((*path, index))
                self._value((*path, index))
        elif opening == "{":
            for _ in self._items("}"):
                self._pair(path)
        elif not self._skip(_STRING):
            self._skip(_BARE)

    def _items(self, closing: str) -> Iterator[int]:
        """Stand at each item between the brackets in turn; ends behind the closing one, or where nothing moves."""
        self._at += 1
        for index in count():
            self._skip(_BLANK)
            begin = self._at
            if self.text.startswith(closing, begin):
                self._at += 1
                return
            yield index
            if self._at == begin:
                return
            self._skip(_BLANK)
            if self.text.startswith(",", self._at):
                self._at += 1


def _unescaped(basic: str) -> str:
    if "\\" not in basic:
        return basic
    try:
        return str(tomllib.loads(f'k = "{basic}"')["k"])
    except tomllib.TOMLDecodeError:  # only in text that no parser accepts
        return basic
