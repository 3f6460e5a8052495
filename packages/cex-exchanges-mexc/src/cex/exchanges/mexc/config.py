"""Settings of MEXC."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from cex.config.exchanges.base_exchange_config import BaseExchangeConfig
from cex.exchanges.mexc.constants import (
    DEFAULT_DEPTH,
    DEFAULT_INTERVAL,
    EXCHANGE,
    MAX_DEPTH,
    MAX_RECV_WINDOW_MS,
    PROFILES,
    RECV_WINDOW_MS,
)

__all__ = ["MexcConfig"]


class MexcConfig(BaseExchangeConfig):
    """Settings of MEXC; endpoints are ``rest`` and ``ws``. There is no testnet: ``live``, or ``custom`` addresses."""

    exchange: ClassVar[str] = EXCHANGE
    profiles: ClassVar[Mapping[str, Mapping[str, str]]] = PROFILES

    book_interval: Literal["100ms", "10ms"] = Field(
        default=DEFAULT_INTERVAL, description="how often a book is pushed: 100ms, or 10ms at more messages"
    )
    book_depth: int = Field(
        default=DEFAULT_DEPTH,
        ge=1,
        le=MAX_DEPTH,
        description="levels a side of the snapshot that seeds a book; beyond them a book knows nothing",
    )
    recv_window_ms: int = Field(
        default=RECV_WINDOW_MS,
        ge=100,
        le=MAX_RECV_WINDOW_MS,
        description="milliseconds for which the exchange takes a signed request; one that arrives later is refused",
    )
