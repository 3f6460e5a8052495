"""Requests and frames as nobody should send them: right in places, wrong in others, from one generator of chance.

Of MEXC: names and texts of parameters thrown together. Of Gate.io: good requests that are spoiled somewhere, and of its
futures fields and values thrown together, some of which make sense.
"""

from __future__ import annotations

import json
import random
from typing import Any
from urllib.parse import quote

__all__ = [
    "futures_body",
    "futures_frame",
    "futures_path",
    "futures_query",
    "gateio_frame",
    "gateio_request",
    "mexc_frame",
    "mexc_noise",
    "mexc_request",
    "wire_bytes",
]

# --- MEXC -------------------------------------------------------------------------------------------------------------

_NAMES: tuple[str, ...] = (
    "symbol", "side", "type", "quantity", "price", "quoteOrderQty", "newClientOrderId", "stpMode", "orderId",
    "origClientOrderId", "limit", "startTime", "endTime", "interval", "symbols", "batchOrders", "listenKey", "coin",
    "amount", "address", "netWork", "network", "memo", "status", "page", "size", "tranId", "fromAccountType",
    "toAccountType", "toAccount", "asset", "subAccount", "note", "permissions", "ip", "apiKey", "accountType",
    "tradeGroupName", "tradeGroupId", "uid", "mxDeductEnable", "recvWindow", "id", "fromAccount", "isFreeze",
)  # fmt: skip
_TEXTS: tuple[str, ...] = (
    "BTCUSDT", "ETHUSDT", "LUNCUSDT", "BTCUSDT,ETHUSDT", "BUY", "SELL", "LIMIT", "MARKET", "LIMIT_MAKER",
    "FILL_OR_KILL", "0.001", "1", "11", "100", "1e5", "-1", "0", "999999999999999", "99999999999999999999999999999",
    "1e-39", "1e40", "NaN", "Infinity", "", " ", "true", "false", "null", "龙虾", "\x00", "'; drop table orders; --",
    "[]", "{}", '[{"symbol": "BTCUSDT"}]',
    '[{"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": 1, "price": 11.0}]',
    '[{"symbol": ["BTCUSDT"], "side": {}, "type": null, "quantity": true}]', "[" * 500, "USDT", "BTC", "SPOT",
    "FUTURES", "UID", "EMAIL", "1m", "1M", "60m", "C02__443776347958900000001", "C02__", "x" * 300, "1644489390087",
)  # fmt: skip
_MEXC_ORDER = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.001", "price": "50000"}
_MEXC_BATCH = {"symbol": "BTCUSDT", "side": "BUY", "type": "LIMIT", "quantity": "0.001", "price": "49000"}
_MEXC_TRANSFER = {"asset": "USDT", "amount": "1", "fromAccountType": "SPOT", "toAccountType": "FUTURES"}
_MEXC_REQUESTS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("POST", "order", _MEXC_ORDER),
    ("POST", "order", {**_MEXC_ORDER, "newClientOrderId": "x-1"}),
    ("POST", "order", {**_MEXC_ORDER, "side": "SELL", "price": "120000"}),
    ("POST", "order", {"symbol": "BTCUSDT", "side": "SELL", "type": "MARKET", "quantity": "0.001"}),
    ("POST", "order", {"symbol": "BTCUSDT", "side": "BUY", "type": "MARKET", "quoteOrderQty": "11"}),
    ("POST", "order/test", _MEXC_ORDER),
    ("POST", "batchOrders", {"batchOrders": json.dumps([_MEXC_BATCH, {**_MEXC_BATCH, "type": "LIMIT_MAKER"}])}),
    ("DELETE", "order", {"symbol": "BTCUSDT", "origClientOrderId": "x-1"}),
    ("DELETE", "openOrders", {"symbol": "BTCUSDT"}),
    ("GET", "openOrders", {"symbol": "BTCUSDT"}),
    ("GET", "allOrders", {"symbol": "BTCUSDT", "limit": "10"}),
    (
        "POST",
        "capital/transfer",
        {"asset": "USDT", "amount": "1", "fromAccountType": "SPOT", "toAccountType": "FUTURES"},
    ),
    ("POST", "capital/withdraw", {"coin": "USDT", "netWork": "TRX", "address": "T", "amount": "20"}),
)
_PIECES: tuple[str, ...] = (
    "symbol", "=", "&", "%", "%4", "%zz", "%C3%28", "+", "signature=", "timestamp=", "%E9", "BTCUSDT", "//",
)  # fmt: skip
_CHANNELS = (
    "spot@private.orders.v3.api.pb",
    "spot@private.nothing.v3.api.pb",
    "spot@public.aggre.depth.v3.api.pb@100ms@BTCUSDT",
    "spot@public.aggre.depth.v3.api.pb@1ms@BTCUSDT",
    "spot@public.kline.v3.api.pb@BTCUSDT@Min7",
    "",
    "\x00",
    "龙虾",
)
_IN_FRAMES: tuple[object, ...] = (
    None, 0, -1, 1.5, "SUBSCRIPTION", "unsubscription", "PING", [], {}, ["x"], list(_CHANNELS), [1],
)  # fmt: skip


