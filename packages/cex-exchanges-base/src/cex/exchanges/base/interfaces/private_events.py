"""What an account tells while it is watched: its streams, its orders in doubt, and what contradicts itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from cex.common.enums import OrderStatus
from cex.common.types.orders import Fill, Order
from cex.common.types.symbols import Symbol
from cex.exchanges.base.interfaces.events import ExchangeEvent
from cex.exchanges.base.interfaces.trading import PrivateChannel, PrivateStream

__all__ = [
    "AccountEvent",
    "OrderConflict",
    "OrderResolved",
    "OrderUnknown",
    "PrivateInterrupted",
    "PrivateOverflow",
    "PrivateRecovered",
    "PrivateRefused",
    "PrivateResubscribed",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountEvent(ExchangeEvent):
    """Something that happened to one account; ``account`` is its label in the settings."""

    kind: ClassVar[str] = "account"
    account: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateInterrupted(AccountEvent):
    """The connection of these streams was lost: what happens now is not heard, until :class:`PrivateRecovered`.

    ``heard_ns`` is the monotonic time of the last inbound frame, None where that is not known.
    """

    kind: ClassVar[str] = "private_interrupted"
    connection: int
    streams: tuple[PrivateStream, ...]
    reason: str
    heard_ns: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateResubscribed(AccountEvent):
    """The streams run again; what happened in between was not heard and is being fetched."""

    kind: ClassVar[str] = "private_resubscribed"
    connection: int
    streams: tuple[PrivateStream, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateRecovered(AccountEvent):
    """Nothing is missing any more: everything since the loss was fetched and told, each fill once.

    ``fills`` and ``orders`` are the numbers of fills and of changed orders that the streams had not told. ``seconds``
    passed since the loss.
    """

    kind: ClassVar[str] = "private_recovered"
    streams: tuple[PrivateStream, ...]
    fills: int
    orders: int
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateRefused(AccountEvent):
    """The exchange refused a private stream, or did not answer in time (``code`` is None then)."""

    kind: ClassVar[str] = "private_refused"
    stream: PrivateStream
    code: str | None
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateOverflow(AccountEvent):
    """A reader was too slow and items were given up; as told by ``Overflow`` of the public streams."""

    kind: ClassVar[str] = "private_overflow"
    channel: PrivateChannel
    dropped: int
    resumed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderUnknown(AccountEvent):
    """An order may or may not have reached the exchange.

    ``final`` False: it is being resolved. True: that did not succeed within its bound, and it stays unknown until
    ``resolve_order``, a push or a backfill tells.
    """

    kind: ClassVar[str] = "order_unknown"
    symbol: Symbol
    client_order_id: str
    reason: str
    final: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderResolved(AccountEvent):
    """What was unknown is known: ``status`` REJECTED means that the order never took effect.

    ``how`` says what told: ``"stream"``, ``"query"``, ``"open orders"`` or ``"order history"``, and for an order that
    never arrived ``"not found after its validity"``. ``seconds`` passed since it was sent.
    """

    kind: ClassVar[str] = "order_resolved"
    symbol: Symbol
    client_order_id: str
    status: OrderStatus
    how: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderConflict(AccountEvent):
    """The exchange said something of an order that cannot be, after what it said before; it was not believed.

    ``kept`` is the order as it stands here; ``refused`` what was not taken over.
    """

    kind: ClassVar[str] = "order_conflict"
    kept: Order
    refused: Order | Fill
    reason: str
