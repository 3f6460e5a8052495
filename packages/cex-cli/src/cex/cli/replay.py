"""``cex replay``: a recorded conversation through the unmodified client, and what its books were at the last frame."""

from __future__ import annotations

import asyncio
import json
import logging
import math
import sys
from collections.abc import Sequence
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cex.cli.logs import LogFormat, configure_logging
from cex.cli.notes import Notebook
from cex.cli.observer import Observer
from cex.cli.opening import addressed
from cex.cli.options import JsonOption, LogFormatOption, VerboseOption, positive
from cex.cli.results import Result, results_json, results_of, results_sentence
from cex.cli.running import Trouble, require_sandbox, run
from cex.cli.screen import Screen
from cex.cli.view import View, choose_view, refreshed
from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.exceptions import ExchangeException
from cex.factory import FactoryManager

if TYPE_CHECKING:
    from cex.sandbox.replay import Recording, Replay, VenuePart

__all__ = ["play", "replay"]

_log = logging.getLogger(__name__)

_SUBSCRIBE_S = 15.0
_GRACE_S = 2.0
"""For books that still wait for a snapshot when the last frame has been read."""
_A_DAY_S = 86_400.0


def replay(
    files: Annotated[list[Path], typer.Argument(metavar="FILE", help="The files of one recording, in any order.")],
    speed: Annotated[
        str, typer.Option(metavar="N|max", help="Factor of the recorded speed; max waits for the client alone.")
    ] = "max",
    as_json: JsonOption = False,
    verbose: VerboseOption = 0,
    log_format: LogFormatOption = LogFormat.TEXT,
) -> None:
    """Play a recorded conversation to the real client, on this machine, and show the books that come of it.

    Reads what `cex record` writes and the text form of cryptofeed. A book that is not LIVE at the end shows no prices
    but its reason. With several exchanges in one recording, symbols are named EXCHANGE:SYMBOL.
    """
    factor = _factor(speed)
    configure_logging(verbose, log_format)
    require_sandbox()
    from cex.sandbox.replay import RecordingError, read_recording

    try:
        recording = read_recording(files)
    except RecordingError as error:
        raise Trouble(str(error)) from error
    for path, lost in recording.lost:
        _log.warning("%s:%d: %d records are missing: the recorder could not keep up", path, lost.line, lost.missing)
    results, errors = run(lambda: play(recording, speed=factor, view=choose_view(json=as_json)))
    if as_json:
        sys.stdout.write(json.dumps({"symbols": results_json(results), "errors": errors}) + "\n")
    else:
        sys.stdout.write(f"{results_sentence(results)} at the last frame; {errors} errors\n")


def _factor(speed: str) -> float:
    try:
        return math.inf if speed == "max" else positive(float(speed)) or math.inf
    except ValueError:
        raise typer.BadParameter(f"{speed!r} is neither a number nor max", param_hint="--speed") from None


async def play(
    recording: Recording, *, speed: float, view: View, clock: Clock = SYSTEM_CLOCK
) -> tuple[list[Result], int]:
    """Play it all to the exchanges' own clients; returns the books at the end and the number of errors."""
    from cex.sandbox.replay import Replay

    notebook = Notebook(clock)
    observers: list[Observer] = []

    def screen() -> Screen:
        return Screen(
            title=f"cex replay  {', '.join(recording.parts)}",
            rows=tuple(row for observer in observers for row in observer.rows()),
            elapsed_s=notebook.elapsed_s,
            progress=server.progress,
            notes=notebook.notes,
        )

    async with AsyncExitStack() as stack:
        server = await stack.enter_async_context(Replay(recording, speed=speed, clock=clock))
        factory = await stack.enter_async_context(FactoryManager({}))
        for name, part in recording.parts.items():
            observer = await _observer(factory, name, part, server, notebook)
            observers.append(await stack.enter_async_context(observer))
        async with refreshed(view, screen):
            await _subscribed(server, observers)
            report = await server.play()
            await _grace(observers)
        for request in report.unknown:
            _log.warning("the recording holds no answer to %s", request)
        return results_of(observers), sum(observer.errors + observer.interruptions for observer in observers)


async def _observer(
    factory: FactoryManager, name: str, part: VenuePart, server: Replay, notebook: Notebook
) -> Observer:
    """The exchange as its users get it, with the replay's addresses, following all that was recorded of it."""
    from cex.sandbox.replay import StreamKind

    # A recorded answer is waited for as long as the recording lasts.
    network = {"read_timeout": _A_DAY_S, "total_timeout": _A_DAY_S}
    config = addressed(factory, name, server.endpoints[name], network=network, **part.settings())
    try:
        exchange = await factory.open_public_exchange(name, config)
    except ExchangeException as error:
        raise Trouble(f"{name} cannot start: {error.message}; give every file of the recording") from error
    listed = {
        (instrument.symbol.market_type, instrument.exchange_symbol): instrument.symbol
        for instrument in exchange.instruments.values()
    }
    recorded = part.traded(StreamKind.BOOK, StreamKind.TRADES)
    books = part.traded(StreamKind.BOOK)
    observer = Observer(
        exchange,
        [listed[traded] for traded in recorded if traded in listed],
        tell=notebook.tell,
        patience=_A_DAY_S,
        without_book=[listed[traded] for traded in recorded if traded in listed and traded not in books],
    )
    for traded in recorded:
        if traded not in listed:
            observer.failed(f"{traded.name} is not in the exchange's list, but the recording holds streams of it")
    return observer


async def _subscribed(server: Replay, observers: Sequence[Observer]) -> None:
    """Return when the client has subscribed all that it is going to."""
    from cex.sandbox.replay import StreamKind, Traded

    waits = []
    for observer in observers:
        instruments = observer.exchange.instruments
        for kind, symbols in ((StreamKind.BOOK, observer.with_book), (StreamKind.TRADES, observer.symbols)):
            traded = [Traded(symbol.market_type, instruments[symbol].exchange_symbol) for symbol in symbols]
            waits.append(server.subscribed(observer.name, kind, traded))
    try:
        async with asyncio.timeout(_SUBSCRIBE_S):
            await asyncio.gather(*waits)
    except TimeoutError:
        _log.warning("not everything was subscribed within %g s; playing all the same", _SUBSCRIBE_S)


async def _grace(observers: Sequence[Observer]) -> None:
    with suppress(TimeoutError):  # a book that stays lost says why
        async with asyncio.timeout(_GRACE_S):
            await asyncio.gather(*(observer.wait_all_live() for observer in observers))
