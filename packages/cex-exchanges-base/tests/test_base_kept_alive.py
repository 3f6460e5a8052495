from __future__ import annotations

import asyncio
import gc
import weakref
from collections.abc import Mapping
from typing import Any

import pytest

from cex.common.clock import ManualClock
from cex.common.exceptions import (
    ExchangeConnectionException,
    ExchangeRejectedException,
    RateLimitException,
)
from cex.common.redaction import Secret
from cex.exchanges.base.streams import KeptAlive, KeyedTransport, shared_key
from cex.networking import Closed, ConnectFailed, WebSocketConnection

HALF_HOUR, HOUR = 1800.0, 3600.0
URL = "wss://venue.example/ws"


class Keys:
    """The exchange's endpoints: which keys are good, and what was asked."""

    def __init__(self) -> None:
        self.good: set[str] = set()
        self.asked: list[str] = []
        self.failures: list[Exception] = []
        self.made = 0
        self.slow_s = 0.01

    async def create(self) -> Secret:
        await self._travel("create")
        self.made += 1
        self.good.add(f"key-number-{self.made}")
        return Secret(f"key-number-{self.made}")

    async def renew(self, key: Secret) -> None:
        await self._travel("renew")
        if key.reveal() not in self.good:
            raise ExchangeRejectedException("no such key", "venue")

    async def delete(self, key: Secret) -> None:
        await self._travel("delete")
        self.good.remove(key.reveal())

    async def _travel(self, what: str) -> None:
        self.asked.append(what)
        await asyncio.sleep(self.slow_s)
        if self.failures:
            raise self.failures.pop(0)


def kept(clock: ManualClock) -> KeptAlive:
    return KeptAlive("venue", every=HALF_HOUR, validity=HOUR, clock=clock)


async def test_a_key_is_made_once_renewed_and_deleted_by_the_last(virtual_clock: ManualClock) -> None:
    keys, holder = Keys(), kept(virtual_clock)
    leases = [holder.join(keys, print) for _ in range(3)]
    assert keys.asked == [], "nothing before somebody asks"
    got = await asyncio.gather(*(lease.get() for lease in leases))
    assert {key.reveal() for key in got} == {"key-number-1"}
    await asyncio.sleep(5 * HALF_HOUR + 1)
    assert keys.asked == ["create"] + ["renew"] * 5
    await leases[0].aclose()
    await leases[1].aclose()
    assert "delete" not in keys.asked
    await leases[2].aclose()
    await leases[2].aclose()
    assert keys.asked[-1] == "delete"
    assert keys.good == set()
    assert (holder.created, holder.lost) == (1, 0)


async def test_a_key_that_the_exchange_does_not_know_any_more_is_replaced(virtual_clock: ManualClock) -> None:
    keys, holder = Keys(), kept(virtual_clock)
    lost: list[str] = []
    lease = holder.join(keys, lost.append)
    await lease.get()
    keys.good.clear()
    await asyncio.sleep(HALF_HOUR + 1)
    assert lost == ["it was refused"]
    assert (await lease.get()).reveal() == "key-number-2"
    await asyncio.sleep(HALF_HOUR + 1)
    assert keys.asked[-1] == "renew", "the new one is kept alive too"
    await lease.aclose()


async def test_a_renewal_that_fails_is_tried_until_the_key_is_too_old(virtual_clock: ManualClock) -> None:
    keys, holder = Keys(), kept(virtual_clock)
    lost: list[str] = []
    lease = holder.join(keys, lost.append)
    await lease.get()
    keys.failures = [ExchangeConnectionException("down", "venue")] * 3 + [RateLimitException("slow down", "venue")]
    await asyncio.sleep(HALF_HOUR + 120)
    assert keys.asked == ["create"] + ["renew"] * 5
    assert lost == []
    keys.failures = [ExchangeConnectionException("down", "venue")] * 1000
    await asyncio.sleep(2 * HOUR)
    assert len(lost) == 1
    assert "not renewed for 36" in lost[0]
    keys.failures = []
    await lease.aclose()
    assert "delete" not in keys.asked, "there is no key to delete"


async def test_what_cannot_be_deleted_is_left_to_expire(virtual_clock: ManualClock) -> None:
    for slow_s, failures in ((0.01, [ExchangeConnectionException("down", "venue")]), (99.0, [])):
        keys, holder = Keys(), kept(virtual_clock)
        lease = holder.join(keys, print)
        await lease.get()
        keys.slow_s, keys.failures = slow_s, list(failures)
        before = virtual_clock.monotonic_ns()
        await lease.aclose()
        assert virtual_clock.monotonic_ns() - before < 1e9


