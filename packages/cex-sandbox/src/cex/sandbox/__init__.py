"""A local exchange that speaks MEXC's and Gate.io's own protocols, for any client, with faults on demand."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cex.sandbox.background import BackgroundSandbox
    from cex.sandbox.credentials import AccountPlan, Credentials
    from cex.sandbox.faults import KINDS, Fault, FaultError, Faults, FaultStatus
    from cex.sandbox.latency import Latency
    from cex.sandbox.market.book import TrueBook, TrueKline
    from cex.sandbox.market.fingerprint import Fingerprint
    from cex.sandbox.market.listings import DEFAULT_LISTINGS, FuturesContract, Listing, Rules
    from cex.sandbox.market.models import MARKET_MODELS, MarketModel
    from cex.sandbox.market.prices import PriceModel
    from cex.sandbox.market.simulation import Market
    from cex.sandbox.premises import Desks
    from cex.sandbox.replay.player import Replay, ReplayReport
    from cex.sandbox.replay.recording import Recording, read_recording
    from cex.sandbox.replay.records import RecordingError
    from cex.sandbox.scenario import Scenario, ScenarioError, read_scenario
    from cex.sandbox.server import Sandbox, serve
    from cex.sandbox.venues.gateio.options import GateioOptions
    from cex.sandbox.venues.mexc.options import MexcOptions
    from cex.sandbox.virtual import VirtualLoop, run_virtual

__all__ = [
    "DEFAULT_LISTINGS",
    "KINDS",
    "MARKET_MODELS",
    "AccountPlan",
    "BackgroundSandbox",
    "Credentials",
    "Desks",
    "Fault",
    "FaultError",
    "FaultStatus",
    "Faults",
    "Fingerprint",
    "FuturesContract",
    "GateioOptions",
    "Latency",
    "Listing",
    "Market",
    "MarketModel",
    "MexcOptions",
    "PriceModel",
    "Recording",
    "RecordingError",
    "Replay",
    "ReplayReport",
    "Rules",
    "Sandbox",
    "Scenario",
    "ScenarioError",
    "TrueBook",
    "TrueKline",
    "VirtualLoop",
    "read_recording",
    "read_scenario",
    "run_virtual",
    "serve",
]

_ROOM_OF = {
    "AccountPlan": "credentials",
    "BackgroundSandbox": "background",
    "Credentials": "credentials",
    "DEFAULT_LISTINGS": "market.listings",
    "Desks": "premises",
    "Fault": "faults",
    "FaultError": "faults",
    "FaultStatus": "faults",
    "Faults": "faults",
    "Fingerprint": "market.fingerprint",
    "FuturesContract": "market.listings",
    "GateioOptions": "venues.gateio.options",
    "KINDS": "faults",
    "Latency": "latency",
    "Listing": "market.listings",
    "MARKET_MODELS": "market.models",
    "Market": "market.simulation",
    "MarketModel": "market.models",
    "MexcOptions": "venues.mexc.options",
    "PriceModel": "market.prices",
    "Recording": "replay.recording",
    "RecordingError": "replay.records",
    "Replay": "replay.player",
    "ReplayReport": "replay.player",
    "Rules": "market.listings",
    "Sandbox": "server",
    "Scenario": "scenario",
    "ScenarioError": "scenario",
    "TrueBook": "market.book",
    "TrueKline": "market.book",
    "VirtualLoop": "virtual",
    "read_recording": "replay.recording",
    "read_scenario": "scenario",
    "run_virtual": "virtual",
    "serve": "server",
}


def __getattr__(name: str) -> object:
    room = _ROOM_OF.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value: object = getattr(import_module(f"{__name__}.{room}"), name)
    globals()[name] = value
    return value
