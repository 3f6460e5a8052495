"""Gate.io's private channels: how each market's are asked for, and what their pushes mean.

https://www.gate.com/docs/developers/apiv4/ws/en/ and https://www.gate.com/docs/developers/futures/ws/en/. Every
subscription carries a signature of its own, so a connection that is opened anew signs again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TypeVar

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.enums import MarketType
from cex.common.exceptions import ExchangeDataException, ExchangeException
from cex.common.types.instruments import Instrument
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.interfaces import PrivateChannel, PrivateHandlers, PrivateStream
from cex.exchanges.gateio.constants import (
    EVERYTHING,
    EXCHANGE,
    FUTURES_BALANCES_CHANNEL,
    FUTURES_ORDERS_CHANNEL,
    FUTURES_POSITIONS_CHANNEL,
    FUTURES_TRADES_OWN_CHANNEL,
    PING_INTERVAL_S,
    SILENCE_TIMEOUT_S,
    SPOT_BALANCES_CHANNEL,
    SPOT_ORDERS_CHANNEL,
    SPOT_TRADES_OWN_CHANNEL,
)
from cex.exchanges.gateio.decode import private_futures, private_spot
from cex.exchanges.gateio.decode.values import NOT_DECODABLE
from cex.exchanges.gateio.signing import GateioStreamSigner
from cex.exchanges.gateio.websocket.conversation import Conversation, not_listed
from cex.exchanges.gateio.wire import private_futures as futures_wire
from cex.exchanges.gateio.wire import private_spot as spot_wire
from cex.networking.websocket.dialect import Control, Outbound, Subscription

__all__ = ["FUTURES_CHANNELS", "SPOT_CHANNELS", "GateioFuturesPrivateDialect", "GateioSpotPrivateDialect"]

SPOT_CHANNELS = {
    PrivateChannel.ORDERS: SPOT_ORDERS_CHANNEL,
    PrivateChannel.FILLS: SPOT_TRADES_OWN_CHANNEL,
    PrivateChannel.BALANCES: SPOT_BALANCES_CHANNEL,
}
FUTURES_CHANNELS = {
    PrivateChannel.ORDERS: FUTURES_ORDERS_CHANNEL,
    PrivateChannel.FILLS: FUTURES_TRADES_OWN_CHANNEL,
    PrivateChannel.BALANCES: FUTURES_BALANCES_CHANNEL,
    PrivateChannel.POSITIONS: FUTURES_POSITIONS_CHANNEL,
}

Row = TypeVar("Row")


class _PrivateDialect:
    """What both markets do alike: ask with a signature, stay alive, and find the instrument of a row."""

    exchange = EXCHANGE
    max_subscriptions = None
    ping_interval = PING_INTERVAL_S
    silence_timeout = SILENCE_TIMEOUT_S

    def __init__(
        self,
        url: str,
        market: MarketType,
        channels: Iterable[str],
        instruments: InstrumentCatalogue,
        signer: GateioStreamSigner,
        *,
        now_ns: Callable[[], int],
        clock: Clock,
    ) -> None:
        self.url = url
        self._market = market
        self._instruments = instruments
        channels = tuple(channels)
        self._conversation = Conversation(
            str(market), pushed=channels, one_by_one=channels, clock=clock, sign=signer.auth, now_ns=now_ns
        )

    def subscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> Sequence[Outbound]:
        return self._conversation.requests("subscribe", subscriptions, request_ids)

    def unsubscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> Sequence[Outbound]:
        return self._conversation.requests("unsubscribe", subscriptions, request_ids)

    def ping(self) -> str:
        return self._conversation.ping()

    def _listed(self, name: str, data: bytes | str) -> Instrument:
        symbol = self._instruments.by_native(name, self._market) or not_listed(name, data)
        return self._instruments[symbol]


class GateioSpotPrivateDialect(_PrivateDialect):
    """``spot.orders``, ``spot.usertrades`` and ``spot.balances`` of every pair; ``now_ns`` is the exchange's time."""

    def __init__(
        self,
        url: str,
        instruments: InstrumentCatalogue,
        handlers: PrivateHandlers,
        signer: GateioStreamSigner,
        *,
        now_ns: Callable[[], int],
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        super().__init__(url, MarketType.SPOT, SPOT_CHANNELS.values(), instruments, signer, now_ns=now_ns, clock=clock)
        self._handlers = handlers

    def subscription(self, stream: PrivateStream) -> Subscription:
        channel = SPOT_CHANNELS[stream.channel]
        return Subscription(channel, () if stream.channel is PrivateChannel.BALANCES else (EVERYTHING,))

    def on_frame(self, data: bytes | str, received_ns: int) -> Control | None:
        try:
            push = spot_wire.private_push_decoder.decode(data)
        except NOT_DECODABLE as error:
            return self._conversation.on_control(data, error)
        handlers = self._handlers
        if isinstance(push, spot_wire.OrdersPush):
            _each(
                push.result,
                lambda row: handlers.on_order(private_spot.pushed_order(row, self._listed(row.currency_pair, data))),
            )
        elif isinstance(push, spot_wire.FillsPush):
            _each(
                push.result,
                lambda row: handlers.on_fill(
                    private_spot.fill(row, self._listed(row.currency_pair, data), received_ns, SPOT_TRADES_OWN_CHANNEL)
                ),
            )
        elif isinstance(push, spot_wire.BalancePush):
            _each(push.result, lambda row: handlers.on_balance(private_spot.pushed_balance(row)))
        return None


class GateioFuturesPrivateDialect(_PrivateDialect):
    """``futures.orders``, ``usertrades``, ``positions`` and ``balances`` of every contract.

    :attr:`user_id` names the account in every subscription and is set before the first. A push of the balance tells
    the wallet's total and not what of it is free, so it only says that the wallet changed: ``on_wallet``.
    """

    def __init__(
        self,
        url: str,
        instruments: InstrumentCatalogue,
        handlers: PrivateHandlers,
        signer: GateioStreamSigner,
        *,
        now_ns: Callable[[], int],
        on_wallet: Callable[[], None],
        clock: Clock = SYSTEM_CLOCK,
    ) -> None:
        super().__init__(
            url, MarketType.FUTURES, FUTURES_CHANNELS.values(), instruments, signer, now_ns=now_ns, clock=clock
        )
        self._handlers = handlers
        self._on_wallet = on_wallet
        self.user_id = ""

    def subscription(self, stream: PrivateStream) -> Subscription:
        if not self.user_id:
            raise ExchangeException(
                "the number of the account must be known before its futures streams are asked for",
                EXCHANGE,
                operation="subscribe",
            )
        channel = FUTURES_CHANNELS[stream.channel]
        if stream.channel is PrivateChannel.BALANCES:
            return Subscription(channel, (self.user_id,))
        return Subscription(channel, (self.user_id, EVERYTHING))

    def on_frame(self, data: bytes | str, received_ns: int) -> Control | None:
        try:
            push = futures_wire.private_push_decoder.decode(data)
        except NOT_DECODABLE as error:
            return self._conversation.on_control(data, error)
        handlers = self._handlers
        if isinstance(push, futures_wire.OrdersPush):
            _each(
                push.result,
                lambda row: handlers.on_order(private_futures.order(row, self._listed(row.contract, data))),
            )
        elif isinstance(push, futures_wire.FillsPush):
            _each(
                push.result,
                lambda row: handlers.on_fill(
                    private_futures.fill(row, self._listed(row.contract, data), received_ns, FUTURES_TRADES_OWN_CHANNEL)
                ),
            )
        elif isinstance(push, futures_wire.PositionsPush):
            _each(
                push.result,
                lambda row: handlers.on_position(
                    private_futures.position(row, self._listed(row.contract, data), FUTURES_POSITIONS_CHANNEL)
                ),
            )
        elif push.result:
            self._on_wallet()
        return None


def _each(rows: Iterable[Row], tell: Callable[[Row], None]) -> None:
    """Tell every row that can be read; the first that cannot is told of when the others have been."""
    unread: ExchangeDataException | None = None
    for row in rows:
        try:
            tell(row)
        except ExchangeDataException as error:
            unread = unread or error
    if unread is not None:
        raise unread
