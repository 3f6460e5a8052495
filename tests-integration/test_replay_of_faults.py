"""A recording in which updates were lost and connections were cut is replayed to the books that it ended with."""

from __future__ import annotations

import asyncio
import math
from pathlib import Path
from typing import Any

import pytest

from cex.cli.opening import opened_exchanges, running_sandbox
from cex.cli.record import Gate
from cex.cli.replay import play
from cex.cli.results import results_json
from cex.cli.session import Session, following
from cex.cli.view import SilentView
from cex.common.clock import SYSTEM_CLOCK
from cex.common.types.symbols import Symbol
from cex.networking import Recorder
from cex.sandbox.replay import read_recording

BTC, ETH = Symbol("BTC/USDT"), Symbol("ETH/USDT")


async def recorded(path: Path, *, cut: bool) -> dict[str, dict[str, Any]]:
    """The books at the end of a session in which a delta is lost on each exchange, and perhaps all connections."""
    session = Session("test", SYSTEM_CLOCK)
    async with running_sandbox(True, 7) as sandbox, Recorder(path) as recorder:
        assert sandbox is not None
        gate = Gate(recorder)
        async with (
            opened_exchanges(None, sandbox=sandbox, tap=gate) as exchanges,
            following(session, exchanges, [BTC, ETH], scouting=False),
        ):
            for observer in session.observers:
                await observer.wait_all_live()
            sandbox.faults.drop_delta("mexc", BTC)
            sandbox.faults.drop_delta("gateio", ETH)
            await asyncio.sleep(1.0)
            if cut:
                sandbox.faults.cut_connections()
                await asyncio.sleep(0.3)
            for observer in session.observers:
                await observer.wait_all_live()
            await asyncio.sleep(0.5)
            gate.shut = True
            session.conclude()
            assert sandbox.faults.injected["deltas_dropped"] == 2
    assert session.resyncs == (6 if cut else 2)
    return results_json(session.results)


@pytest.mark.parametrize("cut", [False, True])
async def test_gaps_and_cuts_are_replayed(tmp_path: Path, cut: bool) -> None:
    path = tmp_path / "market.jsonl"
    ended_with = await recorded(path, cut=cut)
    recording = read_recording([path])
    first, second = [await play(recording, speed=math.inf, view=SilentView()) for _ in range(2)]
    assert results_json(first[0]) == results_json(second[0])
    assert first[1] == 0
    for name, figures in results_json(first[0]).items():
        expected = ended_with[name]
        if cut:
            # A cut is a hole in the recorded stream: where the recorded client was interrupted, the replayed one has a
            # gap. The recorded socket is not cut again.
            assert figures.pop("gaps") >= expected.pop("gaps")
        assert figures == expected, name
