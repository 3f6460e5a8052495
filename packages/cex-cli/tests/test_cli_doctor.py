"""``cex doctor``: what it finds, and that every failure comes with something to do."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from cex.cli.doctor.account import smallest_order
from cex.cli.doctor.findings import Examination, Finding, Said, Status
from cex.cli.doctor.market import probe_symbols
from cex.cli.doctor.remedies import remedy_for
from cex.cli.doctor.report import Report
from cex.common.enums import InstrumentStatus, OrderType, Side
from cex.common.exceptions import (
    AuthenticationException,
    CexArbitrageException,
    ConfigurationException,
    ExchangeConnectionException,
    ExchangeDataException,
    ExchangeException,
    ExchangeRejectedException,
    RateLimitException,
    TimestampException,
)
from cex.common.types.instruments import Instrument
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import UnknownSymbolException

BTC, PERPETUAL = Symbol("BTC/USDT"), Symbol("BTC/USDT:USDT")
Cex = Callable[..., Any]


def looked_at(cex: Cex, *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code, and the findings by check; those of an account as ``key@default``."""
    ended = cex("doctor", "toy", "--json", *arguments)
    assert ended.err == ""
    told = json.loads(ended.out)
    assert told["ok"] is (ended.code == 0)
    checks = told["exchanges"]["toy"]["checks"]
    assert all(bool(one["fix"]) is (one["status"] == "failed") for one in checks)
    assert "canary" not in ended.out
    return ended.code, {one["check"] + (f"@{one['account']}" if one["account"] else ""): one for one in checks}


def test_all_is_well(cex: Cex, toy: Any) -> None:
    code, found = looked_at(cex, "--symbol", "BTC/USDT")
    assert code == 0, found
    assert {name: one["status"] for name, one in found.items()} == {
        "configuration": "ok",
        "proxy": "ok",
        "rest": "ok",
        "clock": "ok",
        "instruments": "ok",
        "symbol": "ok",
        "public_stream": "ok",
        "key@default": "ok",
        "read@default": "ok",
        "trade@default": "ok",
        "withdraw@default": "skipped",
        "account_mode@default": "ok",
        "fees@default": "ok",
        "limits@default": "ok",
        "private_stream@default": "ok",
    }
    assert found["configuration"]["facts"] == {"profile": "live", "endpoints": {}, "accounts": ["default"]}
    assert abs(found["clock"]["facts"]["offset_ms"]) < 100
    assert found["clock"]["facts"]["uncertainty_ms"] >= 0
    assert found["instruments"]["facts"] == {"trading": 2, "listed": {"spot": 1, "futures": 1}}
    assert found["symbol"]["facts"]["tick"] == "0.01"
    assert found["public_stream"]["facts"]["symbol"] == "BTC/USDT:USDT"
    assert found["account_mode@default"]["facts"] == {"kind": "unified", "position_mode": "dual"}
    assert found["fees@default"]["summary"] == "BTC/USDT: maker 0.1 %, taker 0.2 % (tier 3)"
    assert found["limits@default"]["facts"] == {"left": {"ip": 17, "uid": 400}}
    assert found["private_stream@default"]["facts"]["streams"] == [
        "spot orders",
        "spot fills",
        "futures orders",
        "futures fills",
    ]
    assert found["withdraw@default"]["facts"] == {"enabled": False}
    (tested,) = toy.tested
    assert (tested.symbol, tested.side, tested.order_type) == (BTC, Side.BUY, OrderType.LIMIT)


def test_lines_for_people_come_with_marks_and_fixes(cex: Cex, toy: Any) -> None:
    toy.failures["streams"] = ExchangeConnectionException("no acknowledgement", "toy")
    ended = cex("doctor", "toy")
    assert ended.code == 1
    lines = ended.out.splitlines()
    assert lines[0] == "toy"
    assert "toy, account default" in lines
    (number,) = [number for number, line in enumerate(lines) if line.split()[:2] == ["FAILED", "private_stream"]]
    assert lines[number + 1].strip().startswith("fix: is the network up")
    assert lines[-1].endswith("checks failed")
    assert lines[-1].startswith("1 of ")
    toy.failures.clear()
    assert cex("doctor", "toy").out.splitlines()[-1].startswith("all well: ")


