"""Nothing that is said anywhere holds a credential: logs, reprs, exceptions, metrics, recordings, output, journals."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
import pickle
import random
import re
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import fields, is_dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, quote, urlsplit

import pytest

from account_clients import account_client
from cex.common import OrderRequest, Symbol
from cex.common.clock import SYSTEM_CLOCK, Clock, ManualClock
from cex.common.enums import OrderType, Side
from cex.common.exceptions import CexArbitrageException, ExchangeException
from cex.common.redaction import Secret, is_sensitive
from cex.exchanges.base.private import ComposedPrivateExchange
from cex.exchanges.gateio import GateioConfig, GateioPrivateExchange
from cex.exchanges.gateio.signing import GateioSigner
from cex.exchanges.mexc import MexcConfig, MexcPrivateExchange
from cex.exchanges.mexc.signing import MexcSigner
from cex.networking import (
    AiohttpTransport,
    AiohttpWebSocketTransport,
    HttpAnswer,
    InMemoryMetrics,
    Recorder,
    RestRequest,
    Tap,
    Timeouts,
    WebSocketConnection,
)
from cex.sandbox import DEFAULT_LISTINGS, BackgroundSandbox, Sandbox
from cex.sandbox.virtual import run_virtual

SYMBOL = Symbol("SOL/USDT")
LISTED = ("SOL/USDT", "ETH/USDT", "ETH/USDT:USDT")
ROADS = {"mexc": ("mexc", "rest"), "gateio": ("gateio", "rest"), "gateio websocket": ("gateio", "websocket")}
_IN_TEXT = re.compile(r'"(?:SIGN|signature|api_key|KEY|listenKey)"\s*:\s*"([^"]+)"')

FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("answer_lost", {}),
    ("answer_lost", {"how": "hang"}),
    ("request_lost", {}),
    ("answer_late", {"seconds": 20.0}),
    *(("server_error", {"status": status}) for status in (500, 502, 503, 504)),
    ("maintenance", {}),
    ("rate_limited", {"retry_after": 1.0}),
    ("banned", {"retry_after": 1.0}),
    ("forbidden", {}),
    ("lying_limits", {}),
    ("truncated_answer", {}),
    ("malformed_answer", {}),
    ("oversized_answer", {"size": 34 << 20, "count": 1}),
    ("clock_step", {"seconds": 90.0}),
    ("reset", {}),
    ("close", {"code": 1011, "reason": "internal"}),
    ("handshake_refused", {"status": 403}),
    ("drop_push", {"of": "ack"}),
    ("listen_key_deleted", {}),
    ("listen_key_expired", {}),
    ("listen_key_renewal_fails", {}),
]


class Canaries:
    """Every credential that was ever used, in all the forms in which it could turn up."""

    def __init__(self) -> None:
        self.of: dict[str, str] = {}
        self.kinds: set[str] = set()

    def add(self, what: str, text: str) -> None:
        if len(text) >= 8:
            self.kinds.add(what)
            self.of[text] = what

    def found_in(self, text: str) -> set[str]:
        """What is in the text that must not be."""
        found = set()
        for canary, what in self.of.items():
            encoded = base64.b64encode(canary.encode()).decode().rstrip("=")[:-1]
            if canary in text or quote(canary, safe="") in text or encoded in text:
                at = text.find(canary)
                found.add(f"{what} in ...{text[max(0, at - 80) : at + 10]}")
        return found


def test_a_canary_is_found_in_each_of_its_forms() -> None:
    canaries = Canaries()
    canaries.add("secret", "canary/with+signs=")
    for form in ("canary/with+signs=", "canary%2Fwith%2Bsigns%3D", base64.b64encode(b"canary/with+signs=").decode()):
        assert canaries.found_in(f"said {form} aloud")
    assert canaries.found_in("said canary aloud") == set()


class SpyHttp:
    """Sees what goes over the wire."""

    def __init__(self, canaries: Canaries, inner: AiohttpTransport) -> None:
        self.canaries = canaries
        self.inner = inner

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, timeouts: Timeouts
    ) -> HttpAnswer:
        for name, value in (*parse_qsl(urlsplit(url).query), *headers.items()):
            if is_sensitive(name):
                self.canaries.add(name, value)
        answer = await self.inner.send(method, url, headers=headers, body=body, timeouts=timeouts)
        for found in _IN_TEXT.findall(answer.body[:2000].decode("utf-8", "replace")):
            self.canaries.add("answered key", found)
        return answer

    async def aclose(self) -> None:
        await self.inner.aclose()


class SpySockets:
    def __init__(self, canaries: Canaries, inner: AiohttpWebSocketTransport) -> None:
        self.canaries = canaries
        self.inner = inner

    async def connect(
        self, url: str, *, headers: Mapping[str, str], timeout: float, max_size: int
    ) -> WebSocketConnection:
        for name, value in parse_qsl(urlsplit(url).query):
            self.canaries.add(f"{name} of a websocket", value)
        connection = await self.inner.connect(url, headers=headers, timeout=timeout, max_size=max_size)
        return SpyConnection(self.canaries, connection)


class SpyConnection:
    def __init__(self, canaries: Canaries, inner: WebSocketConnection) -> None:
        self.canaries = canaries
        self.inner = inner
        self.receive = inner.receive
        self.aclose = inner.aclose

    async def send(self, data: str) -> None:
        for found in _IN_TEXT.findall(data):
            self.canaries.add("signed frame", found)
        await self.inner.send(data)


class Everything(logging.Handler):
    """Everything that was said: log records whole, and whatever is added."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.said: list[str] = []
        self.names: set[str] = set()

    def emit(self, record: logging.LogRecord) -> None:
        self.names.add(record.name.split(".")[0])
        told = {name: value for name, value in vars(record).items() if name not in ("exc_info", "args")}
        self.said.append(f"{record.getMessage()} {told!r} {record.args!r}")
        if record.exc_info:
            self.said.append(logging.Formatter().formatException(record.exc_info))

    def add(self, *things: object) -> None:
        self.said += [thing if isinstance(thing, str) else repr(thing) for thing in things]

    def raised(self, error: BaseException) -> None:
        """An exception, and all that it was raised from."""
        self.add("".join(traceback.format_exception(error)))
        current: BaseException | None = error
        while current is not None:
            self.add(str(current), current, current.args, getattr(current, "__notes__", ()), vars(current))
            if isinstance(current, CexArbitrageException):
                self.add(current.facts(), pickle.dumps(current).decode("latin-1"))
            current = current.__cause__ or current.__context__


