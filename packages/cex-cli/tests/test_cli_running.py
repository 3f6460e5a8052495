"""Signals end a command cleanly and become its exit code."""

from __future__ import annotations

import asyncio
import os
import signal

import pytest
import typer

from cex.cli.running import run


def test_a_command_returns_its_result() -> None:
    async def main() -> int:
        return 7

    assert run(main) == 7


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_cancels_and_what_is_held_is_closed(number: signal.Signals, code: int) -> None:
    closed = []

    async def main() -> None:
        try:
            asyncio.get_running_loop().call_later(0.01, os.kill, os.getpid(), number)
            await asyncio.sleep(10)
        finally:
            await asyncio.sleep(0)
            closed.append(True)

    with pytest.raises(typer.Exit) as ended:
        run(main)
    assert ended.value.exit_code == code
    assert closed == [True]
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_an_error_comes_through() -> None:
    async def main() -> None:
        raise LookupError("what")

    with pytest.raises(LookupError):
        run(main)


def test_a_cancellation_of_its_own_is_a_defect_and_no_signal() -> None:
    async def main() -> None:
        raise asyncio.CancelledError

    with pytest.raises(asyncio.CancelledError):
        run(main)
