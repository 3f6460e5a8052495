"""What can be checked of an exchange without an account."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from cex.cli.doctor.findings import Examination, Failure, Said
from cex.cli.doctor.remedies import CLOCK_REMEDY
from cex.cli.figures import age_text
from cex.common.clock import Clock
from cex.common.constants.system_constants import NANOSECONDS
from cex.common.enums import InstrumentStatus, MarketType
from cex.common.types.instruments import Instrument
from cex.common.types.symbols import Symbol

if TYPE_CHECKING:
    from cex.exchanges.base.interfaces import PublicExchange

__all__ = ["check_market", "probe_symbols"]

_SAMPLES = 4
_MILLISECOND = 1_000_000
_FAR_OFF_NS = NANOSECONDS
"""Signatures go by the exchange's time as we measure it; but by then the times in our logs and records mislead."""
_LIKELY = (Symbol("BTC/USDT"), Symbol("BTC/USDT:USDT"))
_AFTER_REST = ("clock", "instruments", "public_stream")


async def check_market(
    about: Examination, exchange: PublicExchange, symbols: Sequence[Symbol], clock: Clock, *, stream_within: float
) -> bool:
    """Time, clock, instruments, the rules of ``symbols``, and a book of each market; whether REST answers.

    The exchange is opened here, and closed by whoever made it. A book must be LIVE ``stream_within`` seconds after it
    was asked for.
    """
    trips: list[tuple[int, int]] = []
    if not await about.check("rest", partial(_round_trips, exchange, clock, trips)):
        for name in _AFTER_REST:
            about.skipped(name, "not looked at: REST does not answer")
        return False
    await about.check("clock", partial(_offset, trips))
    if not await about.check("instruments", partial(_instruments, exchange)):
        about.skipped("public_stream", "not looked at: no instrument is known")
        return True
    served = {each.symbol.market_type for each in exchange.instruments.values()}
    for symbol in symbols:
        if symbol.market_type in served:
            await about.check("symbol", partial(_rules, exchange, symbol))
        else:
            about.skipped("symbol", f"{symbol}: no {symbol.market_type} are served here", symbol=str(symbol))
    for symbol in probe_symbols(exchange.instruments.values(), symbols):
        await about.check("public_stream", partial(_book, exchange, symbol, clock, stream_within))
    return True


def probe_symbols(instruments: Iterable[Instrument], wanted: Sequence[Symbol]) -> list[Symbol]:
    """One symbol of each market that is traded now: a wanted one, else a busy one, else the first."""
    found: dict[MarketType, Symbol] = {}
    trading = {each.symbol: None for each in instruments if each.status is InstrumentStatus.TRADING}
    for symbol in (*(each for each in (*wanted, *_LIKELY) if each in trading), *trading):
        found.setdefault(symbol.market_type, symbol)
    return [found[market] for market in sorted(found, reverse=True)]


async def _round_trips(exchange: PublicExchange, clock: Clock, trips: list[tuple[int, int]]) -> Said:
    """Fill ``trips`` with (round trip, how far the exchange's clock is ahead), in nanoseconds."""
    for _ in range(_SAMPLES):
        sent_ns, started = clock.time_ns(), clock.monotonic_ns()
        server_ns = await exchange.server_time()
        trip_ns = clock.monotonic_ns() - started
        trips.append((trip_ns, server_ns - sent_ns - trip_ns // 2))
    best = min(trips)[0]
    return Said(f"answers within {_ms(best)}, the best of {_SAMPLES}", {"round_trip_ms": best / _MILLISECOND})


async def _offset(trips: Sequence[tuple[int, int]]) -> Said:
    trip_ns, ahead_ns = min(trips)
    unsure_ns = trip_ns // 2
    facts = {"offset_ms": ahead_ns / _MILLISECOND, "uncertainty_ms": unsure_ns / _MILLISECOND}
    direction = "ahead of" if ahead_ns >= 0 else "behind"
    summary = f"the exchange's is {_ms(abs(ahead_ns))} {direction} ours, ± {_ms(unsure_ns)}"
    if abs(ahead_ns) - unsure_ns > _FAR_OFF_NS:
        raise Failure(summary, CLOCK_REMEDY, **facts)
    return Said(f"{summary}: good", facts)


async def _instruments(exchange: PublicExchange) -> Said:
    await exchange.open()
    listed = list(exchange.instruments.values())
    by_market = Counter(str(each.symbol.market_type) for each in listed)
    trading = sum(each.status is InstrumentStatus.TRADING for each in listed)
    if not trading:
        raise Failure(
            f"{len(listed)} listed, and none is traded",
            "see whether the exchange is under maintenance, and that the addresses of the profile are right",
        )
    parts = ", ".join(f"{count} {market}" for market, count in sorted(by_market.items(), reverse=True))
    return Said(
        f"{len(listed)} listed ({parts}), {trading} traded now", {"trading": trading, "listed": dict(by_market)}
    )


async def _rules(exchange: PublicExchange, symbol: Symbol) -> Said:
    listed = exchange.instruments[symbol]
    rules: dict[str, Any] = {
        name: None if (value := getattr(listed, name)) is None else format(value, "f")
        for name in ("tick", "step", "min_quantity", "max_quantity", "min_notional", "max_notional", "contract_size")
    }
    facts = {"symbol": str(symbol), "instrument_status": str(listed.status), **rules}
    if listed.status is not InstrumentStatus.TRADING:
        raise Failure(
            f"{symbol} is {listed.status}", "trade another symbol, or wait until the exchange opens it", **facts
        )
    least = [f"at least {rules['min_quantity']} {symbol.base}"] if rules["min_quantity"] else []
    least += [f"at least {rules['min_notional']} {symbol.quote}"] if rules["min_notional"] else []
    text = ", ".join((f"price steps of {rules['tick']}", f"quantity steps of {rules['step']}", *least))
    return Said(f"{symbol}: {text}", facts)


async def _book(exchange: PublicExchange, symbol: Symbol, clock: Clock, within: float) -> Said:
    started = clock.monotonic_ns()
    book = await exchange.subscribe_book(symbol, timeout=within)
    seconds = (clock.monotonic_ns() - started) / NANOSECONDS
    facts = {"symbol": str(symbol), "market": str(symbol.market_type), "seconds": seconds}
    return Said(f"the book of {symbol} is {str(book.state).upper()} after {age_text(seconds)}", facts)


def _ms(nanoseconds: int) -> str:
    return f"{nanoseconds / _MILLISECOND:,.1f} ms"
