"""What the public and the private client ask alike: what is traded by which rules, and what time it is."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.mexc.constants import EXCHANGE, EXCHANGE_INFO_PATH, IP_POOL, REQUEST_POOL, TIME_PATH, WEIGHTS
from cex.exchanges.mexc.decode.market import instruments
from cex.exchanges.mexc.decode.parsing import MS, parse
from cex.exchanges.mexc.wire.rest import server_time_decoder
from cex.networking import Priority, RestClient, RestRequest

__all__ = ["load_listing", "public_get", "read_time"]

logger = logging.getLogger(__name__)


def public_get(
    path: str,
    operation: str,
    params: Mapping[str, str] | None = None,
    priority: Priority = Priority.QUERY,
    weight: int | None = None,
) -> RestRequest:
    """A request that needs no key; ``weight`` where it is not the usual one of the path."""
    return RestRequest(
        method="GET",
        path=path,
        operation=operation,
        params=params or {},
        costs={IP_POOL: weight or WEIGHTS[path], REQUEST_POOL: 1},
        priority=priority,
    )


async def load_listing(client: RestClient, catalogue: InstrumentCatalogue) -> InstrumentCatalogue:
    """``GET /api/v3/exchangeInfo`` into ``catalogue``; a row that cannot be used is left out, counted and logged."""
    answer = await client.request(public_get(EXCHANGE_INFO_PATH, "load_instruments"))
    found, left_out = instruments(answer.body)
    if left_out:
        logger.warning(
            "%d of %d symbols left out, the first is %s",
            len(left_out),
            len(left_out) + len(found),
            left_out[0],
            extra={"exchange": EXCHANGE},
        )
    catalogue.replace(found)
    return catalogue


async def read_time(client: RestClient) -> int:
    """``GET /api/v3/time`` in nanoseconds, exact to a millisecond; also a sample of the exchange's clock."""
    answer = await client.request(public_get(TIME_PATH, "server_time"))
    server_ns = parse(server_time_decoder, answer.body, TIME_PATH).server_time * MS
    client.server_time.update(server_ns, answer.sent_ns, answer.received_ns)
    return server_ns
