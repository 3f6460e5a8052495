"""What both markets share on the wire: error bodies, and the frames of a socket that are no market data.

https://www.gate.com/docs/developers/apiv4/en/ and https://www.gate.com/docs/developers/apiv4/ws/en/.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Raw, Struct

__all__ = [
    "ControlFrame",
    "ErrorBody",
    "SystemNotice",
    "WireError",
    "control_decoder",
    "error_decoder",
    "rows_decoder",
    "system_decoder",
]


class ErrorBody(Struct):
    """What comes with a status other than 2xx; some endpoints say ``detail`` instead of ``message``, some neither."""

    label: str
    message: str = ""
    detail: str = ""


class WireError(Struct):
    code: int | str | None = None
    message: str = ""


class ControlFrame(Struct):
    """Acknowledgement, refusal, pong, notice, or a push of a channel that nobody here reads.

    ``error`` alone tells a refusal. Acknowledgements of 2021 have neither ``id`` nor ``payload``.
    """

    channel: str = ""
    event: str = ""
    id: Any = None
    payload: Any = None
    error: WireError | None = None
    result: Raw = Raw()


class SystemNotice(Struct):
    type: str = ""
    msg: str = ""


error_decoder = msgspec.json.Decoder(ErrorBody)
control_decoder = msgspec.json.Decoder(ControlFrame)
system_decoder = msgspec.json.Decoder(SystemNotice)
rows_decoder = msgspec.json.Decoder(list[Raw])
"""A list whose rows are looked at one by one, so that an unusable one does not cost the others."""
