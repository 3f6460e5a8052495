"""Trading limits that are true of no single exchange."""

from __future__ import annotations

from typing import Final

__all__ = ["BASIS_POINT", "BOOK_BUFFER_DELTAS", "EXACT_DECIMAL_DIGITS", "SUSPECT_SPREAD_BPS"]

BASIS_POINT: Final = 1e-4
EXACT_DECIMAL_DIGITS: Final = 15
"""Digits of a decimal text that survive the way to ``float`` and back."""
BOOK_BUFFER_DELTAS: Final = 10_000
"""Deltas kept for a book while its snapshot is on the way; beyond that the oldest are given up, and it is said."""
SUSPECT_SPREAD_BPS: Final = 500.0
"""A net spread above this is more likely a wrong pairing or suspended transfers than profit."""
