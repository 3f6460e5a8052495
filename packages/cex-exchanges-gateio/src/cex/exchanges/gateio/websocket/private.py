"""Gate.io's private streams as one client: each market has an endpoint of its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol, Unpack

from cex.common.clock import SYSTEM_CLOCK
from cex.common.constants.exchange_constants import DEFAULT_ACCOUNT
from cex.common.enums import MarketType
from cex.common.exceptions import ExchangeException
from cex.common.redaction import Secret
from cex.common.types.account import Balance
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.factory import websocket_options, websocket_transport
from cex.exchanges.base.interfaces import OrderEntry, PrivateHandlers, PrivateStream
from cex.exchanges.base.streams.client import EngineOptions
from cex.exchanges.base.streams.private_client import ChannelPrivateWebSocketClient, MarketsPrivateWebSocketClient
from cex.exchanges.base.tasks import OwnedTasks
from cex.exchanges.gateio.constants import EXCHANGE, PROFILES, SIZE_DECIMAL, STREAM_ENDPOINTS
from cex.exchanges.gateio.signing import GateioStreamSigner
from cex.exchanges.gateio.websocket.order_entry import EntryAccount, GateioOrderEntry
from cex.exchanges.gateio.websocket.private_dialects import (
    FUTURES_CHANNELS,
    SPOT_CHANNELS,
    GateioFuturesPrivateDialect,
    GateioSpotPrivateDialect,
)
from cex.networking.signing import require_secure

if TYPE_CHECKING:
    from cex.exchanges.gateio.config import GateioConfig
    from cex.networking import Tap

__all__ = ["GateioPrivateWebSocketClient", "StreamAccount"]

logger = logging.getLogger(__name__)

_LIVE = {market: PROFILES["live"][endpoint] for market, endpoint in STREAM_ENDPOINTS.items()}
_BETWEEN_READS_S = 0.25


class StreamAccount(EntryAccount, Protocol):
    """What the streams ask of the account beside; ``GateioPrivateRestClient`` is one."""

    async def user_id(self) -> str:
        """The account's number."""

    async def balances(self, market: MarketType | None = None) -> list[Balance]: ...


class GateioPrivateWebSocketClient(MarketsPrivateWebSocketClient):
    """Private streams of Gate.io: one endpoint for spot, one for perpetuals that settle in USDT.

    ``urls`` are the endpoints of the markets that are served. ``rest`` is the account by REST: it knows the exchange's
    time, the account's number and what the futures wallet holds; it is closed by whoever made it, unless ``owns_rest``
    hands it over. ``order_entry`` says whether orders may go in by the order API of the same endpoints, on connections
    of their own. ``engine`` are the options of ``cex.networking.WebSocketClient``, for every endpoint.
    """

    def __init__(
        self,
        urls: Mapping[MarketType, str] = _LIVE,
        *,
        key: Secret,
        secret: Secret,
        rest: StreamAccount,
        account: str = DEFAULT_ACCOUNT,
        owns_rest: bool = False,
        order_entry: bool = False,
        **engine: Unpack[EngineOptions],
    ) -> None:
        for url in urls.values():
            require_secure(url)
        self.urls = dict(urls)
        signer = GateioStreamSigner(key, secret)
        every: dict[MarketType, Callable[[str], ChannelPrivateWebSocketClient]] = {
            MarketType.SPOT: lambda url: _spot_streams(url, account, rest, signer, engine),
            MarketType.FUTURES: lambda url: _FuturesStreams(url, account, rest, signer, engine),
        }
        orders: OrderEntry | None = None
        if order_entry:
            orders = GateioOrderEntry(urls, signer=signer, account=rest, **engine)
        super().__init__(EXCHANGE, account, {market: every[market](url) for market, url in urls.items()}, orders)
        self._rest = rest if owns_rest else None

    @classmethod
    def from_config(
        cls,
        config: GateioConfig,
        account: str = DEFAULT_ACCOUNT,
        *,
        rest: StreamAccount,
        owns_rest: bool = False,
        tap: Tap | None = None,
    ) -> GateioPrivateWebSocketClient:
        key, secret = config.account(account).credentials()
        return cls(
            {market: config.endpoint(STREAM_ENDPOINTS[market]) for market in config.served_markets()},
            key=key,
            secret=secret,
            rest=rest,
            account=account,
            owns_rest=owns_rest,
            order_entry=config.order_entry == "websocket",
            transport=websocket_transport(config, account),
            tap=tap,
            **websocket_options(config),
        )

    async def aclose(self) -> None:
        await super().aclose()
        if self._rest is not None:
            await self._rest.aclose()


