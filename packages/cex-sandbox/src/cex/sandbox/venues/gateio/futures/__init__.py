"""Gate.io's USDT perpetuals (APIv4): https://www.gate.com/docs/developers/apiv4/en/#futures"""

from __future__ import annotations

__all__: list[str] = []
