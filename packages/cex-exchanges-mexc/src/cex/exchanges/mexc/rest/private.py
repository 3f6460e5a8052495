"""One account's spot REST, one method an endpoint. https://www.mexc.com/api-docs/spot-v3/spot-account-trade"""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.common.constants.exchange_constants import DEFAULT_ACCOUNT
from cex.common.correlation import new_random
from cex.common.enums import MarketType
from cex.common.exceptions import ExchangeException, UnknownOutcomeException
from cex.common.redaction import Secret
from cex.common.types.account import Balance, TradingFees
from cex.common.types.orders import Fill, Order, OrderRequest
from cex.common.types.wallet import AssetNetwork, Deposit, DepositAddress, Transfer, Withdrawal
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.base.factory import account_scope, http_transport, rate_limiter, rest_options
from cex.exchanges.base.interfaces import BasePrivateRestClient
from cex.exchanges.base.offers import not_offered
from cex.exchanges.mexc.constants import (
    ACCOUNT_PATH,
    ACCOUNT_POOL,
    BATCH_POOL,
    CLIENT_ORDER_ID,
    EXCHANGE,
    IP_POOL,
    MAX_AHEAD_MS,
    OPEN_ORDERS_PATH,
    ORDER_PATH,
    ORDER_POOL,
    ORDER_WAIT_S,
    PROFILES,
    RECV_WINDOW_MS,
    REQUEST_POOL,
    SELF_SYMBOLS_PATH,
    TEST_ORDER_PATH,
    TRADE_FEE_PATH,
    UID_POOL,
)
from cex.exchanges.mexc.decode.account import balances, trading_fees
from cex.exchanges.mexc.decode.parsing import parse
from cex.exchanges.mexc.decode.trading import new_order, order
from cex.exchanges.mexc.rest.batches import Batches
from cex.exchanges.mexc.rest.connection import account_limiter, account_pool, add_account_pools, reject
from cex.exchanges.mexc.rest.history import History
from cex.exchanges.mexc.rest.listen_keys import ListenKeys
from cex.exchanges.mexc.rest.listing import load_listing, read_time
from cex.exchanges.mexc.rest.orders import order_params
from cex.exchanges.mexc.rest.signed import SignedCalls
from cex.exchanges.mexc.rest.wallet import Wallet
from cex.exchanges.mexc.signing import MexcSigner
from cex.exchanges.mexc.symbols import new_catalogue
from cex.exchanges.mexc.wire.account import (
    account_decoder,
    symbols_decoder,
    trade_fee_decoder,
)
from cex.exchanges.mexc.wire.trading import (
    OrderRow,
    order_decoder,
    orders_decoder,
    placed_decoder,
)
from cex.networking import NO_METRICS, Priority, RateLimiter, RestClient, RetryPolicy, Timeouts

if TYPE_CHECKING:
    from cex.exchanges.mexc.config import MexcConfig
    from cex.networking import HttpTransport, Metrics, Tap

__all__ = ["MexcPrivateRestClient"]

_RANDOM_BITS: Final = 112
_CLIENT_ORDER_ID: Final = re.compile(CLIENT_ORDER_ID)


