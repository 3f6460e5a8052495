"""The protobuf schema ``push.proto`` and what ``python3 tools/generate_protobuf.py`` makes of it."""

from __future__ import annotations

__all__: list[str] = []
