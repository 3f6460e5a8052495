"""System-wide figures."""

from __future__ import annotations

from typing import Final

__all__ = ["ENTRY_POINT_GROUP", "ENVIRONMENT_PREFIX", "NANOSECONDS"]

ENTRY_POINT_GROUP: Final = "cex.exchanges"
"""Where an exchange's distribution announces its factory."""
ENVIRONMENT_PREFIX: Final = "CEX__"
NANOSECONDS: Final = 1_000_000_000
