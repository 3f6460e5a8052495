"""One account's REST as one client: a symbol's market decides which endpoints are asked."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.constants.exchange_constants import DEFAULT_ACCOUNT
from cex.common.correlation import new_random
from cex.common.enums import MarginMode, MarketType
from cex.common.exceptions import AuthenticationException, ExchangeException
from cex.common.redaction import Secret
from cex.common.types.account import Balance, FundingPayment, Position, TradingFees
from cex.common.types.instruments import Instrument
from cex.common.types.orders import Fill, Order, OrderRequest
from cex.common.types.wallet import AssetNetwork, Deposit, DepositAddress, Transfer, Withdrawal
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.factory import account_scope, http_transport, rate_limiter, rest_options
from cex.exchanges.base.interfaces import BasePrivateRestClient
from cex.exchanges.base.offers import not_offered
from cex.exchanges.gateio.constants import (
    EXCHANGE,
    MARKETS,
    ORDER_TEXT_PREFIX,
    ORDER_VALIDITY_S,
    PROFILES,
)
from cex.exchanges.gateio.decode.requests import batches, check_client_id, one_id
from cex.exchanges.gateio.rest.connection import Connection
from cex.exchanges.gateio.rest.futures import FuturesRest
from cex.exchanges.gateio.rest.limits import AccountLimits
from cex.exchanges.gateio.rest.listing import load_instruments
from cex.exchanges.gateio.rest.market import MarketRest
from cex.exchanges.gateio.rest.positions import PositionsRest
from cex.exchanges.gateio.rest.private_futures import FuturesAccountRest
from cex.exchanges.gateio.rest.private_market import AccountMarket
from cex.exchanges.gateio.rest.private_spot import SpotAccountRest
from cex.exchanges.gateio.rest.private_wallet import WalletRest
from cex.exchanges.gateio.rest.spot import SpotRest
from cex.exchanges.gateio.signing import GateioSigner
from cex.exchanges.gateio.symbols import new_catalogue
from cex.networking import NO_METRICS, RateLimiter, RetryPolicy, Timeouts

if TYPE_CHECKING:
    from cex.exchanges.gateio.config import GateioConfig
    from cex.networking import HttpTransport, Metrics, Tap

__all__ = ["GateioPrivateRestClient"]

_ID_BITS = 96
_UNIFIED_KEY = 2
_FUTURES = MarketType.FUTURES


class GateioPrivateRestClient(BasePrivateRestClient):
    """Private endpoints of Gate.io; ``url`` includes the version, as in ``https://api.gateio.ws/api/v4``.

    ``key`` and ``secret`` are the two halves of the account's key, ``scope`` marks its rate pools in a ``limiter`` that
    is shared. ``unified`` says whether the account is a unified one; None asks the exchange when it first matters.
    ``validity`` is the seconds after which an order that was sent may not be accepted any more. A transport that is
    passed in is closed by whoever made it, unless ``owns_transport`` hands it over.
    """

    exchange = EXCHANGE
    fills_need_symbol = False
    query_by_client_id_only_open = True

    def __init__(
        self,
        url: str = PROFILES["live"]["rest"],
        *,
        key: Secret,
        secret: Secret,
        account: str = DEFAULT_ACCOUNT,
        markets: Collection[MarketType] = MARKETS,
        unified: bool | None = None,
        withdrawals: bool = False,
        validity: float = ORDER_VALIDITY_S,
        scope: str = "",
        transport: HttpTransport | None = None,
        owns_transport: bool = False,
        limiter: RateLimiter | None = None,
        retry: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
        tap: Tap | None = None,
        clock: Clock = SYSTEM_CLOCK,
        rng: random.Random | None = None,
        metrics: Metrics = NO_METRICS,
    ) -> None:
        self.url = url
        self.account = account
        self.instruments = new_catalogue()
        self.markets = tuple(market for market in MARKETS if market in markets)
        self.order_validity_s = validity
        self.withdrawals_enabled = withdrawals
        self._unified = unified
        self._user_id = ""
        self._rng = rng or new_random()
        self._connection = connection = Connection(
            url,
            transport=transport,
            owns_transport=owns_transport,
            limiter=limiter,
            retry=retry,
            timeouts=timeouts,
            tap=tap,
            clock=clock,
            rng=rng,
            metrics=metrics,
            signer=GateioSigner(key, secret, url),
            measure_time=self.server_time,
        )
        self.limits = AccountLimits(connection.limiter, scope)
        catalogue = self.instruments
        self._wallet = WalletRest(connection, self.limits)
        self._positions = PositionsRest(connection, self.limits, catalogue)
        self._public_spot = SpotRest(connection, catalogue, clock)
        self._listings: dict[MarketType, MarketRest] = {
            MarketType.SPOT: self._public_spot,
            _FUTURES: FuturesRest(connection, catalogue),
        }
        self._accounts: dict[MarketType, AccountMarket] = {
            MarketType.SPOT: SpotAccountRest(
                connection, self.limits, catalogue, is_unified=self.is_unified, validity=validity
            ),
            _FUTURES: FuturesAccountRest(connection, self.limits, catalogue, self._positions, validity=validity),
        }

    @classmethod
    def from_config(
        cls, config: GateioConfig, account: str = DEFAULT_ACCOUNT, *, tap: Tap | None = None
    ) -> GateioPrivateRestClient:
        settings = config.account(account)
        key, secret = settings.credentials()
        return cls(
            config.endpoint("rest"),
            key=key,
            secret=secret,
            account=account,
            markets=config.served_markets(),
            unified=config.is_unified(),
            withdrawals=settings.withdrawals,
            validity=config.order_validity,
            scope=account_scope(config, account),
            transport=http_transport(config, account),
            owns_transport=True,
            limiter=rate_limiter(config, "rest", account),
            tap=tap,
            **rest_options(config),
        )

    # ---- names, time, limits -----------------------------------------------------------------------------------------

    def new_client_order_id(self) -> str:
        """``t-`` and 24 hexadecimal digits."""
        return f"{ORDER_TEXT_PREFIX}{self._rng.getrandbits(_ID_BITS):0{_ID_BITS // 4}x}"

    def check_client_order_id(self, text: str) -> None:
        check_client_id(text)

    async def load_instruments(self) -> InstrumentCatalogue:
        """``GET /spot/currency_pairs`` and ``GET /futures/usdt/contracts``, as far as these markets are served."""
        return await load_instruments(self.instruments, [self._listings[market] for market in self.markets])

    async def server_time(self) -> int:
        """``GET /spot/time``, in nanoseconds; exact to a millisecond. There is one clock for all markets."""
        return await self._public_spot.server_time()

    def exchange_now_ns(self) -> int:
        return self._connection.server_time.now_ns()

    def budget_left(self) -> Mapping[str, int]:
        return self.limits.left()

    # ---- account -----------------------------------------------------------------------------------------------------

    async def is_unified(self) -> bool:
        """Whether the account is a unified one, by ``GET /account/detail`` unless the settings say it.

        Raises:
            AuthenticationException: the key may not read that; its note says which setting helps.
        """
        if self._unified is None:
            try:
                self._unified = (await self._wallet.detail()).key.mode == _UNIFIED_KEY
            except AuthenticationException as error:
                error.add_note("the key may not read the kind of its account: set account_mode to classic or unified")
                raise
        return self._unified

    async def is_dual_for(self, request: OrderRequest) -> bool:
        """Whether the account holds long and short positions apart; False, unasked, where ``request`` is the same."""
        return await self._positions.is_dual_for(request)

    async def user_id(self) -> str:
        """The account's number, which subscriptions to its futures streams name; asked for once."""
        if not self._user_id:
            account = await self._positions.account()
            told = "" if account is None else str(account.user)
            self._user_id = told or str((await self._wallet.detail()).user_id)
        return self._user_id

    async def balances(self, market: MarketType | None = None) -> list[Balance]:
        """Of a classic account each wallet, of a unified one its pool, which serves all markets and stands as SPOT."""
        asked = self.markets if market is None else (market,)
        found: list[Balance] = []
        for each in asked:
            if each is MarketType.SPOT and await self.is_unified():
                found += await self._wallet.unified_balances()
            elif not (each is _FUTURES and await self.is_unified()):
                found += await self._market(each, "balances").balances()
        return found

    async def fees(self, symbol: str) -> TradingFees:
        listed, account = self._asked(symbol)
        return await account.fees(listed)

    # ---- orders ------------------------------------------------------------------------------------------------------

    async def place_order(self, request: OrderRequest) -> Order:
        """``POST /spot/orders``, ``POST /futures/usdt/orders``, or ``price_orders`` for stop loss and take profit.

        Of spot, a market buy takes ``quote_quantity`` and a market sale ``quantity``, as Gate.io has it.
        """
        listed, account = self._asked(request.symbol)
        return await account.place(request, listed)

    async def place_orders(self, requests: Sequence[OrderRequest]) -> list[Order | ExchangeException]:
        """``batch_orders`` with as many as it takes; trigger orders go one by one."""
        outcomes: dict[int, Order | ExchangeException] = {}
        for batch in batches(requests):
            try:
                if len(batch) == 1:
                    told: list[Order | ExchangeException] = [await self.place_order(requests[batch[0]])]
                else:
                    asked = [(requests[index], self.instruments[requests[index].symbol]) for index in batch]
                    told = await self._asked(requests[batch[0]].symbol)[1].place_batch(asked)
            except ExchangeException as error:
                told = [error] * len(batch)
            outcomes.update(zip(batch, told, strict=True))
        return [outcomes[index] for index in range(len(requests))]

    async def cancel_order(
        self, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Order:
        listed, account = self._asked(symbol)
        return await account.cancel(listed, one_id(order_id, client_order_id))

    async def cancel_all_orders(self, symbol: str) -> list[Order]:
        """Orders and trigger orders of one symbol."""
        listed, account = self._asked(symbol)
        return await account.cancel_all(listed)

    async def amend_order(
        self,
        symbol: str,
        *,
        order_id: str | None = None,
        client_order_id: str | None = None,
        price: Decimal | None = None,
        quantity: Decimal | None = None,
    ) -> Order:
        """A smaller quantity keeps the place in the queue; another price or a larger quantity loses it."""
        listed, account = self._asked(symbol)
        if price is None and quantity is None:
            raise ValueError("give a price or a quantity to change")
        return await account.amend(listed, one_id(order_id, client_order_id), price, quantity)

    async def order(self, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None) -> Order:
        """By ``client_order_id``, an order that finished is found for an hour; by ``order_id`` for longer."""
        listed, account = self._asked(symbol)
        asked = one_id(order_id, client_order_id)
        if order_id is None:
            return await account.order_by_client_id(listed, asked)
        return await account.order(listed, asked)

    async def open_orders(self, symbol: str | None = None) -> list[Order]:
        """Orders and trigger orders that rest."""
        if symbol is not None:
            listed, account = self._asked(symbol)
            return await account.open_orders(listed)
        return [order for market in self.markets for order in await self._accounts[market].open_orders(None)]

    async def order_history(self, symbol: str, start_ts: int, end_ts: int) -> list[Order]:
        listed, account = self._asked(symbol)
        return await account.history(listed, start_ts, end_ts)

    async def fills(self, symbol: str | None, start_ts: int, end_ts: int, *, order_id: str | None = None) -> list[Fill]:
        """``GET /spot/my_trades`` and ``GET /futures/usdt/my_trades_timerange``, in windows of 30 days."""
        if symbol is not None:
            listed, account = self._asked(symbol)
            return await account.fills(listed, start_ts, end_ts, order_id)
        found = [
            fill
            for market in self.markets
            for fill in await self._accounts[market].fills(None, start_ts, end_ts, order_id)
        ]
        return sorted(found, key=lambda fill: fill.exchange_ts)

    # ---- futures -----------------------------------------------------------------------------------------------------

    async def positions(self) -> list[Position]:
        self._market(_FUTURES, "positions")
        return await self._positions.positions()

    async def set_leverage(self, symbol: str, leverage: Decimal) -> None:
        """Keeps the margin mode; of a position in cross margin it is the limit of the leverage that is set."""
        await self._positions.set_leverage(self._perpetual(symbol, "leverage"), leverage)

    async def set_margin_mode(self, symbol: str, mode: MarginMode) -> None:
        await self._positions.set_margin_mode(self._perpetual(symbol, "margin modes"), mode)

    async def funding_payments(self, symbol: str, start_ts: int, end_ts: int) -> list[FundingPayment]:
        """``GET /futures/usdt/account_book`` of type ``fund``."""
        return await self._positions.funding_payments(self._perpetual(symbol, "funding payments"), start_ts, end_ts)

    # ---- wallet ------------------------------------------------------------------------------------------------------

    async def transfer(self, currency: str, amount: Decimal, source: MarketType, target: MarketType) -> Transfer:
        return await self._wallet.transfer(currency, amount, source, target)

    async def networks(self, currency: str | None = None) -> list[AssetNetwork]:
        return await self._wallet.networks(currency)

    async def deposit_address(self, currency: str, network: str) -> DepositAddress:
        return await self._wallet.deposit_address(currency, network)

    async def deposits(self, start_ts: int, end_ts: int, *, currency: str | None = None) -> list[Deposit]:
        return await self._wallet.deposits(start_ts, end_ts, currency)

    async def withdrawals(self, start_ts: int, end_ts: int, *, currency: str | None = None) -> list[Withdrawal]:
        return await self._wallet.withdrawals(start_ts, end_ts, currency)

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
        """``POST /withdrawals``; Gate.io takes only addresses that were allowed in its web interface."""
        self.require_withdrawals()
        return await self._wallet.withdraw(currency, amount, address, network, tag, client_withdrawal_id)

    async def aclose(self) -> None:
        await self._connection.aclose()

    # ---- inside ------------------------------------------------------------------------------------------------------

    def _asked(self, symbol: str) -> tuple[Instrument, AccountMarket]:
        listed = self.instruments[symbol]
        return listed, self._accounts[listed.symbol.market_type]

    def _market(self, market: MarketType, what: str) -> AccountMarket:
        if market not in self.markets:
            raise not_offered(EXCHANGE, f"{what} of {market} markets", self.markets, operation=what)
        return self._accounts[market]

    def _perpetual(self, symbol: str, what: str) -> Instrument:
        listed = self.instruments[symbol]
        if listed.symbol.market_type is not _FUTURES:
            raise not_offered(EXCHANGE, f"{what} of {listed.symbol}, which is no perpetual", operation=what)
        return listed
