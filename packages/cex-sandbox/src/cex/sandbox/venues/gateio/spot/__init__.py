"""What accounts do on Gate.io's spot market: orders, trigger orders, balances, and what they are told of them."""

from __future__ import annotations

__all__: list[str] = []
