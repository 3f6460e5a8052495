from __future__ import annotations

import pytest

from cex.common import BookDelta, BookSnapshot, Outcome, Symbol, Synchronizer
from cex.common.clock import ManualClock
from cex.common.enums import BookState

BTC = Symbol("BTC/USDT")
Levels = list[tuple[float, float]]


def synchronizer(window: int | None = None, *, windowed_stream: bool = False, buffer: int = 100) -> Synchronizer:
    return Synchronizer(
        BTC, window=window, windowed_stream=windowed_stream, exchange="x", clock=ManualClock(), buffer=buffer
    )


def delta(
    first: int, last: int, bids: Levels | None = None, asks: Levels | None = None, full: bool = False
) -> BookDelta:
    return BookDelta(BTC, first, last, bids or [], asks or [], exchange_ts=last * 10, received_ts=last * 100, full=full)


def snapshot(last_id: int, bids: Levels | None = None, asks: Levels | None = None, limit: int = 0) -> BookSnapshot:
    default_bids: Levels = [(1.0, 1.0)]
    default_asks: Levels = [(5.0, 1.0)]
    return BookSnapshot(
        BTC, last_id, default_bids if bids is None else bids, default_asks if asks is None else asks, limit
    )


def test_deltas_before_the_snapshot_are_buffered_and_those_it_holds_are_dropped() -> None:
    s = synchronizer()
    assert s.on_delta(delta(1, 3, [(1.0, 7.0)])) is Outcome.BUFFERED
    assert s.on_delta(delta(4, 6, [(2.0, 7.0)])) is Outcome.BUFFERED
    assert s.on_delta(delta(7, 7, [(3.0, 7.0)])) is Outcome.BUFFERED
    assert s.on_snapshot(snapshot(3)) is Outcome.SEEDED
    assert s.book.bids() == [(3.0, 7.0), (2.0, 7.0), (1.0, 1.0)]
    assert (s.book.sequence, s.stats.applied, s.stats.stale, s.stats.gaps) == (7, 2, 1, 0)
    assert (s.book.exchange_ts, s.book.received_ts) == (70, 700)
    assert "in sequence since the snapshot at 3" in s.book.reason


@pytest.mark.parametrize("base", [3, 4, 5])
def test_a_snapshot_may_land_just_before_or_inside_the_first_buffered_delta(base: int) -> None:
    s = synchronizer()
    s.on_delta(delta(4, 6, [(2.0, 7.0)]))
    assert s.on_snapshot(snapshot(base)) is Outcome.SEEDED
    assert s.book.sequence == 6


def test_a_snapshot_older_than_the_buffer_is_refused_until_a_newer_one_comes() -> None:
    s = synchronizer()
    s.on_delta(delta(4, 6))
    assert s.on_snapshot(snapshot(2)) is Outcome.NEED_SNAPSHOT
    assert s.book.state is BookState.SYNCING
    assert "older than the first buffered update 4" in s.book.reason
    assert s.on_snapshot(snapshot(6)) is Outcome.SEEDED
    assert s.stats.snapshots == 2


def test_a_snapshot_without_anything_buffered_is_enough() -> None:
    s = synchronizer()
    assert s.on_snapshot(snapshot(9)) is Outcome.SEEDED
    assert [s.needs_snapshot, synchronizer().needs_snapshot] == [False, True]
    assert s.book.state is BookState.LIVE


def test_the_next_delta_follows_duplicates_are_dropped_and_overlaps_applied() -> None:
    s = synchronizer()
    s.on_snapshot(snapshot(9))
    assert s.on_delta(delta(10, 11, [(2.0, 1.0)])) is Outcome.APPLIED
    assert s.on_delta(delta(10, 11, [(2.0, 5.0)])) is Outcome.IGNORED
    assert s.on_delta(delta(11, 13, [(3.0, 1.0)])) is Outcome.APPLIED
    assert s.on_delta(delta(14, 14)) is Outcome.APPLIED
    assert s.book.bids() == [(3.0, 1.0), (2.0, 1.0), (1.0, 1.0)]
    assert s.book.sequence == 14
    assert s.stats.stale == 1


