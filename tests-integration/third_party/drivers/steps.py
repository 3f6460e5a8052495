"""What every driver shares: steps told as JSON lines, and the sandbox's truth to hold them against.

Runs in the environments of the clients: the standard library only. A driver is started as
``DRIVER CLIENT ANNOUNCEMENT [ARGUMENT...]`` with a pipe as input, and ends when that pipe does.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_DOWN, Decimal
from typing import Any
from urllib.parse import urlencode

__all__ = ["ClientAtFault", "Step", "Teller", "Truth", "check", "end_with_input", "same_book", "until"]

MEXC_FIRST_ORDER = 443_776_347_957_900_000_000
"""What the sandbox's MEXC adds to the number of an order; its control API tells the bare numbers."""


class ClientAtFault(Exception):
    """A step that the client itself makes impossible; the text is the reason that the table shows."""


@dataclass
class Step:
    """What is being tried; ``detail`` is what was seen."""

    name: str
    detail: str = ""


class Teller:
    """Tells each step of a client on standard output."""

    def __init__(self, client: str, version: str) -> None:
        self.client = client
        self.version = version

    @contextlib.contextmanager
    def step(self, name: str) -> Iterator[Step]:
        """Whatever is raised within is the step's failure, and the next step follows."""
        step = Step(name)
        try:
            yield step
        except ClientAtFault as fault:
            self._tell(step, ok=False, detail=str(fault), fault="client")
        except Exception as error:  # noqa: BLE001 (a client may raise anything)
            self._tell(step, ok=False, detail=f"{type(error).__name__}: {error}"[:300], fault="")
        else:
            self._tell(step, ok=True, detail=step.detail, fault="")

    def _tell(self, step: Step, *, ok: bool, detail: str, fault: str) -> None:
        line = {"client": self.client, "version": self.version, "step": step.name, "ok": ok, "detail": detail}
        sys.stdout.write(json.dumps({**line, "fault": fault}) + "\n")
        sys.stdout.flush()


def check(condition: object, text: str) -> None:
    """Fail the step with ``text``."""
    if not condition:
        raise AssertionError(text)


def until(condition: Callable[[], Any], seconds: float = 10.0, what: str = "it") -> Any:
    """What ``condition`` returns once that is true; a failure when it takes too long."""
    end = time.monotonic() + seconds
    while not (found := condition()):
        check(time.monotonic() < end, f"{what} did not come within {seconds:g} s")
        time.sleep(0.02)
    return found


def end_with_input() -> None:
    """End this process when its input ends: whoever started it is gone."""

    def watch() -> None:
        while os.read(0, 1024):
            pass
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def same_book(bids: Iterable[Any], asks: Iterable[Any], truth: dict[str, Any], least: int, most: int = 5000) -> str:
    """Compare (price, quantity, ...) levels, best first, with as many of the truth; what was compared.

    A client's book may be shorter than the true one, not shorter than ``least``; beyond ``most`` nothing is compared.
    """
    told = []
    for side, levels in (("bids", bids), ("asks", asks)):
        seen = [(float(level[0]), float(level[1])) for level in levels][:most]
        true = [(float(price), float(quantity)) for price, quantity in truth[side]]
        check(len(seen) >= min(least, len(true)), f"only {len(seen)} {side} of {len(true)}")
        for number, (one, other) in enumerate(zip(seen, true, strict=False), 1):
            check(one == other, f"{side} level {number} is {one}, in truth {other}, at {truth['update_id']}")
        told.append(len(seen))
    return f"{told[0]} bids and {told[1]} asks at {truth['update_id']}"


