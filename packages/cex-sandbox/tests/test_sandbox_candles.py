from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import pytest

from cex.common.correlation import new_random
from cex.sandbox.market.candles import Candle, CandleStore
from cex.sandbox.market.intervals import INTERVALS
from cex.sandbox.market.listings import DEFAULT_LISTINGS
from cex.sandbox.market.past import PastModel
from cex.sandbox.market.simulation import Market, TrueKline
from cex.sandbox.server import Sandbox

NOON = 1_795_003_215
BTC = "BTC/USDT"
MODEL = PastModel(seed=7, path=BTC, own="BTC/USDT here", lots=5_000.0)


def folded(rows: Sequence[Candle]) -> tuple[int, ...]:
    return (
        rows[0].open,
        max(row.high for row in rows),
        min(row.low for row in rows),
        rows[-1].close,
        sum(row.volume for row in rows),
        sum(row.turnover for row in rows),
    )


def traded(seconds: int = 700) -> tuple[CandleStore, list[tuple[int, int, int]], int]:
    """A store with a past and some minutes of trades: the store, what was traded, and the time now."""
    store, rng = CandleStore(MODEL, price=100_000, now_s=NOON), new_random(3)
    trades = []
    price = 100_000
    for at in range(NOON, NOON + seconds):
        for _ in range(rng.choice((0, 0, 1, 3)) if not 120 < at - NOON < 260 else 0):
            price += rng.randrange(-50, 51)
            lots = rng.randrange(1, 100)
            store.add(price, lots, at)
            trades.append((at, price, lots))
    return store, trades, NOON + seconds - 1


# --- where candles begin ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "at", "start", "after"),
    [
        ("1s", "2026-11-23 10:11:12", "2026-11-23 10:11:12", "2026-11-23 10:11:13"),
        ("15m", "2026-11-23 10:14:59", "2026-11-23 10:00:00", "2026-11-23 10:15:00"),
        ("8h", "2026-11-23 15:59:59", "2026-11-23 08:00:00", "2026-11-23 16:00:00"),
        ("7d", "2026-11-25 23:59:59", "2026-11-19 00:00:00", "2026-11-26 00:00:00"),
        ("1w", "2026-11-29 23:59:59", "2026-11-23 00:00:00", "2026-11-30 00:00:00"),
        ("1M", "2026-11-30 23:59:59", "2026-11-01 00:00:00", "2026-12-01 00:00:00"),
        ("1M", "2026-12-31 23:59:59", "2026-12-01 00:00:00", "2027-01-01 00:00:00"),
    ],
)
def test_candles_begin_on_the_calendar(name: str, at: str, start: str, after: str) -> None:
    def seconds(text: str) -> int:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())

    interval = INTERVALS[name]
    assert interval.start_of(seconds(at)) == seconds(start)
    assert interval.after(seconds(start)) == seconds(after)
    assert interval.back(seconds(after), 1) == seconds(start)


# --- what they hold --------------------------------------------------------------------------------------------------


def test_candles_are_what_was_traded() -> None:
    store, trades, now = traded()
    for width in ("1s", "10s", "1m", "5m"):
        rows = store.candles(INTERVALS[width], NOON - NOON % 300 + 300, now + 1, now)
        assert sum(row.volume for row in rows) > 0
        for row in rows:
            within = [(price, lots) for at, price, lots in trades if row.start <= at < row.end]
            assert row.volume == sum(lots for _, lots in within)
            assert row.turnover == sum(price * lots for price, lots in within)
            if within:
                assert row.close == within[-1][0]
                assert row.high == max(row.open, *(price for price, _ in within))
                assert row.low == min(row.open, *(price for price, _ in within))
            else:
                assert row.open == row.high == row.low == row.close


