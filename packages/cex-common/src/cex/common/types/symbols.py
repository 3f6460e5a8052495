"""What is traded, named the same on every exchange: ``BTC/USDT`` (spot) or ``BTC/USDT:USDT`` (perpetual)."""

from __future__ import annotations

from typing import ClassVar
from weakref import WeakValueDictionary

from cex.common.enums import MarketType

__all__ = ["Symbol"]

_FORM = "BASE/QUOTE (spot) or BASE/QUOTE:SETTLE (perpetual), for example BTC/USDT or BTC/USDT:USDT"


class Symbol(str):
    """A unified market name: interned, hashable, ordered, and a ``str``, so it serializes wherever text does.

    ``Symbol("BTC/USDT") is Symbol("BTC/USDT")``, and both equal the plain text, so a mapping keyed by symbols can be
    read with plain text too. Case is kept as given: currencies are named by the exchange's own list.

    Raises:
        ValueError: the text is not of the form ``BASE/QUOTE`` or ``BASE/QUOTE:SETTLE``.
    """

    __slots__ = ("__weakref__", "base", "quote", "settle")

    base: str
    quote: str
    settle: str | None

    _interned: ClassVar[WeakValueDictionary[str, Symbol]] = WeakValueDictionary()

    def __new__(cls, text: str) -> Symbol:
        known = cls._interned.get(text)
        if known is not None:
            return known
        pair, colon, settle = text.partition(":")
        base, slash, quote = pair.partition("/")
        parts = (base, quote, settle) if colon else (base, quote)
        if not slash or not all(map(_is_currency, parts)):
            raise ValueError(f"not a symbol: {text[:64]!r}; expected {_FORM}")
        symbol = super().__new__(cls, text)
        symbol.base, symbol.quote, symbol.settle = base, quote, settle if colon else None
        return cls._interned.setdefault(str(text), symbol)

    @classmethod
    def of(cls, base: str, quote: str, settle: str | None = None) -> Symbol:
        """Build a symbol from its currencies; ``settle`` makes it a perpetual."""
        return cls(f"{base}/{quote}" if settle is None else f"{base}/{quote}:{settle}")

    @property
    def market_type(self) -> MarketType:
        """SPOT without a settle currency, FUTURES with one."""
        return MarketType.SPOT if self.settle is None else MarketType.FUTURES

    def __repr__(self) -> str:
        return f"Symbol({str.__repr__(self)})"

    def __reduce__(self) -> tuple[type[Symbol], tuple[str]]:
        return Symbol, (str(self),)

    def __copy__(self) -> Symbol:
        return self

    def __deepcopy__(self, memo: object) -> Symbol:
        return self


def _is_currency(text: str) -> bool:
    return bool(text) and text.isprintable() and not any(c in "/:" or c.isspace() for c in text)
