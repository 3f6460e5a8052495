"""What a venue did for an account, what the account's clients made of it, and every difference between the two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import Any

from cex.common.enums import OrderStatus, Side
from cex.common.types.orders import Fill, Order
from cex.exchanges.base.interfaces import ExchangeEvent, OrderConflict, OrderUnknown
from cex.sandbox.accounts.events import FillEvent, OrderEvent
from cex.sandbox.accounts.futures.events import FuturesFillEvent, FuturesOrderEvent
from cex.sandbox.accounts.futures.orders import FuturesFill, FuturesOrder
from cex.sandbox.accounts.orders import AccountFill, AccountOrder
from cex.sandbox.venues.mexc.words import order_id as mexc_order_id

__all__ = ["FillKey", "Record", "Seen", "Truth", "Verdict", "compared"]

FillKey = tuple[str, str, str]
"""Symbol, order id, trade id, as the exchange writes them; an account can be on both sides of a trade."""

_EXACT = Context(prec=60)


@dataclass(frozen=True)
class TrueFill:
    """A fill as the venue booked it; ``quantity`` and ``quote`` in units of base and quote."""

    client_id: str
    side: Side
    price: Decimal
    quantity: Decimal
    quote: Decimal
    fee: Decimal
    fee_currency: str


@dataclass
class Truth:
    """What one venue's desks did for the account, heard as it happened."""

    venue: str
    orders: dict[str, dict[int, AccountOrder | FuturesOrder]] = field(default_factory=dict)
    fills: dict[FillKey, TrueFill] = field(default_factory=dict)

    def hear(self, event: object) -> None:
        if isinstance(event, OrderEvent):
            self.orders.setdefault(event.order.client_id, {})[event.order.id] = event.order
        elif isinstance(event, FuturesOrderEvent):
            self.orders.setdefault(event.order.text, {})[event.order.id] = event.order
        elif isinstance(event, FillEvent):
            self._spot_fill(event.fill)
        elif isinstance(event, FuturesFillEvent):
            self._futures_fill(event.fill)

    def _spot_fill(self, fill: AccountFill) -> None:
        trade_id, order_id = str(fill.trade_id), str(fill.order_id)
        if self.venue == "mexc":
            trade_id, order_id = f"{trade_id}X{1 if fill.side is Side.BUY else 2}", mexc_order_id(fill.order_id)
        self.fills[str(fill.symbol), order_id, trade_id] = TrueFill(
            client_id=fill.client_id,
            side=fill.side,
            price=fill.price,
            quantity=fill.quantity,
            quote=fill.quote_quantity,
            fee=fill.fee,
            fee_currency=fill.fee_asset,
        )

    def _futures_fill(self, fill: FuturesFill) -> None:
        self.fills[str(fill.contract.symbol), str(fill.order_id), str(fill.trade_id)] = TrueFill(
            client_id=fill.text,
            side=Side.BUY if fill.size > 0 else Side.SELL,
            price=fill.price,
            quantity=_EXACT.multiply(abs(fill.size), fill.contract.multiplier),
            quote=fill.value,
            fee=fill.fee,
            fee_currency="USDT",
        )


@dataclass
class Seen:
    """What a trader's side knows of one venue; ``orders`` and ``fills`` as its streams told them."""

    outcomes: dict[str, str] = field(default_factory=dict)
    orders: dict[str, Order] = field(default_factory=dict)
    fills: Counter[FillKey] = field(default_factory=Counter)
    facts: dict[FillKey, Fill] = field(default_factory=dict)
    unknown: int = 0
    conflicts: list[str] = field(default_factory=list)

    def hear(self, event: ExchangeEvent) -> None:
        if isinstance(event, OrderUnknown):
            self.unknown += not event.final
        elif isinstance(event, OrderConflict):
            self.conflicts.append(event.reason)

    def take(self, fill: Fill) -> None:
        key = str(fill.symbol), fill.order_id, fill.trade_id
        self.fills[key] += 1
        self.facts[key] = fill


@dataclass
class Record:
    """Both sides of one venue at the end of a run."""

    truth: Truth
    seen: Seen
    is_whole: bool = True


