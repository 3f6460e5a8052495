"""The instruments an exchange lists, found by symbol or by the exchange's own name; nothing is ever guessed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

from cex.common.enums import InstrumentStatus, MarketType
from cex.common.exceptions import ExchangeException
from cex.common.types.instruments import Instrument
from cex.common.types.symbols import Symbol

__all__ = ["InstrumentCatalogue", "UnknownSymbolException"]

_FUTURES = MarketType.FUTURES
"""A global is read much faster than a member of an enum, and this one is read for every frame."""


class UnknownSymbolException(ExchangeException, KeyError):
    """The exchange does not list this symbol; the message names the nearest ones that it does list.

    It is a ``KeyError`` too, because the catalogue is a mapping.
    """

    default_safe_to_resubmit = True


class InstrumentCatalogue(Mapping[str, Instrument]):
    """Every instrument of one exchange by :class:`~cex.common.types.symbols.Symbol` or its text.

    The catalogue is shared: who loads the exchange's list calls :meth:`replace`, and everyone who holds the catalogue
    sees the new list at once. What a later list leaves out stays known as DELISTED, for its last orders and fills are
    still told. Until the first load it is empty, and every look-up says so. ``revision`` grows with
    every new list, for whoever keeps something that was derived from one.
    """

    def __init__(self, exchange: str, instruments: Iterable[Instrument] = ()) -> None:
        self.exchange = exchange
        self.revision = 0
        self._by_symbol: dict[str, Instrument] = {}
        self._spot_by_native: dict[str, Symbol] = {}
        self._futures_by_native: dict[str, Symbol] = {}
        self.replace(instruments)

    def replace(self, instruments: Iterable[Instrument]) -> None:
        """Take a new list over, whole."""
        listed = {instrument.symbol: instrument for instrument in instruments}
        gone = [
            instrument.replaced(status=InstrumentStatus.DELISTED)
            for symbol, instrument in self._by_symbol.items()
            if symbol not in listed
        ]
        by_symbol: dict[str, Instrument] = {}
        spot: dict[str, Symbol] = {}
        futures: dict[str, Symbol] = {}
        for instrument in (*gone, *listed.values()):
            symbol = instrument.symbol
            by_symbol[symbol] = instrument
            (spot if symbol.settle is None else futures)[instrument.exchange_symbol] = symbol
        self._by_symbol, self._spot_by_native, self._futures_by_native = by_symbol, spot, futures
        self.revision += 1

    def __getitem__(self, symbol: str) -> Instrument:
        """The instrument of ``symbol``.

        Raises:
            UnknownSymbolException: the exchange does not list it.
        """
        try:
            return self._by_symbol[symbol]
        except KeyError:
            raise self._unknown(symbol) from None

    def __iter__(self) -> Iterator[Symbol]:
        return (instrument.symbol for instrument in self._by_symbol.values())

    def __len__(self) -> int:
        return len(self._by_symbol)

    def __repr__(self) -> str:
        return f"<InstrumentCatalogue {self.exchange}: {len(self)} instruments>"

    def symbol(self, text: str) -> Symbol:
        """The listed symbol that equals ``text``; raises UnknownSymbolException."""
        return self[text].symbol

    def native(self, symbol: str) -> str:
        """The exchange's own name of ``symbol``; raises UnknownSymbolException."""
        return self[symbol].exchange_symbol

    def by_native(self, name: str, market: MarketType = MarketType.SPOT) -> Symbol | None:
        """The symbol that the exchange calls ``name`` in that market; None where the list has no such name.

        One name can stand for two instruments: Gate.io calls a pair and its perpetual the same.
        """
        return (self._futures_by_native if market is _FUTURES else self._spot_by_native).get(name)

    def _unknown(self, symbol: str) -> UnknownSymbolException:
        asked = str(symbol)[:64]
        if not self._by_symbol:
            message = f"no instrument of {self.exchange} is known yet: load its list before asking for {asked!r}"
            return UnknownSymbolException(message, self.exchange, operation="instruments", retryable=True)
        natives = (self._spot_by_native.get(asked), self._futures_by_native.get(asked))
        near = [str(symbol) for symbol in natives if symbol] or self._nearest(asked)
        hint = f"did you mean {' or '.join(near)}?" if near else "and nothing it lists is close to that"
        return UnknownSymbolException(
            f"{self.exchange} does not list {asked!r}; {hint}", self.exchange, operation="instruments"
        )

    def _nearest(self, asked: str) -> list[str]:
        plain = {_plain(text): text for text in map(str, self._by_symbol)}
        return [plain[match] for match in get_close_matches(_plain(asked), plain, n=3, cutoff=0.6)]


def _plain(text: str) -> str:
    return text.upper().replace("_", "/").replace("-", "/")
