"""Faults of what a venue pushes: between its streams and its connections, while any of them is on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from cex.sandbox.faults import mangle
from cex.sandbox.faults.kinds import Scope
from cex.sandbox.faults.rules import Rule
from cex.sandbox.venues.connection import Connection, Frame
from cex.sandbox.venues.feeds import PrivateKind, Stream
from cex.sandbox.venues.frames import encoded

__all__ = ["Pushes"]

_LONGEST_HOLD = 1.0
_ANY_STREAM = frozenset({"truncated_push", "malformed_push", "oversized_push"})
_ACCOUNT = frozenset({"order", "fill"})
_PUSHED = frozenset({"order", "fill", "balance", "position", "other"})


@dataclass(slots=True)
class _Plan:
    """What is to be sent of one frame: these bytes, so late, after ``hold`` more frames or the next one ``until``."""

    data: list[bytes]
    delay: float = 0.0
    hold: int = 0
    until: str = ""
    at_most: float = _LONGEST_HOLD


@dataclass(slots=True, eq=False)
class _Held:
    plan: _Plan
    timer: asyncio.TimerHandle | None = None


class Pushes:
    """The injector of one venue. ``struck`` counts each strike, with what was struck."""

    def __init__(self, rules: Callable[[], Iterable[Rule]], struck: Callable[[Rule, str], None]) -> None:
        self._rules = rules
        self._struck = struck
        self._held: dict[Connection, dict[str, list[_Held]]] = {}

    def published(self, stream: Stream, frames: Sequence[Frame], listeners: Sequence[Connection]) -> None:
        """Send what a stream has to tell, or what the faults make of it. The dice are thrown once a frame."""
        key = f"{id(stream)}"
        for frame in frames:
            data = encoded(frame)
            plans = {connection: _Plan([data]) for connection in listeners}
            for rule in self._rules():
                self._apply_public(rule, stream, frame, plans)
            for connection, plan in plans.items():
                self._carry_out(connection, key, plan, "")

    def told(self, connection: Connection, frame: Frame, kind: PrivateKind, symbol: str) -> None:
        """Send a private frame, or what the faults make of it."""
        plan = _Plan([encoded(frame)])
        for rule in self._rules():
            if rule.kind.scope is Scope.PRIVATE and _concerns(rule, connection) and rule.applies(symbol):
                self._apply_private(rule, kind, plan)
        self._carry_out(connection, "", plan, kind)

    def left(self, connection: Connection) -> None:
        """Forget what was held back for a connection that is gone."""
        for held in self._held.pop(connection, {}).values():
            for one in held:
                if one.timer is not None:
                    one.timer.cancel()

    @property
    def is_idle(self) -> bool:
        """Whether nothing is held back."""
        return not any(held for queues in self._held.values() for held in queues.values())

    def release(self) -> None:
        """Send everything that is held back, for the faults are over."""
        for connection, queues in list(self._held.items()):
            for key in queues:
                self._let_go(connection, key, list(queues[key]))

    def _apply_public(self, rule: Rule, stream: Stream, frame: Frame, plans: Mapping[Connection, _Plan]) -> None:
        if rule.kind.scope is not Scope.PUBLIC or not rule.applies(stream.symbol):
            return
        name = rule.fault.kind
        if not stream.carries_deltas and name not in _ANY_STREAM:
            return
        struck = [plan for connection, plan in plans.items() if _concerns(rule, connection)]
        if name == "drop_delta" and not rule.fault.parameters["everywhere"]:
            struck = struck[:1]
        if not struck or not rule.hits():
            return
        made = _made(rule, frame)
        if made is None:
            return
        self._struck(rule, stream.symbol)
        for plan in struck:
            if name == "reorder_deltas":
                plan.hold = int(rule.number("depth"))
            elif name == "delay_delta":
                plan.delay += rule.number("seconds")
            else:
                plan.data = made

    def _apply_private(self, rule: Rule, kind: PrivateKind, plan: _Plan) -> None:
        name = rule.fault.kind
        wanted = {
            "duplicate_fill": {"fill"},
            "fill_before_order": {"order"},
            "order_before_fill": {"fill"},
            "ack_before_fill": _ACCOUNT,
        }.get(name)
        if wanted is None:
            of = rule.text("of")
            wanted = _PUSHED if of == "any" else {of}
        if kind not in wanted or not rule.hits():
            return
        self._struck(rule, kind)
        if name == "drop_push":
            plan.data = []
        elif name in ("duplicate_push", "duplicate_fill"):
            plan.data = plan.data * 2
        elif name == "reorder_pushes":
            plan.hold = int(rule.number("depth"))
        elif name in ("delay_push", "ack_before_fill"):
            plan.delay += rule.number("seconds")
        else:
            plan.until = "fill" if name == "fill_before_order" else "order"
            plan.at_most = rule.number("seconds")

    def _carry_out(self, connection: Connection, key: str, plan: _Plan, kind: str) -> None:
        if plan.data and (plan.hold or plan.until):
            self._hold(connection, key, plan)
            return
        for data in plan.data:
            connection.send(data, plan.delay)
        waiting = self._held.get(connection, {}).get(key)
        if not waiting:
            return
        released = []
        for held in waiting:
            held.plan.hold -= 1
            if held.plan.until == kind if held.plan.until else held.plan.hold <= 0:
                released.append(held)
        self._let_go(connection, key, released)

    def _hold(self, connection: Connection, key: str, plan: _Plan) -> None:
        queue = self._held.setdefault(connection, {}).setdefault(key, [])
        loop = asyncio.get_running_loop()
        held = _Held(plan)
        held.timer = loop.call_later(plan.at_most, self._let_go, connection, key, [held])
        queue.append(held)

    def _let_go(self, connection: Connection, key: str, released: Sequence[_Held]) -> None:
        queue = self._held.get(connection, {}).get(key)
        if queue is None:
            return
        for held in released:
            if held in queue:
                queue.remove(held)
                if held.timer is not None:
                    held.timer.cancel()
                for data in held.plan.data:
                    connection.send(data, held.plan.delay)


def _concerns(rule: Rule, connection: Connection) -> bool:
    return rule.fault.connection is None or rule.fault.connection == connection.id


def _made(rule: Rule, frame: Frame) -> list[bytes] | None:
    """What a public frame becomes; None where this fault can do nothing to it."""
    data = encoded(frame)
    changed: Frame | None
    match rule.fault.kind:
        case "drop_delta":
            return []
        case "duplicate_delta":
            return [data, data]
        case "crossed_push":
            changed = mangle.crossed_push(frame)
            return None if changed is None else [encoded(changed)]
        case "empty_push":
            changed = mangle.emptied_push(frame)
            return None if changed is None else [data, encoded(changed)]
        case "truncated_push":
            return [encoded(mangle.half(frame))]
        case "malformed_push" if rule.text("level") == "websocket":
            return [mangle.impossible(frame)]
        case "malformed_push":
            return [encoded(mangle.garbage(rule.rng, frame))]
        case "oversized_push":
            return [data, mangle.padding(frame, int(rule.number("size")))]
        case _:
            return [data]
