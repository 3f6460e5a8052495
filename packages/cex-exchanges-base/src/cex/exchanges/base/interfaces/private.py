"""An account on an exchange as its users hold it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from cex.common.enums import MarginMode, MarketType, PositionSide
from cex.common.exceptions import ExchangeException
from cex.common.types.account import Balance, FundingPayment, Position, TradingFees
from cex.common.types.instruments import Instrument
from cex.common.types.orders import Fill, Order, OrderRequest
from cex.common.types.wallet import AssetNetwork, Deposit, DepositAddress, Transfer, Withdrawal
from cex.exchanges.base.interfaces.composites import BaseComposite
from cex.exchanges.base.interfaces.health import ExchangeHealth
from cex.exchanges.base.interfaces.trading import PrivateChannel

__all__ = ["PrivateExchange", "PrivateHealth", "PrivateStreamHealth"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateStreamHealth:
    """All readers of one kind of private stream, past ones included; counts as in ``StreamHealth``."""

    channel: PrivateChannel
    readers: int
    offered: int
    delivered: int
    conflated: int
    dropped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateHealth(ExchangeHealth):
    """Figures of an account.

    ``whole``: the streams run and nothing is missing of them. ``open_orders`` rest as far as is known, ``unknown``
    are in doubt, ``conflicts`` were told that cannot be. ``backfills``, ``backfilled_fills``: holes that were filled,
    and what they held. ``audits``: comparisons with the exchange's own list; ``audit_finds``: what these found that
    the streams had not told. ``budget``: what each rate pool would let through at once.
    """

    account: str
    whole: bool
    private_streams: tuple[PrivateStreamHealth, ...]
    open_orders: int
    unknown: int
    conflicts: int
    backfills: int
    backfilled_fills: int
    audits: int
    audit_finds: int
    budget: Mapping[str, int]


class PrivateExchange(BaseComposite):
    """Everything of one account; ``async with`` opens it and closes what it opened.

    ``symbol`` is a :class:`~cex.common.types.symbols.Symbol` or its text; quantities are base units and times
    nanoseconds. What an exchange does not have raises ``NotOfferedException``.
    """

    account: str
    """The label of the account in the settings."""

    @property
    @abstractmethod
    def instruments(self) -> Mapping[str, Instrument]:
        """Trading rules by symbol; an unlisted one raises ``UnknownSymbolException``."""

    @property
    @abstractmethod
    def is_whole(self) -> bool:
        """Whether the private streams run and nothing is missing of what they tell."""

    @abstractmethod
    def budget_left(self) -> Mapping[str, int]:
        """What each rate pool would let through at once; shared by all clients of the account in this process."""

    @abstractmethod
    def health(self) -> PrivateHealth:
        """Figures of connections, readers, orders and recovery."""

    # ---- account ---------------------------------------------------------------------------------------------------

    @abstractmethod
    async def server_time(self) -> int:
        """The exchange's clock, nanoseconds since the epoch."""

    @abstractmethod
    async def balances(self, market: MarketType | None = None) -> list[Balance]:
        """What the wallet of ``market`` holds (None: all wallets)."""

    @abstractmethod
    async def fees(self, symbol: str) -> TradingFees:
        """What this account pays to trade ``symbol``."""

    # ---- orders ----------------------------------------------------------------------------------------------------

    @abstractmethod
    async def place_order(self, request: OrderRequest) -> Order:
        """Place an order, and know what became of it.

        Price and quantity are rounded by the instrument's rules: a buy never pays more, a sell never gets less, no
        quantity grows. Where the answer fails to come, the order is looked for by its client order id, in the private
        stream and among the open orders, and never sent again.

        Raises:
            InvalidOrderException: it breaks a rule, which is named; nothing was sent, or the exchange refused it.
            ExchangeRejectedException: the exchange refused it, or it is proven that it never arrived.
            UnknownOutcomeException: it could not be found out in time; ``resolve_order`` may tell later.
        """

    @abstractmethod
    async def place_orders(self, requests: Sequence[OrderRequest]) -> list[Order | ExchangeException]:
        """Place several orders; an order or an exception for each, in their order."""

    @abstractmethod
    async def resolve_order(
        self, client_order_id: str, *, symbol: str | None = None, timeout: float | None = None
    ) -> Order:
        """Find out what became of an order whose outcome is unknown; raises like :meth:`place_order`.

        An order whose outcome is known is returned as it stands, or its rejection raised again. One that is not known
        here, after a restart for instance, is asked for at the exchange; that needs its ``symbol``.
        """

    @abstractmethod
    async def cancel_order(
        self, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Order:
        """Cancel by one of the ids; returns the order as it ended, which may be filled: then it came too late.

        Raises:
            OrderNotFoundException: the exchange knows no such order.
        """

    @abstractmethod
    async def cancel_all_orders(
        self, symbol: str | None = None, *, everything: Literal[True] | None = None
    ) -> list[Order]:
        """Cancel every open order of ``symbol``, or with ``everything=True`` of every symbol of the account."""

    @abstractmethod
    async def amend_order(
        self,
        symbol: str,
        *,
        order_id: str | None = None,
        client_order_id: str | None = None,
        price: Decimal | None = None,
        quantity: Decimal | None = None,
    ) -> Order:
        """Change price or quantity (the new total, what has filled included) of a resting order."""

    @abstractmethod
    async def order(self, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None) -> Order:
        """The order by one of its ids, asked of the exchange. Raises OrderNotFoundException."""

    @abstractmethod
    async def open_orders(self, symbol: str | None = None) -> list[Order]:
        """Every order that rests now, asked of the exchange."""

    @abstractmethod
    async def order_history(self, symbol: str, start_ts: int, end_ts: int) -> list[Order]:
        """The finished orders created in [start_ts, end_ts), ascending."""

    @abstractmethod
    async def fill_history(self, symbol: str, start_ts: int, end_ts: int, *, order_id: str | None = None) -> list[Fill]:
        """Our executions in [start_ts, end_ts), ascending, each once."""

    @abstractmethod
    def tracked_order(self, *, order_id: str | None = None, client_order_id: str | None = None) -> Order | None:
        """The order as it stands here, without asking; None where it is not known (any more)."""

    # ---- streams ---------------------------------------------------------------------------------------------------

    @abstractmethod
    async def subscribe(self) -> None:
        """Begin the private streams; returns when they run and the account's present state is known.

        Every iterator below does this by itself.
        """

    @abstractmethod
    def orders(self) -> AsyncGenerator[Order, None]:
        """Every change of every order from now on, merged from streams, answers and queries; never conflated."""

    @abstractmethod
    def fills(self) -> AsyncGenerator[Fill, None]:
        """Every fill from now on, each exactly once, also over a lost connection; never conflated.

        A reader that falls too far behind loses the oldest, told by ``PrivateOverflow``.
        """

    @abstractmethod
    def balance_updates(self) -> AsyncGenerator[Balance, None]:
        """Balances as they change, conflated to the newest of each currency and wallet."""

    @abstractmethod
    def position_updates(self) -> AsyncGenerator[Position, None]:
        """Positions as they change, conflated to the newest of each; a closed one has quantity 0."""

    # ---- futures ---------------------------------------------------------------------------------------------------

    @abstractmethod
    async def positions(self) -> list[Position]:
        """Every open position."""

    @abstractmethod
    async def set_leverage(self, symbol: str, leverage: Decimal) -> None:
        """Set the leverage of a position, open or to come."""

    @abstractmethod
    async def set_margin_mode(self, symbol: str, mode: MarginMode) -> None:
        """Set whether a position shares margin with the others."""

    @abstractmethod
    async def close_position(self, symbol: str, *, side: PositionSide = PositionSide.BOTH) -> Order:
        """Close a position whole at market; an order like any other, with the same certainty."""

    @abstractmethod
    async def funding_payments(self, symbol: str, start_ts: int, end_ts: int) -> list[FundingPayment]:
        """What was paid and received for holding a perpetual in [start_ts, end_ts), ascending."""

    # ---- wallet ----------------------------------------------------------------------------------------------------

    @abstractmethod
    async def transfer(self, currency: str, amount: Decimal, source: MarketType, target: MarketType) -> Transfer:
        """Move money between two wallets of this account."""

    @abstractmethod
    async def networks(self, currency: str | None = None) -> list[AssetNetwork]:
        """The ways in and out of one currency (None: of all)."""

    @abstractmethod
    async def deposit_address(self, currency: str, network: str) -> DepositAddress:
        """Where to send ``currency`` on ``network``."""

    @abstractmethod
    async def deposits(self, start_ts: int, end_ts: int, *, currency: str | None = None) -> list[Deposit]:
        """What came in, in [start_ts, end_ts), ascending."""

    @abstractmethod
    async def withdrawals(self, start_ts: int, end_ts: int, *, currency: str | None = None) -> list[Withdrawal]:
        """What went out, in [start_ts, end_ts), ascending."""

    @abstractmethod
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
        """Send money out; raises ConfigurationException unless the settings of the account allow it."""
