"""Every kind of fault there is: where it strikes, what it does, and what can be set about it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

__all__ = ["KINDS", "FaultError", "Kind", "Parameter", "Scope", "Value"]

Value = bool | int | float | str | None


class FaultError(ValueError):
    """A fault that cannot be: the text says what is wrong with it and what there is instead."""


class Scope(StrEnum):
    """What a fault strikes; decides when its dice are thrown and which filters it takes."""

    PUBLIC = "public push"
    PRIVATE = "private push"
    REST = "REST request"
    HANDSHAKE = "WebSocket handshake"
    CONNECTION = "connection"
    INSTRUMENT = "instrument"
    VENUE = "venue"
    CLOCK = "clock"


_TYPES: Mapping[type, str] = {bool: "true or false", int: "an integer", float: "a number", str: "a text"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """``type`` is what a value must be; with ``optional`` it may be left unset (None)."""

    default: Value
    type: type
    least: float | None = None
    choices: tuple[Value, ...] = ()
    optional: bool = False

    def checked(self, kind: str, name: str, value: Value) -> Value:
        """``value`` as this parameter holds it. Raises FaultError."""
        if value is None and self.optional:
            return None
        wanted: Value = None
        if self.type is float and isinstance(value, (int, float)) and not isinstance(value, bool):
            wanted = float(value)
        elif self.type is int and isinstance(value, float) and value == int(value):
            wanted = int(value)
        elif isinstance(value, self.type) and not (self.type is int and isinstance(value, bool)):
            wanted = value
        if wanted is None or (isinstance(wanted, float) and not math.isfinite(wanted)):
            raise FaultError(f"{kind}: {name} is {_TYPES[self.type]}, not {value!r}")
        if self.choices and wanted not in self.choices:
            raise FaultError(f"{kind}: {name} is one of {', '.join(map(str, self.choices))}, not {value!r}")
        if self.least is not None and isinstance(wanted, (int, float)) and wanted < self.least:
            raise FaultError(f"{kind}: {name} is at least {self.least:g}, not {value!r}")
        return wanted

    def parsed(self, kind: str, name: str, text: str) -> Value:
        """A value that was written as text, as on a command line. Raises FaultError."""
        if self.type is str:
            return self.checked(kind, name, text)
        if self.type is bool:
            spelled = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
            return self.checked(kind, name, spelled.get(text.lower(), text))
        try:
            value: Value = float(text)
        except ValueError:
            value = text
        return self.checked(kind, name, value)


def _seconds(default: float) -> Parameter:
    return Parameter(default, float, least=0.0)


def _whole(default: int | None, *, least: int = 1, choices: tuple[int, ...] = ()) -> Parameter:
    return Parameter(default, int, least=least, choices=choices, optional=default is None)


_HOW_LOST = {"how": Parameter("reset", str, choices=("reset", "hang"))}
_OF = {"of": Parameter("any", str, choices=("any", "order", "fill", "balance", "position", "ack"))}
_RETRY = {"retry_after": Parameter(None, float, least=0.0, optional=True)}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind: ``does`` in one line, ``covers`` the usual names of the failures that it makes (F1 to F17).

    ``endpoint`` is where a REST fault strikes when none is named. A ``lasting`` one holds for its duration; the others
    of its scope happen at a moment.
    """

    name: str
    scope: Scope
    does: str
    covers: str
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    endpoint: str | None = None
    lasting: bool = False


_BOOKS = "GET */{depth,order_book}"
_ORDERS = "POST */{order,orders,batchOrders,batch_orders}"
_CANCELS = "DELETE */{order,orders/*}"

