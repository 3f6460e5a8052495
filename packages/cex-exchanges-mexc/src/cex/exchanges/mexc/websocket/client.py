"""The client of MEXC's public spot streams."""

from __future__ import annotations

from typing import TYPE_CHECKING, Unpack

from cex.common.enums import KlineInterval, MarketType
from cex.common.exceptions import ConfigurationException
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.factory import websocket_options, websocket_transport
from cex.exchanges.base.interfaces import BookFacts, StreamHandlers
from cex.exchanges.base.streams.client import ChannelWebSocketClient, EngineOptions
from cex.exchanges.mexc.constants import (
    DEFAULT_DEPTH,
    DEFAULT_INTERVAL,
    EXCHANGE,
    INTERVALS,
    LIMITED_LEVELS,
    MAX_CONNECTION_AGE_S,
    MAX_DEPTH,
    PROFILES,
    PUSHED_KLINE_NAMES,
)
from cex.exchanges.mexc.websocket.dialect import MexcSpotDialect

if TYPE_CHECKING:
    from cex.exchanges.mexc.config import MexcConfig
    from cex.networking import Tap

__all__ = ["MexcWebSocketClient"]


class MexcWebSocketClient(ChannelWebSocketClient):
    """Public spot streams of MEXC over one endpoint.

    ``book_interval`` is ``"100ms"`` or ``"10ms"``, ``book_depth`` the levels a side of the snapshot that seeds a book:
    the stream tells changes only, so what lies beyond them is not known. ``engine`` are the options of
    ``cex.networking.WebSocketClient``.
    """

    flags_closed_klines = False

    def __init__(
        self,
        url: str = PROFILES["live"]["ws"],
        *,
        book_interval: str = DEFAULT_INTERVAL,
        book_depth: int = DEFAULT_DEPTH,
        **engine: Unpack[EngineOptions],
    ) -> None:
        if book_interval not in INTERVALS:
            raise ConfigurationException(
                f"{EXCHANGE} pushes books every {' or '.join(INTERVALS)}, not {book_interval!r}"
            )
        if not 1 <= book_depth <= MAX_DEPTH:
            raise ConfigurationException(f"{EXCHANGE} gives 1 to {MAX_DEPTH} levels a side, not {book_depth}")
        self.url = url
        self.book_interval = book_interval
        engine.setdefault("max_age", MAX_CONNECTION_AGE_S)
        engine.setdefault("cumulative", True)
        super().__init__(
            EXCHANGE,
            BookFacts(window=None, windowed_stream=False, snapshot_depth=book_depth),
            self._new_dialect,
            **engine,
        )

    @classmethod
    def from_config(cls, config: MexcConfig, *, tap: Tap | None = None) -> MexcWebSocketClient:
        return cls(
            config.endpoint("ws"),
            book_interval=config.book_interval,
            book_depth=config.book_depth,
            transport=websocket_transport(config),
            tap=tap,
            **websocket_options(config),
        )

    def intervals(self, market: MarketType) -> tuple[KlineInterval, ...]:
        return tuple(PUSHED_KLINE_NAMES) if market is MarketType.SPOT else ()

    def limited_levels(self, market: MarketType) -> tuple[int, ...]:
        return LIMITED_LEVELS if market is MarketType.SPOT else ()

    def _new_dialect(self, instruments: InstrumentCatalogue, handlers: StreamHandlers) -> MexcSpotDialect:
        return MexcSpotDialect(self.url, instruments, handlers, book_interval=self.book_interval)
