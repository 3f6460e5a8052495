"""The same pair in two markets: buy where it is cheap, sell where it is dear, and what is left after fees.

The two may be on two exchanges, or spot and perpetual, on one exchange or two: then the profit is locked in only when
the position is closed, and funding comes on top.

Pure functions over live books. A book that is not LIVE, or whose connection has not been heard from, gives no result.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_DOWN, Decimal
from fractions import Fraction
from itertools import permutations
from math import isfinite, lcm

from msgspec import Struct

from cex.common.constants.trading_constants import BASIS_POINT, SUSPECT_SPREAD_BPS
from cex.common.enums import Side
from cex.common.types.market import PriceLevel
from cex.common.types.symbols import Symbol
from cex.trading.arbitrage.market import Market

__all__ = ["Opportunity", "find_arbitrage", "find_arbitrages", "price_arbitrage"]


class Opportunity(Struct, frozen=True, kw_only=True):
    """Buying ``quantity`` (base units) in one market and selling it in the other, executable as the books stand.

    Prices are volume-weighted averages before fees; ``cost`` and ``proceeds`` are in quote, after taker fees, with both
    fees counted in quote. ``net_bps`` is the profit in basis points of ``cost``. ``suspect`` says why the spread is too
    good to be believed (another coin of the same ticker, suspended transfers), None where it is plausible.
    """

    buy_exchange: str
    buy_symbol: Symbol
    sell_exchange: str
    sell_symbol: Symbol
    quantity: float
    buy_price: float
    sell_price: float
    cost: float
    proceeds: float
    suspect: str | None
    buy_sequence: int
    sell_sequence: int

    @property
    def net_profit(self) -> float:
        """In quote; negative when the fees eat the spread."""
        return self.proceeds - self.cost

    @property
    def net_bps(self) -> float:
        """Profit in basis points of the cost."""
        return self.net_profit / self.cost / BASIS_POINT


def price_arbitrage(
    buy: Market, sell: Market, quantity: float, *, suspect_bps: float = SUSPECT_SPREAD_BPS
) -> Opportunity | None:
    """What buying and selling exactly ``quantity`` (base units) would bring, profit or loss.

    None where a market is not usable or its known levels do not hold that much.

    Raises:
        ValueError: the markets do not trade the same pair, or the quantity is not positive.
    """
    _require_same_pair(buy, sell)
    if not (isfinite(quantity) and quantity > 0):
        raise ValueError(f"quantity must be a positive number, not {quantity}")
    if not (buy.usable and sell.usable):
        return None
    buy_price = buy.book.vwap(Side.BUY, quantity)
    sell_price = sell.book.vwap(Side.SELL, quantity)
    if buy_price is None or sell_price is None:
        return None
    cost = buy_price * quantity * (1 + buy.taker_fee)
    proceeds = sell_price * quantity * (1 - sell.taker_fee)
    net_bps = (proceeds - cost) / cost / BASIS_POINT
    return Opportunity(
        buy_exchange=buy.exchange,
        buy_symbol=buy.book.symbol,
        sell_exchange=sell.exchange,
        sell_symbol=sell.book.symbol,
        quantity=quantity,
        buy_price=buy_price,
        sell_price=sell_price,
        cost=cost,
        proceeds=proceeds,
        suspect=f"{net_bps:.0f} bps is above {suspect_bps:.0f} bps" if net_bps > suspect_bps else None,
        buy_sequence=buy.book.sequence,
        sell_sequence=sell.book.sequence,
    )


def find_arbitrage(
    buy: Market, sell: Market, *, max_quantity: float | None = None, suspect_bps: float = SUSPECT_SPREAD_BPS
) -> Opportunity | None:
    """The size that earns most in this direction, within both instruments' rules; None where nothing is earned.

    Raises:
        ValueError: the markets do not trade the same pair.
    """
    _require_same_pair(buy, sell)
    if not (buy.usable and sell.usable):
        return None
    quantity = _profitable_quantity(
        buy.book.asks(), sell.book.bids(), 1 + buy.taker_fee, 1 - sell.taker_fee, max_quantity
    )
    quantity = _within_rules(quantity, buy, sell)
    if quantity <= 0:
        return None
    found = price_arbitrage(buy, sell, quantity, suspect_bps=suspect_bps)
    if found is None or found.net_profit <= 0 or not _meets_minima(found, buy, sell):
        return None
    return found


def find_arbitrages(
    markets: Sequence[Market], *, max_quantity: float | None = None, suspect_bps: float = SUSPECT_SPREAD_BPS
) -> list[Opportunity]:
    """Every profitable direction between markets of one pair, the most profitable (in quote) first."""
    found = (
        find_arbitrage(buy, sell, max_quantity=max_quantity, suspect_bps=suspect_bps)
        for buy, sell in permutations(markets, 2)
    )
    return sorted((o for o in found if o is not None), key=lambda o: o.net_profit, reverse=True)


def _profitable_quantity(
    asks: list[PriceLevel], bids: list[PriceLevel], cost: float, yielded: float, limit: float | None
) -> float:
    """Walk both sides while the next unit still earns: every unit taken has a positive margin after fees."""
    total = 0.0
    ask_index = bid_index = 0
    ask_left = bid_left = 0.0
    room = float("inf") if limit is None else limit
    while room > 0:
        if ask_left <= 0:
            if ask_index == len(asks):
                break
            ask_price, ask_left = asks[ask_index]
            ask_index += 1
        if bid_left <= 0:
            if bid_index == len(bids):
                break
            bid_price, bid_left = bids[bid_index]
            bid_index += 1
        if ask_price * cost >= bid_price * yielded:
            break
        taken = min(ask_left, bid_left, room)
        total += taken
        ask_left -= taken
        bid_left -= taken
        room -= taken
    return total


def _within_rules(quantity: float, *markets: Market) -> float:
    """Round down to a common multiple of the steps, and to the smallest maximum."""
    rules = [market.instrument for market in markets if market.instrument is not None]
    if not rules or quantity <= 0:
        return quantity
    exact = min([Decimal(repr(quantity)), *(r.max_quantity for r in rules if r.max_quantity is not None)])
    steps = [Fraction(r.step) for r in rules]
    scale = lcm(*(step.denominator for step in steps))
    common = lcm(*(step.numerator * (scale // step.denominator) for step in steps))
    multiple = (exact * scale / common).to_integral_value(rounding=ROUND_DOWN)
    return float(multiple * common / scale)


def _meets_minima(found: Opportunity, buy: Market, sell: Market) -> bool:
    for market, price in ((buy, found.buy_price), (sell, found.sell_price)):
        rules = market.instrument
        if rules is None:
            continue
        if rules.min_quantity is not None and found.quantity < float(rules.min_quantity):
            return False
        if rules.min_notional is not None and found.quantity * price < float(rules.min_notional):
            return False
    return True


def _require_same_pair(buy: Market, sell: Market) -> None:
    bought, sold = buy.book.symbol, sell.book.symbol
    if (bought.base, bought.quote) != (sold.base, sold.quote):
        raise ValueError(f"not the same pair: {bought} and {sold}")
