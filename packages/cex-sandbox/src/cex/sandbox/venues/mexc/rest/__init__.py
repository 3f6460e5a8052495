"""MEXC's REST by subject: what a group of endpoints asks for, and what it answers."""

from __future__ import annotations

__all__: list[str] = []
