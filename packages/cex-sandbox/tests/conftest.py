"""A running sandbox and what judges it: an HTTP client, and a protobuf reader that knows no schema of ours."""

from __future__ import annotations

import hashlib
import hmac
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from decimal import Decimal
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode

import aiohttp
import pytest
import yarl
from aiohttp import web

from cex.common.clock import ManualClock
from cex.common.correlation import new_random
from cex.common.enums import Side
from cex.sandbox.accounts.directory import Account, ApiKey, Directory
from cex.sandbox.accounts.futures.desk import FuturesDesk
from cex.sandbox.accounts.ledger import FUTURES_USDT, SPOT, Ledger
from cex.sandbox.accounts.spot import SpotDesk
from cex.sandbox.accounts.wallet import Wallet
from cex.sandbox.market.listings import DEFAULT_LISTINGS, Listing
from cex.sandbox.market.simulation import Market
from cex.sandbox.server import Sandbox
from cex.sandbox.venues.gateio.options import GateioOptions
from cex.sandbox.venues.gateio.venue import GateioVenue
from cex.sandbox.venues.mexc.options import MexcOptions
from cex.sandbox.venues.mexc.venue import MexcVenue

_LEVEL = {1: "price", 2: "quantity"}
_DEAL = {1: "price", 2: "quantity", 3: "tradeType", 4: "time", 5: "tradeId"}
_BOOK_TICKER = {1: "bidPrice", 2: "bidQuantity", 3: "askPrice", 4: "askQuantity"}
_MINI_TICKER = {
    1: "symbol",
    2: "price",
    3: "rate",
    4: "zonedRate",
    5: "high",
    6: "low",
    7: "volume",
    8: "quantity",
    9: "lastCloseRate",
    10: "lastCloseZonedRate",
    11: "lastCloseHigh",
    12: "lastCloseLow",
}
_BODIES: dict[int, tuple[str, dict[int, str], dict[str, dict[int, str]]]] = {
    303: (
        "publicLimitDepths",
        {1: "asks", 2: "bids", 3: "eventType", 4: "version", 5: "lastOrderCreateTime"},
        {"asks": _LEVEL, "bids": _LEVEL},
    ),
    304: (
        "privateOrders",
        {
            1: "id",
            2: "clientId",
            3: "price",
            4: "quantity",
            5: "amount",
            6: "avgPrice",
            7: "orderType",
            8: "tradeType",
            9: "isMaker",
            10: "remainAmount",
            11: "remainQuantity",
            12: "lastDealQuantity",
            13: "cumulativeQuantity",
            14: "cumulativeAmount",
            15: "status",
            16: "createTime",
        },
        {},
    ),
    306: (
        "privateDeals",
        {
            1: "price",
            2: "quantity",
            3: "amount",
            4: "tradeType",
            5: "isMaker",
            6: "isSelfTrade",
            7: "tradeId",
            8: "clientOrderId",
            9: "orderId",
            10: "feeAmount",
            11: "feeCurrency",
            12: "time",
        },
        {},
    ),
    307: (
        "privateAccount",
        {
            1: "vcoinName",
            2: "coinId",
            3: "balanceAmount",
            4: "balanceAmountChange",
            5: "frozenAmount",
            6: "frozenAmountChange",
            7: "type",
            8: "time",
        },
        {},
    ),
    308: (
        "publicSpotKline",
        {
            1: "interval",
            2: "windowStart",
            3: "openingPrice",
            4: "closingPrice",
            5: "highestPrice",
            6: "lowestPrice",
            7: "volume",
            8: "amount",
            9: "windowEnd",
        },
        {},
    ),
    309: ("publicMiniTicker", _MINI_TICKER, {}),
    310: ("publicMiniTickers", {1: "items"}, {"items": _MINI_TICKER}),
    311: (
        "publicBookTickerBatch",
        {1: "items", 2: "version", 3: "lastOrderCreateTime"},
        {"items": _BOOK_TICKER},
    ),
    313: (
        "publicAggreDepths",
        {1: "asks", 2: "bids", 3: "eventType", 4: "fromVersion", 5: "toVersion", 6: "lastOrderCreateTime"},
        {"asks": _LEVEL, "bids": _LEVEL},
    ),
    314: ("publicAggreDeals", {1: "deals", 2: "eventType"}, {"deals": _DEAL}),
    315: (
        "publicAggreBookTicker",
        {1: "bidPrice", 2: "bidQuantity", 3: "askPrice", 4: "askQuantity", 5: "version", 6: "lastOrderCreateTime"},
        {},
    ),
}
_WRAPPER = {1: "channel", 3: "symbol", 4: "symbolId", 5: "createTime", 6: "sendTime"}


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if not byte & 0x80:
            return value, at


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        if tag & 7 == 0:
            number, at = _varint(data, at)
            yield tag >> 3, number
        elif tag & 7 == 2:
            length, at = _varint(data, at)
            assert at + length <= len(data), "truncated"
            yield tag >> 3, data[at : at + length]
            at += length
        else:
            raise AssertionError(f"wire type {tag & 7}")