def test_one_holder_for_one_account() -> None:
    clock = ManualClock()
    facts: dict[str, Any] = {"every": HALF_HOUR, "validity": HOUR, "clock": clock}
    holder = shared_key("venue", "host/scope", **facts)
    assert shared_key("venue", "host/scope", **facts) is holder
    assert shared_key("venue", "host/other", **facts) is not holder
    gone = weakref.ref(holder)
    del holder
    gc.collect()
    assert gone() is None, "nothing is held for an account that nobody uses any more"
    with pytest.raises(ValueError, match="renewed before it expires"):
        KeptAlive("venue", every=HOUR, validity=HOUR)


class Line:
    def __init__(self, url: str) -> None:
        self.url = url
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def send(self, data: str) -> None: ...

    async def receive(self) -> str:
        await self.ended
        raise Closed(1006, "gone")

    async def aclose(self, code: int = 1000) -> None:
        if not self.ended.done():
            self.ended.set_result(None)


class Network:
    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.failures: list[Exception] = []

    async def connect(
        self, url: str, *, headers: Mapping[str, str], timeout: float, max_size: int
    ) -> WebSocketConnection:
        if self.failures:
            raise self.failures.pop(0)
        self.lines.append(Line(url))
        return self.lines[-1]


async def connect(transport: KeyedTransport, url: str = URL) -> WebSocketConnection:
    return await transport.connect(url, headers={}, timeout=1.0, max_size=100)


async def test_the_key_stands_in_the_address_and_nowhere_else(virtual_clock: ManualClock) -> None:
    keys, network = Keys(), Network()
    transport = KeyedTransport(network, kept(virtual_clock), keys, parameter="listenKey")
    await connect(transport)
    await (await connect(transport, URL + "?v=1")).aclose()
    assert [line.url for line in network.lines] == [
        f"{URL}?listenKey=key-number-1",
        f"{URL}?v=1&listenKey=key-number-1",
    ]
    await transport.aclose()
    assert keys.asked[0] == "create"
    assert keys.asked[-1] == "delete"


async def test_a_lost_key_closes_what_it_opened_and_the_next_connection_has_a_new_one(
    virtual_clock: ManualClock,
) -> None:
    keys, network = Keys(), Network()
    transport = KeyedTransport(network, kept(virtual_clock), keys, parameter="listenKey")
    connection = await connect(transport)
    keys.good.clear()
    await transport.verify()
    with pytest.raises(Closed):
        await connection.receive()
    await connect(transport)
    assert network.lines[-1].url.endswith("key-number-2")
    await transport.aclose()


async def test_after_a_break_the_key_is_verified_before_it_is_used_again(virtual_clock: ManualClock) -> None:
    keys, network = Keys(), Network()
    transport = KeyedTransport(network, kept(virtual_clock), keys, parameter="listenKey")
    await connect(transport)
    await network.lines[0].aclose()
    keys.good.clear()
    await connect(transport)
    assert keys.asked == ["create", "renew", "create"]
    await transport.aclose()


async def test_without_a_key_there_is_no_connection(virtual_clock: ManualClock) -> None:
    keys, network = Keys(), Network()
    transport = KeyedTransport(network, kept(virtual_clock), keys, parameter="listenKey")
    keys.failures = [ExchangeConnectionException("down", "venue")]
    with pytest.raises(ConnectFailed, match="no session key was given: down"):
        await connect(transport)
    network.failures = [ConnectFailed("refused", 403)]
    with pytest.raises(ConnectFailed, match="refused"):
        await connect(transport)
    await connect(transport)
    await transport.aclose()
    assert keys.good == set()


async def test_a_thousand_expiries(virtual_clock: ManualClock) -> None:
    keys, network = Keys(), Network()
    holder = kept(virtual_clock)
    transport = KeyedTransport(network, holder, keys, parameter="listenKey")
    for number in range(1000):
        connection = await connect(transport)
        assert network.lines[-1].url.endswith(f"key-number-{number + 1}")
        keys.good.clear()
        await asyncio.sleep(HALF_HOUR + 1)
        with pytest.raises(Closed):
            await connection.receive()
    assert holder.lost == 1000
    await transport.aclose()
