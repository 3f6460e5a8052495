"""Facts of MEXC: hosts, paths, channels, weights, limits. https://www.mexc.com/api-docs/spot-v3/introduction"""

from __future__ import annotations

from typing import Final

from cex.common.enums import KlineInterval

__all__ = [
    "ACCOUNT_CHANNEL",
    "ACCOUNT_PATH",
    "ACCOUNT_POOL",
    "AGGREGATED_TRADES_PATH",
    "AGGREGATED_TRADES_S",
    "ALL_ORDERS_PATH",
    "ALL_TICKERS_WEIGHT",
    "AVERAGE_PRICE_PATH",
    "BATCH_PATH",
    "BATCH_POOL",
    "BOOK_TICKER_CHANNEL",
    "CLIENT_ORDER_ID",
    "COINS_PATH",
    "DEALS_CHANNEL",
    "DEFAULT_DEPTH",
    "DEFAULT_INTERVAL",
    "DEPOSITS_PATH",
    "DEPOSIT_ADDRESS_PATH",
    "DEPTH_CHANNEL",
    "DEPTH_PATH",
    "EXCHANGE",
    "EXCHANGE_INFO_PATH",
    "FILLS_KEPT_S",
    "FILLS_PATH",
    "FIREWALL_PAUSE_S",
    "INTERVALS",
    "IP_POOL",
    "IP_WEIGHT",
    "IP_WINDOW_S",
    "KLINES_PATH",
    "KLINE_CHANNEL",
    "LIMITED_LEVELS",
    "LIMIT_DEPTH_CHANNEL",
    "LISTEN_KEY_EXTEND_S",
    "LISTEN_KEY_PATH",
    "LISTEN_KEY_VALID_S",
    "MAX_AHEAD_MS",
    "MAX_BATCH",
    "MAX_CONNECTION_AGE_S",
    "MAX_DEPTH",
    "MAX_FILLS",
    "MAX_KLINES",
    "MAX_MOVEMENTS",
    "MAX_NAMES_BYTES",
    "MAX_ORDERS",
    "MAX_RECV_WINDOW_MS",
    "MAX_SUBSCRIPTIONS",
    "MAX_TRADES",
    "MINI_TICKER_CHANNEL",
    "MINI_TICKER_ZONE",
    "MOST_FILLS",
    "MOVEMENTS_KEPT_S",
    "MOVEMENTS_WINDOW_S",
    "OPEN_ORDERS_PATH",
    "ORDERS_CHANNEL",
    "ORDERS_KEPT_S",
    "ORDER_LIMIT",
    "ORDER_PATH",
    "ORDER_POOL",
    "ORDER_WAIT_S",
    "ORDER_WINDOW_S",
    "PING_INTERVAL_S",
    "PING_TEXT",
    "PRIVATE_WEIGHTS",
    "PROFILES",
    "PUSHED_KLINE_NAMES",
    "RECV_WINDOW_MS",
    "REQUEST_LIMIT",
    "REQUEST_POOL",
    "REQUEST_WINDOW_S",
    "REST_KLINE_NAMES",
    "SELF_SYMBOLS_PATH",
    "SILENCE_TIMEOUT_S",
    "SLOW_LIMIT",
    "SLOW_WINDOW_S",
    "TEST_ORDER_PATH",
    "TICKER_PATH",
    "TIME_PATH",
    "TRADES_CHANNEL",
    "TRADES_PATH",
    "TRADE_FEE_PATH",
    "TRANSFER_PATH",
    "UID_POOL",
    "UID_WEIGHT",
    "UID_WINDOW_S",
    "WEIGHTS",
    "WITHDRAWALS_PATH",
    "WITHDRAW_PATH",
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

ORDER_PATH: Final = "/api/v3/order"
TEST_ORDER_PATH: Final = "/api/v3/order/test"
BATCH_PATH: Final = "/api/v3/batchOrders"
OPEN_ORDERS_PATH: Final = "/api/v3/openOrders"
ALL_ORDERS_PATH: Final = "/api/v3/allOrders"
FILLS_PATH: Final = "/api/v3/myTrades"
ACCOUNT_PATH: Final = "/api/v3/account"
TRADE_FEE_PATH: Final = "/api/v3/tradeFee"
SELF_SYMBOLS_PATH: Final = "/api/v3/selfSymbols"
LISTEN_KEY_PATH: Final = "/api/v3/userDataStream"
COINS_PATH: Final = "/api/v3/capital/config/getall"
WITHDRAW_PATH: Final = "/api/v3/capital/withdraw"
WITHDRAWALS_PATH: Final = "/api/v3/capital/withdraw/history"
DEPOSITS_PATH: Final = "/api/v3/capital/deposit/hisrec"
DEPOSIT_ADDRESS_PATH: Final = "/api/v3/capital/deposit/address"
TRANSFER_PATH: Final = "/api/v3/capital/transfer"

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
PRIVATE_WEIGHTS: Final = {
    f"GET {ORDER_PATH}": 2,
    f"GET {OPEN_ORDERS_PATH}": 3,
    f"GET {ALL_ORDERS_PATH}": 10,
    f"GET {FILLS_PATH}": 10,
    f"GET {ACCOUNT_PATH}": 10,
    f"GET {TRADE_FEE_PATH}": 20,
    f"GET {COINS_PATH}": 10,
    f"GET {DEPOSIT_ADDRESS_PATH}": 10,
}
"""By method and path; every other private endpoint weighs 1."""
UID_POOL: Final = "uid"
UID_WEIGHT: Final = 500
UID_WINDOW_S: Final = 10.0
ORDER_POOL: Final = "orders"
ORDER_LIMIT: Final = 12
ORDER_WINDOW_S: Final = 1.0
"""Requests that place or cancel, a batch among them, of one user."""
ORDER_WAIT_S: Final = 5.0
"""The longest that an order waits for budget before it is given up, unsent."""
BATCH_POOL: Final = "batch"
ACCOUNT_POOL: Final = "account"
SLOW_LIMIT: Final = 2
SLOW_WINDOW_S: Final = 1.0
"""Of ``batchOrders``, and of ``account``, for one user."""
ALL_TICKERS_WEIGHT: Final = 40
"""Of the tickers of every symbol in one request."""
FIREWALL_PAUSE_S: Final = 90.0
"""The firewall in front of the API answers HTTP 403 with a page, for every path, and names no time: wait this long."""

RECV_WINDOW_MS: Final = 3000
MAX_RECV_WINDOW_MS: Final = 60_000
MAX_AHEAD_MS: Final = 1000
"""A timestamp may be less than this ahead of the exchange's clock."""

MAX_BATCH: Final = 20
"""Orders in one request, all of one symbol."""
MAX_ORDERS: Final = 1000
ORDERS_KEPT_S: Final = 7 * 86_400
"""How far back orders can be listed."""
MAX_FILLS: Final = 100
MOST_FILLS: Final = 1000
"""Fills in one answer, by the older and by the newer text; the newer is tried where nothing else helps."""
FILLS_KEPT_S: Final = 30 * 86_400
MAX_MOVEMENTS: Final = 1000
"""Deposits or withdrawals in one answer."""
MOVEMENTS_KEPT_S: Final = 90 * 86_400
MOVEMENTS_WINDOW_S: Final = 7 * 86_400
"""The longest range of one request."""
CLIENT_ORDER_ID: Final = "[0-9a-zA-Z_-]{1,32}"

LISTEN_KEY_VALID_S: Final = 3600.0
LISTEN_KEY_EXTEND_S: Final = 1800.0

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

ACCOUNT_CHANNEL: Final = "spot@private.account.v3.api.pb"
DEALS_CHANNEL: Final = "spot@private.deals.v3.api.pb"
ORDERS_CHANNEL: Final = "spot@private.orders.v3.api.pb"

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
