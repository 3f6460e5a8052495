"""Which exchanges are installed: their distributions announce a factory in the entry-point group ``cex.exchanges``."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cex.common.constants.system_constants import ENTRY_POINT_GROUP
from cex.common.exceptions import ConfigurationException
from cex.exchanges.base.factory import BaseExchangeFactory

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

__all__ = ["Discovered", "check_factory", "discover"]


class Discovered:
    """One installed exchange. Its module is imported by :meth:`load`, not before."""

    __slots__ = ("_announced", "name")

    def __init__(self, name: str, announced: Sequence[EntryPoint]) -> None:
        self.name = name
        self._announced = announced

    def __repr__(self) -> str:
        return f"<Discovered {self.name} of {self.distribution}>"

    @property
    def distribution(self) -> str:
        """The distribution that announces it, with its version; several where they contradict each other."""
        return " and ".join(sorted({_distribution(point) for point in self._announced}))

    def load(self) -> type[BaseExchangeFactory[Any]]:
        """Import the factory's class.

        Raises:
            ConfigurationException: it cannot be imported or is no factory; the message names the distribution.
        """
        if len({point.value for point in self._announced}) > 1:
            raise self._broken("two distributions announce the same exchange; uninstall one of them")
        try:
            loaded = self._announced[0].load()
        except Exception as error:  # importing a foreign module may raise anything
            raise self._broken(
                f"importing {self._announced[0].value} failed: {type(error).__name__}: {error}"
            ) from error
        problem = check_factory(self.name, loaded)
        if problem:
            raise self._broken(f"{self._announced[0].value} {problem}")
        factory: type[BaseExchangeFactory[Any]] = loaded
        return factory

    def _broken(self, problem: str) -> ConfigurationException:
        return ConfigurationException(
            f"the exchange {self.name!r} of {self.distribution} cannot be used: {problem}", operation="discovery"
        )


def _distribution(point: EntryPoint) -> str:
    return f"{point.dist.name} {point.dist.version}" if point.dist is not None else "an unknown distribution"


def check_factory(name: str, candidate: object) -> str:
    """What keeps ``candidate`` from being the factory of ``name``; empty when nothing does."""
    from cex.config.exchanges.base_exchange_config import BaseExchangeConfig

    if not (isinstance(candidate, type) and issubclass(candidate, BaseExchangeFactory)):
        return "is no subclass of cex.exchanges.base.factory.BaseExchangeFactory"
    if inspect.isabstract(candidate):
        return f"does not define {', '.join(sorted(candidate.__abstractmethods__))}"
    if getattr(candidate, "exchange", None) != name:
        return f"is the factory of {getattr(candidate, 'exchange', None)!r}, not of {name!r}"
    config_type = getattr(candidate, "config_type", None)
    if not (isinstance(config_type, type) and issubclass(config_type, BaseExchangeConfig)):
        return "has no config_type that is a subclass of cex.config.BaseExchangeConfig"
    return ""


def discover() -> dict[str, Discovered]:
    """Every installed exchange by name; imports none of them. Looks at the installed distributions anew each time."""
    from importlib.metadata import distributions

    announced: dict[str, list[EntryPoint]] = {}
    for distribution in distributions():
        # Most distributions are ruled out by this text, which costs much less than to parse the entry points of all.
        if ENTRY_POINT_GROUP in (distribution.read_text("entry_points.txt") or ""):
            for point in distribution.entry_points.select(group=ENTRY_POINT_GROUP):
                announced.setdefault(point.name, []).append(point)
    return {name: Discovered(name, _first_of_each(announced[name])) for name in sorted(announced)}


def _first_of_each(points: list[EntryPoint]) -> list[EntryPoint]:
    """Without the copies of a distribution that stand further down the path, which the first one shadows."""
    if len(points) == 1:
        return points
    return list({_distribution_name(point): point for point in reversed(points)}.values())


def _distribution_name(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else ""
