"""Seeded frames as the exchanges push them: a book of the exchange's own changes, and each change is told."""

from __future__ import annotations

import json
import random
from bisect import bisect_left, insort
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cex.exchanges.mexc.wire.push import PushDataV3ApiWrapper

__all__ = ["MARKETS", "Sample", "make_sample"]

MARKETS = ("gateio-spot", "gateio-futures", "mexc-spot")
KNOWN_LEVELS = {"gateio-spot": 100, "gateio-futures": 100, "mexc-spot": 1000}
"""Levels a side of the snapshot, as the product asks for them by default."""
BEYOND = 50
"""Levels a side that the exchange has beyond those it pushes."""
DELETES = 0.25
NEAR = 12.0
"""Mean distance of a change from the touch, in ticks."""
OCCUPIED = 0.75
SEED = 20261123
TRADES_AND_TICKERS = 800
START_MS = 1_790_000_000_000
FIRST_ID = 48_776_301_000

Level = tuple[str, str]


@dataclass(frozen=True)
class Sample:
    """Frames of one stream: ``kind`` is depth, ticker or trade; text for JSON, bytes for protobuf.

    A depth stream begins after the snapshot of ``bids`` and ``asks`` at ``last_id``. Every frame changes something,
    and the ids are contiguous.
    """

    market: str
    kind: str
    frames: list[str] | list[bytes]
    last_id: int = 0
    bids: tuple[Level, ...] = ()
    asks: tuple[Level, ...] = ()

    def write(self, path: Path) -> None:
        """As JSON for a contender in another environment; binary frames are in hexadecimal."""
        frames = [frame if isinstance(frame, str) else frame.hex() for frame in self.frames]
        fields = {"market": self.market, "kind": self.kind, "last_id": self.last_id}
        path.write_text(json.dumps({**fields, "bids": self.bids, "asks": self.asks, "frames": frames}))


def make_sample(market: str, kind: str, levels: int = 0) -> Sample:
    """The sample of a stream, the same at every call; a depth frame has ``levels`` levels, half of them bids."""
    rng = random.Random(f"{SEED} {market} {kind} {levels}")
    if kind == "depth":
        return _depth(market, levels, rng)
    frame = {"ticker": _TICKER, "trade": _TRADE}[kind][market]
    frames = [frame(number, rng) for number in range(TRADES_AND_TICKERS)]
    return Sample(market, kind, frames)  # type: ignore[arg-type]  # text or bytes by the market, never mixed


class _Side:
    """One side as the exchange has it; positions are ticks from the middle, so 1 is the best that can be."""

    def __init__(self, pushed: int, beyond: int, amount: Callable[[], str], rng: random.Random) -> None:
        self._pushed = pushed
        self._amount = amount
        self._rng = rng
        self._positions: list[int] = []
        position = 0
        while len(self._positions) < pushed + beyond:
            position += 1
            if rng.random() < OCCUPIED:
                self._positions.append(position)
        self._amounts = {position: amount() for position in self._positions}

    def known(self) -> list[tuple[int, str]]:
        return [(position, self._amounts[position]) for position in self._positions[: self._pushed]]

    def change(self, count: int) -> list[tuple[int, str]]:
        """Change ``count`` positions; a level that enters the pushed part because another left it counts as one."""
        changed: dict[int, str] = {}
        while len(changed) < count:
            position = 1 + int(self._rng.expovariate(1 / NEAR))
            if position in changed or position > self._positions[min(self._pushed, len(self._positions)) - 1]:
                continue
            if self._rng.random() >= DELETES:
                if position not in self._amounts:
                    insort(self._positions, position)
                changed[position] = self._amounts[position] = self._amount()
            elif position in self._amounts and (entering := self._entering(changed, count)) is not None:
                del self._positions[bisect_left(self._positions, position)]
                del self._amounts[position]
                changed[position] = "0"
                changed.update(entering)
        return list(changed.items())

    def _entering(self, changed: dict[int, str], count: int) -> dict[int, str] | None:
        """What enters the pushed part when a level leaves it; None where the frame has no room to tell."""
        entering = self._positions[self._pushed : self._pushed + 1]
        if len(changed) + 1 + len(entering) > count:
            return None
        return {position: self._amounts[position] for position in entering}