_PUBLIC = (
    Kind("drop_delta", Scope.PUBLIC, "a book delta is lost, for all who listen or for the first of them", "F1",
         {"everywhere": Parameter(True, bool)}),
    Kind("duplicate_delta", Scope.PUBLIC, "a book delta comes twice", "F2"),
    Kind("reorder_deltas", Scope.PUBLIC, "a book delta comes after the next `depth` ones", "F2", {"depth": _whole(1)}),
    Kind("delay_delta", Scope.PUBLIC, "a book delta, and all that follows on the connection, is late", "F2",
         {"seconds": _seconds(0.5)}),
    Kind("crossed_push", Scope.PUBLIC, "a book delta holds a bid far above the best ask", "F2"),
    Kind("empty_push", Scope.PUBLIC, "after a book delta comes one without levels, with the ids of the first", "F2"),
    Kind("truncated_push", Scope.PUBLIC, "half of a public push", "F11"),
    Kind("malformed_push", Scope.PUBLIC, "garbage in place of a public push; `level` websocket: an impossible frame",
         "F11", {"level": Parameter("payload", str, choices=("payload", "websocket"))}),
    Kind("oversized_push", Scope.PUBLIC, "a frame of `size` bytes after a public push", "F11",
         {"size": _whole(2 << 20)}),
)  # fmt: skip

_PRIVATE = (
    Kind("drop_push", Scope.PRIVATE, "a private push is lost", "F6, F8", _OF),
    Kind("duplicate_push", Scope.PRIVATE, "a private push comes twice", "F6", _OF),
    Kind("duplicate_fill", Scope.PRIVATE, "a fill is pushed twice", "F6"),
    Kind("reorder_pushes", Scope.PRIVATE, "a private push comes after the next `depth` ones", "F6",
         {**_OF, "depth": _whole(1)}),
    Kind("delay_push", Scope.PRIVATE, "a private push, and all that follows on the connection, is late", "F6",
         {**_OF, "seconds": _seconds(0.5)}),
    Kind("fill_before_order", Scope.PRIVATE, "an order push waits for the next fill push, at most `seconds`", "F6",
         {"seconds": _seconds(1.0)}),
    Kind("order_before_fill", Scope.PRIVATE, "a fill push waits for the next order push, at most `seconds`", "F6",
         {"seconds": _seconds(1.0)}),
    Kind("ack_before_fill", Scope.PRIVATE, "order and fill pushes come `seconds` after the answer", "F6",
         {"seconds": _seconds(0.2)}),
)  # fmt: skip

_REST = (
    Kind("rate_limited", Scope.REST, "refused as over the limit (429)", "F5", _RETRY),
    Kind("banned", Scope.REST, "refused as banned (MEXC: 418; Gate.io: 403)", "F5", _RETRY),
    Kind("forbidden", Scope.REST, "refused by the firewall (403)", "F5"),
    Kind("server_error", Scope.REST, "an answer of 5xx; nothing took effect", "F5, F6",
         {"status": _whole(500, least=500, choices=(500, 502, 503, 504)), **_RETRY}),
    Kind("maintenance", Scope.REST, "refused for maintenance, in the venue's words", "F14"),
    Kind("lying_limits", Scope.REST, "the limit headers of an answer hold these figures", "F5",
         {"remaining": _whole(0, least=0), "limit": _whole(None), "reset_in": Parameter(0.0, float)}),
    Kind("request_lost", Scope.REST, "a request never takes effect: reset, or no answer", "F6", _HOW_LOST),
    Kind("answer_lost", Scope.REST, "a request takes effect and is not answered: reset, or silence", "F6", _HOW_LOST),
    Kind("request_late", Scope.REST, "a request takes effect late", "F6", {"seconds": _seconds(1.0)}),
    Kind("answer_late", Scope.REST, "a request takes effect at once and is answered late", "F6",
         {"seconds": _seconds(1.0)}),
    Kind("fill_before_ack", Scope.REST, "an order is answered after its fill is pushed, at most `seconds` later", "F6",
         {"seconds": _seconds(5.0)}, endpoint=_ORDERS),
    Kind("cancel_races_fill", Scope.REST, "a cancel waits until the order is filled; `force` has the crowd fill it",
         "F6", {"seconds": _seconds(5.0), "force": Parameter(True, bool)}, endpoint=_CANCELS),
    Kind("stale_snapshot", Scope.REST, "a book as it was `seconds` ago", "F2", {"seconds": _seconds(1.0)},
         endpoint=_BOOKS),
    Kind("empty_snapshot", Scope.REST, "a book without bids, asks or both", "F2",
         {"side": Parameter("both", str, choices=("bids", "asks", "both"))}, endpoint=_BOOKS),
    Kind("crossed_snapshot", Scope.REST, "a book with a bid far above the best ask", "F2", endpoint=_BOOKS),
    Kind("truncated_answer", Scope.REST, "half of an answer's body, then the connection ends", "F11"),
    Kind("malformed_answer", Scope.REST, "garbage as the body of an answer", "F11"),
    Kind("oversized_answer", Scope.REST, "an answer's body padded to `size` bytes", "F11", {"size": _whole(2 << 20)}),
    Kind("slow_answer", Scope.REST, "an answer's body at `rate` bytes a second", "F3",
         {"rate": Parameter(1.0, float, least=0.01)}),
    Kind("listen_key_renewal_fails", Scope.REST, "the renewal of a listenKey is answered by 5xx", "F8",
         {"status": _whole(500, least=500, choices=(500, 502, 503, 504))}, endpoint="PUT */userDataStream"),
    Kind("handshake_refused", Scope.HANDSHAKE, "a WebSocket is answered by an HTTP status", "F3, F4",
         {"status": _whole(503, least=400)}),
)  # fmt: skip

