"""Facts of Gate.io that are written once: addresses, channels, limits, heartbeat.

https://www.gate.com/docs/developers/apiv4/en/ (REST) and https://www.gate.com/docs/developers/apiv4/ws/en/ (WebSocket).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cex.common.enums import KlineInterval, MarketType

__all__ = [
    "ACCOUNT_LIMIT",
    "BOOK_CHANNEL",
    "BOOK_LEVELS",
    "BOOK_TICKER_CHANNEL",
    "DEFAULT_BOOK_CHANNEL",
    "DEFAULT_BOOK_INTERVAL",
    "DEFAULT_DEPTH",
    "EVERYTHING",
    "EXCHANGE",
    "EXPIRY_HEADER",
    "FIRST_SECOND",
    "FUTURES_BALANCES_CHANNEL",
    "FUTURES_BATCH",
    "FUTURES_BOOK_CHANNEL",
    "FUTURES_BOOK_TICKER_CHANNEL",
    "FUTURES_CANCEL_LIMIT",
    "FUTURES_INTERVALS",
    "FUTURES_KLINE_CHANNEL",
    "FUTURES_MAX_DEPTH",
    "FUTURES_MAX_KLINES",
    "FUTURES_OBU_CHANNEL",
    "FUTURES_ORDERS_CHANNEL",
    "FUTURES_ORDER_LIMIT",
    "FUTURES_POSITIONS_CHANNEL",
    "FUTURES_PUSHED_INTERVALS",
    "FUTURES_TICKER_CHANNEL",
    "FUTURES_TRADES_CHANNEL",
    "FUTURES_TRADES_OWN_CHANNEL",
    "HISTORY_WINDOW_S",
    "KLINE_CHANNEL",
    "LIMITED_BOOK_CHANNEL",
    "LIMITED_BOOK_LEVELS",
    "LONGEST_ORDER_TEXT",
    "MARKETS",
    "MAX_DEPTH",
    "MAX_FUNDING_RATES",
    "MAX_KLINES",
    "MAX_TRADES",
    "OBU_CHANNEL",
    "OBU_LEVELS",
    "ORDER_TEXT_PREFIX",
    "ORDER_VALIDITY_S",
    "ORDER_WINDOW_S",
    "PAGE",
    "PING_INTERVAL_S",
    "PRIVATE_LIMIT",
    "PRIVATE_WINDOW_S",
    "PROFILES",
    "PUBLIC_LIMIT",
    "PUBLIC_WINDOW_S",
    "PUSHED_INTERVALS",
    "SETTLE",
    "SILENCE_TIMEOUT_S",
    "SIZE_DECIMAL",
    "SPOT_BALANCES_CHANNEL",
    "SPOT_BATCH",
    "SPOT_CANCEL_LIMIT",
    "SPOT_INTERVALS",
    "SPOT_ORDERS_CHANNEL",
    "SPOT_ORDER_LIMIT",
    "SPOT_PAIRS_A_BATCH",
    "SPOT_TRADES_OWN_CHANNEL",
    "STREAM_ENDPOINTS",
    "SYMBOLS_A_REQUEST",
    "TICKER_CHANNEL",
    "TRADES_CHANNEL",
    "TRANSFER_LIMIT",
    "WALLET_PAGE",
    "WITHDRAWAL_WINDOW_S",
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

MARKETS: Final = (MarketType.SPOT, MarketType.FUTURES)
"""The markets that are served: spot, and perpetual futures that settle in USDT."""

STREAM_ENDPOINTS: Final = {MarketType.SPOT: "ws_spot", MarketType.FUTURES: "ws_futures_usdt"}
"""The name of each market's stream in the profiles."""

# ---- spot streams ----------------------------------------------------------------------------------------------------

BOOK_CHANNEL: Final = "spot.order_book_update"
OBU_CHANNEL: Final = "spot.obu"
LIMITED_BOOK_CHANNEL: Final = "spot.order_book"
TRADES_CHANNEL: Final = "spot.trades"
BOOK_TICKER_CHANNEL: Final = "spot.book_ticker"
TICKER_CHANNEL: Final = "spot.tickers"
KLINE_CHANNEL: Final = "spot.candlesticks"

# ---- futures streams -------------------------------------------------------------------------------------------------

FUTURES_BOOK_CHANNEL: Final = "futures.order_book_update"
FUTURES_OBU_CHANNEL: Final = "futures.obu"
FUTURES_TRADES_CHANNEL: Final = "futures.trades"
FUTURES_BOOK_TICKER_CHANNEL: Final = "futures.book_ticker"
FUTURES_TICKER_CHANNEL: Final = "futures.tickers"
FUTURES_KLINE_CHANNEL: Final = "futures.candlesticks"

SETTLE: Final = "USDT"
"""What the futures served here settle in; one socket and one path of REST serve one settle currency."""
SIZE_DECIMAL: Final = {"X-Gate-Size-Decimal": "1"}
"""Header that asks for sizes of contracts with their decimals, on REST and on the handshake of the futures stream."""

# ---- books -----------------------------------------------------------------------------------------------------------

BOOK_LEVELS: Final = {"100ms": 100, "20ms": 20}
"""Levels a side that ``order_book_update`` keeps, by interval; the seeding snapshot must have as many."""
DEFAULT_BOOK_CHANNEL: Final = "order_book_update"
DEFAULT_BOOK_INTERVAL: Final = "100ms"
OBU_LEVELS: Final = {"100ms": 400, "20ms": 50}
"""Levels a side that ``obu`` keeps, by interval."""
LIMITED_BOOK_LEVELS: Final = (5, 10, 20, 50, 100)
"""Levels a side that ``spot.order_book`` can push."""
DEFAULT_DEPTH: Final = 100
MAX_DEPTH: Final = 1000
"""Not for seeding: answers with 1000 levels were seen half a minute old (gateio/gatews#51)."""
FUTURES_MAX_DEPTH: Final = 300

