"""The recorded REST answers of one exchange, each available from its place in the conversation on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cex.sandbox.replay.recording import Resource, VenuePart
from cex.sandbox.replay.records import Answered

__all__ = ["Shelf"]

_PATIENCE_S = 0.5
"""For the first request for a book: a client may wait for some updates before it asks."""
_PATIENCE_AGAIN_S = 2.0
"""The recorded client asked for a book again, so it had lost it; who loses it in a replay may wait before asking."""


class Shelf:
    """Answers requests by these rules.

    A request is given the newest answer that is available, and waits where there is none yet. A book is different: who
    asks for it again does so because the one it has does not fit the stream, so it waits for the next recorded one, as
    long as one lies ahead. After the end the last answer stays. Before the play, nobody waits for anything but books.
    """

    def __init__(
        self, part: VenuePart, *, patience: float = _PATIENCE_S, patience_again: float = _PATIENCE_AGAIN_S
    ) -> None:
        self._slots = {
            resource: _Slot(answers, part.at_start.get(resource, 0), part.venue.is_book(resource.path))
            for resource, answers in part.answers.items()
        }
        self._patience = patience
        self._patience_again = patience_again
        self._playing = False

    def begin(self) -> None:
        """The play begins: from now on requests wait for the place of their answer."""
        self._playing = True

    def nearest(self, resource: Resource, count: int = 2) -> list[Resource]:
        """What the recording holds of the same path, the most similar first."""
        wanted = set(resource.query)
        same = [other for other in self._slots if other.path == resource.path]
        return sorted(same, key=lambda other: -len(wanted.intersection(other.query)))[:count]

    async def answer(self, resource: Resource) -> Answered | None:
        """The answer to a request made now; None when the recording holds none of this resource."""
        slot = self._slots.get(resource)
        return None if slot is None else await slot.take(patient=self._playing)

    def close(self) -> None:
        """Nobody waits any longer: what waits is cancelled."""
        for slot in self._slots.values():
            for future in slot.waiting:
                future.cancel()

    async def release(self, resource: Resource, *, wanted: bool) -> bool:
        """Make the next answer available; whether somebody was waiting for it.

        Where it is ``wanted`` and nobody waits yet, a request is given a moment to arrive.
        """
        slot = self._slots[resource]
        if wanted and not slot.waiting:
            await slot.expect(self._patience_again if slot.asked_again else self._patience)
        return slot.release()


class _Slot:
    def __init__(self, answers: Sequence[Answered], available: int, is_book: bool) -> None:
        self._answers = answers
        self._available = available
        self._is_book = is_book
        self._asked = False
        self._gone = 0
        """Answers that are history for one who asks again: handed out, or released when nobody wanted them."""
        self._owed = False
        self._arrival: asyncio.Event | None = None
        self.waiting: list[asyncio.Future[Answered]] = []

    @property
    def asked_again(self) -> bool:
        """Whether the next answer is one that the recorded client asked for because it had lost the book."""
        return self._is_book and self._asked

    async def take(self, *, patient: bool) -> Answered:
        if answer := self._ready(patient):
            return answer
        future: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self.waiting.append(future)
        if self._arrival is not None:
            self._arrival.set()
        try:
            return await future
        except asyncio.CancelledError:
            self._owed = True
            raise
        finally:
            if future in self.waiting:
                self.waiting.remove(future)

    def _ready(self, patient: bool) -> Answered | None:
        if not self._available:
            return self._answers[0] if not patient and not self._is_book else None
        if self.asked_again and self._available <= self._gone and self._available < len(self._answers):
            return None
        return self._hand_out()

    def _hand_out(self) -> Answered:
        self._asked = True
        self._owed = False
        self._gone = self._available
        return self._answers[self._available - 1]

    async def expect(self, patience: float) -> None:
        self._arrival = asyncio.Event()
        try:
            async with asyncio.timeout(patience):
                await self._arrival.wait()
        except TimeoutError:
            pass  # nobody wants it
        finally:
            self._arrival = None

    def release(self) -> bool:
        self._available += 1
        waiting, self.waiting = self.waiting, []
        if waiting:
            answer = self._hand_out()
            for future in waiting:
                if not future.done():
                    future.set_result(answer)
        elif not self._owed:
            self._gone = self._available
        return bool(waiting)