@pytest.mark.parametrize("width", ["10s", "1m", "5m", "15m", "1h", "4h", "8h", "1d", "7d", "1w", "1M"])
def test_every_width_is_made_of_the_narrower_ones(width: str) -> None:
    store, _, now = traded()
    interval, narrow = INTERVALS[width], INTERVALS["1s" if width in ("10s", "1m") else "1m"]
    days = {"10s": 0.05, "1m": 0.05, "7d": 20, "1w": 20, "1M": 90}.get(width, 3)
    first = now - round(days * 86_400)
    rows = store.candles(interval, first, now + 1, now)
    parts = store.candles(narrow, rows[0].start, now + 1, now)
    assert rows[-1].end > now, "the open candle is there"
    at = 0
    for row in rows:
        mine = []
        while at < len(parts) and parts[at].start < row.end:
            mine.append(parts[at])
            at += 1
        assert tuple(row[2:]) == folded(mine)
    assert at == len(parts)


@pytest.mark.parametrize("width", list(INTERVALS))
def test_there_is_no_hole_and_no_overlap(width: str) -> None:
    store, _, now = traded(90)
    below_a_day = width[-1] in "mh"
    first = now - now % 86_400 - 5 * 86_400 if below_a_day else store.earliest(INTERVALS[width])
    rows = store.candles(INTERVALS[width], first, now + 1, now)
    assert rows[0].start == first
    for one, two in pairwise(rows):
        assert (one.end, one.close) == (two.start, two.open)
    for row in rows:
        assert 0 < row.low <= min(row.open, row.close) <= max(row.open, row.close) <= row.high
        if INTERVALS[width].seconds not in (1, 10):
            assert row.low * row.volume <= row.turnover <= row.high * row.volume


def test_the_past_is_deep_and_always_the_same() -> None:
    minute = INTERVALS["1m"]
    one, other = (CandleStore(MODEL, price=100_000, now_s=NOON) for _ in range(2))
    late = other.candles(minute, NOON - 3600, NOON, NOON)
    assert NOON - one.earliest(minute) > 89 * 86_400
    everything = one.candles(minute, NOON - 8 * 86_400, NOON, NOON)
    assert len(everything) > 10_000
    assert everything[-len(late) :] == late
    assert other.candles(minute, NOON - 8 * 86_400, NOON - 6 * 86_400, NOON) == everything[: 2 * 1440]
    assert len({row.close for row in everything}) > 1_000
    assert len(one.candles(INTERVALS["1s"], 0, NOON, NOON)) > 9_990
    assert 80_000 < min(row.low for row in everything) < max(row.high for row in everything) < 125_000


def test_venues_share_the_past_of_an_asset_but_not_to_the_last_digit() -> None:
    here, there = (
        CandleStore(PastModel(seed=7, path=BTC, own=own, lots=5_000.0), price=100_000, now_s=NOON).candles(
            INTERVALS["1m"], NOON - 86_400, NOON, NOON
        )
        for own in ("here", "there")
    )
    assert here != there
    assert all(abs(one.close / two.close - 1) < 0.001 for one, two in zip(here, there, strict=True))


def test_what_never_traded_stands_still() -> None:
    still = CandleStore(PastModel(seed=7, path="X", own="X here", lots=0.0), price=62, now_s=NOON)
    rows = still.candles(INTERVALS["1h"], 0, NOON, NOON)
    assert {tuple(row[2:]) for row in rows} == {(62, 62, 62, 62, 0, 0)}


# --- time that does not pass evenly ----------------------------------------------------------------------------------


def test_quiet_minutes_are_flat() -> None:
    store = CandleStore(MODEL, price=100_000, now_s=NOON)
    store.add(100_100, 5, NOON)
    rows = store.candles(INTERVALS["1m"], NOON, NOON + 600, NOON + 599)
    assert len(rows) == 10
    assert {tuple(row[2:]) for row in rows} == {(100_100, 100_100, 100_100, 100_100, 0, 0)}


def test_a_clock_that_steps_back_changes_no_closed_candle() -> None:
    store, _, now = traded(200)
    before = store.candles(INTERVALS["1m"], now - 3600, now, now)
    store.add(1_000_000, 1, now - 3600)
    after = store.candles(INTERVALS["1m"], now - 3600, now, now - 3600)
    assert after[:-1] == before[:-1]
    assert after[-1].high == 1_000_000


