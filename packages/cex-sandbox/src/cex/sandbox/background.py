"""A sandbox in a thread of its own: for clients that block, for tests of any kind, and for notebooks."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, Self, TypeVar

from cex.sandbox.credentials import Credentials
from cex.sandbox.faults.rules import Fault, FaultStatus
from cex.sandbox.market.simulation import TrueBook
from cex.sandbox.server import Sandbox

__all__ = ["BackgroundSandbox"]

T = TypeVar("T")

_END_SECONDS = 5.0


class BackgroundSandbox:
    """A running :class:`Sandbox`: ``with BackgroundSandbox(seed=7) as sandbox``. Takes what that takes.

    The sandbox has a thread and an event loop of its own, so that it answers while the caller blocks. The methods here
    may be called from anywhere; :meth:`run` reaches everything else of the sandbox.

    Raises (on entering):
        OSError: a port is taken.
    """

    def __init__(self, **settings: Any) -> None:
        self.sandbox = Sandbox(**settings)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._opened = threading.Event()
        self._stop: asyncio.Event | None = None
        self._error: BaseException | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Open the ports; returns when they answer."""
        if self._thread is not None:
            raise RuntimeError("this sandbox is already running")
        self._thread = threading.Thread(target=self._work, name="cex-sandbox", daemon=True)
        self._thread.start()
        self._opened.wait()
        if self._error is not None:
            self._thread.join()
            raise self._error

    def close(self) -> None:
        """End it. If the market had broken down, its exception is raised."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        if self._loop is not None and self._stop is not None:
            self._loop.call_soon_threadsafe(self._stop.set)
        thread.join(_END_SECONDS)
        if self._error is not None:
            raise self._error

    def run(self, act: Callable[[Sandbox], T]) -> T:
        """Call ``act(sandbox)`` where the sandbox lives, between two of its ticks, and return what it returns."""

        async def acting() -> T:
            return act(self.sandbox)

        return self._result(acting())

    # --- what is asked for most --------------------------------------------------------------------------------------

    @property
    def seed(self) -> int:
        return self.sandbox.seed

    @property
    def endpoints(self) -> dict[str, dict[str, str]]:
        """See :attr:`Sandbox.endpoints`."""
        return self.sandbox.endpoints

    @property
    def credentials(self) -> dict[str, Credentials]:
        """See :attr:`Sandbox.credentials`."""
        return self.sandbox.credentials

    @property
    def control_url(self) -> str | None:
        """See :attr:`Sandbox.control_url`."""
        return self.sandbox.control_url

    def announcement(self) -> dict[str, Any]:
        """See :meth:`Sandbox.announcement`."""
        return self.sandbox.announcement()

    def inject(self, fault: Fault | str, **settings: Any) -> int:
        """Switch a fault on; its id. See :meth:`Faults.add`."""
        return self.run(lambda sandbox: sandbox.faults.add(fault, **settings))

    def remove(self, number: int) -> FaultStatus:
        """Switch a fault off. See :meth:`Faults.remove`."""
        return self.run(lambda sandbox: sandbox.faults.remove(number))

    @property
    def injected(self) -> dict[str, int]:
        """How often each kind of fault has struck."""
        return self.run(lambda sandbox: sandbox.faults.injected)

    def truth(self, venue: str, symbol: str) -> TrueBook:
        """The whole book of ``symbol`` as it is now."""
        return self.run(lambda sandbox: sandbox.truth(venue, symbol))

    def account_states(self, venue: str) -> list[dict[str, Any]]:
        """Balances, open orders and positions of every account of a venue."""
        return self.run(lambda sandbox: sandbox.account_states(venue))

    # --- inside ------------------------------------------------------------------------------------------------------

    def _result(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None or self._thread is None:
            work.close()
            raise RuntimeError("this sandbox is not running")
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _work(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001 (it is raised where the sandbox was started or is closed)
            self._error = error
        finally:
            self._loop = None
            self._opened.set()

    async def _serve(self) -> None:
        self._stop = asyncio.Event()
        async with self.sandbox:
            self._loop = asyncio.get_running_loop()
            self._opened.set()
            await self._stop.wait()
