"""Balances, their history, fees, and what an account is: spot, account and unified endpoints.

https://www.gate.com/docs/developers/apiv4/en/#list-spot-accounts
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from cex.common.clock import Clock
from cex.sandbox.accounts.directory import Account
from cex.sandbox.accounts.ledger import SPOT, Ledger, Posting
from cex.sandbox.accounts.spot import SpotDesk
from cex.sandbox.market.simulation import MarketBook
from cex.sandbox.venues.gateio.pools import PRIVATE_OTHER, SPOT_OTHER, WALLET_OTHER
from cex.sandbox.venues.gateio.private import Call, Endpoint
from cex.sandbox.venues.gateio.refusals import Refused, missing
from cex.sandbox.venues.gateio.spot.lists import paged, within
from cex.sandbox.venues.gateio.spot.tickets import book_of
from cex.sandbox.venues.gateio.spot.words import text

__all__ = ["SpotAccounts"]

_MOST_PAIRS = 50
_BOOK_DAYS = 30
_ZERO = Decimal(0)
_TYPES = {
    "deposit": ("deposit", "1"),
    "withdraw": ("withdraw", "2"),
    "withdraw_fee": ("withdraw_fee", "3"),
    "transfer": ("future_transfer", "4"),
    "trade": ("trade", "5"),
    "fee": ("trade_fee", "6"),
}


class SpotAccounts:
    """``books`` is keyed by Gate.io's own pairs; ``futures`` are the rates that ``/wallet/fee`` tells beside spot's."""

    def __init__(
        self,
        desk: SpotDesk,
        ledger: Ledger,
        books: Mapping[str, MarketBook],
        contracts: Mapping[str, MarketBook],
        *,
        clock: Clock,
    ) -> None:
        self._desk = desk
        self._ledger = ledger
        self._books = books
        self._contracts = contracts
        self._clock = clock

    def endpoints(self) -> list[Endpoint]:
        return [
            Endpoint("GET", "/spot/accounts", self.accounts, SPOT_OTHER),
            Endpoint("GET", "/spot/account_book", self.account_book, SPOT_OTHER),
            Endpoint("GET", "/spot/fee", self.fee, SPOT_OTHER),
            Endpoint("GET", "/spot/batch_fee", self.batch_fee, SPOT_OTHER),
            Endpoint("GET", "/wallet/fee", self.fee, WALLET_OTHER),
            Endpoint("GET", "/account/detail", self.detail, PRIVATE_OTHER),
            Endpoint("GET", "/unified/accounts", self.unified, PRIVATE_OTHER),
            Endpoint("GET", "/unified/unified_mode", self.unified_mode, PRIVATE_OTHER),
        ]

    def accounts(self, call: Call) -> object:
        asked = call.query.get("currency")
        holdings = self._ledger.holdings(call.uid, SPOT)
        return [
            {
                "currency": asset,
                "available": text(holding.free),
                "locked": text(holding.locked),
                "update_id": self._ledger.revision(call.uid, SPOT, asset),
            }
            for asset, holding in holdings.items()
            if asked in (None, "", asset)
        ]

    def account_book(self, call: Call) -> object:
        """What changed a balance, newest first; amounts that were only bound or set free are not told."""
        asked, kind, code = (call.query.get(name) for name in ("currency", "type", "code"))
        start, end = within(call, now_s=self._clock.time_ns() // 1_000_000_000, default_days=_BOOK_DAYS)
        rows = []
        for posting in reversed(self._ledger.postings(call.uid, SPOT)):
            if not posting.free_change + posting.locked_change or asked not in (None, "", posting.asset):
                continue
            row = _entry(posting)
            asked_for = kind in (None, "", row["type"]) and code in (None, "", row["code"])
            if asked_for and start <= posting.time_ns // 1_000_000_000 <= end:
                rows.append(row)
        return paged(call, rows)

    def fee(self, call: Call) -> object:
        pair = call.query.get("currency_pair")
        return self._fees(call.account, pair)

    def batch_fee(self, call: Call) -> object:
        pairs = (call.query.get("currency_pairs") or "").split(",")
        if pairs == [""]:
            raise missing("currency_pairs")
        if len(pairs) > _MOST_PAIRS:
            raise Refused(400, "TOO_MANY_CURRENCY_PAIRS", f"At most {_MOST_PAIRS} currency pairs")
        return {pair: self._fees(call.account, pair) for pair in pairs}

    def detail(self, call: Call) -> object:
        unified = call.account.unified_mode != "classic"
        return {
            "user_id": call.uid,
            "ip_whitelist": list(call.caller.key.ips),
            "currency_pairs": [],
            "key": {"mode": 2 if unified else 1},
            "tier": 0,
            "copy_trading_role": 0,
        }

    def unified_mode(self, call: Call) -> object:
        return {"mode": call.account.unified_mode, "settings": {}}

    def unified(self, call: Call) -> object:
        """The collateral of a unified account, valued in USDT at the last prices."""
        mode = call.account.unified_mode
        if mode == "classic":
            raise Refused(400, "UNIFIED_ACCOUNT_NOT_ACTIVATED", "The unified account is not activated")
        asked = call.query.get("currency")
        total = _ZERO
        balances: dict[str, dict[str, Any]] = {}
        for asset, holding in self._ledger.holdings(call.uid, SPOT).items():
            equity = holding.total
            total += self._value(asset, equity)
            if asked in (None, "", asset):
                balances[asset] = _collateral(holding.free, holding.locked, equity)
        return {
            "user_id": call.uid,
            "refresh_time": self._clock.time_ns() // 1_000_000_000,
            "mode": mode,
            "locked": False,
            "balances": balances,
            "total": text(total),
            "borrowed": "0",
            "total_initial_margin": "0",
            "total_margin_balance": text(total),
            "total_maintenance_margin": "0",
            "total_initial_margin_rate": "0",
            "total_maintenance_margin_rate": "0",
            "total_available_margin": text(total),
            "unified_account_total": text(total),
            "unified_account_total_liab": "0",
            "unified_account_total_equity": text(total),
            "leverage": "1",
            "spot_order_loss": "0",
            "spot_hedge": False,
            "use_funding": False,
        }

    def _value(self, asset: str, amount: Decimal) -> Decimal:
        if asset == "USDT":
            return amount
        book = self._books.get(f"{asset}_USDT")
        return _ZERO if book is None else (amount * book.last_price).quantize(Decimal("1e-12"))

    def _fees(self, account: Account, pair: str | None) -> dict[str, Any]:
        book = book_of(self._books, pair) if pair else next(iter(self._books.values()))
        maker, taker = self._desk.fee_rates(account, book.listing.symbol)
        futures = next(iter(self._contracts.values()), None)
        return {
            "user_id": account.uid,
            "taker_fee": text(taker),
            "maker_fee": text(maker),
            "gt_discount": account.fee_deduction,
            "gt_taker_fee": "0",
            "gt_maker_fee": "0",
            "loan_fee": "0.18",
            "point_type": "1",
            "futures_taker_fee": "0" if futures is None else text(futures.rules.taker_fee),
            "futures_maker_fee": "0" if futures is None else text(futures.rules.maker_fee),
            "delivery_taker_fee": "0.00016",
            "delivery_maker_fee": "-0.00015",
            "debit_fee": 3,
        }


def _entry(posting: Posting) -> dict[str, Any]:
    kind, code = _TYPES.get(posting.reason, (posting.reason, "0"))
    return {
        "id": str(posting.id),
        "time": posting.time_ns // 1_000_000,
        "currency": posting.asset,
        "change": text(posting.free_change + posting.locked_change),
        "balance": text(posting.free + posting.locked),
        "type": kind,
        "code": code,
        "text": posting.reference,
    }


def _collateral(free: Decimal, locked: Decimal, equity: Decimal) -> dict[str, Any]:
    nothing = (
        "borrowed", "negative_liab", "futures_pos_liab", "total_liab", "spot_in_use", "funding", "cross_balance",
        "iso_balance", "im", "mm", "imr", "mmr", "option_in_use",
    )  # fmt: skip
    return {
        "available": text(free),
        "freeze": text(locked),
        "equity": text(equity),
        "total_freeze": text(locked),
        "margin_balance": text(equity),
        "available_margin": text(free),
        "enabled_collateral": True,
        **dict.fromkeys(nothing, "0"),
    }
