"""A seed of its own for each generator, so that adding an instrument leaves the others as they were."""

from __future__ import annotations

import hashlib

__all__ = ["derived"]


def derived(seed: int, *path: str) -> int:
    """The seed of what ``path`` names, within the market of ``seed``."""
    return int.from_bytes(hashlib.blake2b(repr((seed, *map(str, path))).encode(), digest_size=8).digest(), "big")