def test_a_gap_ends_the_book_and_names_what_is_missing() -> None:
    s = synchronizer()
    s.on_snapshot(snapshot(9))
    assert s.on_delta(delta(12, 13)) is Outcome.GAP
    assert (s.book.state, s.book.reason) == (BookState.GAPPED, "updates 10 to 11 are missing")
    assert s.on_delta(delta(14, 14, [(2.0, 2.0)])) is Outcome.BUFFERED
    assert s.on_snapshot(snapshot(9)) is Outcome.NEED_SNAPSHOT
    assert s.book.reason == (
        "updates 10 to 11 are missing; the snapshot at 9 is older than the first buffered update 12"
    )
    assert s.on_snapshot(snapshot(12)) is Outcome.SEEDED
    assert s.book.bids() == [(2.0, 2.0), (1.0, 1.0)]
    assert s.book.sequence == 14


def test_a_gap_inside_the_buffer_is_found_when_the_snapshot_comes() -> None:
    s = synchronizer()
    for number in (4, 6):
        s.on_delta(delta(number, number))
    assert s.on_snapshot(snapshot(3)) is Outcome.NEED_SNAPSHOT
    assert (s.book.state, s.book.reason, s.stats.gaps) == (BookState.GAPPED, "update 5 is missing", 1)
    assert s.on_snapshot(snapshot(5)) is Outcome.SEEDED
    assert s.book.sequence == 6


def test_reordered_deltas_in_the_buffer_are_put_in_order() -> None:
    s = synchronizer()
    for number in (6, 4, 5, 5):
        s.on_delta(delta(number, number, [(float(number), 1.0)]))
    assert s.on_snapshot(snapshot(3, [], [])) is Outcome.SEEDED
    assert s.book.bids() == [(6.0, 1.0), (5.0, 1.0), (4.0, 1.0)]
    assert s.stats.stale == 1


def test_a_snapshot_for_a_live_book_is_ignored() -> None:
    s = synchronizer()
    s.on_snapshot(snapshot(9))
    assert s.on_snapshot(snapshot(12, [(3.0, 3.0)])) is Outcome.IGNORED
    assert s.book.sequence == 9


def test_a_full_push_replaces_the_book_at_any_time_unless_it_is_old() -> None:
    s = synchronizer()
    s.on_delta(delta(4, 4, [(4.0, 4.0)]))
    assert s.on_delta(delta(3, 3, [(2.0, 2.0)], [(6.0, 1.0)], full=True)) is Outcome.SEEDED
    assert (s.book.sequence, s.book.bids()) == (4, [(4.0, 4.0), (2.0, 2.0)])
    assert s.on_delta(delta(20, 20, [(1.5, 1.0)], [(7.0, 1.0)], full=True)) is Outcome.APPLIED
    assert (s.book.sequence, s.book.bids(), s.book.asks()) == (20, [(1.5, 1.0)], [(7.0, 1.0)])
    assert s.on_delta(delta(19, 20, [(1.0, 9.0)], full=True)) is Outcome.IGNORED
    assert s.on_delta(delta(21, 21, [(1.0, 1.0)], [(1.0, 1.0)], full=True)) is Outcome.GAP
    assert s.book.state is BookState.GAPPED


def test_a_full_push_older_than_the_buffer_does_not_seed() -> None:
    s = synchronizer()
    s.on_delta(delta(9, 9))
    assert s.on_delta(delta(1, 1, [(1.0, 1.0)], full=True)) is Outcome.NEED_SNAPSHOT
    assert s.needs_snapshot


@pytest.mark.parametrize("ask", [1.0, 2.0])
def test_a_crossed_or_touching_book_is_never_shown(ask: float) -> None:
    s = synchronizer()
    s.on_snapshot(snapshot(9, [(2.0, 1.0)]))
    assert s.on_delta(delta(10, 10, [], [(ask, 1.0)])) is Outcome.GAP
    assert s.book.state is BookState.GAPPED
    assert "crossed at 10: best bid 2.0 is not below best ask" in s.book.reason
    assert s.stats.crossed == 1
    assert s.on_snapshot(snapshot(10, [(2.0, 1.0)], [(2.0, 1.0)])) is Outcome.NEED_SNAPSHOT
    assert s.on_snapshot(snapshot(11)) is Outcome.SEEDED


def test_a_crossed_snapshot_keeps_what_was_buffered() -> None:
    s = synchronizer()
    s.on_delta(delta(4, 4, [(2.0, 2.0)]))
    assert s.on_snapshot(snapshot(3, [(9.0, 1.0)])) is Outcome.NEED_SNAPSHOT
    assert s.on_snapshot(snapshot(3)) is Outcome.SEEDED
    assert s.book.sequence == 4


