"""What both of Gate.io's streams do alike: ask, answer the heartbeat, and read what is no market data.

https://www.gate.com/docs/developers/apiv4/ws/en/ and, for acknowledgements, what is seen on the wire.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import NoReturn

import msgspec

from cex.common.clock import Clock
from cex.common.constants.system_constants import NANOSECONDS
from cex.common.exceptions import ExchangeDataException
from cex.exchanges.gateio.constants import EXCHANGE, SYMBOLS_A_REQUEST
from cex.exchanges.gateio.decode.values import parse, undecodable
from cex.exchanges.gateio.wire.control import ControlFrame, control_decoder, system_decoder
from cex.networking.websocket.dialect import Acknowledged, Advice, Control, Outbound, Pong, Refused, Subscription

__all__ = ["Conversation", "SignChannel", "not_listed"]


SignChannel = Callable[[str, str, int], dict[str, str]]
"""The ``auth`` of a request, by channel, event and time in seconds."""


class Conversation:
    """How to ask a stream of Gate.io and how to read its answers; holds no connection state.

    ``market`` begins the names of its channels (``spot``, ``futures``); ``pushed`` are the channels that are read.
    ``one_by_one`` are those whose request takes one stream only, with parameters; of the others, which take names,
    many are asked for together. One unknown name fails a whole request. An acknowledgement echoes our ``id``, or names
    its ``payload``, or (as in 2021) says neither and is then the answer to the oldest request of its channel.
    ``sign`` makes the ``auth`` of requests to private channels, which tell the exchange's own time, ``now_ns``.
    """

    def __init__(
        self,
        market: str,
        *,
        pushed: Collection[str],
        one_by_one: Collection[str],
        clock: Clock,
        sign: SignChannel | None = None,
        now_ns: Callable[[], int] | None = None,
    ) -> None:
        self._ping = f"{market}.ping"
        self._pong = f"{market}.pong"
        self._system = f"{market}.system"
        self._pushed = frozenset(pushed)
        self._one_by_one = frozenset(one_by_one)
        self._sign = sign
        self._now_ns = now_ns or clock.time_ns

    def requests(self, event: str, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> list[Outbound]:
        """The frames that subscribe to or, by ``event``, unsubscribe from all of these."""
        by_channel: dict[str, list[Subscription]] = {}
        for subscription in subscriptions:
            by_channel.setdefault(subscription.channel, []).append(subscription)
        requests = []
        for channel, wanted in by_channel.items():
            together = 1 if channel in self._one_by_one else SYMBOLS_A_REQUEST
            for start in range(0, len(wanted), together):
                part = tuple(wanted[start : start + together])
                request_id = next(request_ids)
                now_s = self._now()
                request: dict[str, object] = {
                    "time": now_s,
                    "id": request_id,
                    "channel": channel,
                    "event": event,
                    "payload": [parameter for subscription in part for parameter in subscription.params],
                }
                if self._sign is not None:
                    request["auth"] = self._sign(channel, event, now_s)
                requests.append(Outbound(_text(request), part, request_id))
        return requests

    def ping(self) -> str:
        return _text({"time": self._now(), "channel": self._ping})

    def on_control(self, data: bytes | str, why_no_push: Exception) -> Control | None:
        """What a frame means that is no push; raises ExchangeDataException for one that should have been."""
        frame = parse(control_decoder, data, "websocket")
        if frame.event == "subscribe":
            return self._verdict(frame)
        if frame.channel == self._pong:
            return Pong()
        if frame.channel == self._system:
            notice = parse(system_decoder, bytes(frame.result), self._system)
            return Advice(notice.msg) if notice.type == "upgrade" else None
        if frame.channel in self._pushed and frame.event in ("update", "all"):
            raise undecodable(frame.channel, data, why_no_push) from why_no_push
        if frame.error is not None and frame.event != "unsubscribe":
            raise ExchangeDataException(
                f"{EXCHANGE} could not read what we sent: {frame.error.message}",
                EXCHANGE,
                channel=frame.channel or "websocket",
                payload=data,
                exchange_code=frame.error.code,
            )
        return None

    def _verdict(self, frame: ControlFrame) -> Acknowledged | Refused:
        """What an answer to a subscription says; ``error`` alone decides, for the wording of ``result`` changed."""
        request_id = frame.id if isinstance(frame.id, int) else None
        named = self._named(frame) if request_id is None else None
        if frame.error is None:
            return Acknowledged(request_id, frame.channel, named)
        code = None if frame.error.code is None else str(frame.error.code)
        only = named if named is not None and len(named) == 1 else None  # of several, it is not said which is meant
        return Refused(request_id, frame.channel, only, code, frame.error.message)

    def _named(self, frame: ControlFrame) -> tuple[Subscription, ...] | None:
        payload = frame.payload
        if not isinstance(payload, list) or not payload or not all(isinstance(item, str) for item in payload):
            return None
        if frame.channel in self._one_by_one:
            return (Subscription(frame.channel, tuple(payload)),)
        return tuple(Subscription(frame.channel, (name,)) for name in payload)

    def _now(self) -> int:
        return self._now_ns() // NANOSECONDS


def not_listed(name: str, data: bytes | str) -> NoReturn:
    """Refuse a push about something that the exchange's own list does not have."""
    raise undecodable("websocket", data, f"{name[:64]!r} is not in the exchange's list")


def _text(message: dict[str, object]) -> str:
    return msgspec.json.encode(message).decode()
