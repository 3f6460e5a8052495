"""What can be set about the simulated Gate.io; the defaults are the documented or measured behaviour."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["GateioOptions"]


@dataclass(frozen=True, slots=True, kw_only=True)
class GateioOptions:
    """Times in seconds. https://www.gate.com/docs/developers/apiv4/en/#frequency-limit-rule

    ``requests`` per ``window`` is the budget of each public endpoint and IP. ``rest_lag`` is how far the REST book may
    be behind the stream (drawn anew for each request). ``idle`` ends a socket without subscription and client frames.
    ``snapshot_before_ack`` is whether the full frame of ``obu`` overtakes the acknowledgement.
    """

    requests: int = 200
    window: float = 10.0
    rest_lag: float = 0.0
    idle: float = 30.0
    snapshot_before_ack: bool = True
