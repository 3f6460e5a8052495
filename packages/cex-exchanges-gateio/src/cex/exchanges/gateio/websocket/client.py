"""Gate.io's public streams as one client: each market has an endpoint of its own, and a symbol's market decides."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Unpack

from cex.common.clock import SYSTEM_CLOCK
from cex.common.enums import KlineInterval, MarketType
from cex.common.exceptions import ConfigurationException
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.factory import websocket_options, websocket_transport
from cex.exchanges.base.interfaces import BookFacts, StreamHandlers
from cex.exchanges.base.streams.client import ChannelWebSocketClient, EngineOptions, MakeDialect
from cex.exchanges.base.streams.markets import MarketsWebSocketClient
from cex.exchanges.gateio.constants import (
    BOOK_LEVELS,
    DEFAULT_BOOK_CHANNEL,
    DEFAULT_BOOK_INTERVAL,
    EXCHANGE,
    FUTURES_PUSHED_INTERVALS,
    LIMITED_BOOK_LEVELS,
    OBU_LEVELS,
    PROFILES,
    PUSHED_INTERVALS,
    SIZE_DECIMAL,
    STREAM_ENDPOINTS,
)
from cex.exchanges.gateio.websocket.futures import GateioFuturesDialect
from cex.exchanges.gateio.websocket.spot import GateioSpotDialect

if TYPE_CHECKING:
    from cex.exchanges.gateio.config import GateioConfig
    from cex.networking import Tap

__all__ = ["GateioWebSocketClient"]

_LIVE = {market: PROFILES["live"][endpoint] for market, endpoint in STREAM_ENDPOINTS.items()}


class GateioWebSocketClient(MarketsWebSocketClient):
    """Public streams of Gate.io: one endpoint for spot, one for perpetuals that settle in USDT.

    ``urls`` are the endpoints of the markets that are served. ``book_channel`` says how books are built:
    ``"order_book_update"`` pushes changes and needs a snapshot by REST, ``"obu"`` begins with a snapshot of its own.
    ``book_interval`` is ``"100ms"`` (books of 100 levels a side, 400 by obu) or ``"20ms"`` (20 levels, 50 by obu).
    ``engine`` are the options of ``cex.networking.WebSocketClient``, for every endpoint.
    """

    def __init__(
        self,
        urls: Mapping[MarketType, str] = _LIVE,
        *,
        book_channel: str = DEFAULT_BOOK_CHANNEL,
        book_interval: str = DEFAULT_BOOK_INTERVAL,
        **engine: Unpack[EngineOptions],
    ) -> None:
        facts = _book_facts(book_channel, book_interval)
        self.urls = dict(urls)
        self.book_channel = book_channel
        self.book_interval = book_interval
        clock = engine.get("clock", SYSTEM_CLOCK)

        def spot(instruments: InstrumentCatalogue, handlers: StreamHandlers) -> GateioSpotDialect:
            return GateioSpotDialect(
                urls[MarketType.SPOT],
                instruments,
                handlers,
                book_channel=book_channel,
                book_interval=book_interval,
                clock=clock,
            )

        def futures(instruments: InstrumentCatalogue, handlers: StreamHandlers) -> GateioFuturesDialect:
            return GateioFuturesDialect(
                urls[MarketType.FUTURES],
                instruments,
                handlers,
                book_channel=book_channel,
                book_interval=book_interval,
                clock=clock,
            )

        with_decimals: EngineOptions = {**engine, "headers": {**(engine.get("headers") or {}), **SIZE_DECIMAL}}
        every = {
            MarketType.SPOT: _MarketStreams(facts, spot, PUSHED_INTERVALS, LIMITED_BOOK_LEVELS, **engine),
            MarketType.FUTURES: _MarketStreams(facts, futures, FUTURES_PUSHED_INTERVALS, (), **with_decimals),
        }
        clients = {market: client for market, client in every.items() if market in urls}
        super().__init__(EXCHANGE, clients)

    @classmethod
    def from_config(cls, config: GateioConfig, *, tap: Tap | None = None) -> GateioWebSocketClient:
        return cls(
            {market: config.endpoint(STREAM_ENDPOINTS[market]) for market in config.served_markets()},
            book_channel=config.book_channel,
            book_interval=config.book_interval,
            transport=websocket_transport(config),
            tap=tap,
            **websocket_options(config),
        )


class _MarketStreams(ChannelWebSocketClient):
    """The streams of one market."""

    flags_closed_klines = False
    """A candle is flagged when it closes, but by the documentation that push may be missing."""

    def __init__(
        self,
        facts: BookFacts,
        make_dialect: MakeDialect,
        pushed: Collection[KlineInterval],
        levels: tuple[int, ...],
        **engine: Unpack[EngineOptions],
    ) -> None:
        super().__init__(EXCHANGE, facts, make_dialect, **engine)
        self._pushed = tuple(pushed)
        self._levels = levels

    def intervals(self, market: MarketType) -> tuple[KlineInterval, ...]:
        return self._pushed

    def limited_levels(self, market: MarketType) -> tuple[int, ...]:
        return self._levels


def _book_facts(book_channel: str, book_interval: str) -> BookFacts:
    """What holds for the books of both markets; ConfigurationException for what is not pushed."""
    if book_interval not in BOOK_LEVELS:
        raise ConfigurationException(f"{EXCHANGE} pushes books every {' or '.join(BOOK_LEVELS)}, not {book_interval!r}")
    if book_channel == "obu":
        levels = OBU_LEVELS[book_interval]
        return BookFacts(window=levels, windowed_stream=True, snapshot_depth=levels, seeded_by_stream=True)
    if book_channel == "order_book_update":
        levels = BOOK_LEVELS[book_interval]
        return BookFacts(window=levels, windowed_stream=True, snapshot_depth=levels)
    raise ConfigurationException(f"{EXCHANGE} pushes books by order_book_update or obu, not {book_channel!r}")
