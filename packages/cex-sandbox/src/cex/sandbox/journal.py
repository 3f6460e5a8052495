"""A record of everything that happened, as JSON lines: requests, connections, orders, fills, faults. Never a secret."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import IO, Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec
from aiohttp import web

from cex.common.clock import Clock
from cex.sandbox.accounts.directory import Directory
from cex.sandbox.accounts.events import FillEvent, OrderEvent
from cex.sandbox.accounts.futures.events import FuturesFillEvent, FuturesOrderEvent
from cex.sandbox.faults.rules import Fault
from cex.sandbox.venues.connection import Connection

__all__ = ["CORRELATION_HEADER", "Journal"]

CORRELATION_HEADER = "X-Correlation-Id"
"""What a client may send with a request so that its own log and this record tell of it by one name."""

_KEPT = 10_000
_SECRET = frozenset({"signature", "listenkey", "sign", "api_key", "apikey", "secret", "key", "token", "secretkey"})
_LONGEST = 200

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Journal:
    """Keeps the newest 10,000 entries, and writes all of them to ``path`` where one is given.

    Each entry has ``number`` (from 1), ``at_ns`` (wall time), ``event`` (``request connected disconnected order fill
    fault``) and ``venue``. Query parameters that sign or identify are left out; an API key is told by the uid of its
    account.
    """

    def __init__(self, clock: Clock, path: str | Path | None = None) -> None:
        self._clock = clock
        self._path = None if path is None else Path(path)
        self._file: IO[bytes] | None = None
        self._notes: deque[_Note] = deque(maxlen=_KEPT)
        self._number = 0

    def open(self) -> None:
        """Begin to write. Raises OSError when the file cannot be written."""
        if self._path is not None and self._file is None:
            self._file = self._path.open("wb")

    def close(self) -> None:
        """Write what is left."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def entries(self, after: int = 0) -> list[dict[str, Any]]:
        """The entries that are kept, with a number above ``after``, oldest first."""
        return [_entry(note) for note in self._notes if note.number > after]

    def add(self, event: str, venue: str, **facts: Any) -> None:
        """Take down one entry."""
        self._note(event, venue, facts)

    def _note(self, event: str, venue: str, facts: Any) -> None:
        """``facts`` become words when somebody reads them: most never are read."""
        self._number += 1
        note = _Note(self._number, self._clock.time_ns(), event, venue, facts)
        self._notes.append(note)
        if self._file is not None:
            self._file.write(msgspec.json.encode(_entry(note), enc_hook=str) + b"\n")

    # --- what there is to hear ---------------------------------------------------------------------------------------

    def middleware(self, venue: str, directory: Directory) -> Any:
        """Takes down every request of a venue with the status of its answer."""

        @web.middleware
        async def record(request: web.Request, handler: Handler) -> web.StreamResponse:
            headers = request.headers
            if "Upgrade" in headers:
                return await handler(request)
            started = self._clock.monotonic_ns()
            status: int | str = "no answer"
            try:
                answer = await handler(request)
                status = answer.status
                return answer
            except asyncio.CancelledError:
                status = "cancelled"
                raise
            finally:
                took_us = (self._clock.monotonic_ns() - started) // 1000
                key = headers.get("X-MEXC-APIKEY") or headers.get("KEY")
                caller = directory.by_key(key) if key is not None else None
                uid = None if caller is None else caller[0].uid
                told = headers.get(CORRELATION_HEADER)
                facts = _Request(request.method, request.path, request.query_string, status, took_us, uid, told)
                self._note("request", venue, facts)

        return record

    def connected(self, venue: str, connection: Connection) -> None:
        """A WebSocket was opened."""
        self.add("connected", venue, connection=connection.id, path=connection.path)

    def disconnected(self, venue: str, connection: Connection) -> None:
        """A WebSocket is gone."""
        self.add("disconnected", venue, connection=connection.id)

    def struck(self, fault: Fault, number: int, what: str) -> None:
        """A fault struck."""
        self.add("fault", fault.venue or "", kind=fault.kind, id=number, what=what)

    def account_event(self, venue: str, event: object) -> None:
        """Something happened to an account; balances and positions follow from orders and fills."""
        if isinstance(event, (OrderEvent, FuturesOrderEvent)):
            self._note("order", venue, event)
        elif isinstance(event, (FillEvent, FuturesFillEvent)):
            self._note("fill", venue, event)


class _Note(NamedTuple):
    """An entry before it is put into words."""

    number: int
    at_ns: int
    event: str
    venue: str
    facts: Any


class _Request(NamedTuple):
    method: str
    path: str
    query: str
    status: int | str
    took_us: int
    uid: int | None
    correlation_id: str | None


def _entry(note: _Note) -> dict[str, Any]:
    facts = note.facts
    if isinstance(facts, _Request):
        facts = _of_request(facts)
    elif isinstance(facts, OrderEvent):
        facts = _of_order(facts)
    elif isinstance(facts, FuturesOrderEvent):
        facts = _of_futures_order(facts)
    elif isinstance(facts, FillEvent):
        facts = _of_fill(facts)
    elif isinstance(facts, FuturesFillEvent):
        facts = _of_futures_fill(facts)
    return {"number": note.number, "at_ns": note.at_ns, "event": note.event, "venue": note.venue, **facts}


def _of_request(request: _Request) -> dict[str, Any]:
    query = parse_qsl(request.query, keep_blank_values=True)
    return {
        "method": request.method,
        "path": request.path[:_LONGEST],
        "query": {name[:_LONGEST]: value[:_LONGEST] for name, value in query if name.lower() not in _SECRET},
        "status": request.status,
        "took_us": request.took_us,
        "uid": request.uid,
        "correlation_id": (request.correlation_id or "")[:_LONGEST] or None,
    }


def _of_order(event: OrderEvent) -> dict[str, Any]:
    order = event.order
    return {
        "uid": order.uid,
        "cause": event.cause,
        "id": order.id,
        "client_id": order.client_id,
        "symbol": str(order.symbol),
        "side": order.side,
        "price": order.price,
        "quantity": order.quantity,
        "quote_quantity": order.quote_quantity,
        "filled": order.filled,
        "finish": order.finish,
    }


def _of_futures_order(event: FuturesOrderEvent) -> dict[str, Any]:
    order = event.order
    return {
        "uid": order.uid,
        "cause": event.cause,
        "id": order.id,
        "client_id": order.text,
        "symbol": str(order.contract.symbol),
        "side": order.side,
        "price": order.price,
        "quantity": abs(order.size),
        "filled": order.filled,
        "finish": order.finish,
    }


def _of_fill(event: FillEvent) -> dict[str, Any]:
    fill = event.fill
    return {
        "uid": fill.uid,
        "order": fill.order_id,
        "id": fill.trade_id,
        "symbol": str(fill.symbol),
        "side": fill.side,
        "price": fill.price,
        "quantity": fill.quantity,
        "fee": fill.fee,
        "fee_asset": fill.fee_asset,
        "is_maker": fill.is_maker,
    }


def _of_futures_fill(event: FuturesFillEvent) -> dict[str, Any]:
    fill = event.fill
    return {
        "uid": fill.uid,
        "order": fill.order_id,
        "id": fill.trade_id,
        "symbol": str(fill.contract.symbol),
        "side": "buy" if fill.size > 0 else "sell",
        "price": fill.price,
        "quantity": abs(fill.size),
        "fee": fill.fee,
        "is_maker": fill.is_maker,
    }
