"""Does the same seed with the same orders at the same ticks give the same events, whatever loop runs it?

Market, accounts and both venues run in memory, by a clock that moves with the ticks. Orders come as signed HTTP
requests at logical ticks, one after the other. Each loop gets a process of its own: they share nothing but the seed.
"""

from __future__ import annotations

import asyncio
import hashlib
import importlib.util
import multiprocessing
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal
from multiprocessing.connection import Connection
from typing import Any
from urllib.parse import quote

import aiohttp
import msgspec

from cex.common.clock import ManualClock
from cex.common.correlation import new_random
from cex.common.enums import Side
from cex.sandbox.accounts.directory import Account
from cex.sandbox.credentials import AccountPlan
from cex.sandbox.hosting import House
from cex.sandbox.market.book import MarketBook
from cex.sandbox.market.fingerprint import Fingerprint
from cex.sandbox.market.simulation import Market
from cex.sandbox.memory import MemoryConnector
from cex.sandbox.premises import Premises, gateio_premises, mexc_premises
from cex.sandbox.venues.gateio.options import GateioOptions
from cex.sandbox.venues.mexc.options import MexcOptions
from cex.sandbox.venues.mexc.words import order_id
from raw_clients import RawAnswer, RawGateio, RawMexc

__all__ = ["LOOPS", "MarketPlan", "compare_loops", "run_market"]

LOOPS = ("asyncio", "uvloop")
START_NS = 1_790_000_000_000_000_000
ACCOUNTS = ("main", "second")
_TOLD_EVERY = 200
_REQUESTS_A_TICK = 2
_PLENTY = 1_000_000


@dataclass(frozen=True, kw_only=True)
class MarketPlan:
    """Run until the market and the accounts have had ``events`` events, all following from ``seed``."""

    seed: int = 7
    events: int = 1_000_000

    def __post_init__(self) -> None:
        if self.events < 1:
            raise ValueError("a campaign has one event at least")


Progress = Callable[[str, int], None]


def compare_loops(
    plan: MarketPlan, loops: Sequence[str], progress: Progress = lambda _loop, _done: None
) -> dict[str, Any]:
    """What the first loop's process reports; ``identical`` is whether all reports are the same.

    ``hashes`` are those of the events by loop; ``others`` are the reports that differ.

    Raises:
        ModuleNotFoundError: uvloop is asked for and not installed.
        RuntimeError: a process has broken down; it has told why on standard error.
    """
    for loop in loops:
        if loop != "asyncio" and importlib.util.find_spec(loop) is None:
            raise ModuleNotFoundError(f"{loop} is not installed here: install it, or compare with --loop asyncio")
    reports = {loop: _in_a_process(plan, loop, progress) for loop in loops}
    first = reports[loops[0]]
    others = {loop: report for loop, report in reports.items() if report != first}
    hashes = {loop: report["hash"] for loop, report in reports.items()}
    return {"identical": not others, **first, "hashes": hashes, "others": others}


def _in_a_process(plan: MarketPlan, loop: str, progress: Progress) -> dict[str, Any]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    process = context.Process(target=_child, args=(plan, loop, theirs))
    process.start()
    theirs.close()
    try:
        while True:
            message = ours.recv()
            if isinstance(message, dict):
                return message
            progress(loop, message)
    except EOFError as error:
        raise RuntimeError(f"the process of {loop} ended without a report") from error
    finally:
        process.terminate()
        process.join()


def _child(plan: MarketPlan, loop: str, pipe: Connection) -> None:
    factory: Callable[[], asyncio.AbstractEventLoop] = asyncio.SelectorEventLoop
    if loop == "uvloop":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        pipe.send(runner.run(run_market(plan, pipe.send)))


