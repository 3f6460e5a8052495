"""Sends both venues what nobody should: is every answer a documented one, and has nothing been lost afterwards?

Signed, wrongly signed and unsigned requests, frames on every kind of socket, and bytes that are no HTTP at all, over
connections in memory and in virtual time. What is refused must not have changed anything.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import aiohttp
from aiohttp import web

from cex.common.clock import Clock, ManualClock
from cex.common.correlation import new_random
from cex.sandbox import DEFAULT_LISTINGS, Sandbox
from cex.sandbox.accounts.directory import Account
from cex.sandbox.accounts.ledger import FUTURES_USDT, SPOT
from cex.sandbox.accounts.wallet import WithdrawalStatus
from cex.sandbox.hosting import House
from cex.sandbox.market.simulation import Market
from cex.sandbox.premises import gateio_premises, mexc_premises
from cex.sandbox.venues.gateio.options import GateioOptions
from cex.sandbox.venues.mexc.options import MexcOptions
from cex.sandbox.virtual import run_virtual
from fuzz_answers import reading, reading_frame
from fuzz_connections import FRAMES_AT_ONCE, Socket, Wire
from garbage import (
    futures_body,
    futures_path,
    futures_query,
    gateio_request,
    mexc_noise,
    mexc_request,
    wire_bytes,
)
from raw_clients import RawAnswer, RawGateio, RawMexc

__all__ = ["FuzzPlan", "run_fuzz"]

START_NS = 1_790_000_000_000_000_000
LISTED = ("BTC/USDT", "ETH/USDT", "LUNC/USDT", "BTC/USDT:USDT", "SOL/USDT", "SOL/USDT:USDT")
PLENTY = 1_000_000
POOLS = (
    "spot_place", "spot_cancel", "spot_other", "futures_place", "futures_cancel", "futures_other", "transfer",
    "withdrawal", "wallet_other", "unified_borrow", "private_other",
)  # fmt: skip
ANSWERS_TO_BYTES = ("100", "101", "200", "400", "404", "405", "413", "417", "426")
PATHS = ("/", "/api/v3/", "/api/v3/order/../order", "/api/v9/x", "/api/v4/spot//")
_MOST_TOLD = 20
_TOLD_EVERY = 2_500
_CHECKED_EVERY = 500


@dataclass(frozen=True, kw_only=True)
class FuzzPlan:
    """How many requests and frames, and from which seed."""

    requests: int = 100_000
    seed: int = 7

    def __post_init__(self) -> None:
        if self.requests < 1:
            raise ValueError("a campaign has one request at least")


def run_fuzz(plan: FuzzPlan, progress: Callable[[int], None] = lambda _: None) -> dict[str, Any]:
    """What was sent and answered; ``failures`` are the answers, log records and losses that should not be."""
    complaints = _Complaints()
    root = logging.getLogger()
    root.addHandler(complaints)
    try:
        return run_virtual(_Fuzz(plan, complaints.found, progress).run, start_ns=START_NS)
    finally:
        root.removeHandler(complaints)


class _Complaints(logging.Handler):
    """Whatever is logged as an error, or with a traceback, is a finding."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.found: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if record.exc_info or record.levelno >= logging.ERROR:
            cause = record.exc_info[1] if record.exc_info else None
            self.found.append(f"logged at {record.name}: {record.getMessage()} ({cause!r})")


