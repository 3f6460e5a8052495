"""How Gate.io describes what it trades; a name is taken apart by the exchange's own list, never by guessing."""

from __future__ import annotations

from decimal import Decimal

from cex.common.constants.system_constants import NANOSECONDS
from cex.common.enums import InstrumentStatus
from cex.common.types.instruments import Instrument
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.gateio.constants import EXCHANGE

__all__ = ["new_catalogue", "spot_instrument"]

_STATUS = {
    "tradable": InstrumentStatus.TRADING,
    "buyable": InstrumentStatus.BUY_ONLY,
    "sellable": InstrumentStatus.SELL_ONLY,
    "untradable": InstrumentStatus.HALTED,
}


def new_catalogue() -> InstrumentCatalogue:
    """A catalogue that waits for the exchange's list."""
    return InstrumentCatalogue(EXCHANGE)


def spot_instrument(
    *,
    pair: str,
    base: str,
    quote: str,
    price_decimals: int,
    amount_decimals: int,
    trade_status: str,
    starts_s: int = 0,
    delisting_s: int = 0,
    fee_percent: Decimal | None = None,
    min_base: Decimal | None = None,
    max_base: Decimal | None = None,
    min_quote: Decimal | None = None,
    max_quote: Decimal | None = None,
    now_ns: int,
) -> Instrument:
    """The trading rules of one row of ``GET /spot/currency_pairs``, judged at ``now_ns``.

    Tick and step are powers of ten. A limit that is absent or 0 does not limit; ``starts_s`` and ``delisting_s`` are
    unix seconds, 0 where there are none. A ``trade_status`` that is not documented counts as halted.

    Raises:
        ValueError: the currencies do not make a symbol.
    """
    now_s = now_ns // NANOSECONDS
    status = _STATUS.get(trade_status, InstrumentStatus.HALTED)
    if 0 < delisting_s <= now_s:
        status = InstrumentStatus.DELISTED
    elif starts_s > now_s and status is InstrumentStatus.TRADING:
        status = InstrumentStatus.PRE_LAUNCH
    fee = _fraction(fee_percent)
    return Instrument(
        symbol=Symbol.of(base, quote),
        exchange=EXCHANGE,
        exchange_symbol=pair,
        status=status,
        tick=Decimal(1).scaleb(-price_decimals),
        step=Decimal(1).scaleb(-amount_decimals),
        min_quantity=_limit(min_base),
        max_quantity=_limit(max_base),
        min_notional=_limit(min_quote),
        max_notional=_limit(max_quote),
        maker_fee=fee,
        taker_fee=fee,
    )


def _limit(value: Decimal | None) -> Decimal | None:
    return value if value is not None and value.is_finite() and value > 0 else None


def _fraction(percent: Decimal | None) -> Decimal | None:
    return percent / 100 if percent is not None and percent.is_finite() and 0 <= percent <= 100 else None
