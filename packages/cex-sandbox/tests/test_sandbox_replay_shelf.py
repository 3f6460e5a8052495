"""When a recorded answer becomes available, who waits for it, and which one is given."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from cex.sandbox.replay.recording import Resource, VenuePart
from cex.sandbox.replay.records import Answered
from cex.sandbox.replay.shelf import Shelf
from cex.sandbox.replay.venues import Offer
from cex.sandbox.replay.venues.gateio import GateioVenue

BOOK = Resource("GET", "/api/v4/spot/order_book", (("currency_pair", "A_B"),))
TIME = Resource("GET", "/api/v4/spot/time", ())


def shelf(resource: Resource, count: int, at_start: int = 0) -> Shelf:
    answers: Sequence[Answered] = [Answered(n, n, "GET", "", 200, b"%d" % n) for n in range(1, count + 1)]
    part = VenuePart(GateioVenue(), Offer({}), {resource: answers}, {resource: at_start}, 0, frozenset())
    return Shelf(part, patience=0.02, patience_again=0.02)


async def body(of: Shelf, resource: Resource) -> bytes:
    answer = await of.answer(resource)
    assert answer is not None
    return answer.body


async def waits(task: asyncio.Task[bytes]) -> bool:
    for _ in range(5):
        await asyncio.sleep(0)
    return not task.done()


@pytest.mark.parametrize("resource", [BOOK, TIME])
async def test_a_request_waits_for_the_place_of_its_answer(resource: Resource) -> None:
    answers = shelf(resource, 1)
    answers.begin()
    early = asyncio.create_task(body(answers, resource))
    also_early = asyncio.create_task(body(answers, resource))
    assert await waits(early)
    await answers.release(resource, wanted=True)
    assert await early == await also_early == b"1"
    assert await body(answers, resource) == b"1", "the last answer stays"


async def test_what_is_not_recorded_is_not_answered() -> None:
    assert await shelf(TIME, 1).answer(BOOK) is None


async def test_a_late_request_gets_the_newest() -> None:
    for resource in (BOOK, TIME):
        answers = shelf(resource, 3)
        answers.begin()
        await answers.release(resource, wanted=True)
        await answers.release(resource, wanted=True)
        assert await body(answers, resource) == b"2"


async def test_the_newest_answer_can_be_had_again_and_again() -> None:
    answers = shelf(TIME, 3, at_start=1)
    answers.begin()
    assert await body(answers, TIME) == await body(answers, TIME) == b"1"
    await answers.release(TIME, wanted=True)
    assert await body(answers, TIME) == b"2"


async def test_who_asks_for_a_book_again_waits_for_the_next_one() -> None:
    answers = shelf(BOOK, 2, at_start=1)
    answers.begin()
    assert await body(answers, BOOK) == b"1"
    again = asyncio.create_task(body(answers, BOOK))
    assert await waits(again)
    await answers.release(BOOK, wanted=True)
    assert await again == b"2"
    assert await body(answers, BOOK) == b"2"


async def test_a_book_that_nobody_wanted_is_history_for_who_had_one_before() -> None:
    answers = shelf(BOOK, 3, at_start=1)
    answers.begin()
    assert await body(answers, BOOK) == b"1"
    await answers.release(BOOK, wanted=True)
    again = asyncio.create_task(body(answers, BOOK))
    assert await waits(again)
    await answers.release(BOOK, wanted=True)
    assert await again == b"3"


async def test_who_gave_up_waiting_still_gets_what_came_meanwhile() -> None:
    answers = shelf(BOOK, 3, at_start=1)
    answers.begin()
    assert await body(answers, BOOK) == b"1"
    impatient = asyncio.create_task(body(answers, BOOK))
    assert await waits(impatient)
    impatient.cancel()
    with pytest.raises(asyncio.CancelledError):
        await impatient
    await answers.release(BOOK, wanted=True)
    assert await body(answers, BOOK) == b"2"


async def test_a_request_on_its_way_is_given_a_moment() -> None:
    answers = shelf(BOOK, 1)
    answers.begin()
    release = asyncio.create_task(answers.release(BOOK, wanted=True))
    await asyncio.sleep(0)
    begun = asyncio.get_running_loop().time()
    assert await body(answers, BOOK) == b"1"
    await release
    assert asyncio.get_running_loop().time() - begun < 0.018, "it does not wait longer than it must"


async def test_before_the_play_only_books_make_wait() -> None:
    assert await body(shelf(TIME, 2), TIME) == b"1"
    book = asyncio.create_task(body(shelf(BOOK, 2), BOOK))
    assert await waits(book)
    book.cancel()


def test_resources_compare_without_the_order_of_parameters() -> None:
    one = Resource.of("get", "/p", "a=1&b=x%2Fy&c=")
    assert one == Resource.of("GET", "/p", "c=&b=x/y&a=1")
    assert str(one) == "GET /p?a=1&b=x/y&c="
    assert one != Resource.of("GET", "/p", "a=1&b=x%2Fy")


def test_the_most_similar_resources_are_named_first() -> None:
    many = {
        Resource.of("GET", "/p", query): [Answered(1, 1, "GET", "", 200, b"")]
        for query in ("limit=5", "pair=X&limit=100", "pair=Y&limit=100")
    }
    answers = Shelf(VenuePart(GateioVenue(), Offer({}), many, {}, 0, frozenset()))
    assert [str(r) for r in answers.nearest(Resource.of("GET", "/p", "pair=Y&limit=100&id=1"), 1)] == [
        "GET /p?limit=100&pair=Y"
    ]
    assert answers.nearest(TIME) == []
