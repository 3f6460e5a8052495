"""Where what happens to an account goes out to those who read it: orders and fills whole, the rest as it stands."""

from __future__ import annotations

from typing import TypeAlias

from cex.common.clock import Clock
from cex.common.types.account import Balance, Position
from cex.common.types.orders import Fill, Order
from cex.exchanges.base.interfaces import EventHandler, PrivateChannel, PrivateOverflow, PrivateStreamHealth
from cex.exchanges.base.streams.latest import Latest
from cex.exchanges.base.streams.readers import Fanout

__all__ = ["PrivateOutlets"]

_Holding: TypeAlias = tuple[object, ...]


class PrivateOutlets:
    """The four kinds of private streams. ``waiting``: orders, or fills, that may wait for a reader; beyond that the
    oldest is given up, and ``PrivateOverflow`` told.

    What a query told about a balance or a position never overtakes a push that came after the query was made.
    """

    def __init__(self, exchange: str, account: str, *, waiting: int, emit: EventHandler, clock: Clock) -> None:
        self._exchange = exchange
        self._account = account
        self._emit = emit
        self._clock = clock
        self._pushed_ns: dict[_Holding, int] = {}
        self.orders: Fanout[PrivateChannel, Order] = Fanout(
            PrivateChannel.ORDERS, conflate=None, capacity=waiting, on_overflow=self._on_overflow
        )
        self.fills: Fanout[PrivateChannel, Fill] = Fanout(
            PrivateChannel.FILLS, conflate=None, capacity=waiting, on_overflow=self._on_overflow
        )
        self.balances: Latest[Balance] = Latest(_wallet)
        self.positions: Latest[Position] = Latest(_position)

    def on_balance(self, balance: Balance) -> None:
        """A push."""
        self._pushed_ns[_wallet(balance)] = self._clock.monotonic_ns()
        self.balances.publish(balance)

    def on_position(self, position: Position) -> None:
        """A push."""
        self._pushed_ns[_position(position)] = self._clock.monotonic_ns()
        self.positions.publish(position)

    def on_queried_balance(self, balance: Balance, asked_ns: int) -> None:
        if self._pushed_ns.get(_wallet(balance), -1) < asked_ns:
            self.balances.publish(balance)

    def on_queried_position(self, position: Position, asked_ns: int) -> None:
        if self._pushed_ns.get(_position(position), -1) < asked_ns:
            self.positions.publish(position)

    def _on_overflow(self, channel: PrivateChannel, dropped: int, resumed: bool) -> None:
        self._emit(
            PrivateOverflow(
                exchange=self._exchange,
                account=self._account,
                at_ns=self._clock.time_ns(),
                channel=channel,
                dropped=dropped,
                resumed=resumed,
            )
        )

    def health(self) -> tuple[PrivateStreamHealth, ...]:
        whole = tuple(
            PrivateStreamHealth(
                channel=fanout.stream,
                readers=fanout.readers,
                offered=fanout.offered,
                delivered=fanout.delivered,
                conflated=fanout.conflated,
                dropped=fanout.dropped,
            )
            for fanout in (self.orders, self.fills)
        )
        states = tuple(
            PrivateStreamHealth(
                channel=channel,
                readers=latest.readers,
                offered=latest.offered,
                delivered=latest.delivered,
                conflated=latest.conflated,
                dropped=0,
            )
            for channel, latest in (
                (PrivateChannel.BALANCES, self.balances),
                (PrivateChannel.POSITIONS, self.positions),
            )
        )
        return whole + states

    def end(self) -> None:
        """Every present reader ends once it has read what it holds."""
        self.orders.end()
        self.fills.end()
        self.balances.end()
        self.positions.end()


def _wallet(balance: Balance) -> _Holding:
    return ("balance", balance.market, balance.currency)


def _position(position: Position) -> _Holding:
    return ("position", position.symbol, position.side)
