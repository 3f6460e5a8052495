"""Facts of Gate.io that are written once: addresses, channels, limits, heartbeat.

https://www.gate.com/docs/developers/apiv4/en/ (REST) and https://www.gate.com/docs/developers/apiv4/ws/en/ (WebSocket).
"""

from __future__ import annotations

from typing import Final

__all__ = [
    "BOOK_CHANNEL",
    "BOOK_LEVELS",
    "BOOK_TICKER_CHANNEL",
    "DEFAULT_BOOK_INTERVAL",
    "DEFAULT_DEPTH",
    "EXCHANGE",
    "MAX_DEPTH",
    "MAX_TRADES",
    "PING_CHANNEL",
    "PING_INTERVAL_S",
    "PONG_CHANNEL",
    "PROFILES",
    "PUBLIC_LIMIT",
    "PUBLIC_WINDOW_S",
    "SILENCE_TIMEOUT_S",
    "SYMBOLS_A_REQUEST",
    "SYSTEM_CHANNEL",
    "TRADES_CHANNEL",
]

EXCHANGE: Final = "gateio"

PROFILES: Final = {
    "live": {
        "rest": "https://api.gateio.ws/api/v4",
        "ws_spot": "wss://api.gateio.ws/ws/v4/",
        "ws_futures_usdt": "wss://fx-ws.gateio.ws/v4/ws/usdt",
    },
    "testnet": {
        "rest": "https://api-testnet.gateapi.io/api/v4",
        "ws_spot": "wss://ws-testnet.gate.com/v4/ws/spot",
        "ws_futures_usdt": "wss://ws-testnet.gate.com/v4/ws/futures/usdt",
    },
}
"""Addresses by profile. The trailing slash of the live spot stream matters: without it the host answers 404."""

BOOK_CHANNEL: Final = "spot.order_book_update"
TRADES_CHANNEL: Final = "spot.trades"
BOOK_TICKER_CHANNEL: Final = "spot.book_ticker"
PING_CHANNEL: Final = "spot.ping"
PONG_CHANNEL: Final = "spot.pong"
SYSTEM_CHANNEL: Final = "spot.system"

BOOK_LEVELS: Final = {"100ms": 100, "20ms": 20}
"""Levels a side that ``spot.order_book_update`` keeps, by interval; the seeding snapshot must have as many."""
DEFAULT_BOOK_INTERVAL: Final = "100ms"
DEFAULT_DEPTH: Final = 100
MAX_DEPTH: Final = 1000
"""Not for seeding: answers with 1000 levels were seen half a minute old (gateio/gatews#51)."""
MAX_TRADES: Final = 1000

PING_INTERVAL_S: Final = 15.0
SILENCE_TIMEOUT_S: Final = 30.0
SYMBOLS_A_REQUEST: Final = 50
"""Pairs in one subscription of trades or book tickers; one unknown pair fails the whole request."""

PUBLIC_LIMIT: Final = 200
PUBLIC_WINDOW_S: Final = 10.0
"""Public requests an address may make in that many seconds, for each endpoint apart."""