def reachable(root: object) -> Iterator[object]:
    """Every object of ours that hangs on ``root``."""
    seen: set[int] = set()
    waiting: list[object] = [root]
    while waiting:
        thing = waiting.pop()
        if id(thing) in seen or isinstance(thing, (str, bytes, int, float, type)):
            continue
        seen.add(id(thing))
        if isinstance(thing, Mapping):
            waiting += [*thing.keys(), *thing.values()]
        elif isinstance(thing, (list, tuple, set, frozenset)):
            waiting += thing
        elif isinstance(thing, asyncio.Task):
            yield thing
        elif type(thing).__module__.startswith("cex."):
            yield thing
            slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
            names = [*vars(thing)] if hasattr(thing, "__dict__") else []
            names += [one.name for one in fields(thing)] if is_dataclass(thing) else []
            if not isinstance(thing, Secret):
                waiting += [getattr(thing, name, None) for name in {*slots, *names}]


@pytest.fixture
def everything() -> Iterator[Everything]:
    """Hears every logger at DEBUG."""
    heard, root = Everything(), logging.getLogger()
    before = {logger: logger.level for logger in (root, *map(logging.getLogger, ("asyncio", "aiohttp", "cex")))}
    for logger in before:
        logger.setLevel(logging.DEBUG)
    root.addHandler(heard)
    yield heard
    root.removeHandler(heard)
    for logger, level in before.items():
        logger.setLevel(level)


def order(sandbox: Sandbox, venue: str) -> OrderRequest:
    price = Decimal(sandbox.truth(venue, SYMBOL).bids[0][0]) * Decimal("0.9")
    return OrderRequest(
        symbol=SYMBOL, side=Side.BUY, order_type=OrderType.LIMIT, quantity=Decimal(100) / price, price=price
    )


