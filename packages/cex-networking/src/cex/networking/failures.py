"""What the network did to us, in our own words: transport errors become exceptions a bot can act on.

Only errors of the transport are translated; our own bugs pass untouched. The original stays the cause, cleaned of
queries and headers, which hold keys and signatures.
"""

from __future__ import annotations

import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp

from cex.common.exceptions import (
    ExchangeConnectionException,
    ExchangeDataException,
    ExchangeException,
    UnknownOutcomeException,
)
from cex.common.redaction import redact

__all__ = ["TRANSPORT_ERRORS", "AnswerTooLarge", "NotSent", "translated"]


class NotSent(ConnectionError):
    """Raised by a transport that knows: nothing of the request has left this machine. Its cause tells why."""


class AnswerTooLarge(Exception):
    """Raised by a transport that stopped reading an answer at its bound."""


TRANSPORT_ERRORS = (aiohttp.ClientError, TimeoutError, OSError, AnswerTooLarge)
"""What a transport may raise for what the network did; ``ssl.SSLError`` and ``socket.gaierror`` are ``OSError``."""

_NEVER_SENT = (
    NotSent,
    ConnectionRefusedError,
    socket.gaierror,
    ssl.SSLCertVerificationError,
    aiohttp.ClientConnectorError,
    aiohttp.ClientConnectorCertificateError,
    aiohttp.ConnectionTimeoutError,
    aiohttp.ServerFingerprintMismatch,
    aiohttp.ClientHttpProxyError,
    aiohttp.WSServerHandshakeError,
)
_UNTRUSTED = (ssl.SSLCertVerificationError, aiohttp.ClientConnectorCertificateError, aiohttp.ServerFingerprintMismatch)
_QUERY = re.compile(r"(?P<before>\b(?:https?|wss?)://[^\s?'\"<>]*)\?[^\s'\"<>]*")


@contextmanager
def translated(
    exchange: str, operation: str, endpoint: str, attempt: int | None = None, sent_may_have_effect: bool = False
) -> Iterator[None]:
    """Run a block that talks to a transport, and raise its errors in our words.

    ``sent_may_have_effect`` tells that the request does something that must not be done twice: once it may have been
    sent, its outcome is unknown. What certainly was not sent is safe to resubmit in any case.
    """
    try:
        yield
    except TRANSPORT_ERRORS as error:
        raise _translation(error, exchange, operation, endpoint, attempt, sent_may_have_effect) from error


def _translation(
    error: Exception, exchange: str, operation: str, endpoint: str, attempt: int | None, sent_may_have_effect: bool
) -> ExchangeException:
    _clean(error)
    root = error.__cause__ if isinstance(error, NotSent) and error.__cause__ is not None else error
    described = _describe(root)
    if isinstance(error, _NEVER_SENT):
        return ExchangeConnectionException(
            f"not sent: {described}",
            exchange,
            operation=operation,
            endpoint=endpoint,
            attempt=attempt,
            retryable=not _lasting(root),
            safe_to_resubmit=True,
        )
    if sent_may_have_effect:
        return UnknownOutcomeException(
            f"sent, but the outcome is not known: {described}",
            exchange,
            operation=operation,
            endpoint=endpoint,
            attempt=attempt,
        )
    if isinstance(error, AnswerTooLarge):
        return ExchangeDataException(
            described,
            exchange,
            channel=endpoint,
            operation=operation,
            endpoint=endpoint,
            attempt=attempt,
            safe_to_resubmit=True,
        )
    return ExchangeConnectionException(
        described, exchange, operation=operation, endpoint=endpoint, attempt=attempt, safe_to_resubmit=True
    )


def _lasting(error: BaseException) -> bool:
    """Whether trying again is pointless until somebody changes something."""
    return isinstance(error, _UNTRUSTED) or (isinstance(error, aiohttp.ClientHttpProxyError) and error.status == 407)


def _describe(error: BaseException) -> str:
    text = redact(str(error)).strip()
    if isinstance(error, _UNTRUSTED):
        return f"the certificate of the server is not trusted: {text}"
    if isinstance(error, TimeoutError):
        return f"timeout: {text}" if text else "timeout"
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _clean(error: BaseException | None) -> None:
    """Take queries and request headers out of a transport error and of those it was raised from, in place."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        current = waiting.pop()
        if not isinstance(current, TRANSPORT_ERRORS) or id(current) in seen:
            continue
        seen.add(id(current))
        if isinstance(current, aiohttp.ClientResponseError):
            current.__cause__ = current.__context__ = None  # the parser's error: the same text again, as it came
        waiting += [current.__cause__, current.__context__]
        if isinstance(current, aiohttp.ClientResponseError):
            asked = current.request_info
            bare = asked.url.with_query(None).with_fragment(None).with_user(None)
            no_headers = asked.headers.copy()
            no_headers.clear()
            current.message = _without_query(current.message)
            current.request_info = asked._replace(url=bare, real_url=bare, headers=no_headers)  # type: ignore[arg-type]
            current.args = (current.request_info, ())
        elif isinstance(current, aiohttp.ClientError):
            current.args = tuple(_without_query(part) if isinstance(part, str) else part for part in current.args)


def _without_query(text: str) -> str:
    return redact(_QUERY.sub(r"\g<before>?***", text))
