"""The ledger alone: no loop, no sockets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import count

import pytest

from cex.networking.websocket.dialect import Acknowledged, Control, Outbound, Refused, Subscription
from cex.networking.websocket.subscriptions import Ledger, Rejection

A, B, C = (Subscription("book", (name,)) for name in "ABC")
T = Subscription("trades", ("A",))


class Plain:
    """One request for each channel; ``+1 A B`` asks, ``-2 A`` ends."""

    exchange = "venue"
    url = "wss://venue.test"
    max_subscriptions = None
    ping_interval = 10.0
    silence_timeout = 20.0

    def _requests(self, sign: str, wanted: Sequence[Subscription], ids: Iterator[int]) -> list[Outbound]:
        requests = []
        for channel in dict.fromkeys(stream.channel for stream in wanted):
            group = tuple(stream for stream in wanted if stream.channel == channel)
            number = next(ids)
            requests.append(Outbound(f"{sign}{number} " + " ".join(s.params[0] for s in group), group, number))
        return requests

    def subscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> list[Outbound]:
        return self._requests("+", subscriptions, request_ids)

    def unsubscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> list[Outbound]:
        return self._requests("-", subscriptions, request_ids)

    def ping(self) -> str:
        return ""

    def on_frame(self, data: bytes | str, received_ns: int) -> Control | None:
        return None


class Caller:
    def __init__(self) -> None:
        self.sent: list[Subscription] = []
        self.answers: dict[Subscription, Rejection | None] = {}

    def asked(self, subscription: Subscription) -> None:
        self.sent.append(subscription)

    def settled(self, subscription: Subscription, rejection: Rejection | None) -> None:
        assert subscription not in self.answers, "answered twice"
        self.answers[subscription] = rejection


@pytest.fixture
def ledger() -> Ledger:
    return Ledger(Plain(), count(1), timeout=10.0, cumulative=False)


@pytest.fixture
def caller() -> Caller:
    return Caller()


def sent(ledger: Ledger, now: float = 0.0) -> list[str]:
    frames = []
    while (frame := ledger.next_request(now)) is not None:
        frames.append(frame)
    return frames


def running(ledger: Ledger, caller: Caller, *subscriptions: Subscription) -> None:
    for subscription in subscriptions:
        ledger.add(subscription, caller)
    sent(ledger)
    ledger.acknowledged(Acknowledged(subscriptions=subscriptions))
    assert ledger.active == len(subscriptions)


def test_what_waits_together_is_asked_together(ledger: Ledger, caller: Caller) -> None:
    for subscription in (A, T, B):
        ledger.add(subscription, caller)
    assert ledger.has_work
    assert sent(ledger) == ["+1 A B", "+2 A"]
    assert caller.sent == [A, B, T]
    assert ledger.next_request(0) is None
    ledger.acknowledged(Acknowledged(request_id=1))
    assert caller.answers == {A: None, B: None}
    assert (ledger.wanted, ledger.active) == (3, 2)


def test_what_is_withdrawn_before_it_is_sent_is_never_asked_for(ledger: Ledger, caller: Caller) -> None:
    for subscription in (A, T, B):
        ledger.add(subscription, caller)
    assert ledger.next_request(0) == "+1 A B"  # the request for T is prepared by now
    ledger.remove(T)
    assert sent(ledger) == []
    assert caller.answers == {T: Rejection(T, None, "unsubscribed before it was acknowledged")}


def test_a_withdrawal_keeps_what_was_prepared_with_it(ledger: Ledger, caller: Caller) -> None:
    other = Subscription("trades", ("B",))
    for subscription in (A, T, other):
        ledger.add(subscription, caller)
    assert ledger.next_request(0) == "+1 A"
    ledger.remove(T)
    assert sent(ledger) == ["+3 B"]


def test_an_end_that_is_prepared_survives_a_withdrawal(ledger: Ledger, caller: Caller) -> None:
    running(ledger, caller, A, T)
    ledger.remove(A)
    ledger.remove(T)
    assert ledger.next_request(0) == "-3 A"  # the end of T is prepared by now
    ledger.add(A, Caller())
    ledger.remove(A)
    assert sent(ledger) == ["-4 A"]


def test_an_end_goes_before_the_next_beginning(ledger: Ledger, caller: Caller) -> None:
    running(ledger, caller, A)
    ledger.remove(A)
    ledger.add(A, Caller())
    assert sent(ledger) == ["-2 A", "+3 A"]


def test_an_answer_by_id_touches_only_what_it_names(ledger: Ledger, caller: Caller) -> None:
    for subscription in (A, B, C):
        ledger.add(subscription, caller)
    sent(ledger)
    ledger.acknowledged(Acknowledged(request_id=1, subscriptions=(A, T)))
    rejected = ledger.refused(Refused(request_id=1, subscriptions=(B,), code="2", message="no"), 0)
    assert rejected == (Rejection(B, "2", "no"),)
    assert caller.answers == {A: None, B: Rejection(B, "2", "no")}
    ledger.acknowledged(Acknowledged(request_id=1))
    assert caller.answers[C] is None
    ledger.acknowledged(Acknowledged(request_id=1))  # once more: means nothing
    ledger.acknowledged(Acknowledged(request_id=99))
    assert ledger.refused(Refused(request_id=99), 0) == ()


def test_an_answer_by_channel_takes_the_oldest_request_of_that_channel(ledger: Ledger, caller: Caller) -> None:
    for subscription in (A, T):
        ledger.add(subscription, caller)
    sent(ledger)
    ledger.add(B, caller)
    sent(ledger)
    ledger.acknowledged(Acknowledged(channel="trades"))
    assert set(caller.answers) == {T}
    ledger.acknowledged(Acknowledged())
    assert set(caller.answers) == {T, A}
    ledger.acknowledged(Acknowledged(channel="trades"))
    assert set(caller.answers) == {T, A}


def test_a_stream_asked_for_again_is_not_confirmed_by_the_answer_to_its_first_request(
    ledger: Ledger, caller: Caller
) -> None:
    ledger.add(A, caller)
    sent(ledger)
    ledger.remove(A)
    again = Caller()
    ledger.add(A, again)
    assert sent(ledger) == ["-2 A", "+3 A"]
    ledger.acknowledged(Acknowledged(subscriptions=(A,)))
    assert again.answers == {}
    ledger.acknowledged(Acknowledged(subscriptions=(A,)))
    assert again.answers == {A: None}


def test_a_request_that_stays_unanswered_is_forgotten_only_where_nobody_waits_for_its_first_answer(
    ledger: Ledger, caller: Caller
) -> None:
    running(ledger, caller, A)
    assert ledger.lost() == (A,)
    fresh = Caller()
    ledger.add(B, fresh)
    assert sent(ledger, now=100) == ["+2 A B"]
    assert ledger.next_due() == 110
    assert ledger.overdue(109) == ()
    assert ledger.overdue(110) == (Rejection(A, None, "not acknowledged within 10 s"),)
    assert fresh.answers == {}
    ledger.acknowledged(Acknowledged(request_id=2))
    assert fresh.answers == {B: None}
    assert not ledger.is_active(A)
    assert ledger.next_due() == 120
    assert ledger.overdue(120) == ()
    assert sent(ledger, now=120) == ["+3 A"]
    assert ledger.acknowledged(Acknowledged(request_id=3)) == (A,)
    assert ledger.next_due() is None


def test_a_stream_that_is_ended_while_it_rests_is_not_asked_for_again(ledger: Ledger, caller: Caller) -> None:
    running(ledger, caller, A)
    ledger.lost()
    sent(ledger)
    assert ledger.refused(Refused(message="closed"), 0) == (Rejection(A, None, "closed"),)
    ledger.remove(A)
    assert ledger.next_due() is None
    assert ledger.overdue(1000) == ()
    assert sent(ledger) == []


def test_rests_grow_to_a_minute_and_start_over_after_success(ledger: Ledger, caller: Caller) -> None:
    running(ledger, caller, A)
    ledger.lost()
    now, rests = 0.0, []
    for _ in range(5):
        sent(ledger, now)
        ledger.refused(Refused(message="closed"), now)
        due = ledger.next_due()
        assert due is not None
        rests.append(due - now)
        now = due
        ledger.overdue(now)
    assert rests == [10, 20, 40, 60, 60]
    sent(ledger, now)
    ledger.acknowledged(Acknowledged())
    ledger.lost()
    sent(ledger, now)
    ledger.refused(Refused(message="closed"), now)
    assert ledger.next_due() == now + 10


def test_who_joins_and_leaves_does_not_end_what_others_want(ledger: Ledger, caller: Caller) -> None:
    other = Caller()
    ledger.add(A, caller)
    ledger.add(A, other)
    assert not ledger.leave(A, caller)
    sent(ledger)
    ledger.acknowledged(Acknowledged())
    assert (caller.answers, other.answers) == ({}, {A: None})
    assert ledger.leave(A, other)
    assert not ledger.leave(B, other)


def test_a_request_without_streams_is_sent_and_expects_nothing(caller: Caller) -> None:
    class WithLogin(Plain):
        def subscribe(self, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> list[Outbound]:
            return [Outbound("login", ()), *super().subscribe(subscriptions, request_ids)]

    ledger = Ledger(WithLogin(), count(1), timeout=10.0, cumulative=False)
    ledger.add(A, caller)
    assert sent(ledger) == ["login", "+1 A"]
    ledger.acknowledged(Acknowledged())
    assert caller.answers == {A: None}


def test_a_cumulative_slot_is_free_again_after_the_connection(caller: Caller) -> None:
    ledger = Ledger(Plain(), count(1), timeout=10.0, cumulative=True)
    running(ledger, caller, A, B)
    assert ledger.free(None)
    assert ledger.free(3)
    assert not ledger.free(2)
    ledger.remove(A)
    sent(ledger)
    assert not ledger.free(2)
    ledger.lost()
    assert ledger.free(2)
