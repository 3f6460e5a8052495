"""Settings of Gate.io."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from cex.common.enums import MarketType
from cex.config.exchanges.base_exchange_config import BaseExchangeConfig
from cex.exchanges.gateio.constants import (
    DEFAULT_BOOK_CHANNEL,
    DEFAULT_BOOK_INTERVAL,
    EXCHANGE,
    MARKETS,
    ORDER_VALIDITY_S,
    PROFILES,
    STREAM_ENDPOINTS,
)

__all__ = ["GateioConfig"]


class GateioConfig(BaseExchangeConfig):
    """Settings of Gate.io; profiles ``live`` and ``testnet``, endpoints ``rest``, ``ws_spot`` and ``ws_futures_usdt``.

    ``rest`` includes the version, as in ``https://api.gateio.ws/api/v4``.
    """

    exchange: ClassVar[str] = EXCHANGE
    profiles: ClassVar[Mapping[str, Mapping[str, str]]] = PROFILES

    markets: Annotated[tuple[Literal["spot", "futures"], ...], Field(min_length=1)] | None = Field(
        default=None,
        description="markets to serve: spot, futures (perpetuals in USDT), or both; "
        "where not given, all whose stream has an address beside the REST address that is used",
    )
    book_channel: Literal["order_book_update", "obu"] = Field(
        default=DEFAULT_BOOK_CHANNEL,
        description="how books are built: order_book_update (a snapshot by REST, then changes) or obu (all by stream)",
    )
    book_interval: Literal["100ms", "20ms"] = Field(
        default=DEFAULT_BOOK_INTERVAL,
        description="how often a book is pushed: 100ms with 100 levels a side (obu: 400), or 20ms with 20 (obu: 50)",
    )

    account_mode: Literal["auto", "classic", "unified"] = Field(
        default="auto",
        description="kind of the accounts: classic (a wallet for each market) or unified (one pool); "
        "auto asks the exchange, for which the key must be allowed to read its account",
    )
    order_entry: Literal["rest", "websocket"] = Field(
        default="rest", description="the road on which orders go in: rest, or the websocket order API"
    )
    order_validity: Annotated[float, Field(ge=1, le=60)] = Field(
        default=ORDER_VALIDITY_S,
        description="seconds after which an order that was sent may not be accepted any more; "
        "an order in doubt is settled only after them",
    )

    def is_unified(self) -> bool | None:
        """What ``account_mode`` says; None for auto."""
        return None if self.account_mode == "auto" else self.account_mode == "unified"

    def served_markets(self) -> tuple[MarketType, ...]:
        """The markets to serve.

        Unless ``markets`` says it, a market is served when its stream has an address that belongs to the REST address:
        both from the profile, or both given in ``endpoints``. So a server of one's own that is given without
        ``ws_futures_usdt`` is not asked for contracts, and its books do not mix with those of the live market.
        """
        if self.markets is not None:
            return tuple(market for market in MARKETS if market in self.markets)
        published = self.profiles.get(self.profile, {})
        return tuple(
            market
            for market, endpoint in STREAM_ENDPOINTS.items()
            if endpoint in self.endpoints or ("rest" not in self.endpoints and endpoint in published)
        )
