"""Binary frames of the spot WebSocket: each is one ``PushDataV3ApiWrapper`` of ``schema/push.proto``."""

from __future__ import annotations

from google.protobuf.message import DecodeError

from cex.common.exceptions import ExchangeDataException
from cex.exchanges.mexc.constants import EXCHANGE
from cex.exchanges.mexc.wire.schema.push_pb2 import PushDataV3ApiWrapper

__all__ = ["PushDataV3ApiWrapper", "parse_push"]

_parse = PushDataV3ApiWrapper.FromString


def parse_push(data: bytes) -> PushDataV3ApiWrapper:
    """Read a frame; fields that our schema does not know are ignored, absent ones read as their default.

    Raises:
        ExchangeDataException: ``data`` is not such a message.
    """
    try:
        return _parse(data)
    except DecodeError as error:
        raise ExchangeDataException(
            f"a frame of {len(data)} bytes is not a push: {error}", EXCHANGE, channel="push", payload=data.hex()
        ) from error