def _spot_streams(
    url: str, account: str, rest: StreamAccount, signer: GateioStreamSigner, engine: EngineOptions
) -> ChannelPrivateWebSocketClient:
    clock = engine.get("clock", SYSTEM_CLOCK)

    def dialect(instruments: InstrumentCatalogue, handlers: PrivateHandlers) -> GateioSpotPrivateDialect:
        return GateioSpotPrivateDialect(url, instruments, handlers, signer, now_ns=rest.exchange_now_ns, clock=clock)

    return ChannelPrivateWebSocketClient(EXCHANGE, account, {MarketType.SPOT: tuple(SPOT_CHANNELS)}, dialect, **engine)


class _FuturesStreams(ChannelPrivateWebSocketClient):
    """The futures streams: they name the account, and their balance is completed by REST."""

    def __init__(
        self, url: str, account: str, rest: StreamAccount, signer: GateioStreamSigner, engine: EngineOptions
    ) -> None:
        with_decimals: EngineOptions = {**engine, "headers": {**(engine.get("headers") or {}), **SIZE_DECIMAL}}
        clock = engine.get("clock", SYSTEM_CLOCK)
        self._account = rest
        self._handlers: PrivateHandlers | None = None
        self._dialect: GateioFuturesPrivateDialect | None = None
        self._tasks = OwnedTasks()
        self._stale = False
        self._reading: asyncio.Task[None] | None = None

        def dialect(instruments: InstrumentCatalogue, handlers: PrivateHandlers) -> GateioFuturesPrivateDialect:
            self._handlers = handlers
            made = self._dialect = GateioFuturesPrivateDialect(
                url,
                instruments,
                handlers,
                signer,
                now_ns=rest.exchange_now_ns,
                on_wallet=self._wallet_changed,
                clock=clock,
            )
            return made

        super().__init__(EXCHANGE, account, {MarketType.FUTURES: tuple(FUTURES_CHANNELS)}, dialect, **with_decimals)

    async def subscribe(self, streams: Sequence[PrivateStream]) -> None:
        if self._dialect is not None and not self._dialect.user_id:
            self._dialect.user_id = await self._account.user_id()
        await super().subscribe(streams)

    def last_heard_ns(self, stream: PrivateStream) -> int | None:
        if self._dialect is None or not self._dialect.user_id:
            return None
        return super().last_heard_ns(stream)

    async def aclose(self) -> None:
        await self._tasks.aclose(for_good=True)
        await super().aclose()

    def _wallet_changed(self) -> None:
        self._stale = True
        if self._reading is None or self._reading.done():
            self._reading = self._tasks.spawn(self._read_wallet(), name="read the futures wallet")

    async def _read_wallet(self) -> None:
        """Read what the wallet holds, again while it changes; what fails is read at the next change."""
        while self._stale and self._handlers is not None:
            self._stale = False
            try:
                held = await self._account.balances(MarketType.FUTURES)
            except ExchangeException as error:
                logger.warning("the futures wallet could not be read: %s", error, extra={"exchange": EXCHANGE})
                return
            for balance in held:
                self._handlers.on_balance(balance)
            await asyncio.sleep(_BETWEEN_READS_S)
