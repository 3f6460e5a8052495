"""From a command to its coroutine and back: signals end it cleanly, errors a user can mend become one line."""

from __future__ import annotations

import asyncio
import importlib.util
import signal
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import typer

__all__ = ["Trouble", "require_sandbox", "run"]

T = TypeVar("T")

_TERMINATED = 128 + signal.SIGTERM
_INTERRUPTED = 128 + signal.SIGINT


class Trouble(Exception):
    """Something the user can mend; its text is one line that says what is wrong and what to do."""


def run(main: Callable[[], Coroutine[Any, Any, T]]) -> T:
    """Run a command's coroutine to its result.

    SIGINT and SIGTERM cancel it; what it holds is closed on the way out, and the process ends with 130 or 143.
    """
    terminated = False

    async def supervised() -> T:
        task = asyncio.current_task()
        assert task is not None

        def terminate() -> None:
            nonlocal terminated
            terminated = True
            task.cancel()

        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, terminate)
        try:
            return await main()
        finally:
            loop.remove_signal_handler(signal.SIGTERM)

    try:
        return asyncio.run(supervised())
    except KeyboardInterrupt:
        raise typer.Exit(_INTERRUPTED) from None
    except asyncio.CancelledError:
        if terminated:
            raise typer.Exit(_TERMINATED) from None
        raise


def require_sandbox() -> None:
    """Raise :class:`Trouble` where the sandbox is not installed."""
    if importlib.util.find_spec("cex.sandbox") is None:
        raise Trouble("this command needs the sandbox: pip install 'cex-cli[sandbox]'")
