"""The wallet's and the whole account's endpoints. https://www.gate.com/docs/developers/apiv4/en/#wallet."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Final, TypeVar

from cex.common.constants.system_constants import NANOSECONDS
from cex.common.enums import MarketType, TransferStatus
from cex.common.exceptions import ExchangeDataException, ExchangeException
from cex.common.types.account import Balance
from cex.common.types.wallet import AssetNetwork, Deposit, DepositAddress, Transfer, Withdrawal
from cex.exchanges.base.offers import not_offered
from cex.exchanges.gateio.constants import EXCHANGE, HISTORY_WINDOW_S, SETTLE, WALLET_PAGE
from cex.exchanges.gateio.decode import private_wallet as decode
from cex.exchanges.gateio.decode.private_values import seconds_of
from cex.exchanges.gateio.decode.values import parse
from cex.exchanges.gateio.rest.connection import Connection
from cex.exchanges.gateio.rest.limits import AccountLimits
from cex.exchanges.gateio.rest.paging import newest_first
from cex.exchanges.gateio.wire.private_wallet import (
    AccountDetail,
    WithdrawalRow,
    account_detail_decoder,
    address_decoder,
    chains_decoder,
    currencies_decoder,
    transfer_decoder,
    transfer_status_decoder,
    unified_decoder,
    withdraw_status_decoder,
    withdrawal_decoder,
    withdrawals_decoder,
)
from cex.networking import RestResponse

__all__ = ["WalletRest"]

Moved = TypeVar("Moved", Deposit, Withdrawal)

_DETAIL: Final = "/account/detail"
_UNIFIED: Final = "/unified/accounts"
_CHAINS: Final = "/wallet/currency_chains"
_CURRENCIES: Final = "/spot/currencies"
_WITHDRAW_STATUS: Final = "/wallet/withdraw_status"
_ADDRESS: Final = "/wallet/deposit_address"
_DEPOSITS: Final = "/wallet/deposits"
_WITHDRAWALS: Final = "/wallet/withdrawals"
_WITHDRAW: Final = "/withdrawals"
_TRANSFERS: Final = "/wallet/transfers"
_TRANSFER_STATUS: Final = "/wallet/order_status"

_WALLETS = {MarketType.SPOT: "spot", MarketType.FUTURES: "futures"}
_STATUSES = {
    "SUCCESS": TransferStatus.COMPLETED,
    "PENDING": TransferStatus.PENDING,
    "FAIL": TransferStatus.FAILED,
    "PARTIAL_SUCCESS": TransferStatus.PENDING,
}


class WalletRest:
    """Asks about money beyond orders: whose account it is, transfers, deposits, withdrawals."""

    def __init__(self, connection: Connection, limits: AccountLimits) -> None:
        self._connection = connection
        self._limits = limits

    async def detail(self) -> AccountDetail:
        """Whose key it is, and which kind of account."""
        answer = await self._get(_DETAIL, "account")
        return parse(account_detail_decoder, answer.body, _DETAIL)

    async def unified_balances(self) -> list[Balance]:
        """The common pool of a unified account."""
        answer = await self._get(_UNIFIED, "balances")
        return decode.unified_balances(parse(unified_decoder, answer.body, _UNIFIED))

    async def transfer(self, currency: str, amount: Decimal, source: MarketType, target: MarketType) -> Transfer:
        """Move money; the status is asked for once, and PENDING where that fails, for the transfer was accepted."""
        if source is target or not {source, target} <= set(_WALLETS):
            raise not_offered(EXCHANGE, f"transfers from {source} to {target}", tuple(_WALLETS), operation="transfer")
        body = {
            "currency": currency,
            "from": _WALLETS[source],
            "to": _WALLETS[target],
            "amount": format(amount, "f"),
            "settle": SETTLE.lower(),
        }
        costs = {self._limits.transfers(): 1}
        answer = await self._connection.call("POST", _TRANSFERS, "transfer", costs, body=body)
        number = str(parse(transfer_decoder, answer.body, _TRANSFERS).tx_id)
        word = "" if not number else await self._transfer_status(number)
        return Transfer(
            transfer_id=number,
            currency=currency,
            amount=amount,
            source=source,
            target=target,
            status=_STATUSES.get(word, TransferStatus.UNKNOWN) if word else TransferStatus.PENDING,
            exchange_status=word,
            created_ts=answer.received_ns,
        )

    async def _transfer_status(self, number: str) -> str:
        try:
            answer = await self._get(_TRANSFER_STATUS, "transfer", {"tx_id": number})
            return parse(transfer_status_decoder, answer.body, _TRANSFER_STATUS).status
        except ExchangeException:
            return ""

    async def networks(self, currency: str | None) -> list[AssetNetwork]:
        """Of one currency with contract addresses, fees and limits; of all without fees and limits."""
        if currency is None:
            answer = await self._connection.get(_CURRENCIES, "networks")
            rows = parse(currencies_decoder, answer.body, _CURRENCIES)
            return [network for row in rows for network in decode.listed_networks(row)]
        answer = await self._connection.get(_CHAINS, "networks", {"currency": currency})
        chains = parse(chains_decoder, answer.body, _CHAINS)
        answer = await self._get(_WITHDRAW_STATUS, "networks", {"currency": currency})
        limits = parse(withdraw_status_decoder, answer.body, _WITHDRAW_STATUS)
        return decode.networks(currency, chains, next((row for row in limits if row.currency == currency), None))

    async def deposit_address(self, currency: str, network: str) -> DepositAddress:
        """Raises ExchangeDataException, which may be tried again, while the exchange is still making the address."""
        answer = await self._get(_ADDRESS, "deposit_address", {"currency": currency})
        told = parse(address_decoder, answer.body, _ADDRESS)
        address = decode.deposit_address(told, network)
        if address is None:
            known = ", ".join(row.chain for row in told.multichain_addresses or ()) or "none"
            raise ExchangeDataException(
                f"{EXCHANGE} has no address of {currency} on {network!r} yet; addresses on: {known}",
                EXCHANGE,
                channel=_ADDRESS,
                operation="deposit_address",
                retryable=True,
                safe_to_resubmit=True,
            )
        return address

    async def deposits(self, start_ts: int, end_ts: int, currency: str | None) -> list[Deposit]:
        return await self._moved(_DEPOSITS, "deposits", decode.deposit, start_ts, end_ts, currency)

    async def withdrawals(self, start_ts: int, end_ts: int, currency: str | None) -> list[Withdrawal]:
        return await self._moved(_WITHDRAWALS, "withdrawals", decode.withdrawal, start_ts, end_ts, currency)

    async def withdraw(
        self, currency: str, amount: Decimal, address: str, network: str, tag: str, client_withdrawal_id: str | None
    ) -> Withdrawal:
        body = {
            "currency": currency,
            "address": address,
            "amount": format(amount, "f"),
            "memo": tag,
            "chain": network,
            **({} if client_withdrawal_id is None else {"withdraw_order_id": client_withdrawal_id}),
        }
        costs = {self._limits.withdrawals(): 1}
        answer = await self._connection.call("POST", _WITHDRAW, "withdraw", costs, body=body)
        return decode.withdrawal(parse(withdrawal_decoder, answer.body, _WITHDRAW))

    async def _moved(
        self,
        path: str,
        operation: str,
        translate: Callable[[WithdrawalRow], Moved],
        start_ts: int,
        end_ts: int,
        currency: str | None,
    ) -> list[Moved]:
        asked = {} if currency is None else {"currency": currency}

        async def fetch(from_s: int, to_s: int, page: int) -> list[WithdrawalRow]:
            params = {
                **asked,
                "from": str(from_s),
                "to": str(to_s),
                "limit": str(WALLET_PAGE),
                "offset": str((page - 1) * WALLET_PAGE),
            }
            answer = await self._get(path, operation, params)
            return parse(withdrawals_decoder, answer.body, path)

        rows = await newest_first(
            fetch,
            key=lambda row: str(row.id),
            second=lambda row: seconds_of(row.timestamp, path),
            start_s=start_ts // NANOSECONDS,
            end_s=self._connection.until_s(end_ts),
            window_s=HISTORY_WINDOW_S,
            page_size=WALLET_PAGE,
        )
        moved = [translate(row) for row in rows]
        return sorted((row for row in moved if start_ts <= row.created_ts < end_ts), key=lambda row: row.created_ts)

    async def _get(self, path: str, operation: str, params: Mapping[str, str] | None = None) -> RestResponse:
        costs = {self._limits.endpoint("GET", path): 1}
        return await self._connection.call("GET", path, operation, costs, params=params)