def test_what_hangs_on_rest_is_not_looked_at_without_it(cex: Cex, toy: Any) -> None:
    toy.failures["server_time"] = ExchangeConnectionException("refused", "toy")
    code, found = looked_at(cex)
    assert code == 1
    assert found["rest"]["status"] == "failed"
    assert [found[name]["status"] for name in ("clock", "instruments", "public_stream")] == ["skipped"] * 3
    assert found["trade@default"]["summary"] == "not probed: no price of BTC/USDT:USDT is known"
    assert found["read@default"]["status"] == "ok"


def test_a_clock_far_off_is_a_failure(cex: Cex, toy: Any) -> None:
    toy.ahead_s = -5.0
    _, found = looked_at(cex)
    assert found["clock"]["status"] == "failed"
    assert "behind ours" in found["clock"]["summary"]
    assert -5100 < found["clock"]["facts"]["offset_ms"] < -4900
    assert "time synchronisation" in found["clock"]["fix"]


def test_a_check_that_takes_too_long_is_a_failure(cex: Cex, toy: Any) -> None:
    toy.hangs.add("book")
    _, found = looked_at(cex, "--limit", "0.2")
    assert found["public_stream"]["summary"] == "no answer within 0.2 s"
    assert found["key@default"]["status"] == "ok"


def test_instruments_that_nobody_trades(cex: Cex, toy: Any) -> None:
    toy.status = InstrumentStatus.HALTED
    _, found = looked_at(cex, "--symbol", "BTC/USDT")
    assert found["instruments"]["summary"] == "2 listed, and none is traded"
    assert "maintenance" in found["instruments"]["fix"]
    assert found["public_stream"]["status"] == "skipped"


def test_symbols_that_are_not_there(cex: Cex, toy: Any) -> None:
    toy.symbols = (BTC,)
    _, found = looked_at(cex, "--symbol", "BTC/USDC")
    assert found["symbol"]["status"] == "failed"
    assert "does not list 'BTC/USDC'" in found["symbol"]["summary"]
    assert "spell the symbol" in found["symbol"]["fix"]
    code, found = looked_at(cex, "--symbol", "BTC/USDT:USDT")
    assert code == 0, "an exchange without futures is not ill"
    assert found["symbol"]["summary"] == "BTC/USDT:USDT: no futures are served here"


def test_a_symbol_that_is_halted_is_a_failure(cex: Cex, toy: Any) -> None:
    listed = toy.instruments
    eth = Symbol("ETH/USDT")
    toy.symbols = (BTC, eth)
    toy.instruments = lambda: [
        one if one.symbol == BTC else _with_status(one, InstrumentStatus.HALTED) for one in listed()
    ]
    _, found = looked_at(cex, "--symbol", "ETH/USDT")
    assert found["symbol"]["status"] == "failed"
    assert found["symbol"]["facts"]["instrument_status"] == "halted"
    assert found["public_stream"]["facts"]["symbol"] == "BTC/USDT"


def _with_status(one: Instrument, status: InstrumentStatus) -> Instrument:
    return Instrument(
        symbol=one.symbol,
        exchange=one.exchange,
        exchange_symbol=one.exchange_symbol,
        status=status,
        tick=one.tick,
        step=one.step,
    )


def test_a_key_that_does_not_work_ends_the_looking(cex: Cex, toy: Any) -> None:
    toy.failures["balances"] = AuthenticationException(
        "toy answered 700002: signature for this request is not valid", "toy", exchange_code=700002
    )
    code, found = looked_at(cex)
    assert code == 1
    assert found["key@default"]["facts"] == {"error": "AuthenticationException", "exchange_code": "700002"}
    assert "copy both anew" in found["key@default"]["fix"]
    skipped = [name for name, one in found.items() if name.endswith("@default") and one["status"] == "skipped"]
    assert len(skipped) == 7


def test_a_key_that_may_not_trade(cex: Cex, toy: Any) -> None:
    toy.failures["check_order"] = AuthenticationException("no permission for the endpoint", "toy")
    code, found = looked_at(cex)
    assert code == 1
    assert found["trade@default"]["status"] == "failed"
    assert found["trade@default"]["fix"].startswith("give the key the permission")
    assert found["private_stream@default"]["status"] == "ok", "the rest is looked at all the same"