def mexc_request(rng: random.Random, endpoints: list[tuple[str, str]]) -> tuple[str, str, dict[str, str]]:
    """Method, path below ``/api/v3/`` and parameters: of one of ``endpoints``, or nearly those of a good request."""
    if rng.random() < 0.6:
        method, path = rng.choice(endpoints)
        return method, path, _mexc_params(rng)
    method, path, params = rng.choice(_MEXC_REQUESTS)
    spoiled = dict(params)
    for name in rng.sample(sorted(params), rng.choice((0, 0, 1, 1, 2)) % len(params)):
        spoiled[name] = rng.choice(_TEXTS)
    return method, path, spoiled


def _mexc_params(rng: random.Random) -> dict[str, str]:
    params = {name: rng.choice(_TEXTS) for name in rng.sample(_NAMES, rng.randrange(9))}
    if rng.random() < 0.7:
        params["symbol"] = "BTCUSDT"
    return params


def mexc_noise(rng: random.Random) -> str:
    """A query that need not be one."""
    return "".join(rng.choice(_PIECES) for _ in range(rng.randrange(8)))


def mexc_frame(rng: random.Random) -> str:
    """A message to the socket."""
    kind = rng.randrange(4)
    if kind == 0:
        return "".join(chr(rng.randrange(1, 0x2FF)) for _ in range(rng.randrange(30)))
    if kind == 1:
        return json.dumps({name: rng.choice(_IN_FRAMES) for name in ("method", "params", "id")})
    if kind == 2:
        method = rng.choice(("SUBSCRIPTION", "UNSUBSCRIPTION"))
        return json.dumps({"method": method, "params": rng.choices(_CHANNELS, k=rng.randrange(1, 4))})
    return json.dumps(rng.choice(_IN_FRAMES))


# --- Gate.io: spot, wallet and accounts -------------------------------------------------------------------------------