def _depth(market: str, levels: int, rng: random.Random) -> Sample:
    pushed = KNOWN_LEVELS[market]
    beyond = 0 if market == "mexc-spot" else BEYOND
    write = {"gateio-spot": _gateio_spot_depth, "gateio-futures": _gateio_futures_depth, "mexc-spot": _mexc_depth}
    amount = {"gateio-spot": _amount, "gateio-futures": _contracts, "mexc-spot": _fine_amount}[market]
    bids, asks = (_Side(pushed, beyond, lambda: amount(rng), rng) for _ in range(2))
    known_bids, known_asks = tuple(_priced(bids.known(), -1)), tuple(_priced(asks.known(), 1))
    last_id = first = FIRST_ID
    frames = []
    for number in range(6000 // levels):
        changes = _priced(bids.change(levels // 2), -1), _priced(asks.change(levels // 2), 1)
        first, last_id = last_id + 1, last_id + rng.randint(levels, 3 * levels)
        frames.append(write[market](number, first, last_id, *changes))
    return Sample(market, "depth", frames, FIRST_ID, known_bids, known_asks)  # type: ignore[arg-type]  # never mixed


def _priced(levels: list[tuple[int, str]], sign: int) -> list[Level]:
    return [(_price(sign * position), amount) for position, amount in levels]


def _price(position: int) -> str:
    whole, tenths = divmod(650_000 + position, 10)
    return f"{whole}.{tenths}"


def _amount(rng: random.Random) -> str:
    return f"{rng.lognormvariate(-2, 1.5) + 0.0001:.4f}"


def _fine_amount(rng: random.Random) -> str:
    return f"{rng.lognormvariate(-2, 1.5) + 0.00000001:.8f}"


def _contracts(rng: random.Random) -> str:
    return str(1 + int(rng.lognormvariate(6, 2)))


# ---- Gate.io ---------------------------------------------------------------------------------------------------------


def _gateio_push(number: int, channel: str, result: object) -> str:
    told = START_MS + 100 * number + 20
    push = {"time": told // 1000, "time_ms": told, "channel": channel, "event": "update", "result": result}
    return json.dumps(push, separators=(",", ":"))


def _gateio_spot_depth(number: int, first: int, last: int, bids: list[Level], asks: list[Level]) -> str:
    at = START_MS + 100 * number
    result = {"t": at, "e": "depthUpdate", "E": at // 1000, "s": "BTC_USDT", "U": first, "u": last, "l": "100"}
    return _gateio_push(number, "spot.order_book_update", {**result, "b": bids, "a": asks})


def _gateio_futures_depth(number: int, first: int, last: int, bids: list[Level], asks: list[Level]) -> str:
    """Sizes in quotes, as with the header ``X-Gate-Size-Decimal`` that the product sends."""
    result: dict[str, object] = {"t": START_MS + 100 * number, "U": first, "u": last, "s": "BTC_USDT"}
    for side, levels in (("a", asks), ("b", bids)):
        result[side] = [{"p": price, "s": size} for price, size in levels]
    return _gateio_push(number, "futures.order_book_update", {**result, "l": "100"})


def _gateio_ticker(number: int, rng: random.Random, amount: Callable[[random.Random], str], channel: str) -> str:
    bid, ask = _price(-rng.randint(1, 50)), _price(rng.randint(1, 50))
    result = {"t": START_MS + number, "u": FIRST_ID + number, "s": "BTC_USDT"}
    return _gateio_push(number, channel, {**result, "b": bid, "B": amount(rng), "a": ask, "A": amount(rng)})


def _gateio_spot_ticker(number: int, rng: random.Random) -> str:
    return _gateio_ticker(number, rng, _amount, "spot.book_ticker")


def _gateio_futures_ticker(number: int, rng: random.Random) -> str:
    return _gateio_ticker(number, rng, _contracts, "futures.book_ticker")


def _gateio_spot_trade(number: int, rng: random.Random) -> str:
    at = START_MS + number
    result = {
        "id": 309_143_071 + number,
        "id_market": 309_143_071 + number,
        "create_time": at // 1000,
        "create_time_ms": f"{at}.{rng.randint(0, 9999):04}",
        "side": rng.choice(("buy", "sell")),
        "currency_pair": "BTC_USDT",
        "amount": _amount(rng),
        "price": _price(rng.randint(-50, 50)),
        "range": f"{number}-{number}",
    }
    return _gateio_push(number, "spot.trades", result)


def _gateio_futures_trade(number: int, rng: random.Random) -> str:
    at = START_MS + number
    result = {
        "size": rng.choice(("", "-")) + _contracts(rng),
        "id": 27_753_479 + number,
        "create_time": at // 1000,
        "create_time_ms": at,
        "price": _price(rng.randint(-50, 50)),
        "contract": "BTC_USDT",
    }
    return _gateio_push(number, "futures.trades", [result])


# ---- MEXC ------------------------------------------------------------------------------------------------------------


def _mexc_push(number: int, channel: str) -> PushDataV3ApiWrapper:
    return PushDataV3ApiWrapper(
        channel=f"spot@public.aggre.{channel}.v3.api.pb@100ms@BTCUSDT", symbol="BTCUSDT", sendTime=START_MS + number
    )


def _mexc_depth(number: int, first: int, last: int, bids: list[Level], asks: list[Level]) -> bytes:
    push = _mexc_push(100 * number, "depth")
    body = push.publicAggreDepths
    body.eventType = push.channel.rpartition("@")[0]
    body.fromVersion, body.toVersion = str(first), str(last)
    for side, levels in ((body.asks, asks), (body.bids, bids)):
        for price, quantity in levels:
            side.add(price=price, quantity=quantity)
    return push.SerializeToString()


def _mexc_ticker(number: int, rng: random.Random) -> bytes:
    push = _mexc_push(number, "bookTicker")
    body = push.publicAggreBookTicker
    body.bidPrice, body.bidQuantity = _price(-rng.randint(1, 50)), _fine_amount(rng)
    body.askPrice, body.askQuantity = _price(rng.randint(1, 50)), _fine_amount(rng)
    body.version = str(FIRST_ID + number)
    body.lastOrderCreateTime = START_MS + number
    return push.SerializeToString()


def _mexc_trade(number: int, rng: random.Random) -> bytes:
    push = _mexc_push(number, "deals")
    push.publicAggreDeals.eventType = push.channel.rpartition("@")[0]
    push.publicAggreDeals.deals.add(
        price=_price(rng.randint(-50, 50)),
        quantity=_fine_amount(rng),
        tradeType=rng.choice((1, 2)),
        time=START_MS + number,
        tradeId=f"{731_901_896_985_392_996 + number}X",
    )
    return push.SerializeToString()


_TICKER: dict[str, Callable[[int, random.Random], str | bytes]] = {
    "gateio-spot": _gateio_spot_ticker,
    "gateio-futures": _gateio_futures_ticker,
    "mexc-spot": _mexc_ticker,
}
_TRADE: dict[str, Callable[[int, random.Random], str | bytes]] = {
    "gateio-spot": _gateio_spot_trade,
    "gateio-futures": _gateio_futures_trade,
    "mexc-spot": _mexc_trade,
}
