"""The door for figures: the clients count and measure through it, and know no metrics system."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

__all__ = ["NO_METRICS", "InMemoryMetrics", "Metrics", "NoMetrics", "Observed"]


class Metrics(Protocol):
    """Where figures go. Names and label values come from the code, never from a query, header or body."""

    def count(self, name: str, value: float = 1, **labels: str) -> None:
        """Add ``value`` to a counter."""
        ...

    def observe(self, name: str, value: float, **labels: str) -> None:
        """Record one measurement of a distribution, such as a duration in seconds."""
        ...

    def gauge(self, name: str, value: float, **labels: str) -> None:
        """Set a figure that goes up and down."""
        ...


class NoMetrics:
    """Drops every figure."""

    __slots__ = ()

    def count(self, name: str, value: float = 1, **labels: str) -> None:
        return

    def observe(self, name: str, value: float, **labels: str) -> None:
        return

    def gauge(self, name: str, value: float, **labels: str) -> None:
        return


NO_METRICS = NoMetrics()


@dataclass(slots=True)
class Observed:
    """What is kept of a distribution: how many, their sum, the least and the most."""

    count: int = 0
    total: float = 0.0
    least: float = float("inf")
    most: float = float("-inf")


_Key = tuple[str, tuple[tuple[str, str], ...]]


def _key(name: str, labels: dict[str, str]) -> _Key:
    return name, tuple(sorted(labels.items()))


class InMemoryMetrics:
    """Keeps figures in memory, one entry for each name with its labels; for tests and for a command that shows them."""

    __slots__ = ("_counters", "_gauges", "_observed")

    def __init__(self) -> None:
        self._counters: dict[_Key, float] = {}
        self._observed: dict[_Key, Observed] = {}
        self._gauges: dict[_Key, float] = {}

    def count(self, name: str, value: float = 1, **labels: str) -> None:
        key = _key(name, labels)
        self._counters[key] = self._counters.get(key, 0) + value

    def observe(self, name: str, value: float, **labels: str) -> None:
        seen = self._observed.setdefault(_key(name, labels), Observed())
        seen.count += 1
        seen.total += value
        seen.least = min(seen.least, value)
        seen.most = max(seen.most, value)

    def gauge(self, name: str, value: float, **labels: str) -> None:
        self._gauges[_key(name, labels)] = value

    def counted(self, name: str, **labels: str) -> float:
        """The counter's value; every given label must match, labels not given are summed over."""
        wanted = set(labels.items())
        return sum(value for (own, at), value in self._counters.items() if own == name and wanted <= set(at))

    def observed(self, name: str, **labels: str) -> Observed:
        """The distribution under exactly these labels, empty if nothing was measured."""
        return self._observed.get(_key(name, labels), Observed())

    def gauged(self, name: str, **labels: str) -> float | None:
        """The gauge under exactly these labels, None if it was never set."""
        return self._gauges.get(_key(name, labels))
