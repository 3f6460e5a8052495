"""``cex balances`` and ``cex orders``: what is shown, what is JSON, and what is told of an account that is silent."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
import typer

from cex.cli.orders import moment
from cex.cli.tables import amount_text, time_text
from cex.common.enums import MarketType, OrderStatus, OrderType, Side
from cex.common.exceptions import AuthenticationException
from cex.common.types.account import Balance
from cex.common.types.orders import Order
from cex.common.types.symbols import Symbol

Cex = Callable[..., Any]
NS = 10**9


def order(order_id: str, symbol: str = "BTC/USDT", **facts: Any) -> Order:
    known: dict[str, Any] = {
        "symbol": Symbol(symbol),
        "order_id": order_id,
        "client_order_id": f"mine-{order_id}",
        "side": Side.SELL,
        "order_type": OrderType.LIMIT,
        "status": OrderStatus.NEW,
        "quantity": Decimal("0.0010"),
        "price": Decimal(65000),
        "created_ts": 1_700_000_000 * NS,
    }
    return Order(**{**known, **facts})


def test_balances_as_a_table(cex: Cex, toy: Any) -> None:
    toy.held.append(Balance(currency="USDT", free=Decimal("1E+4"), market=MarketType.FUTURES))
    toy.held.append(Balance(currency="BTC", free=Decimal("0.50000000")))
    ended = cex("balances", "--exchange", "toy")
    assert (ended.code, ended.err) == (0, "")
    heading, *rows = ended.out.splitlines()
    assert heading.split() == ["exchange", "wallet", "currency", "free", "locked", "total"]
    assert [row.split() for row in rows] == [
        ["toy", "spot", "BTC", "0.5", "0", "0.5"],
        ["toy", "spot", "USDT", "1,000.5", "2", "1,002.5"],
        ["toy", "futures", "USDT", "10,000", "0", "10,000"],
    ]


def test_balances_as_json_are_exact(cex: Cex, toy: Any) -> None:
    ended = cex("balances", "--market", "spot", "--json")
    assert ended.code == 0
    assert json.loads(ended.out) == {
        "balances": [
            {
                "exchange": "toy",
                "account": "default",
                "market": "spot",
                "currency": "USDT",
                "free": "1000.50",
                "locked": "2",
                "total": "1002.50",
                "borrowed": "0",
            }
        ],
        "errors": {},
    }
    assert json.loads(cex("balances", "--market", "futures", "--json").out)["balances"] == []


def test_nothing_held_is_said(cex: Cex, toy: Any) -> None:
    toy.held.clear()
    assert cex("balances").out == "nothing is held\n"


def test_a_market_that_there_is_not_is_an_error_only_where_it_was_asked_for(cex: Cex, toy: Any) -> None:
    assert cex("balances", "--market", "margin").code == 0
    ended = cex("balances", "--market", "margin", "--exchange", "toy")
    assert ended.code == 1
    assert "does not offer balances of margin" in ended.err


def test_an_account_that_does_not_answer_is_told_on_standard_error(cex: Cex, toy: Any) -> None:
    toy.failures["balances"] = AuthenticationException("there is no such key canary-api", "toy")
    ended = cex("balances", "--json")
    assert ended.code == 1
    assert json.loads(ended.out)["balances"] == []
    assert list(json.loads(ended.out)["errors"]) == ["toy"]
    assert ended.err.startswith("cex: toy: there is no such key")
    assert ended.err.endswith("`cex doctor toy` tells more\n")
    assert cex("balances").out == ""


def test_without_the_account_it_tells_how_to_give_one(cex: Cex, toy: Any) -> None:
    ended = cex("balances", "--account", "bot")
    assert ended.code == 1
    assert "CEX__EXCHANGES__NAME__ACCOUNTS__BOT__API_KEY" in ended.err
    assert "--sandbox" in ended.err
    named = cex("orders", "--account", "bot", "--exchange", "toy")
    assert named.code == 1
    assert "CEX__EXCHANGES__TOY__ACCOUNTS__BOT__API_KEY" in named.err


def test_open_orders_oldest_first(cex: Cex, toy: Any) -> None:
    toy.resting = [order("2", created_ts=1_700_000_001 * NS), order("1", filled=Decimal("0.0005"))]
    ended = cex("orders")
    assert ended.code == 0
    heading, first, second = ended.out.splitlines()
    assert heading.split()[:3] == ["exchange", "created", "symbol"]
    assert first.split() == [
        *("toy", "2023-11-14", "22:13:20", "BTC/USDT", "sell", "limit", "gtc", "65,000", "0.001", "0.0005", "-"),
        *("partially_filled", "1", "mine-1"),
    ]
    assert second.split()[-2:] == ["2", "mine-2"]


def test_open_orders_of_some_symbols(cex: Cex, toy: Any) -> None:
    toy.resting = [order("1"), order("2", "BTC/USDT:USDT")]
    ended = cex("orders", "--symbol", "BTC/USDT:USDT", "--symbol", "NOT/LISTED", "--json")
    assert [one["order_id"] for one in json.loads(ended.out)["orders"]] == ["2"]
    assert toy.asked == [("open", "BTC/USDT:USDT")]
    assert cex("orders", "--symbol", "ETH/USDT").out == "no order is open\n"


def test_history_as_json(cex: Cex, toy: Any) -> None:
    toy.ended = [
        order(
            "7",
            status=OrderStatus.FILLED,
            filled=Decimal("0.0010"),
            average_price=Decimal("65000.5"),
            fees={"USDT": Decimal("0.13")},
        )
    ]
    ended = cex("orders", "--history", "--symbol", "BTC/USDT", "--since", "2h", "--json")
    assert ended.code == 0
    (told,) = json.loads(ended.out)["orders"]
    assert (told["exchange"], told["account"], told["status"]) == ("toy", "default", "filled")
    assert (told["quantity"], told["average_price"], told["fees"]) == ("0.0010", "65000.5", {"USDT": "0.13"})
    assert told["quote_quantity"] is None
    ((_, symbol, start_ts, end_ts),) = toy.asked
    assert symbol == "BTC/USDT"
    assert end_ts - start_ts == 7200 * NS
    toy.ended.clear()
    assert cex("orders", "--history", "--symbol", "BTC/USDT").out == "no order has ended since then\n"


def test_history_without_a_symbol_is_wrong_usage(cex: Cex, toy: Any) -> None:
    ended = cex("orders", "--history")
    assert ended.code == 2
    assert "add --symbol" in ended.err


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("90s", 999_910),
        ("5m", 999_700),
        ("24h", 913_600),
        ("7d", 395_200),
        ("1970-01-02", 86_400),
        ("1970-01-01T01:00:00", 3600),
        ("1970-01-01T01:00:00+01:00", 0),
    ],
)
def test_moments(text: str, expected: int) -> None:
    assert moment(text, 1_000_000 * NS) == expected * NS


def test_what_is_no_moment_is_wrong_usage() -> None:
    with pytest.raises(typer.BadParameter, match="neither a duration such as 24h nor a time"):
        moment("yesterday", 0)


def test_texts() -> None:
    assert [amount_text(Decimal(text)) for text in ("1E+3", "0.10", "0", "-5", "1234567.0089")] == [
        "1,000",
        "0.1",
        "0",
        "-5",
        "1,234,567.0089",
    ]
    assert amount_text(None) == time_text(0) == "-"
