"""How the requests of one account are sent: signed, and counted against the budgets of address and account."""

from __future__ import annotations

from collections.abc import Mapping

from cex.exchanges.mexc.constants import IP_POOL, PRIVATE_WEIGHTS, REQUEST_POOL, UID_POOL
from cex.exchanges.mexc.rest.connection import account_pool
from cex.networking import Priority, RestClient, RestRequest, RestResponse

__all__ = ["SignedCalls"]


class SignedCalls:
    """Calls of one account; ``scope`` marks its rate pools in a limiter that other accounts may share."""

    def __init__(self, client: RestClient, scope: str) -> None:
        self._client = client
        self._scope = scope

    async def __call__(
        self,
        method: str,
        path: str,
        operation: str,
        params: Mapping[str, str | None] | None = None,
        *,
        priority: Priority = Priority.QUERY,
        pools: tuple[str, ...] = (),
        idempotent: bool | None = None,
        max_wait: float | None = None,
    ) -> RestResponse:
        """One request; parameters that are None are left out. ``pools`` are pools of the account that it costs 1 of,
        beside weight.
        """
        weight = PRIVATE_WEIGHTS.get(f"{method} {path}", 1)
        costs = {IP_POOL: weight, REQUEST_POOL: 1, account_pool(UID_POOL, self._scope): weight}
        costs |= {account_pool(pool, self._scope): 1 for pool in pools}
        request = RestRequest(
            method=method,
            path=path,
            operation=operation,
            params={name: value for name, value in (params or {}).items() if value is not None},
            costs=costs,
            priority=priority,
            signed=True,
            idempotent=idempotent,
            max_wait=max_wait,
        )
        return await self._client.request(request)
