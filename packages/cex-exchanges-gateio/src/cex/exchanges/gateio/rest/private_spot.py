"""The spot account's endpoints. https://www.gate.com/docs/developers/apiv4/en/#spot."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from decimal import Decimal
from typing import Final

from cex.common.constants.system_constants import NANOSECONDS
from cex.common.exceptions import ExchangeException, OrderFinishedException, OrderNotFoundException
from cex.common.types.account import Balance, TradingFees
from cex.common.types.instruments import Instrument
from cex.common.types.orders import Fill, Order, OrderRequest
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.gateio.constants import EXPIRY_HEADER, HISTORY_WINDOW_S, PAGE
from cex.exchanges.gateio.decode import private_spot as decode
from cex.exchanges.gateio.decode.private_values import client_id as client_id_of
from cex.exchanges.gateio.decode.private_values import trigger_number, when
from cex.exchanges.gateio.decode.requests import TRIGGERED, spot_amendment, spot_order, spot_trigger
from cex.exchanges.gateio.decode.values import parse
from cex.exchanges.gateio.rest.connection import Connection
from cex.exchanges.gateio.rest.limits import AccountLimits
from cex.exchanges.gateio.rest.paging import newest_first
from cex.exchanges.gateio.rest.private_market import (
    TriggerNumbers,
    element_refusal,
    placed_trigger,
    trade_number,
    unique,
)
from cex.exchanges.gateio.wire.control import rows_decoder
from cex.exchanges.gateio.wire.private_spot import (
    FillRow,
    OrderRow,
    TriggerRow,
    accounts_decoder,
    fee_decoder,
    fills_decoder,
    open_orders_decoder,
    order_decoder,
    orders_decoder,
    trigger_decoder,
    trigger_id_decoder,
    triggers_decoder,
)
from cex.networking import Priority, RestResponse

__all__ = ["SpotAccountRest"]

_ORDERS: Final = "/spot/orders"
_ORDER: Final = "/spot/orders/{order_id}"
_BATCH: Final = "/spot/batch_orders"
_OPEN: Final = "/spot/open_orders"
_FILLS: Final = "/spot/my_trades"
_ACCOUNTS: Final = "/spot/accounts"
_TRIGGERS: Final = "/spot/price_orders"
_TRIGGER: Final = "/spot/price_orders/{order_id}"
_FEE: Final = "/wallet/fee"
_OPEN_PAGE: Final = 100
_FINISHED: Final = "finished"
_ACCOUNT: Final = "spot"
"""Which wallet orders draw on; of a unified account the exchange takes it as ``unified``."""
_TEXT_LOOKBACK_S: Final = 3600
"""How far back a finished order is looked for by its client id, which the exchange itself forgets with its end."""


class SpotAccountRest:
    """Asks about the spot wallet and its orders; ``validity`` is in seconds, as ``X-Gate-Exptime`` is to grant it."""

    def __init__(
        self,
        connection: Connection,
        limits: AccountLimits,
        catalogue: InstrumentCatalogue,
        *,
        is_unified: Callable[[], Awaitable[bool]],
        validity: float,
    ) -> None:
        self._connection = connection
        self._limits = limits
        self._catalogue = catalogue
        self._is_unified = is_unified
        self._validity = validity
        self._triggers = TriggerNumbers()

    async def balances(self) -> list[Balance]:
        answer = await self._get(_ACCOUNTS, "balances")
        rows = parse(accounts_decoder, answer.body, _ACCOUNTS)
        return [balance for row in rows if (balance := decode.balance(row)).total]

    async def fees(self, listed: Instrument) -> TradingFees:
        answer = await self._get(_FEE, "fees", {"currency_pair": listed.exchange_symbol})
        return decode.fees(parse(fee_decoder, answer.body, _FEE), listed)

    # ---- orders in ---------------------------------------------------------------------------------------------------

    async def place(self, request: OrderRequest, listed: Instrument) -> Order:
        if request.order_type in TRIGGERED:
            return await self._place_trigger(request, listed)
        self._triggers.ordinary(request.client_order_id)
        body = spot_order(request, listed, _ACCOUNT)
        answer = await self._order_in("POST", _ORDERS, "place_order", {listed.exchange_symbol: 1}, body=body)
        return decode.order(parse(order_decoder, answer.body, _ORDERS), listed, _ORDERS)

    async def place_batch(self, requests: Sequence[tuple[OrderRequest, Instrument]]) -> list[Order | ExchangeException]:
        """One request; the outcomes in the order of ``requests``, none of which is a trigger order."""
        body = [spot_order(request, listed, _ACCOUNT) for request, listed in requests]
        pairs: dict[str, int] = {}
        for request, listed in requests:
            self._triggers.ordinary(request.client_order_id)
            pairs[listed.exchange_symbol] = pairs.get(listed.exchange_symbol, 0) + 1
        answer = await self._order_in("POST", _BATCH, "place_orders", pairs, body=body)
        outcomes: list[Order | ExchangeException] = []
        rows = parse(rows_decoder, answer.body, _BATCH)
        for (_, listed), row in zip(requests, rows, strict=True):
            refused = element_refusal(row, answer, _BATCH)
            if refused is None:
                outcomes.append(decode.order(parse(order_decoder, bytes(row), _BATCH), listed, _BATCH))
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
            answer = await self._cancelling(_ORDER.format(order_id=order_id), "cancel_order", _pair(listed))
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
        return next((str(row.id) for row in waiting if row.put.text == client_id), None)

    async def cancel_all(self, listed: Instrument) -> list[Order]:
        every = {**_pair(listed), "account": _ACCOUNT}  # without the account, margin's orders would go too
        answer = await self._cancelling(_ORDERS, "cancel_all_orders", every)
        cancelled = [
            decode.order(parse(order_decoder, bytes(row), _ORDERS), listed, _ORDERS)
            for row in parse(rows_decoder, answer.body, _ORDERS)
            if element_refusal(row, answer, _ORDERS) is None
        ]
        triggers = {"market": listed.exchange_symbol, "account": await self._trigger_account()}
        answer = await self._cancelling(_TRIGGERS, "cancel_all_orders", triggers)
        rows = parse(triggers_decoder, answer.body, _TRIGGERS)
        return cancelled + [decode.trigger_order(row, listed) for row in rows]

    async def amend(self, listed: Instrument, order_id: str, price: Decimal | None, quantity: Decimal | None) -> Order:
        answer = await self._order_in(
            "PATCH",
            _ORDER.format(order_id=order_id),
            "amend_order",
            {listed.exchange_symbol: 1},
            body=spot_amendment(price, quantity),
            params=_pair(listed),
        )
        return decode.order(parse(order_decoder, answer.body, _ORDER), listed, _ORDER)

    async def _place_trigger(self, request: OrderRequest, listed: Instrument) -> Order:
        body = spot_trigger(request, listed, await self._trigger_account())
        answer = await self._order_in("POST", _TRIGGERS, "place_order", {listed.exchange_symbol: 1}, body=body)
        number = parse(trigger_id_decoder, answer.body, _TRIGGERS).id
        self._triggers.triggers(request.client_order_id, number)
        return placed_trigger(request, number, self._connection.server_time.now_ns())

    # ---- orders asked for --------------------------------------------------------------------------------------------

    async def order(self, listed: Instrument, order_id: str) -> Order:
        number = trigger_number(order_id)
        if number is not None:
            return decode.trigger_order(await self._trigger(number), listed)
        answer = await self._get(_ORDER.format(order_id=order_id), "order", _pair(listed), pool=_ORDER)
        return decode.order(parse(order_decoder, answer.body, _ORDER), listed, _ORDER)

    async def _trigger(self, number: str) -> TriggerRow:
        answer = await self._get(_TRIGGER.format(order_id=number), "order", pool=_TRIGGER)
        return parse(trigger_decoder, answer.body, _TRIGGER)

    async def order_by_client_id(self, listed: Instrument, client_id: str) -> Order:
        """By the exchange's own look-up while the order is open, then among the orders that finished lately."""
        number = self._triggers.number(client_id)
        if number is not None:
            return await self._as_order(await self._trigger(number), listed)
        try:
            return await self.order(listed, client_id)
        except OrderNotFoundException as not_found:
            now_s = self._connection.server_time.now_ns() // NANOSECONDS
            for row in await self._finished(listed, now_s - _TEXT_LOOKBACK_S):
                if row.text == client_id:
                    return decode.order(row, listed, _ORDERS)
            if self._triggers.may_trigger(client_id):
                for status in ("open", _FINISHED):
                    for trigger in await self._trigger_rows(listed, status):
                        if trigger.put.text == client_id:
                            return await self._as_order(trigger, listed)
            raise not_found

    async def _as_order(self, trigger: TriggerRow, listed: Instrument) -> Order:
        """A trigger order with a client order id: itself until it fires, then the order that it became."""
        became = decode.fired(trigger)
        return decode.trigger_order(trigger, listed) if became is None else await self.order(listed, became)

    async def open_orders(self, listed: Instrument | None) -> list[Order]:
        found: list[Order] = []
        page, full = 1, True
        while full:
            rows, full = await self._open_page(listed, page)
            for row in rows:
                symbol = self._catalogue.by_native(row.currency_pair)
                if symbol is not None:
                    found.append(decode.order(row, self._catalogue[symbol], _OPEN))
            page += 1
        for trigger in await self._trigger_rows(listed, "open"):
            symbol = self._catalogue.by_native(trigger.market)
            if symbol is not None:
                found.append(decode.trigger_order(trigger, self._catalogue[symbol]))
        return unique(found)

    async def history(self, listed: Instrument, start_ts: int, end_ts: int) -> list[Order]:
        """The list is by the end of the orders, so everything that ended since ``start_ts`` is read."""
        rows = await self._finished(listed, start_ts // NANOSECONDS)
        orders = [decode.order(row, listed, _ORDERS) for row in rows]
        return unique([order for order in orders if start_ts <= order.created_ts < end_ts])

    async def fills(self, listed: Instrument | None, start_ts: int, end_ts: int, order_id: str | None) -> list[Fill]:
        asked = {} if listed is None else _pair(listed)
        if order_id is not None:
            asked["order_id"] = order_id
        received_ns = 0

        async def fetch(from_s: int, to_s: int, page: int) -> list[FillRow]:
            nonlocal received_ns
            params = {**asked, "from": str(from_s), "to": str(to_s), "limit": str(PAGE), "page": str(page)}
            answer = await self._get(_FILLS, "fills", params)
            received_ns = answer.received_ns
            return parse(fills_decoder, answer.body, _FILLS)

        def second(row: FillRow) -> int:
            return when(_FILLS, row.create_time_ms, row.create_time) // NANOSECONDS

        rows = await newest_first(
            fetch,
            key=lambda row: (row.currency_pair, str(row.id), str(row.order_id)),
            second=second,
            start_s=start_ts // NANOSECONDS,
            end_s=self._connection.until_s(end_ts),
            window_s=HISTORY_WINDOW_S,
            page_size=PAGE,
        )
        found = []
        for row in rows:
            symbol = self._catalogue.by_native(row.currency_pair)
            if symbol is not None:
                found.append(decode.fill(row, self._catalogue[symbol], received_ns, _FILLS))
        within = [fill for fill in found if start_ts <= fill.exchange_ts < end_ts]
        return sorted(within, key=lambda fill: (fill.exchange_ts, trade_number(fill)))

    async def _finished(self, listed: Instrument, since_s: int) -> list[OrderRow]:
        """The orders that ended from ``since_s`` on."""

        async def fetch(from_s: int, to_s: int, page: int) -> list[OrderRow]:
            params = {
                **_pair(listed),
                "status": _FINISHED,
                "from": str(from_s),
                "to": str(to_s),
                "limit": str(PAGE),
                "page": str(page),
            }
            answer = await self._get(_ORDERS, "order_history", params)
            return parse(orders_decoder, answer.body, _ORDERS)

        return await newest_first(
            fetch,
            key=lambda row: str(row.id),
            second=lambda row: when(_ORDERS, row.update_time_ms, row.update_time) // NANOSECONDS,
            start_s=since_s,
            end_s=self._connection.until_s(),
            window_s=HISTORY_WINDOW_S,
            page_size=PAGE,
        )

    async def _open_page(self, listed: Instrument | None, page: int) -> tuple[list[OrderRow], bool]:
        """One page of open orders, and whether another one may follow; without a pair, of each pair so many."""
        paging = {"page": str(page), "limit": str(_OPEN_PAGE)}
        if listed is not None:
            answer = await self._get(_ORDERS, "open_orders", {**_pair(listed), "status": "open", **paging})
            rows = parse(orders_decoder, answer.body, _ORDERS)
            return rows, len(rows) >= _OPEN_PAGE
        answer = await self._get(_OPEN, "open_orders", paging)
        pairs = parse(open_orders_decoder, answer.body, _OPEN)
        return [row for pair in pairs for row in pair.orders], any(len(pair.orders) >= _OPEN_PAGE for pair in pairs)

    async def _trigger_rows(self, listed: Instrument | None, status: str) -> list[TriggerRow]:
        """Trigger orders; of the finished ones the newest page."""
        found: list[TriggerRow] = []
        asked = {"status": status, "limit": str(_OPEN_PAGE)}
        if listed is not None:
            asked["market"] = listed.exchange_symbol
        while True:
            answer = await self._get(_TRIGGERS, "open_orders", {**asked, "offset": str(len(found))})
            rows = parse(triggers_decoder, answer.body, _TRIGGERS)
            found += rows
            if len(rows) < _OPEN_PAGE or status != "open":
                return found

    # ---- inside ------------------------------------------------------------------------------------------------------

    async def _trigger_account(self) -> str:
        return "unified" if await self._is_unified() else "normal"

    async def _get(
        self, path: str, operation: str, params: Mapping[str, str] | None = None, *, pool: str | None = None
    ) -> RestResponse:
        costs = {self._limits.endpoint("GET", pool or path): 1}
        return await self._connection.call("GET", path, operation, costs, params=params)

    async def _order_in(
        self,
        method: str,
        path: str,
        operation: str,
        pairs: Mapping[str, int],
        *,
        body: object,
        params: Mapping[str, str] | None = None,
    ) -> RestResponse:
        return await self._connection.call(
            method,
            path,
            operation,
            {self._limits.spot_orders(pair): count for pair, count in pairs.items()},
            params=params,
            body=body,
            headers={EXPIRY_HEADER: f"{self._validity:g}"},
            priority=Priority.PLACE,
            max_wait=self._validity,
        )

    async def _cancelling(self, path: str, operation: str, params: Mapping[str, str]) -> RestResponse:
        costs = {self._limits.spot_cancels(): 1}
        return await self._connection.call(
            "DELETE", path, operation, costs, params=params, priority=Priority.CANCEL, idempotent=True
        )


def _pair(listed: Instrument) -> dict[str, str]:
    return {"currency_pair": listed.exchange_symbol}
