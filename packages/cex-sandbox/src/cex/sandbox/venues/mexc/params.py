"""Parameters as MEXC takes them: from the raw query and a form-style body, the query winning, values decoded once.

https://www.mexc.com/api-docs/spot-v3/general-info
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from urllib.parse import unquote_to_bytes

from cex.sandbox.venues.mexc.errors import refused

__all__ = ["Params", "read_decimal"]

_DECIMAL = re.compile(r"-?[0-9]{1,30}(\.[0-9]{0,30})?([eE][+-]?[0-9]{1,2})?")
_LONGEST_INTEGER = 15


class Params:
    """What a request says, by name. A value that is not UTF-8, or not what is asked for, is refused with 33333."""

    def __init__(self, query: bytes, body: bytes = b"") -> None:
        self._texts: dict[str, str] = {}
        try:
            for raw in (query, body):
                is_plain = b"%" not in raw and b"+" not in raw
                for part in raw.decode().split("&"):
                    name, equals, value = part.partition("=")
                    if equals and is_plain:
                        self._texts.setdefault(name, value)
                    elif equals:
                        self._texts.setdefault(_decoded(name), _decoded(value))
        except UnicodeDecodeError:
            raise refused(33333) from None

    @classmethod
    def of(cls, texts: Mapping[str, str]) -> Params:
        """Parameters that came another way, such as one order of a batch."""
        params = cls(b"")
        params._texts.update(texts)
        return params

    def __contains__(self, name: str) -> bool:
        return bool(self._texts.get(name))

    def text(self, name: str) -> str | None:
        """The value, None when it is absent or empty."""
        return self._texts.get(name) or None

    def required(self, name: str) -> str:
        """The value; 44444 without one."""
        text = self.text(name)
        if text is None:
            raise refused(44444)
        return text

    def integer(self, name: str) -> int | None:
        """A number of at most 15 digits without a sign."""
        text = self.text(name)
        if text is None:
            return None
        if not (text.isascii() and text.isdigit() and len(text) <= _LONGEST_INTEGER):
            raise refused(33333)
        return int(text)

    def count(self, name: str, *, default: int, most: int) -> int:
        """A number from 1 on, cut to ``most``."""
        number = self.integer(name)
        if number is None:
            return default
        if number < 1:
            raise refused(33333)
        return min(number, most)

    def decimal(self, name: str) -> Decimal | None:
        """A decimal number, of either sign."""
        text = self.text(name)
        return None if text is None else read_decimal(text)

    def flag(self, name: str) -> bool | None:
        """``true`` or ``false``."""
        text = self.text(name)
        if text is None:
            return None
        if text not in ("true", "false"):
            raise refused(33333)
        return text == "true"


def read_decimal(text: str) -> Decimal:
    """A decimal of ordinary length; 33333 for anything else."""
    if not _DECIMAL.fullmatch(text):
        raise refused(33333)
    number = Decimal(text)
    if not -40 < number.adjusted() < 40:
        raise refused(33333)
    return number


def _decoded(piece: str) -> str:
    return unquote_to_bytes(piece.replace("+", " ")).decode()
