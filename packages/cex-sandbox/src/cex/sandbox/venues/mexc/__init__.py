"""MEXC spot as it is on the wire: https://www.mexc.com/api-docs/spot-v3/introduction"""

from __future__ import annotations

__all__: list[str] = []
