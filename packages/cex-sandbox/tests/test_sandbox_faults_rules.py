from __future__ import annotations

from typing import Any

import pytest

from cex.common.clock import ManualClock
from cex.sandbox.faults import KINDS, Fault, FaultError
from cex.sandbox.faults.clocks import ShiftedClock
from cex.sandbox.faults.rules import Rule


def test_settings_are_flat_and_come_back_flat() -> None:
    fault = Fault.of("delay_push", venue="mexc", of="fill", seconds=2, probability=0.5)
    assert fault.as_dict() == {
        "kind": "delay_push",
        "venue": "mexc",
        "probability": 0.5,
        "after": 0.0,
        "of": "fill",
        "seconds": 2.0,
    }
    assert Fault.of(**fault.as_dict()) == fault  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "settings"),
    [
        ("reset", {}),
        ("reset:every=30,venue=mexc", {"every": 30.0, "venue": "mexc"}),
        ("drop_delta:symbol=BTC/USDT:USDT,everywhere=no", {"symbol": "BTC/USDT:USDT", "everywhere": False}),
        ("close:code=1011,count=3", {"code": 1011, "count": 3}),
        (
            "server_error:endpoint=POST */{order,batchOrders},status=503",
            {"endpoint": "POST */{order,batchOrders}", "status": 503},
        ),
        ("rules_changed:tick=0.1,symbol=BTC/USDT", {"tick": "0.1", "symbol": "BTC/USDT"}),
    ],
)
def test_a_command_line_says_the_same(text: str, settings: dict[str, Any]) -> None:
    assert Fault.parse(text) == Fault.of(text.partition(":")[0], **settings)


@pytest.mark.parametrize(
    ("kind", "settings", "message"),
    [
        ("explode", {}, "there is no fault 'explode'; there are drop_delta"),
        ("reset", {"seconds": 1}, "reset: unknown setting 'seconds'; it takes nothing of its own"),
        ("delay_push", {"second": 1}, "delay_push: unknown setting 'second'; it takes of, seconds"),
        ("delay_push", {"seconds": "long"}, "delay_push: seconds is a number, not 'long'"),
        ("delay_push", {"seconds": -1}, "delay_push: seconds is at least 0, not -1"),
        ("delay_push", {"seconds": float("nan")}, "delay_push: seconds is a number, not nan"),
        ("delay_push", {"of": "trade"}, "of is one of any, order, fill, balance, position, ack, not 'trade'"),
        ("close", {"code": 1002}, "code is one of 1000"),
        ("close", {"code": True}, "close: code is an integer, not True"),
        ("drop_delta", {"everywhere": "maybe"}, "everywhere is true or false, not 'maybe'"),
        ("drop_delta", {"probability": 1.5}, "probability is at most 1, not 1.5"),
        ("drop_delta", {"count": 0}, "count is at least 1, not 0"),
        ("drop_delta", {"endpoint": "GET /x"}, "takes no endpoint, for it strikes a public push"),
        ("drop_delta", {"every": 1.0}, "takes no every"),
        ("clock_offset", {"symbol": "BTC/USDT"}, "takes no symbol, for it strikes a clock"),
        ("rate_limited", {"connection": "x"}, "takes no connection"),
        ("rate_limited", {"endpoint": "/api"}, "endpoint is a method and a path, such as 'POST /api/v3/order'"),
        ("slow", {"every": 5.0}, "takes no every, for it lasts; use duration"),
        ("reset", {"every": 0.0}, "every is more than 0, not 0"),
        ("rules_changed", {}, "say what changes: tick, step"),
        ("rules_changed", {"tick": "-1"}, "tick is a positive decimal number as text, not '-1'"),
        ("rules_changed", {"tick": "a lot"}, "tick is a positive decimal number as text"),
    ],
)
def test_nonsense_is_refused_with_what_there_is_instead(kind: str, settings: dict[str, Any], message: str) -> None:
    with pytest.raises(FaultError) as refused:
        Fault.of(kind, **settings)
    assert message in str(refused.value)


