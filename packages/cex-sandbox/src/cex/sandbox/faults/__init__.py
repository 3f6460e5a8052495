"""Faults on demand: what there is (``kinds``), one at work (``rules``), and the places where they strike."""

from __future__ import annotations

from cex.sandbox.faults.kinds import KINDS, FaultError, Kind, Parameter, Scope
from cex.sandbox.faults.rules import Fault, FaultStatus
from cex.sandbox.faults.switchboard import Faults

__all__ = ["KINDS", "Fault", "FaultError", "FaultStatus", "Faults", "Kind", "Parameter", "Scope"]
