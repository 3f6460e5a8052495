"""WebSocket frames as bytes (RFC 6455), made once for all who hear them, and broken ones when asked for."""

from __future__ import annotations

__all__ = ["CLOSE", "PONG", "Frame", "close_frame", "control_frame", "encoded", "header"]

Frame = bytes | str

TEXT = 0x1
BINARY = 0x2
CLOSE = 0x8
PONG = 0xA

_FINAL = 0x80


def encoded(frame: Frame) -> bytes:
    """A whole message as the unmasked frame that a server sends: ``str`` is text, ``bytes`` is binary."""
    if isinstance(frame, str):
        payload = frame.encode()
        return header(TEXT, len(payload)) + payload
    return header(BINARY, len(frame)) + frame


def header(opcode: int, length: int) -> bytes:
    """The head of an unmasked, final frame of ``length`` bytes."""
    if length < 126:
        return bytes((_FINAL | opcode, length))
    if length < 1 << 16:
        return bytes((_FINAL | opcode, 126)) + length.to_bytes(2, "big")
    return bytes((_FINAL | opcode, 127)) + length.to_bytes(8, "big")


def control_frame(opcode: int, payload: bytes = b"") -> bytes:
    """A pong or a close; ``payload`` has at most 125 bytes."""
    return header(opcode, len(payload)) + payload


def close_frame(code: int, reason: str = "") -> bytes:
    """A close frame; the reason is cut to what a control frame holds."""
    return control_frame(CLOSE, code.to_bytes(2, "big") + reason.encode()[:120])