_ORDER: dict[str, Any] = {
    "text": "t-1",
    "currency_pair": "BTC_USDT",
    "type": "limit",
    "account": "spot",
    "side": "buy",
    "amount": "0.01",
    "price": "50000",
    "time_in_force": "gtc",
    "iceberg": "0",
    "stp_act": "-",
    "action_mode": "FULL",
    "slippage": "0.01",
}
_TRIGGER: dict[str, Any] = {
    "trigger": {"price": "1", "rule": ">=", "expiration": 10},
    "put": {"type": "limit", "side": "buy", "price": "50000", "amount": "0.01", "account": "normal"},
    "market": "BTC_USDT",
}
_CANCEL: dict[str, Any] = {"id": "t-1", "currency_pair": "BTC_USDT"}
_AMEND: dict[str, Any] = {"order_id": "t-1", "currency_pair": "BTC_USDT", "price": "49000", "amount": "0.02"}
_TRANSFER: dict[str, Any] = {"currency": "USDT", "from": "spot", "to": "futures", "amount": "1", "settle": "usdt"}
_QUERY: dict[str, Any] = {
    "currency_pair": "BTC_USDT", "status": "open", "page": "1", "limit": "10", "account": "spot", "side": "buy",
    "from": "1", "to": "9", "currency": "USDT", "order_id": "1", "offset": "0", "type": "trade", "market": "BTC_USDT",
}  # fmt: skip
_REQUESTS: list[tuple[str, str, Any]] = [
    *(("POST", "/spot/orders", {**_ORDER, "time_in_force": tif}) for tif in ("gtc", "gtc", "ioc", "fok", "poc")),
    ("POST", "/spot/batch_orders", [_ORDER, _ORDER | {"text": "t-2"}]),
    ("PATCH", "/spot/orders/t-1", _AMEND),
    ("POST", "/spot/amend_batch_orders", [_AMEND]),
    ("POST", "/spot/cancel_batch_orders", [_CANCEL]),
    ("POST", "/spot/countdown_cancel_all", {"timeout": 30, "currency_pair": "BTC_USDT"}),
    ("POST", "/spot/price_orders", _TRIGGER),
    ("POST", "/wallet/transfers", _TRANSFER),
    ("POST", "/withdrawals", {"currency": "USDT", "chain": "TRX", "address": "T", "amount": "20", "memo": ""}),
    *(("DELETE", path, None) for path in ("/spot/orders", "/spot/orders/t-1", "/spot/price_orders", "/withdrawals/w1")),
    *(
        ("GET", path, None)
        for path in (
            "/spot/orders", "/spot/orders/1", "/spot/open_orders", "/spot/my_trades", "/spot/accounts",
            "/spot/account_book", "/spot/fee", "/spot/batch_fee", "/spot/price_orders", "/spot/price_orders/1",
            "/wallet/fee", "/wallet/deposits", "/wallet/withdrawals", "/wallet/deposit_address",
            "/wallet/withdraw_status", "/wallet/order_status", "/wallet/total_balance", "/wallet/saved_address",
            "/wallet/currency_chains", "/account/detail", "/unified/accounts", "/unified/unified_mode",
            "/spot/order_book", "/spot/trades", "/spot/candlesticks", "/spot/tickers", "/spot/currencies/BTC",
        )
    ),
]  # fmt: skip
_JUNK: list[Any] = [
    None, True, False, 0, -1, 7, 1 << 63, 1 << 64, 10**40, 0.5, -0.0, 1e300, "", " ", "0", "-1", "1e9", "1e-9", "1E+99",
    "NaN", "Infinity", "0x10", "٣", "９", "1_000", "+1", ".5", "5.", "t-", "t-" + "x" * 40, "t-\u0000", "\u0000", "💥",
    "BTC_USDT", "ETH_USDT", "LUNC_USDT", "nope", "'; --", "../..", "a" * 900, [], {}, [[]], {"a": {"b": []}}, [None],
    ["x"], "limit", "market", "ioc", "fok", "poc", "sell", "buy", "finished", "cn", "unified", "margin", "{}{}", "%s%n",
]  # fmt: skip


