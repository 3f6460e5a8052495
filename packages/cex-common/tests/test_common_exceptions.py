from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from cex.common import Symbol, exceptions
from cex.common.correlation import correlation
from cex.common.enums import BookState
from cex.common.exceptions import (
    BookNotLive,
    CexArbitrageException,
    ExchangeDataException,
    ExchangeException,
    ExchangeRejectedException,
    InvalidOrderException,
    RateLimitException,
    TimestampException,
    UnknownOutcomeException,
)

FIELDS = {
    "correlation_id",
    "timestamp",
    "operation",
    "endpoint",
    "attempt",
    "exchange_code",
    "retryable",
    "safe_to_resubmit",
}


def tree(root: type[CexArbitrageException]) -> Iterator[type[CexArbitrageException]]:
    yield root
    for child in root.__subclasses__():
        if child.__module__.startswith("cex.common."):
            yield from tree(child)


WHOLE_TREE = list(tree(CexArbitrageException))


def make(kind: type[CexArbitrageException]) -> CexArbitrageException:
    if kind is BookNotLive:
        return BookNotLive(Symbol("BTC/USDT"), BookState.GAPPED, "updates 4 to 5 are missing", "gateio")
    arguments = ("it failed", "gateio") if issubclass(kind, ExchangeException) else ("it failed",)
    return kind(*arguments, operation="op", endpoint="GET /x", attempt=2, exchange_code=700002)


@pytest.mark.parametrize("kind", WHOLE_TREE)
def test_every_error_carries_every_field_and_survives_pickling(kind: type[CexArbitrageException]) -> None:
    before = datetime.now(UTC)
    with correlation("abc123"):
        error = make(kind)
    assert vars(error).keys() >= FIELDS
    assert error.correlation_id == "abc123"
    assert error.timestamp.tzinfo is UTC
    assert abs((error.timestamp - before).total_seconds()) < 60
    copy = pickle.loads(pickle.dumps(error))
    assert type(copy) is kind
    assert vars(copy) == vars(error)
    assert str(copy) == str(error)
    assert "correlation_id=abc123" in str(error)
    assert json.loads(json.dumps(error.facts()))["timestamp"] == error.timestamp.isoformat()


@pytest.mark.parametrize("kind", WHOLE_TREE)
def test_every_error_is_exported_and_drawn_in_the_tree(kind: type[CexArbitrageException]) -> None:
    assert getattr(exceptions, kind.__name__) is kind
    assert kind.__name__ in exceptions.__all__
    assert kind.__name__ in (exceptions.base.__doc__ or "")


def test_outside_of_an_operation_an_error_gets_an_id_of_its_own() -> None:
    first, second = CexArbitrageException("a"), CexArbitrageException("b")
    assert first.correlation_id != second.correlation_id
    assert len(first.correlation_id) == 16


def test_flags_come_from_the_kind_and_can_be_told_otherwise() -> None:
    assert RateLimitException("slow", "mexc", retry_after=2.0).retryable
    assert not RateLimitException("banned", "mexc", retryable=False).retryable
    unknown = UnknownOutcomeException("timeout", "mexc", client_order_id="c1")
    assert (unknown.retryable, unknown.safe_to_resubmit, unknown.client_order_id) == (False, False, "c1")


def test_the_cause_stays_chained() -> None:
    def fail() -> None:
        try:
            raise TimeoutError("socket")
        except TimeoutError as cause:
            raise ExchangeException("no answer", "mexc") from cause

    with pytest.raises(ExchangeException) as caught:
        fail()
    assert isinstance(caught.value.__cause__, TimeoutError)


def test_secrets_are_masked_in_message_endpoint_and_payload() -> None:
    error = ExchangeDataException(
        "bad answer to ?apiKey=canary1&x=1",
        "mexc",
        endpoint="GET /api/v3/order?signature=canary2",
        payload=b'{"secretKey": "canary3", "n": "' + b"9" * 5000,
    )
    shown = f"{error!r} {error} {error.facts()} {error.args}"
    assert "canary" not in shown
    assert error.payload is not None
    assert len(error.payload) == 256


def test_a_payload_that_is_no_text_is_shown_escaped() -> None:
    assert ExchangeDataException("bad", "mexc", payload=b"\xff\x00").payload == "\\xff\x00"


def test_a_note_does_not_disturb_the_facts() -> None:
    error = CexArbitrageException("a")
    error.add_note("seen while connecting")
    assert "__notes__" not in error.facts()
    assert pickle.loads(pickle.dumps(error)).__notes__ == ["seen while connecting"]


def test_a_broken_rule_is_named() -> None:
    refused = InvalidOrderException("not sent: quantity 0.1 is below the minimum 1", "gateio", rule="quantity is small")
    assert refused.rule == "quantity is small"
    assert InvalidOrderException("too small", "mexc", exchange_code=30002).rule == "too small"
    assert refused.safe_to_resubmit
    assert isinstance(refused, ExchangeRejectedException)


def test_a_refused_timestamp_took_no_effect_and_may_be_tried_again() -> None:
    refused = TimestampException("outside of the window", "mexc", exchange_code=700003)
    assert refused.retryable
    assert refused.safe_to_resubmit


def test_an_unknown_outcome_tells_what_to_look_for() -> None:
    unknown = UnknownOutcomeException("no answer", "mexc", client_order_id="mine", sent_ts=7)
    assert (unknown.client_order_id, unknown.sent_ts) == ("mine", 7)
    assert not unknown.safe_to_resubmit
    assert unknown.facts()["sent_ts"] == 7
