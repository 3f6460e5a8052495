from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from aiohttp.test_utils import make_mocked_request

from cex.sandbox.credentials import AccountPlan
from cex.sandbox.faults import KINDS
from cex.sandbox.market.listings import DEFAULT_LISTINGS
from cex.sandbox.server import Sandbox


class Api:
    """The control API as anybody would use it."""

    def __init__(self, sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.http = http

    async def call(self, method: str, path: str, body: object = None, **query: str) -> tuple[int, Any]:
        url = f"{self.sandbox.control_url}{path}"
        data = None if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.http.request(method, url, data=data, params=query) as answer:
            assert answer.content_type == "application/json"
            return answer.status, await answer.json()


@pytest.fixture
async def api(http: aiohttp.ClientSession) -> AsyncIterator[Api]:
    plan = AccountPlan(venue="mexc", name="second")
    listings = [DEFAULT_LISTINGS[0], DEFAULT_LISTINGS[8]]
    async with Sandbox(seed=7, listings=listings, accounts=[plan], control_port=0) as sandbox:
        yield Api(sandbox, http)


async def test_it_says_what_there_is(api: Api) -> None:
    status, body = await api.call("GET", "")
    assert (status, body["seed"]) == (200, 7)
    assert "POST /_sandbox/faults" in body["routes"]
    status, kinds = await api.call("GET", "/kinds")
    assert set(kinds) == set(KINDS)
    assert kinds["close"]["parameters"]["code"] == {
        "type": "int",
        "default": 1001,
        "choices": [1000, 1001, 1006, 1008, 1011, 1012, 1013],
    }


async def test_it_is_on_every_port(api: Api) -> None:
    sandbox = api.sandbox
    assert sandbox.control_url not in (None, sandbox.endpoints["mexc"]["rest"] + "/_sandbox")
    for base in (sandbox.endpoints["mexc"]["rest"], sandbox.endpoints["gateio"]["rest"].removesuffix("/api/v4")):
        async with api.http.get(f"{base}/_sandbox/faults") as answer:
            assert (await answer.json())["faults"] == []


async def test_faults_come_and_go(api: Api) -> None:
    status, added = await api.call("POST", "/faults", {"kind": "server_error", "venue": "mexc", "status": 503})
    assert status == 201
    assert added == {
        "id": 1,
        "state": "on",
        "injected": 0,
        "kind": "server_error",
        "venue": "mexc",
        "probability": 1.0,
        "after": 0.0,
        "status": 503,
    }
    async with api.http.get(f"{api.sandbox.endpoints['mexc']['rest']}/api/v3/time") as answer:
        assert answer.status == 503
    status, listed = await api.call("GET", "/faults")
    assert [fault["injected"] for fault in listed["faults"]] == [1]
    assert listed["injected"]["server_error"] == 1
    status, several = await api.call("POST", "/faults", [{"kind": "reset", "after": 60}, {"kind": "drop_delta"}])
    assert [(one["id"], one["state"]) for one in several] == [(2, "waiting"), (3, "on")]
    assert (await api.call("GET", "/faults/2"))[1]["kind"] == "reset"
    status, removed = await api.call("DELETE", "/faults/1")
    assert (status, removed["injected"]) == (200, 1)
    async with api.http.get(f"{api.sandbox.endpoints['mexc']['rest']}/api/v3/time") as answer:
        assert answer.status == 200
    status, cleared = await api.call("DELETE", "/faults")
    assert [one["id"] for one in cleared["faults"]] == [2, 3]
    assert (await api.call("GET", "/faults"))[1]["faults"] == []


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "error"),
    [
        ("POST", "/faults", {"kind": "explode"}, 400, "there is no fault 'explode'"),
        ("POST", "/faults", {"kind": "reset", "seconds": 1}, 400, "unknown setting 'seconds'"),
        ("POST", "/faults", {"kind": "reset", "venue": "kraken"}, 400, "no venue 'kraken'"),
        ("POST", "/faults", {"kind": "delay_push", "seconds": [1]}, 400, "seconds is a number, not [1]"),
        ("POST", "/faults", {"kind": "reset", "venue": 3}, 400, "venue is a text, not 3"),
        ("POST", "/faults", {"after": 1}, 400, "a fault is a JSON object with a kind"),
        ("POST", "/faults", ["reset"], 400, "a fault is a JSON object with a kind"),
        ("POST", "/faults", b"{", 400, "the body is not JSON"),
        ("GET", "/faults/7", None, 404, "there is no fault 7"),
        ("DELETE", "/faults/7", None, 404, "there is no fault 7"),
        ("DELETE", "/faults/all", None, 400, "'all' is no id of a fault"),
        ("GET", "/everything", None, 404, "there is no GET /_sandbox/everything"),
        ("PUT", "/faults", None, 404, "there is no PUT /_sandbox/faults"),
        ("POST", "/orders", [], 400, "an order is a JSON object"),
        ("POST", "/orders", {"venue": "kraken", "side": "buy", "quantity": "1"}, 404, "no venue 'kraken'"),
        ("POST", "/orders", {"venue": "mexc", "symbol": "X/Y", "side": "buy", "quantity": "1"}, 404, "'X/Y'"),
        ("POST", "/orders", {"venue": "mexc", "symbol": "BTC/USDT", "side": "up"}, 400, "the order makes no sense"),
        (
            "POST",
            "/orders",
            {"venue": "mexc", "symbol": "BTC/USDT", "side": "buy", "quantity": "much"},
            400,
            "the order makes no sense",
        ),
    ],
)
async def test_errors_say_what_is_wrong_and_what_to_do(
    api: Api, method: str, path: str, body: object, status: int, error: str
) -> None:
    found, answer = await api.call(method, path, body)
    assert found == status
    assert error in answer["error"]
    assert answer["remedy"]
    assert (await api.call("GET", "/faults"))[1]["faults"] == []


