"""Cases about an account: what it holds, pays and may do. TC-E01 and on."""

from __future__ import annotations

import asyncio
import logging
import traceback
from decimal import Decimal

from cex.common.exceptions import ConfigurationException, ExchangeException, OrderNotFoundException
from cex.exchanges.base.conformance.bench import Bench
from cex.exchanges.base.conformance.checks import CaseFailed, check
from cex.exchanges.base.conformance.results import case
from cex.exchanges.base.conformance.venue import Need

__all__ = [
    "balance_updates",
    "balances",
    "budget",
    "fees",
    "history",
    "leverage",
    "no_withdrawals",
    "positions",
    "secrets",
    "unknown_order",
]

_DAY_NS = 86_400 * 10**9


@case("TC-E01", "balances are what the venue has, to the last decimal", Need.ACCOUNT, Need.TRUTH)
async def balances(bench: Bench) -> None:
    exchange = await bench.private()
    market = bench.symbol.market_type
    told = {one.currency: one.total for one in await exchange.balances(market)}
    truth = {one.currency: one.total for one in await bench.venue.true_balances() if one.market is market}
    for currency, total in truth.items():
        check(told.get(currency, Decimal(0)) == total, f"{told.get(currency)} {currency}, in truth {total}")


@case("TC-E02", "fees are fractions", Need.ACCOUNT)
async def fees(bench: Bench) -> None:
    exchange = await bench.private()
    one = await exchange.fees(bench.symbol)
    check(
        abs(one.maker) < Decimal("0.05") and abs(one.taker) < Decimal("0.05"), f"maker {one.maker}, taker {one.taker}"
    )


@case("TC-E03", "the budget that is left is visible and shrinks", Need.ACCOUNT)
async def budget(bench: Bench) -> None:
    exchange = await bench.private()
    await exchange.balances()
    before = dict(exchange.budget_left())
    check(before, "no pool is told")
    await exchange.balances()
    after = exchange.budget_left()
    check(any(after[pool] < left for pool, left in before.items()), "a request cost nothing")


@case("TC-E04", "an order that there is not is told as such", Need.ACCOUNT)
async def unknown_order(bench: Bench) -> None:
    exchange = await bench.private()
    for ask in (exchange.order, exchange.cancel_order):
        try:
            await ask(bench.symbol, order_id="123456789012345678")
        except OrderNotFoundException as error:
            check(error.exchange_code, "the exchange's code is missing")
            check(error.correlation_id and error.operation and error.endpoint, "the facts are missing")
        else:
            raise CaseFailed("it was found")


@case("TC-E05", "orders and fills of the past are listed, each once", Need.ACCOUNT, Need.TRUTH)
async def history(bench: Bench) -> None:
    exchange, public = await bench.private(), await bench.public()
    _, ask = await bench.top(public, bench.symbol)
    order = await exchange.place_order(bench.taking(exchange.instruments[bench.symbol], ask))
    if not order.status.is_final:
        await exchange.cancel_order(bench.symbol, order_id=order.order_id)
    now = await exchange.server_time()
    async with asyncio.timeout(10.0):
        while True:
            orders = await exchange.order_history(bench.symbol, now - _DAY_NS, now + _DAY_NS)
            fills = await exchange.fill_history(bench.symbol, now - _DAY_NS, now + _DAY_NS)
            if any(one.order_id == order.order_id for one in orders) and any(
                one.order_id == order.order_id for one in fills
            ):
                break
            await asyncio.sleep(0.2)
    check(len({one.order_id for one in orders}) == len(orders), "an order is listed twice")
    check(len({(one.order_id, one.trade_id) for one in fills}) == len(fills), "a fill is listed twice")
    told = sorted((one.price, one.quantity) for one in fills if one.order_id == order.order_id)
    truth = sorted((one.price, one.quantity) for one in await bench.true_fills(order))
    check(told == truth, f"{len(told)} fills are listed of {len(truth)}")


@case("TC-E06", "balances are told as they change", Need.ACCOUNT)
async def balance_updates(bench: Bench) -> None:
    exchange, public = await bench.private(), await bench.public()
    bid, _ = await bench.top(public, bench.symbol)
    async with bench.collecting(exchange.balance_updates()) as got:
        await bench.eventually(lambda: exchange.is_whole, "the streams do not run")
        before = len(got)
        order = await exchange.place_order(bench.resting(exchange.instruments[bench.symbol], bid))
        await bench.eventually(
            lambda: any(one.currency == bench.symbol.quote and one.locked for one in got[before:]),
            f"no {bench.symbol.quote} was told to be locked",
        )
        await exchange.cancel_order(bench.symbol, order_id=order.order_id)


@case("TC-E07", "withdrawals are off unless the settings say otherwise", Need.ACCOUNT)
async def no_withdrawals(bench: Bench) -> None:
    exchange = await bench.private()
    try:
        await exchange.withdraw(bench.symbol.quote, Decimal(1), "nowhere", "nowhere")
    except ConfigurationException as error:
        check("withdrawals" in error.message, "the message does not say what to set")
        return
    raise CaseFailed("it was not refused")


@case("TC-E08", "no secret is in a log, a repr or an error", Need.ACCOUNT)
async def secrets(bench: Bench) -> None:
    written: list[str] = []

    class Everything(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            written.append(f"{record.getMessage()} {vars(record)}")

    root, handler = logging.getLogger(), Everything(logging.DEBUG)
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        exchange = await bench.private()
        await exchange.balances()
        await exchange.subscribe()
        written.append(repr(exchange) + repr(vars(exchange)))
        try:
            await exchange.order(bench.symbol, order_id="123456789012345678")
        except ExchangeException as error:
            written.append("".join(traceback.format_exception(error)) + repr(error) + repr(error.facts()))
        await exchange.aclose()
    finally:
        root.setLevel(level)
        root.removeHandler(handler)
    for secret in bench.venue.secrets:
        check(not any(secret in text for text in written), "a secret was written")


@case("TC-E09", "a position is opened, told and closed", Need.ACCOUNT, Need.FUTURES)
async def positions(bench: Bench) -> None:
    exchange, public = await bench.private(), await bench.public()
    symbol = bench.venue.perpetual or ""
    _, ask = await bench.top(public, symbol)
    async with bench.collecting(exchange.position_updates()) as got:
        await bench.eventually(lambda: exchange.is_whole, "the streams do not run")
        order = await exchange.place_order(bench.taking(exchange.instruments[symbol], ask))
        await bench.eventually(
            lambda: any(one.symbol == symbol and one.quantity > 0 for one in got), "the position was not told"
        )
    held = [one for one in await exchange.positions() if one.symbol == symbol]
    check(held and held[0].quantity >= order.filled > 0, f"{order.filled} filled, and held is {held}")
    check(held[0].quantity.is_finite() and held[0].entry_price, "the position has no entry price")
    closed = await exchange.close_position(symbol)
    check(closed.status.is_final, f"the closing order is {closed.status}")
    check(not [one for one in await exchange.positions() if one.symbol == symbol and one.quantity], "it is still open")


@case("TC-E10", "leverage can be set", Need.ACCOUNT, Need.FUTURES)
async def leverage(bench: Bench) -> None:
    exchange = await bench.private()
    await exchange.set_leverage(bench.venue.perpetual or "", Decimal(5))
