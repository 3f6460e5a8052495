"""The campaign of orders in a short form; and what it would say if an order or a fill were not as it was."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from copy import copy
from decimal import Decimal
from typing import Any

import pytest

from campaign import START_NS, main
from cex.common.enums import OrderStatus
from cex.sandbox.accounts.futures.orders import FuturesOrder
from cex.sandbox.virtual import run_virtual
from order_campaign import Campaign, Plan
from order_record import FillKey, Record, Seen, Truth, compared


def flawless(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, Any]:
    """The report of a campaign that found nothing."""
    code = main(["orders", *map(str, arguments), "--json"])
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    assert code == 0, report
    counted = ("duplicated", "lost", "wrong_final_states", "missed_fills", "doubled_fills", "invented_fills")
    assert [report[name] for name in counted] == [0] * len(counted)
    assert report["conflicts"] == {}
    assert sum(report["outcomes"].values()) == report["orders"]
    return report


def test_no_order_is_in_doubt_on_three_markets(capsys: pytest.CaptureFixture[str]) -> None:
    report = flawless(capsys, "--orders", 300, "--seed", 11)
    assert report["seed"] == 11
    assert report["orders"] >= 300
    assert report["fills"] > 150
    assert report["once_unknown"] > 10
    order_faults = ("answer_lost", "answer_late", "request_lost", "request_late", "server_error", "truncated_answer")
    push_faults = ("duplicate_fill", "drop_push", "fill_before_order", "reorder_pushes", "reset")
    assert all(report["faults"].get(kind) for kind in (*order_faults, *push_faults)), report["faults"]


def test_no_order_is_in_doubt_on_the_road_of_the_websocket(capsys: pytest.CaptureFixture[str]) -> None:
    road = ("--markets", "gateio,gateio-futures", "--order-entry", "websocket", "--traders", 1)
    report = flawless(capsys, "--orders", 300, "--seed", 12, *road)
    assert report["fills"] > 150
    assert report["faults"]["connections_cut"] > 30
    assert report["faults"]["clock_step"] > 0
    assert report["outcomes"].get("rejected", 0) < 10, "a step of the clock costs no order"


def test_no_fill_is_missed_over_expiries_of_the_listen_key(capsys: pytest.CaptureFixture[str]) -> None:
    report = flawless(capsys, "--orders", 1, "--seed", 13, "--markets", "mexc", "--key-expiries", 20, "--traders", 3)
    assert report["faults"]["listen_key_expired"] >= 20
    assert report["faults"]["listen_key_renewal_fails"] > 0
    assert report["fills"] > 50
    assert report["backfilled_fills"]["mexc"] > 0
    assert report["virtual_seconds"] > 400


def test_the_same_seed_is_the_same_campaign(capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (flawless(capsys, "--orders", 40, "--seed", 14) for _ in range(2))
    assert {**one, "real_seconds": 0} == {**other, "real_seconds": 0}


@pytest.mark.parametrize("arguments", [["--orders", "0"], ["--markets", "nasdaq"], ["--traders", "0"]])
def test_what_makes_no_campaign_is_refused(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert main(["orders", *arguments]) == 2
    assert capsys.readouterr().err.startswith("campaign: ")


# ---- the comparison --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def done() -> list[Record]:
    """Both sides of a campaign in which nothing went wrong."""
    campaign = Campaign(Plan(seed=5, orders=40, faults=False))
    run_virtual(campaign.run, start_ns=START_NS)
    assert campaign.is_flawless
    return campaign.records


def copied(record: Record) -> Record:
    """A record that may be changed without changing ``record``."""
    truth, seen = record.truth, record.seen
    orders = {name: {number: copy(order) for number, order in there.items()} for name, there in truth.orders.items()}
    return Record(
        Truth(truth.venue, orders, dict(truth.fills)),
        Seen(dict(seen.outcomes), dict(seen.orders), Counter(seen.fills), dict(seen.facts)),
    )


def filled_order(record: Record) -> tuple[str, FillKey]:
    """A client id whose order has a fill, and one of its fills."""
    return next(
        (fill.client_id, key) for key, fill in record.truth.fills.items() if fill.client_id in record.seen.orders
    )


def a_fill_is_missed(record: Record) -> None:
    del record.seen.fills[filled_order(record)[1]]


def a_fill_is_told_twice(record: Record) -> None:
    record.seen.fills[filled_order(record)[1]] += 1


def a_fill_is_told_that_never_was(record: Record) -> None:
    fill = record.seen.facts[filled_order(record)[1]]
    record.seen.take(fill.replaced(trade_id="77"))


def a_fill_has_another_price(record: Record) -> None:
    key = filled_order(record)[1]
    fill = record.seen.facts[key]
    record.seen.facts[key] = fill.replaced(price=fill.price + Decimal("0.01"))


def a_fill_has_another_fee(record: Record) -> None:
    key = filled_order(record)[1]
    fill = record.seen.facts[key]
    record.seen.facts[key] = fill.replaced(fee=fill.fee + Decimal("0.0001"))


def an_order_is_there_twice(record: Record) -> None:
    there = record.truth.orders[filled_order(record)[0]]
    there[10**9] = next(iter(there.values()))


def an_order_is_accepted_and_not_there(record: Record) -> None:
    record.truth.orders.pop(filled_order(record)[0])


def an_order_is_rejected_and_there(record: Record) -> None:
    record.seen.outcomes[filled_order(record)[0]] = "rejected"


def an_order_stays_unknown(record: Record) -> None:
    record.seen.outcomes[filled_order(record)[0]] = "unknown"


def an_order_is_left_open(record: Record) -> None:
    client_id = filled_order(record)[0]
    record.seen.orders[client_id] = record.seen.orders[client_id].replaced(status=OrderStatus.PARTIALLY_FILLED)


def an_order_was_canceled_and_is_told_as_filled(record: Record) -> None:
    (order,) = record.truth.orders[filled_order(record)[0]].values()
    if isinstance(order, FuturesOrder):
        order.left = order.size
    else:
        order.status = OrderStatus.CANCELED


def an_order_has_filled_less(record: Record) -> None:
    client_id = filled_order(record)[0]
    order = record.seen.orders[client_id]
    record.seen.orders[client_id] = order.replaced(filled=order.filled / 2)


def an_average_price_is_off(record: Record) -> None:
    client_id = filled_order(record)[0]
    order = record.seen.orders[client_id]
    assert order.average_price is not None
    record.seen.orders[client_id] = order.replaced(average_price=order.average_price + Decimal("1e-20"))


def a_fee_is_off(record: Record) -> None:
    client_id = filled_order(record)[0]
    order = record.seen.orders[client_id]
    record.seen.orders[client_id] = order.replaced(fees={**order.fees, "XYZ": Decimal("1e-20")})


def nothing_was_told_of_an_order(record: Record) -> None:
    del record.seen.orders[filled_order(record)[0]]


def an_impossible_thing_was_told(record: Record) -> None:
    record.seen.conflicts.append("2 filled of 1")


def a_stream_is_not_whole(record: Record) -> None:
    record.is_whole = False


@pytest.mark.parametrize(
    ("plant", "counts"),
    [
        (a_fill_is_missed, {"missed_fills": 1}),
        (a_fill_is_told_twice, {"doubled_fills": 1}),
        (a_fill_is_told_that_never_was, {"invented_fills": 1}),
        (a_fill_has_another_price, {"wrong_fills": 1}),
        (a_fill_has_another_fee, {"wrong_fills": 1}),
        (an_order_is_there_twice, {"duplicated": 1}),
        (an_order_is_accepted_and_not_there, {"lost": 1}),
        (an_order_is_rejected_and_there, {"lost": 1}),
        (an_order_stays_unknown, {"lost": 1, "unknown_left": 1}),
        (an_order_is_left_open, {"wrong_final_states": 1}),
        (an_order_was_canceled_and_is_told_as_filled, {"wrong_final_states": 1}),
        (an_order_has_filled_less, {"wrong_final_states": 1}),
        (an_average_price_is_off, {"wrong_final_states": 1}),
        (a_fee_is_off, {"wrong_final_states": 1}),
        (nothing_was_told_of_an_order, {"wrong_final_states": 1}),
        (an_impossible_thing_was_told, {"conflicts": {"2 filled of 1": 1}}),
        (a_stream_is_not_whole, {"streams_not_whole": 1}),
    ],
)
@pytest.mark.parametrize("venue", ["mexc", "gateio"])
def test_what_is_planted_is_found(
    done: list[Record], venue: str, plant: Callable[[Record], None], counts: dict[str, Any]
) -> None:
    records = [copied(record) for record in done]
    plant(next(record for record in records if record.truth.venue == venue))
    verdict = compared(records)
    assert {name: count for name, count in verdict.counts().items() if count} == counts
    assert not verdict.is_flawless
    assert bool(verdict.details) is not (plant in (an_impossible_thing_was_told, a_stream_is_not_whole))