_FRAMES: list[Any] = [
    {"time": 1, "id": 1, "channel": "spot.orders", "event": "subscribe", "payload": ["!all"]},
    {"time": 1, "channel": "spot.ping"},
    {"time": 1, "channel": "spot.order_book_update", "event": "subscribe", "payload": ["BTC_USDT", "100ms"]},
    {"time": 1, "channel": "spot.obu", "event": "unsubscribe", "payload": ["ob.BTC_USDT.50"]},
    {"time": 1, "channel": "spot.balances", "event": "subscribe", "auth": {"KEY": "k", "SIGN": "s"}},
    *(
        {"time": 1, "channel": f"spot.{name}", "event": "api", "payload": {"req_id": "r", "req_param": param}}
        for name, param in (
            ("login", ""), ("order_place", _ORDER), ("order_place", [_ORDER]), ("order_cancel", _AMEND),
            ("order_cancel_ids", [_CANCEL]), ("order_cancel_cp", _QUERY), ("order_amend", _AMEND),
            ("order_status", _AMEND), ("order_list", _QUERY),
        )
    ),
]  # fmt: skip


def gateio_request(rng: random.Random) -> tuple[str, str, dict[str, str], str]:
    """Method, path below ``/api/v4``, query and body."""
    method, path, body = rng.choice(_REQUESTS)
    query = {name: value for name, value in _QUERY.items() if rng.random() < 0.6}
    query |= {name: str(rng.choice(_JUNK)) for name in query if rng.random() < 0.1}
    if rng.random() < 0.2:
        path = path.rpartition("/")[0] + "/" + quote(str(rng.choice(_JUNK)), safe="")
    return method, path, query, "" if body is None else _spoiled_text(rng, _anew(rng, body))


def _anew(rng: random.Random, body: Any) -> Any:
    """An order with an id and a price of its own, so that not every one is the same again."""
    if isinstance(body, list):
        return [_anew(rng, one) for one in body]
    if "side" not in body or rng.random() < 0.3:
        return body
    return {**body, "text": f"t-{rng.randrange(1 << 30)}", "price": rng.choice(("50000", "80000", "84000", "90000"))}


def gateio_frame(rng: random.Random) -> str:
    """A message to the spot socket, of its order API included."""
    return _spoiled_text(rng, rng.choice(_FRAMES))


def _spoiled(rng: random.Random, value: Any) -> Any:
    """The value with something wrong in it somewhere, or as it was."""
    if isinstance(value, dict) and value and rng.random() < 0.9:
        copy = dict(value)
        for _ in range(rng.choice((0, 1, 1, 2))):
            name = rng.choice(list(copy)) if copy else "x"
            if rng.random() < 0.2:
                copy.pop(name, None)
            else:
                copy[name] = _spoiled(rng, copy.get(name)) if rng.random() < 0.3 else rng.choice(_JUNK)
        return copy
    if isinstance(value, list) and value and rng.random() < 0.9:
        return [_spoiled(rng, item) for item in value] * rng.choice((1, 1, 1, 30))
    return rng.choice(_JUNK) if rng.random() < 0.3 else value


def _spoiled_text(rng: random.Random, value: Any) -> str:
    text = json.dumps(_spoiled(rng, value))
    if rng.random() < 0.15:
        at = rng.randrange(len(text) + 1)
        text = text[:at] + rng.choice(["", "}", '"', "\\", "\ud83d", "[" * 2000, "9" * 400, "\x01"]) + text[at + 1 :]
    return text.encode(errors="replace").decode()


# --- Gate.io: futures -------------------------------------------------------------------------------------------------