class Truth:
    """What the sandbox says of itself about one market of one venue, and the crowd's orders there."""

    def __init__(self, announcement: dict[str, Any], venue: str, symbol: str) -> None:
        self.control: str = announcement["control"]
        self.venue = venue
        self.symbol = symbol
        self.uid: int = announcement[venue]["credentials"]["uid"]
        self.wallet = "futures_usdt" if ":" in symbol else "spot"
        self._first = self._newest()

    def book(self, update_id: int | None = None) -> dict[str, Any]:
        """The whole book right after ``update_id``, or as it is now."""
        book: dict[str, Any] = self._get("book", venue=self.venue, symbol=self.symbol, update_id=update_id or 0)
        return book

    def account(self) -> dict[str, Any]:
        """Balances, open orders and positions of the account ``main``."""
        accounts = self._get("state", venue=self.venue, symbol=self.symbol, depth=1)["venues"][self.venue]["accounts"]
        return next(account for account in accounts if account["uid"] == self.uid)

    def balances(self) -> dict[str, tuple[Decimal, Decimal]]:
        """(free, locked) of every asset that there is some of."""
        held = {
            asset: (Decimal(amount["free"]), Decimal(amount["locked"]))
            for asset, amount in self.account()["balances"][self.wallet].items()
        }
        return {asset: amounts for asset, amounts in held.items() if any(amounts)}

    def open_ids(self) -> set[str]:
        orders = self.account()["open_orders"]
        return {self._order_id(order["id"]) for order in orders if order["symbol"] == self.symbol}

    def order(self, order_id: object) -> dict[str, Any]:
        """The last that happened to an order."""
        entries = [entry for entry in self._entries("order") if entry["id"] == str(order_id)]
        check(entries, f"the sandbox knows no order {order_id}")
        return entries[-1]

    def filled(self, order_id: object) -> Decimal:
        return Decimal(str(self.order(order_id)["filled"]))

    def fills(self, order_id: object | None = None) -> list[dict[str, Any]]:
        """The account's fills in this market, oldest first."""
        return [entry for entry in self._entries("fill") if order_id in (None, entry["order"])]

    def order_ids(self) -> list[str]:
        """Every order of the account in this market, oldest first."""
        return list(dict.fromkeys(entry["id"] for entry in self._entries("order")))

    def near(self, side: str) -> Decimal:
        """A price that the market's small moves leave alone, and that somebody can still trade down or up to."""
        return self._away(side, Decimal("0.002"))

    def aside(self, side: str) -> Decimal:
        """A price at which nobody will trade for a while."""
        return self._away(side, Decimal("0.07"))

    def _away(self, side: str, share: Decimal) -> Decimal:
        book = self.book()
        best = Decimal(book["bids" if side == "buy" else "asks"][0][0])
        return (best * (1 - share if side == "buy" else 1 + share)).quantize(best, ROUND_DOWN)

    def crowd(self, side: str, quantity: object, price: object) -> None:
        """Somebody else trades; what cannot be filled at once is dropped."""
        order = {"venue": self.venue, "symbol": self.symbol, "side": side, "quantity": str(quantity)}
        order.update(price=str(price), time_in_force="ioc")
        request = urllib.request.Request(f"{self.control}/orders", json.dumps(order).encode(), method="POST")
        self._open(request)

    def fill_partly(self, order_id: object, side: str, quantity: object) -> Decimal:
        """Let somebody take what stands before a resting order (of ``side``), then ``quantity``; what is filled."""
        order = self.order(order_id)
        price = Decimal(str(order["price"]))
        taker, better = ("sell", 1) if side == "buy" else ("buy", -1)
        before = price + Decimal(better).scaleb(int(price.as_tuple().exponent))
        for _ in range(20):  # others move in meanwhile
            levels = self.book()["bids" if side == "buy" else "asks"]
            ahead = [Decimal(size) for at, size in levels if (Decimal(at) - price) * better > 0]
            if ahead:
                self.crowd(taker, 2 * sum(ahead), before)
            self.crowd(taker, quantity, price)
            if filled := self.filled(order_id):
                return filled
        raise AssertionError(f"nobody came to {order}")

    def _entries(self, event: str) -> list[dict[str, Any]]:
        """What happened, with ids as the venue tells them."""
        found = []
        for entry in self._get("journal", after=self._first, limit=100_000)["entries"]:
            if entry["event"] != event or entry.get("uid") != self.uid or entry.get("symbol") != self.symbol:
                continue
            if event == "fill":
                entry |= {"order": self._order_id(entry["order"]), "id": self._trade_id(entry["id"], entry["side"])}
            else:
                entry["id"] = self._order_id(entry["id"])
            found.append(entry)
        return found

    def _order_id(self, number: object) -> str:
        return f"C02__{MEXC_FIRST_ORDER + int(str(number))}" if self.venue == "mexc" else str(number)

    def _trade_id(self, number: object, side: str) -> str:
        return f"{number}X{1 if side == 'buy' else 2}" if self.venue == "mexc" else str(number)

    def _newest(self) -> int:
        entries: Sequence[dict[str, Any]] = self._get("journal", limit=100_000)["entries"]
        return entries[-1]["number"] if entries else 0

    def _get(self, path: str, **query: object) -> Any:
        return self._open(urllib.request.Request(f"{self.control}/{path}?{urlencode(query)}"))

    def _open(self, request: urllib.request.Request) -> Any:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)
