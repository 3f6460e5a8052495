"""The halves of an account on an exchange: a private REST client, a private websocket client, and order entry.

Each translates and nothing more. What makes orders certain (tracking, resolving, backfilling) stands above them in
``cex.exchanges.base.orders`` and ``cex.exchanges.base.private``, once for every exchange.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple

from cex.common.constants.exchange_constants import DEFAULT_ACCOUNT
from cex.common.enums import MarginMode, MarketType
from cex.common.exceptions import ConfigurationException, ExchangeException
from cex.common.types.account import Balance, FundingPayment, Position, TradingFees
from cex.common.types.orders import Fill, Order, OrderRequest
from cex.common.types.wallet import AssetNetwork, Deposit, DepositAddress, Transfer, Withdrawal
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.interfaces.events import EventHandler
from cex.exchanges.base.interfaces.health import ConnectionHealth
from cex.exchanges.base.offers import not_offered

__all__ = [
    "BasePrivateRestClient",
    "BasePrivateWebSocketClient",
    "OrderEntry",
    "PrivateChannel",
    "PrivateHandlers",
    "PrivateStream",
]


class PrivateChannel(StrEnum):
    """The kinds of private streams, under our names."""

    ORDERS = "orders"
    FILLS = "fills"
    BALANCES = "balances"
    POSITIONS = "positions"


class PrivateStream(NamedTuple):
    """One private stream: everything of its kind that happens to the account in one market, whatever the symbol."""

    channel: PrivateChannel
    market: MarketType


@dataclass(frozen=True, slots=True)
class PrivateHandlers:
    """Where a private websocket client delivers; every one is called synchronously, in the order of arrival.

    ``on_order`` takes the whole order as the push states it: what a push leaves out (a fee, a turnover) stays at the
    default of :class:`Order`, and ``filled`` is never guessed. ``on_balance`` takes the balance after a change, whole.
    """

    on_order: Callable[[Order], None]
    on_fill: Callable[[Fill], None]
    on_balance: Callable[[Balance], None]
    on_position: Callable[[Position], None]
    on_event: EventHandler


class OrderEntry(ABC):
    """A road on which orders go in: REST, or an exchange's websocket order API behind the same calls and errors.

    Every call is one request, with no cleverness, and ends in one of four ways, on which everything above relies:

    - it returns: the exchange accepted it;
    - ``ExchangeRejectedException`` (or one below it): the exchange, or we, refused; nothing took effect;
    - any other exception with ``safe_to_resubmit``: it provably was not sent, or refused before it had an effect;
    - ``UnknownOutcomeException``, or any other exception: it may have taken effect.
    """

    exchange: str

    @abstractmethod
    def serves(self, market: MarketType) -> bool:
        """Whether orders of this market can go this road now (is there a connection, or may one be opened)."""

    @abstractmethod
    async def place_order(self, request: OrderRequest) -> Order:
        """Place. ``request`` is complete: its client order id is set, its numbers keep to the instrument's rules.

        What the answer does not tell is taken from the request; an answer without a status is a NEW order.
        """

    async def place_orders(self, requests: Sequence[OrderRequest]) -> list[Order | ExchangeException]:
        """Place several, an outcome for each, in their order; split into as many requests as the exchange's caps ask.

        An exception is returned for the orders that it concerns; it is raised only where it concerns all of them.
        """
        outcomes: list[Order | ExchangeException] = []
        for request in requests:
            try:
                outcomes.append(await self.place_order(request))
            except ExchangeException as error:
                outcomes.append(error)
        return outcomes

    @abstractmethod
    async def cancel_order(
        self, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Order | None:
        """Ask to cancel, by exactly one of the ids. May be repeated.

        Returns the order as the answer states it *after* the cancel; None where the answer does not tell (it was
        accepted all the same). ``OrderFinishedException`` or ``OrderNotFoundException`` where it came too late.
        """

    async def amend_order(
        self,
        symbol: str,
        *,
        order_id: str | None = None,
        client_order_id: str | None = None,
        price: Decimal | None = None,
        quantity: Decimal | None = None,
    ) -> Order:
        """Change price or quantity (the new total in base units, what has filled included) of a resting order."""
        raise not_offered(self.exchange, "changes of resting orders", operation="amend_order")

    @abstractmethod
    async def aclose(self) -> None:
        """Close what this opened; ends within a second and leaves no task."""


class BasePrivateRestClient(OrderEntry):
    """One account's REST: one method an endpoint, typed answers, typed errors. Signs with the exchange's time.

    ``symbol`` is a :class:`Symbol` or its text. Times are nanoseconds; ranges are [start, end). What only some
    exchanges have raises ``NotOfferedException`` unless it is overridden.
    """

    exchange: str
    account: str = DEFAULT_ACCOUNT
    """The label of the account in the settings."""
    instruments: InstrumentCatalogue
    """Filled by :meth:`load_instruments`, and shared with whoever translates symbols."""
    markets: tuple[MarketType, ...] = (MarketType.SPOT,)
    """The markets that this account trades through this client."""
    order_validity_s: float
    """The exchange refuses a signed request that reaches it later than this after it was signed (recvWindow and the
    like). Only after that does "no such order" mean that an order never arrived."""
    fills_need_symbol: bool = True
    """Whether :meth:`fills` must be asked symbol by symbol."""
    query_by_client_id_only_open: bool = False
    """Whether an order can be asked for by its client order id only while it is open (and some time after)."""

    def serves(self, market: MarketType) -> bool:
        return market in self.markets

    # ---- names, time, limits ---------------------------------------------------------------------------------------

    @abstractmethod
    def new_client_order_id(self) -> str:
        """A fresh id that this exchange accepts; from the client's seam of randomness, so that a seed repeats it."""

    @abstractmethod
    def check_client_order_id(self, text: str) -> None:
        """Raise ``ValueError`` with the exchange's rule where it would not accept this id."""

    @abstractmethod
    async def load_instruments(self) -> InstrumentCatalogue:
        """Read the exchange's list into :attr:`instruments` and return it; call again to refresh."""

    @abstractmethod
    async def server_time(self) -> int:
        """Ask the exchange for its time, take it as a sample of its clock, and return it."""

    @abstractmethod
    def exchange_now_ns(self) -> int:
        """What the exchange's clock shows now, as far as it is known; asks nobody."""

    def budget_left(self) -> Mapping[str, int]:
        """What each rate pool would let through at once; shared by all clients of the account in this process."""
        return {}

    # ---- account ---------------------------------------------------------------------------------------------------

    @abstractmethod
    async def balances(self, market: MarketType | None = None) -> list[Balance]:
        """What the wallet of ``market`` holds (None: all wallets of :attr:`markets`); currencies without any left out.

        A unified account has one common pool, which is reported once, as SPOT.
        """

    @abstractmethod
    async def fees(self, symbol: str) -> TradingFees:
        """What this account pays to trade ``symbol``."""

    # ---- orders ----------------------------------------------------------------------------------------------------

    @abstractmethod
    async def cancel_all_orders(self, symbol: str) -> list[Order]:
        """Cancel every open order of one symbol; the orders as the answer states them, where it does."""

    @abstractmethod
    async def order(self, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None) -> Order:
        """The order by exactly one of its ids, as it stands.

        Raises:
            OrderNotFoundException: the exchange knows no such order (not yet, or not any more).
        """

    @abstractmethod
    async def open_orders(self, symbol: str | None = None) -> list[Order]:
        """Every order that rests now (None: of every symbol of every market served), paged inside."""

    @abstractmethod
    async def order_history(self, symbol: str, start_ts: int, end_ts: int) -> list[Order]:
        """The finished orders created in [start_ts, end_ts), ascending, each once; paged inside."""

    @abstractmethod
    async def fills(self, symbol: str | None, start_ts: int, end_ts: int, *, order_id: str | None = None) -> list[Fill]:
        """Our executions in [start_ts, end_ts), ascending, none twice and none left out; paged inside.

        ``symbol`` None asks for all symbols where :attr:`fills_need_symbol` is False. ``order_id`` narrows it to one
        order.
        """

    # ---- futures ---------------------------------------------------------------------------------------------------

    async def positions(self) -> list[Position]:
        """Every open position."""
        raise not_offered(self.exchange, "positions", operation="positions")

    async def set_leverage(self, symbol: str, leverage: Decimal) -> None:
        """Set the leverage of a position, open or to come."""
        raise not_offered(self.exchange, "leverage", operation="set_leverage")

    async def set_margin_mode(self, symbol: str, mode: MarginMode) -> None:
        """Set whether a position shares margin with the others."""
        raise not_offered(self.exchange, "margin modes", operation="set_margin_mode")

    async def funding_payments(self, symbol: str, start_ts: int, end_ts: int) -> list[FundingPayment]:
        """What was paid and received in [start_ts, end_ts), ascending; paged inside."""
        raise not_offered(self.exchange, "funding payments", operation="funding_payments")

    # ---- wallet ----------------------------------------------------------------------------------------------------

    async def transfer(self, currency: str, amount: Decimal, source: MarketType, target: MarketType) -> Transfer:
        """Move money between two wallets of this account. Never repeated by itself."""
        raise not_offered(self.exchange, "transfers", operation="transfer")

    async def networks(self, currency: str | None = None) -> list[AssetNetwork]:
        """The ways in and out of one currency (None: of all)."""
        raise not_offered(self.exchange, "asset networks", operation="networks")

    async def deposit_address(self, currency: str, network: str) -> DepositAddress:
        """Where to send ``currency`` on ``network``."""
        raise not_offered(self.exchange, "deposit addresses", operation="deposit_address")

    async def deposits(self, start_ts: int, end_ts: int, *, currency: str | None = None) -> list[Deposit]:
        """What came in, in [start_ts, end_ts), ascending; paged inside."""
        raise not_offered(self.exchange, "deposits", operation="deposits")

    async def withdrawals(self, start_ts: int, end_ts: int, *, currency: str | None = None) -> list[Withdrawal]:
        """What went out, in [start_ts, end_ts), ascending; paged inside."""
        raise not_offered(self.exchange, "withdrawals", operation="withdrawals")

    withdrawals_enabled: bool = False
    """Whether the settings allow this account to withdraw."""

    def require_withdrawals(self) -> None:
        """Raise ConfigurationException unless the settings allow withdrawals; the first line of :meth:`withdraw`."""
        if not self.withdrawals_enabled:
            raise ConfigurationException(
                f"withdrawals are off for account {self.account!r} of {self.exchange}; "
                f"accounts.{self.account}.withdrawals = true in its settings allows them",
                operation="withdraw",
            )

    async def withdraw(
        self,
        currency: str,
        amount: Decimal,
        address: str,
        network: str,
        *,
        tag: str = "",
        client_withdrawal_id: str | None = None,
    ) -> Withdrawal:
        """Send money out. Off unless the settings of the account allow it. Never repeated by itself."""
        self.require_withdrawals()
        raise not_offered(self.exchange, "withdrawals", operation="withdraw")