async def run_market(plan: MarketPlan, progress: Callable[[int], None] = lambda _: None) -> dict[str, Any]:
    """The events, their hash, and the hash of everything that the venues answered."""
    clock = ManualClock(START_NS)
    market = Market(seed=plan.seed, now_ns=clock.time_ns())
    limits = {"spot_place": _PLENTY, "futures_place": _PLENTY, "spot_other": _PLENTY, "transfer": _PLENTY}
    places = [
        mexc_premises(
            market,
            options=MexcOptions(order_limit=_PLENTY, uid_weight_limit=_PLENTY, weight_limit=_PLENTY),
            clock=clock,
        ),
        gateio_premises(market, options=GateioOptions(limits={**limits, "futures_other": _PLENTY}), clock=clock),
    ]
    fingerprint, houses = Fingerprint(), {}
    for port, place in enumerate(places, 1):
        place.open_accounts(market, [AccountPlan(venue=place.name, name=name) for name in ACCOUNTS])
        place.desks.spot.listen(None, fingerprint.hear)
        if place.desks.futures is not None:
            place.desks.futures.listen(None, fingerprint.hear)
        houses[port] = House(place.venue.application(), "127.0.0.1", port, sockets=False)

    def connect(_host: str, port: int, client: asyncio.Protocol) -> None:
        houses[port].connect(client)

    async with AsyncExitStack() as stack:
        for house in houses.values():
            await house.open()
            stack.push_async_callback(house.aclose)
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=MemoryConnector(connect)))
        traders = _Traders(plan, http, market, places, [house.authority for house in houses.values()], clock)
        while fingerprint.events < plan.events:
            for _ in range(_REQUESTS_A_TICK):
                await traders.act()
            clock.advance(market.tick)
            market.step(clock.time_ns())
            for place in places:
                place.desks.after_tick(place.clock.time_ns())
            fingerprint.add(market.books)
            if market.ticks % _TOLD_EVERY == 0:
                progress(fingerprint.events)
    return {
        "events": fingerprint.events,
        "ticks": market.ticks,
        "requests": dict(sorted(traders.asked.items())),
        "answers": dict(sorted(traders.answered.items())),
        "hash": fingerprint.hexdigest(),
        "hash_of_answers": traders.heard.hexdigest(),
    }


