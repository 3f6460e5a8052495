"""How Gate.io tells of a contract: names, sizes as numbers or text, its rules and its ticker.

https://www.gate.com/docs/developers/apiv4/en/#futures
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from cex.common.enums import InstrumentStatus, Side
from cex.sandbox.market.candles import Candle
from cex.sandbox.market.intervals import INTERVALS, Interval
from cex.sandbox.market.perpetuals import Perpetual
from cex.sandbox.market.simulation import MarketBook
from cex.sandbox.venues.decimals import change, signed, trimmed
from cex.sandbox.venues.gateio.tickers import gateio_name

__all__ = ["FUTURES_INTERVALS", "candle", "contract", "perpetual_of", "priced", "size", "ticker", "turnover_text"]

_CREATED = 1_669_688_556
_DAY = 86_400
_STATUS = {InstrumentStatus.HALTED: "circuit_breaker", InstrumentStatus.DELISTED: "delisted"}

FUTURES_INTERVALS: Mapping[str, Interval] = {
    name: INTERVALS[name] for name in ("10s", "1m", "5m", "15m", "30m", "1h", "4h", "8h", "1d", "7d", "1w")
} | {"30d": INTERVALS["1M"]}


def perpetual_of(book: MarketBook) -> Perpetual:
    """What makes the book a perpetual's."""
    assert book.perpetual is not None
    return book.perpetual


def size(book: MarketBook, lots: int, decimal: bool) -> str | int:
    """Contracts: text when the client asked for decimals, otherwise a whole number, truncated toward zero."""
    decimals = book.rules.quantity_decimals
    if decimal:
        return signed(lots, decimals)
    return int(lots / 10**decimals)


def priced(book: MarketBook, ticks: int) -> str:
    """A price of the book."""
    return trimmed(ticks, book.rules.price_decimals)


def contract(book: MarketBook, now_s: int, decimal: bool) -> dict[str, Any]:
    """The object of ``/futures/usdt/contracts``."""
    rules, perpetual = book.rules, perpetual_of(book)
    terms, due = perpetual.contract, perpetual.funding_due(now_s)
    largest = int(rules.max_notional / terms.multiplier / Decimal(str(book.listing.price)))
    return {
        "name": gateio_name(book),
        "type": "direct",
        "quanto_multiplier": f"{terms.multiplier:f}",
        "ref_discount_rate": "0",
        "order_price_deviate": "0.5",
        "maintenance_rate": f"{terms.maintenance_rate:f}",
        "mark_type": "index",
        "last_price": priced(book, book.candles.last),
        "mark_price": trimmed(perpetual.mark, perpetual.mark_decimals),
        "index_price": trimmed(perpetual.index, perpetual.mark_decimals),
        "funding_rate_indicative": signed(perpetual.funding_rate(due + terms.funding_interval), 6),
        "mark_price_round": trimmed(1, perpetual.mark_decimals),
        "funding_offset": 0,
        "in_delisting": rules.status is InstrumentStatus.DELISTED,
        "risk_limit_base": "1000000",
        "interest_rate": "0.0003",
        "order_price_round": f"{rules.price_tick:f}",
        "order_size_min": size(book, int(rules.min_quantity.scaleb(rules.quantity_decimals)), decimal),
        "ref_rebate_rate": "0.2",
        "funding_interval": terms.funding_interval,
        "risk_limit_step": "1000000",
        "leverage_min": "1",
        "leverage_max": str(terms.most_leverage),
        "risk_limit_max": "8000000",
        "maker_fee_rate": f"{rules.maker_fee:f}",
        "taker_fee_rate": f"{rules.taker_fee:f}",
        "funding_rate": signed(perpetual.funding_rate(due), 6),
        "order_size_max": str(largest) if decimal else largest,
        "funding_next_apply": due,
        "short_users": 977,
        "config_change_time": _CREATED,
        "trade_size": size(book, perpetual.traded, decimal),
        "position_size": size(book, perpetual.open_interest, decimal),
        "long_users": 455,
        "funding_impact_value": "60000",
        "orders_limit": 50,
        "trade_id": book.engine.last_trade_id,
        "orderbook_id": book.told_id,
        "enable_bonus": True,
        "enable_credit": True,
        "enable_decimal": rules.quantity_decimals > 0,
        "create_time": _CREATED,
        "funding_cap_ratio": "0.75",
        "status": _STATUS.get(rules.status, "trading"),
        "launch_time": _CREATED,
        "delisting_time": 0,
        "delisted_time": 0,
        "contract_type": "",
    }


def ticker(book: MarketBook, now_s: int, decimal: bool) -> dict[str, Any]:
    """The object of ``/futures/usdt/tickers``: sizes are text, whole numbers unless the client asked for decimals."""
    perpetual, rules = perpetual_of(book), book.rules
    due = perpetual.funding_due(now_s)
    day = book.candles.since(now_s - _DAY + 60, now_s)
    bid, ask = book.engine.levels(Side.BUY, 1), book.engine.levels(Side.SELL, 1)
    base, quote = perpetual.units(day.volume, rules.quantity_decimals), _turnover(book, day.turnover)
    return {
        "contract": gateio_name(book),
        "last": priced(book, book.candles.last),
        "low_24h": priced(book, day.low),
        "high_24h": priced(book, day.high),
        "change_percentage": change(day.open, book.candles.last, 2, percent=True),
        "total_size": str(size(book, perpetual.open_interest, decimal)),
        "volume_24h": str(size(book, day.volume, decimal)),
        "volume_24h_btc": str(int(base)),
        "volume_24h_usd": str(int(quote)),
        "volume_24h_base": str(int(base)),
        "volume_24h_quote": str(int(quote)),
        "volume_24h_settle": str(int(quote)),
        "mark_price": trimmed(perpetual.mark, perpetual.mark_decimals),
        "funding_rate": signed(perpetual.funding_rate(due), 6),
        "funding_rate_indicative": signed(perpetual.funding_rate(due + perpetual.contract.funding_interval), 6),
        "index_price": trimmed(perpetual.index, perpetual.mark_decimals),
        "highest_bid": priced(book, bid[0][0]) if bid else "",
        "highest_size": str(size(book, bid[0][1] if bid else 0, decimal)),
        "lowest_ask": priced(book, ask[0][0]) if ask else "",
        "lowest_size": str(size(book, ask[0][1] if ask else 0, decimal)),
    }


def candle(book: MarketBook, row: Candle, kind: str, decimal: bool) -> dict[str, Any]:
    """A candle without what REST and stream name differently; ``kind`` is ``""``, ``mark_`` or ``index_``."""
    decimals = perpetual_of(book).mark_decimals if kind else book.rules.price_decimals
    told: dict[str, Any] = {"t": row.start} if kind else {"t": row.start, "v": size(book, row.volume, decimal)}
    return told | {
        "c": trimmed(row.close, decimals),
        "h": trimmed(row.high, decimals),
        "l": trimmed(row.low, decimals),
        "o": trimmed(row.open, decimals),
    }


def turnover_text(book: MarketBook, turnover: int) -> str:
    """Quote currency as text."""
    return f"{_turnover(book, turnover).normalize():f}"


def _turnover(book: MarketBook, turnover: int) -> Decimal:
    decimals = book.rules.price_decimals + book.rules.quantity_decimals
    return Decimal(turnover).scaleb(-decimals) * perpetual_of(book).contract.multiplier
