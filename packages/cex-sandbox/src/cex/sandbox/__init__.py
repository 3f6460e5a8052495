"""A local exchange that speaks MEXC's and Gate.io's own protocols, for any client, with faults on demand."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cex.sandbox.faults import Faults
    from cex.sandbox.market.listings import DEFAULT_LISTINGS, FuturesContract, Listing, Rules
    from cex.sandbox.market.prices import PriceModel
    from cex.sandbox.market.simulation import Fingerprint, Market, TrueBook, TrueKline
    from cex.sandbox.replay.player import Replay, ReplayReport
    from cex.sandbox.replay.recording import Recording, read_recording
    from cex.sandbox.replay.records import RecordingError
    from cex.sandbox.server import Sandbox, serve
    from cex.sandbox.venues.gateio.options import GateioOptions
    from cex.sandbox.venues.mexc.options import MexcOptions

__all__ = [
    "DEFAULT_LISTINGS",
    "Faults",
    "Fingerprint",
    "FuturesContract",
    "GateioOptions",
    "Listing",
    "Market",
    "MexcOptions",
    "PriceModel",
    "Recording",
    "RecordingError",
    "Replay",
    "ReplayReport",
    "Rules",
    "Sandbox",
    "TrueBook",
    "TrueKline",
    "read_recording",
    "serve",
]

_ROOM_OF = {
    "FuturesContract": "market.listings",
    "DEFAULT_LISTINGS": "market.listings",
    "Faults": "faults",
    "Fingerprint": "market.simulation",
    "GateioOptions": "venues.gateio.options",
    "Listing": "market.listings",
    "Market": "market.simulation",
    "MexcOptions": "venues.mexc.options",
    "PriceModel": "market.prices",
    "Recording": "replay.recording",
    "RecordingError": "replay.records",
    "Replay": "replay.player",
    "ReplayReport": "replay.player",
    "Rules": "market.listings",
    "Sandbox": "server",
    "TrueBook": "market.simulation",
    "TrueKline": "market.simulation",
    "read_recording": "replay.recording",
    "serve": "server",
}


def __getattr__(name: str) -> object:
    room = _ROOM_OF.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{room}"), name)
    globals()[name] = value
    return value