class MexcPrivateRestClient(BasePrivateRestClient):
    """Endpoints of one account on MEXC's spot market; ``url`` is the host alone, as in ``https://api.mexc.com``.

    ``transport`` and ``limiter`` may be shared with other clients; a transport that is passed in is closed by whoever
    made it, unless ``owns_transport`` hands it over. ``scope`` marks the rate pools of this account in ``limiter``,
    which has all of them already (``account_limiter`` makes one). The exchange takes a request for ``recv_window_ms``
    milliseconds after its timestamp; an order that finds no budget for ``order_wait_s`` seconds is not sent.
    :attr:`listen_keys` are the endpoints that open private streams.
    """

    exchange = EXCHANGE
    fills_need_symbol = True

    def __init__(
        self,
        api_key: Secret,
        secret_key: Secret,
        url: str = PROFILES["live"]["rest"],
        *,
        account: str = DEFAULT_ACCOUNT,
        withdrawals_enabled: bool = False,
        recv_window_ms: int = RECV_WINDOW_MS,
        order_wait_s: float = ORDER_WAIT_S,
        transport: HttpTransport | None = None,
        owns_transport: bool = False,
        limiter: RateLimiter | None = None,
        scope: str = "account",
        retry: RetryPolicy | None = None,
        timeouts: Timeouts | None = None,
        tap: Tap | None = None,
        clock: Clock = SYSTEM_CLOCK,
        rng: random.Random | None = None,
        metrics: Metrics = NO_METRICS,
    ) -> None:
        self.url = url
        self.account = account
        self.withdrawals_enabled = withdrawals_enabled
        self.order_validity_s = (recv_window_ms + MAX_AHEAD_MS) / 1000
        self.instruments: InstrumentCatalogue = new_catalogue()
        self._rng = rng or new_random()
        self._order_wait_s = order_wait_s
        self._scope = scope
        self._limiter = limiter or account_limiter(scope, clock, rng)
        self._handed_over = transport if owns_transport else None
        self._client = RestClient(
            url,
            exchange=EXCHANGE,
            transport=transport,
            signer=MexcSigner(api_key, secret_key, recv_window_ms=recv_window_ms),
            limiter=self._limiter,
            retry=retry or RetryPolicy(),
            timeouts=timeouts or Timeouts(),
            reject=reject,
            measure_time=self.server_time,
            tap=tap,
            clock=clock,
            rng=rng,
            metrics=metrics,
        )
        self._call = SignedCalls(self._client, scope)
        self._batches = Batches(self._call, self.instruments, order_wait_s)
        self._history = History(self._call, self.instruments, self.exchange_now_ns)
        self._wallet = Wallet(self._call, self.exchange_now_ns)
        self.listen_keys = ListenKeys(self._call)

    @classmethod
    def from_config(
        cls, config: MexcConfig, account: str = DEFAULT_ACCOUNT, *, tap: Tap | None = None
    ) -> MexcPrivateRestClient:
        """The client of ``config.account(account)``; its budgets are those of the whole process."""
        settings, scope = config.account(account), account_scope(config, account)
        api_key, secret_key = settings.credentials()
        return cls(
            api_key,
            secret_key,
            config.endpoint("rest"),
            account=account,
            withdrawals_enabled=settings.withdrawals,
            recv_window_ms=config.recv_window_ms,
            transport=http_transport(config, account),
            owns_transport=True,
            limiter=add_account_pools(rate_limiter(config, "rest", account), scope),
            scope=scope,
            tap=tap,
            **rest_options(config),
        )

    # ---- names, time, limits ---------------------------------------------------------------------------------------

    def new_client_order_id(self) -> str:
        return f"cex-{self._rng.getrandbits(_RANDOM_BITS):028x}"

    def check_client_order_id(self, text: str) -> None:
        if _CLIENT_ORDER_ID.fullmatch(text) is None:
            raise ValueError(f"a client order id of {EXCHANGE} is 1 to 32 letters, digits, - and _, not {text[:64]!r}")

    async def load_instruments(self) -> InstrumentCatalogue:
        """``GET /api/v3/exchangeInfo``; a row that cannot be used is left out, counted and logged."""
        return await load_listing(self._client, self.instruments)

    async def server_time(self) -> int:
        """``GET /api/v3/time``, in nanoseconds; exact to a millisecond."""
        return await read_time(self._client)

    def exchange_now_ns(self) -> int:
        return self._client.server_time.now_ns()

    def budget_left(self) -> Mapping[str, int]:
        """By ``ip`` (weight), ``requests``, ``uid`` (weight), ``orders``, ``batch`` and ``account``."""
        own = {name: account_pool(name, self._scope) for name in (UID_POOL, ORDER_POOL, BATCH_POOL, ACCOUNT_POOL)}
        pools = {IP_POOL: IP_POOL, REQUEST_POOL: REQUEST_POOL, **own}
        return {name: self._limiter.budget_left(pool) for name, pool in pools.items()}

    # ---- account ---------------------------------------------------------------------------------------------------

    async def balances(self, market: MarketType | None = None) -> list[Balance]:
        """``GET /api/v3/account``."""
        if market not in (None, *self.markets):
            raise not_offered(EXCHANGE, f"balances of {market}", self.markets, operation="balances")
        answer = await self._call("GET", ACCOUNT_PATH, "balances", pools=(ACCOUNT_POOL,))
        asked_ts = answer.sent_ns + self._client.server_time.offset_ns
        held = balances(parse(account_decoder, answer.body, ACCOUNT_PATH), asked_ts)
        return [balance for balance in held if balance.total]

    async def fees(self, symbol: str) -> TradingFees:
        """``GET /api/v3/tradeFee``: what is really paid, unlike the fees in the exchange's list."""
        listed = self.instruments[symbol]
        answer = await self._call("GET", TRADE_FEE_PATH, "fees", {"symbol": listed.exchange_symbol})
        return trading_fees(parse(trade_fee_decoder, answer.body, TRADE_FEE_PATH), listed.symbol)

    async def tradable_symbols(self) -> list[str]:
        """``GET /api/v3/selfSymbols``: the exchange's names of what this key may trade."""
        answer = await self._call("GET", SELF_SYMBOLS_PATH, "tradable_symbols")
        return parse(symbols_decoder, answer.body, SELF_SYMBOLS_PATH).data

    # ---- orders ----------------------------------------------------------------------------------------------------

    async def place_order(self, request: OrderRequest) -> Order:
        """``POST /api/v3/order``; the answer says that it was accepted, and nothing of its state."""
        params = order_params(request, self.instruments.native(request.symbol))
        try:
            answer = await self._call(
                "POST",
                ORDER_PATH,
                "place_order",
                params,
                priority=Priority.PLACE,
                pools=(ORDER_POOL,),
                max_wait=self._order_wait_s,
            )
        except UnknownOutcomeException as error:
            error.client_order_id = request.client_order_id
            raise
        return new_order(parse(placed_decoder, answer.body, ORDER_PATH), request)

    async def check_order(self, request: OrderRequest) -> None:
        """``POST /api/v3/order/test``: the exchange judges an order, and places nothing; raises as a placement does."""
        params = order_params(request, self.instruments.native(request.symbol))
        await self._call("POST", TEST_ORDER_PATH, "check_order", params, idempotent=True)

    async def place_orders(self, requests: Sequence[OrderRequest]) -> list[Order | ExchangeException]:
        """``POST /api/v3/batchOrders``, 20 of a symbol at a time; one that is alone goes by itself."""
        return await self._batches.place(requests, self.place_order)

    async def cancel_order(
        self, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None
    ) -> Order | None:
        """``DELETE /api/v3/order``. Its answer mostly shows the order before the cancel, and then tells nothing."""
        answer = await self._call(
            "DELETE",
            ORDER_PATH,
            "cancel_order",
            self._named(symbol, order_id, client_order_id),
            priority=Priority.CANCEL,
            pools=(ORDER_POOL,),
            idempotent=True,
        )
        told = order(parse(order_decoder, answer.body, ORDER_PATH), self.instruments.by_native, ORDER_PATH)
        return told if told.status.is_final else None

    async def cancel_all_orders(self, symbol: str) -> list[Order]:
        """``DELETE /api/v3/openOrders``; the orders are those that were open, mostly as they were before."""
        answer = await self._call(
            "DELETE",
            OPEN_ORDERS_PATH,
            "cancel_all_orders",
            {"symbol": self.instruments.native(symbol)},
            priority=Priority.CANCEL,
            pools=(ORDER_POOL,),
            idempotent=True,
        )
        return self._orders(parse(orders_decoder, answer.body, OPEN_ORDERS_PATH), OPEN_ORDERS_PATH)

    async def order(self, symbol: str, *, order_id: str | None = None, client_order_id: str | None = None) -> Order:
        """``GET /api/v3/order``."""
        answer = await self._call("GET", ORDER_PATH, "order", self._named(symbol, order_id, client_order_id))
        return order(parse(order_decoder, answer.body, ORDER_PATH), self.instruments.by_native, ORDER_PATH)

    async def open_orders(self, symbol: str | None = None) -> list[Order]:
        """``GET /api/v3/openOrders``, which tells all in one answer: an account has 500 at most."""
        params = {"symbol": None if symbol is None else self.instruments.native(symbol)}
        answer = await self._call("GET", OPEN_ORDERS_PATH, "open_orders", params)
        return self._orders(parse(orders_decoder, answer.body, OPEN_ORDERS_PATH), OPEN_ORDERS_PATH)

    async def order_history(self, symbol: str, start_ts: int, end_ts: int) -> list[Order]:
        return await self._history.orders(self.instruments.native(symbol), start_ts, end_ts)

    async def fills(self, symbol: str | None, start_ts: int, end_ts: int, *, order_id: str | None = None) -> list[Fill]:
        if symbol is None:
            raise not_offered(EXCHANGE, "fills of all symbols in one call", operation="fills")
        return await self._history.fills(self.instruments.native(symbol), start_ts, end_ts, order_id)

    # ---- wallet ----------------------------------------------------------------------------------------------------

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
        self.require_withdrawals()
        return await self._wallet.withdraw(currency, amount, address, network, tag, client_withdrawal_id)

    async def aclose(self) -> None:
        await self._client.aclose()
        if self._handed_over is not None:
            await self._handed_over.aclose()

    def _named(self, symbol: str, order_id: str | None, client_order_id: str | None) -> dict[str, str | None]:
        if (order_id is None) == (client_order_id is None):
            raise ValueError("give exactly one of order_id and client_order_id")
        name = self.instruments.native(symbol)
        return {"symbol": name, "orderId": order_id, "origClientOrderId": client_order_id}

    def _orders(self, rows: list[OrderRow], channel: str) -> list[Order]:
        return [order(row, self.instruments.by_native, channel) for row in rows]
