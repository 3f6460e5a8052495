"""A fault as it is asked for, and the same one at work: its own dice, its time, and how often it struck."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from decimal import Decimal, InvalidOperation
from types import MappingProxyType
from typing import Any, NamedTuple

from cex.common.clock import Clock
from cex.common.correlation import new_random
from cex.sandbox.faults.kinds import KINDS, FaultError, Kind, Parameter, Scope, Value
from cex.sandbox.market.seeds import derived

__all__ = ["Fault", "FaultStatus", "Rule"]

_COMMON: Mapping[str, Parameter] = {
    "venue": Parameter(None, str, optional=True),
    "symbol": Parameter(None, str, optional=True),
    "endpoint": Parameter(None, str, optional=True),
    "connection": Parameter(None, str, optional=True),
    "probability": Parameter(1.0, float, least=0.0),
    "count": Parameter(None, int, least=1, optional=True),
    "after": Parameter(0.0, float, least=0.0),
    "duration": Parameter(None, float, least=0.0, optional=True),
    "every": Parameter(None, float, optional=True),
}
_TIMED = frozenset({Scope.CONNECTION, Scope.VENUE, Scope.INSTRUMENT, Scope.CLOCK})
_WITH_SYMBOL = frozenset({Scope.PUBLIC, Scope.PRIVATE, Scope.REST, Scope.INSTRUMENT})
_WITH_CONNECTION = frozenset({Scope.PUBLIC, Scope.PRIVATE, Scope.CONNECTION})
_WITH_ENDPOINT = frozenset({Scope.REST, Scope.HANDSHAKE})


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What is to go wrong: a ``kind`` of :data:`KINDS`, where, how often, when, and what the kind lets be set.

    None as ``venue``, ``symbol``, ``endpoint`` (``POST */order``: a method or ``*``, and a path with ``*`` and
    ``{one,other}``) or ``connection`` (an id) means all of them. Each time it could strike it does so with
    ``probability``, at most ``count`` times in all. Seconds: it begins ``after`` it was added and ends a ``duration``
    later; what happens at a moment (a cut, a step of the clock) happens once, or again ``every`` so many seconds.

    Raises:
        FaultError: there is no such kind, or something about it makes no sense.
    """

    kind: str
    venue: str | None = None
    symbol: str | None = None
    endpoint: str | None = None
    connection: str | None = None
    probability: float = 1.0
    count: int | None = None
    after: float = 0.0
    duration: float | None = None
    every: float | None = None
    parameters: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        kind = KINDS.get(self.kind)
        if kind is None:
            raise FaultError(f"there is no fault {self.kind!r}; there are {', '.join(KINDS)}")
        for name, parameter in _COMMON.items():
            object.__setattr__(self, name, parameter.checked(self.kind, name, getattr(self, name)))
        self._check_filters(kind)
        unknown = sorted(self.parameters.keys() - kind.parameters.keys())
        if unknown:
            takes = ", ".join(kind.parameters) or "nothing of its own"
            raise FaultError(f"{self.kind}: unknown setting {unknown[0]!r}; it takes {takes}")
        complete = {
            name: parameter.checked(self.kind, name, self.parameters.get(name, parameter.default))
            for name, parameter in kind.parameters.items()
        }
        object.__setattr__(self, "parameters", MappingProxyType(complete))

    def _check_filters(self, kind: Kind) -> None:
        for name, scopes in (
            ("symbol", _WITH_SYMBOL),
            ("connection", _WITH_CONNECTION),
            ("endpoint", _WITH_ENDPOINT),
            ("every", _TIMED),
        ):
            if getattr(self, name) is not None and kind.scope not in scopes:
                raise FaultError(f"{self.kind}: takes no {name}, for it strikes a {kind.scope}")
        if self.probability > 1:
            raise FaultError(f"{self.kind}: probability is at most 1, not {self.probability:g}")
        if self.every is not None:
            if kind.lasting:
                raise FaultError(f"{self.kind}: takes no every, for it lasts; use duration")
            if not self.every > 0:
                raise FaultError(f"{self.kind}: every is more than 0, not {self.every:g}")
        if self.endpoint is not None:
            _endpoint_pattern(self.kind, self.endpoint)
        if kind.name == "rules_changed" and not any(self.parameters.get(name) is not None for name in kind.parameters):
            raise FaultError(f"{self.kind}: say what changes: {', '.join(kind.parameters)}")
        for name in self.parameters if kind.name == "rules_changed" else ():
            _check_decimal(self.kind, name, self.parameters[name])

    @classmethod
    def of(cls, kind: str, **settings: Any) -> Fault:
        """A fault from flat settings: ``Fault.of("delay_push", venue="mexc", of="fill", seconds=2)``."""
        common = {name: settings.pop(name) for name in _COMMON if name in settings}
        return cls(kind=kind, parameters=settings, **common)

    @classmethod
    def parse(cls, text: str) -> Fault:
        """A fault as it is written on a command line: ``kind`` or ``kind:name=value,name=value``."""
        name, _, rest = text.strip().partition(":")
        kind = KINDS.get(name)
        if kind is None:
            raise FaultError(f"there is no fault {name!r}; there are {', '.join(KINDS)}")
        settings: dict[str, Value] = {}
        for part in re.split(r",(?![^{]*\})", rest) if rest else ():
            key, equals, value = part.partition("=")
            known = _COMMON.get(key) or kind.parameters.get(key)
            if not equals or known is None:
                takes = ", ".join((*_COMMON, *kind.parameters))
                raise FaultError(f"{name}: {part!r} is not name=value with a name among {takes}")
            settings[key] = known.parsed(name, key, value)
        return cls.of(name, **settings)

    def as_dict(self) -> dict[str, Value]:
        """Flat, as :meth:`of` takes it, without what is not set."""
        common = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "parameters"}
        told = {**common, **self.parameters}
        return {name: value for name, value in told.items() if value is not None}


