"""Control texts of the spot WebSocket. https://www.mexc.com/api-docs/spot-v3/websocket-market-streams

A refusal says code 0 as success does; only its words tell::

    {"id":1,"code":0,"msg":"spot@public.aggre.deals.v3.api.pb@100ms@BTCUSDT"}
    {"id":0,"code":0,"msg":"PONG"}
    {"id":0,"code":0,"msg":"Subscribed successful! [a,b]. Not Subscribed successfully! [d]. Reason： Blocked! "}
    {"id":0,"code":0,"msg":"msg format invalid"}
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import msgspec
from msgspec import Struct

from cex.common.exceptions import ExchangeDataException
from cex.exchanges.mexc.constants import EXCHANGE

__all__ = ["ControlAnswer", "control_request", "decode_control"]

_ACCEPTED: Final = re.compile(r"(?<!Not )Subscribed successful\w*\W*?\[([^\]]*)\]")
_REFUSED: Final = re.compile(r"Not Subscribed successful\w*\W*?\[([^\]]*)\]")
_REASON: Final = re.compile(r"Reason\s*[:：]\s*(.*?)\s*$", re.DOTALL)
_CHANNEL_PREFIX: Final = "spot@"


class ControlAnswer(Struct, frozen=True):
    """What a control text says. ``request_id`` is None where the server names none (it writes 0).

    ``accepted`` and ``refused`` are channel names. ``error`` is the server's reason, "" where nothing was refused; a
    refusal that names no channel has an ``error`` and empty ``refused``.
    """

    request_id: int | None = None
    code: str = "0"
    pong: bool = False
    accepted: tuple[str, ...] = ()
    refused: tuple[str, ...] = ()
    error: str = ""


class _ControlText(Struct):
    msg: str
    id: int | None = None
    code: int | str = 0


_decoder = msgspec.json.Decoder(_ControlText, strict=False)
_encoder = msgspec.json.Encoder()


def control_request(method: str, channels: Sequence[str], request_id: int) -> str:
    """The text that subscribes (``SUBSCRIPTION``) or unsubscribes (``UNSUBSCRIPTION``) ``channels``."""
    return _encoder.encode({"method": method, "params": channels, "id": request_id}).decode()


def decode_control(text: str | bytes) -> ControlAnswer:
    """Read a control text.

    Raises:
        ExchangeDataException: it is not JSON of the documented form, or says nothing that we know.
    """
    try:
        answer = _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise ExchangeDataException(
            f"a control text does not decode: {error}", EXCHANGE, channel="control", payload=text
        ) from error
    request_id, code, said = answer.id or None, str(answer.code), answer.msg.strip()
    if said == "PONG":
        return ControlAnswer(request_id=request_id, code=code, pong=True)
    if refused := _names(_REFUSED.findall(said)):
        reason = _REASON.search(said)
        return ControlAnswer(
            request_id=request_id,
            code=code,
            accepted=_names(_ACCEPTED.findall(said)),
            refused=refused,
            error=reason.group(1) if reason and reason.group(1) else said,
        )
    if code != "0" or said == "msg format invalid" or "Not Subscribed" in said:
        return ControlAnswer(request_id=request_id, code=code, error=said or f"code {code}")
    accepted = _names(_ACCEPTED.findall(said)) or _names([said])
    if not accepted or not all(name.startswith(_CHANNEL_PREFIX) for name in accepted):
        raise ExchangeDataException(
            f"a control text of unknown meaning: {said!r}", EXCHANGE, channel="control", payload=text
        )
    return ControlAnswer(request_id=request_id, code=code, accepted=accepted)


def _names(lists: Sequence[str]) -> tuple[str, ...]:
    return tuple(stripped for names in lists for name in names.split(",") if (stripped := name.strip()))
