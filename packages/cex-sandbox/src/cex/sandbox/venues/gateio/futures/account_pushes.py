"""The private channels of perpetuals: the payload begins with the user's id, prices and results are bare numbers.

https://www.gate.com/docs/developers/futures/ws/en/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from cex.sandbox.accounts.futures.arithmetic import ZERO
from cex.sandbox.accounts.futures.contracts import Contract
from cex.sandbox.accounts.futures.desk import FuturesDesk
from cex.sandbox.accounts.futures.events import (
    DeleverageEvent,
    EntryEvent,
    FuturesFillEvent,
    FuturesOrderEvent,
    LiquidationEvent,
    PositionCloseEvent,
    PositionEvent,
    RiskLimitEvent,
    WaitingOrderEvent,
)
from cex.sandbox.accounts.futures.positions import Position
from cex.sandbox.venues.feeds import PrivateKind
from cex.sandbox.venues.gateio.auth import Caller
from cex.sandbox.venues.gateio.futures import rendering
from cex.sandbox.venues.gateio.futures.words import bare, sized
from cex.sandbox.venues.gateio.pushes import EVERYTHING, InvalidArgument, PrivateFeed

__all__ = ["FuturesPushes"]

_MS = 1_000_000
_SECOND = 1_000_000_000
_WALLET = "wallet"
_CHANNELS = (
    "orders",
    "usertrades",
    "positions",
    "position_closes",
    "liquidates",
    "auto_deleverages",
    "reduce_risk_limits",
    "autoorders",
)

Render = Callable[[bool], object]


class FuturesPushes:
    """Pushes what the desk tells of an account to its sockets."""

    def __init__(self, desk: FuturesDesk, contracts: Mapping[str, Contract], feed: PrivateFeed) -> None:
        self._desk = desk
        self._contracts = contracts
        self._feed = feed
        feed.offer(self, {f"futures.{name}": self._topics for name in _CHANNELS} | {"futures.balances": _user})

    def listen(self, uid: int) -> Callable[[], None]:
        """Push what happens to this account from now on, until the returned function is called."""
        return self._desk.listen(uid, self._push)

    def _topics(self, caller: Caller, payload: Sequence[str]) -> Sequence[str]:
        _user(caller, payload)
        names = payload[1:]
        if not names:
            raise InvalidArgument("payload must be a user id and contracts")
        for name in names:
            if name != EVERYTHING and name not in self._contracts:
                raise InvalidArgument(f"unknown contract {name}")
        return names

    def _push(self, event: object) -> None:
        if isinstance(event, FuturesOrderEvent):
            self._tell(event.uid, "orders", event.order.contract, _order(event), "order")
        elif isinstance(event, FuturesFillEvent):
            self._tell(event.uid, "usertrades", event.fill.contract, _fill(event), "fill")
        elif isinstance(event, PositionEvent):
            self._tell(event.uid, "positions", event.position.contract, _position(event), "position")
        elif isinstance(event, EntryEvent):
            self._feed.push(event.uid, "futures.balances", _WALLET, _balance(event), kind="balance")
        elif isinstance(event, PositionCloseEvent):
            self._tell(event.uid, "position_closes", event.close.contract, _close(event), "other")
        elif isinstance(event, LiquidationEvent):
            self._tell(event.uid, "liquidates", event.liquidation.contract, _liquidation(event), "other")
        elif isinstance(event, DeleverageEvent):
            self._tell(event.uid, "auto_deleverages", event.deleverage.contract, _deleverage(event), "other")
        elif isinstance(event, RiskLimitEvent):
            self._tell(event.uid, "reduce_risk_limits", event.contract, _risk_limit(event), "other")
        elif isinstance(event, WaitingOrderEvent):
            order = event.order
            self._tell(
                event.uid, "autoorders", order.contract, lambda decimal: [rendering.waiting(order, decimal)], "other"
            )

    def _tell(self, uid: int, channel: str, contract: Contract, render: Render, kind: PrivateKind) -> None:
        self._feed.push(
            uid, f"futures.{channel}", rendering.name_of(contract), render, kind=kind, symbol=contract.symbol
        )


def _user(caller: Caller, payload: Sequence[str]) -> Sequence[str]:
    """The wallet, when the payload begins with the caller's own id."""
    if not payload or payload[0] != str(caller.uid):
        raise InvalidArgument("user id in payload does not match the api key")
    return (_WALLET,)


