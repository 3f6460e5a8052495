"""Facts of Toy that are written once: addresses, limits, heartbeat.

Each names the page of the documentation that states it.
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "BOOK_LEVELS",
    "EXCHANGE",
    "MAX_TRADES",
    "PING_INTERVAL_S",
    "PROFILES",
    "PUBLIC_LIMIT",
    "PUBLIC_POOL",
    "PUBLIC_WINDOW_S",
    "SILENCE_TIMEOUT_S",
    "STREAMS_A_CONNECTION",
]

EXCHANGE: Final = "toy"
PROFILES: Final = {"live": {"rest": "https://api.toy.example", "ws": "wss://ws.toy.example/stream"}}
"""Addresses by profile: ``live``, and ``testnet`` where the exchange has one."""

BOOK_LEVELS: Final = 100
"""Levels a side that the book stream keeps; the snapshot that seeds a book asks for as many."""
MAX_TRADES: Final = 500

PING_INTERVAL_S: Final = 15.0
SILENCE_TIMEOUT_S: Final = 30.0
STREAMS_A_CONNECTION: Final = 100

PUBLIC_POOL: Final = "public"
PUBLIC_LIMIT: Final = 100
PUBLIC_WINDOW_S: Final = 10.0
"""Public requests an address may make in that many seconds."""
