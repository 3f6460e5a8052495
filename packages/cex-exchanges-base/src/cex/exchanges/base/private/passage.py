"""What an account is asked and REST simply answers: money, fees, history, positions. Nothing here is ever in doubt."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from cex.common.enums import MarginMode, MarketType
from cex.common.exceptions import ExchangeConnectionException
from cex.common.types.account import Balance, FundingPayment, Position, TradingFees
from cex.common.types.instruments import Instrument
from cex.common.types.orders import Fill, Order
from cex.common.types.symbols import Symbol
from cex.common.types.wallet import AssetNetwork, Deposit, DepositAddress, Transfer, Withdrawal
from cex.exchanges.base.interfaces import BasePrivateRestClient, PrivateExchange

__all__ = ["AskedAndAnswered"]


class AskedAndAnswered(PrivateExchange):
    """The part of a private exchange that goes straight to its REST client."""

    def __init__(self, rest_client: BasePrivateRestClient) -> None:
        self.exchange = rest_client.exchange
        self.account = rest_client.account
        self._rest = rest_client
        self._is_closed = False

    @property
    def instruments(self) -> Mapping[str, Instrument]:
        return self._rest.instruments

    def budget_left(self) -> Mapping[str, int]:
        return self._rest.budget_left()

    # ---- account ---------------------------------------------------------------------------------------------------

    async def server_time(self) -> int:
        self._require_not_closed()
        return await self._rest.server_time()

    async def balances(self, market: MarketType | None = None) -> list[Balance]:
        self._require_not_closed()
        return await self._rest.balances(market)

    async def fees(self, symbol: str) -> TradingFees:
        return await self._rest.fees(self._symbol(symbol))

    async def order_history(self, symbol: str, start_ts: int, end_ts: int) -> list[Order]:
        return await self._rest.order_history(self._symbol(symbol), start_ts, end_ts)

    async def fill_history(self, symbol: str, start_ts: int, end_ts: int, *, order_id: str | None = None) -> list[Fill]:
        return await self._rest.fills(self._symbol(symbol), start_ts, end_ts, order_id=order_id)

    # ---- futures ---------------------------------------------------------------------------------------------------

    async def positions(self) -> list[Position]:
        self._require_not_closed()
        return await self._rest.positions()

    async def set_leverage(self, symbol: str, leverage: Decimal) -> None:
        await self._rest.set_leverage(self._symbol(symbol), leverage)

    async def set_margin_mode(self, symbol: str, mode: MarginMode) -> None:
        await self._rest.set_margin_mode(self._symbol(symbol), mode)

    async def funding_payments(self, symbol: str, start_ts: int, end_ts: int) -> list[FundingPayment]:
        return await self._rest.funding_payments(self._symbol(symbol), start_ts, end_ts)

    # ---- wallet ----------------------------------------------------------------------------------------------------

    async def transfer(self, currency: str, amount: Decimal, source: MarketType, target: MarketType) -> Transfer:
        self._require_not_closed()
        return await self._rest.transfer(currency, amount, source, target)

    async def networks(self, currency: str | None = None) -> list[AssetNetwork]:
        self._require_not_closed()
        return await self._rest.networks(currency)

    async def deposit_address(self, currency: str, network: str) -> DepositAddress:
        self._require_not_closed()
        return await self._rest.deposit_address(currency, network)

    async def deposits(self, start_ts: int, end_ts: int, *, currency: str | None = None) -> list[Deposit]:
        self._require_not_closed()
        return await self._rest.deposits(start_ts, end_ts, currency=currency)

    async def withdrawals(self, start_ts: int, end_ts: int, *, currency: str | None = None) -> list[Withdrawal]:
        self._require_not_closed()
        return await self._rest.withdrawals(start_ts, end_ts, currency=currency)

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
        self._require_not_closed()
        return await self._rest.withdraw(
            currency, amount, address, network, tag=tag, client_withdrawal_id=client_withdrawal_id
        )

    # ---- inside ----------------------------------------------------------------------------------------------------

    def _symbol(self, symbol: str) -> Symbol:
        self._require_not_closed()
        return self._rest.instruments.symbol(symbol)

    def _require_not_closed(self) -> None:
        if self._is_closed:
            raise ExchangeConnectionException(
                f"{self.exchange} was closed; make another one", self.exchange, operation="open", retryable=False
            )
