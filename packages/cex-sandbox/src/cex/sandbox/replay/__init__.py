"""A recorded conversation, served again on the loopback interface in the exchange's own protocol."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cex.sandbox.replay.player import MAX_SPEED, Replay, ReplayReport
    from cex.sandbox.replay.recording import Recording, VenuePart, read_recording
    from cex.sandbox.replay.records import RecordingError
    from cex.sandbox.replay.venues.venue import StreamKind, Traded

__all__ = [
    "MAX_SPEED",
    "Recording",
    "RecordingError",
    "Replay",
    "ReplayReport",
    "StreamKind",
    "Traded",
    "VenuePart",
    "read_recording",
]

_ROOM_OF = {
    "MAX_SPEED": "player",
    "Recording": "recording",
    "RecordingError": "records",
    "Replay": "player",
    "ReplayReport": "player",
    "StreamKind": "venues.venue",
    "Traded": "venues.venue",
    "VenuePart": "recording",
    "read_recording": "recording",
}


def __getattr__(name: str) -> object:
    room = _ROOM_OF.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{room}"), name)
    globals()[name] = value
    return value
