"""How Gate.io describes what it trades; a name is taken apart by the exchange's own list, never by guessing."""

from __future__ import annotations

from decimal import Decimal

from cex.common.constants.system_constants import NANOSECONDS
from cex.common.enums import InstrumentStatus
from cex.common.types.instruments import Instrument
from cex.common.types.symbols import Symbol
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.gateio.constants import EXCHANGE, SETTLE

__all__ = ["new_catalogue", "perpetual", "spot_instrument"]

_STATUS = {
    "tradable": InstrumentStatus.TRADING,
    "buyable": InstrumentStatus.BUY_ONLY,
    "sellable": InstrumentStatus.SELL_ONLY,
    "untradable": InstrumentStatus.HALTED,
}
_CONTRACT_STATUS = {
    "prelaunch": InstrumentStatus.PRE_LAUNCH,
    "trading": InstrumentStatus.TRADING,
    "delisting": InstrumentStatus.REDUCE_ONLY,
    "delisted": InstrumentStatus.DELISTED,
    "circuit_breaker": InstrumentStatus.HALTED,
}
_PART = Decimal("0.1")
_SMALLEST = Decimal("1e-18")
_MOST_DIGITS = 40


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


def perpetual(
    *,
    contract: str,
    kind: str,
    multiplier: Decimal,
    tick: Decimal,
    takes_parts: bool = False,
    min_contracts: Decimal | None = None,
    max_contracts: Decimal | None = None,
    status: str = "",
    in_delisting: bool = False,
    maker_fee: Decimal | None = None,
    taker_fee: Decimal | None = None,
) -> Instrument:
    """The trading rules of one row of ``GET /futures/usdt/contracts``, with quantities in base units.

    ``multiplier`` is the base quantity of one contract; every quantity is so many times the listed number of contracts.
    The step is one contract, or a tenth where the contract ``takes_parts`` (``enable_decimal``): the exchange does not
    list that step, a tenth is what is seen. There is no minimum notional. A ``status`` that is not documented counts as
    halted, one that is absent as trading. A maker fee may be negative.

    Raises:
        ValueError: the contract is not linear, or its name is not of the form ``BASE_USDT``.
    """
    base, _, quote = contract.rpartition("_")
    if kind != "direct" or quote != SETTLE:
        raise ValueError(f"{contract!r} of type {kind!r} is no linear contract that settles in {SETTLE}")
    if not (multiplier.is_finite() and _SMALLEST <= multiplier <= 1 / _SMALLEST):
        raise ValueError(f"{contract!r} has {multiplier} base units a contract")
    known = InstrumentStatus.REDUCE_ONLY if in_delisting else InstrumentStatus.TRADING
    listed = _CONTRACT_STATUS.get(status, InstrumentStatus.HALTED) if status else known
    return Instrument(
        symbol=Symbol.of(base, SETTLE, SETTLE),
        exchange=EXCHANGE,
        exchange_symbol=contract,
        status=known if listed is InstrumentStatus.TRADING else listed,
        tick=tick,
        step=multiplier * _PART if takes_parts else multiplier,
        min_quantity=_limit(_times(min_contracts, multiplier)),
        max_quantity=_limit(_times(max_contracts, multiplier)),
        contract_size=multiplier,
        maker_fee=_fee(maker_fee),
        taker_fee=_fee(taker_fee),
    )


def _times(contracts: Decimal | None, multiplier: Decimal) -> Decimal | None:
    if contracts is None or not contracts.is_finite() or contracts.adjusted() > _MOST_DIGITS:
        return None
    return contracts * multiplier


def _fee(value: Decimal | None) -> Decimal | None:
    return value if value is not None and value.is_finite() and -1 < value < 1 else None


def _limit(value: Decimal | None) -> Decimal | None:
    return value if value is not None and value.is_finite() and value > 0 else None


def _fraction(percent: Decimal | None) -> Decimal | None:
    return percent / 100 if percent is not None and percent.is_finite() and 0 <= percent <= 100 else None
