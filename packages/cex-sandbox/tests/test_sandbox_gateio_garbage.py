"""Whatever comes in, what goes out is documented: JSON with a label, never a server error, and nothing is lost."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from cex.common.correlation import new_random
from cex.sandbox.accounts.ledger import SPOT
from garbage import gateio_frame, gateio_request


def conserved(gate: Any) -> None:
    for asset in gate.ledger.assets:
        assert gate.ledger.total(asset) == 0
    for asset, holding in gate.ledger.holdings(1001, SPOT).items():
        assert holding.free >= 0, asset
        assert holding.locked >= 0, asset
    locked = sum(
        (order.locked for order in gate.desk.open_orders(gate.main) if order.locked_asset == "USDT"), Decimal(0)
    )
    withdrawing = sum(
        one.amount + one.fee for one in gate.wallet.withdrawals(gate.main) if one.status in ("requested", "processing")
    )
    assert gate.ledger.holding(1001, SPOT, "USDT").locked == locked + withdrawing


@pytest.mark.parametrize("seed", range(4))
async def test_garbage_requests(gate: Any, seed: int) -> None:
    rng = new_random(seed)
    seen: set[int] = set()
    for n in range(250):
        method, path, query, text = gateio_request(rng)
        answer = await gate.call(method, path, text, query=query)
        seen.add(answer.status)
        assert answer.status in (200, 201, 202, 400, 404, 405, 429), (method, path, query, text, answer.body)
        assert answer.status < 300 or answer.label == answer.label.upper()
        if n % 50 == 0:
            gate.tick(3)
    assert {200, 400} <= seen
    conserved(gate)


@pytest.mark.parametrize("seed", range(4))
async def test_garbage_frames(gate: Any, seed: int) -> None:
    rng = new_random(seed)
    async with gate.socket() as socket:
        await socket.login()
        for n in range(400):
            await socket.send(gateio_frame(rng))
            if n % 20 == 0:
                await socket.send({"time": 1, "channel": "spot.ping", "id": n})
                while True:
                    answer = await socket.receive()
                    if answer.get("channel") == "spot.pong":
                        break
                    status = answer["header"]["status"] if "header" in answer else "200"
                    assert status in ("200", "400", "401", "403", "404", "429"), answer
    conserved(gate)


@pytest.mark.parametrize(
    "path", ["/nothing", "/spot", "/spot/orders/1/2", "/wallet/moon", "/%2e%2e/x", "/spot//orders"]
)
async def test_unknown_paths(gate: Any, path: str) -> None:
    answer = await gate.call("GET", path)
    assert (answer.status, answer.label) == (404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/spot/orders"), ("POST", "/spot/accounts"), ("GET", "/withdrawals")]
)
async def test_wrong_verbs(gate: Any, method: str, path: str) -> None:
    answer = await gate.call(method, path)
    assert (answer.status, answer.label) == (405, "METHOD_NOT_ALLOWED")


async def test_a_body_that_is_too_large(gate: Any) -> None:
    answer = await gate.call("POST", "/spot/orders", json.dumps({"text": "x" * (2 << 20)}))
    assert (answer.status, answer.label) == (400, "INVALID_REQUEST_BODY")