_VALUES: tuple[object, ...] = (
    None, True, False, 0, 1, -1, 7, 10**18, 10**30, -(10**12), 1.5, -0.0, "", "0", "1", "-1", "1.5", "0.0000001", "1e5",
    "1e999999", "NaN", "Infinity", "-inf", " 1", "１", "80000", "80000.1", "84000", "BTC_USDT", "SOL_USDT", "X", "t-a",
    "t-" + "x" * 40, "gtc", "ioc", "poc", "fok", "bid", "ask", "cn", "close_long", "open", "finished", "\x00",
    "龙虾_USDT", "a" * 3000, [], {}, [1], ["t-a"], {"a": 1}, {"contract": "BTC_USDT"}, "true", "CROSS", "dual",
)  # fmt: skip
_FIELDS = (
    "contract", "size", "price", "tif", "text", "reduce_only", "close", "auto_size", "iceberg", "stp_act", "order_id",
    "amend_text", "timeout", "side", "status", "limit", "offset", "mode", "initial", "trigger", "rule", "price_type",
    "trigger_price", "expiration", "strategy_type", "direction", "level", "order_type",
)  # fmt: skip
_QUERIES = (
    "contract", "status", "limit", "offset", "last_id", "from", "to", "side", "order", "type", "holding", "leverage",
    "cross_leverage_limit", "change", "risk_limit", "dual_mode", "position_mode", "dual_side", "margin_mode", "pnl",
    "role", "exclude_reduce_only", "at",
)  # fmt: skip
_SENSIBLE: dict[str, tuple[object, ...]] = {
    "contract": ("BTC_USDT", "SOL_USDT"),
    "size": (1, -1, 10, "2", 0, 300),
    "price": ("80000", "84300", "90000", "0", "130.5"),
    "tif": ("gtc", "ioc", "poc", "fok"),
    "status": ("open", "finished"),
    "leverage": ("5", "0", "100"),
    "change": ("5", "-5"),
}


def _some(rng: random.Random, names: tuple[str, ...]) -> dict[str, Any]:
    chosen = rng.sample(names, rng.randint(0, min(6, len(names)))) + (["contract"] if rng.random() < 0.6 else [])
    return {
        name: rng.choice(_SENSIBLE[name]) if name in _SENSIBLE and rng.random() < 0.6 else rng.choice(_VALUES)
        for name in chosen
    }


def _futures_order(rng: random.Random) -> dict[str, Any]:
    return {
        "contract": rng.choice(("BTC_USDT", "BTC_USDT", "SOL_USDT")),
        "size": rng.choice((1, -1, 5, -20)),
        "price": rng.choice(("80000", "84300", "90000", "130.5", "0")),
        "tif": rng.choice(("gtc", "gtc", "ioc", "poc", "fok")),
        "reduce_only": rng.random() < 0.2,
        "text": f"t-{rng.randrange(1 << 30)}",
    }


def futures_body(rng: random.Random) -> bytes:
    """The body of a request, mostly an object."""
    kind = rng.random()
    if kind < 0.05:
        return b""
    if kind < 0.1:
        return bytes(rng.randrange(256) for _ in range(rng.randrange(60)))
    if kind < 0.15:
        return json.dumps(rng.choice(_VALUES)).encode()
    if kind < 0.3:
        return json.dumps([_some(rng, _FIELDS) for _ in range(rng.randint(0, 4))]).encode()
    if kind < 0.35:
        return b"[" * rng.choice((3, 5_000))
    if kind < 0.6:
        return _spoiled_text(rng, _futures_order(rng)).encode()
    body = _some(rng, _FIELDS)
    if rng.random() < 0.2:
        body |= {"initial": _some(rng, _FIELDS), "trigger": _some(rng, _FIELDS)}
    return json.dumps(body).encode()


def futures_path(rng: random.Random, path: str) -> str:
    """A path with its ``{contract}`` and ``{id}`` filled in."""
    path = path.replace("{contract}", rng.choice(("BTC_USDT", "SOL_USDT", "X", "Z", "a_b")))
    return path.replace("{id}", rng.choice(("1", "74046511", "t-a", "x", "9" * 40, "-1", "74046515")))


def futures_query(rng: random.Random) -> dict[str, str]:
    """Parameters of a request, most of them of another one."""
    query = {name: rng.choice(_VALUES) for name in rng.sample(_QUERIES, rng.randint(0, 4))}
    return {
        name: str(rng.choice(_SENSIBLE.get(name, (value,))))
        for name, value in query.items()
        if isinstance(value, (str, int)) and len(str(value)) < 50 and "\x00" not in str(value)
    }


