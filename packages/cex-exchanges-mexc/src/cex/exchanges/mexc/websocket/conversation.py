"""How MEXC is asked for streams and what it answers: the same for public and private ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cex.exchanges.mexc.constants import MAX_NAMES_BYTES
from cex.exchanges.mexc.wire.control import control_request, decode_control
from cex.networking.websocket.dialect import Acknowledged, Control, Outbound, Pong, Refused, Subscription

__all__ = ["requests", "verdict"]


def verdict(text: str) -> Control | None:
    """What a control text means; None for one that means nothing to us."""
    answer = decode_control(text)
    if answer.pong:
        return Pong()
    accepted = Acknowledged(answer.request_id, None, _named(answer.accepted)) if answer.accepted else None
    if not answer.error:
        return accepted
    refused = Refused(answer.request_id, None, _named(answer.refused) or None, answer.code, answer.error)
    return refused if accepted is None else (accepted, refused)


def _named(channels: Sequence[str]) -> tuple[Subscription, ...]:
    return tuple(map(Subscription, channels))


def requests(method: str, subscriptions: Sequence[Subscription], request_ids: Iterator[int]) -> list[Outbound]:
    """The texts that ask ``method`` of ``subscriptions``, none longer than the exchange reads."""
    texts = []
    for part in _parts(subscriptions):
        request_id = next(request_ids)
        text = control_request(method, [subscription.channel for subscription in part], request_id)
        texts.append(Outbound(text, part, request_id))
    return texts


def _parts(subscriptions: Sequence[Subscription]) -> Iterator[tuple[Subscription, ...]]:
    part: list[Subscription] = []
    size = 0
    for subscription in subscriptions:
        length = len(f'"{subscription.channel}",'.encode())
        if part and size + length > MAX_NAMES_BYTES:
            yield tuple(part)
            part, size = [], 0
        part.append(subscription)
        size += length
    if part:
        yield tuple(part)
