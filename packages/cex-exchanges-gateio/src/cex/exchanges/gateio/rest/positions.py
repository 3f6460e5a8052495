"""Positions of perpetuals that settle in USDT, and how they are held. https://www.gate.com/docs/developers/apiv4/en/#futures."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from cex.common.constants.system_constants import NANOSECONDS
from cex.common.enums import MarginMode, MarketType, PositionSide
from cex.common.exceptions import ExchangeRejectedException
from cex.common.types.account import FundingPayment, Position
from cex.common.types.instruments import Instrument
from cex.common.types.orders import OrderRequest
from cex.exchanges.base.catalogue import InstrumentCatalogue
from cex.exchanges.gateio.constants import HISTORY_WINDOW_S, PAGE, SIZE_DECIMAL
from cex.exchanges.gateio.decode import private_futures as decode
from cex.exchanges.gateio.decode.private_values import when
from cex.exchanges.gateio.decode.values import parse
from cex.exchanges.gateio.rest.connection import Connection
from cex.exchanges.gateio.rest.limits import AccountLimits
from cex.exchanges.gateio.rest.paging import newest_first
from cex.exchanges.gateio.wire.private_futures import (
    Account,
    BookRow,
    account_book_decoder,
    account_decoder,
    position_decoder,
    positions_decoder,
)
from cex.networking import RestResponse

__all__ = ["PositionsRest"]

_ACCOUNT: Final = "/futures/usdt/accounts"
_BOOK: Final = "/futures/usdt/account_book"
_POSITIONS: Final = "/futures/usdt/positions"
_ONE: Final = "/futures/usdt/positions/{contract}"
_BOTH: Final = "/futures/usdt/dual_comp/positions/{contract}"
_NEVER_FUNDED: Final = "USER_NOT_FOUND"
_NEVER_HELD: Final = "POSITION_NOT_FOUND"
_SO_ALREADY: Final = "NO_CHANGE"
_MODES = {MarginMode.CROSS: "CROSS", MarginMode.ISOLATED: "ISOLATED"}


class PositionsRest:
    """Asks about positions. An account in dual mode holds a long and a short one of each contract, under other paths.

    The mode is asked for when it first matters, and kept: it can only be changed while nothing is open.
    """

    def __init__(self, connection: Connection, limits: AccountLimits, catalogue: InstrumentCatalogue) -> None:
        self._connection = connection
        self._limits = limits
        self._catalogue = catalogue
        self._dual: bool | None = None

    async def account(self) -> Account | None:
        """The futures account; None where it was never funded, and so does not exist."""
        try:
            answer = await self._call("GET", _ACCOUNT, "balances")
        except ExchangeRejectedException as error:
            if error.exchange_code != _NEVER_FUNDED:
                raise
            return None
        account = parse(account_decoder, answer.body, _ACCOUNT)
        self._dual = account.in_dual_mode or account.position_mode.startswith("dual")
        return account

    async def is_dual(self) -> bool:
        """Whether long and short positions are held apart."""
        if self._dual is None:
            await self.account()
        return bool(self._dual)

    async def is_dual_for(self, request: OrderRequest) -> bool:
        """The mode where an order depends on it; False, unasked, where it does not."""
        if request.close_position or request.position_side is not PositionSide.BOTH:
            return await self.is_dual()
        return False

    async def positions(self) -> list[Position]:
        found: list[Position] = []
        offset, full = 0, True
        while full:
            params = {"holding": "true", "limit": str(PAGE), "offset": str(offset)}
            answer = await self._call("GET", _POSITIONS, "positions", params)
            rows = parse(positions_decoder, answer.body, _POSITIONS)
            for row in rows:
                symbol = self._catalogue.by_native(row.contract, MarketType.FUTURES)
                if symbol is not None and row.size:
                    found.append(decode.position(row, self._catalogue[symbol], _POSITIONS))
            offset, full = offset + PAGE, len(rows) >= PAGE
        return found

    async def held(self, listed: Instrument) -> list[Position]:
        """The position of a contract, in dual mode both; empty where it was never touched."""
        path = _BOTH if await self.is_dual() else _ONE
        try:
            answer = await self._call("GET", path.format(contract=listed.exchange_symbol), "positions", pool=path)
        except ExchangeRejectedException as error:
            if error.exchange_code != _NEVER_HELD:
                raise
            return []
        rows = parse(position_decoder, answer.body, path)
        return [decode.position(row, listed, path) for row in (rows if isinstance(rows, list) else [rows])]

    async def set_leverage(self, listed: Instrument, leverage: Decimal) -> None:
        """Keeps the margin mode: of a position in cross margin it is the limit that is set."""
        value = format(leverage, "f")
        held = await self.held(listed)
        is_isolated = bool(held) and all(position.margin_mode is MarginMode.ISOLATED for position in held)
        params = {"leverage": value} if is_isolated else {"leverage": "0", "cross_leverage_limit": value}
        path = (_BOTH if await self.is_dual() else _ONE) + "/leverage"
        await self._set(path, listed, "set_leverage", params=params)

    async def set_margin_mode(self, listed: Instrument, mode: MarginMode) -> None:
        is_dual = await self.is_dual()
        path = "/futures/usdt/dual_comp/positions/cross_mode" if is_dual else "/futures/usdt/positions/cross_mode"
        body = {"mode": _MODES[mode], "contract": listed.exchange_symbol}
        await self._set(path, listed, "set_margin_mode", body=body)

    async def funding_payments(self, listed: Instrument, start_ts: int, end_ts: int) -> list[FundingPayment]:
        async def fetch(from_s: int, to_s: int, page: int) -> list[BookRow]:
            params = {
                "contract": listed.exchange_symbol,
                "type": "fund",
                "from": str(from_s),
                "to": str(to_s),
                "limit": str(PAGE),
                "offset": str((page - 1) * PAGE),
            }
            answer = await self._call("GET", _BOOK, "funding_payments", params)
            return parse(account_book_decoder, answer.body, _BOOK)

        rows = await newest_first(
            fetch,
            key=lambda row: (str(row.id), str(row.time), row.change),
            second=lambda row: when(_BOOK, row.time) // NANOSECONDS,
            start_s=start_ts // NANOSECONDS,
            end_s=self._connection.until_s(end_ts),
            window_s=HISTORY_WINDOW_S,
            page_size=PAGE,
        )
        paid = [decode.funding_payment(row, listed) for row in rows if row.type == "fund"]
        return sorted((row for row in paid if start_ts <= row.paid_ts < end_ts), key=lambda row: row.paid_ts)

    async def _set(
        self,
        path: str,
        listed: Instrument,
        operation: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
    ) -> None:
        """Set something that may be so already; setting it twice does no more than once."""
        try:
            await self._call(
                "POST",
                path.format(contract=listed.exchange_symbol),
                operation,
                params,
                pool=path,
                body=body,
                idempotent=True,
            )
        except ExchangeRejectedException as error:
            if error.exchange_code != _SO_ALREADY:
                raise

    async def _call(
        self,
        method: str,
        path: str,
        operation: str,
        params: Mapping[str, str] | None = None,
        *,
        pool: str | None = None,
        body: object = None,
        idempotent: bool | None = None,
    ) -> RestResponse:
        costs = {self._limits.endpoint(method, pool or path): 1}
        return await self._connection.call(
            method, path, operation, costs, params=params, body=body, headers=SIZE_DECIMAL, idempotent=idempotent
        )