class _Traders:
    """Two accounts on each venue, asking one thing at a time."""

    def __init__(
        self,
        plan: MarketPlan,
        http: aiohttp.ClientSession,
        market: Market,
        places: Sequence[Premises],
        authorities: Sequence[str],
        clock: ManualClock,
    ) -> None:
        self.asked: Counter[str] = Counter()
        self.answered: Counter[str] = Counter()
        self.heard = hashlib.blake2b(digest_size=16)
        self._rng = new_random(plan.seed)
        self._places = {place.name: place for place in places}
        urls = {place.name: f"http://{authority}" for place, authority in zip(places, authorities, strict=True)}
        mexc, gateio = (self._places[name].credentials for name in ("mexc", "gateio"))
        self._mexc = {name: RawMexc(http, urls["mexc"], mexc[name], clock) for name in ACCOUNTS}
        self._gateio = {name: RawGateio(http, urls["gateio"], gateio[name], clock) for name in ACCOUNTS}
        self._books = {
            place.name: [book for book in market.books[place.name].values() if book.is_live] for place in places
        }

    async def act(self) -> None:
        """Ask for one thing, and take the answer in."""
        rng = self._rng
        name, book = rng.choice(ACCOUNTS), rng.choice(self._books[rng.choice(("mexc", "gateio"))])
        dice = rng.random()
        kind = "place" if dice < 0.6 else "cancel" if dice < 0.85 else "amend" if dice < 0.95 else "move"
        if book.perpetual is not None:
            answer = await self._futures(kind, name, book)
        elif book.venue == "mexc":
            answer = await self._on_mexc(kind, name, book)
        else:
            answer = await self._on_gateio(kind, name, book)
        if answer is not None:
            self.answered[f"{book.venue} {answer.status}"] += 1
            self.heard.update(b"%d %s\n" % (answer.status, answer.body))

    async def _on_mexc(self, kind: str, name: str, book: MarketBook) -> RawAnswer | None:
        client, rng = self._mexc[name], self._rng
        symbol = f"{book.listing.symbol.base}{book.listing.symbol.quote}"
        if kind in ("cancel", "amend"):
            chosen = self._open_order(name, book)
            if chosen is None:
                return None
            self.asked["mexc cancel"] += 1
            params = {"symbol": symbol, "orderId": order_id(chosen)}
            return await client.signed("DELETE", "/api/v3/order", params)
        side = rng.choice(tuple(Side))
        types = ("LIMIT", "LIMIT", "LIMIT_MAKER", "IMMEDIATE_OR_CANCEL", "FILL_OR_KILL", "MARKET")
        params = {"symbol": symbol, "side": side.upper(), "type": rng.choice(types), "quantity": self._quantity(book)}
        if params["type"] != "MARKET":
            params["price"] = self._price(book, side)
        self.asked[f"mexc {params['type']}"] += 1
        return await client.signed("POST", "/api/v3/order", params)

    async def _on_gateio(self, kind: str, name: str, book: MarketBook) -> RawAnswer | None:
        client, rng = self._gateio[name], self._rng
        pair, side = f"{book.listing.symbol.base}_{book.listing.symbol.quote}", rng.choice(tuple(Side))
        if kind == "move":
            ways = rng.choice((("spot", "futures"), ("futures", "spot")))
            body = {"currency": "USDT", "from": ways[0], "to": ways[1], "amount": str(rng.randint(1, 50))}
            self.asked["gateio transfer"] += 1
            return await client.signed("POST", "/wallet/transfers", body=_json({**body, "settle": "usdt"}))
        if kind in ("cancel", "amend"):
            chosen = self._open_order(name, book)
            if chosen is None:
                return None
            self.asked[f"gateio {kind}"] += 1
            if kind == "cancel":
                return await client.signed("DELETE", f"/spot/orders/{chosen}", query={"currency_pair": pair})
            body = {"currency_pair": pair, "price": self._price(book, side)}
            return await client.signed("PATCH", f"/spot/orders/{chosen}", body=_json(body))
        tif = rng.choice(("gtc", "gtc", "ioc", "fok", "poc"))
        body = {"currency_pair": pair, "type": "limit", "account": "spot", "side": str(side), "time_in_force": tif}
        body |= {"amount": self._quantity(book), "price": self._price(book, side)}
        self.asked[f"gateio {tif}"] += 1
        return await client.signed("POST", "/spot/orders", body=_json(body))

    async def _futures(self, kind: str, name: str, book: MarketBook) -> RawAnswer | None:
        client, rng = self._gateio[name], self._rng
        contract, side = f"{book.listing.symbol.base}_{book.listing.symbol.quote}", rng.choice(tuple(Side))
        if kind == "move":
            self.asked["futures leverage"] += 1
            query = {"leverage": str(rng.randint(0, 25))}
            return await client.signed("POST", f"/futures/usdt/positions/{quote(contract)}/leverage", query=query)
        if kind in ("cancel", "amend"):
            desk = self._places["gateio"].desks.futures
            assert desk is not None
            found = [one for one in desk.open_orders(self._account("gateio", name)) if one.contract.book is book]
            if not found:
                return None
            chosen = rng.choice(found).id
            self.asked[f"futures {kind}"] += 1
            if kind == "cancel":
                return await client.signed("DELETE", f"/futures/usdt/orders/{chosen}")
            body: dict[str, object] = {"price": self._price(book, side)}
            return await client.signed("PUT", f"/futures/usdt/orders/{chosen}", body=_json(body))
        tif = rng.choice(("gtc", "gtc", "ioc", "fok", "poc"))
        size = rng.randint(1, 30) * (1 if side is Side.BUY else -1)
        body = {"contract": contract, "size": size, "price": self._price(book, side), "tif": tif}
        body["reduce_only"] = rng.random() < 0.2
        self.asked[f"futures {tif}"] += 1
        return await client.signed("POST", "/futures/usdt/orders", body=_json(body))

    def _account(self, venue: str, name: str) -> Account:
        place = self._places[venue]
        account = place.directory.by_uid(place.credentials[name].uid)
        assert account is not None
        return account

    def _open_order(self, name: str, book: MarketBook) -> int | None:
        desk = self._places[book.venue].desks.spot
        found = desk.open_orders(self._account(book.venue, name), str(book.listing.symbol))
        return self._rng.choice(found).id if found else None

    def _price(self, book: MarketBook, side: Side) -> str:
        """Around the other side's best price, so that some orders take and some rest."""
        best = book.engine.best(side.opposite) or book.candles.last
        ticks = best + self._rng.randint(-30, 10) * book.tick_units * (1 if side is Side.BUY else -1)
        return f"{book.price_of(max(book.tick_units, ticks - ticks % book.tick_units)):f}"

    def _quantity(self, book: MarketBook) -> str:
        wanted = Decimal(self._rng.randint(5, 400)) / book.last_price
        units = int(wanted.scaleb(book.rules.quantity_decimals)) // book.step_units
        return f"{book.quantity_of(max(1, units) * book.step_units):f}"


def _json(body: object) -> bytes:
    return msgspec.json.encode(body)
