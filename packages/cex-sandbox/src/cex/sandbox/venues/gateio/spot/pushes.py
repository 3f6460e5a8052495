"""The private channels of spot: orders, fills, balances and trigger orders, as soon as something happens to them.

https://www.gate.com/docs/developers/apiv4/ws/en/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from cex.common.enums import OrderType
from cex.sandbox.accounts.events import BalanceEvent, Cause, FillEvent, OrderEvent, TriggerEvent
from cex.sandbox.accounts.ledger import SPOT, Posting
from cex.sandbox.accounts.orders import AccountFill, AccountOrder, TriggerOrder, TriggerStatus
from cex.sandbox.accounts.spot import SpotDesk
from cex.sandbox.market.simulation import MarketBook
from cex.sandbox.venues.decimals import padded
from cex.sandbox.venues.gateio.auth import Caller
from cex.sandbox.venues.gateio.pushes import EVERYTHING, InvalidArgument, PrivateFeed
from cex.sandbox.venues.gateio.spot.words import fee_fields, order_push, pair_of, text

__all__ = ["SpotPushes"]

_CHANGES = {
    "deposit": "deposit",
    "withdraw": "withdraw",
    "withdraw_fee": "withdraw",
    "transfer": "future-transfer",
    "freeze": "order-create",
    "unfreeze": "order-update",
    "trade": "order-match",
    "fee": "trade-fee-deduct",
}


class SpotPushes:
    """Watches the accounts that somebody follows. ``books`` is keyed by Gate.io's own pairs."""

    def __init__(self, desk: SpotDesk, feed: PrivateFeed, books: Mapping[str, MarketBook]) -> None:
        self._desk = desk
        self._feed = feed
        self._books = books

    def offer(self) -> None:
        """Let clients subscribe. Margin accounts exist by name only: their channels stay silent."""
        by_pair = ("orders", "orders_v2", "usertrades", "usertrades_v2", "priceorders")
        of_account = ("balances", "margin_balances", "funding_balances", "cross_balances", "cross_loan")
        self._feed.offer(
            self,
            {f"spot.{name}": self._pairs for name in by_pair} | {f"spot.{name}": _everything for name in of_account},
        )

    def listen(self, uid: int) -> Callable[[], None]:
        """Push what happens to this account from now on."""
        return self._desk.listen(uid, self._on_event)

    def _pairs(self, _: Caller, payload: Sequence[str]) -> Sequence[str]:
        if not payload:
            raise InvalidArgument("payload is empty")
        for name in payload:
            if name != EVERYTHING and name not in self._books:
                raise InvalidArgument(f"unknown currency pair {name}")
        return payload

    def _on_event(self, event: object) -> None:
        if isinstance(event, OrderEvent):
            self._on_order(event)
        elif isinstance(event, FillEvent):
            self._on_fill(event.fill)
        elif isinstance(event, BalanceEvent):
            self._on_balance(event.posting)
        elif isinstance(event, TriggerEvent):
            self._on_trigger(event.trigger)

    def _on_order(self, event: OrderEvent) -> None:
        order, pair = event.order, pair_of(event.order.symbol)
        word = "finish" if not order.is_open else "put" if event.cause is Cause.PUT else "update"
        for channel, fees in (("spot.orders", True), ("spot.orders_v2", False)):
            self._feed.push(
                order.uid,
                channel,
                pair,
                partial(_order, order, word, fees),
                kind="order",
                symbol=order.symbol,
            )

    def _on_fill(self, fill: AccountFill) -> None:
        pair = pair_of(fill.symbol)
        for channel, fees in (("spot.usertrades", True), ("spot.usertrades_v2", False)):
            render = partial(self._fill, fill, fees)
            self._feed.push(fill.uid, channel, pair, render, kind="fill", symbol=fill.symbol)

    def _fill(self, fill: AccountFill, fees: bool, _: bool) -> list[dict[str, Any]]:
        account = self._desk.directory.by_uid(fill.uid)
        order = None if account is None else self._desk.order(account, order_id=fill.order_id)
        return [
            {
                "id": fill.trade_id,
                "user_id": fill.uid,
                "order_id": str(fill.order_id),
                "currency_pair": pair_of(fill.symbol),
                "create_time": fill.time_ns // 1_000_000_000,
                "create_time_ms": padded(fill.time_ns // 1000, 3),
                "side": fill.side.value,
                "amount": text(fill.quantity),
                "role": "maker" if fill.is_maker else "taker",
                "price": text(fill.price),
                **(fee_fields(fill) if fees else {}),
                "text": fill.client_id or ("apiv4" if order is None else order.ticket.text),
                "amend_text": "-" if order is None else order.amend_text or "-",
                "biz_info": "-",
                "id_market": fill.trade_id,
            }
        ]

    def _on_balance(self, posting: Posting) -> None:
        if posting.wallet != SPOT:
            return
        at_ms = posting.time_ns // 1_000_000
        body = {
            "timestamp": str(at_ms // 1000),
            "timestamp_ms": str(at_ms),
            "user": str(posting.uid),
            "currency": posting.asset,
            "change": text(posting.free_change + posting.locked_change),
            "total": text(posting.free + posting.locked),
            "available": text(posting.free),
            "freeze": text(posting.locked),
            "freeze_change": text(posting.locked_change),
            "change_type": _CHANGES.get(posting.reason, "other"),
        }
        self._feed.push(posting.uid, "spot.balances", EVERYTHING, lambda _: [body], kind="balance")

    def _on_trigger(self, order: TriggerOrder) -> None:
        pair = pair_of(order.ticket.symbol)
        self._feed.push(
            order.uid,
            "spot.priceorders",
            pair,
            lambda _: _trigger(order),
            kind="other",
            symbol=order.ticket.symbol,
        )


def _order(order: AccountOrder, word: str, fees: bool, _: bool) -> list[dict[str, Any]]:
    return [order_push(order, word, fees=fees)]


def _everything(_: Caller, payload: Sequence[str]) -> Sequence[str]:
    """These channels have no payload; one that comes nevertheless is not looked at."""
    return (EVERYTHING,)


def _trigger(order: TriggerOrder) -> dict[str, Any]:
    ticket, trigger = order.ticket, order.trigger
    base, _, quote = ticket.symbol.partition("/")
    over = order.status is not TriggerStatus.OPEN
    amount = ticket.quantity if ticket.quote_quantity is None else ticket.quote_quantity
    return {
        "market": pair_of(ticket.symbol),
        "uid": str(order.uid),
        "id": str(order.id),
        "currency_type": base,
        "exchange_type": quote,
        "reason": "" if not over or order.refusal is not None else str(order.status),
        "err_msg": "" if order.refusal is None else str(order.refusal.reason),
        "fired_order_id": order.fired_order_id,
        "instant_cancel": False,
        "trigger_price": text(trigger.price),
        "trigger_rule": trigger.rule,
        "trigger_expiration": round(trigger.expires_after_s or 0),
        "price": "0" if ticket.price is None else text(ticket.price),
        "amount": "0" if amount is None else text(amount),
        "source": "api",
        "order_type": "market" if ticket.kind is OrderType.MARKET else "limit",
        "side": ticket.side.value,
        "engine_type": "normal",
        "is_stop_order": False,
        "stop_trigger_price": "",
        "stop_trigger_rule": "",
        "stop_price": "",
        "ctime": str(order.created_ns // 1_000_000),
        "ftime": str(order.updated_ns // 1_000_000) if over else "-62135596800000",
    }
