"""The control API: faults and the truth over HTTP, below ``/_sandbox`` on every port, for this machine only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from decimal import Decimal, InvalidOperation
from typing import Any, NamedTuple, Protocol

import msgspec
from aiohttp import web

from cex.common.enums import Side, TimeInForce
from cex.sandbox.faults.kinds import KINDS, FaultError
from cex.sandbox.faults.rules import Fault, FaultStatus
from cex.sandbox.faults.switchboard import Faults
from cex.sandbox.hosting import is_loopback
from cex.sandbox.journal import Journal
from cex.sandbox.market.simulation import Market, TrueBook

__all__ = ["PREFIX", "Control", "Truth"]

PREFIX = "/_sandbox"
_DEPTH = 20

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_Route = Callable[[web.Request], Awaitable[object]]


class Truth(Protocol):
    """What the sandbox says of itself."""

    @property
    def seed(self) -> int: ...

    @property
    def connections(self) -> dict[str, int]: ...

    def announcement(self) -> dict[str, Any]: ...

    def account_states(self, venue: str) -> list[dict[str, Any]]:
        """Balances, open orders and positions of every account."""
        ...

    def now_ns(self, venue: str) -> int:
        """The wall time that a venue goes by."""
        ...


class _No(Exception):
    """A request that cannot be answered: the status, what is wrong, and what to do."""

    def __init__(self, status: int, error: str, remedy: str) -> None:
        super().__init__(error)
        self.status = status
        self.error = error
        self.remedy = remedy


class _Answer(NamedTuple):
    status: int
    body: object


class Control:
    """Answers below ``/_sandbox``; what it says is JSON, refusals too: ``{"error": ..., "remedy": ...}``."""

    def __init__(self, sandbox: Truth, market: Market, faults: Faults, journal: Journal) -> None:
        self._sandbox = sandbox
        self._market = market
        self._faults = faults
        self._journal = journal
        self._routes: Mapping[tuple[str, str], tuple[_Route, str]] = {
            ("GET", ""): (self._index, "what there is here"),
            ("GET", "kinds"): (self._kinds, "every kind of fault, and what can be set about it"),
            ("GET", "faults"): (self._listed, "the faults that were added, and how often each kind struck"),
            ("POST", "faults"): (self._add, "add one fault (an object) or several (a list)"),
            ("DELETE", "faults"): (self._clear, "remove every fault"),
            ("GET", "faults/{id}"): (self._one, "one fault"),
            ("DELETE", "faults/{id}"): (self._remove, "remove one fault, and take back what it did"),
            ("GET", "state"): (self._state, "the true books and accounts; query: venue, symbol, depth (0: all)"),
            ("GET", "book"): (
                self._true_book,
                "a true book; query: venue, symbol, update_id (0: newest), depth",
            ),
            ("POST", "orders"): (self._order, "an order of the crowd: venue, symbol, side, quantity, price, ..."),
            ("GET", "journal"): (self._entries, "what happened; query: after (a number), limit"),
        }

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer what is below ``/_sandbox``, and let everything else through."""
        if request.path == PREFIX or request.path.startswith(f"{PREFIX}/"):
            return await self.handle(request)
        return await handler(request)

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one request."""
        try:
            if not is_loopback(request):
                raise _No(403, "the control API is for this machine only", "call it from where the sandbox runs")
            path = request.path.removeprefix(PREFIX).strip("/")
            head, _, number = path.partition("/")
            found = self._routes.get((request.method, f"{head}/{{id}}" if number else head))
            if found is None:
                known = ", ".join(f"{method} {PREFIX}/{route}".rstrip("/") for method, route in self._routes)
                raise _No(404, f"there is no {request.method} {request.path}", f"there are {known}")
            body = await found[0](request)
        except _No as no:
            body = _Answer(no.status, {"error": no.error, "remedy": no.remedy})
        answer = body if isinstance(body, _Answer) else _Answer(200, body)
        encoded = msgspec.json.encode(answer.body, enc_hook=str)
        return web.Response(status=answer.status, body=encoded, content_type="application/json")

    async def _index(self, _: web.Request) -> object:
        routes = {f"{method} {PREFIX}/{path}".rstrip("/"): does for (method, path), (_, does) in self._routes.items()}
        return {"seed": self._sandbox.seed, "routes": routes}

    async def _kinds(self, _: web.Request) -> object:
        return {
            kind.name: {
                "strikes": kind.scope,
                "does": kind.does,
                "covers": kind.covers,
                "parameters": {
                    name: {"type": one.type.__name__, "default": one.default, "choices": one.choices or None}
                    for name, one in kind.parameters.items()
                },
            }
            for kind in KINDS.values()
        }

    # --- faults ------------------------------------------------------------------------------------------------------

    async def _listed(self, _: web.Request) -> object:
        return {"faults": [_told(status) for status in self._faults.listed], "injected": self._faults.injected}

    async def _add(self, request: web.Request) -> object:
        body = await _json(request)
        asked = body if isinstance(body, list) else [body]
        try:
            faults = [_fault(one) for one in asked]
            numbers = [self._faults.add(fault) for fault in faults]
        except FaultError as error:
            raise _No(400, str(error), f"GET {PREFIX}/kinds lists every kind with what can be set") from None
        told = [_told(self._faults.status(number)) for number in numbers]
        return _Answer(201, told if isinstance(body, list) else told[0])

    async def _clear(self, _: web.Request) -> object:
        listed = [_told(status) for status in self._faults.listed]
        self._faults.clear()
        return {"faults": listed}

    async def _one(self, request: web.Request) -> object:
        try:
            return _told(self._faults.status(_number(request)))
        except KeyError as error:
            raise _No(404, str(error.args[0]), f"GET {PREFIX}/faults lists them") from None

    async def _remove(self, request: web.Request) -> object:
        try:
            return _told(self._faults.remove(_number(request)))
        except KeyError as error:
            raise _No(404, str(error.args[0]), f"GET {PREFIX}/faults lists them") from None

    # --- the truth ---------------------------------------------------------------------------------------------------

    async def _state(self, request: web.Request) -> object:
        wanted_venue, wanted_symbol = request.query.get("venue"), request.query.get("symbol")
        depth = _whole(request, "depth", _DEPTH)
        venues = {}
        for venue, books in self._market.books.items():
            if wanted_venue not in (None, venue):
                continue
            told = {s: _book(b.true_book(), depth) for s, b in books.items() if wanted_symbol in (None, s)}
            venues[venue] = {
                "time_ns": self._sandbox.now_ns(venue),
                "connections": self._sandbox.connections.get(venue, 0),
                "books": told,
                "accounts": self._sandbox.account_states(venue),
            }
        if not venues:
            raise _No(404, f"no venue {wanted_venue!r}", f"there are {', '.join(self._market.books)}")
        if wanted_symbol is not None and not any(state["books"] for state in venues.values()):
            listed = sorted({str(symbol) for books in self._market.books.values() for symbol in books})
            raise _No(404, f"{wanted_symbol!r} is not listed", f"there are {', '.join(listed)}")
        return {"seed": self._sandbox.seed, "ticks": self._market.ticks, "venues": venues}

    async def _true_book(self, request: web.Request) -> object:
        update_id = _whole(request, "update_id", 0) or None
        try:
            book = self._market.book(request.query.get("venue", ""), request.query.get("symbol", ""))
        except KeyError as error:
            raise _No(404, str(error.args[0]), f"GET {PREFIX}/state lists venues and symbols") from None
        try:
            return _book(book.true_book(update_id), _whole(request, "depth", 0))
        except LookupError as error:
            raise _No(404, str(error.args[0]), f"it is at {book.update_id} now; ask soon after a push") from None

    async def _order(self, request: web.Request) -> object:
        asked = await _json(request)
        if not isinstance(asked, dict):
            raise _No(400, "an order is a JSON object", "give venue, symbol, side, quantity, and a price for a limit")
        try:
            execution = self._market.submit(
                str(asked.get("venue")),
                str(asked.get("symbol")),
                Side(str(asked.get("side"))),
                Decimal(str(asked.get("quantity"))),
                None if asked.get("price") is None else Decimal(str(asked["price"])),
                TimeInForce(str(asked.get("time_in_force", "gtc"))),
                owner="crowd",
            )
        except KeyError as error:
            raise _No(404, str(error.args[0]), f"GET {PREFIX}/state lists venues and symbols") from None
        except (ValueError, InvalidOperation) as error:
            raise _No(
                400, f"the order makes no sense: {error}", "quantity and price are decimals on the grid"
            ) from None
        book = self._market.book(str(asked["venue"]), str(asked["symbol"]))
        fills = [{"price": book.price_of(f.price), "quantity": book.quantity_of(f.quantity)} for f in execution.fills]
        return _Answer(201, {"id": execution.order.id, "status": execution.order.status, "fills": fills})

    async def _entries(self, request: web.Request) -> object:
        entries = self._journal.entries(_whole(request, "after", 0))
        return {"entries": entries[: _whole(request, "limit", 1000)]}


def _fault(settings: object) -> Fault:
    if not isinstance(settings, dict) or not isinstance(settings.get("kind"), str):
        raise FaultError("a fault is a JSON object with a kind")
    rest = {str(name): value for name, value in settings.items() if name != "kind"}
    return Fault.of(settings["kind"], **rest)


def _told(status: FaultStatus) -> dict[str, Any]:
    return {"id": status.id, "state": status.state, "injected": status.injected, **status.fault.as_dict()}


def _book(book: TrueBook, depth: int) -> dict[str, Any]:
    most = depth or None
    return {
        "update_id": book.update_id,
        "bids": [[str(price), str(quantity)] for price, quantity in book.bids[:most]],
        "asks": [[str(price), str(quantity)] for price, quantity in book.asks[:most]],
        "multiplier": str(book.multiplier),
    }


def _number(request: web.Request) -> int:
    text = request.path.rpartition("/")[2]
    if not (text.isascii() and text.isdigit()):
        raise _No(400, f"{text!r} is no id of a fault", f"GET {PREFIX}/faults lists them")
    return int(text)


def _whole(request: web.Request, name: str, default: int) -> int:
    text = request.query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise _No(400, f"{name} is a whole number, not {text!r}", f"leave it out for {default}")
    return int(text)


async def _json(request: web.Request) -> Any:
    try:
        return msgspec.json.decode(await request.read())
    except msgspec.DecodeError as error:
        raise _No(400, f"the body is not JSON: {error}", 'send one object, such as {"kind": "reset"}') from None
