"""Which symbol a request is about, whichever way it says so."""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

from aiohttp import web

__all__ = ["concerns"]


async def concerns(request: web.Request, symbol: str) -> bool:
    """Whether a request mentions ``symbol`` (``BTC/USDT``, ``BTC/USDT:USDT``) in its path, query or body."""
    pair, _, settle = symbol.partition(":")
    if bool(settle) != ("/futures/" in request.path):
        return False
    body = await request.read() if request.can_read_body or request.body_exists else b""
    said = f"{request.path}?{unquote_plus(request.query_string)} {body.decode('utf-8', 'replace')}"
    base, _, quote = pair.partition("/")
    return re.search(rf"(?<![A-Z0-9]){re.escape(base)}_?{re.escape(quote)}(?![A-Z0-9])", said) is not None
