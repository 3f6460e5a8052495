"""What the account can be asked in each market, so that the client need not know which market a symbol is of."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, Protocol

import msgspec

from cex.common.enums import OrderStatus
from cex.common.exceptions import ExchangeException
from cex.common.types.account import Balance, TradingFees
from cex.common.types.instruments import Instrument
from cex.common.types.orders import Fill, Order, OrderRequest
from cex.exchanges.gateio.decode.private_values import trigger_id
from cex.exchanges.gateio.decode.values import parse
from cex.exchanges.gateio.errors import RequestFacts, rejection
from cex.exchanges.gateio.wire.private_spot import batch_decoder
from cex.networking import RestResponse

__all__ = ["AccountMarket", "TriggerNumbers", "element_refusal", "placed_trigger", "trade_number", "unique"]

_REFUSED = 400


class AccountMarket(Protocol):
    """The private endpoints of one market; ``listed`` is the instrument that is asked about."""

    async def balances(self) -> list[Balance]: ...

    async def fees(self, listed: Instrument) -> TradingFees: ...

    async def place(self, request: OrderRequest, listed: Instrument) -> Order: ...

    async def place_batch(
        self, requests: Sequence[tuple[OrderRequest, Instrument]]
    ) -> list[Order | ExchangeException]: ...

    async def cancel(self, listed: Instrument, order_id: str) -> Order: ...

    async def cancel_all(self, listed: Instrument) -> list[Order]: ...

    async def amend(
        self, listed: Instrument, order_id: str, price: Decimal | None, quantity: Decimal | None
    ) -> Order: ...

    async def order(self, listed: Instrument, order_id: str) -> Order: ...

    async def order_by_client_id(self, listed: Instrument, client_id: str) -> Order: ...

    async def open_orders(self, listed: Instrument | None) -> list[Order]: ...

    async def history(self, listed: Instrument, start_ts: int, end_ts: int) -> list[Order]: ...

    async def fills(
        self, listed: Instrument | None, start_ts: int, end_ts: int, order_id: str | None
    ) -> list[Fill]: ...


class TriggerNumbers:
    """Which client order ids are those of trigger orders, as far as this client placed them.

    Trigger orders are asked for by their number only, so one that is not remembered is looked for in their list; not
    so what is known to be an ordinary order. The newest ``keep`` of each are remembered.
    """

    def __init__(self, keep: int = 10_000) -> None:
        self._keep = keep
        self._numbers: dict[str, str] = {}
        self._ordinary: dict[str, None] = {}

    def triggers(self, client_id: str | None, number: int | str) -> None:
        """A trigger order of this number has this client order id."""
        if client_id is not None:
            self._numbers[client_id] = str(number)
            _bound(self._numbers, self._keep)

    def ordinary(self, client_id: str | None) -> None:
        """This client order id goes to an ordinary order."""
        if client_id is not None:
            self._ordinary[client_id] = None
            _bound(self._ordinary, self._keep)

    def number(self, client_id: str) -> str | None:
        return self._numbers.get(client_id)

    def may_trigger(self, client_id: str) -> bool:
        """Whether there may be a trigger order with this client order id."""
        return client_id not in self._ordinary


def _bound(remembered: dict[str, Any], keep: int) -> None:
    while len(remembered) > keep:
        del remembered[next(iter(remembered))]


def element_refusal(element: msgspec.Raw, response: RestResponse, channel: str) -> ExchangeException | None:
    """Why one order of a batch was refused; None where it was not."""
    fared = parse(batch_decoder, bytes(element), channel)
    if fared.succeeded is not False:
        return None
    request = response.request
    return rejection(
        status=_REFUSED,
        label=fared.label or None,
        message=fared.message or fared.detail or "",
        is_read=False,
        facts=RequestFacts(
            correlation_id=response.correlation_id,
            operation=request.operation,
            endpoint=request.endpoint,
            attempt=response.attempt,
        ),
    )


def unique(orders: Sequence[Order]) -> list[Order]:
    """Each order once, the first one told, in the order of creation."""
    found: dict[tuple[str, str | None], Order] = {}
    for order in orders:
        found.setdefault((order.order_id, None if order.order_id else order.client_order_id), order)
    return sorted(found.values(), key=lambda order: order.created_ts)


def placed_trigger(request: OrderRequest, number: int | str, now_ns: int) -> Order:
    """A trigger order that was just placed: the answer tells its number and nothing else."""
    return Order(
        symbol=request.symbol,
        order_id=trigger_id(number, request.client_order_id),
        client_order_id=request.client_order_id,
        side=request.side,
        order_type=request.order_type,
        status=OrderStatus.NEW,
        quantity=request.quantity,
        quote_quantity=request.quote_quantity,
        price=request.price,
        trigger_price=request.trigger_price,
        time_in_force=request.time_in_force,
        reduce_only=request.reduce_only or request.close_position,
        created_ts=now_ns,
        updated_ts=now_ns,
        position_side=request.position_side,
    )


def trade_number(fill: Fill) -> int:
    """Trade ids count up; one that is no number stays where its time puts it."""
    return int(fill.trade_id) if fill.trade_id.isdigit() else 0
