"""What can be broken on purpose, and how often it was."""

from __future__ import annotations

from collections.abc import Mapping

from cex.sandbox.market.simulation import Market
from cex.sandbox.venues.feeds import Hub

__all__ = ["Faults"]


class Faults:
    """Switches over the running venues (``mexc``, ``gateio``); None as a venue means all of them."""

    def __init__(self, market: Market, hubs: Mapping[str, Hub]) -> None:
        self._market = market
        self._hubs = hubs
        self._connections_cut = 0
        self._periodic: list[tuple[int, str | None, int | None]] = []

    @property
    def injected(self) -> dict[str, int]:
        """How many faults have really been injected: ``deltas_dropped``, ``connections_cut``."""
        dropped = sum(hub.deltas_dropped for hub in self._hubs.values())
        return {"deltas_dropped": dropped, "connections_cut": self._connections_cut}

    def drop_delta(self, venue: str, symbol: str, *, everywhere: bool = True) -> None:
        """Lose the next book delta of ``symbol`` (such as ``BTC/USDT``) that anyone would hear.

        ``everywhere`` False loses it for one subscriber only. Counted when it happens.

        Raises:
            KeyError: no such venue, or it does not list the symbol.
        """
        book = self._market.book(venue, symbol)
        self._hubs[venue].drop_next_delta(book.listing.symbol, everywhere=everywhere)

    def cut_connections(self, venue: str | None = None, *, code: int | None = None) -> int:
        """End all WebSockets: by a TCP reset, or by a close frame with ``code``. How many were cut."""
        cut = 0
        for hub in self._hubs_of(venue).values():
            for connection in list(hub.subscriptions):
                if code is None:
                    connection.reset()
                else:
                    connection.close(code)
                cut += 1
        self._connections_cut += cut
        return cut

    def cut_every(self, seconds: float, venue: str | None = None, *, code: int | None = None) -> None:
        """From now on, cut all WebSockets every ``seconds`` of market time."""
        self._hubs_of(venue)
        if not seconds > 0:
            raise ValueError(f"cannot cut every {seconds} s")
        self._periodic.append((max(1, round(seconds / self._market.tick)), venue, code))

    def after_tick(self) -> None:
        """Do what is due at this tick."""
        for every, venue, code in self._periodic:
            if self._market.ticks % every == 0:
                self.cut_connections(venue, code=code)

    def _hubs_of(self, venue: str | None) -> Mapping[str, Hub]:
        if venue is None:
            return self._hubs
        if venue not in self._hubs:
            raise KeyError(f"no venue {venue!r}; there are {', '.join(self._hubs)}")
        return {venue: self._hubs[venue]}
