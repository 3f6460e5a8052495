"""Proven books, kept: a synchronizer each, its snapshots, and its own recovery that touches no other book."""

from __future__ import annotations

from cex.exchanges.base.books.keeper import BookKeeper, FetchSnapshot, Resubscribe
from cex.exchanges.base.books.keepers import BookKeepers
from cex.exchanges.base.books.policy import Backoff, ResyncPolicy

__all__ = ["Backoff", "BookKeeper", "BookKeepers", "FetchSnapshot", "Resubscribe", "ResyncPolicy"]
