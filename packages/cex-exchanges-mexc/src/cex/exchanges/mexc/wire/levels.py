"""Levels of a book as the protobuf library gives them, one object each."""

from __future__ import annotations

from collections.abc import Iterable
from math import inf
from typing import TYPE_CHECKING

from cex.common.types.market import Levels

if TYPE_CHECKING:
    from cex.exchanges.mexc.wire.schema.push_pb2 import PublicDepthV3ApiItem

__all__ = ["read_levels"]


def read_levels(items: Iterable[PublicDepthV3ApiItem]) -> Levels:
    """``(price, quantity)`` of each; raises ValueError for text that is neither."""
    levels = []
    for item in items:
        price, quantity = float(item.price), float(item.quantity)
        if not (0.0 < price < inf and 0.0 <= quantity < inf):
            raise ValueError(f"a level of {quantity} at {price}")
        levels.append((price, quantity))
    return levels