def futures_frame(rng: random.Random, channels: list[str], number: int) -> str:
    """A message to the futures socket, mostly of its order API; ``number`` is its id."""
    request: dict[str, Any] = {"time": rng.choice(_VALUES), "channel": rng.choice(channels), "id": number}
    request["event"] = rng.choice(("api", "api", "api", "subscribe", "unsubscribe", "nonsense"))
    request["payload"] = rng.choice((rng.choice(_VALUES), _some(rng, _FIELDS)))
    if rng.random() < 0.7:
        request["time"] = 1
        order = _spoiled(rng, _futures_order(rng))
        param = rng.choice((order, [order], _some(rng, _FIELDS), [_some(rng, _FIELDS)], rng.choice(_VALUES)))
        request["payload"] = {"req_id": f"r-{number}", "req_param": param}
    text = json.dumps(request)
    return text if rng.random() < 0.95 else text[:-3]


# --- HTTP that is none ------------------------------------------------------------------------------------------------

_REQUEST_LINES = (
    b"GET / HTTP/1.1", b"GET /api/v3/ping HTTP/1.1", b"POST /api/v4/spot/orders HTTP/1.1", b"GET /ws HTTP/1.1",
    b"GET /ws/v4/ HTTP/1.1", b"G\xc3\x84T / HTTP/1.1", b"GET /\xff\xfe HTTP/1.1", b"GET / HTTP/9.9", b"GET /",
    b"GET  /  HTTP/1.1", b"OPTIONS * HTTP/1.1", b"CONNECT x:1 HTTP/1.1", b"GET http://[::1 HTTP/1.1",
    b"GET /%00%ff%zz?%&&=%3 HTTP/1.1", b"GET /" + b"a" * 9000 + b" HTTP/1.1", b"\x16\x03\x01\x02\x00",
    b"PRI * HTTP/2.0", b"",
)  # fmt: skip
_HEADER_LINES = (
    b"Host: x", b"Host: x\x00", b"Content-Length: 5", b"Content-Length: -1", b"Content-Length: 99999999999999999999",
    b"Content-Length: 5, 6", b"Transfer-Encoding: chunked", b"Transfer-Encoding: gzip, chunked", b"X: " + b"y" * 9000,
    b"Bad Header : x", b": nameless", b" folded", b"Upgrade: websocket", b"Connection: Upgrade",
    b"Connection: keep-alive", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==",
    b"Sec-WebSocket-Key: x", b"Content-Encoding: gzip", b"Content-Type: \xff",
    b"Expect: 100-continue", b"Cookie: a=\x01; $=;;",
    b"KEY: k", b"X-MEXC-APIKEY: \xc3\xa9",
)  # fmt: skip
_HANDSHAKE = (
    b"Host: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
_BODIES = (
    b"", b"hello", b"5\r\nhello\r\n0\r\n\r\n", b"zz\r\nhello", b"FFFFFFFFFFFFFFFFF\r\n", b"\x1f\x8b\x08\x00junk",
    b"GET / HTTP/1.1\r\nHost: y\r\n\r\n",
)  # fmt: skip


def wire_bytes(rng: random.Random) -> bytes:
    """What somebody might write to the port who does not speak HTTP, or not WebSocket after the handshake."""
    kind = rng.random()
    if kind < 0.1:
        return rng.randbytes(rng.randrange(1, 200))
    if kind < 0.35:
        path = rng.choice((b"/ws", b"/ws/v4/", b"/v4/ws/usdt"))
        return b"GET " + path + b" HTTP/1.1\r\n" + _HANDSHAKE + rng.randbytes(rng.randrange(1, 60))
    headers = b"".join(line + b"\r\n" for line in rng.sample(_HEADER_LINES, rng.randrange(6)))
    return rng.choice(_REQUEST_LINES) + b"\r\n" + headers + b"\r\n" + rng.choice(_BODIES)
