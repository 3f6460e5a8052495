"""One exchange after the other, and of each one account after the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from cex.cli.doctor.account import check_account
from cex.cli.doctor.findings import Examination, Failure, Finding
from cex.cli.doctor.market import check_market, probe_symbols
from cex.cli.doctor.remedies import credentials_remedy
from cex.common.clock import Clock
from cex.common.constants.exchange_constants import DEFAULT_ACCOUNT
from cex.common.exceptions import CexArbitrageException, ConfigurationException
from cex.common.types.symbols import Symbol
from cex.config import CUSTOM_PROFILE

if TYPE_CHECKING:
    from cex.config import BaseExchangeConfig
    from cex.config.infrastructure.network_config import ProxyUrl
    from cex.exchanges.base.interfaces import PublicExchange
    from cex.factory import FactoryManager

__all__ = ["Rounds"]

_STREAM_SHARE = 0.8
"""Of the time of a check; the book says better what is missing than the end of the time does."""


class Rounds:
    """Looks at what is asked: ``account`` alone, or None for all of the settings, and the rules of ``symbols``."""

    def __init__(
        self,
        factory: FactoryManager,
        tell: Callable[[Finding], None],
        *,
        account: str | None,
        symbols: Sequence[Symbol],
        limit: float,
        clock: Clock,
    ) -> None:
        self._factory = factory
        self._tell = tell
        self._account = account
        self._symbols = symbols
        self._limit = limit
        self._clock = clock

    async def exchange(self, name: str, settings: BaseExchangeConfig) -> None:
        """One exchange, and then its accounts."""
        about = Examination(name, self._tell, limit=self._limit, proxy=_address(settings.network.proxy))
        own, labels = dict(settings.endpoints), sorted(settings.accounts)
        where = "own addresses" if own or settings.profile == CUSTOM_PROFILE else f"profile {settings.profile}"
        about.ok(
            "configuration",
            f"sound; {where}; accounts: {', '.join(labels) or 'none'}",
            profile=settings.profile,
            endpoints=own,
            accounts=labels,
        )
        about.ok("proxy", about.proxy or "none", proxy=about.proxy)
        public = self._factory.create_public_exchange(name, settings)
        prices: Mapping[Symbol, Decimal] = {}
        try:
            if await check_market(about, public, self._symbols, self._clock, stream_within=_STREAM_SHARE * self._limit):
                prices = await _prices(public, self._symbols)
        finally:
            await public.aclose()
        for label in labels if self._account is None else (self._account,):
            await self.account(name, settings, label, prices)
        if not labels and self._account is None:
            remedy = credentials_remedy(name, DEFAULT_ACCOUNT)
            about.skipped("account", f"none in the settings; to check one, {remedy}")

    async def account(
        self, name: str, settings: BaseExchangeConfig, label: str, prices: Mapping[Symbol, Decimal]
    ) -> None:
        """One account; ``prices`` serve the test orders."""
        about = Examination(name, self._tell, account=label, limit=self._limit, proxy=_address(settings.network.proxy))
        if label not in settings.accounts:
            known = ", ".join(settings.accounts) or "none"
            missing = f"there is no account {label!r} in the settings (there are: {known})"
            about.failed("account", Failure(missing, credentials_remedy(name, label)))
            return
        proxy = _address(settings.account(label).proxy)
        if proxy is not None:
            about.proxy = proxy
            about.ok("proxy", f"{proxy}, of this account alone", proxy=proxy)
        builder = self._factory.factory(name)
        async with AsyncExitStack() as stack:
            try:
                rest = builder.create_rest_client(settings, True, label)
                stack.push_async_callback(rest.aclose)
                streams = builder.create_websocket_client(settings, True, label, rest_client=rest)
                stack.push_async_callback(streams.aclose)
            except ConfigurationException as error:
                about.failed("account", error)
                return
            await check_account(about, rest, streams, self._symbols, prices, self._clock)


async def _prices(public: PublicExchange, symbols: Sequence[Symbol]) -> dict[Symbol, Decimal]:
    """The best bid of each symbol that a test order may be made of, where there is one."""
    listed = [symbol for symbol in symbols if symbol in public.instruments]
    prices: dict[Symbol, Decimal] = {}
    for symbol in listed or probe_symbols(public.instruments.values(), ()):
        try:
            bids = (await public.order_book_snapshot(symbol, 5)).bids
        except CexArbitrageException:
            continue  # where a price is needed, it is told that there is none
        if bids:
            prices[symbol] = Decimal(repr(bids[0][0]))
    return prices


def _address(proxy: ProxyUrl | None) -> str | None:
    """Scheme, host and port of a proxy's setting, without the name and the password that it may hold."""
    if proxy is None:
        return None
    parts = urlsplit(proxy.get_secret_value())
    return f"{parts.scheme}://{parts.hostname}" + (f":{parts.port}" if parts.port else "")
