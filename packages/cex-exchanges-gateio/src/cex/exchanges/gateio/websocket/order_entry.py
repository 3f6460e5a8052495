"""Orders by the WebSocket order API, behind the same calls and errors as by REST; counted in the same rate pools."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Protocol, Unpack

from cex.common.clock import SYSTEM_CLOCK
from cex.common.constants.network_constants import CONNECT_TIMEOUT_S
from cex.common.constants.system_constants import NANOSECONDS
from cex.common.enums import MarketType, Side
from cex.common.exceptions import (
    ExchangeException,
    OrderNotFoundException,
    RateLimitException,
    TimestampException,
)
from cex.common.types.instruments import Instrument
from cex.common.types.orders import Order, OrderRequest
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.interfaces import OrderEntry
from cex.exchanges.base.offers import not_offered
from cex.exchanges.base.streams.client import EngineOptions
from cex.exchanges.gateio.constants import EXCHANGE, ORDER_WINDOW_S, SIZE_DECIMAL
from cex.exchanges.gateio.decode import private_futures, private_spot
from cex.exchanges.gateio.decode.requests import (
    TRIGGERED,
    Body,
    batches,
    futures_amendment,
    futures_order,
    one_id,
    spot_amendment,
    spot_order,
)
from cex.exchanges.gateio.decode.values import parse
from cex.exchanges.gateio.errors import RequestFacts, rejection
from cex.exchanges.gateio.signing import GateioStreamSigner
from cex.exchanges.gateio.websocket.order_api import ANSWER_TIMEOUT_S, ApiAnswer, OrderApi
from cex.exchanges.gateio.wire import private_futures as futures_wire
from cex.exchanges.gateio.wire import private_spot as spot_wire
from cex.exchanges.gateio.wire.control import rows_decoder
from cex.exchanges.gateio.wire.order_api import ApiHeader
from cex.networking import Priority, RateLimiter

__all__ = ["EntryAccount", "EntryLimits", "GateioOrderEntry"]

_FUTURES = MarketType.FUTURES
_REFUSED = 400


class EntryLimits(Protocol):
    """The rate pools of an account."""

    @property
    def limiter(self) -> RateLimiter: ...

    def spot_orders(self, pair: str) -> str: ...

    def spot_cancels(self) -> str: ...

    def futures_orders(self) -> str: ...


class EntryAccount(Protocol):
    """What order entry asks of the account by REST; ``GateioPrivateRestClient`` is one."""

    @property
    def instruments(self) -> InstrumentCatalogue: ...

    @property
    def limits(self) -> EntryLimits: ...

    @property
    def order_validity_s(self) -> float: ...

    def exchange_now_ns(self) -> int: ...

    async def server_time(self) -> int: ...

    async def is_dual_for(self, request: OrderRequest) -> bool:
        """Whether the account holds long and short positions apart, where ``request`` depends on it."""

    async def place_order(self, request: OrderRequest) -> Order: ...

    async def cancel_order(
        self, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Order: ...

    async def aclose(self) -> None: ...


class GateioOrderEntry(OrderEntry):
    """Places, cancels and amends on a connection of each market; trigger orders go in by REST.

    A request that was sent and not answered ends as UnknownOutcomeException; nothing is sent twice. ``engine`` are the
    options of the streams' connections, as far as they concern one that only asks.
    """

    exchange = EXCHANGE

    def __init__(
        self,
        urls: Mapping[MarketType, str],
        *,
        signer: GateioStreamSigner,
        account: EntryAccount,
        answer_timeout: float = ANSWER_TIMEOUT_S,
        **engine: Unpack[EngineOptions],
    ) -> None:
        self._account = account
        own_headers = engine.get("headers") or {}
        self._apis = {
            market: OrderApi(
                url,
                str(market),
                signer,
                now_ns=account.exchange_now_ns,
                measure_time=account.server_time,
                transport=engine.get("transport"),
                headers={**own_headers, **(SIZE_DECIMAL if market is _FUTURES else {})},
                budget=engine.get("budget"),
                connect_timeout=engine.get("connect_timeout", CONNECT_TIMEOUT_S),
                answer_timeout=answer_timeout,
                tap=engine.get("tap"),
                clock=engine.get("clock", SYSTEM_CLOCK),
            )
            for market, url in urls.items()
        }

    def serves(self, market: MarketType) -> bool:
        return market in self._apis and self._apis[market].available

    async def place_order(self, request: OrderRequest) -> Order:
        """``spot.order_place`` or ``futures.order_place``; the outcome is that of the second answer.

        A trigger order is placed by REST, the only road that takes it.
        """
        if request.order_type in TRIGGERED:
            return await self._account.place_order(request)
        (body,), listed = await self._bodies([request]), self._account.instruments[request.symbol]
        if _is_spot(listed):
            channel, costs = "spot.order_place", {self._account.limits.spot_orders(listed.exchange_symbol): 1}
        else:
            channel, costs = "futures.order_place", {self._account.limits.futures_orders(): 1}
        answer = await self._ask(listed, channel, body, "place_order", costs, Priority.PLACE)
        return _order(answer.result, listed, channel, request.side)

    async def place_orders(self, requests: Sequence[OrderRequest]) -> list[Order | ExchangeException]:
        """``spot.order_place`` with a list, or ``futures.order_batch_place``."""
        outcomes: dict[int, Order | ExchangeException] = {}
        for batch in batches(requests):
            try:
                told = await self._place_batch([requests[index] for index in batch])
            except ExchangeException as error:
                told = [error] * len(batch)
            outcomes.update(zip(batch, told, strict=True))
        return [outcomes[index] for index in range(len(requests))]

    async def cancel_order(
        self, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Order:
        """``spot.order_cancel`` or ``futures.order_cancel``, which counts as an order there.

        A client order id that is not found may be that of a trigger order, which is cancelled by REST.
        """
        listed, asked = self._account.instruments[symbol], one_id(order_id, client_order_id)
        if _is_spot(listed):
            channel, costs = "spot.order_cancel", {self._account.limits.spot_cancels(): 1}
            body = {"order_id": asked, "currency_pair": listed.exchange_symbol}
        else:
            channel, costs = "futures.order_cancel", {self._account.limits.futures_orders(): 1}
            body = {"order_id": asked}
        try:
            answer = await self._ask(listed, channel, body, "cancel_order", costs, Priority.CANCEL, expires=False)
        except OrderNotFoundException:
            if client_order_id is None:
                raise
            return await self._account.cancel_order(symbol, client_order_id=client_order_id)  # REST knows triggers
        return _order(answer.result, listed, channel)

    async def amend_order(
        self,
        symbol: str,
        *,
        order_id: str | None = None,
        client_order_id: str | None = None,
        price: Decimal | None = None,
        quantity: Decimal | None = None,
    ) -> Order:
        """``spot.order_amend`` or ``futures.order_amend``, where a new size first asks for the order's side."""
        listed, asked = self._account.instruments[symbol], one_id(order_id, client_order_id)
        if price is None and quantity is None:
            raise ValueError("give a price or a quantity to change")
        if _is_spot(listed):
            costs = {self._account.limits.spot_orders(listed.exchange_symbol): 1}
            body = {"order_id": asked, "currency_pair": listed.exchange_symbol, **spot_amendment(price, quantity)}
            answer = await self._ask(listed, "spot.order_amend", body, "amend_order", costs, Priority.PLACE)
            return _order(answer.result, listed, "spot.order_amend")
        costs = {self._account.limits.futures_orders(): 1}
        side = None
        if quantity is not None:
            status = {"order_id": asked}
            answer = await self._ask(listed, "futures.order_status", status, "order", costs, Priority.PLACE)
            side = _order(answer.result, listed, "futures.order_status").side
        body = {"order_id": asked, **futures_amendment(price, quantity, side, listed)}
        answer = await self._ask(listed, "futures.order_amend", body, "amend_order", costs, Priority.PLACE)
        return _order(answer.result, listed, "futures.order_amend")

    async def aclose(self) -> None:
        await asyncio.gather(*(api.aclose() for api in self._apis.values()))

    # ---- inside ------------------------------------------------------------------------------------------------------

    async def _place_batch(self, requests: Sequence[OrderRequest]) -> list[Order | ExchangeException]:
        if len(requests) == 1:
            return [await self.place_order(requests[0])]
        bodies, listed = await self._bodies(requests), [self._account.instruments[each.symbol] for each in requests]
        limits = self._account.limits
        costs: dict[str, int] = {}
        for each in listed:
            pool = limits.spot_orders(each.exchange_symbol) if _is_spot(each) else limits.futures_orders()
            costs[pool] = costs.get(pool, 0) + 1
        channel = "spot.order_place" if _is_spot(listed[0]) else "futures.order_batch_place"
        answer = await self._ask(listed[0], channel, bodies, "place_orders", costs, Priority.PLACE)
        rows = parse(rows_decoder, answer.result, channel)
        return [
            _element(bytes(row), instrument, channel, request)
            for row, instrument, request in zip(rows, listed, requests, strict=True)
        ]

    async def _bodies(self, requests: Sequence[OrderRequest]) -> list[Body]:
        bodies = []
        for request in requests:
            listed = self._account.instruments[request.symbol]
            if _is_spot(listed):
                bodies.append(spot_order(request, listed, "spot"))
            else:
                is_dual = await self._account.is_dual_for(request)
                bodies.append(futures_order(request, listed, is_dual=is_dual))
        return bodies

    async def _ask(
        self,
        listed: Instrument,
        channel: str,
        body: object,
        operation: str,
        costs: Mapping[str, int],
        priority: Priority,
        *,
        expires: bool = True,
    ) -> ApiAnswer:
        """Ask; what is refused for its time had no effect, and is asked once more with the time measured anew."""
        api = self._apis.get(listed.symbol.market_type)
        if api is None:
            raise not_offered(EXCHANGE, f"orders of {listed.symbol} by WebSocket", ("REST",), operation=operation)
        known = api.measurements
        try:
            return await self._ask_once(api, channel, body, operation, costs, priority, expires)
        except TimestampException:
            if not await api.measure_again(known):
                raise
        return await self._ask_once(api, channel, body, operation, costs, priority, expires)

    async def _ask_once(
        self,
        api: OrderApi,
        channel: str,
        body: object,
        operation: str,
        costs: Mapping[str, int],
        priority: Priority,
        expires: bool,
    ) -> ApiAnswer:
        """Wait for the budget as long as the order would be valid, ask, and tell the limiter what is left."""
        account = self._account
        limiter, validity = account.limits.limiter, account.order_validity_s
        try:
            async with asyncio.timeout(validity):
                await limiter.acquire(costs, priority)
        except TimeoutError as error:
            raise RateLimitException(
                f"not sent: no budget within {validity:g} s", EXCHANGE, operation=operation, endpoint=channel, attempt=1
            ) from error
        try:
            answer = await api.request(channel, body, operation=operation, valid_s=validity if expires else None)
        except RateLimitException as error:
            for pool in costs:
                limiter.pause(pool, ORDER_WINDOW_S, error.message)
            raise
        left, until_ms = answer.limits.x_gate_ratelimit_requests_remain, _reset(answer.limits)
        if left is not None:
            seconds = None if until_ms is None else until_ms / 1000 - account.exchange_now_ns() / NANOSECONDS
            for pool in costs:
                limiter.feedback(pool, left, seconds if seconds is not None and seconds > 0 else None)
        return answer


def _is_spot(listed: Instrument) -> bool:
    return listed.symbol.market_type is MarketType.SPOT


def _reset(header: ApiHeader) -> int | None:
    """When the window of the limit ends, in milliseconds; the name is misspelled in places."""
    return header.x_gate_ratelimit_reset_timestamp or header.x_gat_ratelimit_reset_timestamp


def _order(result: bytes, listed: Instrument, channel: str, asked_side: Side | None = None) -> Order:
    if _is_spot(listed):
        return private_spot.order(parse(spot_wire.order_decoder, result, channel), listed, channel)
    row = parse(futures_wire.order_decoder, result, channel)
    return private_futures.order(row, listed, channel, asked_side=asked_side)


def _element(result: bytes, listed: Instrument, channel: str, request: OrderRequest) -> Order | ExchangeException:
    """How one order of a batch fared."""
    fared = parse(spot_wire.batch_decoder, result, channel)
    if fared.succeeded is not False:
        return _order(result, listed, channel, request.side)
    return rejection(
        status=_REFUSED,
        label=fared.label or None,
        message=fared.message or fared.detail or "",
        is_read=False,
        facts=RequestFacts(operation="place_orders", endpoint=channel, attempt=1),
    )
