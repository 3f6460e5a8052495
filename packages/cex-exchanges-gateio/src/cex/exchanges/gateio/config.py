"""Settings of Gate.io."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

from pydantic import Field

from cex.config.exchanges.base_exchange_config import BaseExchangeConfig
from cex.exchanges.gateio.constants import DEFAULT_BOOK_INTERVAL, EXCHANGE, PROFILES

__all__ = ["GateioConfig"]


class GateioConfig(BaseExchangeConfig):
    """Settings of Gate.io; profiles ``live`` and ``testnet``, endpoints ``rest``, ``ws_spot`` and ``ws_futures_usdt``.

    ``rest`` includes the version, as in ``https://api.gateio.ws/api/v4``.
    """

    exchange: ClassVar[str] = EXCHANGE
    profiles: ClassVar[Mapping[str, Mapping[str, str]]] = PROFILES

    book_interval: Literal["100ms", "20ms"] = Field(
        default=DEFAULT_BOOK_INTERVAL,
        description="how often a book is pushed: 100ms with 100 levels a side, or 20ms with 20 levels",
    )