async def test_the_state_is_the_truth(api: Api) -> None:
    status, state = await api.call("GET", "/state", venue="mexc", symbol="BTC/USDT", depth="3")
    assert status == 200
    assert list(state["venues"]) == ["mexc"]
    mexc = state["venues"]["mexc"]
    book = mexc["books"]["BTC/USDT"]
    truth = api.sandbox.truth_at("mexc", "BTC/USDT", book["update_id"])
    assert book["bids"] == [[str(price), str(quantity)] for price, quantity in truth.bids[:3]]
    assert mexc["connections"] == 0
    main, second = mexc["accounts"]
    assert (main["name"], second["name"]) == ("main", "second")
    assert float(main["balances"]["spot"]["USDT"]["free"]) >= 100_000
    assert (main["open_orders"], main["positions"]) == ([], [])
    secrets = [api.sandbox.credentials_of("mexc", name) for name in ("main", "second")]
    assert not any(one.secret in json.dumps(state) or one.key in json.dumps(state) for one in secrets)
    _, everything = await api.call("GET", "/state", depth="0")
    assert len(everything["venues"]["gateio"]["books"]["BTC/USDT:USDT"]["bids"]) > 100
    gateio = everything["venues"]["gateio"]["accounts"][0]["balances"]
    assert float(gateio["futures_usdt"]["USDT"]["free"]) >= 10_000


async def test_a_state_that_is_not_there(api: Api) -> None:
    for query, error in (
        ({"venue": "kraken"}, "no venue 'kraken'"),
        ({"symbol": "X/Y"}, "'X/Y' is not listed"),
        ({"depth": "-1"}, "depth is a whole number, not '-1'"),
    ):
        status, answer = await api.call("GET", "/state", **query)
        assert status in (400, 404)
        assert error in answer["error"]


async def test_the_crowd_trades_on_command(api: Api) -> None:
    ask = str(api.sandbox.truth("mexc", "BTC/USDT").asks[0][0])
    order = {"venue": "mexc", "symbol": "BTC/USDT", "side": "buy", "quantity": "0.00001", "price": ask}
    status, done = await api.call("POST", "/orders", {**order, "time_in_force": "ioc"})
    assert (status, done["status"]) == (201, "filled")
    assert done["fills"] == [{"price": ask, "quantity": "0.00001000"}]
    low = {**order, "price": "100.00"}
    status, resting = await api.call("POST", "/orders", low)
    assert (resting["status"], resting["fills"]) == ("new", [])
    status, market = await api.call("POST", "/orders", {k: v for k, v in order.items() if k != "price"})
    assert market["status"] == "filled"


async def test_the_journal_can_be_read_on(api: Api) -> None:
    async with api.http.get(f"{api.sandbox.endpoints['mexc']['rest']}/api/v3/time") as answer:
        await answer.read()
    status, first = await api.call("GET", "/journal")
    (entry,) = first["entries"]
    assert (status, entry["event"], entry["path"], entry["status"]) == (200, "request", "/api/v3/time", 200)
    assert (await api.call("GET", "/journal", after=str(entry["number"])))[1] == {"entries": []}
    assert (await api.call("GET", "/journal", limit="x"))[0] == 400


async def test_faults_do_not_strike_the_control_api(api: Api) -> None:
    await api.call("POST", "/faults", {"kind": "server_error"})
    base = api.sandbox.endpoints["mexc"]["rest"]
    async with api.http.get(f"{base}/_sandbox/faults") as answer:
        assert answer.status == 200
    await api.call("POST", "/faults", {"kind": "down"})
    assert (await api.call("DELETE", "/faults"))[0] == 200


async def test_it_is_for_this_machine_only() -> None:
    async with Sandbox(seed=7, sockets=False, listings=DEFAULT_LISTINGS[:1]) as sandbox:
        for remote, status in (("10.1.2.3", 403), ("127.0.0.1", 200), ("::1", 200), ("::ffff:127.0.0.1", 200)):
            request = make_mocked_request("GET", "/_sandbox/faults").clone(remote=remote)
            answer = await sandbox._control.handle(request)
            assert answer.status == status


async def test_the_true_book_at_an_id_is_what_the_venue_says(api: Api) -> None:
    rest = api.sandbox.endpoints["mexc"]["rest"]
    async with api.http.get(f"{rest}/api/v3/depth", params={"symbol": "BTCUSDT", "limit": "5000"}) as answer:
        said = await answer.json()
    where = {"venue": "mexc", "symbol": "BTC/USDT"}
    status, book = await api.call("GET", "/book", **where, update_id=str(said["lastUpdateId"]))
    assert (status, book["update_id"]) == (200, said["lastUpdateId"])
    for side in ("bids", "asks"):
        assert [list(map(float, level)) for level in book[side]] == [list(map(float, level)) for level in said[side]]
    status, top = await api.call("GET", "/book", **where, depth="1")
    assert (status, len(top["bids"]), len(top["asks"])) == (200, 1, 1)


@pytest.mark.parametrize(
    ("query", "error"),
    [
        ({"venue": "nowhere", "symbol": "BTC/USDT"}, "no venue 'nowhere'"),
        ({"venue": "mexc", "symbol": "NO/USDT"}, "mexc does not list 'NO/USDT'"),
        ({"venue": "mexc", "symbol": "BTC/USDT", "update_id": "999999999999999"}, "999999999999999"),
    ],
)
async def test_a_book_that_is_not_there_is_told(api: Api, query: dict[str, str], error: str) -> None:
    status, body = await api.call("GET", "/book", **query)
    assert status == 404
    assert error in body["error"]
    assert body["remedy"]
