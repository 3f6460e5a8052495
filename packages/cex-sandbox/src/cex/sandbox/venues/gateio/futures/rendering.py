"""What an account of perpetuals is told by REST. Ids of orders are JSON integers, prices and results are text.

https://www.gate.com/docs/developers/apiv4/en/#futures
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from cex.common.enums import TimeInForce
from cex.sandbox.accounts.futures.arithmetic import ZERO, initial_margin
from cex.sandbox.accounts.futures.contracts import Contract
from cex.sandbox.accounts.futures.orders import AutoSize, FuturesFill, FuturesFinish, FuturesOrder
from cex.sandbox.accounts.futures.portfolio import BookEntry, Deleverage, EntryKind, Liquidation, Portfolio
from cex.sandbox.accounts.futures.positions import Position, PositionClose
from cex.sandbox.accounts.futures.waiting import WaitingOrder, WaitingStatus
from cex.sandbox.venues.gateio.futures.words import seconds, sized, text
from cex.sandbox.venues.gateio.tickers import gateio_name

__all__ = [
    "ENDLESS",
    "FINISH_AS",
    "TIF",
    "account",
    "auto_size_of",
    "close",
    "deleverage",
    "entry",
    "fill",
    "liq_price",
    "liquidation",
    "name_of",
    "order",
    "position",
    "snapshot",
    "waiting",
]

TIF = {TimeInForce.GTC: "gtc", TimeInForce.IOC: "ioc", TimeInForce.FOK: "fok", TimeInForce.POST_ONLY: "poc"}
FINISH_AS = {finish: finish.value for finish in FuturesFinish} | {
    FuturesFinish.FOK: "ioc",
    FuturesFinish.POC: "cancelled",
}
_RATE = Decimal("0.00000001")
ENDLESS = "99999999"
"""The liquidation price of a short position that nothing liquidates."""


def name_of(contract: Contract) -> str:
    """Gate.io's name of a contract."""
    return gateio_name(contract.book)


def order(of: FuturesOrder, decimal: bool) -> dict[str, Any]:
    """The order object."""
    told: dict[str, Any] = {
        "id": of.id,
        "user": of.uid,
        "contract": name_of(of.contract),
        "create_time": seconds(of.created_ns),
        "update_time": seconds(of.updated_ns),
        "size": sized(of.size, decimal),
        "iceberg": sized(of.iceberg, decimal),
        "left": sized(of.left, decimal),
        "price": text(of.price or ZERO),
        "fill_price": text(of.average_price),
        "mkfr": text(of.maker_fee),
        "tkfr": text(of.taker_fee),
        "tif": TIF[of.time_in_force],
        "refu": 0,
        "refr": "0",
        "is_reduce_only": of.reduce_only,
        "is_close": of.is_close,
        "is_liq": of.is_liquidation,
        "text": of.text,
        "status": "open" if of.is_open else "finished",
        "stp_id": of.stp_id,
        "stp_act": of.stp_act,
        "amend_text": of.amend_text,
        "biz_info": "-",
        "update_id": of.revision,
    }
    if not of.is_open:
        told |= {"finish_time": seconds(of.finished_ns), "finish_as": FINISH_AS[of.finish]}
    return told


def fill(of: FuturesFill, decimal: bool, *, by_range: bool = False) -> dict[str, Any]:
    """A trade of the account; what is asked for by time has ``trade_id`` (text) instead of ``id``."""
    trade_id: dict[str, Any] = {"trade_id": str(of.trade_id)} if by_range else {"id": of.trade_id}
    return trade_id | {
        "create_time": seconds(of.time_ns),
        "contract": name_of(of.contract),
        "order_id": str(of.order_id),
        "size": sized(of.size, decimal),
        "price": text(of.price),
        "text": of.text,
        "amend_text": of.amend_text,
        "fee": text(of.fee),
        "point_fee": "0",
        "role": "maker" if of.is_maker else "taker",
        "close_size": sized(of.close_size, decimal),
        "trade_value": text(of.value),
    }


