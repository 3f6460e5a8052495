"""An account's streams: orders, fills and balances on one socket, which a listen key opens.

https://www.mexc.com/api-docs/spot-v3/websocket-user-data-streams
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final, Unpack

from cex.common.clock import SYSTEM_CLOCK
from cex.common.constants.exchange_constants import DEFAULT_ACCOUNT
from cex.common.enums import MarketType
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.factory import account_scope, websocket_options, websocket_transport
from cex.exchanges.base.interfaces import PrivateChannel, PrivateHandlers, PrivateStream
from cex.exchanges.base.offers import not_offered
from cex.exchanges.base.streams.client import EngineOptions
from cex.exchanges.base.streams.kept_alive import KeptAlive, KeyDoor, KeyedTransport, shared_key
from cex.exchanges.base.streams.private_client import ChannelPrivateWebSocketClient
from cex.exchanges.mexc.constants import (
    ACCOUNT_CHANNEL,
    DEALS_CHANNEL,
    EXCHANGE,
    LISTEN_KEY_EXTEND_S,
    LISTEN_KEY_VALID_S,
    MAX_CONNECTION_AGE_S,
    MAX_SUBSCRIPTIONS,
    ORDERS_CHANNEL,
    PING_INTERVAL_S,
    PING_TEXT,
    PROFILES,
    SILENCE_TIMEOUT_S,
)
from cex.exchanges.mexc.decode.streams import pushed_balance, pushed_fill, pushed_order
from cex.exchanges.mexc.websocket.conversation import requests, verdict
from cex.networking.websocket.dialect import Control, Outbound, Subscription

if TYPE_CHECKING:
    from cex.exchanges.mexc.config import MexcConfig
    from cex.exchanges.mexc.wire.push import PushDataV3ApiWrapper
    from cex.networking import Tap

__all__ = ["MexcPrivateDialect", "MexcPrivateWebSocketClient"]

_CHANNELS: Final = {
    PrivateChannel.ORDERS: ORDERS_CHANNEL,
    PrivateChannel.FILLS: DEALS_CHANNEL,
    PrivateChannel.BALANCES: ACCOUNT_CHANNEL,
}


class MexcPrivateDialect:
    """MEXC's spot WebSocket, private channels; holds no connection state. Its URL has no key: who connects adds it.

    The three channels are pushed without an order among them: a fill can come before or after its order, and a
    balance before either.
    """

    exchange = EXCHANGE
    max_subscriptions = MAX_SUBSCRIPTIONS
    ping_interval = PING_INTERVAL_S
    silence_timeout = SILENCE_TIMEOUT_S

    def __init__(self, url: str, instruments: InstrumentCatalogue, handlers: PrivateHandlers) -> None:
        from cex.exchanges.mexc.wire.push import parse_push

        self.url = url
        self._parse = parse_push
        self._by_native = instruments.by_native
        self._handlers = handlers
        self._deliver: dict[str, Callable[[PushDataV3ApiWrapper, int], None]] = {
            ORDERS_CHANNEL: self._on_order,
            DEALS_CHANNEL: self._on_fill,
            ACCOUNT_CHANNEL: self._on_balance,
        }

    def subscription(self, stream: PrivateStream) -> Subscription:
        """The exchange's name of a private stream; raises NotOfferedException."""
        channel = _CHANNELS.get(stream.channel)
        if channel is None or stream.market is not MarketType.SPOT:
            what = f"private streams of {stream.channel} of {stream.market}"
            raise not_offered(EXCHANGE, what, tuple(_CHANNELS), operation="subscribe")
        return Subscription(channel)

    def subscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> Sequence[Outbound]:
        return requests("SUBSCRIPTION", subscriptions, request_ids)

    def unsubscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> Sequence[Outbound]:
        return requests("UNSUBSCRIPTION", subscriptions, request_ids)

    def ping(self) -> str:
        return PING_TEXT

    def on_frame(self, data: bytes | str, received_ns: int) -> Control | None:
        if isinstance(data, str):
            return verdict(data)
        push = self._parse(data)
        deliver = self._deliver.get(push.channel)
        if deliver is not None:
            deliver(push, received_ns)
        return None  # also for a channel that nobody here reads

    def _on_order(self, push: PushDataV3ApiWrapper, received_ns: int) -> None:
        self._handlers.on_order(pushed_order(push, self._by_native))

    def _on_fill(self, push: PushDataV3ApiWrapper, received_ns: int) -> None:
        self._handlers.on_fill(pushed_fill(push, self._by_native, received_ns))

    def _on_balance(self, push: PushDataV3ApiWrapper, received_ns: int) -> None:
        self._handlers.on_balance(pushed_balance(push))


class MexcPrivateWebSocketClient(ChannelPrivateWebSocketClient):
    """Private streams of one account.

    ``door`` makes and extends listen keys; ``kept`` is the key that all clients of the account share, by default one
    of this client's own. ``on_closed`` is awaited when the streams have been closed and the key was given back.
    ``engine`` are the options of ``cex.networking.WebSocketClient``.
    """

    def __init__(
        self,
        door: KeyDoor,
        url: str = PROFILES["live"]["ws"],
        *,
        account: str = DEFAULT_ACCOUNT,
        kept: KeptAlive | None = None,
        on_closed: Callable[[], Awaitable[None]] | None = None,
        **engine: Unpack[EngineOptions],
    ) -> None:
        from cex.networking import AiohttpWebSocketTransport

        self.url = url
        self._on_closed = on_closed
        transport = engine.get("transport") or AiohttpWebSocketTransport()
        shared = kept or KeptAlive(
            EXCHANGE, every=LISTEN_KEY_EXTEND_S, validity=LISTEN_KEY_VALID_S, clock=engine.get("clock", SYSTEM_CLOCK)
        )
        engine["transport"] = KeyedTransport(transport, shared, door, parameter="listenKey")
        engine.setdefault("max_age", MAX_CONNECTION_AGE_S)
        engine.setdefault("cumulative", True)
        super().__init__(
            EXCHANGE,
            account,
            {MarketType.SPOT: tuple(_CHANNELS)},
            self._new_dialect,
            **engine,
        )

    @classmethod
    def from_config(
        cls,
        config: MexcConfig,
        account: str = DEFAULT_ACCOUNT,
        *,
        door: KeyDoor,
        on_closed: Callable[[], Awaitable[None]] | None = None,
        tap: Tap | None = None,
    ) -> MexcPrivateWebSocketClient:
        """The streams of ``config.account(account)``; all clients of that account in this process share one key."""
        scope = f"{config.endpoint('rest')} {account_scope(config, account)}"
        return cls(
            door,
            config.endpoint("ws"),
            account=account,
            kept=shared_key(EXCHANGE, scope, every=LISTEN_KEY_EXTEND_S, validity=LISTEN_KEY_VALID_S),
            on_closed=on_closed,
            transport=websocket_transport(config, account),
            tap=tap,
            **websocket_options(config),
        )

    async def aclose(self) -> None:
        try:
            await super().aclose()
        finally:
            on_closed, self._on_closed = self._on_closed, None
            if on_closed is not None:
                await on_closed()

    def _new_dialect(self, instruments: InstrumentCatalogue, handlers: PrivateHandlers) -> MexcPrivateDialect:
        return MexcPrivateDialect(self.url, instruments, handlers)