_TIMED = (
    Kind("close", Scope.CONNECTION, "connections end with a close code; 1006 is none", "F3",
         {"code": _whole(1001, choices=(1000, 1001, 1006, 1008, 1011, 1012, 1013)), "reason": Parameter("", str)}),
    Kind("reset", Scope.CONNECTION, "connections end with a TCP reset", "F3"),
    Kind("silence", Scope.CONNECTION, "connections are half-open for `seconds`, then hung up", "F3",
         {"seconds": _seconds(60.0)}),
    Kind("slow", Scope.CONNECTION, "connections deliver `rate` bytes a second", "F3, F17",
         {"rate": Parameter(1.0, float, least=0.01)}, lasting=True),
    Kind("upgrade_notice", Scope.CONNECTION, "the server asks its clients to reconnect, where the venue does so", "F3"),
    Kind("down", Scope.VENUE, "the venue is away: connections are cut, and new ones refused or reset", "F4, F7",
         {"how": Parameter("refuse", str, choices=("refuse", "reset"))}, lasting=True),
    Kind("listen_key_expired", Scope.VENUE, "every listenKey of the venue expires now", "F8"),
    Kind("listen_key_deleted", Scope.VENUE, "every listenKey is deleted, as by another client", "F8"),
    Kind("halted", Scope.INSTRUMENT, "trading of an instrument is halted", "F14", lasting=True),
    Kind("delisted", Scope.INSTRUMENT, "an instrument is delisted", "F14", lasting=True),
    Kind("rules_changed", Scope.INSTRUMENT, "an instrument has another tick, step, minimum or contract size", "F14",
         {name: Parameter(None, str, optional=True) for name in ("tick", "step", "min_quantity", "min_notional")}
         | {"multiplier": Parameter(None, str, optional=True)}, lasting=True),
    Kind("clock_offset", Scope.CLOCK, "the venue's clock is ahead by `seconds`", "F9",
         {"seconds": Parameter(10.0, float)}, lasting=True),
    Kind("clock_step", Scope.CLOCK, "the venue's clock jumps by `seconds` and stays there", "F9",
         {"seconds": Parameter(10.0, float)}),
    Kind("clock_drift", Scope.CLOCK, "the venue's clock runs fast by `ppm` millionths", "F9",
         {"ppm": Parameter(200.0, float)}, lasting=True),
)  # fmt: skip

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in (*_PUBLIC, *_PRIVATE, *_REST, *_TIMED)}
