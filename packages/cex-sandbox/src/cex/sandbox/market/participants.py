"""The crowd of one book: makers who quote around their idea of the price, and takers who come for noise or profit."""

from __future__ import annotations

import random

from cex.common.enums import Side, TimeInForce
from cex.sandbox.matching import MatchingEngine

__all__ = ["CROWD", "Crowd"]

CROWD = "crowd"

_HALF_SPREAD = 1.2e-4
_NEAR = 1.5e-4
_DEEP = 30e-4
_STALE_LEVELS = 10
_TAKE_STALE = 0.3
_CRUMB = 0.1
_NOISE_TAKER = 0.12


class Crowd:
    """Simulated participants of one instrument on one venue.

    They keep about ``resting`` orders on each side, dense at the touch and thin far away, withdraw or trade away what
    the price has left behind, and sometimes take at random. They never cancel an order that is not theirs. ``typical``
    is the usual quantity in lots, ``spread`` a factor on how far from the price they quote.
    """

    def __init__(
        self, engine: MatchingEngine, *, rng: random.Random, typical: float, resting: int, spread: float = 1.0
    ) -> None:
        self._engine = engine
        self._rng = rng
        self._typical = max(1.0, typical)
        self._resting = resting
        self._spread = spread
        self._tick = self._step = 1

    def keep_to(self, tick: int, step: int) -> None:
        """From now on, quote prices and quantities that are multiples of these."""
        self._tick, self._step = tick, step

    def open_book(self, centre: float) -> None:
        """Fill an empty book around ``centre`` (in ticks)."""
        for side in Side:
            for _ in range(self._resting):
                self._quote(side, centre)

    def act(self, centre: float) -> None:
        """One round of everyone's decisions, around ``centre`` (in ticks)."""
        for side in Side:
            self._leave_behind(side, centre)
        rng = self._rng
        for side in Side:
            missing = self._resting - self._engine.depth(side)
            for _ in range(min(5, 1 + max(0, missing // 8))):
                self._quote(side, centre)
            if missing < 0 or rng.random() < 0.5:
                self._withdraw(side)
            if missing < -4:
                self._withdraw(side)
        if rng.random() < _NOISE_TAKER:
            self._take(rng.choice((Side.BUY, Side.SELL)))

    def _quote(self, side: Side, centre: float) -> None:
        rng = self._rng
        near = rng.random() < 0.4
        away = (_HALF_SPREAD + rng.expovariate(1.0) * (_NEAR if near else _DEEP)) * self._spread
        price = int(centre * (1 - away)) if side is Side.BUY else int(centre * (1 + away)) + 1
        if self._tick > 1:
            price -= price % self._tick if side is Side.BUY else -(-price % self._tick)
        opposite = self._engine.best(side.opposite)
        if price < 1 or (opposite is not None and (price >= opposite if side is Side.BUY else price <= opposite)):
            return
        self._engine.submit(CROWD, side, self._size(1.0 if near else 2.5), price)

    def _leave_behind(self, side: Side, centre: float) -> None:
        """Deal with the quotes that the price has moved through: their owners withdraw them, or someone takes them."""
        engine, rng = self._engine, self._rng
        limit = int(centre * (1 - _HALF_SPREAD / 2)) if side is Side.BUY else int(centre * (1 + _HALF_SPREAD / 2)) + 1
        for _ in range(_STALE_LEVELS):
            best = engine.best(side)
            if best is None or (best <= limit if side is Side.BUY else best >= limit):
                return
            _, orders = engine.resting(side, -1)
            theirs = any(order.owner != CROWD for order in orders)
            if rng.random() < _TAKE_STALE or theirs:
                total = engine.total(side, best)
                quantity = max(1, round(total * rng.uniform(0.3, 1.0)))
                if theirs and total - quantity < self._typical * _CRUMB:
                    quantity = total
                engine.submit(CROWD, side.opposite, quantity, best, TimeInForce.IOC)
            else:
                for order in orders:
                    engine.cancel(order.id)

    def _withdraw(self, side: Side) -> None:
        depth = self._engine.depth(side)
        if depth < 3:
            return
        _, orders = self._engine.resting(side, -1 - int(self._rng.random() * depth))
        mine = [order for order in orders if order.owner == CROWD]
        if mine:
            self._engine.cancel(self._rng.choice(mine).id)

    def _take(self, side: Side) -> None:
        best = self._engine.best(side.opposite)
        if best is not None:
            self._engine.submit(CROWD, side, self._size(0.6), best, TimeInForce.IOC)

    def _size(self, scale: float) -> int:
        lots = max(1, round(self._typical * scale * self._rng.expovariate(1.0)))
        return lots if self._step == 1 else max(1, round(lots / self._step)) * self._step
