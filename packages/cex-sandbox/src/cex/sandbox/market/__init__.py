"""The simulated market: what is listed, how prices move, who trades, and the books that result on every venue."""

from __future__ import annotations

__all__: list[str] = []
