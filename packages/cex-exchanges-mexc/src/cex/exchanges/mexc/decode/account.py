"""Balances and fees by REST become ours, in ``Decimal``."""

from __future__ import annotations

from cex.common.types.account import Balance, TradingFees
from cex.common.types.symbols import Symbol
from cex.exchanges.mexc.constants import ACCOUNT_PATH, TRADE_FEE_PATH
from cex.exchanges.mexc.decode.amounts import given
from cex.exchanges.mexc.decode.parsing import undecodable
from cex.exchanges.mexc.wire.account import AccountAnswer, TradeFeeAnswer

__all__ = ["balances", "trading_fees"]


def balances(answer: AccountAnswer, updated_ts: int) -> list[Balance]:
    """The coins of ``GET /api/v3/account``, which has no time of its own: ``updated_ts`` is when it was asked.

    Raises:
        ExchangeDataException: a figure is no number.
    """
    found = []
    for row in answer.balances:
        try:
            free, locked = given(row.free, "free"), given(row.locked, "locked")
        except ValueError as error:
            raise undecodable(ACCOUNT_PATH, repr(row), error) from error
        found.append(Balance(currency=row.asset, free=free, locked=locked, updated_ts=updated_ts))
    return found


def trading_fees(answer: TradeFeeAnswer, symbol: Symbol) -> TradingFees:
    """The answer of ``GET /api/v3/tradeFee``.

    Raises:
        ExchangeDataException: a figure is no fraction.
    """
    maker, taker = answer.data.maker_commission, answer.data.taker_commission
    if not all(rate.is_finite() and -1 < rate < 1 for rate in (maker, taker)):
        raise undecodable(TRADE_FEE_PATH, repr(answer), f"{maker} and {taker} are no fractions")
    return TradingFees(symbol=symbol, maker=maker, taker=taker)
