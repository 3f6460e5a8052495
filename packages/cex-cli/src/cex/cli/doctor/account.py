"""What can be checked of an account: that its key works and what it may do. Nothing here trades or moves money."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import ROUND_CEILING, Decimal
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from cex.cli.doctor.findings import Examination, Said
from cex.cli.doctor.market import probe_symbols
from cex.cli.figures import age_text
from cex.common.clock import Clock
from cex.common.constants.system_constants import NANOSECONDS
from cex.common.enums import MarketType, OrderType, PositionSide, Side
from cex.common.exceptions import AuthenticationException, ExchangeRejectedException, RateLimitException
from cex.common.types.instruments import Instrument
from cex.common.types.orders import OrderRequest
from cex.common.types.symbols import Symbol
from cex.exchanges.base.interfaces import PrivateHandlers, PrivateStream

if TYPE_CHECKING:
    from cex.exchanges.base.interfaces import BasePrivateRestClient, BasePrivateWebSocketClient

__all__ = ["ChecksOrders", "KnowsKind", "KnowsPositionMode", "check_account", "smallest_order"]

_AFTER_KEY = ("read", "trade", "withdraw", "account_mode", "fees", "limits", "private_stream")
_ABOVE_MINIMUM = Decimal("1.05")


@runtime_checkable
class ChecksOrders(Protocol):
    """A client whose exchange judges an order without placing it."""

    async def check_order(self, request: OrderRequest) -> None: ...


@runtime_checkable
class KnowsKind(Protocol):
    """A client of an exchange with classic and unified accounts."""

    async def is_unified(self) -> bool: ...


@runtime_checkable
class KnowsPositionMode(Protocol):
    """A client that can tell whether long and short positions are held apart."""

    async def is_dual_for(self, request: OrderRequest) -> bool: ...


async def check_account(
    about: Examination,
    rest: BasePrivateRestClient,
    streams: BasePrivateWebSocketClient,
    symbols: Sequence[Symbol],
    prices: Mapping[Symbol, Decimal],
    clock: Clock,
) -> None:
    """The key, what it may do, the kind of account, fees of ``symbols``, limits left, and the private streams.

    ``prices`` are best bids, for test orders. The clients are closed by whoever made them.
    """
    if not await about.check("key", partial(_key, rest)):
        for name in _AFTER_KEY:
            about.skipped(name, "not looked at: the key does not work")
        return
    await about.check("read", partial(_open_orders, rest))
    await _check_trading(about, rest, symbols, prices)
    setting = "on" if rest.withdrawals_enabled else "off"
    about.skipped("withdraw", f"never probed; {setting} in the settings", enabled=rest.withdrawals_enabled)
    if isinstance(rest, (KnowsKind, KnowsPositionMode)):
        await about.check("account_mode", partial(_mode, rest))
    else:
        about.skipped("account_mode", "the exchange has one kind of account")
    for symbol in symbols:
        if symbol in rest.instruments:
            await about.check("fees", partial(_fees, rest, symbol))
    _tell_limits(about, rest)
    await about.check("private_stream", partial(_streams, rest, streams, clock))


async def _key(rest: BasePrivateRestClient) -> Said:
    await rest.load_instruments()
    held = Counter(str(balance.market) for balance in await rest.balances())
    parts = ", ".join(f"{count} in {market}" for market, count in sorted(held.items(), reverse=True))
    markets = [str(market) for market in rest.markets]
    return Said(f"accepted; currencies held: {parts or 'none'}", {"markets": markets, "currencies": dict(held)})


async def _open_orders(rest: BasePrivateRestClient) -> Said:
    orders = await rest.open_orders()
    return Said(f"balances and orders can be read; {len(orders)} open", {"open_orders": len(orders)})


async def _check_trading(
    about: Examination, rest: BasePrivateRestClient, symbols: Sequence[Symbol], prices: Mapping[Symbol, Decimal]
) -> None:
    if not isinstance(rest, ChecksOrders):
        about.skipped("trade", "not probed: the exchange has no harmless way to ask")
        return
    listed = [symbol for symbol in symbols if symbol in rest.instruments]
    for symbol in listed or probe_symbols(rest.instruments.values(), ()):
        price = prices.get(symbol)
        if price is None:
            about.skipped("trade", f"not probed: no price of {symbol} is known", symbol=str(symbol))
        else:
            await about.check("trade", partial(_test_order, rest, rest.instruments[symbol], price))


async def _test_order(rest: ChecksOrders, listed: Instrument, price: Decimal) -> Said:
    facts = {"symbol": str(listed.symbol)}
    try:
        await rest.check_order(smallest_order(listed, price))
    except (AuthenticationException, RateLimitException):
        raise
    except ExchangeRejectedException as error:
        # The key was let through, and then the order itself was judged.
        return Said(f"allowed; a test order of {listed.symbol} is refused for itself: {error.message}", facts)
    return Said(f"allowed, by a test order of {listed.symbol} that is not placed", facts)


def smallest_order(listed: Instrument, price: Decimal) -> OrderRequest:
    """A limit order to buy just enough to be taken."""
    price = listed.round_price(price, Side.BUY)
    least = max(listed.min_quantity or listed.step, (listed.min_notional or Decimal(0)) * _ABOVE_MINIMUM / price)
    quantity = (least / listed.step).to_integral_value(ROUND_CEILING) * listed.step
    return OrderRequest(symbol=listed.symbol, side=Side.BUY, order_type=OrderType.LIMIT, price=price, quantity=quantity)


async def _mode(rest: BasePrivateRestClient) -> Said:
    facts: dict[str, Any] = {}
    told = []
    if isinstance(rest, KnowsKind):
        facts["kind"] = "unified" if await rest.is_unified() else "classic"
        told.append(f"a {facts['kind']} account")
    perpetual = next((each for each in rest.instruments if each.market_type is MarketType.FUTURES), None)
    if isinstance(rest, KnowsPositionMode) and perpetual is not None:
        # Asked for an order that depends on it; the order itself goes nowhere.
        request = OrderRequest(
            symbol=perpetual,
            side=Side.SELL,
            order_type=OrderType.MARKET,
            close_position=True,
            position_side=PositionSide.LONG,
        )
        facts["position_mode"] = "dual" if await rest.is_dual_for(request) else "single"
        told.append(f"{facts['position_mode']} position mode")
    return Said(", ".join(told) or "the exchange does not tell", facts)


async def _fees(rest: BasePrivateRestClient, symbol: Symbol) -> Said:
    fees = await rest.fees(symbol)
    facts = {"symbol": str(symbol), "maker": str(fees.maker), "taker": str(fees.taker), "tier": fees.tier}
    tier = f" (tier {fees.tier})" if fees.tier else ""
    return Said(f"{symbol}: maker {_percent(fees.maker)}, taker {_percent(fees.taker)}{tier}", facts)


def _percent(fraction: Decimal) -> str:
    return f"{(fraction * 100).normalize():f} %"


def _tell_limits(about: Examination, rest: BasePrivateRestClient) -> None:
    left = dict(rest.budget_left())
    if left:
        parts = ", ".join(f"{name} {count}" for name, count in left.items())
        about.ok("limits", f"left of each, by our own count: {parts}", left=left)
    else:
        about.skipped("limits", "the client counts none")


async def _streams(rest: BasePrivateRestClient, streams: BasePrivateWebSocketClient, clock: Clock) -> Said:
    def ignore(_told: object) -> None:
        pass

    streams.attach(rest.instruments, PrivateHandlers(ignore, ignore, ignore, ignore, ignore))
    wanted = [PrivateStream(channel, market) for market in rest.markets for channel in streams.offers(market)]
    started = clock.monotonic_ns()
    await streams.subscribe(wanted)
    seconds = (clock.monotonic_ns() - started) / NANOSECONDS
    names = [f"{each.market} {each.channel}" for each in wanted]
    facts = {"streams": names, "seconds": seconds, "orders_by_stream": streams.orders is not None}
    return Said(f"{', '.join(names)} run after {age_text(seconds)}", facts)