@asynccontextmanager
async def sandboxed(clock: Clock, journal: Path, tick: float) -> AsyncIterator[Sandbox]:
    listings = [listing for listing in DEFAULT_LISTINGS if str(listing.symbol) in LISTED]
    async with Sandbox(
        seed=3, sockets=False, listings=listings, tick=tick, history=100, clock=clock, journal=journal
    ) as sandbox:
        yield sandbox


def spied(
    road: str,
    sandbox: Sandbox,
    canaries: Canaries,
    clock: Clock,
    *,
    tap: Tap | None = None,
    metrics: InMemoryMetrics | None = None,
    secret: str | None = None,
) -> ComposedPrivateExchange:
    venue, entry = ROADS[road]
    known = sandbox.credentials[venue]
    canaries.add("key", known.key)
    canaries.add("secret", secret or known.secret)
    return account_client(
        venue,
        sandbox,
        clock=clock,
        rng=random.Random(2),
        credentials=(known.key, secret or known.secret),
        order_entry=entry,
        tap=tap,
        metrics=metrics or InMemoryMetrics(),
        http=SpyHttp(canaries, AiohttpTransport(connector=sandbox.connector)),
        sockets=SpySockets(canaries, AiohttpWebSocketTransport(connector=sandbox.connector)),
    )


async def use(exchange: ComposedPrivateExchange, sandbox: Sandbox, everything: Everything) -> int:
    """Everything that an account does; how much of it failed."""
    failed = 0
    request = order(sandbox, exchange.exchange)

    async def watch() -> None:
        async for told in exchange.orders():
            everything.add(told)

    watching = asyncio.create_task(watch())
    deeds: tuple[Callable[[], Awaitable[object]], ...] = (
        exchange.balances,
        lambda: exchange.place_order(request),
        exchange.open_orders,
        lambda: exchange.fees(SYMBOL),
        lambda: exchange.order(SYMBOL, client_order_id="t-nobody"),
        lambda: exchange.place_orders([request, request.replaced(quantity=Decimal(10**6))]),
        lambda: exchange.cancel_all_orders(SYMBOL),
        exchange.server_time,
    )
    for deed in deeds:
        try:
            everything.add(await deed())
        except ExchangeException as error:
            everything.raised(error)
            failed += 1
    everything.add(*reachable(exchange), *asyncio.all_tasks(), exchange.health())
    watching.cancel()
    await asyncio.wait({watching})
    if not watching.cancelled() and (gone := watching.exception()) is not None:
        everything.raised(gone)
    return failed


@pytest.mark.parametrize("road", ROADS)
def test_nothing_is_told_through_successes_and_every_failure(road: str, everything: Everything, tmp_path: Path) -> None:
    canaries, metrics, journal = Canaries(), InMemoryMetrics(), tmp_path / "journal.jsonl"
    venue, _ = ROADS[road]

    async def run(clock: ManualClock) -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: everything.add(context))
        async with sandboxed(clock, journal, 2.0) as sandbox:
            async with spied(road, sandbox, canaries, clock, metrics=metrics) as exchange:

                def broken(told: object) -> None:
                    everything.add(told)
                    raise RuntimeError(f"a defect of the user's, with {exchange!r} and {told!r}")

                exchange.on_event(broken)
                await exchange.subscribe()
                assert await use(exchange, sandbox, everything) == 1  # the order of nobody
                for kind, settings in FAULTS:
                    number = sandbox.faults.add(kind, venue=venue, **settings)
                    if kind == "handshake_refused":
                        sandbox.faults.add("reset", venue=venue)
                    await asyncio.sleep(1)
                    await use(exchange, sandbox, everything)
                    sandbox.faults.remove(number)
                    await asyncio.sleep(70)
            assert set(sandbox.faults.injected) >= {"answer_lost", "malformed_answer", "handshake_refused", "reset"}
            async with spied(road, sandbox, canaries, clock, secret="canary" * 6) as forger:
                with pytest.raises(ExchangeException, match=r"(?i)signature") as caught:
                    await forger.subscribe()
                everything.raised(caught.value)
                assert await use(forger, sandbox, everything) >= 5
            async with spied(road, sandbox, canaries, clock) as unaware:
                sandbox.faults.add("down", venue=venue)
                await asyncio.sleep(1)
                assert await use(unaware, sandbox, everything) == 7  # a batch is told by outcomes
            everything.add(sandbox, sandbox.journal.entries(), sandbox.faults, sandbox.account_states(venue))

    run_virtual(run, start_ns=1_790_000_000_000_000_000)
    everything.add({name: getattr(metrics, name) for name in ("_counters", "_observed", "_gauges")})
    everything.add(journal.read_text())
    assert metrics.counted("rest_requests") > 100
    assert everything.names >= {"cex"}
    assert len(everything.said) > 2_000
    wanted = {"mexc": {"signature", "listenKey", "answered key", "listenKey of a websocket", "X-MEXC-APIKEY"}}
    assert canaries.kinds >= {"key", "secret"} | wanted.get(road, {"SIGN", "signed frame"})
    assert len(canaries.of) > 50, "signatures were not seen"
    assert canaries.found_in("\n".join(everything.said)) == set()


