"""USDT perpetuals of an account: positions, margin, funding and liquidation, over the ledger and the engine."""

from __future__ import annotations

__all__: list[str] = []