@dataclass
class Verdict:
    """Every count is a fault; ``details`` tells the first of them in words."""

    duplicated: int = 0
    lost: int = 0
    wrong_final_states: int = 0
    missed_fills: int = 0
    doubled_fills: int = 0
    invented_fills: int = 0
    wrong_fills: int = 0
    unknown_left: int = 0
    streams_not_whole: int = 0
    conflicts: Counter[str] = field(default_factory=Counter)
    details: list[str] = field(default_factory=list)

    def counts(self) -> dict[str, Any]:
        """What is printed: everything but the words."""
        return {name: value for name, value in vars(self).items() if name != "details"}

    @property
    def is_flawless(self) -> bool:
        return not any(self.counts().values())


def compared(records: Iterable[Record]) -> Verdict:
    """Every difference between what happened and what was made of it."""
    verdict = Verdict()
    for record in records:
        verdict.streams_not_whole += not record.is_whole
        verdict.conflicts.update(record.seen.conflicts)
        _compare_orders(record, verdict)
        _compare_fills(record, verdict)
    return verdict


def _compare_orders(record: Record, verdict: Verdict) -> None:
    truth, seen = record.truth, record.seen
    fills: dict[str, list[TrueFill]] = {}
    for fill in truth.fills.values():
        fills.setdefault(fill.client_id, []).append(fill)
    for client_id, outcome in seen.outcomes.items():
        name, there = f"{truth.venue} {client_id}", truth.orders.get(client_id, {})
        if len(there) > 1:
            verdict.duplicated += len(there) - 1
            verdict.details.append(f"{name}: placed {len(there)} times")
        verdict.unknown_left += outcome == "unknown"
        if bool(there) is not (outcome == "accepted") and not _killed(there, outcome):
            verdict.lost += 1
            verdict.details.append(f"{name}: {outcome}, and the venue has {list(there.values())}")
        elif there and outcome == "accepted":
            wrong = _difference(seen.orders.get(client_id), next(iter(there.values())), fills.get(client_id, []))
            verdict.wrong_final_states += bool(wrong)
            verdict.details += [f"{name}: {wrong}"] if wrong else []


def _compare_fills(record: Record, verdict: Verdict) -> None:
    truth, seen, venue = record.truth, record.seen, record.truth.venue
    for key, fill in truth.fills.items():
        if key not in seen.fills:
            verdict.missed_fills += 1
            verdict.details.append(f"{venue}: fill {key} was missed")
        elif not _same(seen.facts[key], fill):
            verdict.wrong_fills += 1
            verdict.details.append(f"{venue}: {seen.facts[key]} was told of {fill}")
    for key, times in seen.fills.items():
        verdict.doubled_fills += times - 1
        verdict.invented_fills += key not in truth.fills
        if times > 1 or key not in truth.fills:
            verdict.details.append(f"{venue}: fill {key} was told {times} times")


def _same(told: Fill, fill: TrueFill) -> bool:
    fee = (told.fee, told.fee_currency) == (fill.fee, fill.fee_currency) or told.fee == fill.fee == 0
    return fee and (told.side, told.price, told.quantity) == (fill.side, fill.price, fill.quantity)


def _killed(there: Mapping[int, AccountOrder | FuturesOrder], outcome: str) -> bool:
    """Whether an order that is told as rejected was created and ended at once without a fill, which is the same."""
    return outcome == "rejected" and all(not order.is_open and not order.filled for order in there.values())


def _difference(ours: Order | None, theirs: AccountOrder | FuturesOrder, fills: list[TrueFill]) -> str:
    """What is wrong about an order as it was told last; empty when nothing is."""
    if ours is None:
        return "no word of it"
    filled = sum((fill.quantity for fill in fills), Decimal(0))
    quote = sum((_EXACT.multiply(fill.price, fill.quantity) for fill in fills), Decimal(0))
    fees: Counter[str] = Counter()
    for fill in fills:
        fees[fill.fee_currency] += fill.fee  # type: ignore[assignment]
    ended_full = not theirs.left if isinstance(theirs, FuturesOrder) else theirs.status is OrderStatus.FILLED
    if not ours.status.is_final or (ours.status is OrderStatus.FILLED) is not ended_full:
        return f"{ours.status} of {theirs}"
    if ours.filled != filled:
        return f"{ours.filled} filled instead of {filled}"
    if filled and (ours.filled_quote, ours.average_price) != (quote, Context(prec=28).divide(quote, filled)):
        return f"{ours.filled_quote} of turnover at {ours.average_price} instead of {quote}"
    told = {currency: fee for currency, fee in ours.fees.items() if fee}
    if told != {currency: fee for currency, fee in fees.items() if fee}:
        return f"fees of {ours.fees} instead of {dict(fees)}"
    return ""
