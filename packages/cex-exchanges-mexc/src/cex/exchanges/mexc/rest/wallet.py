"""Money that moves, one method an endpoint. https://www.mexc.com/api-docs/spot-v3/wallet-endpoints"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from cex.common.enums import MarketType, TransferStatus
from cex.common.exceptions import ExchangeDataException
from cex.common.types.wallet import AssetNetwork, Deposit, DepositAddress, Transfer, Withdrawal
from cex.exchanges.base.offers import not_offered
from cex.exchanges.mexc.constants import (
    COINS_PATH,
    DEPOSIT_ADDRESS_PATH,
    DEPOSITS_PATH,
    EXCHANGE,
    MAX_MOVEMENTS,
    MOVEMENTS_KEPT_S,
    MOVEMENTS_WINDOW_S,
    TRANSFER_PATH,
    WITHDRAW_PATH,
    WITHDRAWALS_PATH,
)
from cex.exchanges.mexc.decode.parsing import parse
from cex.exchanges.mexc.decode.wallet import WALLETS, asset_networks, deposit, deposit_address, withdrawal
from cex.exchanges.mexc.rest.paging import milliseconds, require_kept, rows_between
from cex.exchanges.mexc.rest.signed import SignedCalls
from cex.exchanges.mexc.wire.wallet import (
    DepositRow,
    WithdrawalRow,
    addresses_decoder,
    coins_decoder,
    deposits_decoder,
    transfer_id_decoder,
    withdrawal_id_decoder,
    withdrawals_decoder,
)

__all__ = ["Wallet"]


class Wallet:
    """Transfers, deposits and withdrawals of one account; ``now`` is the exchange's clock in nanoseconds."""

    def __init__(self, call: SignedCalls, now: Callable[[], int]) -> None:
        self._call = call
        self._now = now

    async def transfer(self, currency: str, amount: Decimal, source: MarketType, target: MarketType) -> Transfer:
        """``POST /api/v3/capital/transfer``, whose answer tells an id and no state: it is pending."""
        if source not in WALLETS or target not in WALLETS or source is target:
            raise not_offered(EXCHANGE, f"transfers from {source} to {target}", tuple(WALLETS), operation="transfer")
        params = {
            "fromAccountType": WALLETS[source],
            "toAccountType": WALLETS[target],
            "asset": currency,
            "amount": f"{amount:f}",
        }
        answer = await self._call("POST", TRANSFER_PATH, "transfer", params)
        said = parse(transfer_id_decoder, answer.body, TRANSFER_PATH)
        if isinstance(said, list):
            if not said:
                raise ExchangeDataException("a transfer was answered without an id", EXCHANGE, channel=TRANSFER_PATH)
            said = said[0]
        return Transfer(
            transfer_id=str(said.tran_id),
            currency=currency,
            amount=amount,
            source=source,
            target=target,
            status=TransferStatus.PENDING,
            created_ts=self._now(),
        )

    async def networks(self, currency: str | None) -> list[AssetNetwork]:
        """``GET /api/v3/capital/config/getall``, which tells all coins at once."""
        answer = await self._call("GET", COINS_PATH, "networks")
        return asset_networks(parse(coins_decoder, answer.body, COINS_PATH), currency)

    async def deposit_address(self, currency: str, network: str) -> DepositAddress:
        """``GET /api/v3/capital/deposit/address``, and ``POST`` where there is none yet, which makes one.

        Its answers call networks by other names than its parameter, so both are looked up in the list of coins first.

        Raises:
            ExchangeDataException: the coin has no such network, or no address of it was given.
        """
        names = await self._names(currency, network)
        for method in ("GET", "POST"):
            params = {"coin": currency, "network": network}
            answer = await self._call(method, DEPOSIT_ADDRESS_PATH, "deposit_address", params)
            for row in parse(addresses_decoder, answer.body, DEPOSIT_ADDRESS_PATH):
                if row.coin == currency and names & {row.network, row.net_work}:
                    return deposit_address(row, network)
        raise _no_address(f"no address of {currency} on {network!r} was given")

    async def _names(self, currency: str, network: str) -> set[str | None]:
        """Every name of one network of a coin."""
        answer = await self._call("GET", COINS_PATH, "networks")
        coins = parse(coins_decoder, answer.body, COINS_PATH)
        ways = [
            {way.network, way.net_work} - {None, ""}
            for coin in coins
            if coin.coin == currency
            for way in coin.network_list
        ]
        for names in ways:
            if network in names:
                return names
        known = ", ".join(sorted(name for names in ways for name in names if name)) or "none"
        raise _no_address(f"{currency} has no network {network!r}; it has {known}")

    async def deposits(self, start_ts: int, end_ts: int, currency: str | None) -> list[Deposit]:
        """``GET /api/v3/capital/deposit/hisrec``, as many requests as the range needs."""
        require_kept("deposits", start_ts, self._now(), MOVEMENTS_KEPT_S, "deposits")

        async def fetch(first_ms: int, last_ms: int, limit: int) -> list[DepositRow]:
            params = _range(currency, first_ms, last_ms, limit)
            answer = await self._call("GET", DEPOSITS_PATH, "deposits", params)
            return parse(deposits_decoder, answer.body, DEPOSITS_PATH)

        rows = await rows_between(
            fetch,
            lambda row: row.insert_time,
            lambda row: (row.tx_id or "", row.coin, str(row.amount), str(row.insert_time)),
            *milliseconds(start_ts, end_ts),
            limit=MAX_MOVEMENTS,
            longest_ms=MOVEMENTS_WINDOW_S * 1000,
            channel=DEPOSITS_PATH,
        )
        return [deposit(row) for row in rows]

    async def withdrawals(self, start_ts: int, end_ts: int, currency: str | None) -> list[Withdrawal]:
        """``GET /api/v3/capital/withdraw/history``, as many requests as the range needs."""
        require_kept("withdrawals", start_ts, self._now(), MOVEMENTS_KEPT_S, "withdrawals")

        async def fetch(first_ms: int, last_ms: int, limit: int) -> list[WithdrawalRow]:
            params = _range(currency, first_ms, last_ms, limit)
            answer = await self._call("GET", WITHDRAWALS_PATH, "withdrawals", params)
            return parse(withdrawals_decoder, answer.body, WITHDRAWALS_PATH)

        rows = await rows_between(
            fetch,
            lambda row: row.apply_time,
            lambda row: (row.id,),
            *milliseconds(start_ts, end_ts),
            limit=MAX_MOVEMENTS,
            longest_ms=MOVEMENTS_WINDOW_S * 1000,
            channel=WITHDRAWALS_PATH,
        )
        return [withdrawal(row) for row in rows]

    async def withdraw(
        self, currency: str, amount: Decimal, address: str, network: str, tag: str, client_withdrawal_id: str | None
    ) -> Withdrawal:
        """``POST /api/v3/capital/withdraw``; whether it is allowed was decided before."""
        params = {
            "coin": currency,
            "address": address,
            "amount": f"{amount:f}",
            "netWork": network,
            "memo": tag or None,
            "withdrawOrderId": client_withdrawal_id,
        }
        answer = await self._call("POST", WITHDRAW_PATH, "withdraw", params)
        said = parse(withdrawal_id_decoder, answer.body, WITHDRAW_PATH)
        now = self._now()
        return Withdrawal(
            withdrawal_id=said.id,
            currency=currency,
            amount=amount,
            status=TransferStatus.PENDING,
            network=network,
            address=address,
            tag=tag,
            client_withdrawal_id=client_withdrawal_id or "",
            created_ts=now,
            updated_ts=now,
        )


def _no_address(text: str) -> ExchangeDataException:
    return ExchangeDataException(text, EXCHANGE, channel=DEPOSIT_ADDRESS_PATH, operation="deposit_address")


def _range(currency: str | None, first_ms: int, last_ms: int, limit: int) -> dict[str, str | None]:
    return {
        "coin": currency,
        "startTime": str(first_ms),
        "endTime": str(last_ms),
        "limit": str(limit),
    }