@pytest.mark.parametrize("road", ROADS)
async def test_a_recording_holds_none(road: str, everything: Everything, tmp_path: Path) -> None:
    canaries, path = Canaries(), tmp_path / "recording.jsonl"
    async with (
        sandboxed(SYSTEM_CLOCK, tmp_path / "journal.jsonl", 0.1) as sandbox,
        Recorder(path) as recorder,
        spied(road, sandbox, canaries, SYSTEM_CLOCK, tap=recorder) as exchange,
    ):
        await exchange.subscribe()
        await use(exchange, sandbox, everything)
        sandbox.faults.add("close", venue=ROADS[road][0], code=1011)
        await asyncio.sleep(1.5)
        await use(exchange, sandbox, everything)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert {line["kind"] for line in lines[1:]} == {"opened", "sent", "received", "closed", "answered", "end"}
    decoded = [base64.b64decode(line["base64"]).decode("latin-1") for line in lines if "base64" in line]
    assert len(canaries.of) > 10
    assert canaries.found_in("\n".join([path.read_text(), *decoded, *everything.said])) == set()


def test_signed_requests_and_settings_print_none(everything: Everything) -> None:
    canaries = Canaries()
    key, secret, user, word = "canary-key-0123456789", "canary-secret-9876543210", "canaryuser", "canary/pass+word%41"
    for what, text in (("key", key), ("secret", secret), ("user", user), ("password", word)):
        canaries.add(what, text)
    proxy = f"http://{quote(user)}:{quote(word, safe='')}@127.0.0.1:9"
    asked = RestRequest(
        "POST",
        "/api/v3/order",
        "place_order",
        params={"symbol": "X", "listenKey": key},
        body=b'{"secret":"%b"}',
        signed=True,
    )
    hidden = Secret(key), Secret(secret)
    for signed in (
        MexcSigner(*hidden, recv_window_ms=500).sign(asked, 1),
        GateioSigner(*hidden, "https://api.gateio.ws/api/v4").sign(asked, 1),
    ):
        everything.add(signed, f"{signed}", f"{signed!r:.500}", signed.endpoint)
        for name, value in (*signed.params.items(), *signed.headers.items()):
            if is_sensitive(name):
                canaries.add(name, value)
    for kind in (MexcConfig, GateioConfig):
        config = kind.model_validate(
            {
                "accounts": {"default": {"api_key": key, "secret_key": secret, "proxy": proxy}},
                "network": {"proxy": proxy},
            }
        )
        everything.add(
            config, str(config), config.model_dump(), config.model_dump(mode="json"), config.model_dump_json()
        )
        everything.add(*config.accounts.values(), *config.account().credentials(), *map(str, hidden))
        for bad in ({"api_key": f"{key} ", "secret_key": secret}, {"api_key": key, "secret_key": f"{secret}\n"}):
            with pytest.raises(ValueError) as caught:
                kind.model_validate({"accounts": {"default": bad}, "network": {"proxy": f"ftp://{user}:{word}@host"}})
            everything.add(str(caught.value), caught.value)
    assert {"SIGN", "signature"} <= canaries.kinds
    canaries.of.pop(user)  # the name alone may be shown; the password and the two together may not
    assert canaries.found_in("\n".join(everything.said)) == set()


