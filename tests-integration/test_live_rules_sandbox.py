"""An exchange changes its rules while we trade: orders follow once the list was read again, and never grow."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, NamedTuple

import pytest
from hypothesis import event, given, settings
from hypothesis import strategies as st

from account_clients import account_client
from cex.common import Order, OrderRequest, Symbol
from cex.common.clock import ManualClock
from cex.common.enums import InstrumentStatus, OrderStatus, OrderType, Side
from cex.common.exceptions import (
    ExchangeRejectedException,
    InvalidOrderException,
    UnknownOutcomeException,
)
from cex.common.types.instruments import Instrument
from cex.exchanges.base.orders import OrderPolicy, fitted
from cex.exchanges.base.private import ComposedPrivateExchange
from cex.exchanges.gateio.decode.requests import futures_order, spot_order
from cex.exchanges.mexc.rest.orders import order_params
from cex.sandbox import DEFAULT_LISTINGS, Sandbox
from cex.sandbox.accounts.futures.orders import FuturesOrder
from cex.sandbox.accounts.orders import AccountOrder
from cex.sandbox.virtual import run_virtual
from order_record import Truth

SPOT, PERPETUAL = Symbol("SOL/USDT"), Symbol("ETH/USDT:USDT")
MARKETS = {"mexc": ("mexc", SPOT), "gateio": ("gateio", SPOT), "gateio-futures": ("gateio", PERPETUAL)}
LISTED = ("SOL/USDT", "ETH/USDT", "ETH/USDT:USDT")
TRUSTED = OrderPolicy().rules_trusted
EVERY = OrderPolicy().rules_every


class Trader(NamedTuple):
    """An account that trades one symbol, and what its venue knows of that."""

    exchange: ComposedPrivateExchange
    sandbox: Sandbox
    venue: str
    symbol: Symbol
    truth: Truth

    @property
    def rules(self) -> Instrument:
        return self.exchange.instruments[self.symbol]

    def price(self, times: str) -> Decimal:
        """The best bid times a factor, off every grid."""
        return Decimal(self.sandbox.truth(self.venue, self.symbol).bids[0][0]) * Decimal(times)

    def change(self, kind: str, **changes: str) -> int:
        number: int = self.sandbox.faults.add(kind, venue=self.venue, symbol=str(self.symbol), **changes)
        return number

    async def resting(self, quantity: Decimal | None = None, price: Decimal | None = None) -> Order:
        """A buy far below the market."""
        return await self.exchange.place_order(
            OrderRequest(
                symbol=self.symbol,
                side=Side.BUY,
                order_type=OrderType.LIMIT,
                quantity=quantity or Decimal(100) / self.price("1"),
                price=price or self.price("0.9"),
            )
        )

    def true_orders(self) -> list[AccountOrder | FuturesOrder]:
        return [order for there in self.truth.orders.values() for order in there.values()]


@asynccontextmanager
async def trading(market: str, clock: ManualClock) -> AsyncIterator[Trader]:
    venue, symbol = MARKETS[market]
    listings = [listing for listing in DEFAULT_LISTINGS if str(listing.symbol) in LISTED]
    sandbox = Sandbox(seed=3, sockets=False, listings=listings, tick=0.5, history=200, clock=clock)
    truth, desks, uid = Truth(venue), sandbox.desks[venue], sandbox.credentials[venue].uid
    desks.spot.listen(uid, truth.hear)
    if desks.futures is not None:
        desks.futures.listen(uid, truth.hear)
    async with sandbox, account_client(venue, sandbox, clock=clock, rng=random.Random(5)) as exchange:
        yield Trader(exchange, sandbox, venue, symbol, truth)


def of_market(market: str, work: Callable[[Trader], Awaitable[None]]) -> None:
    """Run ``work`` in virtual time, with a list of instruments that is old enough to be doubted."""

    async def run(clock: ManualClock) -> None:
        async with trading(market, clock) as trader:
            await asyncio.sleep(TRUSTED)
            await work(trader)

    run_virtual(run, start_ns=1_790_000_000_000_000_000)


def grown(trader: Trader, **sizes: int) -> dict[str, str]:
    """Rules of the venue as multiples of what they were; its quantities are contracts on futures."""
    rules = trader.rules
    was = {"tick": rules.tick, "step": rules.step, "min_quantity": rules.min_quantity or rules.step}
    return {
        name: str(was[name] * size / (1 if name == "tick" else rules.contract_size)) for name, size in sizes.items()
    }


# ---- a refusal has the list read again -------------------------------------------------------------------------------


@pytest.mark.parametrize("market", MARKETS)
def test_a_coarser_tick_is_kept_to_after_one_refusal(market: str) -> None:
    async def work(trader: Trader) -> None:
        asked = trader.rules.round_price(trader.price("0.9"), Side.BUY) // 1 + 3 * trader.rules.tick
        trader.change("rules_changed", **grown(trader, tick=10))
        await asyncio.sleep(1)
        with pytest.raises(ExchangeRejectedException, match=r"(?i)price|scale") as caught:
            await trader.resting(price=asked)
        assert caught.value.safe_to_resubmit
        await asyncio.sleep(1)
        order = await trader.resting(price=asked)
        assert order.price == asked // 1
        assert [there.price for there in trader.true_orders()] == [asked // 1]

    of_market(market, work)


@pytest.mark.parametrize("market", ["mexc", "gateio"])
def test_a_coarser_step_is_kept_to_after_one_refusal(market: str) -> None:
    async def work(trader: Trader) -> None:
        step = trader.rules.step
        trader.change("rules_changed", **grown(trader, step=10))
        await asyncio.sleep(1)
        with pytest.raises(InvalidOrderException, match=r"(?i)amount precision|quantity scale"):
            await trader.resting(Decimal(1) + 9 * step)
        await asyncio.sleep(1)
        order = await trader.resting(Decimal(1) + 9 * step)
        assert order.quantity == 1

    of_market(market, work)


@pytest.mark.parametrize(
    ("market", "change"),
    [
        (market, change)
        for market in MARKETS
        for change in ("min_quantity", "min_notional", "halted", "delisted")
        if (market, change) != ("gateio-futures", "min_notional")  # which contracts do not have
    ],
)
def test_what_is_refused_by_the_exchange_once_is_refused_here_from_then_on(market: str, change: str) -> None:
    told = {
        "min_quantity": "below the minimum",
        "min_notional": "below the minimum 500",
        "halted": "is halted on",
        "delisted": "is delisted on|is halted on",  # Gate.io says of both that a pair is not tradable
    }[change]

    async def work(trader: Trader) -> None:
        kind, changes = (change, {}) if change in ("halted", "delisted") else ("rules_changed", {change: "500"})
        number = trader.change(kind, **changes)
        await asyncio.sleep(1)
        with pytest.raises(ExchangeRejectedException) as refused:
            await trader.resting()
        assert refused.value.exchange_code
        await asyncio.sleep(1)
        with pytest.raises(InvalidOrderException, match=told) as here:
            await trader.resting()
        assert here.value.exchange_code is None
        assert here.value.rule in here.value.message
        assert trader.true_orders() == []
        trader.sandbox.faults.remove(number)
        await asyncio.sleep(TRUSTED)
        with pytest.raises(InvalidOrderException, match=told):
            await trader.resting()  # and this refusal, by our own list, has it read again as well
        await asyncio.sleep(1)
        assert (await trader.resting()).status is OrderStatus.NEW

    of_market(market, work)


@pytest.mark.parametrize("market", MARKETS)
def test_one_list_is_read_for_many_refusals(market: str) -> None:
    async def work(trader: Trader) -> None:
        revision = trader.exchange.instruments.revision  # type: ignore[attr-defined]
        trader.change("halted")
        await asyncio.sleep(1)
        outcomes = await asyncio.gather(*(trader.resting() for _ in range(5)), return_exceptions=True)
        batch = await trader.exchange.place_orders(
            [
                OrderRequest(
                    symbol=trader.symbol, side=Side.BUY, order_type=OrderType.LIMIT, quantity=Decimal(1), price=price
                )
                for price in (trader.price("0.9"), trader.price("0.8"))
            ]
        )
        await asyncio.sleep(1)
        assert all(isinstance(outcome, ExchangeRejectedException) for outcome in (*outcomes, *batch))
        assert trader.exchange.instruments.revision == revision + 1  # type: ignore[attr-defined]
        assert trader.rules.status is InstrumentStatus.HALTED

    of_market(market, work)


@pytest.mark.parametrize("market", MARKETS)
def test_maintenance_leaves_the_outcome_unknown_until_it_is_over(market: str) -> None:
    async def work(trader: Trader) -> None:
        number = trader.sandbox.faults.add("maintenance", venue=trader.venue)
        with pytest.raises(UnknownOutcomeException) as caught:
            await trader.resting()
        assert not caught.value.safe_to_resubmit
        trader.sandbox.faults.remove(number)
        with pytest.raises(ExchangeRejectedException, match="was not placed"):
            await trader.exchange.resolve_order(str(caught.value.client_order_id))
        assert trader.true_orders() == []
        assert (await trader.resting()).status is OrderStatus.NEW

    of_market(market, work)


# ---- and it is read now and then -------------------------------------------------------------------------------------


def test_a_contract_that_grew_in_a_halt_makes_no_order_larger() -> None:
    """Nothing refuses too many contracts: an exchange halts the contract for long enough that we read its new size."""

    async def work(trader: Trader) -> None:
        asked, before = Decimal("0.25"), trader.rules.contract_size
        halt = trader.change("halted")
        await asyncio.sleep(EVERY / 2)
        trader.change("rules_changed", multiplier=str(before * 10))
        await asyncio.sleep(EVERY / 2 + 2)
        trader.sandbox.faults.remove(halt)
        await asyncio.sleep(EVERY)
        order = await trader.resting(asked)
        (there,) = trader.true_orders()
        assert isinstance(there, FuturesOrder)
        assert order.quantity == there.size * there.contract.multiplier == Decimal("0.2")
        with pytest.raises(InvalidOrderException, match=r"below one step of 0\.1"):
            await trader.resting(Decimal("0.09"))

    of_market("gateio-futures", work)


@pytest.mark.parametrize("market", MARKETS)
def test_rules_that_changed_in_silence_are_known_after_a_while(market: str) -> None:
    async def work(trader: Trader) -> None:
        was = trader.rules.tick
        trader.change("rules_changed", **grown(trader, tick=10))
        trader.sandbox.faults.add("server_error", venue=trader.venue, endpoint="GET *", count=4)
        await asyncio.sleep(EVERY)
        assert trader.rules.tick == was, "a list that cannot be read changes nothing"
        await asyncio.sleep(EVERY)
        assert trader.rules.tick == 10 * was

    of_market(market, work)


# ---- whatever the rules, an order is never larger than asked ---------------------------------------------------------


@pytest.mark.parametrize("market", MARKETS)
def test_no_order_at_the_venue_is_larger_or_dearer_than_asked_while_its_rules_change_all_the_time(market: str) -> None:
    async def work(trader: Trader) -> None:
        rng, outcomes = random.Random(17), {"placed": 0, "refused": 0}
        changes = {"tick": (1, 5, 10, 50), "step": (1, 2, 5), "min_quantity": (1, 10, 100)}
        if market == "gateio-futures":
            changes = {"tick": (1, 5, 10, 50), "min_quantity": (1, 2, 5)}
        base = {(name, size): grown(trader, **{name: size})[name] for name, sizes in changes.items() for size in sizes}
        for _ in range(100):
            if rng.random() < 0.2:
                name = rng.choice(list(changes))
                trader.sandbox.faults.clear()
                trader.change("rules_changed", **{name: base[name, rng.choice(changes[name])]})
                await asyncio.sleep(TRUSTED)
            side, factor = rng.choice(((Side.BUY, "0.9"), (Side.SELL, "1.1")))
            quantity = Decimal(rng.uniform(0.0001, 2.0)) * trader.rules.step * rng.choice((1, 100, 1000))
            asked = OrderRequest(
                symbol=trader.symbol,
                side=side,
                order_type=OrderType.LIMIT,
                quantity=quantity,
                price=trader.price(factor) + Decimal(rng.random()),
                client_order_id=f"t-{rng.getrandbits(64):016x}",
            )
            try:
                order = await trader.exchange.place_order(asked)
            except ExchangeRejectedException:
                outcomes["refused"] += 1
                continue
            outcomes["placed"] += 1
            (there,) = trader.truth.orders[str(asked.client_order_id)].values()
            size = there.size * there.contract.multiplier if isinstance(there, FuturesOrder) else there.quantity
            assert size is not None
            assert 0 < abs(size) <= quantity
            assert there.price is not None
            assert asked.price is not None
            assert there.price <= asked.price if side is Side.BUY else there.price >= asked.price
            await trader.exchange.cancel_order(trader.symbol, order_id=order.order_id)
        assert min(outcomes.values()) > 10, outcomes

    of_market(market, work)


def amounts(least: int = -8, most: int = 6) -> st.SearchStrategy[Decimal]:
    return st.builds(
        lambda digits, places: Decimal(digits).scaleb(places), st.integers(1, 10**6), st.integers(least, most)
    )


def units() -> st.SearchStrategy[Decimal]:
    return st.builds(
        lambda digit, places: Decimal(digit).scaleb(places), st.sampled_from((1, 2, 5, 25)), st.integers(-8, 2)
    )


@st.composite
def instruments(draw: st.DrawFn, symbol: Symbol) -> Instrument:
    contract = draw(units()) if symbol.settle is not None else Decimal(1)
    maybe: Callable[[], st.SearchStrategy[Decimal | None]] = lambda: st.none() | amounts()  # noqa: E731
    return Instrument(
        symbol=symbol,
        exchange="venue",
        exchange_symbol=str(symbol).split(":")[0].replace("/", "_"),
        status=InstrumentStatus.TRADING,
        tick=draw(units()),
        step=contract * draw(st.sampled_from((1, 5, 10))) if symbol.settle is not None else draw(units()),
        min_quantity=draw(maybe()),
        min_notional=draw(maybe()),
        contract_size=contract,
    )


@st.composite
def requests(draw: st.DrawFn, symbol: Symbol) -> OrderRequest:
    return OrderRequest(
        symbol=symbol,
        side=draw(st.sampled_from(Side)),
        order_type=OrderType.LIMIT,
        quantity=draw(amounts()),
        price=draw(amounts()),
        client_order_id="t-1",
    )


def sent(request: OrderRequest, rules: Instrument, exchange: str) -> tuple[Decimal, Decimal]:
    """Quantity in base units and price, as the body says them to the exchange."""
    body: Any
    if exchange == "mexc":
        body = order_params(request, rules.exchange_symbol)
        return Decimal(body["quantity"]), Decimal(body["price"])
    if request.symbol.settle is None:
        body = spot_order(request, rules, "spot")
        return Decimal(body["amount"]), Decimal(body["price"])
    body = futures_order(request, rules, is_dual=False)
    size = Decimal(str(body["size"]))
    assert size == int(size), "contracts are whole"
    return abs(size) * rules.contract_size, Decimal(body["price"])


@pytest.mark.parametrize("market", MARKETS)
@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_what_is_sent_is_never_larger_nor_dearer_than_asked(market: str, data: st.DataObject) -> None:
    exchange, symbol = MARKETS[market]
    rules, asked = data.draw(instruments(symbol)), data.draw(requests(symbol))
    assert asked.quantity is not None
    assert asked.price is not None
    try:
        fits = fitted(asked, rules)
    except InvalidOrderException as error:
        event(f"refused: {error.rule.split()[0]}")
        return
    quantity, price = sent(fits, rules, exchange)
    assert asked.quantity - rules.step < quantity <= asked.quantity
    assert quantity % rules.step == 0 == price % rules.tick
    assert price <= asked.price if asked.side is Side.BUY else price >= asked.price
    assert fitted(fits, rules) == fits, "what fits is left as it is"
