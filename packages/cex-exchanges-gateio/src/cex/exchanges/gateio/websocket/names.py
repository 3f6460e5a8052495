"""How the streams of a market are called, and back: channels with the parameters of their requests."""

from __future__ import annotations

from collections.abc import Mapping

from cex.common.enums import KlineInterval
from cex.exchanges.base.offers import not_offered
from cex.exchanges.gateio.constants import EXCHANGE

__all__ = ["KlineNames", "obu_name", "obu_stream"]


def obu_stream(name: str, levels: int) -> str:
    """The stream ``ob.BTC_USDT.50`` of a pair or contract."""
    return f"ob.{name}.{levels}"


def obu_name(stream: str) -> str:
    """The pair or contract of such a stream; "" for what is none."""
    return stream.removeprefix("ob.").rpartition(".")[0]


class KlineNames:
    """Candle widths of one market as its stream calls them, by ours."""

    def __init__(self, market: str, pushed: Mapping[KlineInterval, str]) -> None:
        self._market = market
        self._pushed = pushed
        self._ours = {theirs: ours for ours, theirs in pushed.items()}

    def wanted(self, detail: str) -> str:
        """The exchange's word for our interval ``detail``; raises NotOfferedException."""
        for ours, theirs in self._pushed.items():
            if ours == detail:
                return theirs
        raise not_offered(
            EXCHANGE, f"{detail} candles of {self._market} by stream", tuple(self._pushed), operation="subscribe"
        )

    def read(self, name: str) -> tuple[KlineInterval | None, str]:
        """``1m_BTC_USDT`` as our interval and the pair; no interval where it is none of those that are pushed."""
        interval, _, pair = name.partition("_")
        return self._ours.get(interval), pair