def account(of: Portfolio) -> dict[str, Any]:
    """The account object; ``total`` is the balance without what is not realised."""
    figures = of.figures()
    position_initial = figures.isolated_margin + figures.cross_initial
    cross_balance = figures.cross_balance

    def rate(margin: Any) -> str:
        return text((cross_balance / margin).quantize(_RATE)) if margin else "0"

    return {
        "user": of.uid,
        "currency": of.asset,
        "total": text(figures.wallet),
        "unrealised_pnl": text(figures.unrealised),
        "position_margin": text(position_initial),
        "order_margin": text(figures.order_margin),
        "available": text(max(figures.available, ZERO)),
        "point": "0",
        "bonus": "0",
        "in_dual_mode": of.dual,
        "position_mode": "dual" if of.dual else "single",
        "margin_mode": 0,
        "margin_mode_name": "classic",
        "enable_credit": True,
        "enable_evolved_classic": False,
        "enable_tiered_mm": True,
        "position_initial_margin": text(position_initial),
        "maintenance_margin": text(figures.isolated_maintenance + figures.cross_maintenance),
        "isolated_position_margin": text(figures.isolated_margin),
        "cross_order_margin": text(figures.cross_order_margin),
        "cross_initial_margin": text(figures.cross_initial),
        "cross_maintenance_margin": text(figures.cross_maintenance),
        "cross_unrealised_pnl": text(figures.cross_unrealised),
        "cross_available": text(max(figures.available, ZERO)),
        "cross_margin_balance": text(cross_balance),
        "cross_mmr": rate(figures.cross_maintenance),
        "cross_imr": rate(figures.cross_initial),
        "history": {
            **{kind.value: text(of.history[kind]) for kind in EntryKind},
            "refr": "0",
            "point_dnw": "0",
            "point_fee": "0",
            "point_refr": "0",
            "bonus_dnw": "0",
            "bonus_offset": "0",
            "cross_settle": "0",
        },
    }


def entry(of: BookEntry) -> dict[str, Any]:
    """A row of the account book."""
    contract = "" if of.contract is None else name_of(of.contract)
    return {
        "time": seconds(of.time_ns),
        "change": text(of.change),
        "balance": text(of.balance),
        "text": f"{contract}:{of.order_id}" if of.order_id else contract,
        "type": of.kind.value,
        "contract": contract,
        "trade_id": str(of.trade_id) if of.trade_id else "",
        "id": str(of.id),
    }


def position(of: Position, portfolio: Portfolio, decimal: bool) -> dict[str, Any]:
    """The position object: leverage 0 is cross margin."""
    contract, tier, figures = of.contract, of.tier, portfolio.figures()
    pending = sum(order.contract is contract and portfolio.of_order(order) is of for order in portfolio.open.values())
    closing = next(
        (
            order
            for order in portfolio.open.values()
            if order.is_close and order.contract is contract and portfolio.of_order(order) is of
        ),
        None,
    )
    value, maintenance = of.value, of.maintenance_margin
    held = bool(of.size)
    return {
        "user": of.uid,
        "contract": name_of(contract),
        "size": sized(of.size, decimal),
        "leverage": text(of.leverage),
        "risk_limit": text(of.risk_limit),
        "leverage_max": text(tier.most_leverage),
        "maintenance_rate": text(tier.maintenance_rate),
        "value": text(value),
        "margin": text(of.initial_margin),
        "entry_price": text(of.entry),
        "liq_price": liq_price(of, portfolio.liquidation_price(of, figures)),
        "mark_price": text(contract.mark),
        "initial_margin": text(of.initial_margin if of.is_cross else initial_margin(of.cost, of.leverage)),
        "maintenance_margin": text(maintenance),
        "unrealised_pnl": text(of.unrealised),
        "realised_pnl": text(of.realised),
        "pnl_pnl": text(of.pnl_pnl),
        "pnl_fund": text(of.pnl_fund),
        "pnl_fee": text(of.pnl_fee),
        "history_pnl": text(of.history_pnl),
        "last_close_pnl": text(of.last_close_pnl),
        "realised_point": "0",
        "history_point": "0",
        "adl_ranking": 5 if held else 6,
        "pending_orders": pending,
        "close_order": None if closing is None else _close_order(closing),
        "mode": of.mode.value,
        "update_time": of.updated_ns // 1_000_000_000,
        "update_id": of.update_id,
        "open_time": of.opened_ns // 1_000_000_000,
        "cross_leverage_limit": text(of.effective_leverage if of.is_cross else ZERO),
        "risk_limit_table": "",
        "average_maintenance_rate": text((maintenance / value).quantize(_RATE)) if held and value else "0",
        "pid": 0,
        "pos_margin_mode": "cross" if of.is_cross else "isolated",
        "lever": text(of.effective_leverage),
    }


