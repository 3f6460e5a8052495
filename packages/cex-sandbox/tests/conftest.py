"""A running sandbox and what judges it: an HTTP client, and a protobuf reader that knows no schema of ours."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any

import aiohttp
import pytest

from cex.sandbox.market.listings import DEFAULT_LISTINGS
from cex.sandbox.server import Sandbox

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