def test_a_clock_that_leaps_begins_anew_and_joins() -> None:
    store = CandleStore(MODEL, price=100_000, now_s=0)
    store.add(99_000, 5, 1)
    store.add(99_500, 5, NOON)
    rows = store.candles(INTERVALS["1m"], NOON - 864_000, NOON + 1, NOON)
    assert len(rows) == 14_400
    assert (rows[-2].close, rows[-1].open, rows[-1].close) == (99_000, 99_000, 99_500)


def test_seconds_are_forgotten_from_the_oldest() -> None:
    store = CandleStore(MODEL, price=100_000, now_s=NOON)
    for at in range(NOON, NOON + 12_000):
        store.add(100_000 + at % 7, 1, at)
    now = NOON + 11_999
    rows = store.candles(INTERVALS["1s"], 0, now + 1, now)
    assert len(rows) == 9_999
    assert all(row.volume == 1 for row in rows)


def test_since_is_everything_until_now() -> None:
    store, _, now = traded()
    rows = store.candles(INTERVALS["1m"], NOON - 86_400, now + 1, now)
    day = store.since(rows[0].start, now)
    assert (day.start, day.end, tuple(day[2:])) == (rows[0].start, rows[-1].end, folded(rows))
    assert store.since(0, now).start == store.earliest(INTERVALS["1m"])


# --- the truth -------------------------------------------------------------------------------------------------------


def test_true_klines_are_in_units() -> None:
    market = Market(seed=7, listings=[*DEFAULT_LISTINGS[:1], *DEFAULT_LISTINGS[-4:]], now_ns=NOON * 10**9)
    for tick in range(1, 400):
        market.step(NOON * 10**9 + tick * 20_000_000)
    now = NOON * 10**9 + 8 * 10**9
    spot, perpetual = market.book("gateio", BTC), market.book("gateio", "BTC/USDT:USDT")
    (row,) = spot.true_klines("1d", now - 86_400 * 10**9, now, now)
    assert isinstance(row, TrueKline)
    assert row.close_ts - row.open_ts == 86_400 * 10**9
    assert not row.closed
    assert row.low * row.volume <= row.turnover <= row.high * row.volume
    prints = spot.prints
    (minute,) = spot.true_klines("1m", now - 60 * 10**9, now, now)
    assert minute.volume == sum(Decimal(fill.quantity) for fill, _ in prints).scaleb(-6)  # type: ignore[union-attr]
    assert minute.close == Decimal(prints[-1].fill.price).scaleb(-1)
    (contracts,) = perpetual.true_klines("1m", now - 60 * 10**9, now, now)
    assert contracts.multiplier == Decimal("0.0001")
    assert contracts.volume == sum(fill.quantity for fill, _ in perpetual.prints)
    assert contracts.low * contracts.volume <= contracts.turnover * 10_000 <= contracts.high * contracts.volume
    closed = spot.true_klines("1m", now - 600 * 10**9, now - 60 * 10**9, now)
    assert len(closed) == 9
    assert all(candle.closed for candle in closed)


async def test_true_klines_of_a_sandbox() -> None:
    async with Sandbox(seed=7, listings=DEFAULT_LISTINGS[:1]) as sandbox:
        rows = sandbox.truth_klines("mexc", BTC, "1h", 0, 1 << 62)
        assert len(rows) > 2_000
        with pytest.raises(KeyError, match="no interval '2h'; there are 1s"):
            sandbox.truth_klines("mexc", BTC, "2h", 0, 1)
        with pytest.raises(KeyError, match="no venue"):
            sandbox.truth_klines("kraken", BTC, "1h", 0, 1)


def test_the_past_costs_little_until_somebody_asks() -> None:
    market = Market(seed=7, now_ns=NOON * 10**9)
    assert not any(book.candles._past._days for of_venue in market.books.values() for book in of_venue.values())