def snapshot(of: Position, portfolio: Portfolio, decimal: bool) -> dict[str, Any]:
    """A position as it was at a time; the liquidation price is what it would be now."""
    told = position(of, portfolio, decimal)
    names = (
        "contract",
        "size",
        "leverage",
        "risk_limit",
        "leverage_max",
        "maintenance_rate",
        "margin",
        "liq_price",
        "realised_pnl",
        "history_pnl",
        "last_close_pnl",
        "realised_point",
        "history_point",
        "mode",
        "cross_leverage_limit",
        "entry_price",
    )
    return {name: told[name] for name in names} | {"time": of.updated_ns // 1_000_000_000}


def liq_price(of: Position, price: Any) -> str:
    """A liquidation price, where a position has one."""
    if price is None:
        return ENDLESS if of.size < 0 else "0"
    return text(price.quantize(_RATE))


def close(of: PositionClose, decimal: bool) -> dict[str, Any]:
    """The record of a position that was closed."""
    return {
        "time": seconds(of.time_ns),
        "contract": name_of(of.contract),
        "side": "long" if of.is_long else "short",
        "pnl": text(of.pnl),
        "pnl_pnl": text(of.pnl_pnl),
        "pnl_fund": text(of.pnl_fund),
        "pnl_fee": text(of.pnl_fee),
        "text": of.text,
        "max_size": str(sized(of.most, decimal)),
        "accum_size": str(sized(of.accumulated, decimal)),
        "first_open_time": of.opened_ns // 1_000_000_000,
        "long_price": text(of.long_price),
        "short_price": text(of.short_price),
    }


def liquidation(of: Liquidation, decimal: bool) -> dict[str, Any]:
    """The record of a forced sale."""
    return {
        "time": of.time_ns // 1_000_000_000,
        "contract": name_of(of.contract),
        "size": sized(of.size, decimal),
        "leverage": text(of.leverage),
        "margin": text(of.margin),
        "entry_price": text(of.entry),
        "liq_price": text(of.liq_price.quantize(_RATE)),
        "mark_price": text(of.mark),
        "order_id": of.order_id,
        "order_price": text(of.order_price.quantize(_RATE)),
        "fill_price": text(of.fill_price),
        "left": sized(of.left, decimal),
    }


def deleverage(of: Deleverage, decimal: bool) -> dict[str, Any]:
    """The record of a position that was reduced for the sake of others."""
    return {
        "time": of.time_ns // 1_000_000_000,
        "user": of.uid,
        "order_id": of.order_id,
        "contract": name_of(of.contract),
        "leverage": text(of.leverage),
        "cross_leverage_limit": text(of.cross_leverage),
        "entry_price": text(of.entry),
        "fill_price": text(of.fill_price),
        "trade_size": sized(of.trade_size, decimal),
        "position_size": sized(of.position_size, decimal),
    }


def waiting(of: WaitingOrder, decimal: bool) -> dict[str, Any]:
    """The price-triggered order."""
    ticket = of.ticket
    told: dict[str, Any] = {
        "id": of.id,
        "id_string": str(of.id),
        "user": of.uid,
        "initial": {
            "contract": name_of(of.contract),
            "size": sized(ticket.size, decimal),
            "price": text(ticket.price or ZERO),
            "tif": TIF[ticket.time_in_force],
            "text": ticket.text,
            "iceberg": sized(ticket.iceberg, decimal),
            "is_close": ticket.close or ticket.auto_size is not None,
            "is_reduce_only": ticket.reduce_only,
            "auto_size": auto_size_of(ticket.auto_size),
        },
        "trigger": {
            "strategy_type": 0,
            "price_type": of.source.value,
            "price": text(of.price),
            "rule": 1 if of.above else 2,
            "expiration": of.expiration_s,
        },
        "trade_id": of.fired_order_id,
        "status": of.status.value,
        "reason": of.reason,
        "create_time": seconds(of.created_ns),
        "name": "price_autoorders",
        "is_stop_order": False,
        "stop_trigger": {"rule": 0, "trigger_price": "", "order_price": ""},
        "order_type": of.order_type,
        "me_order_id": 0,
    }
    if of.status is not WaitingStatus.OPEN:
        told |= {"finish_time": seconds(of.finished_ns), "finish_as": of.finish.value}
    return told


def auto_size_of(auto: AutoSize | None) -> str:
    """Which position is closed whole, empty for none."""
    return "" if auto is None else auto.value


def _close_order(of: FuturesOrder) -> dict[str, Any]:
    return {"id": of.id, "price": text(of.price or ZERO), "is_liq": of.is_liquidation}
