"""Gate.io (APIv4) as it is on the wire: https://www.gate.com/docs/developers/apiv4/en/"""

from __future__ import annotations

__all__: list[str] = []
