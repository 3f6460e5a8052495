"""Keep secrets out of logs, reprs, exceptions, metrics and recordings; one place, used by all of them."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from weakref import WeakValueDictionary

__all__ = ["MASK", "RedactingFilter", "Secret", "is_sensitive", "redact", "redact_mapping"]

MASK = "***"

_SENSITIVE_NAMES = (
    r"(?:x-mexc-apikey|api[-_]?key|access[-_]?key|secret[-_]?key|api[-_]?secret|secret|signature|sign|passphrase|password"
    r"|authorization|listen[-_]?key|token|key)"
)
_STEMS = ("key", "secret", "sign", "passphrase", "password", "authorization", "token")
"""Every sensitive name contains one; most texts contain none, and looking for these costs far less than the pattern."""
_SENSITIVE = re.compile(rf"(?:.*[-_.])?{_SENSITIVE_NAMES}", re.IGNORECASE)
_ASSIGNMENT = re.compile(
    rf"""(?P<name>(?<![A-Za-z0-9])(?=[xaslptk]){_SENSITIVE_NAMES}["']?)
         (?P<between>\s*[=:]\s*)
         (?P<value>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|(?![{{\[]["'{{}}\[\]])(?:(?:Bearer|Basic)\s+)?[^\s&,;}})\]'"]+)""",
    re.IGNORECASE | re.VERBOSE,
)
_URL_PASSWORD = re.compile(r"(?P<scheme>[a-z][a-z0-9+.-]*://[^\s/:@]*):[^\s/@]+@", re.IGNORECASE)
_SHORTEST_LITERAL = 6


class Secret:
    """A credential that prints as ``***`` everywhere; :meth:`reveal` gives the text to the one line that signs with it.

    While a secret is alive, :func:`redact` also masks its plain text wherever it turns up, for instance in an error
    message that the exchange echoes.
    """

    __slots__ = ("__weakref__", "_text")

    def __init__(self, text: str) -> None:
        self._text = text
        _alive[id(self)] = self

    def reveal(self) -> str:
        """The plain text."""
        return self._text

    def __repr__(self) -> str:
        return f"Secret('{MASK}')"

    def __str__(self) -> str:
        return MASK

    def __bool__(self) -> bool:
        return bool(self._text)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash((Secret, self._text))

    def __reduce__(self) -> str:
        raise TypeError("a Secret is not pickled: hand the credential over by configuration instead")


_alive: WeakValueDictionary[int, Secret] = WeakValueDictionary()  # by identity: equal ones die at different times


def is_sensitive(name: str) -> bool:
    """Whether a header, parameter or field of this name holds a secret."""
    return _SENSITIVE.fullmatch(name) is not None


def redact(text: str) -> str:
    """Mask every secret in ``text``: ``name=value`` pairs, passwords in URLs, and live :class:`Secret` values.

    Names first: a secret that is itself a sensitive name must not hide the name that gives its neighbour away.
    """
    if "://" in text:
        text = _URL_PASSWORD.sub(rf"\g<scheme>:{MASK}@", text)
    lowered = text.lower()
    if any(stem in lowered for stem in _STEMS):
        text = _ASSIGNMENT.sub(_masked, text)
    for plain in sorted((secret.reveal() for secret in tuple(_alive.values())), key=len, reverse=True):
        if len(plain) >= _SHORTEST_LITERAL and plain in text:
            text = text.replace(plain, MASK)
    return text


def _masked(assignment: re.Match[str]) -> str:
    """The assignment with its value masked; what was JSON stays JSON."""
    name, between, value = assignment["name"], assignment["between"], assignment["value"]
    quote = next((mark for mark in (value[0], name[-1]) if mark in "\"'"), "")
    return f"{name}{between}{quote}{MASK}{quote}"


def redact_mapping(values: Mapping[str, str]) -> dict[str, str]:
    """A copy of headers or parameters in which sensitive ones are masked."""
    return {name: MASK if is_sensitive(name) else redact(value) for name, value in values.items()}


class RedactingFilter(logging.Filter):
    """Masks secrets in a record's message, arguments and traceback; put it on a handler."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.msg = redact(record.getMessage())
        record.args = ()
        if record.exc_info:
            record.exc_text = redact(logging.Formatter().formatException(record.exc_info))
        return True