def _times(at_ns: int) -> dict[str, int]:
    return {"time": at_ns // _SECOND, "time_ms": at_ns // _MS}


def _order(event: FuturesOrderEvent) -> Render:
    order, fill = event.order, event.fill

    def render(decimal: bool) -> object:
        told: dict[str, Any] = {
            "contract": rendering.name_of(order.contract),
            "create_time": order.created_ns // _SECOND,
            "create_time_ms": order.created_ns // _MS,
            "fill_price": bare(order.average_price),
            "finish_as": rendering.FINISH_AS[order.finish] if not order.is_open else _open_as(event),
            "finish_time": order.finished_ns // _SECOND,
            "finish_time_ms": order.finished_ns // _MS,
            "iceberg": sized(order.iceberg, decimal),
            "id": order.id,
            "id_string": str(order.id),
            "is_close": order.is_close,
            "is_liq": order.is_liquidation,
            "is_reduce_only": order.reduce_only,
            "left": sized(order.left, decimal),
            "mkfr": bare(order.maker_fee),
            "price": bare(order.price or ZERO),
            "refr": 0,
            "refu": 0,
            "size": sized(order.size, decimal),
            "status": "open" if order.is_open else "finished",
            "text": order.text,
            "tif": rendering.TIF[order.time_in_force],
            "tkfr": bare(order.taker_fee),
            "user": str(order.uid),
            "update_id": order.revision,
            "update_time": order.updated_ns // _MS,
            "stop_loss_price": "",
            "stop_profit_price": "",
            "stp_id": str(order.stp_id),
            "stp_act": order.stp_act,
            "amend_text": order.amend_text,
            "biz_info": "-",
        }
        if fill is not None:
            told |= {"role": "maker" if fill.is_maker else "taker", "fee": bare(fill.fee), "point_fee": 0}
        return [told]

    return render


def _open_as(event: FuturesOrderEvent) -> str:
    return "_new" if event.cause.value == "put" else "_update"


def _fill(event: FuturesFillEvent) -> Render:
    fill = event.fill
    return lambda decimal: [
        {
            "id": str(fill.trade_id),
            "create_time": fill.time_ns // _SECOND,
            "create_time_ms": fill.time_ns // _MS,
            "contract": rendering.name_of(fill.contract),
            "order_id": str(fill.order_id),
            "size": sized(fill.size, decimal),
            "price": f"{fill.price:f}",
            "role": "maker" if fill.is_maker else "taker",
            "text": fill.text,
            "fee": bare(fill.fee),
            "point_fee": 0,
            "close_size": sized(fill.close_size, decimal),
            "amend_text": fill.amend_text,
            "biz_info": "-",
        }
    ]


def _position(event: PositionEvent) -> Render:
    position, price = event.position, event.liq_price
    return lambda decimal: [
        {
            "contract": rendering.name_of(position.contract),
            "cross_leverage_limit": bare(position.effective_leverage if position.is_cross else ZERO),
            "entry_price": bare(position.entry),
            "history_pnl": bare(position.history_pnl),
            "history_point": 0,
            "last_close_pnl": bare(position.last_close_pnl),
            "leverage": bare(position.leverage),
            "leverage_max": bare(position.tier.most_leverage),
            "liq_price": _liq_price(position, price),
            "maintenance_rate": bare(position.tier.maintenance_rate),
            "margin": bare(position.initial_margin),
            "mode": position.mode.value,
            "realised_pnl": bare(position.realised),
            "realised_point": 0,
            "risk_limit": bare(position.risk_limit),
            "size": sized(position.size, decimal),
            **_times(position.updated_ns),
            "user": str(position.uid),
            "update_id": position.update_id,
            "pos_margin_mode": "cross" if position.is_cross else "isolated",
            "lever": f"{position.effective_leverage:f}",
        }
    ]


def _liq_price(position: Position, price: Decimal | None) -> msgspec.Raw:
    return msgspec.Raw(rendering.liq_price(position, price).encode())


def _balance(event: EntryEvent) -> Render:
    entry = event.entry
    told = rendering.entry(entry)
    return lambda _: [
        {
            "balance": bare(entry.balance),
            "change": bare(entry.change),
            "text": told["text"],
            **_times(entry.time_ns),
            "type": entry.kind.value,
            "user": str(entry.uid),
            "currency": "usdt",
        }
    ]


def _close(event: PositionCloseEvent) -> Render:
    close = event.close
    return lambda decimal: [
        {
            "contract": rendering.name_of(close.contract),
            "pnl": bare(close.pnl),
            "pnl_pnl": bare(close.pnl_pnl),
            "pnl_fund": bare(close.pnl_fund),
            "pnl_fee": bare(close.pnl_fee),
            "accum_size": str(sized(close.accumulated, decimal)),
            "max_size": str(sized(close.most, decimal)),
            "first_open_time": close.opened_ns // _SECOND,
            "long_price": bare(close.long_price),
            "short_price": bare(close.short_price),
            "side": "long" if close.is_long else "short",
            "text": close.text,
            **_times(close.time_ns),
            "user": str(close.uid),
        }
    ]


def _liquidation(event: LiquidationEvent) -> Render:
    liquidation = event.liquidation
    return lambda decimal: [
        {
            "entry_price": bare(liquidation.entry),
            "fill_price": bare(liquidation.fill_price),
            "left": sized(liquidation.left, decimal),
            "leverage": bare(liquidation.leverage),
            "liq_price": bare(liquidation.liq_price),
            "margin": bare(liquidation.margin),
            "mark_price": bare(liquidation.mark),
            "order_id": liquidation.order_id,
            "order_price": bare(liquidation.order_price),
            "size": sized(liquidation.size, decimal),
            **_times(liquidation.time_ns),
            "contract": rendering.name_of(liquidation.contract),
            "user": str(liquidation.uid),
        }
    ]


def _deleverage(event: DeleverageEvent) -> Render:
    deleverage = event.deleverage
    return lambda decimal: [
        {
            "entry_price": bare(deleverage.entry),
            "fill_price": bare(deleverage.fill_price),
            "position_size": sized(deleverage.position_size, decimal),
            "trade_size": sized(deleverage.trade_size, decimal),
            **_times(deleverage.time_ns),
            "contract": rendering.name_of(deleverage.contract),
            "user": str(deleverage.uid),
        }
    ]


def _risk_limit(event: RiskLimitEvent) -> Render:
    position = event.position
    return lambda _: [
        {
            "cancel_orders": event.cancelled,
            "contract": rendering.name_of(position.contract),
            "leverage_max": bare(position.tier.most_leverage),
            "liq_price": _liq_price(position, event.liq_price),
            "maintenance_rate": bare(position.tier.maintenance_rate),
            "risk_limit": bare(position.risk_limit),
            **_times(event.time_ns),
            "user": str(position.uid),
        }
    ]