class FaultStatus(NamedTuple):
    """A fault that was added. ``state`` is ``waiting``, ``on`` or ``over``."""

    id: int
    fault: Fault
    state: str
    injected: int


class Rule:
    """One fault at work. Its dice depend on the seed and its id alone."""

    def __init__(self, number: int, fault: Fault, *, seed: int, clock: Clock) -> None:
        self.id = number
        self.fault = fault
        self.kind = KINDS[fault.kind]
        self.injected = 0
        self._rng = new_random(derived(seed, "fault", str(number)))
        self._clock = clock
        self._from_ns = clock.monotonic_ns() + round(fault.after * 1e9)
        self._until_ns = math.inf if fault.duration is None else self._from_ns + round(fault.duration * 1e9)
        self._next_ns: float = self._from_ns
        self._endpoint = None
        if (pattern := fault.endpoint or self.kind.endpoint) is not None:
            self._endpoint = _endpoint_pattern(fault.kind, pattern)

    @property
    def rng(self) -> random.Random:
        """For what the fault makes up: garbage, a jitter."""
        return self._rng

    @property
    def state(self) -> str:
        """``waiting``, ``on`` or ``over``."""
        if self.is_past or (not self.kind.lasting and self._is_spent):
            return "over"
        return "on" if self._clock.monotonic_ns() >= self._from_ns else "waiting"

    @property
    def is_past(self) -> bool:
        """Whether its time is over."""
        return self._clock.monotonic_ns() >= self._until_ns

    @property
    def _is_spent(self) -> bool:
        return self.fault.count is not None and self.injected >= self.fault.count

    @property
    def status(self) -> FaultStatus:
        return FaultStatus(self.id, self.fault, self.state, self.injected)

    def number(self, name: str) -> float:
        """A numeric setting."""
        value = self.fault.parameters[name]
        assert isinstance(value, (int, float))
        return value

    def text(self, name: str) -> str:
        """A setting that is text."""
        return str(self.fault.parameters[name])

    def applies(self, symbol: str) -> bool:
        """Whether it may strike something of this symbol; one that is tied to a symbol strikes nothing else."""
        return self.fault.symbol is None or self.fault.symbol == symbol

    def covers_request(self, method: str, path: str) -> bool:
        """Whether it may strike a request of this method and path."""
        return self._endpoint is None or self._endpoint.fullmatch(f"{method} {path}") is not None

    def hits(self) -> bool:
        """Whether it is to strike now: asks its time, its count and its dice."""
        return self.state == "on" and (self.fault.probability >= 1 or self._rng.random() < self.fault.probability)

    def count(self) -> None:
        """It has struck."""
        self.injected += 1

    def is_due(self) -> bool:
        """Of what happens at a moment: whether that has come. Says so once a moment."""
        now = self._clock.monotonic_ns()
        if now < self._next_ns or self.state != "on":
            return False
        every = self.fault.every
        self._next_ns = math.inf if every is None else max(self._next_ns + round(every * 1e9), now + 1)
        return True


def _check_decimal(kind: str, name: str, value: Value) -> None:
    try:
        sensible = value is None or Decimal(str(value)) > 0
    except InvalidOperation:
        sensible = False
    if not sensible:
        raise FaultError(f"{kind}: {name} is a positive decimal number as text, not {value!r}")


def _endpoint_pattern(kind: str, text: str) -> re.Pattern[str]:
    """``POST */order`` as a regular expression over ``METHOD path``."""
    method, _, path = text.partition(" ")
    if not path or not re.fullmatch(r"\*|[A-Z]+", method):
        raise FaultError(f"{kind}: endpoint is a method and a path, such as 'POST /api/v3/order', not {text!r}")
    out = ""
    for piece in re.findall(r"\*|\{[^{}]*\}|.", path):
        if piece == "*":
            out += ".*"
        elif piece.startswith("{") and len(piece) > 1:
            out += "(?:" + "|".join(re.escape(one).replace(r"\*", ".*") for one in piece[1:-1].split(",")) + ")"
        else:
            out += re.escape(piece)
    return re.compile(f"{'[A-Z]+' if method == '*' else method} {out}")
