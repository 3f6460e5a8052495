"""How a connection is doing: the figures kept in the receive path, and the immutable picture of them for users."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

__all__ = ["ConnectionHealth", "ConnectionState", "Counters"]


class ConnectionState(StrEnum):
    CONNECTING = "connecting"
    OPEN = "open"
    WAITING = "waiting"
    """Lost or refused; the next attempt comes after a pause."""


class Counters:
    """Figures of one line across all its connections; written by the receive path, one attribute store each."""

    __slots__ = ("bytes", "faults", "heard_ns", "lag_ns", "messages", "reconnects", "undecodable")

    def __init__(self) -> None:
        self.messages = 0
        self.bytes = 0
        self.undecodable = 0
        self.faults = 0
        self.reconnects = 0
        self.heard_ns: int | None = None
        self.lag_ns: int | None = None


@dataclass(frozen=True, slots=True)
class ConnectionHealth:
    """One line to the exchange. Counts run since its first connection and survive reconnects.

    - ``connection``: the number of the current socket, of the last one while there is none, 0 before the first;
    - ``url``: without its query;
    - ``reason``: why the last connection ended or could not be opened, empty at first;
    - ``age_s``: seconds since the current socket opened, None while there is none;
    - ``quiet_s``: seconds since the last inbound frame on it, None while there is none;
    - ``lag_s``: round trip of the last heartbeat in seconds, None before the first answer;
    - ``last_heard_ns``: monotonic time of the last inbound frame, None while there is no socket;
    - ``bytes``: received payload; text counts its characters;
    - ``undecodable``: frames that did not decode; ``faults``: frames on which our own code failed;
    - ``subscriptions``: acknowledged streams; ``pending``: wanted but not acknowledged ones.
    """

    connection: int
    url: str
    state: ConnectionState
    reason: str
    age_s: float | None
    quiet_s: float | None
    lag_s: float | None
    last_heard_ns: int | None
    reconnects: int
    messages: int
    bytes: int
    undecodable: int
    faults: int
    subscriptions: int
    pending: int
