"""One connection of the WebSocket order API: requests go out, answers find who asked, and its end is told to all."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from cex.common.clock import Clock
from cex.common.constants.system_constants import NANOSECONDS
from cex.common.exceptions import ExchangeConnectionException, UnknownOutcomeException
from cex.common.redaction import redact
from cex.exchanges.gateio.constants import EXCHANGE, PING_INTERVAL_S, SILENCE_TIMEOUT_S
from cex.exchanges.gateio.decode.values import NOT_DECODABLE
from cex.exchanges.gateio.signing import API_EVENT
from cex.exchanges.gateio.wire.control import control_decoder, system_decoder
from cex.exchanges.gateio.wire.order_api import ApiFrame, api_decoder
from cex.networking import Closed, Tap, WebSocketConnection

__all__ = ["ApiFacts", "ApiSession", "not_sent"]

logger = logging.getLogger(__name__)

_LOGIN = ".login"


@dataclass(frozen=True, slots=True)
class ApiFacts:
    """What all connections of one market's order API share; ``market`` begins the names of its channels."""

    url: str
    market: str
    now_ns: Callable[[], int]
    answer_timeout: float
    tap: Tap | None
    clock: Clock


class ApiSession:
    """From an open socket to its end; :meth:`run` is the task that keeps it, :meth:`ask` whoever needs an answer.

    Placing is answered twice: the acknowledgement is no answer, for the order may still be refused after it.
    """

    def __init__(self, number: int, socket: WebSocketConnection, facts: ApiFacts) -> None:
        self._number = number
        self._socket = socket
        self._facts = facts
        self._waiting: dict[str, asyncio.Future[ApiFrame | None]] = {}
        self._acknowledged: dict[str, ApiFrame] = {}
        self._requests = 0
        self._over: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._retired = False

    @property
    def takes_requests(self) -> bool:
        return not (self._over.done() or self._retired)

    async def ask(
        self, channel: str, payload: dict[str, object], *, operation: str, sent_ns: int
    ) -> tuple[ApiFrame, ApiFrame | None]:
        """Send, and return the final answer with the acknowledgement, if one came before it.

        ``sent_ns`` is the exchange's time that the message tells.

        Raises:
            ExchangeConnectionException: the connection had ended; nothing was sent.
            UnknownOutcomeException: it may have been sent, and no answer came.
        """
        if self._over.done():
            raise not_sent(f"the connection has ended: {self._over.result()}", operation)
        self._requests += 1
        request_id = channel if channel.endswith(_LOGIN) else f"{self._number}-{self._requests}"
        message = {
            "time": sent_ns // NANOSECONDS,
            "channel": channel,
            "event": API_EVENT,
            "payload": {"req_id": request_id, **payload},
        }
        answer = self._waiting[request_id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(self._facts.answer_timeout):
                await self._send(msgspec.json.encode(message).decode())
                frame = await answer
            why = self._over.result() if frame is None else ""
        except (Closed, TimeoutError) as error:
            frame = None
            why = (
                f"connection closed: {error}" if isinstance(error, Closed) else f"for {self._facts.answer_timeout:g} s"
            )
        finally:
            del self._waiting[request_id]
            acknowledged = self._acknowledged.pop(request_id, None)
            self._end_if_idle()
        if frame is not None:
            return frame, acknowledged
        raise UnknownOutcomeException(
            f"sent, but not answered: {why}",
            EXCHANGE,
            sent_ts=sent_ns,
            operation=operation,
            endpoint=channel,
            attempt=1,
        )

    def retire(self, reason: str) -> None:
        """Take no new request, and end when the last answer has come."""
        logger.info("a connection of the order API is replaced: %s", redact(reason), extra={"exchange": EXCHANGE})
        self._retired = True
        self._end_if_idle()

    def end(self, reason: str) -> None:
        """It is of no more use; whoever waits hears that."""
        if not self._over.done():
            self._over.set_result(redact(reason))
        for answer in self._waiting.values():
            if not answer.done():
                answer.set_result(None)

    async def run(self) -> None:
        """Read, keep alive, and close at the end."""
        facts = self._facts
        if facts.tap is not None:
            facts.tap.opened(self._number, facts.url, facts.clock.time_ns())
        reading = asyncio.create_task(self._read(), name=f"{EXCHANGE} order API reader")
        pinging = asyncio.create_task(self._ping(), name=f"{EXCHANGE} order API heartbeat")
        try:
            until: tuple[asyncio.Future[Any], ...] = (reading, pinging, self._over)
            await asyncio.wait(until, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.end("the connection has ended")
            reading.cancel()
            pinging.cancel()
            await asyncio.wait({reading, pinging})
            await self._socket.aclose()
            if facts.tap is not None:
                facts.tap.closed(self._number, None, self._over.result(), facts.clock.time_ns())
        for task in (reading, pinging):
            if not task.cancelled():
                task.result()  # a fault of our own is not to be lost

    async def _read(self) -> None:
        facts = self._facts
        while True:
            try:
                async with asyncio.timeout(SILENCE_TIMEOUT_S):
                    data = await self._socket.receive()
            except Closed as closed:
                self.end(f"connection closed: {closed}")
                return
            except TimeoutError:
                self.end(f"nothing heard for {SILENCE_TIMEOUT_S:g} s")
                return
            if facts.tap is not None:
                facts.tap.received(self._number, data, facts.clock.time_ns())
            self._on_frame(data)

    async def _ping(self) -> None:
        while True:
            await asyncio.sleep(PING_INTERVAL_S)
            ping = {"time": self._facts.now_ns() // NANOSECONDS, "channel": f"{self._facts.market}.ping"}
            try:
                await self._send(msgspec.json.encode(ping).decode())
            except Closed as closed:
                self.end(f"connection closed: {closed}")
                return

    async def _send(self, data: str) -> None:
        facts = self._facts
        if facts.tap is not None:
            facts.tap.sent(self._number, data, facts.clock.time_ns())
        await self._socket.send(data)

    def _on_frame(self, data: bytes | str) -> None:
        try:
            frame = api_decoder.decode(data)
        except NOT_DECODABLE as error:
            self._on_other(data, error)
            return
        channel = frame.header.channel
        answer = self._waiting.get(channel if channel.endswith(_LOGIN) else frame.request_id)
        if answer is None:
            logger.debug("an answer on %s came when nobody waited for it", channel, extra={"exchange": EXCHANGE})
        elif frame.ack:
            self._acknowledged[frame.request_id] = frame
        elif not answer.done():
            answer.set_result(frame)

    def _on_other(self, data: bytes | str, why: Exception) -> None:
        """A heartbeat's answer, a notice, or a frame that cannot be read, whose order is then in doubt."""
        try:
            notice = control_decoder.decode(data)
            is_notice = notice.channel == f"{self._facts.market}.system"
            goes_away = is_notice and system_decoder.decode(notice.result).type == "upgrade"
        except NOT_DECODABLE:
            logger.warning("an answer of the order API cannot be read: %s", why, extra={"exchange": EXCHANGE})
            return
        if goes_away:
            self.retire("the exchange asks to reconnect")

    def _end_if_idle(self) -> None:
        if self._retired and not self._waiting:
            self.end("replaced")


def not_sent(why: str, operation: str, *, retryable: bool = True) -> ExchangeConnectionException:
    """The error for a request of which nothing has left this machine."""
    return ExchangeConnectionException(
        f"not sent: {why}", EXCHANGE, operation=operation, attempt=1, retryable=retryable, safe_to_resubmit=True
    )