# ---- candles and lists -----------------------------------------------------------------------------------------------

SPOT_INTERVALS: Final[Mapping[KlineInterval, str]] = {
    KlineInterval.S1: "1s",
    KlineInterval.S10: "10s",
    KlineInterval.M1: "1m",
    KlineInterval.M5: "5m",
    KlineInterval.M15: "15m",
    KlineInterval.M30: "30m",
    KlineInterval.H1: "1h",
    KlineInterval.H4: "4h",
    KlineInterval.H8: "8h",
    KlineInterval.D1: "1d",
    KlineInterval.W1: "7d",
    KlineInterval.MO1: "30d",
}
"""Candle widths of ``GET /spot/candlesticks``; ``30d`` is a calendar month."""
FUTURES_INTERVALS: Final[Mapping[KlineInterval, str]] = {
    ours: "1w" if ours is KlineInterval.W1 else theirs
    for ours, theirs in SPOT_INTERVALS.items()
    if ours is not KlineInterval.S1
}
"""Candle widths of ``GET /futures/usdt/candlesticks``; ``1w`` is a calendar week, ``7d`` would count from 1970."""
_NOT_PUSHED: Final = frozenset({KlineInterval.S1, KlineInterval.MO1})
PUSHED_INTERVALS: Final[Mapping[KlineInterval, str]] = {
    ours: theirs for ours, theirs in SPOT_INTERVALS.items() if ours not in _NOT_PUSHED
}
"""Candle widths of ``spot.candlesticks``."""
FUTURES_PUSHED_INTERVALS: Final[Mapping[KlineInterval, str]] = {
    ours: theirs for ours, theirs in PUSHED_INTERVALS.items() if ours is not KlineInterval.W1
}
"""Candle widths of ``futures.candlesticks``, whose only week counts from 1970 and is none of ours."""
MAX_KLINES: Final = 1000
FUTURES_MAX_KLINES: Final = 2000
MAX_TRADES: Final = 1000
MAX_FUNDING_RATES: Final = 1000

# ---- behaviour -------------------------------------------------------------------------------------------------------

PING_INTERVAL_S: Final = 15.0
SILENCE_TIMEOUT_S: Final = 30.0
SYMBOLS_A_REQUEST: Final = 50
"""Pairs in one subscription of trades, tickers or book tickers; one unknown pair fails the whole request."""

PUBLIC_LIMIT: Final = 200
PUBLIC_WINDOW_S: Final = 10.0
"""Public requests an address may make in that many seconds, for each endpoint apart."""

# ---- orders ----------------------------------------------------------------------------------------------------------

EXPIRY_HEADER: Final = "X-Gate-Exptime"
"""Header of requests that place, amend or cancel orders: the moment after which the exchange refuses them."""
ORDER_VALIDITY_S: Final = 5.0
"""Seconds after which an order that was sent may not be accepted any more."""
ORDER_TEXT_PREFIX: Final = "t-"
LONGEST_ORDER_TEXT: Final = 28
"""Bytes of a client order id behind its prefix; of ``[0-9A-Za-z_.-]``."""
SPOT_BATCH: Final = 10
"""Orders of one pair in one batch; of at most :data:`SPOT_PAIRS_A_BATCH` pairs."""
SPOT_PAIRS_A_BATCH: Final = 4
FUTURES_BATCH: Final = 10
PAGE: Final = 1000
"""Rows of a private list in one answer, orders and fills."""
WALLET_PAGE: Final = 500
"""Rows of a list of deposits or withdrawals in one answer."""
FIRST_SECOND: Final = 1_356_998_400
"""2013 began: there was no Gate.io before, so nothing is asked about earlier times."""
HISTORY_WINDOW_S: Final = 30 * 86_400
"""Seconds that one question about fills, deposits or withdrawals may cover."""

# ---- private streams -------------------------------------------------------------------------------------------------

SPOT_ORDERS_CHANNEL: Final = "spot.orders"
SPOT_TRADES_OWN_CHANNEL: Final = "spot.usertrades"
SPOT_BALANCES_CHANNEL: Final = "spot.balances"
FUTURES_ORDERS_CHANNEL: Final = "futures.orders"
FUTURES_TRADES_OWN_CHANNEL: Final = "futures.usertrades"
FUTURES_BALANCES_CHANNEL: Final = "futures.balances"
FUTURES_POSITIONS_CHANNEL: Final = "futures.positions"
EVERYTHING: Final = "!all"
"""Stands for every pair or contract in a subscription to a private channel."""

# ---- private limits --------------------------------------------------------------------------------------------------

PRIVATE_LIMIT: Final = 200
"""Requests an account may make to a private endpoint of spot, futures and wallet in :data:`PRIVATE_WINDOW_S`."""
ACCOUNT_LIMIT: Final = 150
"""The same for the other private endpoints."""
PRIVATE_WINDOW_S: Final = 10.0
ORDER_WINDOW_S: Final = 1.0
SPOT_ORDER_LIMIT: Final = 10
"""Spot orders placed or amended in a second, each pair apart."""
SPOT_CANCEL_LIMIT: Final = 200
FUTURES_ORDER_LIMIT: Final = 100
FUTURES_CANCEL_LIMIT: Final = 200
TRANSFER_LIMIT: Final = 80
WITHDRAWAL_WINDOW_S: Final = 3.0
