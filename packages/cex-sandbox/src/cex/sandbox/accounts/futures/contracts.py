"""One perpetual as the futures desk sees it: prices and sizes as decimals, fees, tiers, and the engine behind them."""

from __future__ import annotations

from decimal import Decimal

from cex.common.enums import InstrumentStatus, Side
from cex.sandbox.accounts.directory import Account
from cex.sandbox.accounts.futures.arithmetic import Tier, tiers_for
from cex.sandbox.market.perpetuals import Perpetual
from cex.sandbox.market.simulation import MarketBook

__all__ = ["Contract"]

_RATE_DECIMALS = 6


class Contract:
    """Rules are read from the book each time, since they may be changed while it trades."""

    def __init__(self, book: MarketBook) -> None:
        if book.perpetual is None:
            raise ValueError(f"{book.listing.symbol} is not a perpetual")
        self.book = book
        self.symbol = str(book.listing.symbol)
        self.settle = str(book.listing.symbol.settle)
        self.perpetual: Perpetual = book.perpetual

    def __repr__(self) -> str:
        return f"Contract({self.symbol})"

    @property
    def multiplier(self) -> Decimal:
        """Base units a contract."""
        return self.book.multiplier

    @property
    def tiers(self) -> tuple[Tier, ...]:
        """Its risk limits."""
        terms = self.perpetual.contract
        return tiers_for(terms.maintenance_rate, Decimal(terms.most_leverage))

    @property
    def mark(self) -> Decimal:
        return Decimal(self.perpetual.mark).scaleb(-self.perpetual.mark_decimals)

    @property
    def index(self) -> Decimal:
        return Decimal(self.perpetual.index).scaleb(-self.perpetual.mark_decimals)

    @property
    def last(self) -> Decimal:
        return self.price(self.book.candles.last)

    @property
    def is_open(self) -> bool:
        """Whether orders are taken that open something."""
        return self.book.rules.status is InstrumentStatus.TRADING

    @property
    def is_delisting(self) -> bool:
        """Whether only orders are taken that close something."""
        return self.book.rules.status in (InstrumentStatus.DELISTED, InstrumentStatus.REDUCE_ONLY)

    @property
    def tick(self) -> Decimal:
        """What a price is a multiple of."""
        return self.book.rules.price_tick

    @property
    def step(self) -> Decimal:
        """What a size is a multiple of, in contracts."""
        return self.book.rules.quantity_step

    @property
    def largest(self) -> Decimal:
        """The most contracts an order may have."""
        value = self.multiplier * Decimal(str(self.book.listing.price))
        return Decimal(int(self.book.rules.max_notional / value))

    def price(self, ticks: int) -> Decimal:
        """A price of the engine in quote currency."""
        return Decimal(ticks).scaleb(-self.book.rules.price_decimals)

    def ticks(self, price: Decimal) -> int:
        return int(price.scaleb(self.book.rules.price_decimals))

    def contracts(self, lots: int) -> Decimal:
        """Lots of the engine in contracts."""
        return Decimal(lots).scaleb(-self.book.rules.quantity_decimals)

    def lots(self, contracts: Decimal) -> int:
        return int(contracts.scaleb(self.book.rules.quantity_decimals))

    def best(self, side: Side) -> Decimal | None:
        """The best resting price of a side."""
        ticks = self.book.engine.best(side)
        return None if ticks is None else self.price(ticks)

    def funding_rate(self, at_s: int) -> Decimal:
        """The rate that applies at a time of funding, as a fraction."""
        return Decimal(self.perpetual.funding_rate(at_s)).scaleb(-_RATE_DECIMALS)

    def fees(self, account: Account) -> tuple[Decimal, Decimal]:
        """The maker's and the taker's rate of an account, as fractions; a negative one is paid to the account."""
        own = account.fee_rates.get(self.symbol) or account.fee_rates.get(FUTURES_FEES)
        return own or (self.book.rules.maker_fee, self.book.rules.taker_fee)


FUTURES_FEES = "futures"
"""Under what ``Account.fee_rates`` has the rates of every perpetual without its own."""
