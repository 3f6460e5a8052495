"""Faults of requests and of private pushes, in memory and in virtual time, as signed clients see them."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

import aiohttp
import pytest
import yarl

from cex.common.clock import ManualClock
from cex.common.enums import Side
from cex.sandbox.latency import Latency
from cex.sandbox.market.listings import DEFAULT_LISTINGS
from cex.sandbox.server import Sandbox
from cex.sandbox.venues.gateio.options import GateioOptions
from cex.sandbox.venues.mexc.options import MexcOptions
from cex.sandbox.virtual import run_virtual

LISTINGS = [DEFAULT_LISTINGS[0], DEFAULT_LISTINGS[8]]
GENEROUS = MexcOptions(weight_limit=100_000, uid_weight_limit=100_000, order_limit=100_000, account_limit=1000)


class Answer:
    def __init__(self, status: int, headers: Any, body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Client:
    """Signs as each exchange documents it."""

    def __init__(self, sandbox: Sandbox, http: aiohttp.ClientSession) -> None:
        self.sandbox = sandbox
        self.http = http

    async def get(self, venue: str, path: str, **params: str) -> Answer:
        url = self.sandbox.endpoints[venue]["rest"]
        async with self.http.get(f"{url}{path}", params=params) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def mexc(self, method: str, path: str, **params: object) -> Answer:
        own = self.sandbox.credentials["mexc"]
        given = {**params, "timestamp": self.sandbox.now_ns("mexc") // 1_000_000}
        query = "&".join(f"{name}={value}" for name, value in given.items())
        signature = hmac.new(own.secret.encode(), query.encode(), hashlib.sha256).hexdigest()
        url = yarl.URL(f"{self.sandbox.endpoints['mexc']['rest']}{path}?{query}&signature={signature}", encoded=True)
        headers = {"X-MEXC-APIKEY": own.key, "Content-Type": "application/json", "X-Correlation-Id": "c0ffee"}
        async with self.http.request(method, url, headers=headers) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def gateio(self, method: str, path: str, body: object = None, query: str = "") -> Answer:
        own = self.sandbox.credentials["gateio"]
        data = b"" if body is None else json.dumps(body).encode()
        stamp = str(self.sandbox.now_ns("gateio") // 1_000_000_000)
        text = "\n".join((method, f"/api/v4{path}", query, hashlib.sha512(data).hexdigest(), stamp))
        signature = hmac.new(own.secret.encode(), text.encode(), hashlib.sha512).hexdigest()
        headers = {"KEY": own.key, "SIGN": signature, "Timestamp": stamp, "Content-Type": "application/json"}
        url = f"{self.sandbox.endpoints['gateio']['rest']}{path}{'?' if query else ''}{query}"
        async with self.http.request(method, url, data=data or None, headers=headers) as answer:
            return Answer(answer.status, answer.headers, await answer.read())

    async def order(self, price: str, side: str = "BUY", quantity: str = "0.01", **more: object) -> Answer:
        kind = {"symbol": "BTCUSDT", "side": side, "type": "LIMIT", "quantity": quantity, "price": price, **more}
        return await self.mexc("POST", "/api/v3/order", **kind)

    def orders(self) -> list[dict[str, Any]]:
        (main,) = self.sandbox.account_states("mexc")
        orders: list[dict[str, Any]] = main["open_orders"]
        return orders

    def far_below(self) -> str:
        """A price at which nothing is sold."""
        return f"{float(self.sandbox.truth('mexc', 'BTC/USDT').bids[-1][0]) * 0.9:.2f}"

    def best(self, side: str) -> str:
        truth = self.sandbox.truth("mexc", "BTC/USDT")
        return str((truth.bids if side == "bid" else truth.asks)[0][0])


Act = Callable[[Client], Awaitable[None]]


def run(act: Act, **settings: Any) -> None:
    async def main(clock: ManualClock) -> None:
        async with (
            Sandbox(seed=7, sockets=False, listings=LISTINGS, clock=clock, mexc=GENEROUS, **settings) as sandbox,
            aiohttp.ClientSession(connector=sandbox.connector()) as http,
        ):
            await act(Client(sandbox, http))

    run_virtual(main)


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "venue", "status"),
    [
        ("rate_limited", "mexc", 429),
        ("rate_limited", "gateio", 429),
        ("banned", "mexc", 418),
        ("banned", "gateio", 403),
        ("forbidden", "mexc", 403),
        ("forbidden", "gateio", 403),
        ("maintenance", "mexc", 503),
        ("maintenance", "gateio", 503),
        ("server_error", "mexc", 502),
        ("server_error", "gateio", 502),
    ],
)
def test_each_venue_refuses_in_its_own_words(kind: str, venue: str, status: int) -> None:
    async def act(client: Client) -> None:
        settings: dict[str, Any] = {"status": 502} if kind == "server_error" else {}
        client.sandbox.faults.add(kind, venue=venue, count=1, **settings)
        path = "/api/v3/time" if venue == "mexc" else "/spot/time"
        refused = await client.get(venue, path)
        assert refused.status == status
        assert refused.body
        assert (await client.get(venue, path)).status == 200
        assert client.sandbox.faults.injected[kind] == 1

    run(act)


def test_with_and_without_retry_after() -> None:
    async def act(client: Client) -> None:
        client.sandbox.faults.add("rate_limited", count=1, retry_after=3)
        client.sandbox.faults.add("rate_limited", count=2)
        answers = [await client.get("mexc", "/api/v3/time") for _ in range(3)]
        assert [answer.status for answer in answers] == [429, 429, 200]
        assert [answer.headers.get("Retry-After") for answer in answers] == ["3", None, None]

    run(act)


def test_only_the_named_endpoint_and_symbol_are_struck() -> None:
    async def act(client: Client) -> None:
        client.sandbox.faults.add("server_error", endpoint="GET */depth", symbol="BTC/USDT")
        client.sandbox.faults.add("server_error", endpoint="GET */order_book", symbol="BTC/USDT:USDT")
        assert (await client.get("mexc", "/api/v3/depth", symbol="BTCUSDT")).status == 500
        assert (await client.get("mexc", "/api/v3/depth", symbol="ETHUSDT")).status == 400
        assert (await client.get("mexc", "/api/v3/trades", symbol="BTCUSDT")).status == 200
        assert (await client.get("gateio", "/spot/order_book", currency_pair="BTC_USDT")).status == 200
        assert (await client.get("gateio", "/futures/usdt/order_book", contract="BTC_USDT")).status == 500

    run(act)


def test_a_symbol_is_found_in_a_body() -> None:
    async def act(client: Client) -> None:
        client.sandbox.faults.add("server_error", symbol="BTC/USDT", endpoint="POST */orders")
        order = {"currency_pair": "BTC_USDT", "side": "buy", "amount": "0.01", "price": "100", "text": "t-1"}
        assert (await client.gateio("POST", "/spot/orders", order)).status == 500
        assert (await client.gateio("POST", "/spot/orders", {**order, "currency_pair": "NOPE_USDT"})).status == 400

    run(act)


def test_limit_headers_lie() -> None:
    async def act(client: Client) -> None:
        honest = await client.get("gateio", "/spot/time")
        client.sandbox.faults.add("lying_limits", count=1, remaining=0, limit=1, reset_in=60.0)
        lied = await client.get("gateio", "/spot/time")
        assert lied.headers["X-Gate-RateLimit-Requests-Remain"] == "0"
        assert lied.headers["X-Gate-RateLimit-Limit"] == "1"
        told = int(lied.headers["X-Gate-RateLimit-Reset-Timestamp"])
        assert told >= int(honest.headers["X-Gate-RateLimit-Reset-Timestamp"]) + 60
        assert int(honest.headers["X-Gate-RateLimit-Requests-Remain"]) > 100

    run(act)


def test_a_refused_handshake() -> None:
    async def act(client: Client) -> None:
        client.sandbox.faults.add("handshake_refused", status=502, count=1)
        url = client.sandbox.endpoints["mexc"]["ws"]
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.http.ws_connect(url)
        assert refused.value.status == 502
        await (await client.http.ws_connect(url)).close()

    run(act)


# --- outcomes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("kind", "took_effect"), [("request_lost", False), ("answer_lost", True)])
def test_what_is_lost_on_the_way(kind: str, took_effect: bool) -> None:
    async def act(client: Client) -> None:
        client.sandbox.faults.add(kind, endpoint="POST */order", count=1)
        with pytest.raises(aiohttp.ClientConnectionError):
            await client.order(client.far_below())
        assert bool(client.orders()) is took_effect
        client.sandbox.faults.add(kind, endpoint="POST */order", how="hang", count=1)
        loop = asyncio.get_running_loop()
        before = loop.time()
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(5):
                await client.order(client.far_below())
        assert loop.time() - before == pytest.approx(5.0, abs=0.1)
        assert len(client.orders()) == (2 if took_effect else 0)
        assert (await client.order(client.far_below())).status == 200

    run(act)


def test_late_requests_and_late_answers() -> None:
    async def act(client: Client) -> None:
        for kind, open_meanwhile in (("request_late", 0), ("answer_late", 2)):
            client.sandbox.faults.add(kind, endpoint="POST */order", seconds=2.0, count=1)
            loop = asyncio.get_running_loop()
            before = loop.time()
            placing = asyncio.ensure_future(client.order(client.far_below()))
            await asyncio.sleep(1)
            assert len(client.orders()) == open_meanwhile
            assert (await placing).status == 200
            assert loop.time() - before == pytest.approx(2.0, abs=0.1)

    run(act)


def test_an_order_is_answered_after_its_fill() -> None:
    async def act(client: Client) -> None:
        client.sandbox.faults.add("fill_before_ack", venue="mexc", seconds=4.0)
        assert (await client.order(client.best("ask"), quantity="0.001")).status == 200
        loop = asyncio.get_running_loop()
        before = loop.time()
        placing = asyncio.ensure_future(client.order(client.best("bid"), quantity="0.001"))
        await asyncio.sleep(0.005)
        assert not placing.done(), "it rests"
        truth = client.sandbox.truth("mexc", "BTC/USDT")
        level = truth.bids[0]
        client.sandbox.market.submit("mexc", "BTC/USDT", Side.SELL, Decimal(5), level[0])
        assert (await placing).status == 200
        assert loop.time() - before < 1
        before = loop.time()
        assert (await client.order(client.far_below())).status == 200
        assert loop.time() - before == pytest.approx(4.0, abs=0.1)

    run(act)


def test_a_cancel_loses_the_race_against_a_fill() -> None:
    async def act(client: Client) -> None:
        other = (await client.order(client.far_below())).json
        order = (await client.order(client.best("bid"), quantity="0.001")).json
        client.sandbox.faults.add("cancel_races_fill", venue="mexc", count=1)
        cancelled = await client.mexc("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=order["orderId"])
        assert cancelled.status == 400
        asked = await client.mexc("GET", "/api/v3/order", symbol="BTCUSDT", orderId=order["orderId"])
        assert asked.json["status"] == "FILLED"
        asked = await client.mexc("GET", "/api/v3/order", symbol="BTCUSDT", orderId=other["orderId"])
        assert asked.json["status"] == "NEW"

    run(act)


def test_a_cancel_waits_for_a_fill_that_does_not_come() -> None:
    async def act(client: Client) -> None:
        order = (await client.order(client.far_below())).json
        client.sandbox.faults.add("cancel_races_fill", venue="mexc", count=1, force=False, seconds=2.0)
        loop = asyncio.get_running_loop()
        before = loop.time()
        cancelled = await client.mexc("DELETE", "/api/v3/order", symbol="BTCUSDT", orderId=order["orderId"])
        assert cancelled.status == 200
        assert loop.time() - before == pytest.approx(2.0, abs=0.1)

    run(act)


def test_gateio_cancels_race_too() -> None:
    async def act(client: Client) -> None:
        price = str(client.sandbox.truth("gateio", "BTC/USDT").bids[0][0])
        body = {"currency_pair": "BTC_USDT", "side": "buy", "amount": "0.001", "price": price, "text": "t-race"}
        placed = await client.gateio("POST", "/spot/orders", body)
        assert placed.status == 201
        client.sandbox.faults.add("cancel_races_fill", venue="gateio", count=1)
        path = f"/spot/orders/{placed.json['id']}"
        cancelled = await client.gateio("DELETE", path, query="currency_pair=BTC_USDT")
        assert cancelled.status >= 400
        asked = await client.gateio("GET", path, query="currency_pair=BTC_USDT")
        assert asked.json["status"] == "closed"

    run(act)


# --- bodies ----------------------------------------------------------------------------------------------------------


def test_a_stale_book() -> None:
    async def act(client: Client) -> None:
        await asyncio.sleep(3)
        fresh = (await client.get("mexc", "/api/v3/depth", symbol="BTCUSDT")).json
        client.sandbox.faults.add("stale_snapshot", seconds=2.0, count=2)
        stale = (await client.get("mexc", "/api/v3/depth", symbol="BTCUSDT")).json
        assert stale["lastUpdateId"] < fresh["lastUpdateId"]
        truth = client.sandbox.truth_at("mexc", "BTC/USDT", stale["lastUpdateId"])
        assert Decimal(stale["bids"][0][0]) == truth.bids[0][0]
        other = (await client.get("gateio", "/spot/order_book", currency_pair="BTC_USDT", with_id="true")).json
        assert other["id"] < client.sandbox.truth("gateio", "BTC/USDT").update_id
        again = (await client.get("mexc", "/api/v3/depth", symbol="BTCUSDT")).json
        assert again["lastUpdateId"] >= fresh["lastUpdateId"]

    run(act)


@pytest.mark.parametrize(("side", "bids", "asks"), [("bids", 0, 5), ("asks", 5, 0), ("both", 0, 0)])
def test_an_empty_book(side: str, bids: int, asks: int) -> None:
    async def act(client: Client) -> None:
        client.sandbox.faults.add("empty_snapshot", side=side, count=1)
        book = (await client.get("mexc", "/api/v3/depth", symbol="BTCUSDT", limit="5")).json
        assert (len(book["bids"]), len(book["asks"])) == (bids, asks)

    run(act)


def test_a_crossed_book() -> None:
    async def act(client: Client) -> None:
        client.sandbox.faults.add("crossed_snapshot", count=2)
        spot = (await client.get("gateio", "/spot/order_book", currency_pair="BTC_USDT")).json
        assert float(spot["bids"][0][0]) > float(spot["asks"][0][0])
        futures = (await client.get("gateio", "/futures/usdt/order_book", contract="BTC_USDT")).json
        assert float(futures["bids"][0]["p"]) > float(futures["asks"][0]["p"])

    run(act)


def test_broken_bodies() -> None:
    async def act(client: Client) -> None:
        path = "/api/v3/exchangeInfo"
        whole = await client.get("mexc", path)
        client.sandbox.faults.add("truncated_answer", count=1)
        with pytest.raises(aiohttp.ClientPayloadError):
            await client.get("mexc", path)
        client.sandbox.faults.add("malformed_answer", count=1)
        broken = await client.get("mexc", path)
        assert broken.status == 200
        with pytest.raises(ValueError, match=r"Expecting|Extra|Unterminated|Invalid"):
            broken.json  # noqa: B018
        client.sandbox.faults.add("oversized_answer", size=1_000_000, count=1)
        large = await client.get("mexc", path)
        assert len(large.body) == 1_000_000
        assert large.json["symbols"] == whole.json["symbols"]

    run(act)


def test_a_slow_answer() -> None:
    async def act(client: Client) -> None:
        client.sandbox.faults.add("slow_answer", rate=10.0, count=1)
        loop = asyncio.get_running_loop()
        before = loop.time()
        answer = await client.get("mexc", "/api/v3/time")
        assert loop.time() - before == pytest.approx(len(answer.body) / 10, abs=0.2)

    run(act)


# --- private pushes --------------------------------------------------------------------------------------------------


class Told:
    """What a Gate.io account is told: (loop time, channel, what it is about)."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, str, str]] = []

    async def listen(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        loop = asyncio.get_running_loop()
        async for message in socket:
            push = json.loads(message.data)
            for result in push["result"]:
                about = result.get("event") or result.get("text") or ""
                self.heard.append((loop.time(), push["channel"], about))

    def channels(self) -> list[str]:
        return [channel.removeprefix("spot.") for _, channel, _ in self.heard]


async def told_of_a_trade(client: Client, wait: float = 2.0) -> Told:
    """Buy at the best ask: an order that is put, filled at once, and told on two channels."""
    told = Told()
    own = client.sandbox.credentials["gateio"]
    async with client.http.ws_connect(client.sandbox.endpoints["gateio"]["ws_spot"]) as socket:
        for channel in ("spot.orders", "spot.usertrades"):
            now = client.sandbox.now_ns("gateio") // 1_000_000_000
            text = f"channel={channel}&event=subscribe&time={now}"
            signature = hmac.new(own.secret.encode(), text.encode(), hashlib.sha512).hexdigest()
            auth = {"method": "api_key", "KEY": own.key, "SIGN": signature}
            await socket.send_json(
                {"time": now, "channel": channel, "event": "subscribe", "payload": ["BTC_USDT"], "auth": auth}
            )
            assert (await socket.receive_json())["result"] == {"status": "success"}
        listening = asyncio.ensure_future(told.listen(socket))
        price = str(client.sandbox.truth("gateio", "BTC/USDT").asks[50][0])
        body = {"currency_pair": "BTC_USDT", "side": "buy", "amount": "0.0001", "price": price, "text": "t-1"}
        placed = await client.gateio("POST", "/spot/orders", body)
        assert placed.status == 201
        assert placed.json["status"] == "closed"
        answered = asyncio.get_running_loop().time()
        await asyncio.sleep(wait)
        await socket.close()
        await listening
    told.heard = [(at - answered, channel, about) for at, channel, about in told.heard]
    return told


def test_without_faults_everything_is_told_once() -> None:
    async def act(client: Client) -> None:
        told = await told_of_a_trade(client)
        assert sorted(told.channels()) == ["orders", "orders", "usertrades"]

    run(act)


def test_private_pushes_are_lost_and_doubled() -> None:
    async def act(client: Client) -> None:
        faults = client.sandbox.faults
        number = faults.add("drop_push", of="fill")
        assert (await told_of_a_trade(client)).channels().count("usertrades") == 0
        faults.remove(number)
        number = faults.add("duplicate_fill", symbol="BTC/USDT")
        told = await told_of_a_trade(client)
        assert told.channels().count("usertrades") == 2
        assert told.channels().count("orders") == 2
        faults.remove(number)
        number = faults.add("duplicate_push", of="order")
        assert (await told_of_a_trade(client)).channels().count("orders") == 4
        faults.remove(number)
        faults.add("drop_push")
        assert (await told_of_a_trade(client)).heard == []

    run(act)


def test_private_pushes_are_late() -> None:
    async def act(client: Client) -> None:
        faults = client.sandbox.faults
        number = faults.add("ack_before_fill", seconds=0.5)
        told = await told_of_a_trade(client)
        assert all(at >= 0.45 for at, _, _ in told.heard)
        faults.remove(number)
        faults.add("delay_push", of="fill", seconds=1.0)
        told = await told_of_a_trade(client)
        late = {channel: at for at, channel, _ in told.heard}
        assert late["spot.usertrades"] >= 0.95

    run(act)


def test_the_order_of_order_and_fill_can_be_chosen() -> None:
    async def act(client: Client) -> None:
        faults = client.sandbox.faults
        natural = (await told_of_a_trade(client)).channels()
        number = faults.add("fill_before_order")
        swapped = (await told_of_a_trade(client)).channels()
        assert swapped.index("usertrades") == 0
        faults.remove(number)
        number = faults.add("order_before_fill")
        other = (await told_of_a_trade(client)).channels()
        assert other[-1] == "usertrades" or other.index("usertrades") > 0
        assert sorted(natural) == sorted(swapped) == sorted(other)
        faults.remove(number)
        faults.add("reorder_pushes", of="order", depth=1, count=1)
        assert sorted((await told_of_a_trade(client)).channels()) == sorted(natural)

    run(act)


def test_the_answers_to_orders_by_websocket_are_struck_when_they_are_named() -> None:
    async def act(client: Client) -> None:
        own = client.sandbox.credentials["gateio"]
        async with client.http.ws_connect(client.sandbox.endpoints["gateio"]["ws_spot"]) as socket:

            async def ask(channel: str, payload: dict[str, Any]) -> None:
                now = client.sandbox.now_ns("gateio") // 1_000_000_000
                await socket.send_json({"time": now, "channel": channel, "event": "api", "payload": payload})

            now = client.sandbox.now_ns("gateio") // 1_000_000_000
            signature = hmac.new(own.secret.encode(), f"api\nspot.login\n\n{now}".encode(), hashlib.sha512).hexdigest()
            login = {"req_id": "1", "api_key": own.key, "signature": signature, "timestamp": str(now)}
            await ask("spot.login", login)
            assert (await socket.receive_json())["header"]["status"] == "200"
            order = {"currency_pair": "BTC_USDT", "side": "buy", "amount": "0.001", "price": "70000", "text": "t-1"}
            client.sandbox.faults.add("drop_push")
            await ask("spot.order_place", {"req_id": "2", "req_param": order})
            assert "header" in await socket.receive_json(timeout=1), "any push is no answer"
            client.sandbox.faults.add("drop_push", of="ack")
            await ask("spot.order_place", {"req_id": "3", "req_param": {**order, "text": "t-2"}})
            heard: list[Any] = []
            with contextlib.suppress(TimeoutError):
                while True:
                    heard.append((await socket.receive_json(timeout=2)).get("request_id"))
            assert "3" not in heard
            placed = client.sandbox.account_states("gateio")[0]["open_orders"]
            assert [one["client_id"] for one in placed] == ["t-1", "t-2"]

    run(act)


# --- latency ---------------------------------------------------------------------------------------------------------


def test_latency() -> None:
    async def act(client: Client) -> None:
        loop = asyncio.get_running_loop()
        before = loop.time()
        assert (await client.get("gateio", "/spot/time")).status == 200
        assert 0.2 <= loop.time() - before <= 0.31
        before = loop.time()
        assert (await client.get("mexc", "/api/v3/time")).status == 200
        assert loop.time() - before < 0.05
        told = await told_of_a_trade(client)
        assert len(told.heard) == 3
        assert all(at >= 0.15 for at, _, _ in told.heard)
        assert [at for at, _, _ in told.heard] == sorted(at for at, _, _ in told.heard)

    run(act, latency={"gateio": Latency(rest=0.2, rest_jitter=0.1, push=0.3, push_jitter=0.1)})
    with pytest.raises(ValueError, match="a latency is not negative"):
        Latency(rest=-1)
    with pytest.raises(ValueError, match="a latency is by venue: there is no 'kraken'"):
        Sandbox(listings=LISTINGS, latency={"kraken": Latency()})


def test_options_are_not_needed_for_any_of_this() -> None:
    async def act(client: Client) -> None:
        assert (await client.mexc("GET", "/api/v3/account")).status == 200
        assert (await client.gateio("GET", "/spot/accounts")).status == 200

    run(act, gateio=GateioOptions())