def test_a_test_order_that_is_refused_for_itself_proves_the_permission(cex: Cex, toy: Any) -> None:
    toy.failures["check_order"] = ExchangeRejectedException("price outside of the band", "toy")
    code, found = looked_at(cex)
    assert code == 0
    assert "refused for itself: price outside of the band" in found["trade@default"]["summary"]


def test_what_an_exchange_does_not_tell_is_skipped(cex: Cex, toy: Any) -> None:
    toy.plain = True
    code, found = looked_at(cex)
    assert code == 0
    told = {name: found[f"{name}@default"]["status"] for name in ("trade", "account_mode", "limits")}
    assert set(told.values()) == {"skipped"}
    assert "no harmless way" in found["trade@default"]["summary"]


def test_a_mode_that_may_not_be_read_says_which_setting_helps(cex: Cex, toy: Any) -> None:
    refused = AuthenticationException("the key may only read", "toy")
    refused.add_note("attempt 1: ReadTimeout")
    refused.add_note("set account_mode to classic or unified, not canary-secret")
    toy.failures["is_unified"] = refused
    _, found = looked_at(cex)
    assert found["account_mode@default"]["fix"] == "set account_mode to classic or unified, not ***"


def test_an_account_that_is_not_there(cex: Cex, toy: Any) -> None:
    code, found = looked_at(cex, "--account", "bot")
    assert code == 1
    assert found["account@bot"]["summary"] == "there is no account 'bot' in the settings (there are: default)"
    assert "CEX__EXCHANGES__TOY__ACCOUNTS__BOT__API_KEY" in found["account@bot"]["fix"]
    assert "key@default" not in found


