"""Plays a recording to unmodified clients: every record of every file, in the order of time."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from cex.common.clock import SYSTEM_CLOCK, Clock
from cex.sandbox.replay.recording import AnswerStep, FrameStep, Recording
from cex.sandbox.replay.server import VenueServer
from cex.sandbox.replay.venues import StreamKind, Traded

__all__ = ["MAX_SPEED", "Replay", "ReplayReport"]

_log = logging.getLogger(__name__)

MAX_SPEED = math.inf
"""As fast as the clients take it."""


@dataclass(frozen=True, slots=True)
class ReplayReport:
    """What a play did. ``unheard``: frames that nobody had subscribed; ``passed_over``: frames that concern the
    recorded connection alone; ``lost``: records that the recorder could not write; ``unknown``: requests without an
    answer.
    """

    frames: int
    unheard: int
    passed_over: int
    answers: int
    lost: int
    unknown: tuple[str, ...]


class Replay:
    """Serves the exchanges of a recording, each on a free port; ``async with`` starts and ends it.

    Playing begins with :meth:`play`, after the clients have subscribed. A frame goes to the clients that subscribed its
    stream; REST answers follow the rules of :class:`~cex.sandbox.replay.shelf.Shelf`. ``speed`` is a factor of the
    recorded time, :data:`MAX_SPEED` waits for nothing but the clients. Before an answer becomes available, and at the
    end, every client has read everything that was sent before: that makes a play repeatable.
    """

    def __init__(self, recording: Recording, *, speed: float = MAX_SPEED, clock: Clock = SYSTEM_CLOCK) -> None:
        if not speed > 0:
            raise ValueError(f"speed must be a positive factor or MAX_SPEED, not {speed}")
        self.recording = recording
        self.speed = speed
        self.finished = asyncio.Event()
        self._servers = {name: VenueServer(part, clock) for name, part in recording.parts.items()}
        self._begun = False
        self._done = 0

    @property
    def progress(self) -> float:
        """How much is played, from 0 to 1."""
        return self._done / len(self.recording.steps) if self.recording.steps else float(self.finished.is_set())

    @property
    def endpoints(self) -> dict[str, dict[str, str]]:
        """Per exchange: URLs by endpoint name, as its client is configured."""
        return {name: server.endpoints() for name, server in self._servers.items()}

    async def __aenter__(self) -> Self:
        try:
            for server in self._servers.values():
                await server.start()
        except BaseException:
            await self.aclose()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection and stop listening."""
        await asyncio.gather(*(server.aclose() for server in self._servers.values()))

    async def subscribed(self, exchange: str, kind: StreamKind, traded: Iterable[Traded]) -> None:
        """Return when for each of these pairs and contracts somebody has subscribed a stream of this kind."""
        server = self._servers[exchange]
        missing = set(traded)
        while missing := {wanted for wanted in missing if not server.listens(kind, wanted)}:
            await server.next_change()

    async def play(self) -> ReplayReport:
        """Play from the first record to the last; returns when every client has read the last frame.

        Raises:
            RuntimeError: it was played before; a recording is played once per replay.
        """
        if self._begun:
            raise RuntimeError("already played: make a new Replay to play it again")
        self._begun = True
        for server in self._servers.values():
            server.shelf.begin()
        loop = asyncio.get_running_loop()
        steps = self.recording.steps
        begun, origin_ns = loop.time(), steps[0].at_ns if steps else 0
        frames = unheard = answers = 0
        latest_ns = origin_ns
        for step in steps:
            latest_ns = max(latest_ns, step.at_ns)
            due = begun + (latest_ns - origin_ns) / 1e9 / self.speed
            await asyncio.sleep(max(0.0, due - loop.time()))
            if isinstance(step, FrameStep):
                heard = await self._servers[step.venue].send(step)
                frames += heard
                unheard += not heard
            else:
                await self._answer(step)
                answers += 1
            self._done += 1
        await self._settle()
        self.finished.set()
        report = ReplayReport(
            frames=frames,
            unheard=unheard,
            passed_over=sum(part.passed_over for part in self.recording.parts.values()),
            answers=answers,
            lost=sum(lost.missing for _, lost in self.recording.lost),
            unknown=tuple(request for server in self._servers.values() for request in server.unknown),
        )
        _log.info("the recording is played", extra={"frames": frames, "unheard": unheard, "answers": answers})
        return report

    async def _answer(self, step: AnswerStep) -> None:
        await self._settle()
        await self._servers[step.venue].release(step.resource)

    async def _settle(self) -> None:
        await asyncio.gather(*(server.settle() for server in self._servers.values()))