@pytest.mark.parametrize(
    "text", ["nothing", "reset:every", "reset:colour=red", "delay_push:seconds=soon", "close:code=x"]
)
def test_nonsense_on_a_command_line_is_refused(text: str) -> None:
    with pytest.raises(FaultError, match=text.partition(":")[0]):
        Fault.parse(text)


def test_every_kind_can_be_asked_for_as_it_stands() -> None:
    for name, kind in KINDS.items():
        settings = {"tick": "1"} if name == "rules_changed" else {}
        assert Fault.of(name, **settings).kind == name
        assert kind.does
        assert kind.covers.startswith("F")


def a_rule(clock: ManualClock, number: int = 1, seed: int = 7, **settings: Any) -> Rule:
    return Rule(number, Fault.of(settings.pop("kind", "drop_delta"), **settings), seed=seed, clock=clock)


def test_time_count_and_state() -> None:
    clock = ManualClock()
    rule = a_rule(clock, after=2.0, duration=3.0, count=2)
    assert (rule.state, rule.hits()) == ("waiting", False)
    clock.advance(2)
    assert (rule.state, rule.hits()) == ("on", True)
    rule.count()
    assert rule.status[2:] == ("on", 1)
    rule.count()
    assert (rule.state, rule.hits()) == ("over", False)
    late = a_rule(clock, duration=3.0)
    clock.advance(2.999)
    assert late.hits()
    clock.advance(0.001)
    assert late.state == "over"


def test_dice_depend_on_the_seed_and_the_id_alone() -> None:
    def thrown(seed: int, number: int) -> list[bool]:
        rule = a_rule(ManualClock(), number, seed, probability=0.5)
        return [rule.hits() for _ in range(64)]

    assert thrown(7, 1) == thrown(7, 1)
    assert thrown(7, 1) != thrown(7, 2)
    assert thrown(7, 1) != thrown(8, 1)
    assert 10 < sum(thrown(7, 1)) < 54


def test_what_happens_at_a_moment_happens_once_or_every_so_often() -> None:
    clock = ManualClock()
    once, often = a_rule(clock, kind="reset", after=1.0), a_rule(clock, kind="reset", every=2.0)
    due: list[tuple[bool, bool]] = []
    for _ in range(6):
        due.append((once.is_due(), often.is_due()))
        clock.advance(1)
    assert due == [(False, True), (True, False), (False, True), (False, False), (False, True), (False, False)]


@pytest.mark.parametrize(
    ("endpoint", "request_line", "covered"),
    [
        ("POST /api/v3/order", "POST /api/v3/order", True),
        ("POST /api/v3/order", "POST /api/v3/order/test", False),
        ("* */order*", "DELETE /api/v3/order", True),
        ("GET */{depth,order_book}", "GET /api/v4/spot/order_book", True),
        ("GET */{depth,order_book}", "GET /api/v4/spot/order_books", False),
        ("DELETE */{order,orders/*}", "DELETE /api/v4/spot/orders/77", True),
        ("GET /a.c", "GET /abc", False),
    ],
)
def test_endpoints_are_patterns(endpoint: str, request_line: str, covered: bool) -> None:
    rule = a_rule(ManualClock(), kind="server_error", endpoint=endpoint)
    method, _, path = request_line.partition(" ")
    assert rule.covers_request(method, path) is covered


def test_a_clock_can_be_shifted_and_run_fast() -> None:
    base = ManualClock(1_000_000_000_000)
    clock = ShiftedClock(base)
    assert (clock.time_ns(), clock.monotonic_ns(), clock.offset) == (1_000_000_000_000, 0, 0.0)
    clock.shift(-2.5)
    assert clock.offset == -2.5
    clock.drift(200.0)
    base.advance(1000)
    assert clock.time_ns() == base.time_ns() - 2_500_000_000 + 200_000_000
    assert clock.monotonic_ns() == base.monotonic_ns()
    clock.drift(-200.0)
    base.advance(1000)
    assert clock.offset == pytest.approx(-2.3)
