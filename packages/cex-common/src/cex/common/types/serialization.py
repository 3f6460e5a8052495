"""Hooks that let msgspec write and read the types that it does not know by itself."""

from __future__ import annotations

from cex.common.types.symbols import Symbol

__all__ = ["decode_hook", "encode_hook"]


def encode_hook(value: object) -> object:
    """``enc_hook`` for ``msgspec.json.Encoder``: a :class:`Symbol` becomes its text."""
    if isinstance(value, Symbol):
        return str(value)
    raise NotImplementedError(f"no encoding for {type(value).__name__}")


def decode_hook(kind: type, value: object) -> object:
    """``dec_hook`` for ``msgspec.json.Decoder``: text becomes a :class:`Symbol`."""
    if kind is Symbol and isinstance(value, str):
        return Symbol(value)
    raise NotImplementedError(f"no decoding for {kind.__name__}")
