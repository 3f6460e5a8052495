"""What MEXC puts on the wire, as it stands there: JSON answers, control texts, protobuf pushes."""

from __future__ import annotations

__all__: list[str] = []
