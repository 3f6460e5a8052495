from __future__ import annotations

import pytest

from cex.common import correlation as room
from cex.common.correlation import correlation, current_correlation_id, ensure_correlation_id, new_correlation_id


def test_an_id_holds_within_its_block_and_is_inherited_by_inner_ones() -> None:
    assert current_correlation_id() is None
    with correlation() as outer:
        assert ensure_correlation_id() == outer
        with correlation() as inner:
            assert inner == outer
        with correlation("mine") as named:
            assert current_correlation_id() == named == "mine"
        assert current_correlation_id() == outer
    assert current_correlation_id() is None


def test_an_id_is_taken_back_when_the_block_raises() -> None:
    with pytest.raises(RuntimeError), correlation():
        raise RuntimeError
    assert current_correlation_id() is None


def test_ids_are_repeatable_from_a_seed_only() -> None:
    try:
        room.seed_ids(7)
        first = [new_correlation_id() for _ in range(3)]
        room.seed_ids(7)
        assert [new_correlation_id() for _ in range(3)] == first
    finally:
        room.seed_ids(None)
    assert new_correlation_id() != new_correlation_id()


def test_random_generators_are_ones_own() -> None:
    assert room.new_random(5).random() == room.new_random(5).random()
    assert room.new_random().random() != room.new_random().random()