def _named(data: bytes, names: dict[int, str], repeated: dict[str, dict[int, str]]) -> dict[str, Any]:
    found: dict[str, Any] = {name: [] for name in repeated}
    for number, value in _fields(data):
        name = names[number]
        if name in repeated:
            assert isinstance(value, bytes)
            found[name].append(_named(value, repeated[name], {}))
        else:
            found[name] = value.decode() if isinstance(value, bytes) else value
    return found


def _read_push(frame: bytes) -> dict[str, Any]:
    push: dict[str, Any] = {}
    for number, value in _fields(frame):
        if number in _WRAPPER:
            push[_WRAPPER[number]] = value.decode() if isinstance(value, bytes) else value
        else:
            assert isinstance(value, bytes)
            name, names, repeated = _BODIES[number]
            push["kind"] = name
            push["body"] = _named(value, names, repeated)
    return push


@pytest.fixture
def read_push() -> Callable[[bytes], dict[str, Any]]:
    """Reads a MEXC push by the documented field numbers: wrapper fields, ``kind`` and ``body``."""
    return _read_push


_LISTINGS = (DEFAULT_LISTINGS[0], *(replace(listing, resting_orders=20) for listing in DEFAULT_LISTINGS[1:]))


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    """The default listings, most of them with thin books, as these are quick to make."""
    async with Sandbox(seed=7, tick=0.01, listings=_LISTINGS) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


# --- a MEXC of one's own, moved by hand ------------------------------------------------------------------------------

_GENEROUS = {
    "weight_limit": 100_000,
    "uid_weight_limit": 100_000,
    "order_limit": 100_000,
    "batch_limit": 1000,
    "account_limit": 1000,
}
_FEW_LISTINGS = (*_LISTINGS[:2], *(listing for listing in _LISTINGS if listing.symbol in ("LUNC/USDT", "GENE/USDT")))
MEXC_NOW_MS = 1_644_489_390_087
MEXC_KEY, MEXC_SECRET = "mx0aBYs33eIilxBWC5", "45d0b3c26f2644f19bfb98b07741b2f5"


class MexcAnswer(NamedTuple):
    status: int
    body: Any
    headers: Mapping[str, str]