def test_a_crossing_inside_the_buffer_keeps_what_follows() -> None:
    s = synchronizer()
    s.on_delta(delta(4, 4, [(9.0, 1.0)]))
    s.on_delta(delta(5, 5, [(9.0, 0.0)]))
    assert s.on_snapshot(snapshot(3)) is Outcome.NEED_SNAPSHOT
    assert s.on_snapshot(snapshot(4)) is Outcome.SEEDED
    assert s.book.sequence == 5


def test_what_lies_beyond_a_truncated_snapshot_is_not_shown_and_running_out_asks_for_a_new_one() -> None:
    s = synchronizer()
    s.on_snapshot(snapshot(1, [(9.0, 1.0), (8.0, 1.0)], [(10.0, 1.0)], limit=2))
    assert s.on_delta(delta(2, 2, [(7.0, 5.0), (8.5, 1.0)], [(30.0, 2.0)])) is Outcome.APPLIED
    assert s.book.bids() == [(9.0, 1.0), (8.5, 1.0), (8.0, 1.0)]
    assert s.book.asks() == [(10.0, 1.0), (30.0, 2.0)], "a side with fewer levels than the limit is complete"
    assert s.on_delta(delta(3, 3, [(9.0, 0.0), (8.5, 0.0)])) is Outcome.APPLIED
    assert s.on_delta(delta(4, 4, [(8.0, 0.0), (7.5, 1.0)])) is Outcome.GAP
    assert s.book.state is BookState.SYNCING
    assert "used up at 4" in s.book.reason
    assert s.stats.exhausted == 1


def test_trimming_a_stream_without_a_window_shrinks_what_is_known() -> None:
    s = synchronizer(2)
    s.on_snapshot(snapshot(1, [(9.0, 1.0), (8.0, 1.0), (7.0, 1.0)], []))
    assert s.book.bids() == [(9.0, 1.0), (8.0, 1.0)]
    s.on_delta(delta(2, 2, [(9.0, 0.0), (6.0, 1.0)]))
    assert s.book.bids() == [(8.0, 1.0)], "7.0 was cut, so nothing below 8.0 is known"


def test_a_windowed_stream_tells_what_comes_back_into_its_window() -> None:
    s = synchronizer(2, windowed_stream=True)
    s.on_snapshot(snapshot(1, [(9.0, 1.0), (8.0, 1.0)], [], limit=2))
    s.on_delta(delta(2, 2, [(9.0, 0.0), (6.0, 1.0)]))
    assert s.book.bids() == [(8.0, 1.0), (6.0, 1.0)]
    s.on_delta(delta(3, 3, [(8.0, 0.0), (6.0, 0.0)]))
    assert s.book.state is BookState.LIVE
    assert s.book.bids() == []


def test_levels_are_trimmed_once_after_the_whole_delta() -> None:
    s = synchronizer(2, windowed_stream=True)
    s.on_snapshot(snapshot(1, [(9.0, 1.0), (8.0, 1.0)], [], limit=2))
    s.on_delta(delta(2, 2, [(10.0, 1.0), (7.0, 1.0), (9.0, 0.0), (10.0, 0.0)]))
    assert s.book.bids() == [(8.0, 1.0), (7.0, 1.0)]


def test_a_reset_forgets_the_book_and_the_buffer() -> None:
    s = synchronizer()
    s.on_delta(delta(1, 1))
    s.reset("connection lost", BookState.STALE)
    assert (s.book.state, s.book.reason) == (BookState.STALE, "connection lost")
    assert s.on_snapshot(snapshot(9)) is Outcome.SEEDED
    s.reset("connecting")
    assert s.book.state is BookState.SYNCING
    with pytest.raises(ValueError, match="by a snapshot only"):
        s.reset("no", BookState.LIVE)


def test_a_buffer_that_overflowed_never_makes_a_book_live_by_mistake() -> None:
    s = synchronizer(buffer=2)
    for number in (4, 5, 6):
        s.on_delta(delta(number, number))
    assert s.on_snapshot(snapshot(3)) is Outcome.NEED_SNAPSHOT
    assert s.on_snapshot(snapshot(4)) is Outcome.SEEDED


def test_settings_that_cannot_be_meant_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one level"):
        synchronizer(0)
    with pytest.raises(ValueError, match="give its number of levels"):
        synchronizer(None, windowed_stream=True)
    with pytest.raises(ValueError, match="ask for 20 levels"):
        synchronizer(20, windowed_stream=True).on_snapshot(snapshot(1, limit=10))
