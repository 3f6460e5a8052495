"""An account of a sandbox in memory through our own clients, on whatever clock the loop has."""

from __future__ import annotations

import random

from cex.common.clock import Clock
from cex.common.enums import MarketType
from cex.common.redaction import Secret
from cex.exchanges.base.orders import OrderPolicy
from cex.exchanges.base.private import ComposedPrivateExchange
from cex.exchanges.gateio import GateioPrivateExchange
from cex.exchanges.gateio.rest import GateioPrivateRestClient
from cex.exchanges.gateio.websocket import GateioPrivateWebSocketClient
from cex.exchanges.mexc import MexcPrivateExchange
from cex.exchanges.mexc.rest import MexcPrivateRestClient
from cex.exchanges.mexc.websocket import MexcPrivateWebSocketClient
from cex.networking import (
    NO_METRICS,
    AiohttpTransport,
    AiohttpWebSocketTransport,
    ConnectBudget,
    HttpTransport,
    Metrics,
    RateLimiter,
    Tap,
    Timeouts,
    WebSocketTransport,
)
from cex.sandbox import Sandbox

__all__ = ["TIMEOUTS", "account_client", "account_rest"]

TIMEOUTS = Timeouts(connect=3.0, read=8.0, total=10.0)
_CONNECTS = 600
"""A minute: none of these runs is about the pace of reconnects."""

RestClients = MexcPrivateRestClient | GateioPrivateRestClient


def account_rest(
    venue: str,
    sandbox: Sandbox,
    *,
    clock: Clock,
    rng: random.Random,
    account: str = "main",
    credentials: tuple[str, str] | None = None,
    limiter: RateLimiter | None = None,
    scope: str = "account",
    tap: Tap | None = None,
    metrics: Metrics = NO_METRICS,
    http: HttpTransport | None = None,
) -> RestClients:
    """The REST client of one of the venue's accounts; ``credentials`` are other ones than the account's own.

    ``scope`` marks the account's pools in a ``limiter`` that others use too.
    """
    known = sandbox.credentials_of(venue, account)
    key, secret = map(Secret, credentials or (known.key, known.secret))
    url = sandbox.endpoints[venue]["rest"]
    transport = http or AiohttpTransport(connector=sandbox.connector)
    if venue == "mexc":
        return MexcPrivateRestClient(
            key,
            secret,
            url,
            transport=transport,
            owns_transport=True,
            limiter=limiter,
            scope=scope,
            timeouts=TIMEOUTS,
            tap=tap,
            clock=clock,
            rng=rng,
            metrics=metrics,
        )
    return GateioPrivateRestClient(
        url,
        key=key,
        secret=secret,
        transport=transport,
        owns_transport=True,
        limiter=limiter,
        scope=scope,
        timeouts=TIMEOUTS,
        tap=tap,
        clock=clock,
        rng=rng,
        metrics=metrics,
    )


def account_client(
    venue: str,
    sandbox: Sandbox,
    *,
    clock: Clock,
    rng: random.Random,
    account: str = "main",
    credentials: tuple[str, str] | None = None,
    order_entry: str = "rest",
    policy: OrderPolicy | None = None,
    limiter: RateLimiter | None = None,
    scope: str = "account",
    tap: Tap | None = None,
    metrics: Metrics = NO_METRICS,
    http: HttpTransport | None = None,
    sockets: WebSocketTransport | None = None,
) -> ComposedPrivateExchange:
    """The whole account, not open yet; it owns its clients. ``order_entry`` is Gate.io's: ``rest`` or ``websocket``.

    ``http`` and ``sockets`` stand in the place of what opens connections in memory.
    """
    rest = account_rest(
        venue,
        sandbox,
        clock=clock,
        rng=rng,
        account=account,
        credentials=credentials,
        limiter=limiter,
        scope=scope,
        tap=tap,
        metrics=metrics,
        http=http,
    )
    urls = sandbox.endpoints[venue]
    sockets = sockets or AiohttpWebSocketTransport(connector=sandbox.connector)
    budget = ConnectBudget(_CONNECTS)
    if isinstance(rest, MexcPrivateRestClient):
        streams = MexcPrivateWebSocketClient(
            rest.listen_keys,
            urls["ws"],
            transport=sockets,
            tap=tap,
            clock=clock,
            rng=rng,
            metrics=metrics,
            budget=budget,
        )
        return MexcPrivateExchange(
            rest_client=rest, websocket_client=streams, owns_clients=True, policy=policy, clock=clock, rng=rng
        )
    known = sandbox.credentials_of(venue, account)
    key, secret = map(Secret, credentials or (known.key, known.secret))
    return GateioPrivateExchange(
        rest_client=rest,
        websocket_client=GateioPrivateWebSocketClient(
            {MarketType.SPOT: urls["ws_spot"], MarketType.FUTURES: urls["ws_futures_usdt"]},
            key=key,
            secret=secret,
            rest=rest,
            order_entry=order_entry == "websocket",
            transport=sockets,
            tap=tap,
            clock=clock,
            rng=rng,
            metrics=metrics,
            budget=budget,
        ),
        owns_clients=True,
        policy=policy,
        clock=clock,
        rng=rng,
    )