class OwnMexc:
    """The simulated MEXC with accounts, on a clock and a market that only the test moves, and a client that signs."""

    def __init__(
        self, http: aiohttp.ClientSession, options: MexcOptions, listings: Iterable[Listing], with_accounts: bool
    ) -> None:
        self.http = http
        self.clock = ManualClock(MEXC_NOW_MS * 1_000_000)
        self.market = Market(seed=7, listings=listings, tick=0.01, now_ns=self.clock.time_ns())
        self.ledger = Ledger(clock=self.clock)
        self.directory = Directory(self.ledger)
        funds = {(SPOT, "USDT"): Decimal(100_000), (SPOT, "BTC"): Decimal(2), (SPOT, "ETH"): Decimal(20)}
        self.account = self.directory.add(Account(10_000_001, "main", (ApiKey(MEXC_KEY, MEXC_SECRET),)), funds)
        self.desk = SpotDesk(self.market, "mexc", self.directory, self.ledger, clock=self.clock, options=options.desk())
        assets = ("USDT", "BTC", "ETH", "XRP")
        self.wallet = Wallet("mexc", self.directory, self.ledger, assets=assets, clock=self.clock)
        self.venue = MexcVenue(
            self.market,
            options=options,
            clock=self.clock,
            rng=new_random(7),
            directory=self.directory if with_accounts else None,
            ledger=self.ledger,
            desk=self.desk if with_accounts else None,
            wallet=self.wallet,
        )
        self.url = ""
        self._runner = web.AppRunner(self.venue.application(), access_log=None, handle_signals=False)

    async def start(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def aclose(self) -> None:
        for connection in list(self.venue.hub.subscriptions):
            connection.hang_up()
        await self._runner.cleanup()

    def tick(self, count: int = 1) -> None:
        for _ in range(count):
            self.clock.advance(self.market.tick)
            now_ns = self.clock.time_ns()
            self.market.step(now_ns)
            self.desk.after_tick(now_ns)
            self.wallet.after_tick(now_ns)
            self.venue.publish(self.market.ticks, now_ns // 1_000_000)

    def best(self, symbol: str, side: Side) -> Decimal:
        """The best price of a side (``BTC/USDT``)."""
        book = self.market.book("mexc", symbol)
        ticks = book.engine.best(side)
        assert ticks is not None
        return Decimal(ticks).scaleb(-book.rules.price_decimals)

    async def raw(
        self, method: str, path: str, query: str = "", *, body: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> MexcAnswer:
        """Exactly these bytes."""
        url = yarl.URL(f"{self.url}{path}{'?' if query else ''}{query}", encoded=True)
        sent = {"Content-Type": "application/json"} if headers is None else headers
        async with self.http.request(method, url, data=body or None, headers=sent) as response:
            is_json = response.content_type == "application/json"
            return MexcAnswer(
                response.status, await (response.json() if is_json else response.text()), response.headers
            )

    async def call(
        self, method: str, path: str, *, key: tuple[str, str] = (MEXC_KEY, MEXC_SECRET), **params: object
    ) -> MexcAnswer:
        """A signed request, everything in the query."""
        given = {**params, "timestamp": self.clock.time_ns() // 1_000_000}
        query = "&".join(f"{name}={quote(str(value), safe='')}" for name, value in given.items())
        signature = hmac.new(key[1].encode(), query.encode(), hashlib.sha256).hexdigest()
        headers = {"X-MEXC-APIKEY": key[0], "Content-Type": "application/json"}
        return await self.raw(method, f"/api/v3/{path}", f"{query}&signature={signature}", headers=headers)


@pytest.fixture
async def own_mexc(http: aiohttp.ClientSession) -> AsyncIterator[Callable[..., Awaitable[OwnMexc]]]:
    """Makes MEXCs of one's own: ``await own_mexc(order_limit=2)`` takes the fields of MexcOptions."""
    made: list[OwnMexc] = []

    async def make(
        listings: Iterable[Listing] = _FEW_LISTINGS, *, with_accounts: bool = True, **options: Any
    ) -> OwnMexc:
        mexc = OwnMexc(http, MexcOptions(**{**_GENEROUS, **options}), listings, with_accounts)
        await mexc.start()
        made.append(mexc)
        return mexc

    yield make
    for mexc in made:
        await mexc.aclose()


# --- Gate.io's perpetuals of one's own, moved by hand -----------------------------------------------------------------

_PERPETUALS = [
    replace(listing, resting_orders=40) for listing in DEFAULT_LISTINGS if listing.symbol.base in ("BTC", "SOL")
]
PERP_NOW_NS = 1_795_003_215_000_000_000
PERP_KEY, PERP_SECRET = "0123456789abcdef0123456789abcdef", "perpetual-secret"


class OwnPerpetuals:
    """The futures of the simulated Gate.io, on a clock and a market that only the test moves; signs by itself.

    ``main`` (uid 10000) has 10,000 USDT of futures, ``other`` (uid 20000) as much, ``poor`` (uid 30000) no wallet.
    """

    def __init__(self, http: aiohttp.ClientSession, options: GateioOptions) -> None:
        self.http = http
        self.clock = ManualClock(PERP_NOW_NS)
        self.market = Market(seed=7, listings=_PERPETUALS, tick=0.01, now_ns=PERP_NOW_NS)
        self.ledger = Ledger(clock=self.clock)
        self.directory = Directory(self.ledger)
        funds = {(FUTURES_USDT, "USDT"): Decimal(10_000)}
        self.main = self.directory.add(Account(10_000, "main", (ApiKey(PERP_KEY, PERP_SECRET),)), funds)
        self.other = self.directory.add(Account(20_000, "other", (ApiKey("b" * 32, PERP_SECRET),)), funds)
        self.poor = self.directory.add(Account(30_000, "poor", (ApiKey("c" * 32, PERP_SECRET),)))
        self.desk = FuturesDesk(
            self.market,
            "gateio",
            self.directory,
            self.ledger,
            clock=self.clock,
            first_order_id=options.futures_first_order_id,
            manners=options.futures_manners,
        )
        self.venue = GateioVenue(
            self.market,
            options=options,
            clock=self.clock,
            rng=new_random(7),
            directory=self.directory,
            futures_desk=self.desk,
        )
        self.url = ""
        self._runner = web.AppRunner(self.venue.application(), access_log=None, handle_signals=False)

    async def start(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def aclose(self) -> None:
        for connection in list(self.venue.hub.subscriptions):
            connection.hang_up()
        await self._runner.cleanup()

    def tick(self, count: int = 1) -> None:
        for _ in range(count):
            self.clock.advance(self.market.tick)
            now_ns = self.clock.time_ns()
            self.market.step(now_ns)
            self.desk.after_tick(now_ns)
            self.venue.publish(self.market.ticks, now_ns // 1_000_000)

    def settle(self) -> None:
        """Do what is due without letting the market move."""
        self.desk.after_tick(self.clock.time_ns())

    def best(self, side: Side, symbol: str = "BTC/USDT:USDT") -> Decimal:
        price = self.desk.contract(symbol).best(side)
        assert price is not None
        return price

    def crowd(self, side: Side, lots: int, symbol: str = "BTC/USDT:USDT", price: Decimal | None = None) -> None:
        """Somebody else's order."""
        contract = self.desk.contract(symbol)
        contract.book.engine.submit("crowd", side, lots, None if price is None else contract.ticks(price))

    def mark(self, price: Decimal, symbol: str = "BTC/USDT:USDT") -> None:
        """Set the mark price, until the market moves."""
        perpetual = self.desk.contract(symbol).perpetual
        perpetual.mark = int(price.scaleb(perpetual.mark_decimals))

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        key: str = PERP_KEY,
        decimal: bool = False,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        **params: object,
    ) -> MexcAnswer:
        """A signed request below ``/api/v4/futures/usdt``."""
        query = "&".join(f"{name}={value}" for name, value in params.items())
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        timestamp, full = str(self.clock.time_ns() // 1_000_000_000), f"/api/v4/futures/usdt{path}"
        text = "\n".join((method, full, query, hashlib.sha512(data).hexdigest(), timestamp))
        signature = hmac.new(PERP_SECRET.encode(), text.encode(), hashlib.sha512).hexdigest()
        sent = {"KEY": key, "Timestamp": timestamp, "SIGN": signature, "Content-Type": "application/json"}
        if decimal:
            sent["X-Gate-Size-Decimal"] = "1"
        url = yarl.URL(f"{self.url}{quote(full)}{'?' if query else ''}{quote(query, safe='=&-_.')}", encoded=True)
        async with self.http.request(method, url, data=data or None, headers={**sent, **(headers or {})}) as response:
            assert response.content_type == "application/json"
            return MexcAnswer(response.status, await response.json(), response.headers)

    async def order(self, key: str = PERP_KEY, **fields: object) -> MexcAnswer:
        """Place an order on BTC_USDT unless told otherwise."""
        return await self.call("POST", "/orders", {"contract": "BTC_USDT", **fields}, key=key)


@pytest.fixture
async def own_perpetuals(http: aiohttp.ClientSession) -> AsyncIterator[Callable[..., Awaitable[OwnPerpetuals]]]:
    """Makes them: ``await own_perpetuals(futures_first_order_id=1)`` takes the fields of GateioOptions."""
    made: list[OwnPerpetuals] = []

    async def make(**options: Any) -> OwnPerpetuals:
        limits = {"futures_place": 100_000, "futures_cancel": 100_000, "futures_other": 100_000}
        perpetuals = OwnPerpetuals(http, GateioOptions(**{"limits": limits, **options}))
        await perpetuals.start()
        made.append(perpetuals)
        return perpetuals

    yield make
    for perpetuals in made:
        await perpetuals.aclose()


@pytest.fixture
async def perp(own_perpetuals: Callable[..., Awaitable[OwnPerpetuals]]) -> OwnPerpetuals:
    return await own_perpetuals()


# --- a Gate.io of one's own, moved by hand ----------------------------------------------------------------------------

_GATE_SYMBOLS = ("BTC/USDT", "ETH/USDT", "LUNC/USDT")


class GateAnswer(NamedTuple):
    """What a Gate.io answered."""

    status: int
    body: Any
    headers: Any

    @property
    def label(self) -> str:
        """Why it said no."""
        return str(self.body["label"])


class OwnGate:
    """The spot side of the simulated Gate.io, on a clock and a market that only the test moves; signs by itself.

    ``main`` (uid 1001) has 100,000 USDT, 2 BTC, 20 ETH, and 10,000 USDT of futures, as has every further account.
    """

    def __init__(self, http: aiohttp.ClientSession, options: GateioOptions) -> None:
        self.http = http
        self.clock = ManualClock()
        listings = [
            replace(listing, resting_orders=40) for listing in DEFAULT_LISTINGS if listing.symbol in _GATE_SYMBOLS
        ]
        self.market = Market(seed=7, listings=listings, now_ns=self.clock.time_ns())
        for _ in range(20):
            self.market.step(self.clock.time_ns())
        self.ledger = Ledger(clock=self.clock)
        self.directory = Directory(self.ledger)
        self.desk = SpotDesk(self.market, "gateio", self.directory, self.ledger, clock=self.clock, options=options.desk)
        self.wallet = Wallet(
            "gateio",
            self.directory,
            self.ledger,
            assets=("USDT", "BTC", "ETH", "LUNC"),
            clock=self.clock,
            options=options.wallet,
        )
        self.venue = GateioVenue(
            self.market,
            options=options,
            clock=self.clock,
            rng=new_random(7),
            directory=self.directory,
            desk=self.desk,
            wallet=self.wallet,
        )
        self.main = self.account(1001, "key", "secret")
        self.url = ""
        self._runner = web.AppRunner(
            self.venue.application(), access_log=None, handle_signals=False, shutdown_timeout=0.1
        )

    async def start(self) -> None:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        host, port = self._runner.addresses[0][:2]
        self.url = f"http://{host}:{port}"

    async def aclose(self) -> None:
        for connection in list(self.venue.hub.subscriptions):
            connection.hang_up()
        await self._runner.cleanup()

    def account(self, uid: int, key: str, secret: str, **of_key: Any) -> Account:
        """One more account with one key."""
        funds = {(SPOT, "USDT"): Decimal(100_000), (SPOT, "BTC"): Decimal(2), (SPOT, "ETH"): Decimal(20)}
        funds[FUTURES_USDT, "USDT"] = Decimal(10_000)
        return self.directory.add(Account(uid, f"account {uid}", (ApiKey(key, secret, **of_key),)), funds)

    def tick(self, seconds: float = 0.02) -> None:
        self.clock.advance(seconds)
        now_ns = self.clock.time_ns()
        self.market.step(now_ns)
        self.desk.after_tick(now_ns)
        self.wallet.after_tick(now_ns)
        self.venue.publish(self.market.ticks, now_ns // 1_000_000)

    def best(self, side: Side, symbol: str = "BTC/USDT") -> Decimal:
        """The best price of a side."""
        book = self.market.book("gateio", symbol)
        ticks = book.engine.best(side)
        assert ticks is not None
        return Decimal(ticks).scaleb(-book.rules.price_decimals)

    async def raw(
        self, method: str, path: str, body: str = "", *, query: str = "", headers: Mapping[str, str] | None = None
    ) -> GateAnswer:
        """Exactly this, below ``/api/v4``."""
        url = yarl.URL(f"{self.url}/api/v4{path}{'?' if query else ''}{query}", encoded=True)
        async with self.http.request(method, url, data=io.BytesIO(body.encode()), headers=headers) as response:
            assert response.content_type == "application/json", await response.text()
            return GateAnswer(response.status, await response.json(), response.headers)

    async def call(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        query: str | Mapping[str, str] = "",
        key: str = "key",
        secret: str = "secret",
        headers: Mapping[str, str] | None = None,
    ) -> GateAnswer:
        """A signed request; a query given as a mapping is percent-encoded after it was signed."""
        text = "" if body is None else body if isinstance(body, str) else json.dumps(body)
        sent = plain = query if isinstance(query, str) else "&".join(f"{name}={text}" for name, text in query.items())
        if not isinstance(query, str):
            sent = urlencode(query)
        timestamp = str(self.clock.time_ns() // 1_000_000_000)
        digest = hashlib.sha512(text.encode()).hexdigest()
        signed = "\n".join((method, f"/api/v4{path}", plain, digest, timestamp))
        sign = hmac.new(secret.encode(), signed.encode(), hashlib.sha512).hexdigest()
        auth = {"KEY": key, "Timestamp": timestamp, "SIGN": sign, "Content-Type": "application/json"}
        return await self.raw(method, path, text, query=sent, headers={**auth, **(headers or {})})

    async def order(self, **fields: object) -> GateAnswer:
        """Place an order: a bid for 0.01 BTC far from the market unless told otherwise; None leaves a field out."""
        asked = {"currency_pair": "BTC_USDT", "type": "limit", "account": "spot", "side": "buy"}
        asked |= {"amount": "0.01", "price": "50000", "time_in_force": "gtc"}
        given = {name: value for name, value in {**asked, **fields}.items() if value is not None}
        return await self.call("POST", "/spot/orders", given)

    @asynccontextmanager
    async def socket(self, path: str = "/ws/v4/") -> AsyncIterator[GateSocket]:
        """A client of one of the sockets."""
        async with self.http.ws_connect(self.url + path) as websocket:
            yield GateSocket(self.clock, websocket)


class GateSocket:
    """A raw client that signs as the documentation says."""

    def __init__(self, clock: ManualClock, websocket: aiohttp.ClientWebSocketResponse) -> None:
        self.websocket = websocket
        self._clock = clock

    async def receive(self) -> dict[str, Any]:
        message = await self.websocket.receive(timeout=2)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        return dict(json.loads(message.data))

    async def send(self, message: object) -> None:
        await self.websocket.send_str(message if isinstance(message, str) else json.dumps(message))

    async def subscribe(
        self,
        channel: str,
        payload: list[str] | None,
        *,
        event: str = "subscribe",
        key: str = "key",
        secret: str = "secret",
        **more: object,
    ) -> dict[str, Any]:
        """Subscribe to a private channel; the next frame."""
        now = self._clock.time_ns() // 1_000_000_000
        text = f"channel={channel}&event={event}&time={now}"
        sign = hmac.new(secret.encode(), text.encode(), hashlib.sha512).hexdigest()
        auth = {"method": "api_key", "KEY": key, "SIGN": sign}
        request = {"time": now, "channel": channel, "event": event, "auth": auth, **more}
        await self.send(request if payload is None else {**request, "payload": payload})
        return await self.receive()

    async def login(self, market: str = "spot", *, key: str = "key", secret: str = "secret") -> dict[str, Any]:
        """Log in to the order API; the next frame."""
        now = str(self._clock.time_ns() // 1_000_000_000)
        text = f"api\n{market}.login\n\n{now}"
        signature = hmac.new(secret.encode(), text.encode(), hashlib.sha512).hexdigest()
        payload = {"api_key": key, "signature": signature, "timestamp": now, "req_id": "login-1"}
        await self.send({"time": int(now), "channel": f"{market}.login", "event": "api", "payload": payload})
        return await self.receive()

    async def api(self, channel: str, param: object, *, req_id: str = "r-1", **more: object) -> dict[str, Any]:
        """Send a request of the order API; the next frame."""
        payload = {"req_id": req_id, "req_param": param, **more}
        await self.send({"time": 1, "channel": channel, "event": "api", "payload": payload})
        return await self.receive()

    async def is_silent(self) -> bool:
        """Whether nothing comes for a moment."""
        try:
            await self.websocket.receive(timeout=0.05)
        except TimeoutError:
            return True
        return False


@pytest.fixture
async def own_gate(http: aiohttp.ClientSession) -> AsyncIterator[Callable[..., Awaitable[OwnGate]]]:
    """Makes Gate.ios of one's own: ``await own_gate(full_update=True)`` takes the fields of GateioOptions."""
    made: list[OwnGate] = []

    async def make(**options: Any) -> OwnGate:
        gate = OwnGate(http, GateioOptions(**options))
        await gate.start()
        made.append(gate)
        return gate

    yield make
    for gate in made:
        await gate.aclose()


@pytest.fixture
async def gate(own_gate: Callable[..., Awaitable[OwnGate]]) -> OwnGate:
    """One that lets its accounts place as many orders as they like."""
    return await own_gate(limits={"spot_place": 10_000})