@pytest.mark.parametrize("venue", ["mexc", "gateio"])
@pytest.mark.parametrize("answer", ["refused", "407", "garbage", "silence"])
async def test_a_proxy_that_fails_tells_no_password(venue: str, answer: str, everything: Everything) -> None:
    canaries, (key, secret) = Canaries(), ("mx0vCanaryKey0123456789", "c0ffee" * 8)
    user, word = "canaryuser", "canaryPassWord"
    for what, text in (("key", key), ("secret", secret), ("password", word), ("both", f"{user}:{word}")):
        canaries.add(what, text)
    seen: list[bytes] = []
    serving: list[asyncio.Task[Any] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.append(asyncio.current_task())
        with suppress(ConnectionError, asyncio.IncompleteReadError):
            seen.append(await reader.readuntil(b"\r\n\r\n"))
            if answer == "407":
                writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            elif answer == "garbage":
                writer.write(b"what is this? " + seen[-1] + b"\r\n\r\n")
            else:
                await reader.read()
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    if answer == "refused":
        server.close()
        await server.wait_closed()
    kind, made = (MexcConfig, MexcPrivateExchange) if venue == "mexc" else (GateioConfig, GateioPrivateExchange)
    config = kind.model_validate(
        {
            "accounts": {
                "default": {"api_key": key, "secret_key": secret, "proxy": f"http://{user}:{word}@127.0.0.1:{port}"}
            },
            "network": {"retry_attempts": 1, "connect_timeout": 0.3, "read_timeout": 0.3, "total_timeout": 0.4},
        }
    )
    exchange = made.from_config(config)  # type: ignore[arg-type]
    deeds: tuple[Callable[[], Awaitable[object]], ...] = (exchange.open, exchange.balances, exchange.subscribe)
    for deed in deeds:
        with pytest.raises(ExchangeException) as caught:
            await deed()
        everything.raised(caught.value)
    everything.add(config, *reachable(exchange), *asyncio.all_tasks())
    await exchange.aclose()
    server.close()
    await asyncio.gather(*(task for task in serving if task is not None))
    assert bool(seen) is (answer != "refused")
    assert canaries.found_in("\n".join(everything.said)) == set()


@pytest.fixture(scope="module")
def background() -> Iterator[BackgroundSandbox]:
    with BackgroundSandbox(seed=5) as sandbox:
        yield sandbox


@pytest.mark.parametrize("venue", ["mexc", "gateio"])
@pytest.mark.parametrize(
    "command",
    [("doctor",), ("balances",), ("orders",), ("config", "show"), ("config", "check")],
    ids=" ".join,
)
@pytest.mark.parametrize("trouble", ["", "forged", "down"])
def test_the_command_line_prints_none(
    cex: Callable[..., Any],
    background: BackgroundSandbox,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    venue: str,
    command: tuple[str, ...],
    trouble: str,
) -> None:
    known, canaries = background.credentials[venue], Canaries()
    secret = "canary" * 8 if trouble == "forged" else known.secret
    canaries.add("key", known.key)
    canaries.add("secret", secret)
    path = tmp_path / "cex.toml"
    urls = {
        name: re.sub(r":\d+", ":9", url) if trouble == "down" else url
        for name, url in background.endpoints[venue].items()
    }
    lines = [
        f"[exchanges.{venue}]",
        "profile = 'custom'",
        *(f"endpoints.{name} = '{url}'" for name, url in urls.items()),
    ]
    path.write_text("\n".join([*lines, f"[exchanges.{venue}.network]", "retry_attempts = 1"]))
    account = f"CEX__EXCHANGES__{venue.upper()}__ACCOUNTS__DEFAULT__"
    monkeypatch.setenv(f"{account}API_KEY", known.key)
    monkeypatch.setenv(f"{account}SECRET_KEY", secret)
    where = {"config": (path,), "doctor": (venue, "--config", path, "-vv", "--limit", "3")}
    ended = cex(*command, *where.get(command[0], ("--exchange", venue, "--config", path, "-vv")))
    said = ended.out + ended.err
    assert len(said) > 20
    assert "Usage" not in said, said
    assert canaries.found_in(said) == set()
