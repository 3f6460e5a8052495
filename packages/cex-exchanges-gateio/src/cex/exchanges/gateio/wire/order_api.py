"""The frames of the WebSocket order API. https://www.gate.com/docs/developers/apiv4/ws/en/#spot-channel-t

Placing is answered twice with the same ``request_id``: an acknowledgement (``ack`` is true), then the result, whose
``ack`` is false (futures) or absent (spot).
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

__all__ = ["ApiData", "ApiError", "ApiFrame", "ApiHeader", "api_decoder"]


class ApiHeader(Struct):
    """``status`` is what HTTP would say, as text; the figures of the limit come with the acknowledgement."""

    status: str
    channel: str
    x_gate_ratelimit_requests_remain: int | None = None
    x_gate_ratelimit_limit: int | None = None
    x_gate_ratelimit_reset_timestamp: int | None = None
    x_gat_ratelimit_reset_timestamp: int | None = None
    x_out_time: int | None = None


class ApiError(Struct):
    label: str = ""
    message: str = ""


class ApiData(Struct):
    result: Raw = Raw()
    errs: ApiError | None = None


class ApiFrame(Struct):
    """An answer; what is none (a heartbeat's answer, a notice) has no ``header``."""

    header: ApiHeader
    data: ApiData = msgspec.field(default_factory=ApiData)
    request_id: str = ""
    ack: bool = False


api_decoder = msgspec.json.Decoder(ApiFrame, strict=False)