class BasePrivateWebSocketClient(ABC):
    """One account's private streams, and the order entry of their exchange where it has one by websocket.

    Beside what is decoded it tells events (``on_event``): ``PrivateInterrupted`` when streams are lost and
    ``PrivateResubscribed`` when they run again, and what is told of any connection (``Connected``, ``Undecodable``).
    """

    exchange: str
    account: str = DEFAULT_ACCOUNT
    orders: OrderEntry | None = None
    """A websocket order API, where the exchange has one and the settings ask for it."""

    @abstractmethod
    def offers(self, market: MarketType) -> tuple[PrivateChannel, ...]:
        """The channels that there are for ``market``."""

    @abstractmethod
    def attach(self, instruments: InstrumentCatalogue, handlers: PrivateHandlers) -> None:
        """Say how symbols are named and where everything goes; once, before the first subscription."""

    @abstractmethod
    async def subscribe(self, streams: Sequence[PrivateStream]) -> None:
        """Return when the exchange has acknowledged all.

        Raises:
            NotOfferedException: the exchange has no such stream; nothing was asked for.
            ExchangeRejectedException: names the refused ones; the others run.
            ExchangeConnectionException: no acknowledgement came in time.
        """

    @abstractmethod
    async def unsubscribe(self, streams: Sequence[PrivateStream]) -> None:
        """End these streams; those that are not subscribed are ignored."""

    @abstractmethod
    def last_heard_ns(self, stream: PrivateStream) -> int | None:
        """Monotonic nanoseconds of the last inbound frame (data or pong) of the connection that carries this stream."""

    async def verify(self) -> None:  # noqa: B027 (most exchanges have nothing to do here)
        """Find out whether the streams are what they seem; called when a query told what a stream should have.

        For an exchange whose streams hang on something that can die without a word, such as a session key.
        """

    @abstractmethod
    def health(self) -> tuple[ConnectionHealth, ...]:
        """Figures per connection."""

    @abstractmethod
    async def aclose(self) -> None:
        """Close every connection, and delete what it was opened with; ends within a second and leaves no task."""
