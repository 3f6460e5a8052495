"""One folder a venue: its REST answers, its socket's manners and its streams. They share only plumbing."""

from __future__ import annotations

__all__: list[str] = []
