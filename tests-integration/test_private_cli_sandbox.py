"""``cex doctor``, ``balances``, ``orders``, ``conformance`` against the sandbox, with clients found by entry point."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

import pytest

from cex.cli.conformance import venue_of
from cex.cli.running import Trouble
from cex.common.enums import OrderType, Side
from cex.exchanges.mexc.factory import MexcExchangeFactory
from cex.factory import ComponentRegistry
from cex.sandbox import AccountPlan, BackgroundSandbox, Sandbox
from cex.sandbox.accounts.directory import Permission
from cex.sandbox.accounts.orders import Ticket

Cex = Callable[..., Any]

EXCHANGES = ("mexc", "gateio")
PLANS = [
    plan
    for venue in EXCHANGES
    for plan in (
        AccountPlan(venue=venue, name="reader", permissions=frozenset({Permission.READ})),
        AccountPlan(venue=venue, name="bound", ips=("203.0.113.7",)),
    )
]


class Fallen:
    """A running sandbox, and a settings file with good and bad keys for it."""

    def __init__(self, sandbox: BackgroundSandbox, path: Path) -> None:
        self.sandbox = sandbox
        self.path = path
        self.secrets: list[str] = []
        lines = []
        for name in EXCHANGES:
            main = sandbox.credentials[name]
            reader, bound = (sandbox.sandbox.credentials_of(name, each) for each in ("reader", "bound"))
            accounts = {
                "default": (main.key, main.secret),
                "reader": (reader.key, reader.secret),
                "bound": (bound.key, bound.secret),
                "forger": (main.key, "f" * len(main.secret)),
                "stranger": ("e" * len(main.key) if name == "gateio" else "mx0vNobodyKnowsMe1", main.secret),
            }
            lines.append(f"[exchanges.{name}]\nprofile = 'custom'")
            lines += [f"endpoints.{key} = '{url}'" for key, url in sandbox.endpoints[name].items()]
            for label, (key, secret) in accounts.items():
                lines.append(f"accounts.{label}.api_key = '{key}'\naccounts.{label}.secret_key = '{secret}'")
                self.secrets += [key, secret]
        path.write_text("\n".join(lines))

    def checks(self, cex: Cex, exchange: str, *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
        """The exit code of the doctor, and what it found by check; of some checks the last."""
        ended = cex("doctor", exchange, "--config", self.path, "--json", *arguments)
        assert not any(secret in ended.out + ended.err for secret in self.secrets)
        found = json.loads(ended.out)["exchanges"][exchange]["checks"]
        assert all(bool(one["fix"]) is (one["status"] == "failed") for one in found)
        return ended.code, {one["check"]: one for one in found}


@pytest.fixture(scope="module")
def fallen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fallen]:
    with BackgroundSandbox(seed=5, accounts=PLANS) as sandbox:
        yield Fallen(sandbox, tmp_path_factory.mktemp("settings") / "cex.toml")


def test_a_first_try_needs_nothing(cex: Cex) -> None:
    ended = cex("doctor", "--sandbox", "--symbol", "BTC/USDT", "--json")
    told = json.loads(ended.out)
    assert (ended.code, told["ok"]) == (0, True), told
    assert sorted(told["exchanges"]) == sorted(EXCHANGES)
    found = {name: {one["check"]: one for one in exchange["checks"]} for name, exchange in told["exchanges"].items()}
    assert found["mexc"]["trade"]["status"] == "ok"
    assert found["gateio"]["trade"]["status"] == "skipped"
    assert found["gateio"]["account_mode"]["facts"] == {"kind": "classic", "position_mode": "single"}
    assert found["gateio"]["key"]["facts"]["markets"] == ["spot", "futures"]
    assert "futures positions" in found["gateio"]["private_stream"]["facts"]["streams"]
    for checks in found.values():
        assert checks["withdraw"]["status"] == "skipped"
        assert checks["limits"]["facts"]["left"]
        assert abs(checks["clock"]["facts"]["offset_ms"]) < 500


@pytest.mark.parametrize("exchange", EXCHANGES)
@pytest.mark.parametrize(
    ("account", "remedy"),
    [
        ("bound", "the key is bound to other addresses"),
        ("forger", "the secret does not belong to the key"),
        ("stranger", "the exchange does not know the key"),
    ],
)
def test_a_key_that_does_not_work_says_why(cex: Cex, fallen: Fallen, exchange: str, account: str, remedy: str) -> None:
    code, found = fallen.checks(cex, exchange, "--account", account)
    assert code == 1
    assert found["rest"]["status"] == "ok"
    assert found["key"]["status"] == "failed"
    assert found["key"]["fix"].startswith(remedy), found["key"]


def test_a_key_that_may_only_read_is_told_where_that_can_be_asked(cex: Cex, fallen: Fallen) -> None:
    code, found = fallen.checks(cex, "mexc", "--account", "reader")
    assert code == 1
    assert found["read"]["status"] == "ok"
    assert found["trade"]["status"] == "failed"
    assert found["trade"]["fix"].startswith("give the key the permission")


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_a_clock_that_is_off_is_told_and_does_no_harm(cex: Cex, fallen: Fallen, exchange: str) -> None:
    number = fallen.sandbox.inject("clock_offset", venue=exchange, seconds=30.0)
    try:
        code, found = fallen.checks(cex, exchange, "--account", "default")
    finally:
        fallen.sandbox.remove(number)
    assert code == 1
    assert found["clock"]["status"] == "failed"
    assert 29_500 < found["clock"]["facts"]["offset_ms"] < 30_500
    assert found["key"]["status"] == "ok", "signatures go by the exchange's clock"
    assert found["private_stream"]["status"] == "ok"


def test_streams_that_are_refused_are_told(cex: Cex, fallen: Fallen) -> None:
    number = fallen.sandbox.inject("handshake_refused", venue="gateio")
    try:
        code, found = fallen.checks(cex, "gateio", "--account", "default", "--limit", "1")
    finally:
        fallen.sandbox.remove(number)
    assert code == 1
    assert (found["rest"]["status"], found["key"]["status"]) == ("ok", "ok")
    assert (found["public_stream"]["status"], found["private_stream"]["status"]) == ("failed", "failed")


def test_an_exchange_that_is_away_is_told(cex: Cex, tmp_path: Path) -> None:
    path = tmp_path / "cex.toml"
    path.write_text(
        "[exchanges.mexc]\nprofile = 'custom'\nendpoints = { rest = 'http://127.0.0.1:9', ws = 'ws://127.0.0.1:9' }\n"
        "network = { retry_attempts = 1 }\n"
    )
    ended = cex("doctor", "mexc", "--config", path)
    assert ended.code == 1
    (failed,) = [line.split() for line in ended.out.splitlines() if line.split()[0] == "FAILED"]
    assert failed[1] == "rest"
    assert "fix: is the network up" in ended.out
    assert "CEX__EXCHANGES__MEXC__ACCOUNTS__DEFAULT__API_KEY" in ended.out


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_balances_and_orders_are_those_of_the_venue(cex: Cex, fallen: Fallen, exchange: str) -> None:
    def place(sandbox: Sandbox) -> None:
        account = sandbox.accounts[exchange].by_uid(sandbox.credentials[exchange].uid)
        assert account is not None
        desk = sandbox.desks[exchange].spot
        ask: dict[str, Any] = {"symbol": "BTC/USDT", "quantity": Decimal("0.01")}
        desk.place(account, Ticket(side=Side.BUY, price=Decimal(20_000), client_id="t-rests", **ask))
        desk.place(account, Ticket(side=Side.SELL, kind=OrderType.MARKET, **ask))

    fallen.sandbox.run(place)
    common = ("--exchange", exchange, "--config", fallen.path, "--json")
    (resting,) = json.loads(cex("orders", *common).out)["orders"]
    assert (resting["side"], resting["status"], resting["client_order_id"]) == ("buy", "new", "t-rests")
    assert (Decimal(resting["price"]), Decimal(resting["quantity"])) == (Decimal(20_000), Decimal("0.01"))
    ended = json.loads(cex("orders", *common, "--history", "--symbol", "BTC/USDT", "--since", "1h").out)["orders"]
    assert [(one["side"], one["type"], one["status"]) for one in ended] == [("sell", "market", "filled")]

    told = json.loads(cex("balances", *common, "--market", "spot").out)["balances"]
    true = fallen.sandbox.run(lambda sandbox: sandbox.account_states(exchange))
    (main,) = [state for state in true if state["name"] == "main"]
    held = {asset: one for asset, one in main["balances"]["spot"].items() if any(map(Decimal, one.values()))}
    assert {one["currency"]: (Decimal(one["free"]), Decimal(one["locked"])) for one in told} == {
        asset: (Decimal(one["free"]), Decimal(one["locked"])) for asset, one in held.items()
    }
    assert any(Decimal(one["locked"]) for one in told)


@pytest.mark.parametrize("exchange", EXCHANGES)
def test_some_cases_are_run_against_a_sandbox_of_their_own(cex: Cex, exchange: str) -> None:
    chosen = ("TC-D21", "TC-E01", "TC-E23", "TC-E50")
    only = [argument for case in chosen for argument in ("--only", case)]
    ended = cex("conformance", exchange, "--json", *only)
    told = json.loads(ended.out)
    assert {one["id"]: one["verdict"] for one in told["cases"]} == dict.fromkeys(chosen, "pass"), told
    assert (ended.code, told["evidence"]) == (0, "sandbox")


def test_what_a_venue_lacks_does_not_apply(cex: Cex) -> None:
    ended = cex("conformance", "mexc", "--only", "TC-E09")
    assert ended.code == 0
    assert "n/a" in ended.out
    assert ended.out.splitlines()[-1] == "1 cases: 0 pass, 0 fail, 1 n/a"


class OtherFactory(MexcExchangeFactory):
    exchange: ClassVar[str] = "other"


async def test_an_exchange_that_the_sandbox_does_not_play_needs_a_venue() -> None:
    registry = ComponentRegistry(find=dict)
    registry.register_factory("other", OtherFactory)
    with pytest.raises(Trouble, match="the sandbox has no venue for 'other', only mexc, gateio: name what makes one"):
        async with venue_of("other", 7, registry):
            pass
    with pytest.raises(Trouble, match="there is no exchange 'nope' here"):
        async with venue_of("nope", 7, registry):
            pass
