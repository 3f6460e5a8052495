"""What a replay must know of each exchange's protocol: which stream a frame belongs to, and how to acknowledge."""

from __future__ import annotations

from urllib.parse import urlsplit

from cex.sandbox.replay.venues.gateio import GateioVenue
from cex.sandbox.replay.venues.mexc import MexcVenue
from cex.sandbox.replay.venues.venue import Offer, Stream, StreamKind, Traded, Venue

__all__ = ["Offer", "Stream", "StreamKind", "Traded", "Venue", "venue_of"]

_VENUES: tuple[Venue, ...] = (GateioVenue(), MexcVenue())


def venue_of(url: str) -> Venue | None:
    """The exchange that a recorded URL belongs to: by its host, or by its path where the host says nothing."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    for venue in _VENUES:
        if any(host == domain or host.endswith(f".{domain}") for domain in venue.domains):
            return venue
    return next((venue for venue in _VENUES if parts.path.rstrip("/").startswith(venue.paths)), None)
