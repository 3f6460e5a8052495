"""What the faults need to know of a venue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from aiohttp import web

from cex.sandbox.venues.feeds import Hub

__all__ = ["Action", "FaultyVenue"]

Action = Callable[[], int]
"""Does something that only one venue can do (``listen_key_expired``, ...); returns to how many it did it."""


class FaultyVenue(Protocol):
    """A venue that can be broken."""

    @property
    def name(self) -> str: ...

    @property
    def hub(self) -> Hub: ...

    def refusal(self, kind: str, retry_after: float | None) -> web.Response:
        """A whole answer in the venue's own words.

        ``kind`` is ``rate_limited``, ``banned``, ``forbidden``, ``unavailable``, ``maintenance`` or
        ``gateway_timeout``; ``retry_after`` in seconds goes into the header where there is one.
        """
        ...
