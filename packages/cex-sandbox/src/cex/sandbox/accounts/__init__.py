"""Whose the money is and what was ordered with it: accounts, a double-entry ledger, orders, and the desks."""

from __future__ import annotations

__all__: list[str] = []
