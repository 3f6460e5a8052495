"""The word lists of trading. Registries are keyed by ``str``: an exchange that is not listed here plugs in too."""

from __future__ import annotations

from enum import StrEnum

__all__ = [
    "BookState",
    "ExchangeEnum",
    "InstrumentStatus",
    "KlineInterval",
    "Liquidity",
    "MarginMode",
    "MarketType",
    "OrderStatus",
    "OrderType",
    "PositionSide",
    "Side",
    "TimeInForce",
    "TransferStatus",
]


class ExchangeEnum(StrEnum):
    """Well-known exchange names."""

    MEXC = "mexc"
    GATEIO = "gateio"
    BINANCE = "binance"


class MarketType(StrEnum):
    """Kind of market."""

    SPOT = "spot"
    FUTURES = "futures"
    MARGIN = "margin"


class InstrumentStatus(StrEnum):
    """Whether an instrument takes orders now."""

    TRADING = "trading"
    BUY_ONLY = "buy_only"
    SELL_ONLY = "sell_only"
    REDUCE_ONLY = "reduce_only"
    PRE_LAUNCH = "pre_launch"
    HALTED = "halted"
    DELISTED = "delisted"


class Side(StrEnum):
    """Direction of an order; of a public trade: the taker's direction."""

    BUY = "buy"
    SELL = "sell"

    @property
    def opposite(self) -> Side:
        return Side.SELL if self is Side.BUY else Side.BUY


class OrderType(StrEnum):
    """How an order is priced; post-only, IOC and FOK are :class:`TimeInForce`."""

    MARKET = "market"
    LIMIT = "limit"
    STOP_LOSS = "stop_loss"
    TAKE_PROFIT = "take_profit"


class TimeInForce(StrEnum):
    """How long an order may rest, and whether it may take."""

    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"
    POST_ONLY = "post_only"


class OrderStatus(StrEnum):
    """Life cycle of an order.

    PENDING: being handed to the exchange, which has not answered. UNKNOWN: it may have arrived; the outcome of its
    submission could not be established yet.
    """

    PENDING = "pending"
    NEW = "new"
    PARTIALLY_FILLED = "partially_filled"
    FILLED = "filled"
    CANCELED = "canceled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    UNKNOWN = "unknown"

    @property
    def is_final(self) -> bool:
        """True when no further fill can come."""
        return self in _FINAL


_FINAL = frozenset({OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.REJECTED, OrderStatus.EXPIRED})


class Liquidity(StrEnum):
    """Role of a fill."""

    MAKER = "maker"
    TAKER = "taker"


class PositionSide(StrEnum):
    """Direction of a position; BOTH is the net position of one-way mode."""

    LONG = "long"
    SHORT = "short"
    BOTH = "both"


class MarginMode(StrEnum):
    """How margin is shared between positions."""

    CROSS = "cross"
    ISOLATED = "isolated"


class TransferStatus(StrEnum):
    """How far a deposit, a withdrawal or a transfer between wallets has come; UNKNOWN where the exchange's word is new.

    Descriptive: the exchange's own word stands beside it in ``exchange_status``.
    """

    PENDING = "pending"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELED = "canceled"
    UNKNOWN = "unknown"


class BookState(StrEnum):
    """What an order book may be trusted for; only a LIVE book gives prices.

    SYNCING: waiting for a snapshot that fits the stream. LIVE: every change since the snapshot was applied in sequence.
    STALE: the connection was lost or has been silent for too long. GAPPED: a change is missing or contradicts the book.
    """

    SYNCING = "syncing"
    LIVE = "live"
    STALE = "stale"
    GAPPED = "gapped"


class KlineInterval(StrEnum):
    """Candle widths; an exchange states which of them it serves."""

    S1 = "1s"
    S10 = "10s"
    M1 = "1m"
    M5 = "5m"
    M15 = "15m"
    M30 = "30m"
    H1 = "1h"
    H4 = "4h"
    H8 = "8h"
    D1 = "1d"
    W1 = "1w"
    MO1 = "1M"
