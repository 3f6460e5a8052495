"""Network defaults that are true of no single exchange; seconds unless the name says otherwise."""

from __future__ import annotations

from typing import Final

__all__ = [
    "BOOK_FRESH_S",
    "CLOSE_TIMEOUT_S",
    "CONNECT_TIMEOUT_S",
    "DNS_CACHE_S",
    "MAX_CONNECTS_PER_HOST_PER_MINUTE",
    "MAX_FRAME_BYTES",
    "READ_TIMEOUT_S",
    "RECONNECT_FIRST_S",
    "RECONNECT_MAX_S",
    "SUBSCRIBE_TIMEOUT_S",
    "TOTAL_TIMEOUT_S",
]

CONNECT_TIMEOUT_S: Final = 5.0
READ_TIMEOUT_S: Final = 10.0
TOTAL_TIMEOUT_S: Final = 15.0
DNS_CACHE_S: Final = 60.0
SUBSCRIBE_TIMEOUT_S: Final = 10.0
CLOSE_TIMEOUT_S: Final = 1.0
RECONNECT_FIRST_S: Final = 0.5
RECONNECT_MAX_S: Final = 30.0
MAX_CONNECTS_PER_HOST_PER_MINUTE: Final = 60
MAX_FRAME_BYTES: Final = 4 * 1024 * 1024
BOOK_FRESH_S: Final = 30.0
