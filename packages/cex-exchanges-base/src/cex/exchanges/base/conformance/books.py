"""Cases about proven books: TC-D20 and on."""

from __future__ import annotations

import asyncio

from cex.common.book.order_book import OrderBook
from cex.common.enums import BookState
from cex.common.exceptions import BookNotLive
from cex.exchanges.base.conformance.bench import Bench
from cex.exchanges.base.conformance.checks import check
from cex.exchanges.base.conformance.results import case
from cex.exchanges.base.conformance.venue import Need
from cex.exchanges.base.interfaces import PublicExchange

__all__ = [
    "closed",
    "crossed",
    "duplicated",
    "gap",
    "interrupted",
    "live",
    "lost_gives_no_price",
    "malformed",
    "reordered",
    "silent",
    "stale_snapshot",
    "true",
    "two_handlers",
]

_WATCH_S = 3.0


@case("TC-D20", "a book becomes live, and its best bid is below its best ask")
async def live(bench: Bench) -> None:
    exchange = await bench.public()
    book = await exchange.subscribe_book(bench.symbol)
    check(book.state is BookState.LIVE, f"subscribed, and {book.state}")
    bid, ask = book.best_bid, book.best_ask
    check(bid is not None and ask is not None and bid.price < ask.price, f"bid {bid}, ask {ask}")
    check(exchange.is_fresh(bench.symbol), "live, and not fresh")


@case("TC-D21", "a live book is the venue's book at every sequence", Need.TRUTH)
async def true(bench: Bench) -> None:
    exchange = await bench.public()
    await _watched(bench, exchange, await exchange.subscribe_book(bench.symbol))


@case("TC-D22", "a lost update is told as a gap, and the book heals", Need.TRUTH, faults=["drop_delta"])
async def gap(bench: Bench) -> None:
    exchange = await bench.public()
    book = await exchange.subscribe_book(bench.symbol)
    async with bench.venue.inject("drop_delta", symbol=bench.symbol, count=1):
        await bench.eventually(lambda: bench.told("gap"), "no gap was told")
    await bench.eventually(lambda: bench.told("resynced"), "the book did not heal")
    await _watched(bench, exchange, book)


@case("TC-D23", "an update that comes twice does no harm", Need.TRUTH, faults=["duplicate_delta"])
async def duplicated(bench: Bench) -> None:
    exchange = await bench.public()
    book = await exchange.subscribe_book(bench.symbol)
    async with bench.venue.inject("duplicate_delta", symbol=bench.symbol, count=5):
        await _watched(bench, exchange, book)
    check(not bench.told("gap"), "a repeated update was taken for a gap")


@case("TC-D24", "updates out of order never make a wrong book", Need.TRUTH, faults=["reorder_deltas"])
async def reordered(bench: Bench) -> None:
    exchange = await bench.public()
    book = await exchange.subscribe_book(bench.symbol)
    async with bench.venue.inject("reorder_deltas", symbol=bench.symbol, count=3):
        await asyncio.sleep(_WATCH_S / 2)
    await _watched(bench, exchange, book)


@case("TC-D25", "a crossed update is never handed out", faults=["crossed_push"])
async def crossed(bench: Bench) -> None:
    exchange = await bench.public()
    wrong: list[str] = []

    def look(book: OrderBook) -> None:
        bid, ask = book.best_bid, book.best_ask
        if bid is not None and ask is not None and bid.price >= ask.price:
            wrong.append(f"bid {bid.price} and ask {ask.price} at {book.sequence}")

    await exchange.subscribe_book(bench.symbol, look)
    async with bench.venue.inject("crossed_push", symbol=bench.symbol, count=1):
        await asyncio.sleep(_WATCH_S)
    check(not wrong, f"a crossed book was handed out: {wrong[:1]}")


