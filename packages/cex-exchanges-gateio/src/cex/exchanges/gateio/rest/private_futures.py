"""The endpoints of the account of perpetuals that settle in USDT. https://www.gate.com/docs/developers/apiv4/en/#futures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from cex.common.constants.system_constants import NANOSECONDS
from cex.common.enums import MarketType
from cex.common.exceptions import ExchangeException, OrderFinishedException, OrderNotFoundException
from cex.common.types.account import Balance, TradingFees
from cex.common.types.instruments import Instrument
from cex.common.types.orders import Fill, Order, OrderRequest
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.gateio.constants import EXPIRY_HEADER, HISTORY_WINDOW_S, PAGE, SIZE_DECIMAL
from cex.exchanges.gateio.decode import private_futures as decode
from cex.exchanges.gateio.decode.private_values import client_id as client_id_of
from cex.exchanges.gateio.decode.private_values import trigger_number, when
from cex.exchanges.gateio.decode.requests import TRIGGERED, futures_amendment, futures_order, futures_trigger
from cex.exchanges.gateio.decode.values import parse
from cex.exchanges.gateio.rest.connection import Connection
from cex.exchanges.gateio.rest.limits import AccountLimits
from cex.exchanges.gateio.rest.market import no_row
from cex.exchanges.gateio.rest.paging import newest_first
from cex.exchanges.gateio.rest.positions import PositionsRest
from cex.exchanges.gateio.rest.private_market import (
    TriggerNumbers,
    element_refusal,
    placed_trigger,
    trade_number,
    unique,
)
from cex.exchanges.gateio.wire.control import rows_decoder
from cex.exchanges.gateio.wire.private_futures import (
    FillRow,
    OrderRow,
    TriggerRow,
    fees_decoder,
    fills_decoder,
    order_decoder,
    orders_decoder,
    trigger_decoder,
    triggers_decoder,
)
from cex.exchanges.gateio.wire.private_spot import trigger_id_decoder
from cex.networking import Priority, RestResponse

__all__ = ["FuturesAccountRest"]

_ORDERS: Final = "/futures/usdt/orders"
_ORDER: Final = "/futures/usdt/orders/{order_id}"
_BATCH: Final = "/futures/usdt/batch_orders"
_RANGE: Final = "/futures/usdt/orders_timerange"
_FILLS: Final = "/futures/usdt/my_trades_timerange"
_FEE: Final = "/futures/usdt/fee"
_TRIGGERS: Final = "/futures/usdt/price_orders"
_TRIGGER: Final = "/futures/usdt/price_orders/{order_id}"
_OPEN_PAGE: Final = 100
_FINISHED: Final = "finished"


class FuturesAccountRest:
    """Asks about orders of contracts; ``validity`` is in seconds, as ``X-Gate-Exptime`` is to grant it."""

    def __init__(
        self,
        connection: Connection,
        limits: AccountLimits,
        catalogue: InstrumentCatalogue,
        positions: PositionsRest,
        *,
        validity: float,
    ) -> None:
        self._connection = connection
        self._limits = limits
        self._catalogue = catalogue
        self._positions = positions
        self._validity = validity
        self._triggers = TriggerNumbers()

    async def balances(self) -> list[Balance]:
        account = await self._positions.account()
        held = [] if account is None else [decode.balance(account)]
        return [balance for balance in held if balance.total]

    async def fees(self, listed: Instrument) -> TradingFees:
        answer = await self._get(_FEE, "fees", {"contract": listed.exchange_symbol})
        row = parse(fees_decoder, answer.body, _FEE).get(listed.exchange_symbol)
        if row is None:
            raise no_row(_FEE, listed, answer.body)
        return decode.fees(row, listed)

    # ---- orders in ---------------------------------------------------------------------------------------------------

    async def place(self, request: OrderRequest, listed: Instrument) -> Order:
        is_dual = await self._positions.is_dual_for(request)
        if request.order_type in TRIGGERED:
            body = futures_trigger(request, listed, is_dual=is_dual)
            answer = await self._order_in("POST", _TRIGGERS, "place_order", body)
            placed = parse(trigger_id_decoder, answer.body, _TRIGGERS)
            number = placed.id_string or placed.id
            self._triggers.triggers(request.client_order_id, number)
            return placed_trigger(request, number, self._connection.server_time.now_ns())
        self._triggers.ordinary(request.client_order_id)
        body = futures_order(request, listed, is_dual=is_dual)
        answer = await self._order_in("POST", _ORDERS, "place_order", body)
        return decode.order(parse(order_decoder, answer.body, _ORDERS), listed, _ORDERS, asked_side=request.side)

    async def place_batch(self, requests: Sequence[tuple[OrderRequest, Instrument]]) -> list[Order | ExchangeException]:
        """One request; the outcomes in the order of ``requests``, none of which is a trigger order."""
        body = []
        for request, listed in requests:
            is_dual = await self._positions.is_dual_for(request)
            self._triggers.ordinary(request.client_order_id)
            body.append(futures_order(request, listed, is_dual=is_dual))
        answer = await self._order_in("POST", _BATCH, "place_orders", body, count=len(body))
        outcomes: list[Order | ExchangeException] = []
        rows = parse(rows_decoder, answer.body, _BATCH)
        for (request, listed), row in zip(requests, rows, strict=True):
            refused = element_refusal(row, answer, _BATCH)
            if refused is None:
                placed = parse(order_decoder, bytes(row), _BATCH)
                outcomes.append(decode.order(placed, listed, _BATCH, asked_side=request.side))
            else:
                outcomes.append(refused)
        return outcomes

    async def cancel(self, listed: Instrument, order_id: str) -> Order:
        """By the exchange's id, or by the client order id; a trigger order has a number behind it."""
        number = trigger_number(order_id)
        if number is not None:
            return await self._cancel_trigger(number, listed)
        remembered = self._triggers.number(order_id)
        if remembered is not None:
            try:
                return await self._cancel_trigger(remembered, listed)
            except (OrderNotFoundException, OrderFinishedException):
                pass  # it has fired, and is an order now
        try:
            answer = await self._cancelling(_ORDER.format(order_id=order_id), "cancel_order", {})
        except OrderNotFoundException:
            number = None if remembered is not None else await self._open_trigger(listed, order_id)
            if number is None:
                raise
            return await self._cancel_trigger(number, listed)
        return decode.order(parse(order_decoder, answer.body, _ORDER), listed, _ORDER)

    async def _cancel_trigger(self, number: str, listed: Instrument) -> Order:
        answer = await self._cancelling(_TRIGGER.format(order_id=number), "cancel_order", {})
        return decode.trigger_order(parse(trigger_decoder, answer.body, _TRIGGER), listed)

    async def _open_trigger(self, listed: Instrument, client_id: str) -> str | None:
        """The number of the trigger order with this client order id that waits, None where there is none."""
        if client_id_of(client_id) is None or not self._triggers.may_trigger(client_id):
            return None
        waiting = await self._trigger_rows(listed, "open")
        return next((str(row.id) for row in waiting if row.initial.text == client_id), None)

    async def cancel_all(self, listed: Instrument) -> list[Order]:
        answer = await self._cancelling(_ORDERS, "cancel_all_orders", _contract(listed))
        rows = parse(orders_decoder, answer.body, _ORDERS)
        cancelled = [decode.order(row, listed, _ORDERS) for row in rows]
        answer = await self._cancelling(_TRIGGERS, "cancel_all_orders", _contract(listed))
        triggers = parse(triggers_decoder, answer.body, _TRIGGERS)
        return cancelled + [decode.trigger_order(row, listed) for row in triggers]

    async def amend(self, listed: Instrument, order_id: str, price: Decimal | None, quantity: Decimal | None) -> Order:
        """A size has the sign of its side, so the order is read first where the quantity is to change."""
        side = None if quantity is None else (await self.order(listed, order_id)).side
        body = futures_amendment(price, quantity, side, listed)
        answer = await self._order_in("PUT", _ORDER.format(order_id=order_id), "amend_order", body)
        return decode.order(parse(order_decoder, answer.body, _ORDER), listed, _ORDER)

    # ---- orders asked for --------------------------------------------------------------------------------------------

    async def order(self, listed: Instrument, order_id: str) -> Order:
        number = trigger_number(order_id)
        if number is not None:
            return decode.trigger_order(await self._trigger(number), listed)
        answer = await self._get(_ORDER.format(order_id=order_id), "order", pool=_ORDER)
        return decode.order(parse(order_decoder, answer.body, _ORDER), listed, _ORDER)

    async def _trigger(self, number: str) -> TriggerRow:
        answer = await self._get(_TRIGGER.format(order_id=number), "order", pool=_TRIGGER)
        return parse(trigger_decoder, answer.body, _TRIGGER)

    async def order_by_client_id(self, listed: Instrument, client_id: str) -> Order:
        """By the exchange's own look-up (while open, and 60 s more), then among the orders that finished lately."""
        number = self._triggers.number(client_id)
        if number is not None:
            return await self._as_order(await self._trigger(number), listed)
        try:
            return await self.order(listed, client_id)
        except OrderNotFoundException as not_found:
            asked = {**_contract(listed), "status": _FINISHED, "limit": str(_OPEN_PAGE)}
            answer = await self._get(_ORDERS, "order", asked)
            finished = parse(orders_decoder, answer.body, _ORDERS)
            for row in finished:
                if row.text == client_id:
                    return decode.order(row, listed, _ORDERS)
            if self._triggers.may_trigger(client_id):
                for status in ("open", _FINISHED):
                    for trigger in await self._trigger_rows(listed, status):
                        if trigger.initial.text == client_id:
                            return await self._as_order(trigger, listed)
            raise not_found

    async def _as_order(self, trigger: TriggerRow, listed: Instrument) -> Order:
        """A trigger order with a client order id: itself until it fires, then the order that it became."""
        became = decode.fired(trigger)
        return decode.trigger_order(trigger, listed) if became is None else await self.order(listed, became)

    async def open_orders(self, listed: Instrument | None) -> list[Order]:
        found: list[Order] = []
        rows: list[OrderRow] = []
        offset = 0
        asked = {"status": "open", "limit": str(_OPEN_PAGE), **({} if listed is None else _contract(listed))}
        while offset == len(rows):
            answer = await self._get(_ORDERS, "open_orders", {**asked, "offset": str(offset)})
            page = parse(orders_decoder, answer.body, _ORDERS)
            rows += page
            offset += _OPEN_PAGE
        for row in rows:
            symbol = self._catalogue.by_native(row.contract, MarketType.FUTURES)
            if symbol is not None:
                found.append(decode.order(row, self._catalogue[symbol], _ORDERS))
        for trigger in await self._trigger_rows(listed, "open"):
            symbol = self._catalogue.by_native(trigger.initial.contract, MarketType.FUTURES)
            if symbol is not None:
                found.append(decode.trigger_order(trigger, self._catalogue[symbol]))
        return unique(found)

    async def history(self, listed: Instrument, start_ts: int, end_ts: int) -> list[Order]:
        """Orders that were cancelled without a fill are forgotten by the exchange after ten minutes.

        Whether the range of the list is about the beginning or the end of orders is not documented, so all since
        ``start_ts`` is read.
        """

        async def fetch(from_s: int, to_s: int, page: int) -> list[OrderRow]:
            answer = await self._get(_RANGE, "order_history", _page(listed, from_s, to_s, page))
            return parse(orders_decoder, answer.body, _RANGE)

        rows = await newest_first(
            fetch,
            key=lambda row: str(row.id),
            second=None,
            start_s=start_ts // NANOSECONDS,
            end_s=self._connection.until_s(),
            window_s=HISTORY_WINDOW_S,
            page_size=PAGE,
        )
        orders = [decode.order(row, listed, _RANGE) for row in rows if row.status == _FINISHED]
        return unique([order for order in orders if start_ts <= order.created_ts < end_ts])

    async def fills(self, listed: Instrument | None, start_ts: int, end_ts: int, order_id: str | None) -> list[Fill]:
        received_ns = 0

        async def fetch(from_s: int, to_s: int, page: int) -> list[FillRow]:
            nonlocal received_ns
            answer = await self._get(_FILLS, "fills", _page(listed, from_s, to_s, page))
            received_ns = answer.received_ns
            return parse(fills_decoder, answer.body, _FILLS)

        rows = await newest_first(
            fetch,
            key=lambda row: (row.contract, str(row.trade_id or row.id), str(row.order_id)),
            second=lambda row: when(_FILLS, row.create_time_ms, row.create_time) // NANOSECONDS,
            start_s=start_ts // NANOSECONDS,
            end_s=self._connection.until_s(end_ts),
            window_s=HISTORY_WINDOW_S,
            page_size=PAGE,
        )
        found = []
        for row in rows:
            symbol = self._catalogue.by_native(row.contract, MarketType.FUTURES)
            if symbol is not None and order_id in (None, str(row.order_id)):
                found.append(decode.fill(row, self._catalogue[symbol], received_ns, _FILLS))
        within = [fill for fill in found if start_ts <= fill.exchange_ts < end_ts]
        return sorted(within, key=lambda fill: (fill.exchange_ts, trade_number(fill)))

    async def _trigger_rows(self, listed: Instrument | None, status: str) -> list[TriggerRow]:
        """Trigger orders; of the finished ones the newest page."""
        found: list[TriggerRow] = []
        asked = {"status": status, "limit": str(_OPEN_PAGE), **({} if listed is None else _contract(listed))}
        while True:
            answer = await self._get(_TRIGGERS, "open_orders", {**asked, "offset": str(len(found))})
            rows = parse(triggers_decoder, answer.body, _TRIGGERS)
            found += rows
            if len(rows) < _OPEN_PAGE or status != "open":
                return found

    # ---- inside ------------------------------------------------------------------------------------------------------

    async def _get(
        self, path: str, operation: str, params: Mapping[str, str] | None = None, *, pool: str | None = None
    ) -> RestResponse:
        costs = {self._limits.endpoint("GET", pool or path): 1}
        return await self._connection.call("GET", path, operation, costs, params=params, headers=SIZE_DECIMAL)

    async def _order_in(self, method: str, path: str, operation: str, body: object, *, count: int = 1) -> RestResponse:
        return await self._connection.call(
            method,
            path,
            operation,
            {self._limits.futures_orders(): count},
            body=body,
            headers={**SIZE_DECIMAL, EXPIRY_HEADER: f"{self._validity:g}"},
            priority=Priority.PLACE,
            max_wait=self._validity,
        )

    async def _cancelling(self, path: str, operation: str, params: Mapping[str, str]) -> RestResponse:
        return await self._connection.call(
            "DELETE",
            path,
            operation,
            {self._limits.futures_cancels(): 1},
            params=params,
            headers=SIZE_DECIMAL,
            priority=Priority.CANCEL,
            idempotent=True,
        )


def _contract(listed: Instrument) -> dict[str, str]:
    return {"contract": listed.exchange_symbol}


def _page(listed: Instrument | None, from_s: int, to_s: int, page: int) -> dict[str, str]:
    return {
        **({} if listed is None else _contract(listed)),
        "from": str(from_s),
        "to": str(to_s),
        "limit": str(PAGE),
        "offset": str((page - 1) * PAGE),
    }
