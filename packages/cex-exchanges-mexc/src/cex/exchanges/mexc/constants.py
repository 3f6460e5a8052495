"""Facts of MEXC: hosts, paths, channels, weights, limits. https://www.mexc.com/api-docs/spot-v3/introduction"""

from __future__ import annotations

from typing import Final

from cex.common.enums import KlineInterval

__all__ = [
    "AGGREGATED_TRADES_PATH",
    "AGGREGATED_TRADES_S",
    "ALL_TICKERS_WEIGHT",
    "AVERAGE_PRICE_PATH",
    "BOOK_TICKER_CHANNEL",
    "DEFAULT_DEPTH",
    "DEFAULT_INTERVAL",
    "DEPTH_CHANNEL",
    "DEPTH_PATH",
    "EXCHANGE",
    "EXCHANGE_INFO_PATH",
    "FIREWALL_PAUSE_S",
    "INTERVALS",
    "IP_POOL",
    "IP_WEIGHT",
    "IP_WINDOW_S",
    "KLINES_PATH",
    "KLINE_CHANNEL",
    "LIMITED_LEVELS",
    "LIMIT_DEPTH_CHANNEL",
    "MAX_CONNECTION_AGE_S",
    "MAX_DEPTH",
    "MAX_KLINES",
    "MAX_NAMES_BYTES",
    "MAX_SUBSCRIPTIONS",
    "MAX_TRADES",
    "MINI_TICKER_CHANNEL",
    "MINI_TICKER_ZONE",
    "PING_INTERVAL_S",
    "PING_TEXT",
    "PROFILES",
    "PUSHED_KLINE_NAMES",
    "REQUEST_LIMIT",
    "REQUEST_POOL",
    "REQUEST_WINDOW_S",
    "REST_KLINE_NAMES",
    "SILENCE_TIMEOUT_S",
    "TICKER_PATH",
    "TIME_PATH",
    "TRADES_CHANNEL",
    "TRADES_PATH",
    "WEIGHTS",
]

EXCHANGE: Final = "mexc"

PROFILES: Final = {"live": {"rest": "https://api.mexc.com", "ws": "wss://wbs-api.mexc.com/ws"}}
"""Addresses by profile; MEXC has no testnet."""

TIME_PATH: Final = "/api/v3/time"
EXCHANGE_INFO_PATH: Final = "/api/v3/exchangeInfo"
DEPTH_PATH: Final = "/api/v3/depth"
TRADES_PATH: Final = "/api/v3/trades"
AGGREGATED_TRADES_PATH: Final = "/api/v3/aggTrades"
KLINES_PATH: Final = "/api/v3/klines"
AVERAGE_PRICE_PATH: Final = "/api/v3/avgPrice"
TICKER_PATH: Final = "/api/v3/ticker/24hr"

IP_POOL: Final = "ip"
IP_WEIGHT: Final = 300
"""Weight per window and address. The documentation of 2026 says 300, older texts 500: the smaller is safe with both."""
IP_WINDOW_S: Final = 10.0
REQUEST_POOL: Final = "requests"
REQUEST_LIMIT: Final = 15
REQUEST_WINDOW_S: Final = 1.0
"""Requests of any weight: the firewall shuts an address out after 20 to 30 a second, or after some 120 at once."""
WEIGHTS: Final = {
    TIME_PATH: 1,
    EXCHANGE_INFO_PATH: 10,
    DEPTH_PATH: 1,
    TRADES_PATH: 5,
    AGGREGATED_TRADES_PATH: 1,
    KLINES_PATH: 1,
    AVERAGE_PRICE_PATH: 1,
    TICKER_PATH: 1,
}
ALL_TICKERS_WEIGHT: Final = 40
"""Of the tickers of every symbol in one request."""
FIREWALL_PAUSE_S: Final = 90.0
"""The firewall in front of the API answers HTTP 403 with a page, for every path, and names no time: wait this long."""

MAX_DEPTH: Final = 2000
"""Levels a side that the server returns at most, also where ``limit`` asks for more."""
DEFAULT_DEPTH: Final = 1000
MAX_TRADES: Final = 1000
"""Trades, aggregated or not, in one answer."""
AGGREGATED_TRADES_S: Final = 3600
"""The longest range of aggregated trades in one request; the two ends must be asked for together."""
MAX_KLINES: Final = 1000
"""Candles in one answer."""
REST_KLINE_NAMES: Final = {
    KlineInterval.M1: "1m",
    KlineInterval.M5: "5m",
    KlineInterval.M15: "15m",
    KlineInterval.M30: "30m",
    KlineInterval.H1: "60m",
    KlineInterval.H4: "4h",
    KlineInterval.D1: "1d",
    KlineInterval.W1: "1W",
    KlineInterval.MO1: "1M",
}
PUSHED_KLINE_NAMES: Final = {
    KlineInterval.M1: "Min1",
    KlineInterval.M5: "Min5",
    KlineInterval.M15: "Min15",
    KlineInterval.M30: "Min30",
    KlineInterval.H1: "Min60",
    KlineInterval.H4: "Hour4",
    KlineInterval.H8: "Hour8",
    KlineInterval.D1: "Day1",
    KlineInterval.W1: "Week1",
    KlineInterval.MO1: "Month1",
}
"""Candles of eight hours are pushed only."""

DEPTH_CHANNEL: Final = "spot@public.aggre.depth.v3.api.pb"
TRADES_CHANNEL: Final = "spot@public.aggre.deals.v3.api.pb"
BOOK_TICKER_CHANNEL: Final = "spot@public.aggre.bookTicker.v3.api.pb"
KLINE_CHANNEL: Final = "spot@public.kline.v3.api.pb"
LIMIT_DEPTH_CHANNEL: Final = "spot@public.limit.depth.v3.api.pb"
LIMITED_LEVELS: Final = (5, 10, 20)
MINI_TICKER_CHANNEL: Final = "spot@public.miniTicker.v3.api.pb"
MINI_TICKER_ZONE: Final = "24H"
"""The period of a pushed ticker: the last 24 hours, or a day of some time zone (``UTC+8``)."""
INTERVALS: Final = ("100ms", "10ms")
DEFAULT_INTERVAL: Final = "100ms"
"""How often a stream pushes at most."""

MAX_SUBSCRIPTIONS: Final = 25
"""Streams on one connection. The server pushes the first 30 and drops the rest without a word, and unsubscribing gives
no slot back; the distance to 30 is for streams that are asked for twice."""
MAX_NAMES_BYTES: Final = 900
"""Channel names in one request: as a whole it may not be longer than about 1024 bytes."""
PING_TEXT: Final = '{"method":"PING"}'
PING_INTERVAL_S: Final = 15.0
"""Protocol-level pings are not answered and a quiet connection is closed after 60 s: this text keeps it."""
SILENCE_TIMEOUT_S: Final = 30.0
MAX_CONNECTION_AGE_S: Final = 23 * 3600.0
"""The server ends every connection after 24 hours, all that were opened together at the same moment."""