@case("TC-D26", "a snapshot from the past does not make a live book", Need.TRUTH, faults=["stale_snapshot"])
async def stale_snapshot(bench: Bench) -> None:
    exchange = await bench.public()
    async with bench.venue.inject("stale_snapshot", seconds=1.0, count=2):
        book = await exchange.subscribe_book(bench.symbol, timeout=20.0)
    await _watched(bench, exchange, book)


@case("TC-D27", "a broken connection makes a book stale, and it comes back", Need.TRUTH, faults=["reset"])
async def interrupted(bench: Bench) -> None:
    exchange = await bench.public()
    book = await exchange.subscribe_book(bench.symbol)
    async with bench.venue.inject("reset"):
        await bench.eventually(lambda: bench.told("interrupted"), "no interruption was told")
    await bench.eventually(lambda: bench.told("recovered") and book.is_live, "the book did not come back")
    await _watched(bench, exchange, book)


@case("TC-D28", "whatever close code the server gives, the streams come back", faults=["close"])
async def closed(bench: Bench) -> None:
    exchange = await bench.public()
    book = await exchange.subscribe_book(bench.symbol)
    for number, code in enumerate((1000, 1001, 1011), 1):
        async with bench.venue.inject("close", code=code):
            await bench.eventually(lambda: len(bench.told("interrupted")) >= number, f"{code} was not noticed")  # noqa: B023
        await bench.eventually(lambda: book.is_live, f"the book did not come back after {code}")


@case("TC-D29", "a connection that falls silent is noticed", faults=["silence"])
async def silent(bench: Bench) -> None:
    exchange = await bench.public()
    book = await exchange.subscribe_book(bench.symbol)
    async with bench.venue.inject("silence", seconds=80.0):
        await bench.eventually(lambda: bench.told("interrupted"), "the silence was not noticed", 75.0)
    await bench.eventually(lambda: book.is_live, "the book did not come back")


@case("TC-D30", "a lost book gives no price", faults=["reset"])
async def lost_gives_no_price(bench: Bench) -> None:
    exchange = await bench.public()
    book = await exchange.subscribe_book(bench.symbol)
    given: list[object] = []

    def look(event: object) -> None:
        if getattr(event, "kind", "") == "interrupted":
            try:
                given.append(book.best_bid)
            except BookNotLive as error:
                given.append(error.state)

    exchange.on_event(look)
    async with bench.venue.inject("reset"):
        await bench.eventually(lambda: given, "no interruption was told")
    check(given[0] is BookState.STALE, f"a lost book gave {given[0]}")


@case("TC-D31", "garbage in a stream is told, and the stream goes on", faults=["malformed_push"])
async def malformed(bench: Bench) -> None:
    exchange = await bench.public()
    book = await exchange.subscribe_book(bench.symbol)
    async with bench.venue.inject("malformed_push", count=1):
        await bench.eventually(lambda: bench.told("undecodable"), "garbage was not told")
    await bench.eventually(lambda: book.is_live, "the book did not come back")
    check(not bench.told("interrupted"), "the connection was given up")


@case("TC-D32", "a handler that raises harms no other")
async def two_handlers(bench: Bench) -> None:
    exchange = await bench.public()
    heard: list[int] = []

    def bad(book: OrderBook) -> None:
        raise ValueError("a handler of somebody else")

    await exchange.subscribe_book(bench.symbol, bad)
    await exchange.subscribe_book(bench.symbol, lambda book: heard.append(book.sequence))
    await bench.eventually(lambda: len(heard) > 2, "the other handler hears nothing")
    check(heard == sorted(heard), "the sequence went back")


async def _watched(bench: Bench, exchange: PublicExchange, book: OrderBook) -> None:
    """Compare for a while; at least once it must have been possible."""
    loop = asyncio.get_running_loop()
    compared, deadline = 0, loop.time() + _WATCH_S
    while loop.time() < deadline:
        compared += await bench.require_true(book)
        await asyncio.sleep(0.03)
    check(compared, f"the book could not be compared once; it is {book.state} ({book.reason})")
