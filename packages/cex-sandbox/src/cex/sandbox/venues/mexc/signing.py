"""Who asks, and whether they may: key, IP, signature over the raw request, time window, permission, in this order.

https://www.mexc.com/api-docs/spot-v3/general-info
"""

from __future__ import annotations

import hashlib
import hmac
import re

from cex.sandbox.accounts.directory import Account, ApiKey, Directory, Permission
from cex.sandbox.venues.mexc.errors import refused
from cex.sandbox.venues.mexc.options import MexcOptions
from cex.sandbox.venues.mexc.params import Params

__all__ = ["authenticate", "signature_of", "signed_total"]

_KEY = re.compile(r"[0-9A-Za-z]{8,64}")
_AHEAD_MS = 1000
_RECV_WINDOW_MS = 5000
_NOT_CANONICAL = re.compile(rb"%[0-9A-Fa-f]?[a-f]|\+")


def signed_total(query: bytes, body: bytes) -> tuple[bytes, str | None]:
    """What is signed, query and body joined without anything between them, and the signature found in either."""
    signature: str | None = None
    totals = []
    for raw in (query, body):
        kept = []
        for part in raw.split(b"&"):
            if not part.startswith(b"signature="):
                kept.append(part)
            elif signature is None:
                signature = part[10:].decode("ascii", "replace")
        totals.append(b"&".join(kept))
    return b"".join(totals), signature


def signature_of(secret: str, total: bytes) -> str:
    """HMAC-SHA256 in lower-case hex."""
    return hmac.new(secret.encode(), total, hashlib.sha256).hexdigest()


def authenticate(
    directory: Directory,
    *,
    key: str | None,
    ip: str,
    query: bytes,
    body: bytes,
    params: Params,
    now_ms: int,
    permission: Permission,
    options: MexcOptions,
) -> tuple[Account, ApiKey]:
    """The account that signed this request.

    Raises:
        Refused: 400, 700001, 10072, 700006, 700002, 700005, 700003 or 700007.
    """
    if not key:
        raise refused(400)
    if not _KEY.fullmatch(key):
        raise refused(700001)
    found = directory.by_key(key)
    if found is None:
        raise refused(10072)
    account, api_key = found
    if not api_key.allows_ip(ip):
        raise refused(700006)
    total, signature = signed_total(query, body)
    if signature is None or not hmac.compare_digest(
        signature_of(api_key.secret, total).encode(), signature.encode("utf-8", "replace")
    ):
        raise refused(700002)
    if options.strict_encoding and _NOT_CANONICAL.search(total):
        raise refused(700002)
    _check_time(params, now_ms, options.most_recv_window)
    if not api_key.allows(permission):
        raise refused(700007)
    return account, api_key


def _check_time(params: Params, now_ms: int, most: int) -> None:
    window = params.integer("recvWindow")
    if window is None:
        window = _RECV_WINDOW_MS
    if window > most:
        raise refused(700005)
    params.required("timestamp")
    timestamp = params.integer("timestamp") or 0
    if not (timestamp < now_ms + _AHEAD_MS and now_ms - timestamp <= window):
        raise refused(700003)
