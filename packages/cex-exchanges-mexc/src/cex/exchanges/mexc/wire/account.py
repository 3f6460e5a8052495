"""JSON answers about the account and its listen keys; fields that nothing reads are left out.

https://www.mexc.com/api-docs/spot-v3/spot-account-trade and https://www.mexc.com/api-docs/spot-v3/websocket-user-data-streams
"""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated

import msgspec
from msgspec import Meta, Struct

__all__ = [
    "AccountAnswer",
    "BalanceRow",
    "ListenKey",
    "ListenKeys",
    "SymbolsAnswer",
    "TradeFee",
    "TradeFeeAnswer",
    "account_decoder",
    "listen_key_decoder",
    "listen_keys_decoder",
    "symbols_decoder",
    "trade_fee_decoder",
]

Name = Annotated[str, Meta(min_length=1)]


class BalanceRow(Struct):
    """A coin that is held: what is available, and what open orders bind."""

    asset: Name
    free: str
    locked: str


class AccountAnswer(Struct, rename="camel"):
    """``GET /api/v3/account``; only coins that are held are listed."""

    balances: list[BalanceRow]
    can_trade: bool | None = None
    can_withdraw: bool | None = None
    can_deposit: bool | None = None


class TradeFee(Struct, rename="camel"):
    """Fractions, as numbers: 0.0005 is 0.05 %."""

    maker_commission: Decimal
    taker_commission: Decimal


class TradeFeeAnswer(Struct):
    """``GET /api/v3/tradeFee``."""

    data: TradeFee


class SymbolsAnswer(Struct):
    """``GET /api/v3/selfSymbols``: what this key may trade."""

    data: list[str]


class ListenKey(Struct, rename="camel"):
    """``POST``, ``PUT`` and ``DELETE /api/v3/userDataStream``."""

    listen_key: Name


class ListenKeys(Struct, rename="camel"):
    """``GET /api/v3/userDataStream``: every key of the user that is valid."""

    listen_key: list[str]


account_decoder = msgspec.json.Decoder(AccountAnswer)
trade_fee_decoder = msgspec.json.Decoder(TradeFeeAnswer)
symbols_decoder = msgspec.json.Decoder(SymbolsAnswer)
listen_key_decoder = msgspec.json.Decoder(ListenKey)
listen_keys_decoder = msgspec.json.Decoder(ListenKeys)