def test_without_an_account_it_tells_how_to_give_one(cex: Cex, toy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for half in ("API", "SECRET"):
        monkeypatch.delenv(f"CEX__EXCHANGES__TOY__ACCOUNTS__DEFAULT__{half}_KEY")
    code, found = looked_at(cex)
    assert code == 0
    assert found["account"]["status"] == "skipped"
    assert "CEX__EXCHANGES__TOY__ACCOUNTS__DEFAULT__SECRET_KEY" in found["account"]["summary"]


def test_proxies_are_shown_without_their_passwords(cex: Cex, toy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CEX__EXCHANGES__TOY__NETWORK__PROXY", "http://me:canary@proxy.example:3128")
    monkeypatch.setenv("CEX__EXCHANGES__TOY__ACCOUNTS__DEFAULT__PROXY", "http://you:canary@other.example")
    toy.failures["server_time"] = toy.failures["balances"] = ExchangeConnectionException("refused", "toy")
    _, found = looked_at(cex)
    assert found["proxy"]["facts"] == {"proxy": "http://proxy.example:3128"}
    assert found["rest"]["fix"].startswith("does the proxy http://proxy.example:3128 run")
    assert found["proxy@default"]["facts"] == {"proxy": "http://other.example"}
    assert found["key@default"]["fix"].startswith("does the proxy http://other.example run")


def test_settings_with_faults(cex: Cex, toy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CEX__EXCHANGES__TOY__PROFILE", "moon")
    code, found = looked_at(cex)
    assert code == 1
    assert list(found) == ["configuration"]
    assert "moon" in found["configuration"]["summary"]


def test_an_exchange_that_is_not_installed(cex: Cex, toy: Any) -> None:
    ended = cex("doctor", "nope")
    assert ended.code == 1
    assert ended.err.startswith("cex: there is no exchange 'nope' here; there are: ")


def test_one_that_is_switched_off_is_left_alone(toy: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    from cex.cli.doctor.command import examine
    from cex.factory import ComponentRegistry

    registry = ComponentRegistry(find=dict)
    registry.register_factory("toy", ComponentRegistry().factory_type("toy"))
    monkeypatch.setenv("CEX__EXCHANGES__TOY__ENABLED", "false")
    found: list[Finding] = []
    asyncio.run(examine(found.append, None, registry=registry))
    assert [(one.check, one.status) for one in found] == [("configuration", Status.SKIPPED)]


async def test_our_own_bugs_pass_untouched() -> None:
    async def broken() -> Said:
        raise KeyError("bug")

    found: list[Finding] = []
    with pytest.raises(KeyError, match="bug"):
        await Examination("toy", found.append).check("rest", broken)
    assert found == []


def test_a_report_without_lines_writes_nothing() -> None:
    out = io.StringIO()
    report = Report(out, as_lines=False)
    report.add(Finding(exchange="toy", account=None, check="rest", status=Status.OK, summary="fine"))
    report.sum_up()
    assert out.getvalue() == ""
    assert report.json()["exchanges"]["toy"]["ok"] is True


def test_a_note_does_not_hide_that_the_key_itself_is_wrong() -> None:
    error = AuthenticationException("Signature mismatch", "toy")
    error.add_note("set account_mode")
    assert remedy_for(error, "toy").startswith("the secret does not belong to the key")


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (AuthenticationException("IP [1.2.3.4] is not on the key's list", "toy"), "add the address of this machine"),
        (AuthenticationException("READ_ONLY: the key may only read", "toy"), "give the key the permission"),
        (AuthenticationException("Invalid key provided (toy answered INVALID_KEY)", "toy"), "did it expire?"),
        (AuthenticationException("no way (toy answered FORBIDDEN)", "toy"), "give the key the permission"),
        (AuthenticationException("INVALID_KEY: there is no such key", "toy"), "did it expire?"),
        (AuthenticationException("the account is locked", "toy"), "holds the account back"),
        (AuthenticationException("computer says no", "toy"), "look at the key at the exchange"),
        (TimestampException("outside of recvWindow", "toy"), "time synchronisation"),
        (RateLimitException("slow down", "toy", retry_after=12.0), "wait 12 s"),
        (RateLimitException("slow down", "toy"), "wait a few minutes"),
        (ConfigurationException("wrong"), "cex config show"),
        (UnknownSymbolException("no such", "toy"), "BTC/USDT for spot"),
        (ExchangeDataException("garbage", "toy"), "update cex-exchanges-toy"),
        (ExchangeConnectionException("refused", "toy"), "exchanges.toy.network.proxy"),
        (TimeoutError(), "is the network up"),
        (ExchangeRejectedException("maintenance", "toy"), "status page"),
        (ExchangeException("what", "toy"), "-vv"),
    ],
)
def test_every_error_has_a_remedy(error: CexArbitrageException | TimeoutError, remedy: str) -> None:
    assert remedy in remedy_for(error, "toy")


@pytest.mark.parametrize(
    ("min_quantity", "min_notional", "quantity"),
    [(None, None, "0.001"), ("0.0025", None, "0.003"), (None, "5", "0.053"), ("1", "5", "1")],
)
def test_the_smallest_order_keeps_to_the_rules(
    min_quantity: str | None, min_notional: str | None, quantity: str
) -> None:
    listed = Instrument(
        symbol=BTC,
        exchange="toy",
        exchange_symbol="BTC_USDT",
        status=InstrumentStatus.TRADING,
        tick=Decimal("0.5"),
        step=Decimal("0.001"),
        min_quantity=None if min_quantity is None else Decimal(min_quantity),
        min_notional=None if min_notional is None else Decimal(min_notional),
    )
    order = smallest_order(listed, Decimal("100.3"))
    assert (order.price, order.quantity) == (Decimal("100.0"), Decimal(quantity))
    assert listed.violations(side=Side.BUY, quantity=Decimal(quantity), price=order.price) == []


def test_probes_take_what_was_asked_for_then_what_is_busy_then_what_there_is(toy: Any) -> None:
    eth, odd = Symbol("ETH/USDT"), Symbol("ODD/USDT")
    toy.symbols = (odd, BTC, eth, PERPETUAL)
    listed = toy.instruments()
    assert probe_symbols(listed, [eth]) == [eth, PERPETUAL]
    assert probe_symbols(listed, []) == [BTC, PERPETUAL]
    toy.symbols = (odd,)
    assert probe_symbols(toy.instruments(), []) == [odd]
    assert probe_symbols([], []) == []