class _Fuzz:
    def __init__(self, plan: FuzzPlan, found: list[str], progress: Callable[[int], None]) -> None:
        self._plan = plan
        self._found = found
        self._progress = progress
        self._rng = new_random(plan.seed)
        self._sent: Counter[str] = Counter()
        self._answered: Counter[str] = Counter()
        self._changes = 0
        self._told_orders: set[tuple[str, int]] = set()

    async def run(self, clock: ManualClock) -> dict[str, Any]:
        sandbox = Sandbox(
            seed=self._plan.seed,
            sockets=False,
            listings=[listing for listing in DEFAULT_LISTINGS if listing.symbol in LISTED],
            tick=0.1,
            history=2_000,
            mexc=MexcOptions(
                weight_limit=PLENTY,
                uid_weight_limit=PLENTY,
                order_limit=PLENTY,
                batch_limit=PLENTY,
                account_limit=PLENTY,
                most_listen_keys=PLENTY,
            ),
            gateio=GateioOptions(requests=PLENTY, limits=dict.fromkeys(POOLS, PLENTY)),
            clock=clock,
        )
        self._listen(sandbox)
        async with sandbox, AsyncExitStack() as stack:
            http = await stack.enter_async_context(aiohttp.ClientSession(connector=sandbox.connector()))
            self._venues(sandbox, http, clock)
            self._houses = [await _open_house(stack, application) for application in self._applications]
            self._sockets = {
                name: Socket(self._heard, self._found.append, sandbox, http, clock, name)
                for name in ("mexc", "spot", "futures")
            }
            done = 0
            while done < self._plan.requests:
                before = done
                done += await self._one(sandbox)
                if done // _CHECKED_EVERY != before // _CHECKED_EVERY:
                    self._check(sandbox)
                if done // _TOLD_EVERY != before // _TOLD_EVERY:
                    self._progress(done)
            for socket in self._sockets.values():
                await socket.aclose()
            await asyncio.sleep(1.0)
            self._check(sandbox)
            orders = self._take_back(sandbox)
            self._check(sandbox)
        return {
            "requests_and_frames": done,
            "sent": dict(sorted(self._sent.items())),
            "answers": dict(sorted(self._answered.items())),
            "orders": len(self._told_orders),
            "open_at_the_end": orders,
            "changes": self._changes,
            "failed": len(self._found),
            "failures": self._found[:_MOST_TOLD],
        }

    def _venues(self, sandbox: Sandbox, http: aiohttp.ClientSession, clock: Clock) -> None:
        market = Market(seed=1, listings=DEFAULT_LISTINGS[:3])
        own = [mexc_premises(market, options=MexcOptions(), clock=clock)]
        own.append(gateio_premises(market, options=GateioOptions(), clock=clock))
        self._applications = [place.venue.application() for place in own]
        mexc, gateio = (_endpoints(application) for application in self._applications)
        first = "/api/v3/"
        self._mexc_paths = [(method, path.removeprefix(first)) for method, path in mexc if path.startswith(first)]
        self._paths = {"mexc": [path for _, path in mexc], "gateio": [path for _, path in gateio]}
        below = "/api/v4/futures/usdt"
        self._futures_paths = [(m, path.removeprefix("/api/v4")) for m, path in gateio if path.startswith(below)]
        urls = {name: of["rest"].removesuffix("/api/v4") for name, of in sandbox.endpoints.items()}
        keys = sandbox.credentials
        wrong = {name: key._replace(secret="0" * len(key.secret)) for name, key in keys.items()}
        self._mexc = RawMexc(http, urls["mexc"], keys["mexc"], clock)
        self._gateio = RawGateio(http, urls["gateio"], keys["gateio"], clock)
        self._mexc_thief = RawMexc(http, urls["mexc"], wrong["mexc"], clock)
        self._gateio_thief = RawGateio(http, urls["gateio"], wrong["gateio"], clock)

    def _listen(self, sandbox: Sandbox) -> None:
        def changed(_: object) -> None:
            self._changes += 1

        for name, desks in sandbox.desks.items():

            def hear(event: Any, name: str = name) -> None:
                self._changes += 1
                if hasattr(event, "order"):
                    self._told_orders.add((name, event.order.id))

            sandbox.ledgers[name].listen(changed)
            desks.spot.listen(None, hear)
            if desks.futures is not None:
                desks.futures.listen(None, hear)

    # --- one of many -------------------------------------------------------------------------------------------------

    async def _one(self, sandbox: Sandbox) -> int:
        """Send something; how much it was."""
        rng = self._rng
        if rng.random() < 0.02:
            await asyncio.sleep(rng.choice((0.1, 0.1, 0.5, 3.0)))
        kinds: dict[str, tuple[int, Callable[[], Awaitable[None]]]] = {
            "mexc signed": (20, self._signed_mexc),
            "gateio spot signed": (20, self._signed_spot),
            "gateio futures signed": (20, self._signed_futures),
            "wrongly signed": (6, self._wrongly_signed),
            "unsigned": (14, self._unsigned),
            "bytes": (8, self._bytes),
            **{f"{name} frames": (2, socket.talk) for name, socket in self._sockets.items()},
        }
        (kind,) = rng.choices(list(kinds), [weight for weight, _ in kinds.values()])
        try:
            await kinds[kind][1]()
        except (TimeoutError, aiohttp.ClientError) as error:
            self._found.append(f"{kind}: no answer ({error!r})")
        count = FRAMES_AT_ONCE if kind.endswith("frames") else 1
        self._sent[kind] += count
        return count

    async def _signed_mexc(self) -> None:
        method, path, params = mexc_request(self._rng, self._mexc_paths)
        await self._judge("mexc", method, path, params, lambda: self._mexc.signed(method, f"/api/v3/{path}", params))

    async def _signed_spot(self) -> None:
        method, path, query, text = gateio_request(self._rng)
        body = text.encode()
        ask = self._gateio.signed
        await self._judge("gateio", method, path, (query, text), lambda: ask(method, path, query=query, body=body))

    async def _signed_futures(self) -> None:
        rng = self._rng
        method, path = rng.choice(self._futures_paths)
        path, query = futures_path(rng, path), futures_query(rng)
        body = futures_body(rng) if method in ("POST", "PUT") else b""
        headers = {"X-Gate-Size-Decimal": "1"} if rng.random() < 0.3 else {}
        ask = self._gateio.signed
        await self._judge(
            "gateio", method, path, (query, body), lambda: ask(method, path, query=query, body=body, headers=headers)
        )

    async def _wrongly_signed(self) -> None:
        if self._rng.random() < 0.5:
            method, path, params = mexc_request(self._rng, self._mexc_paths)
            thief = self._mexc_thief
            answer = await self._judge(
                "mexc", method, path, params, lambda: thief.signed(method, f"/api/v3/{path}", params), changes=False
            )
        else:
            method, path, query, text = gateio_request(self._rng)
            stranger = self._gateio_thief
            answer = await self._judge(
                "gateio",
                method,
                path,
                (query, text),
                lambda: stranger.signed(method, path, query=query, body=text.encode()),
                changes=False,
            )
        if answer.status < 300 and method != "GET":
            self._found.append(f"wrongly signed {method} {path} was answered {answer.status}")

    async def _unsigned(self) -> None:
        rng = self._rng
        venue = rng.choice(("mexc", "gateio"))
        path = rng.choice([*self._paths[venue], *PATHS])
        path = path.replace("{", "").replace("}", "")
        method = rng.choice(("GET", "GET", "POST", "PUT", "DELETE", "PATCH", "HEAD"))
        headers = {"Content-Type": rng.choice(("application/json", "text/plain", ""))}
        key, names = (
            rng.choice(("mx0vNobodysKey", "!", "x" * 65, "k" * 32)),
            ("X-MEXC-APIKEY", "KEY", "SIGN", "Timestamp"),
        )
        headers |= {name: rng.choice((key, "1", "-1", "9" * 30)) for name in names if rng.random() < 0.5}
        body = rng.randbytes(rng.randrange(40)) if rng.random() < 0.3 else b""
        target, client = f"{path}?{mexc_noise(rng)}", self._mexc if venue == "mexc" else self._gateio
        await self._judge(
            venue,
            method,
            target,
            (headers, body),
            lambda: client.raw(method, target, headers=headers, body=body),
            changes=False,
        )

    async def _bytes(self) -> None:
        data, wire = wire_bytes(self._rng), Wire()
        self._rng.choice(self._houses).connect(wire)
        half = data.find(b"\r\n\r\n") + 4 if self._rng.random() < 0.5 else self._rng.randrange(len(data))
        wire.write(data[:half])
        await asyncio.sleep(0.01)
        wire.write(data[half:])
        await asyncio.wait({wire.ended}, timeout=0.2)
        wire.abort()
        head = bytes(wire.received[:12])
        status = head[9:12].decode("ascii", "replace")
        self._answered[f"bytes {status or 'closed' if wire.ended.done() else status or 'silence'}"] += 1
        if head and not (
            head.startswith((b"HTTP/1.", b"HTTP/0.9"))
            and status in ("101", "200", "400", "404", "405", "413", "417", "426")
        ):
            self._found.append(f"{data!r} was answered {bytes(wire.received)!r}")

    # --- what must hold ----------------------------------------------------------------------------------------------

    async def _judge(
        self,
        venue: str,
        method: str,
        path: str,
        sent: object,
        ask: Callable[[], Awaitable[RawAnswer]],
        *,
        changes: bool = True,
    ) -> RawAnswer:
        """Ask, and see that the answer is a documented one, and that a refusal has changed nothing."""
        before, at = self._changes, asyncio.get_running_loop().time()
        answer = await ask()
        what = f"{venue} {method} {path} {str(sent)[:600]}"
        word, problem = reading(venue, method, answer)
        self._answered[f"{venue} {answer.status} {word}".rstrip()] += 1
        if problem:
            self._found.append(f"{what}: {problem}: {answer.status} {answer.body[:300]!r}")
        refused = answer.status >= 400 or not changes
        if refused and self._changes != before and asyncio.get_running_loop().time() == at:
            self._found.append(f"{what}: answered {answer.status}, and yet something has changed")
        return answer

    def _heard(self, name: str, text: str) -> None:
        """A frame of a socket: an acknowledgement, a documented refusal or a push."""
        word, problem = reading_frame(name, text)
        if word:
            self._answered[f"{name} frame {word}"] += 1
        if problem:
            self._found.append(f"{name} frame {text[:600]}: {problem}")

    def _check(self, sandbox: Sandbox) -> None:
        for name, ledger in sandbox.ledgers.items():
            for asset in ledger.assets:
                if total := ledger.total(asset):
                    self._found.append(f"{name}: {total} {asset} out of nothing")
            for account in sandbox.accounts[name].accounts:
                self._check_account(sandbox, name, account)

    def _check_account(self, sandbox: Sandbox, name: str, account: Account) -> None:
        desks, ledger = sandbox.desks[name], sandbox.ledgers[name]
        orders = desks.spot.open_orders(account)
        bound: defaultdict[str, Decimal] = defaultdict(Decimal)
        for order in orders:
            bound[order.locked_asset] += order.locked
        for trigger in desks.spot.triggers.open_orders(account):
            bound[trigger.locked_asset] += trigger.locked
        for one in desks.wallet.withdrawals(account):
            if one.status in (WithdrawalStatus.REQUESTED, WithdrawalStatus.PROCESSING):
                bound[one.asset] += one.amount + one.fee
        for asset, held in ledger.holdings(account.uid, SPOT).items():
            if held.free < 0 or held.locked != bound[asset]:
                self._found.append(f"{name} {account.uid}: {held} {asset}, of which {bound[asset]} should be bound")
        futures = [] if desks.futures is None else desks.futures.open_orders(account)
        for number in [one.id for one in orders] + [one.id for one in futures]:
            if (name, number) not in self._told_orders:
                self._found.append(f"{name}: order {number} is open, and nobody was told of it")
        if ledger.holding(account.uid, FUTURES_USDT, "USDT").locked:
            self._found.append(f"{name} {account.uid}: something is bound in the futures wallet")

    def _take_back(self, sandbox: Sandbox) -> int:
        """Cancel whatever is open; how much it was."""
        count = 0
        for name, desks in sandbox.desks.items():
            for account in sandbox.accounts[name].accounts:
                count += len(desks.spot.cancel_all(account))
                if desks.futures is not None and desks.futures.open_orders(account):
                    count += len(desks.futures.cancel_all(account))
        return count


def _endpoints(application: web.Application) -> list[tuple[str, str]]:
    return [
        (route.method, route.resource.canonical)
        for route in application.router.routes()
        if route.resource is not None and route.method != "HEAD"
    ]


async def _open_house(stack: AsyncExitStack, application: web.Application) -> House:
    house = House(application, "127.0.0.1", 1, sockets=False)
    await house.open()
    stack.push_async_callback(house.aclose)
    return house
