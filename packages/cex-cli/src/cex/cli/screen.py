"""What a live view shows, as plain data: whoever draws it needs no exchange, whoever fills it no terminal."""

from __future__ import annotations

from dataclasses import dataclass

from cex.common.enums import BookState
from cex.common.types.market import PriceLevel

__all__ = ["BasisRow", "BookRow", "Note", "OpportunityRow", "Screen"]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookRow:
    """One book of one exchange. Prices are None while the book is not LIVE or a side is empty.

    ``age_s``: seconds since its last update. ``price_decimals``: places of the instrument's price grid.
    """

    exchange: str
    symbol: str
    state: BookState
    reason: str
    bid: PriceLevel | None
    ask: PriceLevel | None
    age_s: float | None
    sequence: int
    deltas: int
    applied: int
    stale: int
    gaps: int
    resyncs: int
    trades: int
    price_decimals: int

    @property
    def spread_bps(self) -> float | None:
        """Best ask over best bid in basis points of their middle."""
        if self.bid is None or self.ask is None:
            return None
        return (self.ask.price - self.bid.price) / ((self.ask.price + self.bid.price) / 2) * 1e4


@dataclass(frozen=True, slots=True, kw_only=True)
class OpportunityRow:
    """The better direction of one symbol between two exchanges, after fees; negative when nothing is to be earned.

    ``quantity`` in base units and ``profit`` in quote are those of the best executable size, None where nothing earns;
    ``net_bps`` is then that of the best prices.
    """

    symbol: str
    buy_on: str
    sell_on: str
    net_bps: float
    quantity: float | None
    profit: float | None
    quote: str
    suspect: bool
    seen: int


@dataclass(frozen=True, slots=True, kw_only=True)
class BasisRow:
    """How far a perpetual trades from its coin, in basis points; positive when it is dearer.

    ``carry_bps``: what buying the coin and selling the perpetual locks in after both taker fees, ``reverse_bps`` the
    other way round. ``funding_bps``: one interval's payment to the short side, ``funding_bps_year`` the same over a
    year; None where it is not known.
    """

    spot_on: str
    perpetual_on: str
    symbol: str
    basis_bps: float
    carry_bps: float
    reverse_bps: float
    funding_bps: float | None
    funding_bps_year: float | None


@dataclass(frozen=True, slots=True)
class Note:
    """Something worth telling, ``at_s`` seconds after the start, numbered from 1.

    ``good``: True where something was mended, False where it broke, None for neither.
    """

    number: int
    at_s: float
    text: str
    good: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Screen:
    """Everything that is shown at one moment. ``progress`` is from 0 to 1; ``figures`` are label and value."""

    title: str
    rows: tuple[BookRow, ...]
    elapsed_s: float
    progress: float | None = None
    figures: tuple[tuple[str, str], ...] = ()
    opportunities: tuple[OpportunityRow, ...] = ()
    bases: tuple[BasisRow, ...] = ()
    notes: tuple[Note, ...] = ()
